//! Each finding on a file made for it, and none on a file as it is written.

use super::{LocatedFile, Severity, lint_table};
use crate::table::layout::{ColumnLayout, FileLayout, RowGroupLayout};
use crate::table::{ColumnType, RecordedColumn, TableSchema};
use crate::warehouse::table::Table;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

fn table(columns: &[&str]) -> Table {
    let recorded: Vec<RecordedColumn> = columns
        .iter()
        .map(|name| RecordedColumn {
            name: (*name).to_owned(),
            kind: ColumnType::Integer.to_string(),
        })
        .collect();
    let schema = TableSchema::from_recorded("links", "site-explorer/anchors", &recorded).unwrap();
    Table::new(schema, None)
}

fn file(partition: &str, columns: &[&str]) -> LocatedFile {
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
    LocatedFile {
        partition: partition.to_owned(),
        name: "part-00000.parquet".to_owned(),
        layout,
    }
}

const COLUMNS: [&str; 3] = ["_target", "_snapshot_date", "links"];
const NIGHT: &str = "snapshot_date=2026-11-23";

fn found(columns: &[&str], files: &[LocatedFile]) -> Vec<(Severity, String)> {
    lint_table(&table(columns), files)
        .into_iter()
        .map(|finding| (finding.severity, finding.problem))
        .collect()
}

#[test]
fn a_table_as_this_program_writes_it_has_no_findings() {
    assert_eq!(found(&COLUMNS, &[file(NIGHT, &COLUMNS)]), []);
}

#[test]
fn each_problem_of_a_layout_is_found() {
    let only_finding = |change: &dyn Fn(&mut FileLayout)| {
        let mut file = file(NIGHT, &COLUMNS);
        change(&mut file.layout);
        let found = found(&COLUMNS, &[file]);
        assert_eq!(found.len(), 1, "{found:?}");
        found.into_iter().next().unwrap()
    };
    assert_eq!(
        only_finding(&|layout| layout.bytes = 600 * MIB).0,
        Severity::Slow
    );
    assert_eq!(
        only_finding(&|layout| layout.is_sorted = false).0,
        Severity::Note
    );
    assert_eq!(
        only_finding(&|layout| layout.columns[2].has_index = false).0,
        Severity::Slow
    );
    assert_eq!(
        only_finding(&|layout| layout.columns[2].kind = None).0,
        Severity::Broken
    );
    assert_eq!(
        only_finding(&|layout| layout.columns[2].is_all_null = true).0,
        Severity::Note
    );
    assert_eq!(
        only_finding(&|layout| layout.row_groups[0].bytes = 300 * MIB).0,
        Severity::Slow
    );
    let small = RowGroupLayout {
        rows: 500,
        bytes: KIB,
    };
    assert_eq!(
        only_finding(&|layout| layout.row_groups = vec![small.clone(), small.clone()]).0,
        Severity::Slow
    );
}

#[test]
fn a_file_from_before_a_column_was_added_is_found() {
    let files = [
        file("snapshot_date=2026-11-22", &COLUMNS[..2]),
        file(NIGHT, &COLUMNS),
    ];
    let found = found(&COLUMNS, &files);
    assert!(
        matches!(&found[..], [(Severity::Slow, problem)] if problem.contains("fewer columns")),
        "{found:?}"
    );
}

#[test]
fn many_small_files_are_found_once() {
    let mut files = vec![file(NIGHT, &COLUMNS), file(NIGHT, &COLUMNS)];
    for file in &mut files {
        file.layout.bytes = MIB;
    }
    let found = found(&COLUMNS, &files);
    assert!(
        matches!(&found[..], [(Severity::Slow, problem)] if problem.contains("several files")),
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
            .filter(|(weight, _)| *weight == Severity::Broken)
            .count(),
        2,
        "{found:?}"
    );
}
