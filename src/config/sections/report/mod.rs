//! `[[report]]`: tables and how they are filled, each checked against the catalog.

mod changes;
mod columns;
mod filter;
mod history;
mod json;
mod lookups;
mod parameter_value;
mod parameters;
mod ranking;
mod reports;
mod required;
mod target_selectors;
mod varying_parameters;

pub use lookups::MAX_KEYWORD_BYTES;
pub use parameters::DEFAULT_HISTORY;

pub(crate) use lookups::Lookups;
pub(crate) use reports::{need_targets, reports};
