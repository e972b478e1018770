//! The program is killed at the fail points of a night with everything in the bucket, and continues on a machine that has
//! only the configuration: the same rows, each saved response paid for once, nothing left behind.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use backhaul::sandbox::{Options, Stats};

use super::support::{ANCHORS, KEYWORDS, LINKS, Night, RATING, targets, wait_until};
use crate::support::unlimited;

/// The run after a killed one mostly waits for leases to expire.
const SIDE_BY_SIDE: usize = 6;

const TABLES: [&str; 4] = ["links", "anchors", "coverage", "targets"];

pub fn in_parallel<T: Send>(items: Vec<T>, work: impl Fn(T) + Sync) {
    let items = Mutex::new(items);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..SIDE_BY_SIDE)
            .map(|_| {
                scope.spawn(|| {
                    loop {
                        let Some(item) = items.lock().unwrap().pop() else {
                            return;
                        };
                        work(item);
                    }
                })
            })
            .collect();
        for worker in workers {
            if let Err(panic) = worker.join() {
                std::panic::resume_unwind(panic);
            }
        }
    });
}

fn two_lists() -> Night {
    let night = Night::in_bucket(Options {
        row_cap: Some(250),
        ..unlimited(600)
    });
    night.configure(&targets(&["zebra", "quokka"]), &format!("{LINKS}{ANCHORS}"));
    night.backhaul(&["check", "--live"]).expect(0);
    night
}

/// The requests, once all that were sent have arrived.
pub fn asked(night: &Night) -> Stats {
    let last = std::cell::RefCell::new(Stats::default());
    wait_until("the last request", || {
        std::thread::sleep(Duration::from_millis(30));
        let now = night.stats();
        last.replace(now.clone()) == now
    });
    last.into_inner()
}

/// The result of a run in which nothing fails.
struct Undisturbed {
    tables: BTreeMap<String, Vec<String>>,
    requests: u64,
    steps: BTreeMap<String, u32>,
}

impl Undisturbed {
    fn of(night: &Night) -> Self {
        let before = night.stats().requests;
        let steps = night.steps(&["run"]);
        Self {
            tables: night.tables(&TABLES),
            requests: night.stats().requests - before,
            steps,
        }
    }
}

fn killed_at(step: &str, expected: &Undisturbed) {
    let night = two_lists();
    let before = night.stats().requests;
    let was_killed = night.crashes_at(step, &["run"]);
    // How many requests share a reservation depends on which answers come first.
    assert!(
        was_killed || step.starts_with("units.promised"),
        "{step} is passed"
    );
    let in_flight = asked(&night).requests - before - night.saved();
    assert!(
        in_flight <= 4,
        "{step}: {in_flight} answers were asked for and not saved, of four tasks"
    );
    night.run().expect(0);
    // Units of requests without an answer are assumed by the run that finds the killed one.
    let mut tables = night.tables(&TABLES);
    let mut wanted = expected.tables.clone();
    if in_flight > 0 {
        let without_cost = |rows: &mut Vec<String>| {
            for row in rows {
                *row = row
                    .split('|')
                    .filter(|cell| !cell.starts_with("units="))
                    .collect::<Vec<_>>()
                    .join("|");
            }
        };
        for tables in [&mut tables, &mut wanted] {
            without_cost(tables.get_mut("coverage").unwrap());
        }
    }
    assert_eq!(tables, wanted, "{step}");
    let again = night.stats().requests - before - expected.requests;
    assert!(
        again <= in_flight,
        "{step}: {again} answers were bought again, {in_flight} were in flight"
    );
    night.backhaul(&["verify"]).expect(0);
    // Uploads that were started and not yet recorded end a day later: of two tables that are committed side by side.
    assert!(night.cloud().server.open_uploads().len() <= 2, "{step}");
    let requests = night.stats().requests;
    assert_eq!(
        night.run().expect(0).json()["requests"].as_u64(),
        Some(0),
        "{step}"
    );
    night.is_swept();
    assert_eq!(night.stats().requests, requests, "{step}");
}

#[test]
fn a_run_that_is_killed_at_any_step_is_finished_from_the_bucket_alone() {
    let expected = Undisturbed::of(&two_lists());
    for part in ["bucket.", "landing.", "units."] {
        assert!(
            expected.steps.keys().any(|step| step.starts_with(part)),
            "{:?}",
            expected.steps
        );
    }
    let mut chance = fastrand::Rng::with_seed(7);
    let mut cases = Vec::new();
    for (step, times) in &expected.steps {
        let is_of_buckets = step.starts_with("bucket.");
        // The first time each; of commits also one of the others, up to the table of targets, which comes last.
        if is_of_buckets || step.starts_with("landing.") || step.starts_with("units.") {
            cases.push(format!("{step}:1"));
        }
        if is_of_buckets && *times > 1 {
            cases.push(format!("{step}:{}", chance.u32(2..=*times)));
        }
    }
    in_parallel(cases, |step| killed_at(&step, &expected));
}

#[test]
fn a_run_that_is_killed_while_it_divides_a_batch_pays_for_it_once() {
    let start = || {
        let night = Night::in_bucket(unlimited(10));
        night.configure(&targets(&["zebra", "quokka", "yak", "ibex"]), RATING);
        night.backhaul(&["check", "--live"]).expect(0);
        night
    };
    let undisturbed = start();
    let steps = undisturbed.steps(&["run"]);
    let (stats, rows) = (undisturbed.stats(), undisturbed.rows("rating"));
    let cases = steps
        .keys()
        .filter(|step| step.starts_with("pack."))
        .cloned()
        .chain(["pack.divided:3".to_owned()]);
    let cases: Vec<String> = cases.filter(|step| step != "pack.received").collect();
    assert!(cases.len() >= 4, "{steps:?}");
    in_parallel(cases, |step| {
        let night = start();
        assert!(night.crashes_at(&step, &["run"]), "{step} is passed");
        night.run().expect(0);
        assert_eq!(night.stats(), stats, "{step}");
        assert_eq!(night.rows("rating"), rows, "{step}");
        assert_eq!(
            night.objects("_backhaul/responses/packs"),
            Vec::<String>::new(),
            "{step}"
        );
        night.backhaul(&["verify"]).expect(0);
    });
}

fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}

#[test]
fn forgetting_that_is_killed_at_any_step_ends_the_same_on_another_machine() {
    let reports = format!("{ANCHORS}{KEYWORDS}");
    let tables = ["anchors", "keywords", "coverage", "targets"];
    let past = Night::in_bucket(unlimited(60));
    past.configure(&targets(&["zebra", "quokka"]), &reports);
    past.run().expect(0);
    let kept: BTreeMap<_, Vec<_>> = past
        .tables(&tables)
        .into_iter()
        .map(|(table, rows)| {
            (
                table,
                rows.into_iter()
                    .filter(|row| !row.contains("zebra"))
                    .collect(),
            )
        })
        .collect();
    let all = past.cloud().server.whole_folder();
    let copy = tempfile::tempdir().unwrap();
    copy_tree(&all, copy.path());
    let elsewhere = || {
        let night = Night::in_bucket(unlimited(1));
        copy_tree(copy.path(), &night.cloud().server.whole_folder());
        night.configure(&targets(&["quokka"]), &reports);
        night
    };
    let forget = ["forget", "--target", "zebra"];
    let steps = elsewhere().steps(&forget);
    let mut cases = Vec::new();
    for step in steps.keys() {
        if step.starts_with("forget.") || step.starts_with("bucket.") {
            cases.push(format!("{step}:1"));
        }
    }
    assert!(cases.len() >= 15, "{steps:?}");
    in_parallel(cases, |step| {
        let night = elsewhere();
        assert!(night.crashes_at(&step, &forget), "{step} is passed");
        night.backhaul(&forget).expect(0);
        assert_eq!(night.tables(&tables), kept, "{step}");
        night.is_swept();
        night.backhaul(&["verify"]).expect(0);
        let named = night.objects("").into_iter().filter(|name| {
            let bytes = std::fs::read(night.root().join(name)).unwrap();
            bytes.windows(5).any(|window| window == b"zebra")
        });
        assert_eq!(
            named.collect::<Vec<_>>(),
            ["_backhaul/forgotten/zebra.json"],
            "{step}"
        );
    });
}
