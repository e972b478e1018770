//! Pages a source and compares what was emitted with its rows.

use backhaul::filter::{Comparison, Filter};
use backhaul::model::{PageKeys, Value};
use backhaul::paging::{
    Assumption, EmittedRows, Evidence, KeyColumn, NextStep, PageRequest, Pager, PagerLimits,
    PagerPlan, Paging, PagingError, RowGrouping, Shortfall, Status, Verdicts,
};
use fastrand::Rng;

use super::defects::{Defects, FLOOR};
use super::source::{Grouped, Row, Source, column};
use super::tables::{Bag, bag, digest_of, within};

pub(super) fn key_column(name: &str, is_selected: bool) -> KeyColumn {
    KeyColumn {
        name: name.to_owned(),
        is_text: matches!(name, "k1" | "g"),
        is_selected,
    }
}

pub(super) fn random_plan(rng: &mut Rng, verdicts: Verdicts, grouped: bool) -> PagerPlan {
    let names: &[&str] = match rng.u8(..5) {
        0 => &["k1", "k2"],
        1 => &["k1", "k0", "k2"],
        2 => &["k2", "k1", "k0"],
        _ => &["k0", "k1", "k2"],
    };
    let key = names
        .iter()
        .map(|name| key_column(name, rng.bool()))
        .collect();
    let grouping = if grouped {
        RowGrouping::Groups(vec![key_column("g", false)])
    } else {
        RowGrouping::Rows
    };
    let start = rng.u32(2..12);
    PagerPlan {
        paging: Paging::Keyed { key, grouping },
        base_filter: (rng.u8(..3) == 0)
            .then(|| Filter::Is("p".to_owned(), Comparison::Gte, Value::Int(2))),
        verdicts,
        limits: PagerLimits {
            cap_floor: FLOOR,
            first_limit: start,
            max_limit: start * rng.u32(1..5),
            known_cap: (rng.u8(..4) == 0).then_some(4),
            max_rows: None,
            max_requests: 500,
            url_bytes: 10_000,
        },
        top: None,
    }
}

pub(super) fn selected_of(plan: &PagerPlan) -> Vec<usize> {
    let Paging::Keyed { key, .. } = &plan.paging else {
        return Vec::new();
    };
    key.iter()
        .filter(|column| column.is_selected)
        .map(|key| column(&key.name))
        .collect()
}

#[derive(Debug)]
pub(super) struct PagedRun {
    pub(super) emitted: Bag,
    pub(super) end: Result<Evidence, PagingError>,
    pub(super) saved: Vec<(PageRequest, PageKeys, EmittedRows)>,
}

pub(super) fn run(
    plan: &PagerPlan,
    source: &mut Source,
    digest: &dyn Fn(&Row) -> u128,
    tuning: &mut Rng,
) -> PagedRun {
    let mut ran = PagedRun {
        emitted: Bag::new(),
        end: Err(PagingError::UnexpectedAnswer),
        saved: Vec::new(),
    };
    let mut pager = match Pager::new(plan.clone()) {
        Ok(pager) => pager,
        Err(error) => {
            ran.end = Err(error);
            return ran;
        }
    };
    loop {
        match tuning.u8(..12) {
            0 => pager.shrink_page(),
            1 => pager.grow_page(),
            _ => {}
        }
        let request = match pager.next() {
            NextStep::Done(evidence) => {
                ran.end = Ok(evidence);
                return ran;
            }
            NextStep::Request(request) => request,
        };
        let answer = source.answer(&request, digest);
        match pager.answer(&answer) {
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

/// How often each end was reached, so that no test can pass by never completing anything.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) complete: usize,
    pub(super) capped: usize,
    pub(super) failed: usize,
}

/// One random table, judged.
pub(super) fn judge(
    seed: u64,
    tally: &mut Tally,
    defects: Defects,
    verdicts: Verdicts,
    fresh: fn(&mut Rng, u64) -> Row,
) -> PagedRun {
    let mut rng = Rng::with_seed(seed);
    let most = [4, 12, 36][rng.usize(..3)];
    let num_rows = rng.u64(0..=most);
    let mut rows: Vec<Row> = (0..num_rows).map(|id| fresh(&mut rng, id)).collect();
    for _ in 0..rng.usize(..3).min(rows.len()) {
        let mut duplicate = rows[rng.usize(..rows.len())].clone();
        duplicate.id = rows.len() as u64;
        rows.push(duplicate);
    }
    let plan = random_plan(&mut rng, verdicts, defects.grouped != Grouped::No);
    let selected = selected_of(&plan);
    let digest = |row: &Row| digest_of(row, &selected);
    let mut source = Source::new(rows, defects, rng.fork(), fresh);
    let expected = bag(source
        .select(plan.base_filter.as_ref())
        .into_iter()
        .map(digest));
    let ran = run(&plan, &mut source, &digest, &mut rng);
    match &ran.end {
        Ok(Evidence {
            status: Status::Complete,
            ..
        }) => {
            tally.complete += 1;
            assert_eq!(
                ran.emitted, expected,
                "seed {seed}: called complete: {plan:#?} {:#?} {ran:#?}",
                source.defects
            );
        }
        Ok(Evidence {
            status: Status::Capped(Shortfall::Assumption(Assumption::WhereHonoured)),
            ..
        }) if source.defects.where_ignored => {
            tally.capped += 1;
        }
        Ok(_) => {
            tally.capped += 1;
            assert!(
                within(&ran.emitted, &expected),
                "seed {seed}: rows too many: {plan:#?} {:#?} {ran:#?}",
                source.defects
            );
        }
        Err(_) => tally.failed += 1,
    }
    ran
}

/// Fixed seeds, and a few that no run had before.
pub(super) fn seeds(tables: u64) -> impl Iterator<Item = u64> {
    (0..tables).chain((0..tables / 20).map(|_| fastrand::u64(..)))
}
