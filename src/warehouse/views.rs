//! Views for people: plain names, labels, the newest night, money in currency.

use std::collections::BTreeSet;

use super::engine::Engine;
use super::table::{Division, Table, raw_name};
use crate::table::{
    COVERAGE, EXPORTED_AT, Measure, RUN_ID, SNAPSHOT_DATE, TARGET, TARGETS, TableColumn,
    parameter_column,
};

/// A column of a view: what it is, and its name.
struct Shown {
    expression: String,
    name: String,
    is_money: bool,
}

/// The views of a table; `labels` are the names of the labels that targets have.
pub fn views(engine: Engine, schema: &str, table: &Table, labels: &[String]) -> String {
    let name = table.schema().name();
    let raw = engine.object(schema, &raw_name(name));
    if table.is_system_table() {
        let columns = program_columns(engine, table, labels);
        return create(engine, schema, name, &columns, &format!("FROM {raw} AS r"));
    }
    let columns = columns(engine, table, labels);
    let targets = engine.object(schema, &raw_name(TARGETS));
    let from = if labels.is_empty() || !table.has_target() {
        format!("FROM {raw} AS r")
    } else {
        format!(
            "FROM {raw} AS r\nLEFT JOIN {targets} AS t ON t.{} = r.{}",
            engine.column("target"),
            engine.column(TARGET)
        )
    };
    let mut text = create(engine, schema, name, &columns, &from);
    let newest = newest(engine, schema, table);
    text.push_str(&create(
        engine,
        schema,
        &format!("{name}_latest"),
        &columns,
        &format!("{from}\n{newest}"),
    ));
    if columns.iter().any(|column| column.is_money) {
        let in_dollars: Vec<Shown> = columns
            .iter()
            .map(|column| in_dollars(engine, column))
            .collect();
        text.push_str(&create(
            engine,
            schema,
            &format!("{name}_money"),
            &in_dollars,
            &from,
        ));
    }
    text
}

fn create(engine: Engine, schema: &str, name: &str, columns: &[Shown], from: &str) -> String {
    let lines: Vec<String> = columns
        .iter()
        .map(|column| {
            format!(
                "    {} AS {}",
                column.expression,
                engine.column(&column.name)
            )
        })
        .collect();
    // Redshift checks a view's tables when it is made, and refuses those of an external schema; others need no such word.
    let binding = if engine == Engine::Redshift {
        "\nWITH NO SCHEMA BINDING"
    } else {
        ""
    };
    format!(
        "CREATE OR REPLACE VIEW {} AS SELECT\n{}\n{from}{binding};\n",
        engine.object(schema, name),
        lines.join(",\n")
    )
}

/// The columns of a table's view. A name that a column of the report has already stays as it is in the table.
fn columns(engine: Engine, table: &Table, labels: &[String]) -> Vec<Shown> {
    let mut taken: BTreeSet<String> = table
        .columns()
        .iter()
        .map(|column| column.name.to_ascii_lowercase())
        .collect();
    let mut plain = |name: &str| {
        let plain = name.trim_start_matches('_').to_owned();
        if taken.insert(plain.to_ascii_lowercase()) {
            plain
        } else {
            name.to_owned()
        }
    };
    let shown = |column: &TableColumn, name: String| Shown {
        expression: format!("r.{}", engine.column(&column.name)),
        name,
        is_money: column.measure == Some(Measure::UsdCents),
    };
    let is_last = |column: &&TableColumn| [EXPORTED_AT, RUN_ID].contains(&column.name.as_str());
    let metadata = || table.columns().iter().filter(|column| column.is_metadata);
    let mut all = Vec::new();
    let first = metadata().find(|column| column.name == SNAPSHOT_DATE);
    for column in first
        .into_iter()
        .chain(metadata().filter(|column| column.name != SNAPSHOT_DATE && !is_last(column)))
    {
        all.push(shown(column, plain(&column.name)));
    }
    if table.has_target() {
        for label in labels {
            let expression = engine.json_value(&format!("t.{}", engine.column("labels")), label);
            let name = plain_label(label, &mut plain);
            all.push(Shown {
                expression,
                name,
                is_money: false,
            });
        }
    }
    all.extend(
        table
            .columns()
            .iter()
            .filter(|column| !column.is_metadata)
            .map(|column| shown(column, column.name.clone())),
    );
    for column in metadata().filter(is_last) {
        all.push(shown(column, plain(&column.name)));
    }
    all
}

/// A label's name as a column's: letters, digits and `_`; one that is taken has `label_` before it.
fn plain_label(label: &str, plain: &mut impl FnMut(&str) -> String) -> String {
    let word: String = label
        .chars()
        .map(|char| {
            if char.is_ascii_alphanumeric() {
                char.to_ascii_lowercase()
            } else {
                '_'
            }
        })
        .collect();
    let word = word.trim_matches('_').to_owned();
    let spelled = if word.starts_with(|first: char| first.is_ascii_alphabetic()) {
        word
    } else {
        format!("label_{word}")
    };
    // `plain` gives a name that is taken back with what stood before it.
    let marked = format!("_{spelled}");
    let name = plain(&marked);
    if name == marked {
        plain(&format!("_label_{spelled}"))
    } else {
        name
    }
}

fn program_columns(engine: Engine, table: &Table, labels: &[String]) -> Vec<Shown> {
    let mut all: Vec<Shown> = table
        .columns()
        .iter()
        .map(|column| Shown {
            expression: format!("r.{}", engine.column(&column.name)),
            name: column.name.trim_start_matches('_').to_owned(),
            is_money: false,
        })
        .collect();
    if table.schema().name() == TARGETS {
        let mut taken: BTreeSet<String> = all.iter().map(|column| column.name.clone()).collect();
        let mut plain = |name: &str| {
            let plain = name.trim_start_matches('_').to_owned();
            if taken.insert(plain.clone()) {
                plain
            } else {
                name.to_owned()
            }
        };
        for label in labels {
            let expression = engine.json_value(&format!("r.{}", engine.column("labels")), label);
            let name = plain_label(label, &mut plain);
            all.push(Shown {
                expression,
                name,
                is_money: false,
            });
        }
    }
    all
}

fn in_dollars(engine: Engine, column: &Shown) -> Shown {
    let Shown {
        expression,
        name,
        is_money,
    } = column;
    if !is_money {
        return Shown {
            expression: expression.clone(),
            name: name.clone(),
            is_money: false,
        };
    }
    let expression = match engine {
        Engine::Clickhouse => format!("{expression} / 100"),
        // As a decimal, `100.0` would leave Athena's result one digit behind the point.
        Engine::Athena => format!("{expression} / 1e2"),
        _ => format!("{expression} / 100.0"),
    };
    Shown {
        expression,
        name: format!("{name}_usd"),
        is_money: true,
    }
}

/// Joins rows with the newest complete night of their task; where a task was never complete, with its newest capped night.
/// Of a history, with the newest day that the task has rows of.
fn newest(engine: Engine, schema: &str, table: &Table) -> String {
    let parameters = table.schema().parameters();
    let none = engine.text("");
    let same =
        |left: &str, right: &str| format!("COALESCE({left}, {none}) = COALESCE({right}, {none})");
    let keys: Vec<String> = std::iter::once(TARGET.to_owned())
        .chain(
            parameters
                .iter()
                .map(|parameter| parameter_column(parameter)),
        )
        .collect();
    let raw = engine.object(schema, &raw_name(table.schema().name()));
    let mut on: Vec<String> = keys
        .iter()
        .enumerate()
        .map(|(index, key)| {
            same(
                &format!("r.{}", engine.column(key)),
                &format!("l.key_{index}"),
            )
        })
        .collect();
    let (selected, group, from) = if let Division::Years { column } = table.division() {
        on.insert(0, format!("r.{} = l.newest", engine.column(column)));
        let selected: Vec<String> = keys
            .iter()
            .enumerate()
            .map(|(index, key)| format!("{} AS key_{index}", engine.column(key)))
            .collect();
        let newest = format!("MAX({}) AS newest", engine.column(column));
        let group: Vec<String> = keys.iter().map(|key| engine.column(key)).collect();
        (
            format!("{}, {newest}", selected.join(", ")),
            group.join(", "),
            format!("FROM {raw}"),
        )
    } else {
        on.insert(0, format!("r.{} = l.newest", engine.column(SNAPSHOT_DATE)));
        let night = engine.column(SNAPSHOT_DATE);
        let mut sources = vec![engine.column("target")];
        sources.extend(
            parameters
                .iter()
                .map(|parameter| engine.json_value(&engine.column("parameters"), parameter)),
        );
        let selected: Vec<String> = sources
            .iter()
            .enumerate()
            .map(|(index, source)| format!("{source} AS key_{index}"))
            .collect();
        let status = engine.column("status");
        let of = |wanted: &str| {
            format!(
                "MAX(CASE WHEN {status} = {} THEN {night} END)",
                engine.text(wanted)
            )
        };
        let newest = format!("COALESCE({}, {}) AS newest", of("complete"), of("capped"));
        let coverage = engine.object(schema, &raw_name(COVERAGE));
        let from = format!(
            "FROM {coverage}\n    WHERE {} = {}",
            engine.column("report"),
            engine.text(table.schema().name())
        );
        (
            format!("{}, {newest}", selected.join(", ")),
            sources.join(", "),
            from,
        )
    };
    format!(
        "JOIN (\n    SELECT {selected}\n    {from}\n    GROUP BY {group}\n) AS l ON {}",
        on.join(" AND ")
    )
}
