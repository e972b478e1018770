//! Nights that end badly, late or twice: saved answers are used, and a complete night is free.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use backhaul::sandbox::{Faults, Options};

use super::support::{at_day, count_responses, days_ahead, notes, partition, statuses};
use crate::support::{
    ANCHORS, LINKS, RATING, TWO_TARGETS, TestContext, numbered_targets, read_rows, signal, start,
    unlimited, wait_until,
};

#[test]
fn a_night_that_was_stopped_is_finished_under_its_own_date_and_then_tonight_is_done() {
    let mut context = TestContext::new(days_ahead(2_000));
    context.configure_with(TWO_TARGETS, &format!("{LINKS}{ANCHORS}{RATING}"));
    let first = at_day(&mut context, 0);
    context.backhaul(&["check", "--live"]).expect(0);
    let probes = context.stats().rows;
    context
        .backhaul(&["run", "--json", "--max-units", "9000"])
        .expect(4);
    let stopped = statuses(&context);
    assert!(
        stopped.values().any(|status| status == "stopped"),
        "{stopped:?}"
    );
    let second = at_day(&mut context, 1);
    let report = context.run().expect(0).json();
    assert!(
        notes(&report).contains(&format!("night {} was not finished", first.date_naive())),
        "{report}"
    );
    let both = context.stats().rows - probes;
    for table in ["links", "anchors", "rating"] {
        let (old, new) = (
            partition(&context, table, first),
            partition(&context, table, second),
        );
        assert!(
            !old.is_empty() && old.len() == new.len(),
            "{table}: {} and {} rows",
            old.len(),
            new.len()
        );
    }
    assert!(
        statuses(&context)
            .values()
            .all(|status| status == "complete"),
        "{:?}",
        statuses(&context)
    );
    let files: Vec<_> = std::fs::read_dir(context.destination().join("_backhaul/nights"))
        .unwrap()
        .collect();
    assert!(files.is_empty(), "closed nights leave no record: {files:?}");
    // A third night, undisturbed, fetches as many rows as each of the two: the interruption cost some seams of pages at most.
    at_day(&mut context, 2);
    context.run().expect(0);
    let undisturbed = context.stats().rows - probes - both;
    assert!(both >= 2 * undisturbed, "{both} and {undisturbed}");
    assert!(
        both <= 2 * undisturbed + 4 * 250,
        "{both} rows for two nights, {undisturbed} for one"
    );
    context.backhaul(&["verify"]).expect(0);
}

#[test]
fn a_night_that_is_too_old_is_given_up_and_reported() {
    let mut context = TestContext::new(days_ahead(1_000));
    context.configure(LINKS);
    let first = at_day(&mut context, 0);
    context
        .backhaul(&["run", "--json", "--max-units", "2000"])
        .expect(4);
    at_day(&mut context, 5);
    let report = context.run().expect(0).json();
    assert!(
        notes(&report).contains(&format!("night {} stays unfinished", first.date_naive())),
        "{report}"
    );
    assert!(partition(&context, "links", first).is_empty());
    assert!(
        !notes(&context.run().expect(0).json()).contains("stays unfinished"),
        "said once"
    );
}

#[test]
fn a_complete_night_is_free_and_refetching_pays_again() {
    let context = TestContext::new(unlimited(1_500));
    context.configure(&format!("{LINKS}{RATING}"));
    context.run().expect(0);
    let once = context.stats();
    let before = read_rows(&context.destination().join("links"));
    let report = context.run().expect(0).json();
    assert_eq!(
        (report["units"].as_u64(), report["requests"].as_u64()),
        (Some(0), Some(0))
    );
    assert_eq!(context.stats().requests, once.requests);
    let report = context
        .backhaul(&["run", "--json", "--refetch"])
        .expect(0)
        .json();
    assert!(
        report["units"].as_u64().unwrap() > 0 || context.stats().cache_hits > 0,
        "{report}"
    );
    assert!(context.stats().requests > once.requests);
    let after = read_rows(&context.destination().join("links"));
    assert_eq!(before.len(), after.len());
    assert_ne!(before, after, "`_run_id` says which run fetched the rows");
    assert_eq!(context.run().expect(0).json()["requests"].as_u64(), Some(0));
    context.backhaul(&["verify"]).expect(0);
}

#[test]
fn the_first_interrupt_ends_within_seconds_and_the_second_at_once_and_nothing_is_lost() {
    for interrupts in [1, 2] {
        let slow: Faults = "slow=1".parse().unwrap();
        let context = TestContext::new(Options {
            faults: slow,
            ..unlimited(10)
        });
        context.configure_with(
            &numbered_targets(20),
            &RATING.replace("domain-rating", "metrics"),
        );
        let run = start(&context, &["run", "--json"]);
        wait_until("a saved answer", || count_responses(&context) > 0);
        signal(&run, rustix::process::Signal::INT);
        if interrupts == 2 {
            std::thread::sleep(Duration::from_millis(300));
            signal(&run, rustix::process::Signal::INT);
        }
        let output = run.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{output:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("run the same command again"), "{said}");
        let saved = count_responses(&context);
        assert!(
            saved < 12,
            "{saved} answers after the interrupt: it did not end soon"
        );
        let requests = context.stats().requests;
        let report = context.run().expect(0).json();
        assert_eq!(read_rows(&context.destination().join("rating")).len(), 20);
        let wanted = u64::try_from(20 - saved).unwrap();
        assert_eq!(
            context.stats().requests - requests,
            wanted,
            "{saved} answers were saved: {report}"
        );
    }
}

/// What must not be left once a run has ended well.
fn left_over(context: &TestContext) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![context.destination().join("_backhaul")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.to_string_lossy().into_owned();
            if path.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|extension| extension == "tmp" || extension == "parquet")
                || name.contains("/staging/")
                || name.contains("/locks/_runs/")
            {
                found.push(name);
            }
        }
    }
    found
}

/// The process ends at every step of saving and commit, at its first and at a later passage, and the next run finishes.
#[test]
fn a_crash_at_every_named_step_is_settled_by_the_next_run() {
    let reports = format!("{LINKS}{ANCHORS}{RATING}");
    let options = || Options {
        row_cap: Some(250),
        ..unlimited(600)
    };
    let mut context = TestContext::new(options());
    context.configure_with(TWO_TARGETS, &reports);
    let log = context.folder.path().join("steps.txt");
    context.env("BACKHAUL_TEST_STEPS", &log.to_string_lossy());
    context.run().expect(0);
    let undisturbed = context.stats().units;
    let expected: BTreeMap<&str, usize> = ["links", "anchors", "rating"]
        .map(|table| (table, read_rows(&context.destination().join(table)).len()))
        .into();
    let passed = std::fs::read_to_string(&log).unwrap();
    let mut steps: BTreeMap<&str, usize> = BTreeMap::new();
    passed
        .lines()
        .for_each(|step| *steps.entry(step).or_default() += 1);
    assert!(steps.len() >= 12, "{steps:?}");
    for (step, times) in steps {
        for nth in BTreeSet::from([1, times / 2 + 1, times]) {
            let mut context = TestContext::new(options());
            context.configure_with(TWO_TARGETS, &reports);
            context.env("BACKHAUL_TEST_CRASH_AT", &format!("{step}:{nth}"));
            let crashed = context.run();
            // How many requests share a promise depends on which answers come first, so that the last promise of one run
            // may be one more than another needs; it is written durably. Every other step is passed as often in each.
            let may_pass = ["units.promised", "durable.written"].contains(&step)
                && nth > 1
                && crashed.code == 0;
            assert!(crashed.code == -1 || may_pass, "{step}:{nth} {crashed:?}");
            context.env("BACKHAUL_TEST_CRASH_AT", "");
            context.run().expect(0);
            for (table, rows) in &expected {
                assert_eq!(
                    read_rows(&context.destination().join(table)).len(),
                    *rows,
                    "{step}:{nth} {table}"
                );
            }
            assert_eq!(left_over(&context), Vec::<String>::new(), "{step}:{nth}");
            // Four answers can be in flight, of 250 rows and about ten units a row.
            let units = context.stats().units;
            assert!(
                units <= undisturbed + 4 * 250 * 10,
                "{step}:{nth}: {units} units instead of {undisturbed}"
            );
            context.backhaul(&["verify"]).expect(0);
            assert_eq!(
                context.run().expect(0).json()["requests"].as_u64(),
                Some(0),
                "{step}:{nth}"
            );
        }
    }
}
