//! The committed tables of a destination, for loading them into a warehouse.

use std::collections::BTreeSet;

use crate::catalog::Catalog;
use crate::config::RunConfig;
use crate::error::Result;
use crate::plan::Selection;
use crate::state::open::open_read_only;
use crate::state::schema::table_schema;
use crate::state::selection::ResolvedSelection;
use crate::state::system_tables::{coverage_schema, known_targets, targets_schema};
use crate::store::{Store, TableRecord, UNPARTITIONED};
use crate::table::manifest::PartitionState;
use crate::table::{COVERAGE, TARGETS, TableSchema, is_system_table, recorded_parameters};

/// A table of the destination.
#[derive(Debug)]
pub struct CommittedTable {
    /// Its columns, with what the configuration or the catalog knows of them.
    pub schema: TableSchema,
    /// Of a history: the column by whose years it is divided.
    pub history_column: Option<String>,
    /// The states of the partitions that are meant, in order.
    pub states: Vec<PartitionState>,
}

/// The destination, its tables as far as they are selected (system tables always, for the views of the others), and the names
/// of the labels that its targets have.
///
/// # Errors
/// [`crate::error::ErrorCode::Destination`] if nothing was ever committed or it cannot be read,
/// [`crate::error::ErrorCode::Usage`] for a table that it does not know.
pub fn committed(
    config: &RunConfig,
    selection: &Selection,
) -> Result<(Store, Vec<CommittedTable>, Vec<String>)> {
    let store = open_read_only(config)?;
    let chosen = ResolvedSelection::new(config, &store, selection)?;
    let mut names = chosen.tables.clone();
    names.extend(
        store
            .tables()?
            .into_iter()
            .filter(|table| is_system_table(table) && !chosen.tables.contains(table)),
    );
    // Views of the others are made over these.
    names.sort_by_key(|table| (!is_system_table(table), table.clone()));
    let mut all = Vec::with_capacity(names.len());
    for name in names {
        let (schema, history_column) = recorded_schema(config, &name, &store.table(&name)?)?;
        let mut states = Vec::new();
        if name == TARGETS {
            states.extend(store.partition(TARGETS, UNPARTITIONED)?);
        } else {
            for (_, state) in chosen.states(&name)? {
                states.push(state?);
            }
        }
        all.push(CommittedTable {
            schema,
            history_column,
            states,
        });
    }
    let labels = labels(config, &store)?;
    drop(chosen);
    Ok((store, all, labels))
}

/// The schema of a table as it is recorded, and the column by whose years it is divided.
fn recorded_schema(
    config: &RunConfig,
    name: &str,
    record: &TableRecord,
) -> Result<(TableSchema, Option<String>)> {
    match name {
        COVERAGE => return Ok((coverage_schema().evolved_from(&record.columns)?, None)),
        TARGETS => return Ok((targets_schema().evolved_from(&record.columns)?, None)),
        _ => {}
    }
    let report = config
        .reports
        .iter()
        .find(|report| report.name == name && report.endpoint.name == record.endpoint);
    if let Some(report) = report {
        let history = report
            .endpoint
            .history_column()
            .map(|column| column.name.clone());
        return Ok((
            table_schema(report)?.evolved_from(&record.columns)?,
            history,
        ));
    }
    let Some(endpoint) = Catalog::embedded().endpoint(&record.endpoint) else {
        return Ok((
            TableSchema::from_recorded(name, &record.endpoint, &record.columns)?,
            None,
        ));
    };
    let mut columns: Vec<String> = Vec::new();
    for column in &record.columns {
        if endpoint.column(&column.name).is_some() {
            columns.push(column.name.clone());
        }
    }
    let parameters: Vec<String> = recorded_parameters(&record.columns);
    let schema =
        TableSchema::new(name, endpoint, &columns, &parameters)?.evolved_from(&record.columns)?;
    Ok((
        schema,
        endpoint.history_column().map(|column| column.name.clone()),
    ))
}

fn labels(config: &RunConfig, store: &Store) -> Result<Vec<String>> {
    let mut names: BTreeSet<String> = BTreeSet::new();
    for target in &config.targets {
        names.extend(target.labels.keys().cloned());
    }
    for target in known_targets(store)?.into_values() {
        if let Ok(serde_json::Value::Object(labels)) = serde_json::from_str(&target.labels) {
            names.extend(labels.into_iter().map(|(name, _)| name));
        }
    }
    Ok(names.into_iter().collect())
}
