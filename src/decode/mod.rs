//! Room `decode`: see the map in the crate's root.
