//! A destination with three targets, ways to damage it, and copies of it.

use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use backhaul::sink::{read_batches, read_footer};
use parquet::arrow::ArrowWriter;
use serde_json::{Value as Json, json};

use crate::support::{
    ANCHORS, KEYWORDS, TestContext, now, parquet_files, size_and_hash, today, unlimited,
};

/// Names that are part of no URL and no other word, so that they can be searched for.
pub const TARGETS: [(&str, &str); 3] = [
    ("zebra", "acme.com"),
    ("quokka", "rival.org"),
    ("yak", "third.net"),
];

pub fn targets(names: &[&str]) -> String {
    let table =
        |(name, url): &(&str, &str)| format!("[[target]]\nname = \"{name}\"\nurl = \"{url}\"\n\n");
    TARGETS
        .iter()
        .filter(|(name, _)| names.contains(name))
        .map(table)
        .collect()
}

/// Three targets in two tables; keywords for two countries.
pub fn exported(rows: u64) -> TestContext {
    let context = TestContext::new(unlimited(rows));
    context.configure_with(
        &targets(&["zebra", "quokka", "yak"]),
        &format!("{ANCHORS}{KEYWORDS}"),
    );
    context.run().expect(0);
    context
}

pub fn tonight() -> String {
    format!("snapshot_date={}", today())
}

pub fn state_path(context: &TestContext, table: &str) -> PathBuf {
    context
        .destination()
        .join(format!("_backhaul/tables/{table}/{}.json", tonight()))
}

pub fn change_json(path: &Path, change: impl FnOnce(&mut Json)) {
    let mut value: Json = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    change(&mut value);
    std::fs::write(path, serde_json::to_vec_pretty(&value).unwrap()).unwrap();
}

pub fn only_file(context: &TestContext, table: &str) -> PathBuf {
    let files = parquet_files(&context.destination().join(table));
    assert_eq!(files.len(), 1, "{files:?}");
    files[0].clone()
}

pub fn batches(path: &Path) -> RecordBatch {
    let batches: Vec<RecordBatch> = read_batches(path, None)
        .unwrap()
        .map(Result::unwrap)
        .collect();
    concat_batches(&batches[0].schema(), &batches).unwrap()
}

/// Rewrites a file of a table and makes the manifest agree with it in rows, size and checksum.
pub fn rewrite(
    context: &TestContext,
    table: &str,
    change: impl FnOnce(RecordBatch) -> RecordBatch,
) {
    let path = only_file(context, table);
    let batch = change(batches(&path));
    let mut writer =
        ArrowWriter::try_new(std::fs::File::create(&path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let rows = read_footer(&path).unwrap().rows;
    let (bytes, sha256) = size_and_hash(&path);
    change_json(&state_path(context, table), |state| {
        let file = &mut state["committed"]["files"][0];
        file["bytes"] = json!(bytes);
        file["sha256"] = json!(sha256);
        file["rows"] = json!(rows);
    });
}

pub fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let path = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_tree(&entry.path(), &path);
        } else {
            std::fs::copy(entry.path(), path).unwrap();
        }
    }
}

pub fn restore(context: &TestContext, from: &Path) {
    std::fs::remove_dir_all(context.destination()).unwrap();
    copy_tree(from, &context.destination());
}

/// A night of which every target and country came in a run of its own: six commits, and as many files.
pub fn crumbled(partition_by: &str) -> TestContext {
    let context = TestContext::new(unlimited(200));
    context.configure_with(
        &targets(&["zebra", "quokka", "yak"]),
        &format!("{ANCHORS}{KEYWORDS}"),
    );
    context.partition_by(partition_by);
    for target in ["zebra", "yak", "quokka"] {
        context.backhaul(&["run", "--target", target]).expect(0);
    }
    context
}

pub fn files_of(context: &TestContext, table: &str) -> usize {
    parquet_files(&context.destination().join(table)).len()
}

/// Runs a command, killed at every step that it passes, each time on a fresh copy; then again, and looks at the outcome.
pub fn cut_off_everywhere(
    context: &mut TestContext,
    arguments: &[&str],
    check: impl Fn(&TestContext, &str),
) -> usize {
    let kept = context.folder.path().join("kept");
    copy_tree(&context.destination(), &kept);
    let log = context.folder.path().join("steps");
    context.env("BACKHAUL_TEST_STEPS", &log.display().to_string());
    context.backhaul(arguments).expect(0);
    context.unset("BACKHAUL_TEST_STEPS");
    let steps = std::fs::read_to_string(&log).unwrap();
    let mut passed: std::collections::BTreeMap<&str, u64> = std::collections::BTreeMap::new();
    let mut crashes = 0;
    for step in steps.lines() {
        let number = passed.entry(step).or_default();
        *number += 1;
        // The first and the second time cover all that can differ.
        if *number > 2 {
            continue;
        }
        restore(context, &kept);
        let crash = format!("{step}:{number}");
        context.env("BACKHAUL_TEST_CRASH_AT", &crash);
        let ran = context.backhaul(arguments);
        assert_eq!(ran.code, -1, "{crash}: {ran:?}");
        context.unset("BACKHAUL_TEST_CRASH_AT");
        context.backhaul(arguments).expect(0);
        check(context, &crash);
        crashes += 1;
    }
    crashes
}

/// Two nights, of which the second one failed for one target and left notes, records and saved responses.
pub fn with_a_past(partition_by: &str) -> TestContext {
    let mut context = TestContext::new(unlimited(200));
    context.configure_with(
        &targets(&["zebra", "quokka", "yak"]),
        &format!("{ANCHORS}{KEYWORDS}"),
    );
    context.partition_by(partition_by);
    context.run().expect(0);
    context.set_time(now() + chrono::Duration::minutes(1));
    context.backhaul(&[
        "run",
        "--refetch",
        "--report",
        "anchors",
        "--max-units",
        "1600",
    ]);
    context
}
