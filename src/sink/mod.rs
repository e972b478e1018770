//! Room `sink`: see the map in the crate's root.
