//! The Parquet layout of committed files, for the checks of `verify --lint`.

use crate::config::RunConfig;
use crate::error::{Error, ErrorCode, Result};
use crate::plan::Selection;
use crate::sink::read_layout;
use crate::state::committed::{CommittedTable, committed};
use crate::table::layout::FileLayout;

/// A table and its files: partition, name, layout.
#[derive(Debug)]
pub struct TableLayout {
    /// The table.
    pub table: CommittedTable,
    /// Its files, partition by partition.
    pub files: Vec<(String, String, FileLayout)>,
}

/// The layout of every selected file.
///
/// # Errors
/// As [`committed`]; [`ErrorCode::Corrupt`] for a file that is missing or not Parquet.
pub fn layouts(config: &RunConfig, selection: &Selection) -> Result<Vec<TableLayout>> {
    let (store, tables, _) = committed(config, selection)?;
    let mut all = Vec::with_capacity(tables.len());
    for table in tables {
        let mut files = Vec::new();
        for state in &table.states {
            let Some(committed) = &state.committed else {
                continue;
            };
            for file in &committed.files {
                let local = store
                    .table_file(&state.report, &state.partition, &file.name)?
                    .ok_or_else(|| {
                        let place = format!("{}/{}/{}", state.report, state.partition, file.name);
                        Error::new(ErrorCode::Corrupt, format!("{place} is missing"))
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
