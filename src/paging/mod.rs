//! Room `paging`: see the map in the crate's root.
