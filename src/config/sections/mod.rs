//! The sections of the file, each read into its part of the resolved configuration.

mod api_key;
mod bucket;
mod bucket_url;
mod budget;
mod credentials;
mod destination;
mod folder;
mod keyword;
mod keyword_file;
mod keyword_lists;
mod names;
mod partition_by;
mod report;
mod run;
mod site;
mod source;
mod target_file;
mod targets;
mod urls;

pub use report::{DEFAULT_HISTORY, MAX_KEYWORD_BYTES};

pub(super) use budget::budget;
pub(super) use destination::destination;
pub(super) use keyword_lists::keyword_lists;
pub(super) use partition_by::check_partition_by;
pub(super) use report::{Lookups, need_targets, reports};
pub(super) use run::run;
pub(super) use source::source;
pub(super) use targets::targets;
