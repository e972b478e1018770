//! Reads a ranking of a source and compares what was emitted with its rows.

use std::collections::BTreeMap;

use backhaul::model::{PageKeys, Value};
use backhaul::paging::{
    Cursor, EmittedRows, Evidence, KeyColumn, NextStep, PageRequest, PagerLimits, PagerPlan,
    Paging, PagingError, RowGrouping, Top, Verdict, Verdicts,
};
use fastrand::Rng;

use super::source::{Defects, FLOOR, Row, Source, digest, number};

pub(super) fn bag<'a>(rows: impl IntoIterator<Item = &'a Row>) -> BTreeMap<u128, (usize, Value)> {
    let mut bag = BTreeMap::new();
    for row in rows {
        bag.entry(digest(row))
            .or_insert_with(|| (0, row[0].clone()))
            .0 += 1;
    }
    bag
}

/// Whether what was exported is the beginning of the ranking: all rows above its least value, as often as the source has
/// them, and so many of those that tie with it.
pub(super) fn is_beginning(emitted: &BTreeMap<u128, usize>, rows: &[Row]) -> bool {
    let source = bag(rows);
    let known = emitted
        .iter()
        .all(|(row, times)| source.get(row).is_some_and(|(most, _)| times <= most));
    let Some(least) = emitted
        .keys()
        .filter_map(|row| source.get(row))
        .map(|(_, value)| value)
        .min()
    else {
        return emitted.is_empty();
    };
    // Null is the least of all values: rows without one rank last.
    known
        && source
            .iter()
            .all(|(row, (times, value))| value <= least || emitted.get(row) == Some(times))
}

pub(super) fn verdicts(defects: &Defects) -> Verdicts {
    let verdict = |holds: bool| {
        if holds {
            Verdict::Holds
        } else {
            Verdict::Broken
        }
    };
    Verdicts {
        filter_order_is_byte_order: Verdict::Holds,
        round_trip: Verdict::Holds,
        cap_floor_100: verdict(defects.cap.is_none_or(|cap| cap >= FLOOR as usize)),
        cap_after_order: verdict(!defects.cap_before_order && !defects.order_ignored),
        filter_before_group: Verdict::Holds,
        where_honoured: Verdict::Holds,
    }
}

pub(super) fn plan(rng: &mut Rng, defects: &Defects) -> PagerPlan {
    let key = |name: &str, is_selected| KeyColumn {
        name: name.to_owned(),
        is_text: name == "k1",
        is_selected,
    };
    let key = match rng.u8(..4) {
        0 => Paging::OneAnswer,
        1 => Paging::Keyed {
            key: vec![key("k0", true)],
            grouping: RowGrouping::Rows,
        },
        _ => Paging::Keyed {
            key: vec![key("k0", true), key("k1", rng.bool())],
            grouping: RowGrouping::Rows,
        },
    };
    PagerPlan {
        paging: key,
        base_filter: None,
        verdicts: verdicts(defects),
        limits: PagerLimits {
            cap_floor: FLOOR,
            first_limit: 5,
            max_limit: rng.u32(4..40),
            known_cap: None,
            max_rows: None,
            max_requests: 300,
            url_bytes: 10_000,
        },
        top: Some(Top {
            by: "r".to_owned(),
            is_text: false,
            is_filterable: rng.u8(..8) > 0,
            divides_groups: false,
            rows: rng.u64(1..30),
            identity: if rng.bool() {
                vec!["id".to_owned()]
            } else {
                Vec::new()
            },
        }),
    }
}

pub(super) fn table(rng: &mut Rng) -> Vec<Row> {
    let most = [3, 10, 40][rng.usize(..3)];
    let nulls = rng.u8(..3);
    let mut rows: Vec<Row> = (0..rng.i64(0..=most))
        .map(|id| {
            let value = if nulls > 0 && rng.u8(..4) < nulls {
                Value::Null
            } else {
                number(rng)
            };
            let text = ["a", "B", "b", "é"][rng.usize(..4)];
            [
                value,
                Value::Int(rng.i64(..6)),
                Value::Text(text.into()),
                Value::Int(id),
            ]
        })
        .collect();
    for _ in 0..rng.usize(..3).min(rows.len()) {
        rows.push(rows[rng.usize(..rows.len())].clone());
    }
    rows
}

#[derive(Debug)]
pub(super) struct PagedRun {
    pub(super) emitted: BTreeMap<u128, usize>,
    pub(super) end: Result<Evidence, PagingError>,
    pub(super) saved: Vec<(PageRequest, PageKeys, EmittedRows)>,
}

pub(super) fn run(plan: &PagerPlan, source: &mut Source) -> PagedRun {
    let mut cursor = Cursor::new(plan.clone()).unwrap();
    let mut ran = PagedRun {
        emitted: BTreeMap::new(),
        end: Err(PagingError::UnexpectedAnswer),
        saved: Vec::new(),
    };
    loop {
        if source.rng.u8(..12) == 0 {
            cursor.shrink_page();
        }
        let request = match cursor.next() {
            NextStep::Done(evidence) => {
                ran.end = Ok(evidence);
                return ran;
            }
            NextStep::Request(request) => request,
        };
        let answer = source.answer(&request);
        match cursor.answer(&answer) {
            Ok(emit) => {
                for row in emit.ranges.iter().cloned().flatten() {
                    *ran.emitted.entry(answer.digests[row]).or_default() += 1;
                }
                ran.saved.push((request, answer, emit));
            }
            Err(error) => {
                ran.end = Err(error);
                return ran;
            }
        }
    }
}

pub(super) fn seeds(tables: u64) -> impl Iterator<Item = u64> {
    (0..tables).chain((0..tables / 20).map(|_| fastrand::u64(..)))
}
