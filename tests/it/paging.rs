//! The pager against an oracle: random tables behind a source with every vice that we know of.
//!
//! The claim of each test: what the pager calls complete equals the source, row for row and duplicate for duplicate;
//! what it calls capped has no row too many; and everything else is an error. Seeds are fixed, and a few fresh ones are
//! added each time; a failure names its seed.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use backhaul::filter::{Comparison, Filter};
use backhaul::model::{PageKeys, Value};
use backhaul::paging::{
    Ask, Assumption, Emit, Evidence, Grouping, KeyColumn, Pager, PagerLimits, PagerPlan, Paging,
    PagingError, Probe, ProbeStep, Shortfall, Status, Step, Verdict, Verdicts,
};
use fastrand::Rng;

const FLOOR: u32 = 3;

/// Columns of the source: `k0`, `k1`, `k2` may stand in a key, `g` groups rows, `p` is all else.
const COLUMNS: [&str; 5] = ["k0", "k1", "k2", "g", "p"];

fn column(name: &str) -> usize {
    COLUMNS
        .iter()
        .position(|column| *column == name)
        .expect("a column of the source")
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    /// Identity, for churn only: no answer shows it.
    id: u64,
    values: [Value; 5],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Collation {
    Bytes,
    IgnoresCase,
    Locale,
}

impl Collation {
    fn compare(self, left: &Value, right: &Value) -> Ordering {
        match (self, left, right) {
            (Self::IgnoresCase, Value::Text(left), Value::Text(right)) => {
                left.to_lowercase().cmp(&right.to_lowercase())
            }
            (Self::Locale, Value::Text(left), Value::Text(right)) => {
                locale(left).cmp(&locale(right))
            }
            _ => left.cmp(right),
        }
    }
}

/// Letters first, case and punctuation only between equals; accents ignored.
fn locale(text: &str) -> (String, String) {
    let letters = text
        .to_lowercase()
        .replace('é', "e")
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect();
    (letters, text.chars().rev().collect())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Exactly,
    LowerCase,
    TimesDown,
    TimesHalfUp,
    TimesUp,
}

impl Shown {
    fn show(self, value: &Value) -> Value {
        const STEP: i64 = 10;
        match (self, value) {
            (Self::LowerCase, Value::Text(text)) => Value::Text(text.to_lowercase().into()),
            (Self::TimesDown, Value::Time(time)) => Value::Time(time.div_euclid(STEP) * STEP),
            (Self::TimesHalfUp, Value::Time(time)) => {
                Value::Time((time + STEP / 2).div_euclid(STEP) * STEP)
            }
            (Self::TimesUp, Value::Time(time)) => {
                Value::Time((time + STEP - 1).div_euclid(STEP) * STEP)
            }
            _ => value.clone(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cap {
    None,
    Fixed(usize),
    /// Each answer is cut anew, to at least this many rows.
    Random(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Grouped {
    No,
    AfterWhere,
    BeforeWhere,
}

#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches")]
struct Vices {
    order: Collation,
    filter: Collation,
    shown: Shown,
    cap: Cap,
    cap_before_order: bool,
    order_ignored: bool,
    where_ignored: bool,
    text_filters_match_nothing: bool,
    nulls_last: bool,
    grouped: Grouped,
    churn: f64,
}

impl Vices {
    fn none() -> Self {
        Self {
            order: Collation::Bytes,
            filter: Collation::Bytes,
            shown: Shown::Exactly,
            cap: Cap::None,
            cap_before_order: false,
            order_ignored: false,
            where_ignored: false,
            text_filters_match_nothing: false,
            nulls_last: false,
            grouped: Grouped::No,
            churn: 0.0,
        }
    }

    /// What a probe that sees everything would say.
    fn truth(&self) -> Verdicts {
        let verdict = |holds: bool| {
            if holds {
                Verdict::Holds
            } else {
                Verdict::Broken
            }
        };
        let floor = FLOOR as usize;
        Verdicts {
            filter_order_is_byte_order: verdict(
                self.filter == Collation::Bytes
                    && self.order == Collation::Bytes
                    && !self.text_filters_match_nothing,
            ),
            round_trip: verdict(self.shown != Shown::LowerCase && !self.text_filters_match_nothing),
            cap_floor_100: verdict(match self.cap {
                Cap::None => true,
                Cap::Fixed(cap) | Cap::Random(cap) => cap >= floor,
            }),
            // A probe cannot tell an order that is ignored from a cut before ordering.
            cap_after_order: verdict(!self.cap_before_order && !self.order_ignored),
            filter_before_group: verdict(self.grouped != Grouped::BeforeWhere),
            where_honoured: verdict(!self.where_ignored),
        }
    }
}

struct Source {
    rows: Vec<Row>,
    vices: Vices,
    rng: Rng,
    /// Rows that were there, unchanged, all the time.
    steady: BTreeSet<u64>,
    next_id: u64,
    fresh: fn(&mut Rng, u64) -> Row,
}

impl Source {
    fn new(rows: Vec<Row>, vices: Vices, rng: Rng, fresh: fn(&mut Rng, u64) -> Row) -> Self {
        let steady = rows.iter().map(|row| row.id).collect();
        let next_id = rows.len() as u64;
        Self {
            rows,
            vices,
            rng,
            steady,
            next_id,
            fresh,
        }
    }

    fn matches(&self, filter: &Filter, row: &Row) -> bool {
        match filter {
            Filter::And(parts) => parts.iter().all(|part| self.matches(part, row)),
            Filter::Or(parts) => parts.iter().any(|part| self.matches(part, row)),
            Filter::Not(part) => !self.matches(part, row),
            Filter::IsNull(name) => row.values[column(name)] == Value::Null,
            Filter::Is(name, comparison, value) => {
                let actual = &row.values[column(name)];
                if *actual == Value::Null {
                    return false;
                }
                if self.vices.text_filters_match_nothing && matches!(actual, Value::Text(_)) {
                    return false;
                }
                let ordering = self.vices.filter.compare(actual, value);
                match comparison {
                    Comparison::Eq => ordering == Ordering::Equal,
                    Comparison::Gt => ordering == Ordering::Greater,
                    Comparison::Gte => ordering != Ordering::Less,
                    Comparison::Lt => ordering == Ordering::Less,
                    other => unreachable!("paging does not ask {other:?}"),
                }
            }
            Filter::Empty(_) | Filter::Items(..) | Filter::Json(_) => unreachable!("not used here"),
        }
    }

    /// One row per value of `g`: its least row.
    fn group(rows: Vec<&Row>) -> Vec<&Row> {
        let mut groups: BTreeMap<&Value, &Row> = BTreeMap::new();
        for row in rows {
            let least = groups.entry(&row.values[3]).or_insert(row);
            if (&row.values, row.id) < (&least.values, least.id) {
                *least = row;
            }
        }
        groups.into_values().collect()
    }

    fn select(&self, filter: Option<&Filter>) -> Vec<&Row> {
        let keeps = |row: &&Row| filter.is_none_or(|filter| self.matches(filter, row));
        let all = self.rows.iter();
        match self.vices.grouped {
            Grouped::No => all.filter(keeps).collect(),
            Grouped::AfterWhere => Self::group(all.filter(keeps).collect()),
            Grouped::BeforeWhere => Self::group(all.collect())
                .into_iter()
                .filter(keeps)
                .collect(),
        }
    }

    fn answer(&mut self, ask: &Ask, digest: impl Fn(&Row) -> u128) -> PageKeys {
        self.churn();
        let mut rng = self.rng.fork();
        let filter = ask.filter.as_ref().filter(|_| !self.vices.where_ignored);
        let mut rows = self.select(filter);
        rng.shuffle(&mut rows);
        let limit = ask.limit.map_or(usize::MAX, |limit| limit as usize);
        let cap = match self.vices.cap {
            Cap::None => usize::MAX,
            Cap::Fixed(cap) => cap,
            Cap::Random(least) => least + rng.usize(..6),
        };
        if self.vices.cap_before_order {
            rows.truncate(cap);
        }
        if !self.vices.order_ignored {
            let order: Vec<usize> = ask.order_by.iter().map(|name| column(name)).collect();
            rows.sort_by(|left, right| self.compare(&order, left, right));
        }
        rows.truncate(limit.min(cap));
        let shown: Vec<usize> = ask.key_columns.iter().map(|name| column(name)).collect();
        PageKeys {
            width: shown.len(),
            values: rows
                .iter()
                .flat_map(|row| {
                    shown
                        .iter()
                        .map(|column| self.vices.shown.show(&row.values[*column]))
                })
                .collect(),
            digests: rows.iter().map(|row| digest(row)).collect(),
        }
    }

    fn compare(&self, order: &[usize], left: &Row, right: &Row) -> Ordering {
        for column in order {
            let (left, right) = (&left.values[*column], &right.values[*column]);
            let ordering = match (left, right) {
                (Value::Null, Value::Null) => Ordering::Equal,
                (Value::Null, _) if self.vices.nulls_last => Ordering::Greater,
                (_, Value::Null) if self.vices.nulls_last => Ordering::Less,
                _ => self.vices.order.compare(left, right),
            };
            if ordering != Ordering::Equal {
                return ordering;
            }
        }
        Ordering::Equal
    }

    fn churn(&mut self) {
        if self.rng.f64() >= self.vices.churn {
            return;
        }
        for _ in 0..=self.rng.usize(..3) {
            let place = if self.rows.is_empty() {
                0
            } else {
                self.rng.usize(..self.rows.len())
            };
            match self.rng.u8(..3) {
                0 => {
                    let row = (self.fresh)(&mut self.rng, self.next_id);
                    self.next_id += 1;
                    self.rows.push(row);
                }
                1 if !self.rows.is_empty() => {
                    let row = self.rows.swap_remove(place);
                    self.steady.remove(&row.id);
                }
                _ if !self.rows.is_empty() => {
                    let id = self.rows[place].id;
                    self.steady.remove(&id);
                    self.rows[place] = (self.fresh)(&mut self.rng, id);
                }
                _ => {}
            }
        }
    }
}

/// Makes a row with this identity.
type FreshRow = fn(&mut Rng, u64) -> Row;

/// Picks the verdict that a case is about.
type OneVerdict = fn(&Verdicts) -> Verdict;

type Bag = BTreeMap<u128, usize>;

fn bag(digests: impl IntoIterator<Item = u128>) -> Bag {
    let mut bag = Bag::new();
    for digest in digests {
        *bag.entry(digest).or_default() += 1;
    }
    bag
}

fn within(part: &Bag, whole: &Bag) -> bool {
    part.iter()
        .all(|(digest, count)| whole.get(digest).is_some_and(|most| count <= most))
}

/// Digest of what the report selects: `p`, and the key columns that it selects anyway.
fn digest_of(row: &Row, selected: &[usize]) -> u128 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    row.values[4].hash(&mut hasher);
    for column in selected {
        row.values[*column].hash(&mut hasher);
    }
    u128::from(hasher.finish())
}

fn identity_of(row: &Row) -> u128 {
    u128::from(row.id)
}

fn random_text(rng: &mut Rng) -> Value {
    const PARTS: [&str; 12] = [
        "a", "A", "b", "B", "aB", "a-b", "é", "Z", "z", "_", "ab", "",
    ];
    Value::Text(rng.choice(PARTS).unwrap_or_default().into())
}

fn random_row(rng: &mut Rng, id: u64) -> Row {
    let values = [
        Value::Time(rng.i64(0..40)),
        random_text(rng),
        Value::Int(rng.i64(0..4)),
        Value::Text(["r0", "r1", "R2", "r3", "r-4", "r5", "r6"][rng.usize(..7)].into()),
        Value::Int(rng.i64(0..6)),
    ];
    Row { id, values }
}

fn row_with_few_times(rng: &mut Rng, id: u64) -> Row {
    let mut row = random_row(rng, id);
    row.values[0] = Value::Time(rng.i64(0..4));
    row
}

fn row_with_nulls(rng: &mut Rng, id: u64) -> Row {
    let mut row = random_row(rng, id);
    for column in 0..3 {
        if rng.u8(..5) == 0 {
            row.values[column] = Value::Null;
        }
    }
    row
}

fn row_with_own_payload(rng: &mut Rng, id: u64) -> Row {
    let mut row = row_with_few_times(rng, id);
    row.values[4] = Value::Int(i64::try_from(id).unwrap());
    row
}

fn row_of_its_own(rng: &mut Rng, id: u64) -> Row {
    let mut row = random_row(rng, id);
    row.values[4] = Value::Int(i64::try_from(id).unwrap());
    row
}

fn key_column(name: &str, is_selected: bool) -> KeyColumn {
    KeyColumn {
        name: name.to_owned(),
        is_text: matches!(name, "k1" | "g"),
        is_selected,
    }
}

fn random_plan(rng: &mut Rng, verdicts: Verdicts, grouped: bool) -> PagerPlan {
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
        Grouping::Groups(vec![key_column("g", false)])
    } else {
        Grouping::Rows
    };
    let start = rng.u32(2..12);
    PagerPlan {
        paging: Paging::Keyed { key, grouping },
        base: (rng.u8(..3) == 0)
            .then(|| Filter::Is("p".to_owned(), Comparison::Gte, Value::Int(2))),
        verdicts,
        limits: PagerLimits {
            floor: FLOOR,
            start,
            most: start * rng.u32(1..5),
            cap: (rng.u8(..4) == 0).then_some(4),
            max_rows: None,
            max_requests: 500,
            url_bytes: 10_000,
        },
        top: None,
    }
}

fn selected_of(plan: &PagerPlan) -> Vec<usize> {
    let Paging::Keyed { key, .. } = &plan.paging else {
        return Vec::new();
    };
    key.iter()
        .filter(|column| column.is_selected)
        .map(|key| column(&key.name))
        .collect()
}

#[derive(Debug)]
struct Ran {
    emitted: Bag,
    end: Result<Evidence, PagingError>,
    saved: Vec<(Ask, PageKeys, Emit)>,
}

fn run(
    plan: &PagerPlan,
    source: &mut Source,
    digest: &dyn Fn(&Row) -> u128,
    tuning: &mut Rng,
) -> Ran {
    let mut ran = Ran {
        emitted: Bag::new(),
        end: Err(PagingError::NotAwaited),
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
            0 => pager.slower(),
            1 => pager.faster(),
            _ => {}
        }
        let ask = match pager.next() {
            Step::Done(evidence) => {
                ran.end = Ok(evidence);
                return ran;
            }
            Step::Ask(ask) => ask,
        };
        let answer = source.answer(&ask, digest);
        match pager.answer(&answer) {
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

/// How often each end was reached, so that no test can pass by never completing anything.
#[derive(Debug, Default)]
struct Tally {
    complete: usize,
    capped: usize,
    failed: usize,
}

/// One random table, judged.
fn judge(
    seed: u64,
    tally: &mut Tally,
    vices: Vices,
    verdicts: Verdicts,
    fresh: fn(&mut Rng, u64) -> Row,
) -> Ran {
    let mut rng = Rng::with_seed(seed);
    let most = [4, 12, 36][rng.usize(..3)];
    let num_rows = rng.u64(0..=most);
    let mut rows: Vec<Row> = (0..num_rows).map(|id| fresh(&mut rng, id)).collect();
    for _ in 0..rng.usize(..3).min(rows.len()) {
        let mut duplicate = rows[rng.usize(..rows.len())].clone();
        duplicate.id = rows.len() as u64;
        rows.push(duplicate);
    }
    let plan = random_plan(&mut rng, verdicts, vices.grouped != Grouped::No);
    let selected = selected_of(&plan);
    let digest = |row: &Row| digest_of(row, &selected);
    let mut source = Source::new(rows, vices, rng.fork(), fresh);
    let expected = bag(source.select(plan.base.as_ref()).into_iter().map(digest));
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
                source.vices
            );
        }
        Ok(Evidence {
            status: Status::Capped(Shortfall::Assumption(Assumption::WhereHonoured)),
            ..
        }) if source.vices.where_ignored => {
            tally.capped += 1;
        }
        Ok(_) => {
            tally.capped += 1;
            assert!(
                within(&ran.emitted, &expected),
                "seed {seed}: rows too many: {plan:#?} {:#?} {ran:#?}",
                source.vices
            );
        }
        Err(_) => tally.failed += 1,
    }
    ran
}

/// Fixed seeds, and a few that no run had before.
fn seeds(tables: u64) -> impl Iterator<Item = u64> {
    (0..tables).chain((0..tables / 20).map(|_| fastrand::u64(..)))
}

fn random_cap(rng: &mut Rng, least: usize) -> Cap {
    match rng.u8(..4) {
        0 => Cap::None,
        1 => Cap::Fixed(least + rng.usize(..5)),
        _ => Cap::Random(least),
    }
}

#[test]
fn what_is_called_complete_is_the_source_under_ties_duplicates_and_any_cap() {
    let mut tally = Tally::default();
    for seed in seeds(60_000) {
        let mut rng = Rng::with_seed(seed ^ 0xCA9);
        let vices = Vices {
            cap: random_cap(&mut rng, FLOOR as usize),
            ..Vices::none()
        };
        let fresh = if rng.bool() {
            random_row
        } else {
            row_with_few_times
        };
        let verdicts = vices.truth();
        let ran = judge(seed, &mut tally, vices, verdicts, fresh);
        let honest = matches!(
            ran.end,
            Ok(Evidence {
                status: Status::Complete,
                ..
            }) | Err(PagingError::Exhausted { .. })
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
        let vices = Vices {
            cap: random_cap(&mut rng, FLOOR as usize),
            nulls_last: rng.bool(),
            ..Vices::none()
        };
        let verdicts = vices.truth();
        let ran = judge(seed, &mut tally, vices, verdicts, row_with_nulls);
        let honest = matches!(
            ran.end,
            Ok(Evidence {
                status: Status::Complete,
                ..
            }) | Err(PagingError::Exhausted { .. })
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
        let vices = Vices {
            cap: random_cap(&mut rng, FLOOR as usize),
            grouped,
            ..Vices::none()
        };
        let mut verdicts = vices.truth();
        if rng.bool() {
            verdicts.filter_before_group = Verdict::Unknown;
        }
        judge(seed, &mut tally, vices, verdicts, random_row);
    }
    assert!(tally.complete > tally.failed * 20, "{tally:?}");
}

/// A source with one or several vices at once.
fn vicious(rng: &mut Rng) -> Vices {
    let mut vices = Vices {
        cap: random_cap(rng, FLOOR as usize),
        nulls_last: rng.bool(),
        ..Vices::none()
    };
    for _ in 0..=rng.usize(..2) {
        match rng.u8(..10) {
            0 => vices.filter = Collation::IgnoresCase,
            1 => vices.filter = Collation::Locale,
            2 => vices.order = [Collation::IgnoresCase, Collation::Locale][rng.usize(..2)],
            3 => {
                vices.order = [Collation::IgnoresCase, Collation::Locale][rng.usize(..2)];
                vices.filter = vices.order;
            }
            4 => vices.text_filters_match_nothing = true,
            5 => vices.shown = Shown::LowerCase,
            6 => {
                vices.cap = if rng.bool() {
                    Cap::Fixed(1 + rng.usize(..2))
                } else {
                    Cap::Random(1)
                }
            }
            7 => vices.cap_before_order = true,
            8 => vices.order_ignored = true,
            _ => vices.where_ignored = true,
        }
    }
    if rng.u8(..4) == 0 {
        vices.grouped = if rng.bool() {
            Grouped::AfterWhere
        } else {
            Grouped::BeforeWhere
        };
    }
    vices
}

fn with_some_unknown(mut verdicts: Verdicts, rng: &mut Rng) -> Verdicts {
    for verdict in [
        &mut verdicts.filter_order_is_byte_order,
        &mut verdicts.round_trip,
        &mut verdicts.cap_floor_100,
        &mut verdicts.cap_after_order,
        &mut verdicts.filter_before_group,
        &mut verdicts.where_honoured,
    ] {
        if rng.u8(..4) == 0 {
            *verdict = Verdict::Unknown;
        }
    }
    verdicts
}

#[test]
fn a_false_assumption_ends_complete_capped_or_loud_but_never_wrong() {
    let mut tally = Tally::default();
    for seed in seeds(80_000) {
        let mut rng = Rng::with_seed(seed ^ 0x71CE);
        let vices = vicious(&mut rng);
        let verdicts = if rng.bool() {
            vices.truth()
        } else {
            with_some_unknown(vices.truth(), &mut rng)
        };
        let fresh = [random_row, row_with_few_times, row_with_nulls][rng.usize(..3)];
        judge(seed, &mut tally, vices, verdicts, fresh);
    }
    assert!(
        tally.complete > 10_000 && tally.capped > 10_000 && tally.failed > 1_000,
        "{tally:?}"
    );
}

#[test]
fn without_any_verdict_nothing_is_called_complete_and_nothing_is_wrong() {
    let mut tally = Tally::default();
    for seed in seeds(20_000) {
        let mut rng = Rng::with_seed(seed ^ 0xE0);
        let vices = vicious(&mut rng);
        judge(seed, &mut tally, vices, Verdicts::default(), row_with_nulls);
    }
    assert_eq!(tally.complete, 0);
    assert!(tally.capped > 10_000, "{tally:?}");
}

#[test]
fn rounded_times_are_exact_or_loud() {
    for (shown, must_complete) in [
        (Shown::TimesDown, false),
        (Shown::TimesHalfUp, false),
        (Shown::TimesUp, false),
        (Shown::Exactly, true),
    ] {
        let mut tally = Tally::default();
        for seed in seeds(15_000) {
            let mut rng = Rng::with_seed(seed ^ 0x717E);
            let vices = Vices {
                cap: random_cap(&mut rng, FLOOR as usize),
                shown,
                ..Vices::none()
            };
            let verdicts = vices.truth();
            judge(seed, &mut tally, vices, verdicts, row_of_its_own);
        }
        assert!(
            tally.complete > 1_000 && (!must_complete || tally.complete > 10_000),
            "{shown:?} {tally:?}"
        );
    }
}

#[test]
fn rows_that_never_changed_come_exactly_once_while_others_come_and_go() {
    let mut tally = Tally::default();
    for seed in seeds(60_000) {
        let mut rng = Rng::with_seed(seed);
        let mut noise = Rng::with_seed(seed ^ 0xC4);
        let vices = Vices {
            churn: 0.5,
            cap: random_cap(&mut noise, FLOOR as usize),
            nulls_last: noise.bool(),
            ..Vices::none()
        };
        let fresh = [row_with_own_payload, random_row, row_with_nulls][noise.usize(..3)];
        let num_rows = rng.u64(0..40);
        let rows = (0..num_rows).map(|id| fresh(&mut rng, id)).collect();
        let plan = random_plan(&mut rng, vices.truth(), false);
        let mut source = Source::new(rows, vices, rng.fork(), fresh);
        let ran = run(&plan, &mut source, &identity_of, &mut rng);
        match &ran.end {
            Ok(Evidence {
                status: Status::Complete,
                ..
            }) => {
                tally.complete += 1;
                for row in source.select(plan.base.as_ref()) {
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

/// The rule that looks right: keep everything before the last key, go on at that key, end at a short answer.
fn naive(plan: &PagerPlan, source: &mut Source, digest: &dyn Fn(&Row) -> u128) -> Option<Bag> {
    let Paging::Keyed { key, .. } = &plan.paging else {
        return None;
    };
    let columns: Vec<String> = key.iter().map(|column| column.name.clone()).collect();
    let mut emitted = Bag::new();
    let mut bound: Option<Vec<Value>> = None;
    for _ in 0..200 {
        let range = bound
            .as_ref()
            .and_then(|bound| backhaul::filter::at_least(&columns, bound));
        let Step::Ask(mut ask) = Pager::new(plan.clone()).ok()?.next() else {
            return None;
        };
        ask.filter = Filter::and(plan.base.clone(), range);
        ask.order_by.clone_from(&columns);
        ask.key_columns.clone_from(&columns);
        let answer = source.answer(&ask, digest);
        let ended = answer.len() < ask.limit.unwrap_or_default() as usize;
        let last = answer
            .len()
            .checked_sub(1)
            .map(|last| answer.key(last).to_vec());
        for row in 0..answer.len() {
            if ended || last.as_deref() != Some(answer.key(row)) {
                *emitted.entry(answer.digests[row]).or_default() += 1;
            }
        }
        if ended {
            return Some(emitted);
        }
        if last == bound {
            return None;
        }
        bound = last;
    }
    None
}

#[test]
fn the_naive_rule_is_caught_by_the_oracle_under_each_vice() {
    let vices: [(&str, Vices, FreshRow); 6] = [
        (
            "filter ignores case",
            Vices {
                filter: Collation::IgnoresCase,
                ..Vices::none()
            },
            random_row,
        ),
        (
            "filter is a locale's",
            Vices {
                filter: Collation::Locale,
                ..Vices::none()
            },
            random_row,
        ),
        (
            "nulls",
            Vices {
                nulls_last: true,
                ..Vices::none()
            },
            row_with_nulls,
        ),
        (
            "grouped",
            Vices {
                grouped: Grouped::AfterWhere,
                ..Vices::none()
            },
            random_row,
        ),
        (
            "intermittent caps",
            Vices {
                cap: Cap::Random(FLOOR as usize),
                ..Vices::none()
            },
            random_row,
        ),
        (
            "caps before order",
            Vices {
                cap: Cap::Fixed(8),
                cap_before_order: true,
                ..Vices::none()
            },
            random_row,
        ),
    ];
    for (name, vices, fresh) in vices {
        let mut wrong = 0;
        for seed in 0..2_000 {
            let mut rng = Rng::with_seed(seed);
            let rows = (0..rng.u64(10..36)).map(|id| fresh(&mut rng, id)).collect();
            let plan = random_plan(&mut rng, vices.truth(), false);
            let plan = PagerPlan {
                verdicts: Vices::none().truth(),
                ..plan
            };
            let selected = selected_of(&plan);
            let digest = |row: &Row| digest_of(row, &selected);
            let mut source = Source::new(rows, vices.clone(), rng.fork(), fresh);
            let expected = bag(source.select(plan.base.as_ref()).into_iter().map(digest));
            wrong += usize::from(
                naive(&plan, &mut source, &digest).is_some_and(|emitted| emitted != expected),
            );
        }
        assert!(
            wrong > 20,
            "{name}: the oracle saw only {wrong} silent errors of the naive rule"
        );
    }
}

#[test]
fn progress_is_a_fold_over_saved_answers() {
    for seed in seeds(10_000) {
        let mut rng = Rng::with_seed(seed);
        let vices = Vices {
            churn: 0.2,
            cap: random_cap(&mut rng, FLOOR as usize),
            ..Vices::none()
        };
        let fresh = if rng.bool() {
            row_with_nulls
        } else {
            row_with_few_times
        };
        let rows = (0..rng.u64(0..40)).map(|id| fresh(&mut rng, id)).collect();
        let plan = random_plan(&mut rng, vices.truth(), false);
        let mut source = Source::new(rows, vices, rng.fork(), fresh);
        let ran = run(&plan, &mut source, &identity_of, &mut rng);
        let mut again = Pager::new(plan).unwrap();
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

#[test]
fn max_rows_is_never_passed_and_says_so() {
    let mut capped = 0;
    for seed in seeds(10_000) {
        let mut rng = Rng::with_seed(seed);
        let vices = Vices {
            cap: random_cap(&mut rng, FLOOR as usize),
            ..Vices::none()
        };
        let fresh = if rng.bool() {
            row_with_nulls
        } else {
            random_row
        };
        let rows: Vec<Row> = (0..rng.u64(0..40)).map(|id| fresh(&mut rng, id)).collect();
        let most = rng.u64(1..30);
        let mut plan = random_plan(&mut rng, vices.truth(), false);
        plan.limits.max_rows = Some(most);
        let selected = selected_of(&plan);
        let digest = |row: &Row| digest_of(row, &selected);
        let mut source = Source::new(rows, vices, rng.fork(), fresh);
        let expected = bag(source.select(plan.base.as_ref()).into_iter().map(digest));
        let total: usize = expected.values().sum();
        let ran = run(&plan, &mut source, &digest, &mut rng);
        assert!(within(&ran.emitted, &expected), "seed {seed}: {ran:#?}");
        match ran.end {
            Ok(Evidence {
                status: Status::Complete,
                ..
            }) => assert_eq!(ran.emitted, expected, "seed {seed}"),
            Ok(Evidence {
                status: Status::Capped(Shortfall::MaxRows),
                rows,
                ..
            }) => {
                assert_eq!(rows, most, "seed {seed}");
                assert!(total as u64 >= most, "seed {seed}");
                capped += 1;
            }
            Ok(evidence) => panic!("seed {seed}: {evidence:?}"),
            Err(error) => assert!(
                matches!(error, PagingError::Exhausted { .. }),
                "seed {seed}: {error}"
            ),
        }
    }
    assert!(capped > 1_000, "{capped}");
}

#[test]
fn a_url_too_short_for_the_key_is_bridged_by_a_separator_or_refused() {
    fn long_row(rng: &mut Rng, id: u64) -> Row {
        let mut row = row_with_few_times(rng, id);
        let length = if rng.bool() { 0 } else { 150 };
        let text = format!("{}{}", (b'a' + rng.u8(..26)) as char, "x".repeat(length));
        row.values[1] = Value::Text(text.into());
        row
    }
    let (mut refused, mut complete) = (0, 0);
    for seed in seeds(10_000) {
        let mut rng = Rng::with_seed(seed);
        let rows: Vec<Row> = (0..rng.u64(10..40))
            .map(|id| long_row(&mut rng, id))
            .collect();
        let mut plan = random_plan(&mut rng, Vices::none().truth(), false);
        plan.limits.url_bytes = 760;
        let selected = selected_of(&plan);
        let digest = |row: &Row| digest_of(row, &selected);
        let mut source = Source::new(rows, Vices::none(), rng.fork(), long_row);
        let expected = bag(source.select(plan.base.as_ref()).into_iter().map(digest));
        let ran = run(&plan, &mut source, &digest, &mut rng);
        for (ask, ..) in &ran.saved {
            let json = ask
                .filter
                .as_ref()
                .map_or_else(String::new, |filter| filter.to_json().to_string());
            let order = ask
                .order_by
                .iter()
                .map(|column| format!("{column}:asc"))
                .collect::<Vec<_>>()
                .join(",");
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            let query = query
                .append_pair("where", &json)
                .append_pair("order_by", &order)
                .finish();
            assert!(query.len() <= 760, "seed {seed}: {} bytes", query.len());
        }
        match ran.end {
            Ok(Evidence {
                status: Status::Complete,
                ..
            }) => {
                complete += 1;
                assert_eq!(ran.emitted, expected, "seed {seed}");
            }
            Err(PagingError::TooLong { .. }) => refused += 1,
            end => assert!(
                matches!(end, Err(PagingError::Exhausted { .. })),
                "seed {seed}: {end:?}"
            ),
        }
    }
    assert!(
        refused > 100 && complete > 1_000,
        "{refused} refused, {complete} complete"
    );
}

#[test]
fn operations_without_pages_are_complete_by_their_shape_or_by_being_short() {
    for num_rows in 0..8_u64 {
        for (paging, always) in [(Paging::Whole, true), (Paging::OneAnswer, false)] {
            let mut rng = Rng::with_seed(num_rows);
            let rows: Vec<Row> = (0..num_rows).map(|id| random_row(&mut rng, id)).collect();
            let mut plan = random_plan(&mut rng, Vices::none().truth(), false);
            plan.paging = paging;
            plan.base = None;
            let mut source = Source::new(rows, Vices::none(), rng.fork(), random_row);
            let ran = run(&plan, &mut source, &identity_of, &mut rng);
            let complete = always || num_rows < u64::from(FLOOR.min(plan.limits.most));
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

/// What no answer shows and no verdict covers: a time that is rounded *up* hides its row from a filter, and where a row
/// of equal digest follows at the shown time, it passes for the hidden one. This pins how rare that is; rows that
/// differ are always told apart (`rounded_times_are_exact_or_loud`), and rounding down hides nothing.
#[test]
fn rounding_up_goes_unseen_only_behind_rows_that_look_alike() {
    let mut unseen = 0;
    for seed in 0..15_000 {
        let mut rng = Rng::with_seed(seed ^ 0x717E);
        let cap = random_cap(&mut rng, FLOOR as usize);
        let vices = Vices {
            cap,
            shown: Shown::TimesHalfUp,
            ..Vices::none()
        };
        let rows: Vec<Row> = (0..rng.u64(0..36))
            .map(|id| random_row(&mut rng, id))
            .collect();
        let plan = random_plan(&mut rng, vices.truth(), false);
        let selected = selected_of(&plan);
        let digest = |row: &Row| digest_of(row, &selected);
        let mut source = Source::new(rows, vices, rng.fork(), random_row);
        let expected = bag(source.select(plan.base.as_ref()).into_iter().map(digest));
        let ran = run(&plan, &mut source, &digest, &mut rng);
        if ran
            .end
            .is_ok_and(|evidence| evidence.status == Status::Complete)
            && ran.emitted != expected
        {
            assert!(
                within(&ran.emitted, &expected),
                "seed {seed}: a row too many"
            );
            unseen += 1;
        }
    }
    assert!(unseen < 30, "{unseen}");
}

#[test]
fn an_order_that_is_ignored_is_seen_in_any_page_of_some_length() {
    for seed in 0..2_000 {
        let mut rng = Rng::with_seed(seed);
        let rows: Vec<Row> = (0..60).map(|id| random_row(&mut rng, id)).collect();
        let verdicts = Vices::none().truth();
        let mut plan = random_plan(&mut rng, verdicts, false);
        plan.limits = PagerLimits {
            floor: 30,
            start: 30,
            most: 30,
            cap: None,
            ..plan.limits
        };
        plan.base = None;
        let vices = Vices {
            order_ignored: true,
            ..Vices::none()
        };
        let mut source = Source::new(rows, vices, rng.fork(), random_row);
        let ran = run(&plan, &mut source, &identity_of, &mut Rng::with_seed(1));
        assert!(
            matches!(ran.end, Err(PagingError::Order { .. })),
            "seed {seed}: {:?}",
            ran.end
        );
    }
}

const PROBE_ROWS: u32 = 30;

fn probed(vices: &Vices, seed: u64, num_rows: u64) -> Verdicts {
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
    let mut source = Source::new(rows, vices.clone(), rng.fork(), telling_row);
    let times = answered(Probe::on_times("k0", PROBE_ROWS), &mut source, seed);
    times.with_strings(answered(Probe::new("k1", PROBE_ROWS), &mut source, seed))
}

fn answered(mut probe: Probe, source: &mut Source, seed: u64) -> Verdicts {
    for _ in 0..100 {
        match probe.next() {
            ProbeStep::Done(verdicts) => return verdicts,
            ProbeStep::Ask(ask) => {
                assert!(
                    ask.limit.is_some_and(|limit| limit <= PROBE_ROWS),
                    "seed {seed}: a probe must stay free"
                );
                let answer = source.answer(&ask, identity_of);
                probe.answer(&answer).unwrap();
            }
        }
    }
    panic!("seed {seed}: a probe must end");
}

#[test]
fn a_probe_never_says_that_a_false_assumption_holds() {
    let honest = Vices {
        cap: Cap::Fixed(PROBE_ROWS as usize),
        ..Vices::none()
    };
    let cases: [(&str, Vices, OneVerdict); 9] = [
        (
            "filter ignores case",
            Vices {
                filter: Collation::IgnoresCase,
                ..honest.clone()
            },
            |v| v.filter_order_is_byte_order,
        ),
        (
            "filter is a locale's",
            Vices {
                filter: Collation::Locale,
                ..honest.clone()
            },
            |v| v.filter_order_is_byte_order,
        ),
        (
            "order is a locale's",
            Vices {
                order: Collation::Locale,
                ..honest.clone()
            },
            |v| v.filter_order_is_byte_order,
        ),
        (
            "filters match nothing",
            Vices {
                text_filters_match_nothing: true,
                ..honest.clone()
            },
            |v| v.round_trip,
        ),
        (
            "lower case is shown",
            Vices {
                shown: Shown::LowerCase,
                ..honest.clone()
            },
            |v| v.round_trip,
        ),
        (
            "caps before order",
            Vices {
                cap_before_order: true,
                ..honest.clone()
            },
            |v| v.cap_after_order,
        ),
        (
            "order is ignored",
            Vices {
                order_ignored: true,
                ..honest.clone()
            },
            |v| v.cap_after_order,
        ),
        (
            "filters are ignored",
            Vices {
                where_ignored: true,
                ..honest.clone()
            },
            |v| v.where_honoured,
        ),
        (
            "a cap under the floor",
            Vices {
                cap: Cap::Fixed(20),
                ..honest.clone()
            },
            |v| v.cap_floor_100,
        ),
    ];
    for (name, vices, verdict) in cases {
        for seed in 0..150 {
            for num_rows in [0, 5, 25, 40, 90, 300] {
                let verdicts = probed(&vices, seed, num_rows);
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
    let honest = Vices {
        cap: Cap::Fixed(PROBE_ROWS as usize),
        ..Vices::none()
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
        let vices = if rng.u8(..4) == 0 {
            Vices::none()
        } else {
            vicious(&mut rng)
        };
        let free = Vices {
            grouped: Grouped::No,
            cap: Cap::Fixed(PROBE_ROWS as usize),
            ..vices.clone()
        };
        // Caps under the floor are those of the probe: the pager's floor is smaller here.
        let cap_floor_100 = vices.truth().cap_floor_100;
        let verdicts = Verdicts {
            cap_floor_100,
            ..probed(&free, seed, 120)
        };
        for table in 0..10 {
            let fresh = [random_row, row_with_few_times, row_with_nulls][rng.usize(..3)];
            judge(
                seed * 10 + table,
                &mut tally,
                vices.clone(),
                verdicts,
                fresh,
            );
        }
    }
    assert!(tally.complete > 3_000 && tally.capped > 1_000, "{tally:?}");
}

#[test]
fn a_group_wider_than_any_answer_fails_and_names_its_value() {
    let row = |id| Row {
        id,
        values: [
            Value::Time(0),
            Value::Text("same".into()),
            Value::Int(1),
            Value::Null,
            Value::Int(0),
        ],
    };
    let mut plan = random_plan(&mut Rng::with_seed(1), Vices::none().truth(), false);
    let key = ["k0", "k1"].map(|name| key_column(name, false)).to_vec();
    plan.paging = Paging::Keyed {
        key,
        grouping: Grouping::Rows,
    };
    plan.base = None;
    plan.limits = PagerLimits {
        start: 5,
        most: 20,
        cap: None,
        ..plan.limits
    };
    let mut source = Source::new(
        (0..50).map(row).collect(),
        Vices::none(),
        Rng::with_seed(1),
        random_row,
    );
    let ran = run(&plan, &mut source, &identity_of, &mut Rng::with_seed(3));
    let error = backhaul::error::Error::from(ran.end.unwrap_err());
    assert_eq!(error.code(), backhaul::error::Code::Paging);
    assert!(
        error
            .to_string()
            .contains(r#"(k0, k1) = (1970-01-01T00:00:00Z, "same")"#),
        "{error}"
    );
    assert!(
        error.render().contains("next: narrow the report"),
        "{}",
        error.render()
    );
    assert!(ran.emitted.is_empty());
}

#[test]
fn requests_end_at_the_fuse_and_evidence_survives_json() {
    let rows = (0..40)
        .map(|id| row_of_its_own(&mut Rng::with_seed(id), id))
        .collect();
    let mut plan = random_plan(&mut Rng::with_seed(2), Vices::none().truth(), false);
    plan.limits = PagerLimits {
        start: 4,
        most: 4,
        cap: None,
        max_requests: 3,
        ..plan.limits
    };
    plan.base = None;
    let mut source = Source::new(rows, Vices::none(), Rng::with_seed(1), random_row);
    let ran = run(&plan, &mut source, &identity_of, &mut Rng::with_seed(3));
    let evidence = ran.end.unwrap();
    assert_eq!(
        (evidence.status, evidence.requests),
        (Status::Capped(Shortfall::MaxRequests), 3)
    );
    let json = serde_json::to_string(&evidence).unwrap();
    assert_eq!(serde_json::from_str::<Evidence>(&json).unwrap(), evidence);
}
