//! A store that fails now and then costs time and nothing else; one that keeps failing ends the run in one clear error,
//! and the next run continues without paying again once the store is back.

use std::collections::BTreeMap;
use std::time::Duration;

use backhaul::sandbox::Options;

use super::kills::in_parallel;
use super::proxy::{Fault, Seen};
use super::support::{ANCHORS, LINKS, Night, targets};
use crate::support::unlimited;

const TABLES: [&str; 3] = ["links", "anchors", "targets"];

fn lists() -> Night {
    let night = Night::in_bucket(Options {
        row_cap: Some(250),
        ..unlimited(600)
    });
    night.configure(&targets(&["zebra", "quokka"]), &format!("{LINKS}{ANCHORS}"));
    night.backhaul(&["check", "--live"]).expect(0);
    night
}

/// Rows and requests of a run in which nothing fails.
fn undisturbed() -> (BTreeMap<String, Vec<String>>, u64) {
    let night = lists();
    let before = night.stats().requests;
    night.run().expect(0);
    (night.tables(&TABLES), night.stats().requests - before)
}

/// One request in so many fails, if it is of these operations; and the first of each does.
fn random_faults(
    seed: u64,
    one_in: u32,
    operations: &'static [&str],
    fault: Fault,
) -> impl FnMut(&Seen) -> Option<Fault> {
    let mut chance = fastrand::Rng::with_seed(seed);
    let mut met = std::collections::BTreeSet::new();
    move |seen| {
        let operation = seen.operation();
        let is_meant = operations.contains(&operation) || operations.is_empty();
        (is_meant && (met.insert(operation) || chance.u32(..one_in) == 0)).then(|| fault.clone())
    }
}

#[test]
fn a_store_that_fails_now_and_then_costs_nothing_but_time() {
    let (tables, requests) = undisturbed();
    let late = Duration::from_millis(300);
    let cases = vec![
        ("slow down", &[][..], 12, Fault::Refuse(503, "SlowDown")),
        (
            "internal error",
            &[],
            12,
            Fault::Refuse(500, "InternalError"),
        ),
        (
            "conflict",
            &["conditional", "complete"],
            6,
            Fault::Refuse(409, "ConditionalRequestConflict"),
        ),
        ("resets", &[], 12, Fault::LostRequest),
        ("answers lost", &[], 12, Fault::LostAnswer),
        (
            "answers to writes lost",
            &["put", "conditional"],
            4,
            Fault::LostAnswer,
        ),
        (
            "answers to uploads lost",
            &["start", "part", "complete", "abort"],
            2,
            Fault::LostAnswer,
        ),
        (
            "slow parts",
            &["part", "complete", "start"],
            2,
            Fault::Late(late),
        ),
        (
            "writes arrive again later",
            &["put", "conditional", "delete", "part"],
            10,
            Fault::Zombie(late),
        ),
    ];
    in_parallel(
        cases.into_iter().enumerate().collect(),
        |(seed, (name, operations, one_in, fault))| {
            let night = lists();
            let before = night.stats().requests;
            night
                .proxy()
                .plan(random_faults(seed as u64, one_in, operations, fault));
            let ran = night.run();
            assert_eq!(ran.code, 0, "{name}: {ran:?}");
            night.proxy().quiet();
            assert_eq!(night.tables(&TABLES), tables, "{name}");
            assert_eq!(
                night.stats().requests - before,
                requests,
                "{name}: nothing was bought again"
            );
            night.backhaul(&["verify"]).expect(0);
            assert_eq!(
                night.run().expect(0).json()["requests"].as_u64(),
                Some(0),
                "{name}"
            );
            assert_eq!(night.left_over(), Vec::<String>::new(), "{name}");
        },
    );
}

/// Errors as the program printed them, without what differs from run to run.
fn errors(stderr: &str) -> Vec<String> {
    stderr
        .split("\n\n")
        .filter(|text| text.contains("error["))
        .map(str::to_owned)
        .collect()
}

#[test]
fn a_store_that_keeps_failing_ends_in_one_error_and_nothing_is_paid_for_again() {
    let (tables, requests) = undisturbed();
    let cases = vec![
        (Fault::Refuse(503, "SlowDown"), "kept failing to"),
        (Fault::Refuse(500, "InternalError"), "kept failing to"),
        (Fault::LostRequest, "kept failing to"),
        (
            Fault::Refuse(400, "ExpiredToken"),
            "the credentials for s3://acme/lake have expired",
        ),
        (
            Fault::Refuse(403, "AccessDenied"),
            "the credentials may not",
        ),
        (
            Fault::Refuse(403, "InvalidAccessKeyId"),
            "does not accept the credentials",
        ),
        (
            Fault::Refuse(507, "InsufficientStorage"),
            "s3://acme/lake is full",
        ),
        (
            Fault::Refuse(400, "QuotaExceeded"),
            "s3://acme/lake is full",
        ),
        (
            Fault::Refuse(404, "NoSuchBucket"),
            "bucket acme does not exist",
        ),
    ];
    in_parallel(cases, |(fault, said)| {
        let mut night = lists();
        night.context.env("BACKHAUL_TEST_PATIENCE_MS", "1500");
        let before = night.stats().requests;
        let is_only_writes = said.contains("is full");
        let (met, mut saved) = (fault.clone(), 0);
        night.proxy().plan(move |seen| {
            let is_answer = seen.operation() == "conditional" && seen.path.contains("/responses/");
            saved += u32::from(is_answer);
            let is_meant = !is_only_writes || ["PUT", "POST"].contains(&seen.method.as_str());
            (saved > 3 && is_meant).then(|| met.clone())
        });
        let failed = night.run().expect(1);
        let told = errors(&failed.stderr);
        assert_eq!(told.len(), 1, "{}", failed.stderr);
        assert!(
            told[0].contains(said) && told[0].contains("error[BH-DESTINATION]"),
            "{fault:?}: {}",
            failed.stderr
        );
        assert!(
            told[0].contains("\nnext: ") && told[0].contains("\ncost: "),
            "{}",
            failed.stderr
        );
        let lost = super::kills::asked(&night).requests - before - night.saved();
        assert!(
            lost <= 4,
            "{fault:?}: {lost} answers were asked for and not saved, of four tasks"
        );
        night.proxy().quiet();
        night.run().expect(0);
        assert_eq!(night.tables(&TABLES), tables, "{fault:?}");
        let again = night.stats().requests - before - requests;
        assert!(
            again <= lost,
            "{fault:?}: {again} answers were bought again, {lost} were lost"
        );
        night.backhaul(&["verify"]).expect(0);
        night.is_swept();
    });
}
