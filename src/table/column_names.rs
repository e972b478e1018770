//! Names that the program gives to tables and columns. They are promises: readers' queries contain them.

use super::recorded_column::RecordedColumn;

/// Name of the target, as configured.
pub const TARGET: &str = "_target";
/// The night that the row belongs to.
pub const SNAPSHOT_DATE: &str = "_snapshot_date";
/// When the answer that holds the row was saved.
pub const EXPORTED_AT: &str = "_exported_at";
/// The run that fetched the row.
pub const RUN_ID: &str = "_run_id";
/// What a row of a report of changes is: `base`, `new` or `lost`.
pub const CHANGE: &str = "_change";
/// The one column of an endpoint that answers with plain values.
pub const SCALAR_COLUMN: &str = "value";

/// The table of all tasks and their outcomes.
pub const COVERAGE: &str = "coverage";
/// The table of targets and their labels.
pub const TARGETS: &str = "targets";

/// Whether the program fills the table itself, without a report.
pub fn is_system_table(table: &str) -> bool {
    [COVERAGE, TARGETS].contains(&table)
}

/// Name of the column that holds a task parameter: `country` → `_country`.
pub fn parameter_column(parameter: &str) -> String {
    format!("_{parameter}")
}

/// The task parameters among recorded columns.
pub fn recorded_parameters(recorded: &[RecordedColumn]) -> Vec<String> {
    let mut parameters = Vec::new();
    for column in recorded {
        let name = column.name.as_str();
        if [TARGET, SNAPSHOT_DATE, EXPORTED_AT, RUN_ID, CHANGE].contains(&name) {
            continue;
        }
        if let Some(parameter) = name.strip_prefix('_') {
            parameters.push(parameter.to_owned());
        }
    }
    parameters
}
