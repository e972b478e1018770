//! Room `config`: see the map in the crate's root.
