//! Room `store`: see the map in the crate's root.
