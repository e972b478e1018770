//! Sources that behave as paging assumes, whatever their ties, nulls, groups and caps.

use backhaul::paging::{
    Evidence, NextStep, Pager, Paging, PagingError, Shortfall, Status, Verdict,
};
use fastrand::Rng;

use super::defects::{Defects, FLOOR, random_cap};
use super::oracle::{Tally, judge, random_plan, run, seeds};
use super::source::{Grouped, Row, Source};
use super::tables::{
    identity_of, random_row, row_with_few_times, row_with_nulls, row_with_own_payload,
};

#[test]
fn what_is_called_complete_is_the_source_under_ties_duplicates_and_any_cap() {
    let mut tally = Tally::default();
    for seed in seeds(60_000) {
        let mut rng = Rng::with_seed(seed ^ 0xCA9);
        let defects = Defects {
            cap: random_cap(&mut rng, FLOOR as usize),
            ..Defects::none()
        };
        let fresh = if rng.bool() {
            random_row
        } else {
            row_with_few_times
        };
        let verdicts = defects.truth();
        let ran = judge(seed, &mut tally, defects, verdicts, fresh);
        let honest = matches!(
            ran.end,
            Ok(Evidence {
                status: Status::Complete,
                ..
            }) | Err(PagingError::KeyExhausted { .. })
        );
        assert!(
            honest,
            "seed {seed}: nothing was wrong with the source: {ran:#?}"
        );
    }
    assert!(tally.failed * 3 < tally.complete, "{tally:?}");
}

#[test]
fn nulls_in_any_key_column_are_neither_lost_nor_doubled() {
    let mut tally = Tally::default();
    for seed in seeds(40_000) {
        let mut rng = Rng::with_seed(seed ^ 0x0911);
        let defects = Defects {
            cap: random_cap(&mut rng, FLOOR as usize),
            nulls_last: rng.bool(),
            ..Defects::none()
        };
        let verdicts = defects.truth();
        let ran = judge(seed, &mut tally, defects, verdicts, row_with_nulls);
        let honest = matches!(
            ran.end,
            Ok(Evidence {
                status: Status::Complete,
                ..
            }) | Err(PagingError::KeyExhausted { .. })
        );
        assert!(
            honest,
            "seed {seed}: nothing was wrong with the source: {ran:#?}"
        );
    }
    assert!(tally.failed * 2 < tally.complete, "{tally:?}");
}

#[test]
fn grouped_rows_are_complete_whether_filters_come_before_or_after_grouping() {
    let mut tally = Tally::default();
    for seed in seeds(30_000) {
        let mut rng = Rng::with_seed(seed ^ 0x6809);
        let grouped = if rng.bool() {
            Grouped::AfterWhere
        } else {
            Grouped::BeforeWhere
        };
        let defects = Defects {
            cap: random_cap(&mut rng, FLOOR as usize),
            grouped,
            ..Defects::none()
        };
        let mut verdicts = defects.truth();
        if rng.bool() {
            verdicts.filter_before_group = Verdict::Unknown;
        }
        judge(seed, &mut tally, defects, verdicts, random_row);
    }
    assert!(tally.complete > tally.failed * 20, "{tally:?}");
}

#[test]
fn rows_that_never_changed_come_exactly_once_while_others_come_and_go() {
    let mut tally = Tally::default();
    for seed in seeds(60_000) {
        let mut rng = Rng::with_seed(seed);
        let mut noise = Rng::with_seed(seed ^ 0xC4);
        let defects = Defects {
            churn: 0.5,
            cap: random_cap(&mut noise, FLOOR as usize),
            nulls_last: noise.bool(),
            ..Defects::none()
        };
        let fresh = [row_with_own_payload, random_row, row_with_nulls][noise.usize(..3)];
        let num_rows = rng.u64(0..40);
        let rows = (0..num_rows).map(|id| fresh(&mut rng, id)).collect();
        let plan = random_plan(&mut rng, defects.truth(), false);
        let mut source = Source::new(rows, defects, rng.fork(), fresh);
        let ran = run(&plan, &mut source, &identity_of, &mut rng);
        match &ran.end {
            Ok(Evidence {
                status: Status::Complete,
                ..
            }) => {
                tally.complete += 1;
                for row in source.select(plan.base_filter.as_ref()) {
                    if source.steady.contains(&row.id) {
                        let times = ran.emitted.get(&identity_of(row)).copied();
                        assert_eq!(times, Some(1), "seed {seed}: {row:?} {plan:#?} {ran:#?}");
                    }
                }
            }
            Ok(_) => tally.capped += 1,
            Err(_) => tally.failed += 1,
        }
    }
    assert!(tally.complete > tally.failed * 2, "{tally:?}");
}

#[test]
fn operations_without_pages_are_complete_by_their_shape_or_by_being_short() {
    for num_rows in 0..8_u64 {
        for (paging, always) in [(Paging::Whole, true), (Paging::OneAnswer, false)] {
            let mut rng = Rng::with_seed(num_rows);
            let rows: Vec<Row> = (0..num_rows).map(|id| random_row(&mut rng, id)).collect();
            let mut plan = random_plan(&mut rng, Defects::none().truth(), false);
            plan.paging = paging;
            plan.base_filter = None;
            let mut source = Source::new(rows, Defects::none(), rng.fork(), random_row);
            let ran = run(&plan, &mut source, &identity_of, &mut rng);
            let complete = always || num_rows < u64::from(FLOOR.min(plan.limits.max_limit));
            let expected = if complete {
                Status::Complete
            } else {
                Status::Capped(Shortfall::NoOrderKey)
            };
            assert_eq!(
                ran.end.unwrap().status,
                expected,
                "{num_rows} rows, {:?}",
                plan.paging
            );
        }
    }
}

#[test]
fn progress_is_a_fold_over_saved_answers() {
    for seed in seeds(10_000) {
        let mut rng = Rng::with_seed(seed);
        let defects = Defects {
            churn: 0.2,
            cap: random_cap(&mut rng, FLOOR as usize),
            ..Defects::none()
        };
        let fresh = if rng.bool() {
            row_with_nulls
        } else {
            row_with_few_times
        };
        let rows = (0..rng.u64(0..40)).map(|id| fresh(&mut rng, id)).collect();
        let plan = random_plan(&mut rng, defects.truth(), false);
        let mut source = Source::new(rows, defects, rng.fork(), fresh);
        let ran = run(&plan, &mut source, &identity_of, &mut rng);
        let mut replayed = Pager::new(plan).unwrap();
        for (request, answer, emit) in &ran.saved {
            replayed.set_page_limit(request.limit.unwrap());
            assert_eq!(
                replayed.next(),
                NextStep::Request(request.clone()),
                "seed {seed}"
            );
            assert_eq!(replayed.answer(answer).as_ref(), Ok(emit), "seed {seed}");
        }
        if let Ok(evidence) = ran.end {
            assert_eq!(replayed.next(), NextStep::Done(evidence), "seed {seed}");
        }
    }
}
