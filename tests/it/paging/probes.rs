//! Probes of what paging assumes.

use backhaul::model::Value;
use backhaul::paging::{Assumption, Probe, ProbeStep, Verdict, Verdicts};
use fastrand::Rng;

use super::defects::{Defects, random_defects};
use super::oracle::{Tally, judge};
use super::source::{Cap, Collation, Grouped, Row, Shown, Source};
use super::tables::{identity_of, random_row, row_with_few_times, row_with_nulls};

/// Picks the verdict that a case is about.
type OneVerdict = fn(&Verdicts) -> Verdict;

const PROBE_ROWS: u32 = 30;

fn probed(defects: &Defects, seed: u64, num_rows: u64) -> Verdicts {
    fn telling_row(rng: &mut Rng, id: u64) -> Row {
        let mut row = random_row(rng, id);
        let letters = ["A", "B", "Y", "Z", "a", "b", "y", "z"];
        let mut text = String::new();
        for _ in 0..rng.usize(1..4) {
            text.push_str(letters[rng.usize(..letters.len())]);
            if rng.u8(..3) == 0 {
                text.push([' ', '-', '/'][rng.usize(..3)]);
            }
        }
        row.values[1] = Value::Text(text.into());
        row.values[4] = Value::Int(i64::try_from(id).unwrap());
        row
    }
    let mut rng = Rng::with_seed(seed);
    let rows = (0..num_rows).map(|id| telling_row(&mut rng, id)).collect();
    let mut source = Source::new(rows, defects.clone(), rng.fork(), telling_row);
    let times = answered(Probe::on_times("k0", PROBE_ROWS), &mut source, seed);
    times.with_string_verdicts(answered(
        Probe::on_strings("k1", PROBE_ROWS),
        &mut source,
        seed,
    ))
}

fn answered(mut probe: Probe, source: &mut Source, seed: u64) -> Verdicts {
    for _ in 0..100 {
        match probe.next() {
            ProbeStep::Done(verdicts) => return verdicts,
            ProbeStep::Request(request) => {
                assert!(
                    request.limit.is_some_and(|limit| limit <= PROBE_ROWS),
                    "seed {seed}: a probe must be free"
                );
                let answer = source.answer(&request, identity_of);
                probe.answer(&answer).unwrap();
            }
        }
    }
    panic!("seed {seed}: a probe must end");
}

#[test]
fn a_probe_never_finds_that_a_false_assumption_holds() {
    let honest = Defects {
        cap: Cap::Fixed(PROBE_ROWS as usize),
        ..Defects::none()
    };
    let cases: [(&str, Defects, OneVerdict); 9] = [
        (
            "filter ignores case",
            Defects {
                filter: Collation::IgnoresCase,
                ..honest.clone()
            },
            |v| v.filter_order_is_byte_order,
        ),
        (
            "filter is a locale's",
            Defects {
                filter: Collation::Locale,
                ..honest.clone()
            },
            |v| v.filter_order_is_byte_order,
        ),
        (
            "order is a locale's",
            Defects {
                order: Collation::Locale,
                ..honest.clone()
            },
            |v| v.filter_order_is_byte_order,
        ),
        (
            "filters match nothing",
            Defects {
                text_filters_match_nothing: true,
                ..honest.clone()
            },
            |v| v.round_trip,
        ),
        (
            "lower case is shown",
            Defects {
                shown: Shown::LowerCase,
                ..honest.clone()
            },
            |v| v.round_trip,
        ),
        (
            "caps before order",
            Defects {
                cap_before_order: true,
                ..honest.clone()
            },
            |v| v.cap_after_order,
        ),
        (
            "order is ignored",
            Defects {
                order_ignored: true,
                ..honest.clone()
            },
            |v| v.cap_after_order,
        ),
        (
            "filters are ignored",
            Defects {
                where_ignored: true,
                ..honest.clone()
            },
            |v| v.where_honoured,
        ),
        (
            "a cap under the floor",
            Defects {
                cap: Cap::Fixed(20),
                ..honest.clone()
            },
            |v| v.cap_floor_100,
        ),
    ];
    for (name, defects, verdict) in cases {
        for seed in 0..150 {
            for num_rows in [0, 5, 25, 40, 90, 300] {
                let verdicts = probed(&defects, seed, num_rows);
                assert_ne!(
                    verdict(&verdicts),
                    Verdict::Holds,
                    "{name}: seed {seed}, {num_rows} rows: {verdicts:?}"
                );
            }
        }
    }
}

#[test]
fn a_probe_of_an_honest_source_finds_that_all_holds() {
    let honest = Defects {
        cap: Cap::Fixed(PROBE_ROWS as usize),
        ..Defects::none()
    };
    let mut all = 0;
    for seed in 0..400 {
        let found = probed(&honest, seed, 300);
        assert!(
            Assumption::ALL
                .iter()
                .all(|assumption| found.get(*assumption) != Verdict::Broken),
            "seed {seed}: {found:?}"
        );
        let expected = Verdicts {
            filter_before_group: Verdict::Unknown,
            ..honest.truth()
        };
        all += usize::from(found == expected);
    }
    assert!(all > 300, "{all} of 400");
}

#[test]
fn what_a_probe_finds_keeps_the_pager_from_being_wrong() {
    let mut tally = Tally::default();
    for seed in 0..3_000 {
        let mut rng = Rng::with_seed(seed ^ 0xF1D);
        let defects = if rng.u8(..4) == 0 {
            Defects::none()
        } else {
            random_defects(&mut rng)
        };
        let free = Defects {
            grouped: Grouped::No,
            cap: Cap::Fixed(PROBE_ROWS as usize),
            ..defects.clone()
        };
        // Caps under the floor are those of the probe: the pager's floor is smaller here.
        let cap_floor_100 = defects.truth().cap_floor_100;
        let verdicts = Verdicts {
            cap_floor_100,
            ..probed(&free, seed, 120)
        };
        for table in 0..10 {
            let fresh = [random_row, row_with_few_times, row_with_nulls][rng.usize(..3)];
            judge(
                seed * 10 + table,
                &mut tally,
                defects.clone(),
                verdicts,
                fresh,
            );
        }
    }
    assert!(tally.complete > 3_000 && tally.capped > 1_000, "{tally:?}");
}
