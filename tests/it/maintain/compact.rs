//! `compact` keeps every row, and rows that are carried over keep their order.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use arrow::array::ArrayRef;
use arrow::row::{RowConverter, SortField};
use backhaul::sink::read_footer;
use serde_json::Value as Json;

use super::support::{
    batches, crumbled, cut_off_everywhere, files_of, only_file, state_path, targets,
};
use crate::support::{TestContext, parquet_files, read_rows, unlimited};

/// Checks the order that a file declares.
fn assert_sorted_as_declared(path: &Path) {
    let claim = read_footer(path).unwrap().sorted_by;
    let batch = batches(path);
    let columns: Vec<ArrayRef> = claim
        .iter()
        .map(|name| batch.column_by_name(name).unwrap().clone())
        .collect();
    let fields = columns
        .iter()
        .map(|column| SortField::new(column.data_type().clone()))
        .collect();
    let rows = RowConverter::new(fields)
        .unwrap()
        .convert_columns(&columns)
        .unwrap();
    let rows: Vec<_> = rows.iter().collect();
    assert!(
        rows.is_sorted(),
        "{} is not sorted by {claim:?}",
        path.display()
    );
}

#[test]
fn carried_rows_stay_sorted_as_their_file_declares_though_the_report_sorts_otherwise_now() {
    let links = |columns: &str| {
        format!(
            "[[report]]\nname = \"links\"\nendpoint = \"site-explorer/all-backlinks\"\naggregation = \"all\"\n\
             columns = [{columns}]\n\n"
        )
    };
    let context = TestContext::new(unlimited(400));
    let all = targets(&["zebra", "quokka", "yak"]);
    context.configure_with(
        &all,
        &links("\"root_name_source\", \"url_from\", \"url_to\", \"link_type\""),
    );
    context.run().expect(0);
    let rows = || read_rows(&context.destination().join("links"));
    let before = rows();
    context.configure_with(&all, &links("\"url_from\", \"url_to\""));
    context
        .backhaul(&["run", "--refetch", "--target", "quokka"])
        .expect(0);
    let files = || parquet_files(&context.destination().join("links"));
    let claims = || -> BTreeSet<Vec<String>> {
        files()
            .iter()
            .map(|file| read_footer(file).unwrap().sorted_by)
            .collect()
    };
    assert_eq!((files().len(), claims().len()), (2, 2), "{:?}", claims());
    for file in files() {
        assert_sorted_as_declared(&file);
    }
    // Files that are sorted by different columns become one that declares no order.
    context.backhaul(&["compact"]).expect(0);
    assert_eq!((files().len(), claims()), (1, BTreeSet::from([Vec::new()])));
    assert_eq!(rows().len(), before.len());
    context.backhaul(&["verify"]).expect(0);
}

#[test]
fn rows_of_a_removed_parameter_are_carried_over_into_a_new_layout() {
    let pages = |line: &str| {
        format!(
            "[[report]]\nname = \"pages\"\nendpoint = \"site-explorer/top-pages\"\ncolumns = [\"minimal\"]\n{line}\n\n"
        )
    };
    let context = TestContext::new(unlimited(100));
    let all = targets(&["zebra", "yak"]);
    context.configure_with(&all, &pages("countries = [\"us\", \"gb\"]"));
    context.run().expect(0);
    let rows = || read_rows(&context.destination().join("pages"));
    let before = rows();
    assert_eq!(before.len(), 400);
    context.configure_with(&all, &pages(""));
    context.partition_by("\"snapshot_date\", \"target\"");
    context.backhaul(&["rebuild"]).expect(0);
    assert_eq!(rows(), before);
    assert_eq!(files_of(&context, "pages"), 2);
    context.backhaul(&["verify"]).expect(0);
}

#[test]
fn compact_keeps_every_row_with_its_metadata_and_the_order_of_tasks() {
    let context = crumbled("\"snapshot_date\"");
    let rows = |table: &str| read_rows(&context.destination().join(table));
    let before = [rows("anchors"), rows("keywords")];
    assert_eq!(
        (
            files_of(&context, "anchors"),
            files_of(&context, "keywords")
        ),
        (3, 3)
    );
    let tasks = |table: &str| -> Json {
        let state: Json =
            serde_json::from_slice(&std::fs::read(state_path(&context, table)).unwrap()).unwrap();
        state["committed"]["tasks"].clone()
    };
    let entries = tasks("keywords");
    let ran = context
        .backhaul(&["compact", "--report", "anchors"])
        .expect(0);
    assert!(
        ran.stdout.contains("3 files, ") && ran.stdout.contains("-> 1 file, "),
        "{ran:?}"
    );
    assert_eq!(
        (
            files_of(&context, "anchors"),
            files_of(&context, "keywords")
        ),
        (1, 3)
    );
    context
        .backhaul(&["compact", "--target", "zebra"])
        .expect(0);
    assert_eq!(files_of(&context, "keywords"), 1);
    assert_eq!([rows("anchors"), rows("keywords")], before);
    assert_eq!(tasks("keywords"), entries);
    for (table, order) in [
        ("anchors", "_target anchor"),
        ("keywords", "_target _country keyword"),
    ] {
        let path = only_file(&context, table);
        let facts = read_footer(&path).unwrap();
        assert!(
            facts.sorted_by.join(" ").starts_with(order),
            "{:?}",
            facts.sorted_by
        );
        assert_sorted_as_declared(&path);
    }
    context.backhaul(&["verify"]).expect(0);
    let again = context.backhaul(&["compact"]).expect(0);
    assert!(again.stdout.contains("nothing to compact"), "{again:?}");
    // What was compacted is as good a base as any.
    context
        .backhaul(&["run", "--refetch", "--target", "yak", "--report", "anchors"])
        .expect(0);
    assert_eq!(rows("anchors").len(), before[0].len());
    context.backhaul(&["verify"]).expect(0);
}

#[test]
fn compact_merges_within_the_folders_of_further_keys() {
    let context = crumbled("\"snapshot_date\", \"country\"");
    let rows = |table: &str| read_rows(&context.destination().join(table));
    let before = [rows("anchors"), rows("keywords")];
    assert_eq!(files_of(&context, "keywords"), 6);
    context.backhaul(&["compact"]).expect(0);
    let folders: BTreeSet<PathBuf> = parquet_files(&context.destination().join("keywords"))
        .iter()
        .map(|path| path.parent().unwrap().file_name().unwrap().into())
        .collect();
    assert_eq!(
        folders,
        BTreeSet::from(["country=gb".into(), "country=us".into()])
    );
    assert_eq!(
        (
            files_of(&context, "keywords"),
            files_of(&context, "anchors")
        ),
        (2, 1)
    );
    assert_eq!([rows("anchors"), rows("keywords")], before);
    context.backhaul(&["verify"]).expect(0);
}

#[test]
fn nothing_is_copied_out_of_a_damaged_file() {
    let context = crumbled("\"snapshot_date\"");
    let path = parquet_files(&context.destination().join("anchors"))[1].clone();
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let ran = context.backhaul(&["compact"]).expect(3);
    assert!(
        ran.stderr.contains("error[BH-CORRUPT]") && ran.stderr.contains("checksum"),
        "{ran:?}"
    );
    assert_eq!(
        (
            files_of(&context, "anchors"),
            files_of(&context, "keywords")
        ),
        (3, 1)
    );
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
}

#[test]
fn compact_that_is_killed_at_any_step_loses_no_row() {
    let mut context = crumbled("\"snapshot_date\"");
    let tables = ["anchors", "keywords"];
    let kept = tables.map(|table| read_rows(&context.destination().join(table)));
    let crashes = cut_off_everywhere(&mut context, &["compact"], |context, crash| {
        assert_eq!(
            tables.map(|table| files_of(context, table)),
            [1, 1],
            "{crash}"
        );
        assert_eq!(
            tables.map(|table| read_rows(&context.destination().join(table))),
            kept,
            "{crash}"
        );
        let verified = context.backhaul(&["verify"]);
        assert_eq!(verified.code, 0, "{crash}: {verified:?}");
    });
    assert!(crashes > 10, "{crashes} crashes");
}
