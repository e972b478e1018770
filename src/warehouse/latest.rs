//! The condition of `<table>_latest`.

use super::dialect::SqlDialect;
use super::table::{PartitionScheme, Table, raw_table_name};
use crate::table::{COVERAGE, SNAPSHOT_DATE, TARGET, parameter_column};

/// A query for the newest day of each task, which is identified by its target and parameters.
struct LatestDays {
    /// The column of the rows that is compared with the newest day.
    day_column: String,
    /// The expressions that identify a task, in the order of [`task_keys`].
    keys: Vec<String>,
    newest: String,
    from: String,
}

/// Joins rows with the newest complete night of their task; where a task was never complete, with its newest capped night.
/// In a history, with the newest day that the task has rows of.
pub(super) fn join_latest(dialect: &dyn SqlDialect, schema: &str, table: &Table) -> String {
    let latest = match table.scheme() {
        PartitionScheme::Years { column } => latest_history_days(dialect, schema, table, column),
        _ => latest_nights(dialect, schema, table),
    };
    let mut selected = Vec::new();
    for (index, key) in latest.keys.iter().enumerate() {
        selected.push(format!("{key} AS key_{index}"));
    }
    selected.push(format!("{} AS newest", latest.newest));
    let empty = dialect.text("");
    let mut conditions = vec![format!("r.{} = l.newest", latest.day_column)];
    for (index, name) in task_keys(table).iter().enumerate() {
        let column = dialect.column(name);
        conditions.push(format!(
            "COALESCE(r.{column}, {empty}) = COALESCE(l.key_{index}, {empty})"
        ));
    }
    format!(
        "JOIN (\n    SELECT {}\n    {}\n    GROUP BY {}\n) AS l ON {}",
        selected.join(", "),
        latest.from,
        latest.keys.join(", "),
        conditions.join(" AND ")
    )
}

/// The columns that identify the task of a row.
fn task_keys(table: &Table) -> Vec<String> {
    let mut keys = vec![TARGET.to_owned()];
    for parameter in table.schema().parameters() {
        keys.push(parameter_column(parameter));
    }
    keys
}

fn latest_history_days(
    dialect: &dyn SqlDialect,
    schema: &str,
    table: &Table,
    column: &str,
) -> LatestDays {
    let raw = dialect.object(schema, &raw_table_name(table.name()));
    let day_column = dialect.column(column);
    let mut keys = Vec::new();
    for key in task_keys(table) {
        keys.push(dialect.column(&key));
    }
    LatestDays {
        keys,
        newest: format!("MAX({day_column})"),
        from: format!("FROM {raw}"),
        day_column,
    }
}

fn latest_nights(dialect: &dyn SqlDialect, schema: &str, table: &Table) -> LatestDays {
    let coverage = dialect.object(schema, &raw_table_name(COVERAGE));
    let night = dialect.column(SNAPSHOT_DATE);
    let status = dialect.column("status");
    let parameters = dialect.column("parameters");
    let mut keys = vec![dialect.column("target")];
    for parameter in table.schema().parameters() {
        keys.push(dialect.json_value(&parameters, parameter));
    }
    let newest_with = |wanted: &str| {
        let wanted = dialect.text(wanted);
        format!("MAX(CASE WHEN {status} = {wanted} THEN {night} END)")
    };
    let (complete, capped) = (newest_with("complete"), newest_with("capped"));
    LatestDays {
        keys,
        newest: format!("COALESCE({complete}, {capped})"),
        from: format!(
            "FROM {coverage}\n    WHERE {} = {}",
            dialect.column("report"),
            dialect.text(table.name())
        ),
        day_column: night,
    }
}
