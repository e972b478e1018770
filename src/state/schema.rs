//! The schema that a report of the configuration gives its table.

use crate::config::Report;
use crate::error::Result;
use crate::table::TableSchema;

/// The schema that a report wants for its table.
///
/// # Errors
/// [`crate::error::ErrorCode::Column`] or [`crate::error::ErrorCode::Schema`]; a resolved configuration has neither.
pub fn table_schema(report: &Report) -> Result<TableSchema> {
    table_schema_of(report, &report.columns)
}

/// The schema of a report's table with these columns of its operation.
pub(crate) fn table_schema_of(report: &Report, columns: &[String]) -> Result<TableSchema> {
    let mut parameters = Vec::with_capacity(report.varying.len());
    for (name, _) in &report.varying {
        parameters.push(name.clone());
    }
    let schema = TableSchema::new(&report.name, report.endpoint, columns, &parameters)?;
    Ok(if report.changes.is_some() {
        schema.with_change_column()
    } else {
        schema
    })
}
