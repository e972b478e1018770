//! Room `table`: see the map in the crate's root.
