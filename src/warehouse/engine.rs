//! The engines that can be loaded.

use super::data_location::LocationKind;
use super::dialect::{ClientCommand, SqlDialect};
use super::dialects::{
    Athena, BigQuery, ClickHouse, Databricks, DuckDb, Redshift, Snowflake, Spark,
};
use super::table_load::LoadMethod;

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

    /// How it spells names, values and statements.
    pub(super) fn dialect(self) -> &'static dyn SqlDialect {
        match self {
            Self::Duckdb => &DuckDb,
            Self::Snowflake => &Snowflake,
            Self::Bigquery => &BigQuery,
            Self::Redshift => &Redshift,
            Self::Databricks => &Databricks,
            Self::Spark => &Spark,
            Self::Clickhouse => &ClickHouse,
            Self::Athena => &Athena,
        }
    }

    /// The engine of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|engine| engine.name() == name)
    }

    /// Its name on the command line and in files.
    pub fn name(self) -> &'static str {
        self.dialect().name()
    }

    /// Its name as people write it.
    pub fn title(self) -> &'static str {
        self.dialect().title()
    }

    /// Where it can read files, in words; `None` if everywhere: `s3://, gs:// or az://`.
    pub(crate) fn readable_from(self) -> Option<String> {
        let kinds = self.dialect().readable_from();
        if kinds.len() == LocationKind::ALL.len() {
            return None;
        }
        Some(LocationKind::list(kinds))
    }

    /// The ways in which it can be given rows; the first is the default.
    pub fn load_methods(self) -> &'static [LoadMethod] {
        self.dialect().load_methods()
    }

    /// How to run its own client, if it has one that reads a script.
    pub(crate) fn client(self, database: Option<&str>) -> Option<ClientCommand> {
        self.dialect().client(database)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        for engine in Engine::ALL {
            assert_eq!(Engine::from_name(engine.name()), Some(engine));
        }
    }

    #[test]
    fn text_cannot_leave_its_quotes() {
        let hostile = "a'b\\'; DROP TABLE x; --";
        for engine in Engine::ALL {
            let dialect = engine.dialect();
            let quoted = dialect.text(hostile);
            let inner = &quoted[1..quoted.len() - 1];
            let mut chars = inner.chars().peekable();
            let takes_backslash = dialect.text("\\").len() == 4;
            while let Some(char) = chars.next() {
                match char {
                    '\\' if takes_backslash => {
                        assert!(chars.next().is_some(), "{engine:?}: {quoted}");
                    }
                    '\'' => assert_eq!(chars.next(), Some('\''), "{engine:?}: {quoted}"),
                    _ => {}
                }
            }
        }
    }

    #[test]
    fn labels_and_backslashes_are_spelled_as_each_engine_reads_them() {
        let label = |engine: Engine| engine.dialect().json_value("labels", "cost-center");
        assert_eq!(
            label(Engine::Athena),
            "JSON_EXTRACT_SCALAR(labels, '$[\"cost-center\"]')"
        );
        assert_eq!(
            label(Engine::Duckdb),
            "json_extract_string(labels, '$.\"cost-center\"')"
        );
        assert_eq!(Engine::Redshift.dialect().text("a\\b"), "'a\\\\b'");
        assert_eq!(Engine::Athena.dialect().text("a\\b"), "'a\\b'");
    }

    #[test]
    fn names_are_quoted_only_where_queries_need_not_repeat_the_quotes() {
        let snowflake = Engine::Snowflake.dialect();
        assert_eq!(snowflake.column("domain_rating"), "domain_rating");
        assert_eq!(snowflake.column("_target"), "_target");
        assert_eq!(snowflake.column("rows"), "\"ROWS\"");
        assert_eq!(Engine::Duckdb.dialect().column("rows"), "\"rows\"");
        assert_eq!(
            Engine::Bigquery.dialect().object("seo", "links"),
            "`seo.links`"
        );
    }
}
