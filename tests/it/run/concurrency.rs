//! Runs side by side, partitions that are locked, and many claims at once.

use std::time::{Duration, Instant};

use backhaul::sandbox::{Faults, Options};

use super::support::{notes, statuses};
use crate::support::{
    ANCHORS, CLOCK, LINKS, RATING, TestContext, now, numbered_targets, parquet_files, read_rows,
    start, today, unlimited, wait_until,
};

/// Every claimed task is an open file: the usual soft limit must not end a night of many targets.
#[test]
fn more_tasks_than_the_soft_limit_of_open_files_are_no_trouble() {
    let context = TestContext::new(unlimited(10));
    context.configure_with(&numbered_targets(150), RATING);
    let limited = std::process::Command::new("sh")
        .args([
            "-c",
            "ulimit -Sn 64; exec \"$0\" run --json",
            env!("CARGO_BIN_EXE_backhaul"),
        ])
        .current_dir(context.folder.path())
        .env("AHREFS_API_KEY", crate::support::KEY)
        .env(CLOCK, now().to_rfc3339())
        .output()
        .unwrap();
    assert!(limited.status.success(), "{limited:?}");
    assert_eq!(read_rows(&context.destination().join("rating")).len(), 150);
}

/// A partition that another process holds keeps only its own rows waiting: everything else is fetched and committed.
#[test]
fn a_locked_partition_delays_no_other() {
    let context = TestContext::new(unlimited(300));
    context.configure(&format!("{RATING}{LINKS}"));
    let night = today();
    let lock = context
        .destination()
        .join(format!("_backhaul/locks/rating/snapshot_date={night}.lock"));
    let held = backhaul::store::FileLock::try_acquire(&lock, "a test")
        .unwrap()
        .claimed()
        .unwrap();
    let run = start(&context, &["run", "--json"]);
    let links = context.destination().join("links");
    wait_until("the other partition", || !parquet_files(&links).is_empty());
    assert!(parquet_files(&context.destination().join("rating")).is_empty());
    drop(held);
    let output = run.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(read_rows(&context.destination().join("rating")).len(), 1);
}

/// A process that was stopped in the middle of a commit holds its lock; no run waits for it just to record a note.
#[test]
fn a_locked_partition_does_not_delay_the_end_of_a_run() {
    let context = TestContext::new(unlimited(300));
    context.configure(RATING);
    let night = today();
    let lock = context.destination().join(format!(
        "_backhaul/locks/coverage/snapshot_date={night}.lock"
    ));
    let held = backhaul::store::FileLock::try_acquire(&lock, "a test")
        .unwrap()
        .claimed()
        .unwrap();
    let started = Instant::now();
    context.run().expect(0);
    assert!(started.elapsed() < Duration::from_mins(2));
    assert!(context.text_rows("coverage").is_empty());
    drop(held);
    context.run().expect(0);
    assert_eq!(context.text_rows("coverage").len(), 1);
}

#[test]
fn a_run_whose_tasks_are_all_claimed_names_the_holder_and_a_killed_holder_is_taken_over() {
    let hanging: Faults = "hang=1".parse().unwrap();
    let mut context = TestContext::new(Options {
        faults: hanging,
        ..unlimited(300)
    });
    context.configure(RATING);
    let mut first = start(&context, &["run"]);
    wait_until("a request", || context.stats().requests > 0);
    let started = Instant::now();
    let second = context.backhaul(&["run"]).expect(5);
    assert!(started.elapsed() < Duration::from_secs(20));
    let id = first.id();
    assert!(
        second.stderr.contains(&format!("(process {id}) since 20")),
        "{second:?}"
    );
    assert_eq!(context.stats().requests, 1, "nothing was sent");
    first.kill().unwrap();
    first.wait().unwrap();
    context.restart(unlimited(300));
    context.configure(RATING);
    let third = context.run().expect(0).json();
    assert!(notes(&third).contains("was cut off: up to"), "{third}");
    assert_eq!(read_rows(&context.destination().join("rating")).len(), 1);
    assert!(
        !notes(&context.run().expect(0).json()).contains("was cut off"),
        "said once"
    );
}

#[test]
fn two_runs_share_the_work_and_neither_requests_what_the_other_has() {
    let context = TestContext::new(Options {
        row_cap: Some(250),
        ..unlimited(2_500)
    });
    let targets = numbered_targets(6);
    context.configure_with(&targets, &format!("{LINKS}{ANCHORS}{RATING}"));
    let runs = [
        start(&context, &["run", "--json"]),
        start(&context, &["run", "--json"]),
    ];
    for run in runs {
        let output = run.wait_with_output().unwrap();
        assert!(matches!(output.status.code(), Some(0 | 5)), "{output:?}");
    }
    let shared = context.stats().units;
    assert_eq!(
        context.run().expect(0).json()["requests"].as_u64(),
        Some(0),
        "nothing was left undone"
    );
    assert_eq!(
        read_rows(&context.destination().join("links")).len(),
        6 * 2_500
    );
    assert!(
        statuses(&context)
            .values()
            .all(|status| status == "complete"),
        "{:?}",
        statuses(&context)
    );
    context.backhaul(&["verify"]).expect(0);
    context.backhaul(&["run", "--json", "--refetch"]).expect(0);
    // The source answers the same request of the last minute free of charge, so only requests can be counted.
    assert!(shared > 0);
}
