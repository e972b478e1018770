//! `catalog`: all operations, or one of them, for people and as JSON.
//!
//! Pure: catalog in, text out; the command prints. No line is wider than 110 characters, so that a page fits a terminal
//! and a terminal's copy.

mod columns;
mod command;
mod example;
mod filters;
mod json;
mod list;
mod page;
mod parameters;
mod presets;
mod summary;
mod wrap;

pub(super) use command::catalog;
pub use command::find;
pub use json::{list_json, show_json};
pub use list::list;
pub use page::show;
