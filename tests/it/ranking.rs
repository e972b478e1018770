//! Rankings: against an oracle on random tables, and end to end against the sandbox.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use backhaul::filter::{Comparison, Filter};
use backhaul::model::{PageKeys, Value};
use backhaul::paging::{
    Ask, Assumption, BestEffort, Cursor, Emit, Evidence, Grouping, KeyColumn, PagerLimits,
    PagerPlan, Paging, PagingError, Shortfall, Status, Step, Top, Verdict, Verdicts,
};
use backhaul::sandbox::{Options, Quirk};
use fastrand::Rng;

use crate::support::{TestContext, unlimited};

const FLOOR: u32 = 3;
/// `r` ranks, `k0` and `k1` are K, `id` identifies.
const COLUMNS: [&str; 4] = ["r", "k0", "k1", "id"];

type Row = [Value; 4];

fn column(name: &str) -> usize {
    COLUMNS.iter().position(|column| *column == name).unwrap()
}

#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches")]
struct Vices {
    /// Answers are cut to this many rows, and to some more where `varies`.
    cap: Option<usize>,
    varies: bool,
    cap_before_order: bool,
    nulls_first: bool,
    /// Filters do not find a number by being equal.
    equals_nothing: bool,
    /// Numbers are shown without their last digit.
    rounds_down: bool,
    order_ignored: bool,
    churn: f64,
}

fn honest() -> Vices {
    Vices {
        cap: None,
        varies: false,
        cap_before_order: false,
        nulls_first: false,
        equals_nothing: false,
        rounds_down: false,
        order_ignored: false,
        churn: 0.0,
    }
}

struct Source {
    rows: Vec<Row>,
    vices: Vices,
    rng: Rng,
}

impl Source {
    fn matches(&self, filter: &Filter, row: &Row) -> bool {
        match filter {
            Filter::And(parts) => parts.iter().all(|part| self.matches(part, row)),
            Filter::Or(parts) => parts.iter().any(|part| self.matches(part, row)),
            Filter::Not(part) => !self.matches(part, row),
            Filter::IsNull(name) => row[column(name)] == Value::Null,
            Filter::Is(name, comparison, value) => {
                let actual = &row[column(name)];
                match comparison {
                    _ if *actual == Value::Null => false,
                    Comparison::Eq if self.vices.equals_nothing && name == "r" => false,
                    Comparison::Eq => actual == value,
                    Comparison::Gt => actual > value,
                    Comparison::Gte => actual >= value,
                    Comparison::Lt => actual < value,
                    other => unreachable!("paging does not ask {other:?}"),
                }
            }
            Filter::Empty(_) | Filter::Items(..) | Filter::Json(_) => unreachable!("not used here"),
        }
    }

    fn answer(&mut self, ask: &Ask) -> PageKeys {
        if self.rng.f64() < self.vices.churn && !self.rows.is_empty() {
            let place = self.rng.usize(..self.rows.len());
            self.rows[place][0] = number(&mut self.rng);
        }
        let mut rows: Vec<&Row> = self
            .rows
            .iter()
            .filter(|row| {
                ask.filter
                    .as_ref()
                    .is_none_or(|filter| self.matches(filter, row))
            })
            .collect();
        self.rng.shuffle(&mut rows);
        let extra = if self.vices.varies {
            self.rng.usize(..4)
        } else {
            0
        };
        let cap = self.vices.cap.map_or(usize::MAX, |cap| cap + extra);
        if self.vices.cap_before_order {
            rows.truncate(cap);
        }
        let order: Vec<usize> = ask.order_by.iter().map(|name| column(name)).collect();
        if !self.vices.order_ignored {
            rows.sort_by(|left, right| self.compare(&order, ask.descends, left, right));
        }
        rows.truncate(cap.min(ask.limit.unwrap() as usize));
        let columns: Vec<usize> = ask.key_columns.iter().map(|name| column(name)).collect();
        PageKeys {
            width: columns.len(),
            values: rows
                .iter()
                .flat_map(|row| columns.iter().map(|column| self.shown(&row[*column])))
                .collect(),
            digests: rows.iter().map(|row| digest(row)).collect(),
        }
    }

    fn shown(&self, value: &Value) -> Value {
        match value {
            Value::Float(_) if self.vices.rounds_down => {
                let tenths = value.to_json().as_f64().unwrap() * 2.0;
                Value::float(tenths.floor() / 2.0)
            }
            other => other.clone(),
        }
    }

    fn compare(&self, order: &[usize], descends: bool, left: &Row, right: &Row) -> Ordering {
        for (place, column) in order.iter().enumerate() {
            let (left, right) = (&left[*column], &right[*column]);
            let ordering = match (left, right) {
                (Value::Null, Value::Null) => Ordering::Equal,
                (Value::Null, _) if descends && place == 0 && self.vices.nulls_first => {
                    Ordering::Less
                }
                (_, Value::Null) if descends && place == 0 && self.vices.nulls_first => {
                    Ordering::Greater
                }
                _ if descends && place == 0 => right.cmp(left),
                _ => left.cmp(right),
            };
            if ordering.is_ne() {
                return ordering;
            }
        }
        Ordering::Equal
    }
}

fn number(rng: &mut Rng) -> Value {
    // Quarters are exact, so that what is shown is what is there.
    Value::float(f64::from(rng.u32(..16)) / 4.0)
}

fn digest(row: &Row) -> u128 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    row.hash(&mut hasher);
    u128::from(hasher.finish())
}

fn bag<'a>(rows: impl IntoIterator<Item = &'a Row>) -> BTreeMap<u128, (usize, Value)> {
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
fn is_beginning(emitted: &BTreeMap<u128, usize>, rows: &[Row]) -> bool {
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

fn verdicts(vices: &Vices) -> Verdicts {
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
        cap_floor_100: verdict(vices.cap.is_none_or(|cap| cap >= FLOOR as usize)),
        cap_after_order: verdict(!vices.cap_before_order && !vices.order_ignored),
        filter_before_group: Verdict::Holds,
        where_honoured: Verdict::Holds,
    }
}

fn plan(rng: &mut Rng, vices: &Vices) -> PagerPlan {
    let key = |name: &str, is_selected| KeyColumn {
        name: name.to_owned(),
        is_text: name == "k1",
        is_selected,
    };
    let key = match rng.u8(..4) {
        0 => Paging::OneAnswer,
        1 => Paging::Keyed {
            key: vec![key("k0", true)],
            grouping: Grouping::Rows,
        },
        _ => Paging::Keyed {
            key: vec![key("k0", true), key("k1", rng.bool())],
            grouping: Grouping::Rows,
        },
    };
    PagerPlan {
        paging: key,
        base: None,
        verdicts: verdicts(vices),
        limits: PagerLimits {
            floor: FLOOR,
            start: 5,
            most: rng.u32(4..40),
            cap: None,
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

fn table(rng: &mut Rng) -> Vec<Row> {
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
struct Ran {
    emitted: BTreeMap<u128, usize>,
    end: Result<Evidence, PagingError>,
    saved: Vec<(Ask, PageKeys, Emit)>,
}

fn run(plan: &PagerPlan, source: &mut Source) -> Ran {
    let mut cursor = Cursor::new(plan.clone()).unwrap();
    let mut ran = Ran {
        emitted: BTreeMap::new(),
        end: Err(PagingError::NotAwaited),
        saved: Vec::new(),
    };
    loop {
        if source.rng.u8(..12) == 0 {
            cursor.slower();
        }
        let ask = match cursor.next() {
            Step::Done(evidence) => {
                ran.end = Ok(evidence);
                return ran;
            }
            Step::Ask(ask) => ask,
        };
        let answer = source.answer(&ask);
        match cursor.answer(&answer) {
            Ok(emit) => {
                for row in emit.ranges.iter().cloned().flatten() {
                    *ran.emitted.entry(answer.digests[row]).or_default() += 1;
                }
                ran.saved.push((ask, answer, emit));
            }
            Err(error) => {
                ran.end = Err(error);
                return ran;
            }
        }
    }
}

fn seeds(tables: u64) -> impl Iterator<Item = u64> {
    (0..tables).chain((0..tables / 20).map(|_| fastrand::u64(..)))
}

#[test]
fn a_ranking_is_exact_on_a_table_that_does_not_change_whatever_ties_nulls_and_caps() {
    let (mut one, mut several, mut tied, mut unfilterable) = (0, 0, 0, 0);
    for seed in seeds(40_000) {
        let mut rng = Rng::with_seed(seed);
        let cap = (rng.u8(..4) > 0).then(|| FLOOR as usize + rng.usize(..12));
        let vices = Vices {
            cap,
            varies: rng.bool(),
            nulls_first: rng.bool(),
            ..honest()
        };
        let plan = plan(&mut rng, &vices);
        let rows = table(&mut rng);
        let mut source = Source {
            rows: rows.clone(),
            vices,
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
            && source.vices.nulls_first;
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
fn a_ranking_buys_its_rows_and_one_row_for_each_seam() {
    for seed in seeds(5_000) {
        let mut rng = Rng::with_seed(seed);
        let cap = FLOOR as usize + rng.usize(..12);
        let vices = Vices {
            cap: Some(cap),
            ..honest()
        };
        let mut plan = plan(&mut rng, &vices);
        let key = KeyColumn {
            name: "id".to_owned(),
            is_text: false,
            is_selected: true,
        };
        plan.paging = Paging::Keyed {
            key: vec![key],
            grouping: Grouping::Rows,
        };
        plan.limits.most = 1_000;
        let top = plan.top.as_mut().unwrap();
        top.is_filterable = true;
        let wanted = top.rows;
        let rows: Vec<Row> = (0..60)
            .map(|id| [number(&mut rng), Value::Null, Value::Null, Value::Int(id)])
            .collect();
        let mut source = Source {
            rows,
            vices,
            rng: Rng::with_seed(seed),
        };
        let mut cursor = Cursor::new(plan).unwrap();
        while let Step::Ask(ask) = cursor.next() {
            cursor.answer(&source.answer(&ask)).unwrap();
        }
        let Step::Done(evidence) = cursor.next() else {
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
            "seed {seed}: a row for each seam"
        );
        assert_eq!(
            evidence.requests == 1,
            wanted <= cap as u64,
            "seed {seed}: no cap, one request"
        );
    }
}

#[test]
fn a_ranking_whose_place_cannot_be_asked_for_stops_with_a_right_beginning() {
    let (mut capped, mut complete) = (0, 0);
    for seed in seeds(20_000) {
        let mut rng = Rng::with_seed(seed);
        let vices = Vices {
            cap: Some(FLOOR as usize + rng.usize(..6)),
            equals_nothing: rng.bool(),
            rounds_down: rng.bool(),
            nulls_first: rng.bool(),
            ..honest()
        };
        let mut plan = plan(&mut rng, &vices);
        plan.top.as_mut().unwrap().is_filterable = true;
        let mut rows = table(&mut rng);
        rows.dedup_by_key(|row| row[3].clone());
        let mut source = Source {
            rows: rows.clone(),
            vices,
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
            Err(PagingError::Order { .. } | PagingError::BelowBound { .. }) => {}
            Err(error) => panic!("seed {seed}: {error}"),
        }
    }
    assert!(
        capped > 1_000 && complete > 1_000,
        "{capped} capped, {complete} complete"
    );
}

#[test]
fn a_cut_before_the_order_and_an_order_that_is_ignored_never_pass_for_a_ranking() {
    for seed in seeds(5_000) {
        let mut rng = Rng::with_seed(seed);
        let (cap_before_order, order_ignored) = if rng.bool() {
            (true, rng.bool())
        } else {
            (false, true)
        };
        let vices = Vices {
            cap: Some(5),
            cap_before_order,
            order_ignored,
            ..honest()
        };
        let plan = plan(&mut rng, &vices);
        let rows = table(&mut rng);
        let mut source = Source {
            rows: rows.clone(),
            vices,
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
        let vices = Vices {
            cap: Some(FLOOR as usize + rng.usize(..6)),
            churn: 0.7,
            ..honest()
        };
        let mut plan = plan(&mut rng, &vices);
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
            vices,
            rng: rng.fork(),
        };
        let ran = run(&plan, &mut source);
        let mut times: BTreeMap<Value, usize> = BTreeMap::new();
        for (ask, answer, emit) in &ran.saved {
            let place = ask
                .key_columns
                .iter()
                .position(|name| name == "id")
                .unwrap();
            for row in emit.ranges.iter().cloned().flatten() {
                *times.entry(answer.key(row)[place].clone()).or_default() += 1;
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
        let vices = Vices {
            cap: Some(FLOOR as usize + rng.usize(..6)),
            varies: true,
            churn: 0.2,
            ..honest()
        };
        let plan = plan(&mut rng, &vices);
        let mut source = Source {
            rows: table(&mut rng),
            vices,
            rng: rng.fork(),
        };
        let ran = run(&plan, &mut source);
        let mut again = Cursor::new(plan).unwrap();
        for (ask, answer, emit) in &ran.saved {
            again.at_limit(ask.limit.unwrap());
            assert_eq!(again.next(), Step::Ask(ask.clone()), "seed {seed}");
            assert_eq!(again.answer(answer).as_ref(), Ok(emit), "seed {seed}");
        }
        if let Ok(evidence) = ran.end {
            assert_eq!(again.next(), Step::Done(evidence), "seed {seed}");
        }
    }
}

const LINKS: &str = "site-explorer/all-backlinks";
const LINK_COLUMNS: [&str; 7] = [
    "url_from",
    "url_to",
    "domain_rating_source",
    "first_seen_link",
    "anchor",
    "link_type",
    "last_seen",
];
const LINK_ORDER: &str = "domain_rating_source:desc,first_seen_link:asc,url_from:asc,url_to:asc,anchor:asc,link_type:asc";

/// What a ranking came to.
struct Ranked {
    context: TestContext,
    report: serde_json::Value,
    evidence: serde_json::Value,
    /// Rows bought, the probes' apart.
    bought: u64,
    requests: u64,
}

fn ranked(options: Options, endpoint: &str, columns: &[&str], top: &str, lines: &str) -> Ranked {
    let context = TestContext::new(options);
    context.configure(&format!(
        "[[report]]\nname = \"ranking\"\nendpoint = \"{endpoint}\"\ncolumns = {columns:?}\ntop = {top}\n{lines}\n"
    ));
    context.backhaul(&["check", "--live"]).expect(0);
    let before = context.stats();
    let report = context.run().expect(0).json();
    let after = context.stats();
    context.backhaul(&["verify"]).expect(0);
    let (mut states, folder) = (
        Vec::new(),
        context.destination().join("_backhaul/tables/ranking"),
    );
    for entry in std::fs::read_dir(folder).unwrap() {
        states.push(std::fs::read_to_string(entry.unwrap().path()).unwrap());
    }
    let state: serde_json::Value = serde_json::from_str(&states[0]).unwrap();
    let evidence = state["committed"]["tasks"][0]["evidence"].clone();
    let (bought, requests) = (after.rows - before.rows, after.requests - before.requests);
    Ranked {
        context,
        report,
        evidence,
        bought,
        requests,
    }
}

impl Ranked {
    /// The table equals the first rows of one uncapped answer in the same order.
    fn assert_equals(
        &self,
        endpoint: &str,
        columns: &[&str],
        order: &str,
        rows: &str,
        query: &[(&str, &str)],
    ) {
        let columns: Vec<String> = columns.iter().map(|name| (*name).to_owned()).collect();
        let mut all = vec![
            ("target", "acme.com"),
            ("mode", "subdomains"),
            ("protocol", "both"),
            ("order_by", order),
        ];
        all.extend(query);
        all.push(("limit", rows));
        let expected = self.context.oracle_rows(endpoint, &columns, &all);
        let exported = self.context.table_rows("ranking", endpoint, &columns);
        assert_eq!(exported.len(), expected.len(), "{}", self.report);
        assert_eq!(exported, expected);
        // Once more from what was saved.
        self.context.backhaul(&["rebuild"]).expect(0);
        assert_eq!(
            self.context.table_rows("ranking", endpoint, &columns),
            expected
        );
    }
}

#[test]
fn without_a_cap_a_ranking_is_one_request_of_its_rows() {
    let top = "{ by = \"domain_rating_source\", rows = 700 }";
    let ran = ranked(
        unlimited(5_000),
        LINKS,
        &LINK_COLUMNS,
        top,
        "aggregation = \"all\"",
    );
    assert_eq!((ran.bought, ran.requests), (700, 1));
    assert_eq!(ran.evidence["status"], "complete");
    assert!(
        ran.evidence.get("best_effort").is_none(),
        "{}",
        ran.evidence
    );
    let query = [("history", "live"), ("aggregation", "all")];
    ran.assert_equals(LINKS, &LINK_COLUMNS, LINK_ORDER, "700", &query);
    let again = ran.context.run().expect(0).json();
    assert_eq!(again["requests"], 0, "{again}");
}

#[test]
fn behind_a_cap_a_ranking_goes_on_and_says_that_it_is_best_effort() {
    let top = "{ by = \"domain_rating_source\", rows = 1000 }";
    let options = Options {
        row_cap: Some(100),
        ..unlimited(5_000)
    };
    let ran = ranked(options, LINKS, &LINK_COLUMNS, top, "aggregation = \"all\"");
    assert_eq!(ran.evidence["status"], "complete");
    assert_eq!(ran.evidence["best_effort"], "ranking_over_pages");
    assert!(ran.bought <= 1_000 + 100, "{} rows were bought", ran.bought);
    assert_eq!(ran.report["rows"], 1_000);
    let query = [("history", "live"), ("aggregation", "all")];
    ran.assert_equals(LINKS, &LINK_COLUMNS, LINK_ORDER, "1000", &query);
}

#[test]
fn grouped_links_are_ranked_by_what_is_equal_within_a_group_and_else_capped() {
    let options = || Options {
        row_cap: Some(250),
        ..unlimited(4_000)
    };
    let columns = [
        "root_name_source",
        "domain_rating_source",
        "url_rating_source",
    ];
    let ran = ranked(
        options(),
        LINKS,
        &columns,
        "{ by = \"domain_rating_source\", rows = 600 }",
        "",
    );
    assert_eq!(ran.evidence["status"], "complete", "{}", ran.evidence);
    let order = "domain_rating_source:desc,root_name_source:asc";
    let expected = ran.context.oracle_rows(
        LINKS,
        &["domain_rating_source".to_owned()],
        &[
            ("target", "acme.com"),
            ("history", "live"),
            ("order_by", order),
            ("limit", "600"),
        ],
    );
    let mut expected: Vec<f64> = expected.iter().map(|row| row[0].parse().unwrap()).collect();
    expected.sort_by(|left, right| right.total_cmp(left));
    let exported = ran
        .context
        .table_rows("ranking", LINKS, &["domain_rating_source".to_owned()]);
    let mut exported: Vec<f64> = exported.iter().map(|row| row[0].parse().unwrap()).collect();
    exported.sort_by(|left, right| right.total_cmp(left));
    assert_eq!(exported, expected);
    let ran = ranked(
        options(),
        LINKS,
        &columns,
        "{ by = \"url_rating_source\", rows = 600 }",
        "",
    );
    assert_eq!(
        ran.evidence["status"]["capped"]["assumption"], "filter_before_group",
        "{}",
        ran.evidence
    );
    assert_eq!(ran.report["rows"], 250);
}

#[test]
fn an_operation_without_a_key_or_a_filter_is_ranked_as_far_as_it_goes() {
    let options = || Options {
        row_cap: Some(250),
        ..unlimited(2_000)
    };
    let competitors = "site-explorer/organic-competitors";
    let top = "{ by = \"domain_rating\", rows = 600 }";
    let columns = ["competitor_domain", "domain_rating"];
    let ran = ranked(
        options(),
        competitors,
        &columns,
        top,
        "countries = [\"us\"]",
    );
    assert_eq!(ran.evidence["status"], "complete", "{}", ran.evidence);
    assert_eq!(ran.report["rows"], 600);
    let top = "{ by = \"http_code\", rows = 600 }";
    let ran = ranked(
        options(),
        "site-explorer/crawled-pages",
        &["url", "http_code"],
        top,
        "",
    );
    assert_eq!(
        ran.evidence["status"]["capped"], "ranking_not_filterable",
        "{}",
        ran.evidence
    );
    assert_eq!(ran.report["rows"], 250);
    assert!(
        ran.report["notes"]
            .to_string()
            .contains("ranking acme: capped by ranking_not_filterable")
    );
}

#[test]
fn rows_without_a_value_rank_last() {
    let keywords = "site-explorer/organic-keywords";
    let top = "{ by = \"volume\", rows = 2000 }";
    let columns = [
        "keyword_merged",
        "volume",
        "keyword_country",
        "language",
        "words_merged",
    ];
    let options = Options {
        row_cap: Some(250),
        ..unlimited(1_000)
    };
    let ran = ranked(options, keywords, &columns, top, "countries = [\"us\"]");
    assert_eq!(ran.evidence["status"], "complete", "{}", ran.evidence);
    let today = chrono::Utc::now().date_naive().to_string();
    let query = [("country", "us"), ("date", today.as_str())];
    ran.assert_equals(keywords, &columns, "volume:desc", "2000", &query);
    assert_eq!(ran.report["rows"], 1_000);
}

#[test]
fn quirks_never_make_a_wrong_ranking() {
    for quirk in Quirk::ALL {
        let context = TestContext::new(Options {
            row_cap: Some(250),
            quirks: vec![quirk],
            ..unlimited(2_000)
        });
        context.configure(&format!(
            "[[report]]\nname = \"ranking\"\nendpoint = \"{LINKS}\"\ncolumns = {LINK_COLUMNS:?}\n\
             aggregation = \"all\"\ntop = {{ by = \"domain_rating_source\", rows = 600 }}\n"
        ));
        let report = context.run().json();
        let tasks = &report["reports"][0]["tasks"];
        if tasks["complete"] == 1 {
            let columns: Vec<String> = ["domain_rating_source".to_owned()].into();
            let query = [
                ("target", "acme.com"),
                ("history", "live"),
                ("aggregation", "all"),
            ];
            let values = |rows: Vec<Vec<String>>| {
                let mut values: Vec<f64> = rows
                    .iter()
                    .map(|row| row[0].parse().unwrap_or(-1.0))
                    .collect();
                values.sort_by(|left, right| right.total_cmp(left));
                values
            };
            let expected = values(context.oracle_rows(LINKS, &columns, &query));
            assert_eq!(
                values(context.table_rows("ranking", LINKS, &columns)),
                expected[..600],
                "{quirk}"
            );
        } else {
            assert!(
                tasks["capped"] == 1 || tasks["failed"] == 1,
                "{quirk}: {report}"
            );
        }
    }
}
