//! Room `limits`: see the map in the crate's root.
