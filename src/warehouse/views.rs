//! Views for people: plain names, labels, the newest night, money in dollars.

use std::collections::BTreeSet;

use super::dialect::SqlDialect;
use super::latest::join_latest;
use super::table::{Table, raw_table_name};
use crate::table::{EXPORTED_AT, Measure, RUN_ID, SNAPSHOT_DATE, TARGET, TARGETS, TableColumn};

/// A column of a view.
#[derive(Clone)]
struct ViewColumn {
    expression: String,
    name: String,
    is_money: bool,
}

/// Names that the columns of a view have so far. Case does not distinguish names.
struct UsedNames(BTreeSet<String>);

/// The views of a table; `labels` are the names of the labels that targets have.
pub(super) fn views(
    dialect: &dyn SqlDialect,
    schema: &str,
    table: &Table,
    labels: &[String],
) -> String {
    let name = table.name();
    let raw = dialect.object(schema, &raw_table_name(name));
    if table.is_system_table() {
        let columns = system_table_columns(dialect, table, labels);
        return create_view(dialect, schema, name, &columns, &format!("FROM {raw} AS r"));
    }
    let columns = report_view_columns(dialect, table, labels);
    let mut from = format!("FROM {raw} AS r");
    if !labels.is_empty() && table.has_target() {
        let targets = dialect.object(schema, &raw_table_name(TARGETS));
        let (left, right) = (dialect.column("target"), dialect.column(TARGET));
        from = format!("{from}\nLEFT JOIN {targets} AS t ON t.{left} = r.{right}");
    }
    let mut text = create_view(dialect, schema, name, &columns, &from);
    let latest = format!("{from}\n{}", join_latest(dialect, schema, table));
    let latest_name = format!("{name}_latest");
    text.push_str(&create_view(
        dialect,
        schema,
        &latest_name,
        &columns,
        &latest,
    ));
    if columns.iter().any(|column| column.is_money) {
        let columns = in_dollars(dialect, &columns);
        let money_name = format!("{name}_money");
        text.push_str(&create_view(dialect, schema, &money_name, &columns, &from));
    }
    text
}

fn create_view(
    dialect: &dyn SqlDialect,
    schema: &str,
    name: &str,
    columns: &[ViewColumn],
    from: &str,
) -> String {
    let mut lines = Vec::with_capacity(columns.len());
    for column in columns {
        let name = dialect.column(&column.name);
        lines.push(format!("    {} AS {name}", column.expression));
    }
    format!(
        "CREATE OR REPLACE VIEW {} AS SELECT\n{}\n{from}{};\n",
        dialect.object(schema, name),
        lines.join(",\n"),
        dialect.view_suffix()
    )
}

/// The columns of a report's view: the night, other metadata, labels, the report's own, then the time and run of
/// the export. A name that a column of the report already has stays as it is in the table.
fn report_view_columns(
    dialect: &dyn SqlDialect,
    table: &Table,
    labels: &[String],
) -> Vec<ViewColumn> {
    let mut used = UsedNames::of_columns(table.columns());
    let (mut first, mut metadata, mut report, mut last) = (vec![], vec![], vec![], vec![]);
    for column in table.columns() {
        match column.name.as_str() {
            _ if !column.is_metadata => report.push(column),
            SNAPSHOT_DATE => first.push(column),
            EXPORTED_AT | RUN_ID => last.push(column),
            _ => metadata.push(column),
        }
    }
    first.append(&mut metadata);
    let mut all = Vec::with_capacity(table.columns().len() + labels.len());
    for column in first {
        all.push(ViewColumn::of(dialect, column, used.plain(&column.name)));
    }
    if table.has_target() {
        all.extend(label_columns(dialect, "t", labels, &mut used));
    }
    for column in report {
        all.push(ViewColumn::of(dialect, column, column.name.clone()));
    }
    for column in last {
        all.push(ViewColumn::of(dialect, column, used.plain(&column.name)));
    }
    all
}

/// The columns of the view of a table that the program fills itself; labels are columns of that of targets.
fn system_table_columns(
    dialect: &dyn SqlDialect,
    table: &Table,
    labels: &[String],
) -> Vec<ViewColumn> {
    let mut used = UsedNames(BTreeSet::new());
    let mut all = Vec::new();
    for column in table.columns() {
        let name = column.name.trim_start_matches('_').to_owned();
        used.0.insert(name.clone());
        all.push(ViewColumn {
            is_money: false,
            ..ViewColumn::of(dialect, column, name)
        });
    }
    if table.name() == TARGETS {
        all.extend(label_columns(dialect, "r", labels, &mut used));
    }
    all
}

/// A column for each label of the targets, read from the JSON of the table that `alias` stands for.
fn label_columns(
    dialect: &dyn SqlDialect,
    alias: &str,
    labels: &[String],
    used: &mut UsedNames,
) -> Vec<ViewColumn> {
    let object = format!("{alias}.{}", dialect.column("labels"));
    let mut columns = Vec::with_capacity(labels.len());
    for label in labels {
        columns.push(ViewColumn {
            expression: dialect.json_value(&object, label),
            name: used.label(label),
            is_money: false,
        });
    }
    columns
}

fn in_dollars(dialect: &dyn SqlDialect, columns: &[ViewColumn]) -> Vec<ViewColumn> {
    let mut converted = columns.to_vec();
    for column in &mut converted {
        if column.is_money {
            column.expression = dialect.dollars(&column.expression);
            column.name = format!("{}_usd", column.name);
        }
    }
    converted
}

impl ViewColumn {
    fn of(dialect: &dyn SqlDialect, column: &TableColumn, name: String) -> Self {
        Self {
            expression: format!("r.{}", dialect.column(&column.name)),
            name,
            is_money: column.measure == Some(Measure::UsdCents),
        }
    }
}

impl UsedNames {
    fn of_columns(columns: &[TableColumn]) -> Self {
        let names = columns.iter();
        Self(
            names
                .map(|column| column.name.to_ascii_lowercase())
                .collect(),
        )
    }

    /// Uses a name, unless it is used already.
    fn insert(&mut self, name: &str) -> bool {
        self.0.insert(name.to_ascii_lowercase())
    }

    /// A metadata column's name without its `_`, unless that is used already.
    fn plain(&mut self, name: &str) -> String {
        let plain = name.trim_start_matches('_');
        if self.insert(plain) { plain } else { name }.to_owned()
    }

    /// A label's name as a column's: letters, digits and `_`; a name that is used already gets the prefix `label_`.
    fn label(&mut self, label: &str) -> String {
        let mut word = String::with_capacity(label.len());
        for char in label.chars() {
            let is_kept = char.is_ascii_alphanumeric();
            word.push(if is_kept {
                char.to_ascii_lowercase()
            } else {
                '_'
            });
        }
        let word = word.trim_matches('_');
        let name = if word.starts_with(|first: char| first.is_ascii_alphabetic()) {
            word.to_owned()
        } else {
            format!("label_{word}")
        };
        if self.insert(&name) {
            return name;
        }
        let prefixed = format!("label_{name}");
        if self.insert(&prefixed) {
            prefixed
        } else {
            format!("_{prefixed}")
        }
    }
}
