//! What a destination knows: workspace, open nights, tombstones, recorded layouts.

pub(crate) mod committed;
pub(crate) mod layouts;
pub(crate) mod names;
pub(crate) mod night_record;
pub(crate) mod open;
pub(crate) mod periods;
pub(crate) mod presets;
pub mod schema;
pub(crate) mod selection;
pub(crate) mod system_tables;
pub(crate) mod task_state;
pub(crate) mod tombstone;
pub(crate) mod workspace;
