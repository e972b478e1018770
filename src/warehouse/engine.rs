//! The engines, and how each spells names, values and types.

use chrono::NaiveDate;

use crate::table::ColumnType;

/// A warehouse or query engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Engine {
    /// `DuckDB`.
    Duckdb,
    /// Snowflake.
    Snowflake,
    /// `BigQuery`, in `GoogleSQL`.
    Bigquery,
    /// Amazon Redshift.
    Redshift,
    /// Databricks, with Delta tables.
    Databricks,
    /// Apache Spark, with Parquet tables.
    Spark,
    /// `ClickHouse`.
    Clickhouse,
    /// Amazon Athena.
    Athena,
}

/// Words that are reserved in Snowflake: a column with such a name is quoted there, and only there, since a quoted name has
/// to be quoted for ever after.
const SNOWFLAKE_RESERVED: &[&str] = &[
    "account",
    "all",
    "alter",
    "and",
    "any",
    "as",
    "between",
    "by",
    "case",
    "cast",
    "check",
    "column",
    "connect",
    "connection",
    "constraint",
    "create",
    "cross",
    "current",
    "current_date",
    "current_time",
    "current_timestamp",
    "current_user",
    "database",
    "delete",
    "distinct",
    "drop",
    "else",
    "exists",
    "false",
    "following",
    "for",
    "from",
    "full",
    "grant",
    "group",
    "gscluster",
    "having",
    "ilike",
    "in",
    "increment",
    "inner",
    "insert",
    "intersect",
    "into",
    "is",
    "issue",
    "join",
    "lateral",
    "left",
    "like",
    "localtime",
    "localtimestamp",
    "minus",
    "natural",
    "not",
    "null",
    "of",
    "on",
    "or",
    "order",
    "organization",
    "qualify",
    "regexp",
    "revoke",
    "right",
    "rlike",
    "row",
    "rows",
    "sample",
    "schema",
    "select",
    "set",
    "some",
    "start",
    "table",
    "tablesample",
    "then",
    "to",
    "trigger",
    "true",
    "try_cast",
    "union",
    "unique",
    "update",
    "using",
    "values",
    "view",
    "when",
    "whenever",
    "where",
    "with",
];

impl Engine {
    /// All, in the order in which they are listed.
    pub const ALL: [Self; 8] = [
        Self::Duckdb,
        Self::Snowflake,
        Self::Bigquery,
        Self::Redshift,
        Self::Databricks,
        Self::Spark,
        Self::Clickhouse,
        Self::Athena,
    ];

    /// Its name on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Duckdb => "duckdb",
            Self::Snowflake => "snowflake",
            Self::Bigquery => "bigquery",
            Self::Redshift => "redshift",
            Self::Databricks => "databricks",
            Self::Spark => "spark",
            Self::Clickhouse => "clickhouse",
            Self::Athena => "athena",
        }
    }

    /// Its name as people write it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Duckdb => "DuckDB",
            Self::Snowflake => "Snowflake",
            Self::Bigquery => "BigQuery",
            Self::Redshift => "Redshift",
            Self::Databricks => "Databricks",
            Self::Spark => "Spark",
            Self::Clickhouse => "ClickHouse",
            Self::Athena => "Athena",
        }
    }

    /// A column's name as it stands in a statement.
    pub fn column(self, name: &str) -> String {
        match self {
            Self::Snowflake if SNOWFLAKE_RESERVED.contains(&name) => {
                format!("\"{}\"", name.to_uppercase())
            }
            Self::Snowflake if is_plain(name) => name.to_owned(),
            // A query of Athena quotes as Trino does; only its CREATE TABLE is Hive's.
            Self::Duckdb | Self::Snowflake | Self::Redshift | Self::Athena => {
                format!("\"{}\"", name.replace('"', "\"\""))
            }
            Self::Bigquery | Self::Clickhouse => {
                format!("`{}`", name.replace('\\', "\\\\").replace('`', "\\`"))
            }
            Self::Databricks | Self::Spark => format!("`{}`", name.replace('`', "``")),
        }
    }

    /// The name of a table or view: tables are named by `[a-z][a-z0-9_]*`, so it is quoted nowhere but where the name is a
    /// reserved word.
    pub fn object(self, schema: &str, name: &str) -> String {
        match self {
            Self::Bigquery => format!("`{schema}.{name}`"),
            _ => format!("{schema}.{}", self.bare_object(name)),
        }
    }

    /// The name of a table or view in the schema that is in use.
    fn bare_object(self, name: &str) -> String {
        match self {
            Self::Snowflake if !SNOWFLAKE_RESERVED.contains(&name) => name.to_owned(),
            _ => self.column(name),
        }
    }

    /// Text as it stands in a statement.
    pub fn text(self, value: &str) -> String {
        let backslashes = match self {
            Self::Duckdb | Self::Athena => value.to_owned(),
            // Redshift takes a backslash for an escape, as PostgreSQL 8 did.
            Self::Snowflake
            | Self::Bigquery
            | Self::Redshift
            | Self::Databricks
            | Self::Spark
            | Self::Clickhouse => value.replace('\\', "\\\\"),
        };
        match self {
            Self::Bigquery | Self::Databricks | Self::Spark => {
                format!(
                    "'{}'",
                    backslashes.replace('\'', "\\'").replace('\n', "\\n")
                )
            }
            _ => format!("'{}'", backslashes.replace('\'', "''")),
        }
    }

    /// A day as a value of a column of this type.
    pub fn day(self, kind: &ColumnType, day: NaiveDate) -> String {
        let is_time = matches!(kind, ColumnType::Timestamp);
        match self {
            Self::Clickhouse if is_time => format!("toDateTime64('{day} 00:00:00', 6, 'UTC')"),
            Self::Clickhouse => format!("toDate32('{day}')"),
            Self::Bigquery if is_time => format!("TIMESTAMP '{day} 00:00:00+00'"),
            Self::Duckdb if is_time => format!("TIMESTAMPTZ '{day} 00:00:00+00'"),
            Self::Snowflake if is_time => format!("'{day} 00:00:00 +0000'::TIMESTAMP_LTZ"),
            _ if is_time => format!("TIMESTAMP '{day} 00:00:00'"),
            _ => format!("DATE '{day}'"),
        }
    }

    /// A value of a JSON object that is kept as text, as text; null where it has none of that name.
    pub fn json_value(self, text: &str, key: &str) -> String {
        match self {
            Self::Duckdb => format!(
                "json_extract_string({text}, {})",
                self.text(&json_path(key))
            ),
            Self::Snowflake => format!(
                "GET_PATH(PARSE_JSON({text}), {})::VARCHAR",
                self.text(&snowflake_path(key))
            ),
            Self::Bigquery => format!("JSON_VALUE({text}, {})", self.text(&json_path(key))),
            Self::Redshift => format!("JSON_EXTRACT_PATH_TEXT({text}, {}, TRUE)", self.text(key)),
            Self::Databricks | Self::Spark => {
                format!("GET_JSON_OBJECT({text}, {})", self.text(&hive_path(key)))
            }
            Self::Clickhouse => format!(
                "nullIf(JSONExtractString(ifNull({text}, ''), {}), '')",
                self.text(key)
            ),
            Self::Athena => format!(
                "JSON_EXTRACT_SCALAR({text}, {})",
                self.text(&trino_path(key))
            ),
        }
    }

    /// The type of a column, as it stands in a table's definition.
    pub fn type_name(self, kind: &ColumnType) -> String {
        match self {
            // Every column may be null, but `ClickHouse` has no null lists and tuples.
            Self::Clickhouse if matches!(kind, ColumnType::List(_) | ColumnType::Struct(_)) => {
                self.plain_type(kind)
            }
            Self::Clickhouse => format!("Nullable({})", self.plain_type(kind)),
            _ => self.plain_type(kind),
        }
    }

    fn plain_type(self, kind: &ColumnType) -> String {
        let scalar = match (self, kind) {
            (Self::Bigquery, ColumnType::Integer) => "INT64",
            (Self::Clickhouse, ColumnType::Integer) => "Int64",
            (_, ColumnType::Integer) => "BIGINT",
            (Self::Bigquery, ColumnType::Float) => "FLOAT64",
            (Self::Clickhouse, ColumnType::Float) => "Float64",
            (Self::Redshift, ColumnType::Float) => "DOUBLE PRECISION",
            (_, ColumnType::Float) => "DOUBLE",
            (Self::Bigquery | Self::Clickhouse, ColumnType::Boolean) => "Bool",
            (_, ColumnType::Boolean) => "BOOLEAN",
            (Self::Clickhouse, ColumnType::Date) => "Date32",
            (_, ColumnType::Date) => "DATE",
            (Self::Duckdb, ColumnType::Timestamp) => "TIMESTAMPTZ",
            (Self::Snowflake, ColumnType::Timestamp) => "TIMESTAMP_LTZ(6)",
            (Self::Clickhouse, ColumnType::Timestamp) => "DateTime64(6, 'UTC')",
            (_, ColumnType::Timestamp) => "TIMESTAMP",
            (Self::Duckdb | Self::Snowflake, ColumnType::Text | ColumnType::Json) => "VARCHAR",
            (Self::Clickhouse, ColumnType::Text | ColumnType::Json) => "String",
            // The longest that it has: a URL may be long, and a longer value would stop the load.
            (Self::Redshift, ColumnType::Text | ColumnType::Json) => "VARCHAR(65535)",
            (_, ColumnType::Text | ColumnType::Json) => "STRING",
            (Self::Redshift, ColumnType::List(_) | ColumnType::Struct(_)) => "SUPER",
            (Self::Snowflake, ColumnType::List(_)) => "ARRAY",
            (Self::Snowflake, ColumnType::Struct(_)) => "OBJECT",
            (_, ColumnType::List(items)) => return self.list_type(items),
            (_, ColumnType::Struct(fields)) => return self.struct_type(fields),
        };
        match self {
            Self::Bigquery => scalar.to_uppercase(),
            _ => scalar.to_owned(),
        }
    }

    fn list_type(self, items: &ColumnType) -> String {
        match self {
            Self::Duckdb => format!("{}[]", self.plain_type(items)),
            Self::Clickhouse => format!("Array({})", self.type_name(items)),
            _ => format!("ARRAY<{}>", self.plain_type(items)),
        }
    }

    fn struct_type(self, fields: &[(String, ColumnType)]) -> String {
        let (open, between, close) = match self {
            Self::Duckdb => ("STRUCT(", " ", ")"),
            Self::Clickhouse => ("Tuple(", " ", ")"),
            Self::Bigquery => ("STRUCT<", " ", ">"),
            _ => ("STRUCT<", ":", ">"),
        };
        let field = |(name, kind): &(String, ColumnType)| {
            let name = if self == Self::Athena {
                name.clone()
            } else {
                self.column(name)
            };
            format!("{name}{between}{}", self.type_name(kind))
        };
        let fields: Vec<String> = fields.iter().map(field).collect();
        format!("{open}{}{close}", fields.join(", "))
    }
}

fn is_plain(name: &str) -> bool {
    !name.starts_with(|first: char| first.is_ascii_digit())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// `$.client`; a name that is no word is quoted.
fn json_path(key: &str) -> String {
    if is_plain(key) {
        format!("$.{key}")
    } else {
        format!("$.\"{}\"", key.replace('"', "\\\""))
    }
}

/// Trino reads quotes inside brackets only.
fn trino_path(key: &str) -> String {
    if is_plain(key) {
        format!("$.{key}")
    } else {
        format!("$[\"{}\"]", key.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

fn snowflake_path(key: &str) -> String {
    if is_plain(key) {
        key.to_owned()
    } else {
        format!("[\"{}\"]", key.replace('"', "\\\""))
    }
}

fn hive_path(key: &str) -> String {
    if is_plain(key) {
        format!("$.{key}")
    } else {
        format!("$['{key}']")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_leave_its_quotes() {
        let hostile = "a'b\\'; DROP TABLE x; --";
        for engine in Engine::ALL {
            let quoted = engine.text(hostile);
            let inner = &quoted[1..quoted.len() - 1];
            let mut chars = inner.chars().peekable();
            let takes_backslash = engine.text("\\").len() == 4;
            while let Some(char) = chars.next() {
                match char {
                    '\\' if takes_backslash => {
                        assert!(chars.next().is_some(), "{engine:?}: {quoted}")
                    }
                    '\'' => assert_eq!(chars.next(), Some('\''), "{engine:?}: {quoted}"),
                    _ => {}
                }
            }
        }
    }

    #[test]
    fn labels_and_backslashes_are_spelled_as_each_engine_reads_them() {
        let label = |engine: Engine| engine.json_value("labels", "cost-center");
        assert_eq!(
            label(Engine::Athena),
            "JSON_EXTRACT_SCALAR(labels, '$[\"cost-center\"]')"
        );
        assert_eq!(
            label(Engine::Duckdb),
            "json_extract_string(labels, '$.\"cost-center\"')"
        );
        assert_eq!(Engine::Redshift.text("a\\b"), "'a\\\\b'");
        assert_eq!(Engine::Athena.text("a\\b"), "'a\\b'");
    }

    #[test]
    fn names_are_quoted_where_a_reader_need_not_repeat_it() {
        assert_eq!(Engine::Snowflake.column("domain_rating"), "domain_rating");
        assert_eq!(Engine::Snowflake.column("_target"), "_target");
        assert_eq!(Engine::Snowflake.column("rows"), "\"ROWS\"");
        assert_eq!(Engine::Duckdb.column("rows"), "\"rows\"");
        assert_eq!(Engine::Bigquery.object("seo", "links"), "`seo.links`");
    }
}
