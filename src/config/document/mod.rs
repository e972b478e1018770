//! The TOML file while it is read: values with their places, errors with snippets, and the masking of anything that may
//! be an API key. Knows no key of the configuration.

pub(super) mod csv;
mod file;
mod list_file;
mod mask;
mod string_offsets;

pub(super) use file::{Document, Node, Section, Span, type_of};
pub(super) use list_file::ListedFile;
pub(super) use mask::{hide_keys, looks_like_a_key};
