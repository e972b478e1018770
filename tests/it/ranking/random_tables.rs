//! Rankings of random tables.

use std::collections::BTreeMap;

use backhaul::model::Value;
use backhaul::paging::{
    Assumption, BestEffort, Cursor, Evidence, KeyColumn, NextStep, Paging, PagingError,
    RowGrouping, Shortfall, Status,
};
use fastrand::Rng;

use super::oracle::{is_beginning, plan, run, seeds, table};
use super::source::{Defects, FLOOR, Row, Source, honest, number};

#[test]
fn a_ranking_is_exact_on_a_table_that_does_not_change_whatever_ties_nulls_and_caps() {
    let (mut one, mut several, mut tied, mut unfilterable) = (0, 0, 0, 0);
    for seed in seeds(40_000) {
        let mut rng = Rng::with_seed(seed);
        let cap = (rng.u8(..4) > 0).then(|| FLOOR as usize + rng.usize(..12));
        let defects = Defects {
            cap,
            varies: rng.bool(),
            nulls_first: rng.bool(),
            ..honest()
        };
        let plan = plan(&mut rng, &defects);
        let rows = table(&mut rng);
        let mut source = Source {
            rows: rows.clone(),
            defects,
            rng: rng.fork(),
        };
        let ran = run(&plan, &mut source);
        let wanted = plan.top.as_ref().unwrap().rows.min(rows.len() as u64);
        let evidence = ran
            .end
            .as_ref()
            .unwrap_or_else(|error| panic!("seed {seed}: {error} {plan:#?} {rows:?}"));
        let emitted: usize = ran.emitted.values().sum();
        assert_eq!(evidence.rows, emitted as u64, "seed {seed}");
        let unranked = evidence.status == Status::Capped(Shortfall::RankingNotFilterable)
            && source.defects.nulls_first;
        assert!(
            unranked || is_beginning(&ran.emitted, &rows),
            "seed {seed}: {plan:#?} {rows:?} {ran:#?}"
        );
        match evidence.status {
            Status::Complete => {
                assert_eq!(
                    evidence.rows, wanted,
                    "seed {seed}: {plan:#?} {rows:?} {ran:#?}"
                );
                let is_best_effort = evidence.best_effort == Some(BestEffort::RankingOverPages);
                let has_null = rows.iter().any(|row| row[0] == Value::Null);
                assert!(
                    evidence.requests == 1 || is_best_effort || has_null,
                    "seed {seed}: {ran:#?}"
                );
                one += usize::from(evidence.requests == 1);
                several += usize::from(is_best_effort);
            }
            Status::Capped(Shortfall::RankingTies) => tied += 1,
            Status::Capped(Shortfall::RankingNotFilterable) => unfilterable += 1,
            Status::Capped(why) => panic!("seed {seed}: {why} {plan:#?} {rows:?} {ran:#?}"),
        }
        assert!(
            emitted as u64 <= plan.top.as_ref().unwrap().rows,
            "seed {seed}"
        );
    }
    assert!(
        one > 5_000 && several > 5_000 && tied > 500 && unfilterable > 100,
        "{one} {several} {tied} {unfilterable}"
    );
}

#[test]
fn a_ranking_receives_its_rows_and_one_row_for_each_page_boundary() {
    for seed in seeds(5_000) {
        let mut rng = Rng::with_seed(seed);
        let cap = FLOOR as usize + rng.usize(..12);
        let defects = Defects {
            cap: Some(cap),
            ..honest()
        };
        let mut plan = plan(&mut rng, &defects);
        let key = KeyColumn {
            name: "id".to_owned(),
            is_text: false,
            is_selected: true,
        };
        plan.paging = Paging::Keyed {
            key: vec![key],
            grouping: RowGrouping::Rows,
        };
        plan.limits.max_limit = 1_000;
        let top = plan.top.as_mut().unwrap();
        top.is_filterable = true;
        let wanted = top.rows;
        let rows: Vec<Row> = (0..60)
            .map(|id| [number(&mut rng), Value::Null, Value::Null, Value::Int(id)])
            .collect();
        let mut source = Source {
            rows,
            defects,
            rng: Rng::with_seed(seed),
        };
        let mut cursor = Cursor::new(plan).unwrap();
        while let NextStep::Request(request) = cursor.next() {
            cursor.answer(&source.answer(&request)).unwrap();
        }
        let NextStep::Done(evidence) = cursor.next() else {
            unreachable!()
        };
        assert_eq!(
            (evidence.status, evidence.rows),
            (Status::Complete, wanted),
            "seed {seed}"
        );
        assert_eq!(
            evidence.rows_reread,
            evidence.requests - 1,
            "seed {seed}: a row for each page boundary"
        );
        assert_eq!(
            evidence.requests == 1,
            wanted <= cap as u64,
            "seed {seed}: no cap, one request"
        );
    }
}

#[test]
fn a_ranking_whose_position_cannot_be_requested_stops_with_a_correct_beginning() {
    let (mut capped, mut complete) = (0, 0);
    for seed in seeds(20_000) {
        let mut rng = Rng::with_seed(seed);
        let defects = Defects {
            cap: Some(FLOOR as usize + rng.usize(..6)),
            equals_nothing: rng.bool(),
            rounds_down: rng.bool(),
            nulls_first: rng.bool(),
            ..honest()
        };
        let mut plan = plan(&mut rng, &defects);
        plan.top.as_mut().unwrap().is_filterable = true;
        let mut rows = table(&mut rng);
        rows.dedup_by_key(|row| row[3].clone());
        let mut source = Source {
            rows: rows.clone(),
            defects,
            rng: rng.fork(),
        };
        let ran = run(&plan, &mut source);
        match &ran.end {
            Ok(Evidence { status, .. }) => {
                assert!(
                    is_beginning(&ran.emitted, &rows),
                    "seed {seed}: {plan:#?} {rows:?} {ran:#?}"
                );
                capped += usize::from(
                    *status == Status::Capped(Shortfall::Assumption(Assumption::RoundTrip)),
                );
                complete += usize::from(*status == Status::Complete);
            }
            Err(PagingError::OutOfOrder { .. } | PagingError::BelowBound { .. }) => {}
            Err(error) => panic!("seed {seed}: {error}"),
        }
    }
    assert!(
        capped > 1_000 && complete > 1_000,
        "{capped} capped, {complete} complete"
    );
}

#[test]
fn a_cut_before_the_order_and_an_order_that_is_ignored_are_never_taken_for_a_ranking() {
    for seed in seeds(5_000) {
        let mut rng = Rng::with_seed(seed);
        let (cap_before_order, order_ignored) = if rng.bool() {
            (true, rng.bool())
        } else {
            (false, true)
        };
        let defects = Defects {
            cap: Some(5),
            cap_before_order,
            order_ignored,
            ..honest()
        };
        let plan = plan(&mut rng, &defects);
        let rows = table(&mut rng);
        let mut source = Source {
            rows: rows.clone(),
            defects,
            rng: rng.fork(),
        };
        let ran = run(&plan, &mut source);
        if let Ok(Evidence {
            status: Status::Complete,
            ..
        }) = ran.end
        {
            assert!(
                is_beginning(&ran.emitted, &rows),
                "seed {seed}: {plan:#?} {rows:?} {ran:#?}"
            );
        }
    }
}

#[test]
fn a_row_that_moves_while_it_is_ranked_is_exported_once() {
    let mut several = 0;
    for seed in seeds(10_000) {
        let mut rng = Rng::with_seed(seed);
        let defects = Defects {
            cap: Some(FLOOR as usize + rng.usize(..6)),
            churn: 0.7,
            ..honest()
        };
        let mut plan = plan(&mut rng, &defects);
        plan.top.as_mut().unwrap().identity = vec!["id".to_owned()];
        let rows = (0..30).map(|id| {
            [
                number(&mut rng),
                Value::Int(id % 7),
                Value::Text("a".into()),
                Value::Int(id),
            ]
        });
        let mut source = Source {
            rows: rows.collect(),
            defects,
            rng: rng.fork(),
        };
        let ran = run(&plan, &mut source);
        let mut times: BTreeMap<Value, usize> = BTreeMap::new();
        for (request, answer, emit) in &ran.saved {
            let index = request
                .key_columns
                .iter()
                .position(|name| name == "id")
                .unwrap();
            for row in emit.ranges.iter().cloned().flatten() {
                *times.entry(answer.key(row)[index].clone()).or_default() += 1;
            }
        }
        assert!(
            times.values().all(|times| *times == 1),
            "seed {seed}: {ran:#?}"
        );
        several += usize::from(ran.saved.len() > 2);
    }
    assert!(several > 2_000, "{several}");
}

#[test]
fn a_ranking_is_a_fold_over_saved_answers() {
    for seed in seeds(5_000) {
        let mut rng = Rng::with_seed(seed);
        let defects = Defects {
            cap: Some(FLOOR as usize + rng.usize(..6)),
            varies: true,
            churn: 0.2,
            ..honest()
        };
        let plan = plan(&mut rng, &defects);
        let mut source = Source {
            rows: table(&mut rng),
            defects,
            rng: rng.fork(),
        };
        let ran = run(&plan, &mut source);
        let mut replayed = Cursor::new(plan).unwrap();
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
