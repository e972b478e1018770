//! Room `landing`: see the map in the crate's root.
