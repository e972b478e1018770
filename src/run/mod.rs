//! Room `run`: see the map in the crate's root.
