//! The statements that bring a warehouse's tables to what is committed, partition by partition.
//!
//! Each partition is replaced: its rows are deleted, its files loaded, and the number of rows is held against the manifest
//! before that is made final, so that the same statements may be run again, in part or after an error.

use std::fmt::Write as _;

use super::ddl::create_or_widen_table;
use super::engine::Engine;
use super::external::{external, snowflake_direct};
use super::place::Place;
use super::table::{Division, Part, Table, raw_name};
use super::views::views;
use crate::table::{ColumnType, SNAPSHOT_DATE};

/// Files that one COPY of Snowflake names at most.
const SNOWFLAKE_FILES: usize = 1_000;

/// How a table comes to a warehouse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Rows are copied into tables of the warehouse.
    Copy,
    /// Tables over the files where they lie.
    External,
    /// Snowflake's read-only Iceberg tables over the folders.
    Direct,
}

/// A file of a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its name inside the partition's folder.
    pub name: String,
    /// Its rows.
    pub rows: u64,
}

/// A partition that a warehouse is to be given as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its folder below the table's.
    pub partition: String,
    /// Its files; none: it is gone.
    pub files: Vec<File>,
    /// The columns of every file, in order.
    pub columns: Vec<String>,
}

impl Change {
    /// Rows that a warehouse has to have of it.
    pub fn rows(&self) -> u64 {
        self.files.iter().map(|file| file.rows).sum()
    }
}

/// A table and the partitions that are to be loaded.
#[derive(Debug, Clone)]
pub struct Loading {
    /// The table.
    pub table: Table,
    /// Its partitions that changed, in order.
    pub changes: Vec<Change>,
}

/// The whole script: what is needed before, every table, every partition, every view.
pub fn script(
    engine: Engine,
    schema: &str,
    place: &Place,
    manner: Manner,
    loadings: &[Loading],
    labels: &[String],
) -> String {
    let mut text = place.setup(engine, schema);
    if manner == Manner::Direct {
        text.push_str(
            "-- An account administrator creates the external volume backhaul_volume over the bucket once, and this catalog:\n\
             CREATE CATALOG INTEGRATION IF NOT EXISTS backhaul_parquet_direct\n    CATALOG_SOURCE = OBJECT_STORE\n    \
             TABLE_FORMAT = HIVE\n    ENABLED = TRUE;\n",
        );
    }
    for loading in loadings {
        let _ = writeln!(text, "\n-- {}", loading.table.schema().name());
        match manner {
            Manner::External => text.push_str(&external(engine, schema, &loading.table, place)),
            Manner::Direct => text.push_str(&snowflake_direct(schema, &loading.table)),
            Manner::Copy if engine == Engine::Athena => {
                text.push_str(&external(engine, schema, &loading.table, place));
            }
            Manner::Copy => {
                text.push_str(&create_or_widen_table(engine, schema, &loading.table));
                for change in &loading.changes {
                    text.push_str(&replace(engine, schema, place, &loading.table, change));
                }
            }
        }
    }
    for loading in loadings {
        let _ = writeln!(
            text,
            "\n-- {}: plain names, labels",
            loading.table.schema().name()
        );
        text.push_str(&views(engine, schema, &loading.table, labels));
    }
    text
}

/// What one partition's statements are made from.
struct Step<'a> {
    engine: Engine,
    schema: &'a str,
    place: &'a Place,
    table: &'a Table,
    change: &'a Change,
    /// The table in the warehouse.
    name: String,
    /// Which of its rows are the partition's.
    condition: String,
}

/// The statements that replace a partition.
pub fn replace(
    engine: Engine,
    schema: &str,
    place: &Place,
    table: &Table,
    change: &Change,
) -> String {
    let Some(part) = table.part(&change.partition) else {
        return format!("-- {} is no partition of this table\n", change.partition);
    };
    let name = engine.object(schema, &raw_name(table.schema().name()));
    let condition = condition(engine, table, &part);
    let step = Step {
        engine,
        schema,
        place,
        table,
        change,
        name,
        condition,
    };
    let rows = change.rows();
    let mut text = format!(
        "\n-- {}/{}: {rows} rows\n",
        table.schema().name(),
        change.partition
    );
    text.push_str(&match engine {
        Engine::Duckdb => step.duckdb(),
        Engine::Snowflake => step.snowflake(),
        Engine::Bigquery => step.bigquery(&part),
        Engine::Redshift => step.redshift(),
        Engine::Databricks => step.databricks(),
        Engine::Spark => step.spark(&part),
        Engine::Clickhouse => step.clickhouse(&part),
        Engine::Athena => String::new(),
    });
    text
}

/// The rows of a part of the table.
fn condition(engine: Engine, table: &Table, part: &Part) -> String {
    let Some((column, kind)) = table.partition_column() else {
        return "TRUE".to_owned();
    };
    let column = engine.column(column);
    match part {
        Part::All => "TRUE".to_owned(),
        Part::Night(night) => format!("{column} = {}", engine.day(kind, *night)),
        Part::Days(days) => {
            let after = days.last.succ_opt().unwrap_or(days.last);
            format!(
                "{column} >= {} AND {column} < {}",
                engine.day(kind, days.first),
                engine.day(kind, after)
            )
        }
    }
}

impl Step<'_> {
    fn path(&self, file: &File) -> String {
        let folder = self.folder();
        self.place
            .name(self.engine, &format!("{folder}{}", file.name))
    }

    /// Folder of the partition below the destination, with a slash at its end.
    fn folder(&self) -> String {
        let report = self.table.schema().name();
        match self.table.division() {
            Division::Whole => format!("{report}/"),
            Division::Nights | Division::Years { .. } => {
                format!("{report}/{}/", self.change.partition)
            }
        }
    }

    fn columns(&self) -> String {
        let columns: Vec<String> = self
            .change
            .columns
            .iter()
            .map(|column| self.engine.column(column))
            .collect();
        columns.join(", ")
    }

    fn paths(&self) -> String {
        let paths: Vec<String> = self
            .change
            .files
            .iter()
            .map(|file| self.engine.text(&self.path(file)))
            .collect();
        paths.join(", ")
    }

    fn expected(&self) -> String {
        let (report, partition) = (self.table.schema().name(), &self.change.partition);
        format!("{report}/{partition}: expected {} rows", self.change.rows())
    }

    fn duckdb(&self) -> String {
        let Self {
            name,
            condition,
            change,
            ..
        } = self;
        let mut text = format!("BEGIN TRANSACTION;\nDELETE FROM {name} WHERE {condition};\n");
        if !change.files.is_empty() {
            let _ = writeln!(
                text,
                "INSERT INTO {name} BY NAME SELECT * FROM read_parquet([{}], hive_partitioning = false);",
                self.paths()
            );
        }
        let _ = writeln!(
            text,
            "SELECT CASE WHEN count(*) = {} THEN count(*) ELSE error({} || count(*)) END AS loaded FROM {name} WHERE {condition};\nCOMMIT;",
            change.rows(),
            self.engine.text(&format!("{}, found ", self.expected())),
        );
        text
    }

    fn snowflake(&self) -> String {
        let Self {
            name,
            condition,
            change,
            place,
            engine,
            ..
        } = self;
        let folder = format!("@backhaul_stage/{}", self.folder());
        let mut text = String::new();
        if let Place::Folder(_) = place {
            for file in &change.files {
                // A file keeps the folders of further partition keys, which COPY names again.
                let below = file
                    .name
                    .rsplit_once('/')
                    .map(|(below, _)| format!("{below}/"))
                    .unwrap_or_default();
                let file = engine.text(&format!("file://{}", self.path(file)));
                let _ = writeln!(
                    text,
                    "PUT {file} {folder}{below} AUTO_COMPRESS = FALSE OVERWRITE = TRUE;"
                );
            }
        }
        let _ = write!(text, "BEGIN;\nDELETE FROM {name} WHERE {condition};\n");
        for files in change.files.chunks(SNOWFLAKE_FILES) {
            let files: Vec<String> = files.iter().map(|file| engine.text(&file.name)).collect();
            // Without FORCE a file of a name that was loaded before is skipped.
            let _ = writeln!(
                text,
                "COPY INTO {name} FROM {folder}\n    FILES = ({})\n    FILE_FORMAT = (FORMAT_NAME = 'backhaul_parquet')\n    \
                 MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE\n    FORCE = TRUE\n    ON_ERROR = ABORT_STATEMENT;",
                files.join(", ")
            );
        }
        let (expected, rows) = (
            engine.text(&format!("{}, found ", self.expected())),
            change.rows(),
        );
        // A cast that fails is the one way to stop a plain script with a message.
        let _ = writeln!(
            text,
            "SELECT CAST(IFF(COUNT(*) = {rows}, COUNT(*)::VARCHAR, {expected} || COUNT(*)) AS INTEGER) AS loaded FROM {name} WHERE {condition};\nCOMMIT;",
        );
        text
    }

    fn bigquery(&self, part: &Part) -> String {
        let Self {
            name,
            condition,
            change,
            schema,
            table,
            engine,
            ..
        } = self;
        if change.files.is_empty() {
            return format!("DELETE FROM {name} WHERE {condition};\n");
        }
        let files = format!(
            "FROM FILES (format = 'PARQUET', enable_list_inference = true, uris = [{}])",
            self.paths()
        );
        let check = |name: &str| {
            format!(
                "ASSERT (SELECT COUNT(*) FROM {name} WHERE {condition}) = {} AS {};\n",
                change.rows(),
                engine.text(&self.expected())
            )
        };
        if let Part::Night(night) = part {
            let night = engine.day(&ColumnType::Date, *night);
            let column = engine.column(SNAPSHOT_DATE);
            return format!(
                "LOAD DATA INTO {name}\n    OVERWRITE PARTITIONS ({column} = {night})\n    {files};\n{}",
                check(name)
            );
        }
        // Files are loaded beside the table first: only rows can be replaced in a transaction.
        let beside = engine.object(schema, &format!("loading_{}", table.schema().name()));
        let definitions: Vec<String> = table
            .columns()
            .iter()
            .filter(|column| change.columns.contains(&column.name))
            .map(|column| {
                format!(
                    "{} {}",
                    engine.column(&column.name),
                    engine.type_name(&column.kind)
                )
            })
            .collect();
        let columns = self.columns();
        format!(
            "LOAD DATA OVERWRITE {beside} ({})\n    {files};\n{}BEGIN TRANSACTION;\nDELETE FROM {name} WHERE {condition};\n\
             INSERT INTO {name} ({columns}) SELECT {columns} FROM {beside};\nCOMMIT TRANSACTION;\nDROP TABLE {beside};\n",
            definitions.join(", "),
            check(&beside)
        )
    }

    fn redshift(&self) -> String {
        let Self {
            name,
            condition,
            change,
            engine,
            ..
        } = self;
        let mut text = format!("BEGIN;\nDELETE FROM {name} WHERE {condition};\n");
        for file in &change.files {
            let _ = writeln!(
                text,
                "COPY {name} ({}) FROM {} IAM_ROLE default FORMAT AS PARQUET SERIALIZETOJSON;",
                self.columns(),
                engine.text(&self.path(file))
            );
        }
        let (expected, rows) = (
            engine.text(&format!("{}, found ", self.expected())),
            change.rows(),
        );
        let _ = writeln!(
            text,
            "SELECT CAST(CASE WHEN COUNT(*) = {rows} THEN COUNT(*)::VARCHAR ELSE {expected} || COUNT(*) END AS BIGINT) AS loaded FROM {name} WHERE {condition};\nCOMMIT;",
        );
        text
    }

    /// The rows of the partition's files, one column for each of the table's but `without`, in order.
    fn spark_select(&self, without: Option<&str>) -> String {
        let columns: Vec<String> = self
            .table
            .columns()
            .iter()
            .filter(|column| Some(column.name.as_str()) != without)
            .map(|column| {
                let name = self.engine.column(&column.name);
                if self.change.columns.contains(&column.name) {
                    name
                } else {
                    format!(
                        "CAST(NULL AS {}) AS {name}",
                        self.engine.type_name(&column.kind)
                    )
                }
            })
            .collect();
        let columns = columns.join(", ");
        let files: Vec<String> = self
            .change
            .files
            .iter()
            .map(|file| {
                format!(
                    "SELECT {columns} FROM parquet.{}",
                    self.engine.column(&self.path(file))
                )
            })
            .collect();
        files.join("\nUNION ALL ")
    }

    fn spark_check(&self) -> String {
        let Self {
            name,
            condition,
            change,
            engine,
            ..
        } = self;
        format!(
            "SELECT assert_true(COUNT(*) = {}, {}) AS loaded FROM {name} WHERE {condition};\n",
            change.rows(),
            engine.text(&self.expected())
        )
    }

    fn databricks(&self) -> String {
        let Self {
            name,
            condition,
            change,
            ..
        } = self;
        if change.files.is_empty() {
            return format!("DELETE FROM {name} WHERE {condition};\n");
        }
        format!(
            "INSERT INTO {name} REPLACE WHERE {condition}\n{};\n{}",
            self.spark_select(None),
            self.spark_check()
        )
    }

    fn spark(&self, part: &Part) -> String {
        let Self {
            name,
            change,
            engine,
            ..
        } = self;
        let (partition, without) = match part {
            Part::Night(night) => {
                let night = engine.day(&ColumnType::Date, *night);
                (
                    format!(" PARTITION ({} = {night})", engine.column(SNAPSHOT_DATE)),
                    Some(SNAPSHOT_DATE),
                )
            }
            Part::Days(days) => (
                format!(" PARTITION (`period` = {})", days.first.format("%Y")),
                None,
            ),
            Part::All => (String::new(), None),
        };
        if change.files.is_empty() {
            return match part {
                Part::All => format!("TRUNCATE TABLE {name};\n"),
                _ => format!("ALTER TABLE {name} DROP IF EXISTS{partition};\n"),
            };
        }
        format!(
            "INSERT OVERWRITE TABLE {name}{partition}\n{};\n{}",
            self.spark_select(without),
            self.spark_check()
        )
    }

    fn clickhouse(&self, part: &Part) -> String {
        let Self {
            name,
            change,
            schema,
            place,
            table,
            engine,
            ..
        } = self;
        let partition = match part {
            Part::Night(night) => format!("'{night}'"),
            Part::Days(days) => days.first.format("%Y").to_string(),
            Part::All => "tuple()".to_owned(),
        };
        // Files of no rows too: a partition is not replaced by an empty one unless a setting allows it.
        if change.rows() == 0 {
            return format!("ALTER TABLE {name} DROP PARTITION {partition};\n");
        }
        // Rows are gathered beside the table, then take the partition's place at once.
        let beside = engine.object(schema, &format!("loading_{}", table.schema().name()));
        let mut text =
            format!("DROP TABLE IF EXISTS {beside};\nCREATE TABLE {beside} AS {name};\n");
        let columns = self.columns();
        for file in &change.files {
            let source = place.clickhouse_source(&self.path(file), table);
            let _ = writeln!(
                text,
                "INSERT INTO {beside} ({columns}) SELECT {columns} FROM {source};"
            );
        }
        let _ = writeln!(
            text,
            "SELECT throwIf(count() != {}, {}) AS loaded FROM {beside};\nALTER TABLE {name} REPLACE PARTITION {partition} FROM {beside};\nDROP TABLE {beside};",
            change.rows(),
            engine.text(&self.expected())
        );
        text
    }
}
