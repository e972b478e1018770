//! Tests of ground.
