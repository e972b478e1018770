//! Parts of definitions that several dialects share.

use std::fmt::Write as _;

use super::dialect::SqlDialect;
use super::table::{Table, column_comment, raw_table_name};
use crate::table::{ColumnType, TableColumn};

/// Precedes the statements that add columns, for engines without `ADD COLUMN IF NOT EXISTS`.
const ADD_MISSING_COLUMNS: &str = "-- If the table was created before a column was selected, add that column first. The columns are:";

/// `name TYPE` of a column.
pub(super) fn define(dialect: &dyn SqlDialect, column: &TableColumn) -> String {
    format!(
        "{} {}",
        dialect.column(&column.name),
        dialect.type_name(&column.kind)
    )
}

/// The columns of a definition, one a line.
pub(super) fn column_lines(dialect: &dyn SqlDialect, table: &Table) -> Vec<String> {
    let mut lines = Vec::with_capacity(table.columns().len());
    for column in table.columns() {
        lines.push(format!("    {}", define(dialect, column)));
    }
    lines
}

/// The same with the columns' comments.
pub(super) fn commented_lines(dialect: &dyn SqlDialect, table: &Table) -> Vec<String> {
    let mut lines = column_lines(dialect, table);
    for (line, column) in lines.iter_mut().zip(table.columns()) {
        let about = column_comment(column);
        if !about.is_empty() {
            line.push_str(&dialect.column_comment(&about));
        }
    }
    lines
}

/// `CREATE TABLE IF NOT EXISTS`, up to the closing bracket.
pub(super) fn create_table_if_missing(
    dialect: &dyn SqlDialect,
    schema: &str,
    table: &Table,
    lines: &[String],
) -> String {
    let name = dialect.object(schema, &raw_table_name(table.name()));
    format!(
        "CREATE TABLE IF NOT EXISTS {name} (\n{}\n)",
        lines.join(",\n")
    )
}

/// The report's own columns: those that an older table may lack.
pub(super) fn report_columns(table: &Table) -> Vec<&TableColumn> {
    let columns = table.columns().iter();
    columns.filter(|column| !column.is_metadata).collect()
}

/// One `ALTER TABLE … ADD COLUMN IF NOT EXISTS` a column.
pub(super) fn add_columns_one_by_one(
    dialect: &dyn SqlDialect,
    schema: &str,
    table: &Table,
) -> String {
    let name = dialect.object(schema, &raw_table_name(table.name()));
    let mut text = String::new();
    for column in report_columns(table) {
        let definition = define(dialect, column);
        let _ = writeln!(
            text,
            "ALTER TABLE {name} ADD COLUMN IF NOT EXISTS {definition};"
        );
    }
    text
}

/// One statement for all columns: for engines that count the changes of a table, or take long for each.
pub(super) fn add_columns_at_once(dialect: &dyn SqlDialect, schema: &str, table: &Table) -> String {
    let mut additions = Vec::new();
    for column in report_columns(table) {
        let definition = define(dialect, column);
        additions.push(format!("    ADD COLUMN IF NOT EXISTS {definition}"));
    }
    if additions.is_empty() {
        return String::new();
    }
    let name = dialect.object(schema, &raw_table_name(table.name()));
    format!("ALTER TABLE {name}\n{};\n", additions.join(",\n"))
}

/// Statements in comments, of which the person who has an older table runs those that it lacks. `statements` gives what
/// follows the table's name.
pub(super) fn suggest_adding_columns(
    dialect: &dyn SqlDialect,
    schema: &str,
    table: &Table,
    additions: &[String],
) -> String {
    if additions.is_empty() {
        return String::new();
    }
    let name = dialect.object(schema, &raw_table_name(table.name()));
    let mut text = format!("{ADD_MISSING_COLUMNS}\n");
    for addition in additions {
        let _ = writeln!(text, "--   ALTER TABLE {name} {addition};");
    }
    text
}

/// `COMMENT ON`, for engines that take no comments inside a definition.
pub(super) fn comment_on(dialect: &dyn SqlDialect, schema: &str, table: &Table) -> String {
    let name = dialect.object(schema, &raw_table_name(table.name()));
    let mut text = format!(
        "COMMENT ON TABLE {name} IS {};\n",
        dialect.text(&table.comment())
    );
    for column in table.columns() {
        let about = column_comment(column);
        if !about.is_empty() {
            let _ = writeln!(
                text,
                "COMMENT ON COLUMN {name}.{} IS {};",
                dialect.column(&column.name),
                dialect.text(&about)
            );
        }
    }
    text
}

/// The partition column, then the first clustering columns: two in all, as few keys cluster well. Empty if there are none.
pub(super) fn cluster_keys(dialect: &dyn SqlDialect, table: &Table) -> String {
    let mut names: Vec<String> = Vec::new();
    if let Some(column) = table.partition_column() {
        names.push(column.name.clone());
    }
    for name in table.clustering_columns() {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.truncate(2);
    quoted_list(dialect, &names)
}

/// Column names as they are written in statements, separated by commas.
pub(super) fn quoted_list(dialect: &dyn SqlDialect, names: &[String]) -> String {
    let mut quoted = Vec::with_capacity(names.len());
    for name in names {
        quoted.push(dialect.column(name));
    }
    quoted.join(", ")
}

/// Texts as they are written in statements, separated by commas.
pub(super) fn text_list(dialect: &dyn SqlDialect, texts: &[String]) -> String {
    let mut quoted = Vec::with_capacity(texts.len());
    for text in texts {
        quoted.push(dialect.text(text));
    }
    quoted.join(", ")
}

/// The fields of a struct's type, `name` and type separated by `separator`.
pub(super) fn struct_fields(
    dialect: &dyn SqlDialect,
    fields: &[(String, ColumnType)],
    separator: &str,
) -> String {
    let mut definitions = Vec::with_capacity(fields.len());
    for (name, kind) in fields {
        let name = dialect.column(name);
        definitions.push(format!("{name}{separator}{}", dialect.type_name(kind)));
    }
    definitions.join(", ")
}

/// `*.parquet` below a table's folder: below the folders of its partitions, and of further keys where there are any.
pub(super) fn file_pattern(table: &Table, folder: &str) -> String {
    let folder = folder.trim_end_matches('/');
    if table.folder_key().is_some() {
        format!("{folder}/**/*.parquet")
    } else {
        format!("{folder}/*.parquet")
    }
}

/// The names of a table's columns, one a line.
pub(super) fn name_lines(dialect: &dyn SqlDialect, table: &Table) -> String {
    let mut lines = Vec::with_capacity(table.columns().len());
    for column in table.columns() {
        lines.push(format!("    {}", dialect.column(&column.name)));
    }
    lines.join(",\n")
}
