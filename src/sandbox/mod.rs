//! Room `sandbox`: see the map in the crate's root.
