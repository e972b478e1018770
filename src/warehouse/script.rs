//! The statements that bring a warehouse's tables to what is committed, partition by partition.
//!
//! Each partition is replaced: its rows are deleted, its files loaded, and the number of rows is compared with the manifest
//! before that is made final, so that the same statements may be run again, in part or after an error.

use std::fmt::Write as _;

use super::data_location::{DataLocation, LocationKind};
use super::engine::Engine;
use super::replace_partition::replace_partition;
use super::table::Table;
use super::table_load::{LoadMethod, TableLoad};
use super::views::views;
use crate::error::{Error, ErrorCode, Result};

/// The statements that create a table for copies of the files' rows, if it does not exist.
pub fn create_table(engine: Engine, schema: &str, table: &Table) -> String {
    let dialect = engine.dialect();
    let mut text = dialect.create_table(schema, table);
    text.push_str(&dialect.comment_statements(schema, table));
    text
}

/// The statements that create a table over the files in place. Without a location: over those of an example bucket.
pub fn external_table(
    engine: Engine,
    schema: &str,
    table: &Table,
    location: Option<&DataLocation>,
) -> String {
    let dialect = engine.dialect();
    let example = DataLocation::example(dialect.example_service());
    dialect.external_table(schema, table, location.unwrap_or(&example))
}

/// Checks that the engine can get tables in this way from files there.
///
/// # Errors
/// [`ErrorCode::Usage`], with what to do instead.
pub fn check_location(engine: Engine, location: &DataLocation, method: LoadMethod) -> Result<()> {
    let dialect = engine.dialect();
    let title = engine.title();
    let readable = dialect.readable_from();
    if !readable.contains(&location.kind()) {
        let message = format!(
            "{title} loads only from {}, and the files are in {location}",
            LocationKind::list(readable)
        );
        return Err(Error::new(ErrorCode::Usage, message).with_hint(dialect.unreadable_hint()));
    }
    let external = dialect.external_from();
    if method != LoadMethod::Copy && !external.contains(&location.kind()) {
        let message = format!(
            "{title} reads files in place only in {}, and the files are in {location}",
            LocationKind::list(external)
        );
        let hint = format!(
            "export into a bucket, or copy the rows: backhaul load {}",
            engine.name()
        );
        return Err(Error::new(ErrorCode::Usage, message).with_hint(hint));
    }
    Ok(())
}

/// The whole script: what has to exist first, every table, every partition, every view. `labels` are the names of the
/// labels that targets have.
pub fn load_script(
    engine: Engine,
    schema: &str,
    location: &DataLocation,
    method: LoadMethod,
    loads: &[TableLoad],
    labels: &[String],
) -> String {
    let dialect = engine.dialect();
    let mut text = dialect.setup(schema, location, method);
    for TableLoad { table, changes } in loads {
        let _ = writeln!(text, "\n-- {}", table.name());
        match method {
            LoadMethod::External => {
                text.push_str(&dialect.external_table(schema, table, location));
            }
            LoadMethod::Direct => text.push_str(&dialect.direct_table(schema, table)),
            LoadMethod::Copy => {
                // Comments come last, since they name the columns that are added.
                text.push_str(&dialect.create_table(schema, table));
                text.push_str(&dialect.add_columns(schema, table));
                text.push_str(&dialect.comment_statements(schema, table));
                for change in changes {
                    text.push_str(&replace_partition(dialect, schema, location, table, change));
                }
            }
        }
    }
    for TableLoad { table, .. } in loads {
        let _ = writeln!(text, "\n-- {}: views", table.name());
        text.push_str(&views(dialect, schema, table, labels));
    }
    text
}
