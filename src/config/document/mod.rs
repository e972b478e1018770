//! The TOML file while it is read: values with their places, errors with snippets, and the masking of anything that may
//! be an API key. Knows no key of the configuration.

mod csv_records;
mod file;
mod list_file;
mod mask;
mod readers;
mod section;
mod string_offsets;

pub(super) use csv_records::{CsvRecord, csv_records};
pub(super) use file::Document;
pub(super) use list_file::ListFile;
pub(super) use mask::{hide_keys, looks_like_a_key};
pub(super) use readers::did_you_mean;
pub(super) use section::{Node, Section, Span, type_of};
