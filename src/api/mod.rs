//! Room `api`: see the map in the crate's root.
