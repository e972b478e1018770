//! Tests of columnar.
