//! `forget` leaves nothing but a tombstone.

use std::path::Path;

use backhaul::sink::read_footer;
use serde_json::Value as Json;

use super::support::{
    copy_tree, cut_off_everywhere, exported, only_file, state_path, targets, with_a_past,
};
use crate::support::{ANCHORS, KEYWORDS, TestContext, read_rows, today, unlimited};

/// Where a name occurs: paths, and rows of tables.
fn mentions(context: &TestContext, name: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![context.destination()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let bytes = if path.is_dir() {
                Vec::new()
            } else {
                std::fs::read(&path).unwrap()
            };
            let is_in_rows = path
                .extension()
                .is_some_and(|extension| extension == "parquet")
                && read_rows_of(&path).iter().any(|row| row.contains(name));
            let is_in_bytes = bytes
                .windows(name.len())
                .any(|window| window == name.as_bytes());
            if is_in_rows
                || is_in_bytes
                || path.file_name().unwrap().to_string_lossy().contains(name)
            {
                found.push(
                    path.strip_prefix(context.destination())
                        .unwrap()
                        .display()
                        .to_string(),
                );
            }
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
    found.sort();
    found
}

fn read_rows_of(path: &Path) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(path, folder.path().join("one.parquet")).unwrap();
    read_rows(folder.path())
}

const TOMBSTONE: &str = "_backhaul/forgotten/zebra.json";

fn others(rows: Vec<String>) -> Vec<String> {
    rows.into_iter()
        .filter(|row| !row.contains("zebra"))
        .collect()
}

#[test]
fn forget_leaves_nothing_but_the_tombstone_and_rebuild_brings_nothing_back() {
    for partition_by in ["\"snapshot_date\"", "\"snapshot_date\", \"target\""] {
        let context = with_a_past(partition_by);
        let tables = ["anchors", "keywords", "coverage", "targets"];
        let rows = |table: &str| read_rows(&context.destination().join(table));
        let kept = tables.map(|table| others(rows(table)));
        let spent = context.stats().units;
        assert!(mentions(&context, "zebra").len() > 5);
        context.configure_with(
            &targets(&["quokka", "yak"]),
            &format!("{ANCHORS}{KEYWORDS}"),
        );
        context.partition_by(partition_by);
        let ran = context.backhaul(&["forget", "--target", "zebra"]).expect(0);
        assert!(
            ran.stdout
                .contains("forgot zebra: 600 rows in 2 partitions, "),
            "{ran:?}"
        );
        assert!(
            !ran.stdout.contains(" 0 saved responses") && ran.stderr.is_empty(),
            "{ran:?}"
        );
        for table in ["anchors", "keywords"] {
            assert!(
                ran.stdout
                    .contains(&format!("DELETE FROM {table} WHERE _target = 'zebra';\n")),
                "{ran:?}"
            );
        }
        for table in ["coverage", "targets"] {
            assert!(
                ran.stdout
                    .contains(&format!("DELETE FROM {table} WHERE target = 'zebra';\n")),
                "{ran:?}"
            );
        }
        let check = || {
            assert_eq!(mentions(&context, "zebra"), [TOMBSTONE]);
            assert_eq!(tables.map(rows), kept);
            context.backhaul(&["verify"]).expect(0);
        };
        check();
        let again = context.backhaul(&["forget", "--target", "zebra"]).expect(0);
        assert!(
            again
                .stdout
                .contains("0 rows in 0 partitions, 0 saved responses"),
            "{again:?}"
        );
        assert!(
            again.stdout.contains("DELETE FROM anchors"),
            "a warehouse may still hold it: {again:?}"
        );
        check();
        context.backhaul(&["rebuild"]).expect(0);
        check();
        assert_eq!(context.stats().units, spent, "nothing was bought");
    }
}

#[test]
fn a_target_of_a_run_that_was_cut_off_is_forgotten_in_its_ledger_too() {
    let mut context = TestContext::new(unlimited(200));
    context.configure_with(
        &targets(&["zebra", "quokka"]),
        &format!("{ANCHORS}{KEYWORDS}"),
    );
    context.env("BACKHAUL_TEST_CRASH_AT", "landing.saved:4");
    assert_eq!(context.backhaul(&["run"]).code, -1);
    context.unset("BACKHAUL_TEST_CRASH_AT");
    let told = mentions(&context, "zebra");
    assert!(
        told.iter().any(|path| path.contains("units/spent")),
        "{told:?}"
    );
    let spent = context.stats().units;
    context.configure_with(&targets(&["quokka"]), &format!("{ANCHORS}{KEYWORDS}"));
    context.backhaul(&["forget", "--target", "zebra"]).expect(0);
    assert_eq!(mentions(&context, "zebra"), [TOMBSTONE]);
    let usage = context.backhaul(&["usage", "--json"]).expect(0).json();
    let told = usage["here"]["units"]
        .as_u64()
        .zip(usage["difference"]["set_aside"].as_u64());
    assert_eq!(
        told.map(|(known, in_flight)| known + in_flight),
        Some(spent),
        "what it cost stays: {usage}"
    );
    context.run().expect(0);
    assert_eq!(mentions(&context, "zebra"), [TOMBSTONE]);
}

#[test]
fn a_target_that_is_still_configured_is_forgotten_with_a_warning_and_returns_only_when_fetched_again()
 {
    let context = exported(100);
    let saved = context.destination().join("_backhaul/responses");
    let kept = context.folder.path().join("kept");
    copy_tree(&saved, &kept);
    let ran = context.backhaul(&["forget", "--target", "zebra"]).expect(0);
    assert!(
        ran.stderr.contains(
            "still has the target zebra: the next run fetches it again, which costs units"
        ),
        "{ran:?}"
    );
    // Saved responses that come back from a backup are not built on, neither by `rebuild` nor by a run.
    std::fs::remove_dir_all(&saved).unwrap();
    copy_tree(&kept, &saved);
    context.backhaul(&["rebuild"]).expect(0);
    let tables = || {
        ["anchors", "keywords", "coverage", "targets"]
            .map(|table| read_rows(&context.destination().join(table)))
    };
    assert!(!tables().concat().iter().any(|row| row.contains("zebra")));
    let asked = context.stats().requests;
    let report = context.run().expect(0).json();
    assert_eq!(
        context.stats().requests,
        asked + 3,
        "it was fetched again: {report}"
    );
    assert!(
        tables()
            .iter()
            .all(|rows| rows.iter().any(|row| row.contains("zebra")))
    );
    // Answers that were fetched since may be used.
    let all = tables();
    context.backhaul(&["rebuild"]).expect(0);
    assert_eq!(tables()[..2], all[..2]);
}

#[test]
fn a_client_that_was_the_only_one_leaves_empty_tables_that_can_be_read() {
    for partition_by in ["\"snapshot_date\"", "\"snapshot_date\", \"target\""] {
        let context = TestContext::new(unlimited(50));
        context.configure_with(&targets(&["zebra"]), ANCHORS);
        context.partition_by(partition_by);
        context.run().expect(0);
        let schema = read_footer(&only_file(&context, "anchors")).unwrap().schema;
        context.backhaul(&["forget", "--target", "zebra"]).expect(0);
        let facts = read_footer(&only_file(&context, "anchors")).unwrap();
        assert_eq!((facts.rows, facts.schema), (0, schema));
        assert_eq!(mentions(&context, "zebra"), [TOMBSTONE]);
        context.backhaul(&["verify"]).expect(0);
    }
}

#[test]
fn unknown_names_are_refused_and_nothing_is_written() {
    let context = exported(50);
    let before = mentions(&context, "zebra");
    let ran = context.backhaul(&["forget", "--target", "zebre"]).expect(2);
    assert!(
        ran.stderr.contains("error[BH-TARGET]") && ran.stderr.contains("--target zebra"),
        "{ran:?}"
    );
    assert_eq!(mentions(&context, "zebra"), before);
    assert!(mentions(&context, "zebre").is_empty());
}

#[test]
fn a_target_that_is_being_fetched_is_not_forgotten() {
    let context = exported(50);
    let claims = context
        .destination()
        .join("_backhaul/claims")
        .join(today().to_string());
    let before = mentions(&context, "zebra");
    let state: Json =
        serde_json::from_slice(&std::fs::read(state_path(&context, "anchors")).unwrap()).unwrap();
    let entries = state["committed"]["tasks"].as_array().unwrap().clone();
    let entry = entries
        .iter()
        .find(|entry| entry["target"] == "zebra")
        .unwrap();
    let path = claims.join(entry["task"].as_str().unwrap());
    let held = backhaul::store::FileLock::try_acquire(&path, "run 7")
        .unwrap()
        .claimed()
        .unwrap();
    let ran = context.backhaul(&["forget", "--target", "zebra"]).expect(5);
    assert!(
        ran.stderr.contains("a task of zebra is being fetched") && ran.stderr.contains("run 7"),
        "{ran:?}"
    );
    assert_eq!(mentions(&context, "zebra"), before);
    drop(held);
    context.backhaul(&["forget", "--target", "zebra"]).expect(0);
    assert_eq!(mentions(&context, "zebra"), [TOMBSTONE]);
}

#[test]
fn forget_that_is_killed_at_any_step_ends_the_same_when_it_is_run_again() {
    let mut context = with_a_past("\"snapshot_date\"");
    context.configure_with(
        &targets(&["quokka", "yak"]),
        &format!("{ANCHORS}{KEYWORDS}"),
    );
    let tables = ["anchors", "keywords", "coverage", "targets"];
    let kept = tables.map(|table| others(read_rows(&context.destination().join(table))));
    let crashes = cut_off_everywhere(
        &mut context,
        &["forget", "--target", "zebra"],
        |context, crash| {
            assert_eq!(mentions(context, "zebra"), [TOMBSTONE], "{crash}");
            assert_eq!(
                tables.map(|table| read_rows(&context.destination().join(table))),
                kept,
                "{crash}"
            );
            let verified = context.backhaul(&["verify"]);
            assert_eq!(verified.code, 0, "{crash}: {verified:?}");
        },
    );
    assert!(crashes > 25, "{crashes} crashes");
}
