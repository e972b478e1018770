//! Tests of quirks.
