//! `CREATE TABLE`: tables that copies are loaded into, and tables over the files where they lie.

use std::fmt::Write as _;

use serde_json::json;

use super::engine::Engine;
use super::external::external;
use super::place::Place;
use super::table::{Division, Table, comment, raw_name};
use crate::table::{ColumnType, TableColumn};

/// Stands before the statement that widens a table, for engines that cannot be told to add only what is missing.
const OLDER_TABLE: &str = "-- a table that was made before a column was selected has to be given that column first, of these:";

/// The statements that make a table for copies of the files' rows, if it is not there.
pub fn create_table(engine: Engine, schema: &str, table: &Table) -> String {
    format!(
        "{}{}",
        definition(engine, schema, table),
        table_comments(engine, schema, table)
    )
}

/// The statements that make a table, if it is not there, and give it columns that it has not: comments come last, since
/// they name those too.
pub fn create_or_widen_table(engine: Engine, schema: &str, table: &Table) -> String {
    format!(
        "{}{}{}",
        definition(engine, schema, table),
        add_columns(engine, schema, table),
        table_comments(engine, schema, table)
    )
}

fn definition(engine: Engine, schema: &str, table: &Table) -> String {
    let name = engine.object(schema, &raw_name(table.schema().name()));
    let mut text = format!(
        "CREATE TABLE IF NOT EXISTS {name} (\n{}\n)",
        columns(engine, table, true)
    );
    let about = about(table);
    match engine {
        Engine::Duckdb | Engine::Redshift => {}
        Engine::Snowflake => {
            let _ = write!(
                text,
                "{}\nCOMMENT = {}",
                cluster(engine, table),
                engine.text(&about)
            );
        }
        Engine::Bigquery => {
            let _ = write!(
                text,
                "{}{}\nOPTIONS (description = {})",
                bigquery_partitions(engine, table),
                cluster(engine, table),
                engine.text(&about)
            );
        }
        Engine::Databricks => {
            let _ = write!(
                text,
                "\nUSING DELTA{}\nCOMMENT {}",
                cluster(engine, table),
                engine.text(&about)
            );
        }
        Engine::Spark => {
            let _ = write!(
                text,
                "\nUSING PARQUET{}\nCOMMENT {}",
                spark_partitions(engine, table),
                engine.text(&about)
            );
        }
        Engine::Clickhouse => {
            let _ = write!(
                text,
                "\n{}\nCOMMENT {}",
                clickhouse_engine(engine, table),
                engine.text(&about)
            );
        }
        // Athena has no tables of its own.
        Engine::Athena => return external(engine, schema, table, &Place::example(engine)),
    }
    if engine == Engine::Redshift {
        text.push_str(&cluster(engine, table));
    }
    text.push_str(";\n");
    text
}

/// What the definition takes no comments for.
fn table_comments(engine: Engine, schema: &str, table: &Table) -> String {
    match engine {
        Engine::Duckdb | Engine::Redshift => comments(
            engine,
            &engine.object(schema, &raw_name(table.schema().name())),
            table,
        ),
        _ => String::new(),
    }
}

/// The statements that add columns which the table may lack, since a table only gains columns, at its end.
fn add_columns(engine: Engine, schema: &str, table: &Table) -> String {
    let name = engine.object(schema, &raw_name(table.schema().name()));
    let added = || table.columns().iter().filter(|column| !column.is_metadata);
    let define = |column: &TableColumn| {
        format!(
            "{} {}",
            engine.column(&column.name),
            engine.type_name(&column.kind)
        )
    };
    match engine {
        // In one statement where an engine counts, or takes long for, each change of a table.
        Engine::Bigquery | Engine::Clickhouse if added().next().is_some() => {
            let each: Vec<String> = added()
                .map(|column| format!("    ADD COLUMN IF NOT EXISTS {}", define(column)))
                .collect();
            format!("ALTER TABLE {name}\n{};\n", each.join(",\n"))
        }
        Engine::Duckdb | Engine::Snowflake => {
            let each = added().map(|column| {
                format!(
                    "ALTER TABLE {name} ADD COLUMN IF NOT EXISTS {};\n",
                    define(column)
                )
            });
            each.collect::<Vec<_>>().concat()
        }
        // These know no IF NOT EXISTS there: whoever has an older table picks what it lacks.
        Engine::Redshift if added().next().is_some() => {
            let each: Vec<String> = added()
                .map(|column| format!("--   ALTER TABLE {name} ADD COLUMN {};\n", define(column)))
                .collect();
            format!("{OLDER_TABLE}\n{}", each.concat())
        }
        Engine::Databricks | Engine::Spark if added().next().is_some() => {
            let all: Vec<String> = added().map(define).collect();
            format!(
                "{OLDER_TABLE}\n--   ALTER TABLE {name} ADD COLUMNS ({});\n",
                all.join(", ")
            )
        }
        _ => String::new(),
    }
}

/// The columns of a definition, one a line.
pub(super) fn columns(engine: Engine, table: &Table, with_comments: bool) -> String {
    let line = |column: &TableColumn| {
        let mut line = format!(
            "    {} {}",
            engine.column(&column.name),
            type_in(engine, table, column)
        );
        let about = comment(column);
        if with_comments && !about.is_empty() {
            let about = engine.text(&about);
            let _ = match engine {
                Engine::Bigquery => write!(line, " OPTIONS (description = {about})"),
                Engine::Snowflake
                | Engine::Databricks
                | Engine::Spark
                | Engine::Clickhouse
                | Engine::Athena => {
                    write!(line, " COMMENT {about}")
                }
                Engine::Duckdb | Engine::Redshift => Ok(()),
            };
        }
        line
    };
    let mut lines: Vec<String> = table.columns().iter().map(line).collect();
    // A Parquet table of Spark is divided by columns that are not in its files.
    if let (Engine::Spark, Division::Years { .. }, true) = (engine, table.division(), with_comments)
    {
        lines.push("    `period` INT COMMENT 'the year of the rows'".to_owned());
    }
    lines.join(",\n")
}

/// `ClickHouse` divides and sorts by columns that cannot be null, but the target may be.
fn type_in(engine: Engine, table: &Table, column: &TableColumn) -> String {
    let is_key = table
        .partition_column()
        .is_some_and(|(name, _)| name == column.name);
    let name = engine.type_name(&column.kind);
    match name
        .strip_prefix("Nullable(")
        .and_then(|inner| inner.strip_suffix(')'))
    {
        Some(inner) if engine == Engine::Clickhouse && is_key => inner.to_owned(),
        _ => name,
    }
}

/// What the table is, for its own comment.
pub(super) fn about(table: &Table) -> String {
    match (table.is_system_table(), table.division()) {
        (true, _) => format!("backhaul: {}", table.schema().name()),
        (false, Division::Years { column }) => {
            format!(
                "Ahrefs {} by target and {column}, exported by backhaul",
                table.schema().endpoint()
            )
        }
        (false, _) => format!(
            "Ahrefs {} by night and target, exported by backhaul",
            table.schema().endpoint()
        ),
    }
}

fn cluster(engine: Engine, table: &Table) -> String {
    let mut by: Vec<String> = Vec::new();
    if engine != Engine::Bigquery {
        by.extend(table.partition_column().map(|(name, _)| name.to_owned()));
    }
    by.extend(
        table
            .clustering()
            .into_iter()
            .filter(|name| by.first() != Some(name))
            .collect::<Vec<_>>(),
    );
    // Few keys cluster well; the night and the target are what queries ask for.
    by.truncate(if engine == Engine::Bigquery { 4 } else { 2 });
    if by.is_empty() {
        return String::new();
    }
    let by: Vec<String> = by.iter().map(|name| engine.column(name)).collect();
    let by = by.join(", ");
    match engine {
        Engine::Bigquery => format!("\nCLUSTER BY {by}"),
        Engine::Redshift => format!("\nDISTSTYLE AUTO\nCOMPOUND SORTKEY ({by})"),
        _ => format!("\nCLUSTER BY ({by})"),
    }
}

fn bigquery_partitions(engine: Engine, table: &Table) -> String {
    match (table.partition_column(), table.division()) {
        (Some((name, kind)), Division::Years { .. }) => {
            let column = engine.column(name);
            let truncate = if *kind == ColumnType::Timestamp {
                "TIMESTAMP_TRUNC"
            } else {
                "DATE_TRUNC"
            };
            format!("\nPARTITION BY {truncate}({column}, YEAR)")
        }
        (Some((name, _)), _) => format!("\nPARTITION BY {}", engine.column(name)),
        (None, _) => String::new(),
    }
}

fn spark_partitions(engine: Engine, table: &Table) -> String {
    match (table.partition_column(), table.division()) {
        (Some(_), Division::Years { .. }) => "\nPARTITIONED BY (`period`)".to_owned(),
        (Some((name, _)), _) => format!("\nPARTITIONED BY ({})", engine.column(name)),
        (None, _) => String::new(),
    }
}

fn clickhouse_engine(engine: Engine, table: &Table) -> String {
    let partitions = match (table.partition_column(), table.division()) {
        (Some((name, _)), Division::Years { .. }) => {
            format!("\nPARTITION BY toYear({})", engine.column(name))
        }
        (Some((name, _)), _) => format!("\nPARTITION BY {}", engine.column(name)),
        (None, _) => String::new(),
    };
    let order: Vec<String> = table
        .clustering()
        .iter()
        .map(|name| engine.column(name))
        .collect();
    format!(
        "ENGINE = MergeTree{partitions}\nORDER BY ({})\nSETTINGS allow_nullable_key = 1",
        order.join(", ")
    )
}

/// `COMMENT ON`, for engines that take no comments inside a definition.
fn comments(engine: Engine, name: &str, table: &Table) -> String {
    let mut text = format!(
        "COMMENT ON TABLE {name} IS {};\n",
        engine.text(&about(table))
    );
    for column in table.columns() {
        let about = comment(column);
        if !about.is_empty() {
            let _ = writeln!(
                text,
                "COMMENT ON COLUMN {name}.{} IS {};",
                engine.column(&column.name),
                engine.text(&about)
            );
        }
    }
    text
}

/// The schema of a table as `bq load --schema` takes it.
pub fn bigquery_json(table: &Table) -> String {
    let fields: Vec<serde_json::Value> = table
        .columns()
        .iter()
        .map(|column| bigquery_field(&column.name, &column.kind, &comment(column)))
        .collect();
    format!("{:#}\n", serde_json::Value::Array(fields))
}

fn bigquery_field(name: &str, kind: &ColumnType, about: &str) -> serde_json::Value {
    let (mode, kind) = match kind {
        ColumnType::List(items) => ("REPEATED", items.as_ref()),
        other => ("NULLABLE", other),
    };
    let mut field = match kind {
        ColumnType::Struct(fields) => {
            let fields: Vec<_> = fields
                .iter()
                .map(|(name, kind)| bigquery_field(name, kind, ""))
                .collect();
            json!({ "name": name, "type": "RECORD", "mode": mode, "fields": fields })
        }
        other => json!({ "name": name, "type": Engine::Bigquery.type_name(other), "mode": mode }),
    };
    if let (false, Some(field)) = (about.is_empty(), field.as_object_mut()) {
        field.insert("description".to_owned(), about.into());
    }
    field
}
