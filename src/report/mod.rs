//! Room `report`: see the map in the crate's root.
