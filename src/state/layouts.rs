//! How committed files are laid out, for those who judge it.

use crate::config::{Report, RunConfig};
use crate::error::{Error, ErrorCode, Result};
use crate::plan::Selection;
use crate::sink::read_layout;
use crate::state::committed::{CommittedTable, committed};
use crate::table::TableSchema;
use crate::table::layout::FileLayout;

/// A table and its files: partition, name, layout.
#[derive(Debug)]
pub struct TableLayout {
    /// The table.
    pub table: CommittedTable,
    /// Its files, partition by partition.
    pub files: Vec<(String, String, FileLayout)>,
}

/// The layout of every file that the selection means.
///
/// # Errors
/// As `committed`; [`ErrorCode::Corrupt`] for a file that is not there or no Parquet.
pub fn layouts(config: &RunConfig, selection: &Selection) -> Result<Vec<TableLayout>> {
    let (store, tables, _) = committed(config, selection)?;
    let mut all = Vec::with_capacity(tables.len());
    for table in tables {
        let mut files = Vec::new();
        for state in &table.states {
            for file in state
                .committed
                .iter()
                .flat_map(|committed| &committed.files)
            {
                let local = store
                    .table_file(&state.report, &state.partition, &file.name)?
                    .ok_or_else(|| {
                        let place = format!("{}/{}/{}", state.report, state.partition, file.name);
                        Error::new(ErrorCode::Corrupt, format!("{place} is not there"))
                            .with_hint("backhaul verify")
                    })?;
                files.push((
                    state.partition.clone(),
                    file.name.clone(),
                    read_layout(local.path())?,
                ));
            }
        }
        all.push(TableLayout { table, files });
    }
    Ok(all)
}

/// The schema that a report wants for its table.
///
/// # Errors
/// [`crate::error::ErrorCode::Column`] or [`crate::error::ErrorCode::Schema`]; a resolved configuration has neither.
pub fn table_schema(report: &Report) -> Result<TableSchema> {
    table_schema_of(report, &report.columns)
}

/// The schema of a report's table with these columns of its operation.
pub(crate) fn table_schema_of(report: &Report, columns: &[String]) -> Result<TableSchema> {
    let parameters: Vec<String> = report
        .varying
        .iter()
        .map(|(name, _)| name.clone())
        .collect();
    let schema = TableSchema::new(&report.name, report.endpoint, columns, &parameters)?;
    Ok(if report.changes.is_some() {
        schema.with_change_column()
    } else {
        schema
    })
}
