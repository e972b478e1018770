//! Room `plan`: see the map in the crate's root.
