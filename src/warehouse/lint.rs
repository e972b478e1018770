//! Whether a committed table is laid out as each engine likes it, and what to change where it is not.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::engine::Engine;
use super::table::{Division, Table};
use crate::table::layout::{ColumnLayout, FileLayout};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// Files of a partition that are on average smaller than this cost more to open than to read.
const SMALL_FILE: u64 = 16 * MIB;
/// Files of a table above this many are slow to list, where they are small as well.
const MANY_FILES: usize = 1_000;
/// A table's files that are on average smaller than this are many for what they hold.
const TINY_FILE: u64 = 256 * KIB;
/// Snowflake loads files of up to about this size in parallel; larger ones wait for one thread.
const LARGE_FILE: u64 = 512 * MIB;
/// `BigQuery`'s least for a row group of a file that has several.
const SMALL_GROUP: u64 = 16 * MIB;
/// Snowflake's most.
const LARGE_GROUP: u64 = 256 * MIB;
/// `DuckDB` works on row groups side by side: fewer rows than this in each, and it does little else than begin.
const FEW_ROWS: u64 = 10_000;
/// Partitions that a table of `BigQuery` may have.
const BIGQUERY_PARTITIONS: usize = 10_000;
/// Beginnings of names that `BigQuery` keeps for itself.
const BIGQUERY_PREFIXES: [&str; 7] = [
    "_TABLE_",
    "_FILE_",
    "_PARTITION",
    "_ROW_TIMESTAMP",
    "__ROOT__",
    "_COLIDENTIFIER",
    "_CHANGE_",
];

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// The engine cannot read the table, or reads it wrong.
    Broken,
    /// It reads it slowly, or dearly.
    Slow,
    /// Worth knowing.
    Note,
}

impl Weight {
    /// In a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Broken => "broken",
            Self::Slow => "slow",
            Self::Note => "note",
        }
    }
}

/// One thing about a table that an engine would like otherwise.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Advice {
    /// How much it matters.
    pub weight: Weight,
    /// To whom; all engines if empty.
    pub engines: Vec<Engine>,
    /// What is the matter.
    pub what: String,
    /// What to change.
    pub change: String,
}

/// A file where it lies.
#[derive(Debug, Clone)]
pub struct PlacedFile {
    /// Folder of its partition below the table's.
    pub partition: String,
    /// Its name inside it.
    pub name: String,
    /// Its layout.
    pub layout: FileLayout,
}

/// Judges a table by the layout of its files.
pub fn lint(table: &Table, files: &[PlacedFile]) -> Vec<Advice> {
    let report = table.schema().name();
    let mut all = Vec::new();
    all.extend(names(table));
    all.extend(clashes(table));
    all.extend(types(files));
    all.extend(columns(table, files));
    all.extend(sizes(report, files));
    all.extend(groups(report, files));
    all.extend(partitions(table, files));
    all.extend(nulls(table, files));
    all.sort();
    all
}

fn names(table: &Table) -> Vec<Advice> {
    let mut all = Vec::new();
    let mut seen = BTreeSet::new();
    for column in table.columns() {
        let name = &column.name;
        let rename = format!(
            "take the column out: columns = [\"standard\", \"-{name}\"], and give the report a new name"
        );
        if !seen.insert(name.to_ascii_lowercase()) {
            all.push(Advice {
                weight: Weight::Broken,
                engines: Engine::ALL
                    .into_iter()
                    .filter(|engine| *engine != Engine::Clickhouse)
                    .collect(),
                what: format!("two columns are named `{name}` but for the case of letters"),
                change: rename.clone(),
            });
        }
        let upper = name.to_ascii_uppercase();
        if BIGQUERY_PREFIXES
            .iter()
            .any(|prefix| upper.starts_with(prefix))
            || name.contains('.')
        {
            all.push(Advice {
                weight: Weight::Broken,
                engines: vec![Engine::Bigquery],
                what: format!("BigQuery keeps names like `{name}` for itself"),
                change: rename,
            });
        }
    }
    all
}

fn clashes(table: &Table) -> Option<Advice> {
    let (key, _) = table.folder_key()?;
    let column = table
        .columns()
        .iter()
        .find(|column| column.name.eq_ignore_ascii_case(key))?;
    Some(Advice {
        weight: Weight::Broken,
        engines: Vec::new(),
        what: format!(
            "the folders' key `{key}` is also the column `{}`",
            column.name
        ),
        change:
            "take the column out and give the report a new name: readers would see one of the two"
                .to_owned(),
    })
}

fn types(files: &[PlacedFile]) -> Vec<Advice> {
    let mut all = BTreeSet::new();
    for file in files {
        let foreign = file
            .layout
            .columns
            .iter()
            .filter(|column| column.kind.is_none());
        for ColumnLayout { name, spelled, .. } in foreign {
            all.insert(Advice {
                weight: Weight::Broken,
                engines: Vec::new(),
                what: format!(
                    "the column `{name}` of {}/{} is {spelled}, which not every engine reads",
                    file.partition, file.name
                ),
                change: "backhaul verify, then: backhaul rebuild   (0 units)".to_owned(),
            });
        }
    }
    all.into_iter().collect()
}

/// Files from before a column was added lack it: engines that take the first file's columns for all then miss it or refuse.
fn columns(table: &Table, files: &[PlacedFile]) -> Option<Advice> {
    let wanted: Vec<&str> = table
        .columns()
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    let has = |file: &&PlacedFile| {
        file.layout
            .columns
            .iter()
            .map(|column| column.name.as_str())
            .eq(wanted.iter().copied())
    };
    let older: Vec<&PlacedFile> = files.iter().filter(|file| !has(file)).collect();
    let (first, last) = (older.first()?, older.last()?);
    let report = table.schema().name();
    Some(Advice {
        weight: Weight::Slow,
        engines: vec![
            Engine::Duckdb,
            Engine::Spark,
            Engine::Databricks,
            Engine::Bigquery,
        ],
        what: format!(
            "{} of {} files, from {} to {}, have fewer columns than the table now: reading the folder needs union_by_name (DuckDB) or mergeSchema (Spark), \
             and BigQuery the explicit schema that `load` prints",
            older.len(),
            files.len(),
            first.partition,
            last.partition
        ),
        change: format!(
            "backhaul rebuild --report {report}   (0 units, where the answers are still kept)"
        ),
    })
}

fn sizes(report: &str, files: &[PlacedFile]) -> Vec<Advice> {
    let mut all = Vec::new();
    let mut scattered: Vec<&str> = Vec::new();
    for part in files.chunk_by(|left, right| left.partition == right.partition) {
        let bytes: u64 = part.iter().map(|file| file.layout.bytes).sum();
        let mean = bytes / u64::try_from(part.len().max(1)).unwrap_or(1);
        if part.len() > 1 && mean < SMALL_FILE {
            scattered.extend(part.first().map(|file| file.partition.as_str()));
        }
    }
    if let Some(first) = scattered.first() {
        all.push(Advice {
            weight: Weight::Slow,
            engines: Vec::new(),
            what: format!("{} partitions, {first} among them, have several files that are under 16 MiB on average", scattered.len()),
            change: format!("backhaul compact --report {report}; with further keys in partition_by: take those out, then backhaul rebuild"),
        });
    }
    if let Some(large) = files.iter().find(|file| file.layout.bytes > LARGE_FILE) {
        all.push(Advice {
            weight: Weight::Slow,
            engines: vec![Engine::Snowflake, Engine::Redshift],
            what: format!(
                "{}/{} is larger than 512 MiB: one file is loaded by one thread",
                large.partition, large.name
            ),
            change:
                "file_size = \"128 MiB\" under [destination], then: backhaul rebuild   (0 units)"
                    .to_owned(),
        });
    }
    all
}

fn groups(report: &str, files: &[PlacedFile]) -> Vec<Advice> {
    let mut all = Vec::new();
    let rebuild = format!("backhaul rebuild --report {report}   (0 units)");
    let last_but = |file: &PlacedFile| file.layout.row_groups.len().saturating_sub(1);
    let has_small = |file: &&PlacedFile| {
        file.layout
            .row_groups
            .iter()
            .take(last_but(file))
            .any(|group| group.bytes < SMALL_GROUP && group.rows < FEW_ROWS)
    };
    if let Some(small) = files.iter().find(has_small) {
        all.push(Advice {
            weight: Weight::Slow,
            engines: vec![Engine::Bigquery, Engine::Duckdb, Engine::Athena],
            what: format!(
                "{}/{} has row groups of under 10,000 rows and 16 MiB",
                small.partition, small.name
            ),
            change: rebuild.clone(),
        });
    }
    if let Some(large) = files.iter().find(|file| {
        file.layout
            .row_groups
            .iter()
            .any(|group| group.bytes > LARGE_GROUP)
    }) {
        all.push(Advice {
            weight: Weight::Slow,
            engines: vec![Engine::Snowflake],
            what: format!(
                "{}/{} has a row group of more than 256 MiB",
                large.partition, large.name
            ),
            change: rebuild.clone(),
        });
    }
    let is_bare = |file: &&PlacedFile| {
        file.layout.rows > 0
            && file
                .layout
                .columns
                .iter()
                .any(|column| !column.has_index && column.kind.is_some())
    };
    if let Some(bare) = files.iter().find(is_bare) {
        all.push(Advice {
            weight: Weight::Slow,
            engines: vec![Engine::Athena, Engine::Spark, Engine::Databricks],
            what: format!("{}/{} has no page index", bare.partition, bare.name),
            change: rebuild.clone(),
        });
    }
    if let Some(loose) = files
        .iter()
        .find(|file| file.layout.rows > 0 && !file.layout.is_sorted)
    {
        all.push(Advice {
            weight: Weight::Note,
            engines: Vec::new(),
            what: format!(
                "{}/{} does not say by what it is sorted",
                loose.partition, loose.name
            ),
            change: rebuild,
        });
    }
    all
}

fn partitions(table: &Table, files: &[PlacedFile]) -> Vec<Advice> {
    let mut all = Vec::new();
    let names: BTreeSet<&str> = files.iter().map(|file| file.partition.as_str()).collect();
    if names.len() > BIGQUERY_PARTITIONS && *table.division() == Division::Nights {
        all.push(Advice {
            weight: Weight::Broken,
            engines: vec![Engine::Bigquery],
            what: format!(
                "{} nights, and a table of BigQuery has at most 10,000 partitions",
                names.len()
            ),
            change: "give the report a new name from now on".to_owned(),
        });
    }
    let bytes: u64 = files.iter().map(|file| file.layout.bytes).sum();
    let mean = bytes / u64::try_from(files.len().max(1)).unwrap_or(1);
    if files.len() > MANY_FILES && mean < TINY_FILE {
        all.push(Advice {
            weight: Weight::Slow,
            engines: Vec::new(),
            what: format!("{} files hold {} KiB on average: listing and opening them takes longer than reading", files.len(), mean / KIB),
            change: "load copies instead of reading the folder (backhaul load ENGINE), or fetch it less often: every = \"week\"".to_owned(),
        });
    }
    all
}

/// Columns that are null in every row of every file: they cost units and tell nothing.
fn nulls(table: &Table, files: &[PlacedFile]) -> Option<Advice> {
    let with_rows: Vec<&PlacedFile> = files.iter().filter(|file| file.layout.rows > 0).collect();
    if with_rows.is_empty() || table.is_system_table() {
        return None;
    }
    let is_null = |name: &str| {
        with_rows.iter().all(|file| {
            let column = file
                .layout
                .columns
                .iter()
                .find(|column| column.name == name);
            column.is_none_or(|column| column.is_all_null)
        })
    };
    let empty: Vec<_> = table
        .columns()
        .iter()
        .filter(|column| !column.is_metadata && is_null(&column.name))
        .collect();
    if empty.is_empty() {
        return None;
    }
    let units: u64 = empty.iter().map(|column| column.units).sum();
    let mut names = String::new();
    let mut out = String::new();
    for (index, column) in empty.iter().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        let _ = write!(names, "{comma}`{}`", column.name);
        let _ = write!(out, "{comma}\"-{}\"", column.name);
    }
    let cost = if units == 0 {
        String::new()
    } else {
        format!(", and cost {units} units a row")
    };
    Some(Advice {
        weight: Weight::Note,
        engines: Vec::new(),
        what: format!("null in every row{cost}: {names}"),
        change: format!("if nobody asks for them: add {out} to the report's `columns`"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::layout::RowGroupLayout;
    use crate::table::{ColumnType, RecordedColumn, TableSchema};

    fn table(columns: &[&str]) -> Table {
        let recorded: Vec<RecordedColumn> = columns
            .iter()
            .map(|name| RecordedColumn {
                name: (*name).to_owned(),
                kind: ColumnType::Integer.to_string(),
            })
            .collect();
        let schema =
            TableSchema::from_recorded("links", "site-explorer/anchors", &recorded).unwrap();
        Table::new(schema, None)
    }

    fn file(partition: &str, columns: &[&str]) -> PlacedFile {
        let columns = columns
            .iter()
            .map(|name| ColumnLayout {
                name: (*name).to_owned(),
                kind: Some(ColumnType::Integer),
                spelled: "Int64".to_owned(),
                is_all_null: false,
                has_index: true,
                has_bloom: false,
            })
            .collect();
        let row_groups = vec![RowGroupLayout {
            rows: 100_000,
            bytes: 32 * MIB,
        }];
        let layout = FileLayout {
            bytes: 64 * MIB,
            rows: 100_000,
            row_groups,
            columns,
            is_sorted: true,
        };
        PlacedFile {
            partition: partition.to_owned(),
            name: "part-00000.parquet".to_owned(),
            layout,
        }
    }

    const COLUMNS: [&str; 3] = ["_target", "_snapshot_date", "links"];
    const NIGHT: &str = "snapshot_date=2026-11-23";

    fn found(columns: &[&str], files: &[PlacedFile]) -> Vec<(Weight, String)> {
        lint(&table(columns), files)
            .into_iter()
            .map(|advice| (advice.weight, advice.what))
            .collect()
    }

    #[test]
    fn a_table_as_this_program_writes_it_has_nothing_to_be_said() {
        assert_eq!(found(&COLUMNS, &[file(NIGHT, &COLUMNS)]), []);
    }

    #[test]
    fn each_fault_of_a_layout_is_named() {
        let one = |change: &dyn Fn(&mut FileLayout)| {
            let mut file = file(NIGHT, &COLUMNS);
            change(&mut file.layout);
            let found = found(&COLUMNS, &[file]);
            assert_eq!(found.len(), 1, "{found:?}");
            found.into_iter().next().unwrap()
        };
        assert_eq!(one(&|layout| layout.bytes = 600 * MIB).0, Weight::Slow);
        assert_eq!(one(&|layout| layout.is_sorted = false).0, Weight::Note);
        assert_eq!(
            one(&|layout| layout.columns[2].has_index = false).0,
            Weight::Slow
        );
        assert_eq!(
            one(&|layout| layout.columns[2].kind = None).0,
            Weight::Broken
        );
        assert_eq!(
            one(&|layout| layout.columns[2].is_all_null = true).0,
            Weight::Note
        );
        assert_eq!(
            one(&|layout| layout.row_groups[0].bytes = 300 * MIB).0,
            Weight::Slow
        );
        let small = RowGroupLayout {
            rows: 500,
            bytes: KIB,
        };
        assert_eq!(
            one(&|layout| layout.row_groups = vec![small.clone(), small.clone()]).0,
            Weight::Slow
        );
    }

    #[test]
    fn a_file_from_before_a_column_came_is_named() {
        let files = [
            file("snapshot_date=2026-11-22", &COLUMNS[..2]),
            file(NIGHT, &COLUMNS),
        ];
        let found = found(&COLUMNS, &files);
        assert!(
            matches!(&found[..], [(Weight::Slow, what)] if what.contains("fewer columns")),
            "{found:?}"
        );
    }

    #[test]
    fn many_small_files_are_named_once() {
        let mut files = vec![file(NIGHT, &COLUMNS), file(NIGHT, &COLUMNS)];
        for file in &mut files {
            file.layout.bytes = MIB;
        }
        let found = found(&COLUMNS, &files);
        assert!(
            matches!(&found[..], [(Weight::Slow, what)] if what.contains("several files")),
            "{found:?}"
        );
    }

    #[test]
    fn names_that_an_engine_refuses_are_broken() {
        let columns = ["_snapshot_date", "_PARTITIONTIME", "snapshot_date"];
        let found = found(&columns, &[file(NIGHT, &columns)]);
        assert_eq!(
            found
                .iter()
                .filter(|(weight, _)| *weight == Weight::Broken)
                .count(),
            2,
            "{found:?}"
        );
    }
}
