//! `[[report]]`: tables and how they are filled, each checked against the catalog.

mod changes;
mod columns;
mod filter;
mod lookups;
mod parameter_value;
mod parameters;
mod ranking;
mod reports;
mod required;
mod target_selectors;
mod varying_parameters;

pub use columns::PresetColumns;
pub(in crate::config) use lookups::Known;
pub use lookups::MAX_KEYWORD_BYTES;
pub use parameters::DEFAULT_HISTORY;
pub(in crate::config) use reports::{need_targets, reports};
