//! A destination that version 0.1.0 wrote is read, resumed in the middle of a night, verified, rebuilt, compacted and
//! loaded. Its second night was killed after six answers of it were saved.
//!
//! The samples were made by that version: two nights of two targets, on disk and in a bucket (as `s3s-fs` keeps it).

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use backhaul::sandbox::Options;
use chrono::{DateTime, Utc};
use serde_json::Value as Json;

use crate::bucket::support::Night;
use crate::support::{TestContext, now, unlimited};

const REPORTS: &str = include_str!("samples/destination-0.1.0/reports.toml");

/// Tables whose rows of a night do not depend on earlier nights.
const SNAPSHOTS: [&str; 4] = ["rating", "links", "top_anchors", "keywords"];

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// What the sandbox that the sample was made with served, on the day after.
fn options() -> Options {
    Options {
        row_cap: Some(100),
        clock_offset: time("2026-11-24T02:00:00Z") - now(),
        ..unlimited(150)
    }
}

/// A destination with a configuration: the sample where one is named, else nothing.
fn context(sample: Option<&str>) -> TestContext {
    let mut context = TestContext::new(options());
    context.configure_with("", REPORTS);
    if let Some(name) = sample {
        unpack(name, &context.destination());
    }
    context.set_time(time("2026-11-23T06:00:00Z"));
    context
}

fn unpack(name: &str, folder: &Path) {
    let archive = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/it/samples/destination-0.1.0")
        .join(name);
    std::fs::create_dir_all(folder).unwrap();
    let status = Command::new("tar")
        .arg("-xzf")
        .arg(archive)
        .arg("-C")
        .arg(folder)
        .status()
        .unwrap();
    assert!(status.success());
}

/// Rows of a table in a night, without the columns that say when and by which run.
fn rows(context: &TestContext, table: &str, night: &str) -> Vec<BTreeMap<String, String>> {
    let mut rows = context.text_rows(table);
    rows.retain(|row| row["_snapshot_date"] == night);
    for row in &mut rows {
        row.retain(|name, _| !["_run_id", "_exported_at"].contains(&name.as_str()));
    }
    rows.sort();
    rows
}

fn assert_all_done(report: &Json) {
    for report in report["reports"].as_array().unwrap() {
        let tasks = &report["tasks"];
        assert_eq!(
            (&tasks["failed"], &tasks["stopped"]),
            (&0.into(), &0.into()),
            "{report}"
        );
    }
}

#[test]
fn a_folder_of_version_0_1_0_is_resumed_verified_rebuilt_compacted_and_loaded() {
    let old = context(Some("disk.tar.gz"));
    let new = context(None);
    let resumed = old.run().expect(0).json();
    assert_all_done(&resumed);
    let fresh = new.run().expect(0).json();
    assert!(
        resumed["units"].as_u64() < fresh["units"].as_u64(),
        "saved answers are used: {resumed}"
    );
    for table in SNAPSHOTS {
        let expected = rows(&new, table, "2026-11-23");
        assert!(!expected.is_empty(), "{table}");
        assert_eq!(rows(&old, table, "2026-11-23"), expected, "{table}");
    }
    old.backhaul(&["verify"]).expect(0);
    let before = rows(&old, "links", "2026-11-22");
    old.backhaul(&["rebuild"]).expect(0);
    old.backhaul(&["compact"]).expect(0);
    assert_eq!(rows(&old, "links", "2026-11-22"), before);
    old.backhaul(&["verify"]).expect(0);
    let script = old.backhaul(&["load", "duckdb"]).expect(0).stdout;
    for table in SNAPSHOTS
        .into_iter()
        .chain(["metrics", "link_changes", "coverage"])
    {
        assert!(script.contains(&format!("raw_{table}")), "{table}");
    }
    old.backhaul(&["estimate"]).expect(0);
    old.backhaul(&["usage"]).expect(0);
    let again = old.run().expect(0).json();
    assert_eq!(again["units"], 0, "{again}");
}

#[test]
fn a_bucket_of_version_0_1_0_is_resumed_verified_rebuilt_and_loaded() {
    let mut old = Night::in_bucket(options());
    old.configure("", REPORTS);
    old.reconfigure("/lake\"", "/export\"");
    unpack("bucket.tar.gz", &old.cloud().server.whole_folder());
    old.at(time("2026-11-23T06:00:00Z"));
    assert_all_done(&old.run().expect(0).json());
    old.backhaul(&["verify"]).expect(0);
    old.backhaul(&["rebuild"]).expect(0);
    old.backhaul(&["verify"]).expect(0);
    let script = old.backhaul(&["load", "duckdb"]).expect(0).stdout;
    for table in SNAPSHOTS {
        assert!(script.contains(&format!("raw_{table}")), "{table}");
    }
    let again = old.run().expect(0).json();
    assert_eq!(again["units"], 0, "{again}");
}
