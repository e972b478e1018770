//! A query against a table: filter, group, order, cut, and the body.

mod filtered_rows;
mod order_range;
mod page;
mod row_writer;
mod settings;

pub(crate) use page::{Page, page};
pub(crate) use settings::PageSettings;
