//! A source: a random table that answers requests, with the defects that a test gives it.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use backhaul::filter::{Comparison, Filter};
use backhaul::model::{PageKeys, Value};
use backhaul::paging::PageRequest;
use fastrand::Rng;

use super::defects::Defects;

/// Columns of the source: `k0`, `k1`, `k2` may be in a key, `g` groups rows, `p` is all else.
pub(super) const COLUMNS: [&str; 5] = ["k0", "k1", "k2", "g", "p"];

pub(super) fn column(name: &str) -> usize {
    COLUMNS
        .iter()
        .position(|column| *column == name)
        .expect("a column of the source")
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Row {
    /// Identity, for churn only: no answer shows it.
    pub(super) id: u64,
    pub(super) values: [Value; 5],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Collation {
    Bytes,
    IgnoresCase,
    Locale,
}

impl Collation {
    pub(super) fn compare(self, left: &Value, right: &Value) -> Ordering {
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
pub(super) fn locale(text: &str) -> (String, String) {
    let letters = text
        .to_lowercase()
        .replace('é', "e")
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect();
    (letters, text.chars().rev().collect())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    Exactly,
    LowerCase,
    TimesDown,
    TimesHalfUp,
    TimesUp,
}

impl Shown {
    pub(super) fn show(self, value: &Value) -> Value {
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
pub(super) enum Cap {
    None,
    Fixed(usize),
    /// Each answer is cut again, to at least this many rows.
    Random(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grouped {
    No,
    AfterWhere,
    BeforeWhere,
}

pub(super) struct Source {
    pub(super) rows: Vec<Row>,
    pub(super) defects: Defects,
    pub(super) rng: Rng,
    /// Rows that were there, unchanged, all the time.
    pub(super) steady: BTreeSet<u64>,
    pub(super) next_id: u64,
    pub(super) fresh: fn(&mut Rng, u64) -> Row,
}

impl Source {
    pub(super) fn new(
        rows: Vec<Row>,
        defects: Defects,
        rng: Rng,
        fresh: fn(&mut Rng, u64) -> Row,
    ) -> Self {
        let steady = rows.iter().map(|row| row.id).collect();
        let next_id = rows.len() as u64;
        Self {
            rows,
            defects,
            rng,
            steady,
            next_id,
            fresh,
        }
    }

    pub(super) fn matches(&self, filter: &Filter, row: &Row) -> bool {
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
                if self.defects.text_filters_match_nothing && matches!(actual, Value::Text(_)) {
                    return false;
                }
                let ordering = self.defects.filter.compare(actual, value);
                match comparison {
                    Comparison::Eq => ordering == Ordering::Equal,
                    Comparison::Gt => ordering == Ordering::Greater,
                    Comparison::Gte => ordering != Ordering::Less,
                    Comparison::Lt => ordering == Ordering::Less,
                    other => unreachable!("paging does not request {other:?}"),
                }
            }
            Filter::Empty(_) | Filter::Items(..) | Filter::Json(_) => unreachable!("not used here"),
        }
    }

    /// One row per value of `g`: its least row.
    pub(super) fn group(rows: Vec<&Row>) -> Vec<&Row> {
        let mut groups: BTreeMap<&Value, &Row> = BTreeMap::new();
        for row in rows {
            let least = groups.entry(&row.values[3]).or_insert(row);
            if (&row.values, row.id) < (&least.values, least.id) {
                *least = row;
            }
        }
        groups.into_values().collect()
    }

    pub(super) fn select(&self, filter: Option<&Filter>) -> Vec<&Row> {
        let keeps = |row: &&Row| filter.is_none_or(|filter| self.matches(filter, row));
        let all = self.rows.iter();
        match self.defects.grouped {
            Grouped::No => all.filter(keeps).collect(),
            Grouped::AfterWhere => Self::group(all.filter(keeps).collect()),
            Grouped::BeforeWhere => Self::group(all.collect())
                .into_iter()
                .filter(keeps)
                .collect(),
        }
    }

    pub(super) fn answer(
        &mut self,
        request: &PageRequest,
        digest: impl Fn(&Row) -> u128,
    ) -> PageKeys {
        self.churn();
        let mut rng = self.rng.fork();
        let filter = request
            .filter
            .as_ref()
            .filter(|_| !self.defects.where_ignored);
        let mut rows = self.select(filter);
        rng.shuffle(&mut rows);
        let limit = request.limit.map_or(usize::MAX, |limit| limit as usize);
        let cap = match self.defects.cap {
            Cap::None => usize::MAX,
            Cap::Fixed(cap) => cap,
            Cap::Random(least) => least + rng.usize(..6),
        };
        if self.defects.cap_before_order {
            rows.truncate(cap);
        }
        if !self.defects.order_ignored {
            let order: Vec<usize> = request.order_by.iter().map(|name| column(name)).collect();
            rows.sort_by(|left, right| self.compare(&order, left, right));
        }
        rows.truncate(limit.min(cap));
        let shown: Vec<usize> = request
            .key_columns
            .iter()
            .map(|name| column(name))
            .collect();
        PageKeys {
            width: shown.len(),
            values: rows
                .iter()
                .flat_map(|row| {
                    shown
                        .iter()
                        .map(|column| self.defects.shown.show(&row.values[*column]))
                })
                .collect(),
            digests: rows.iter().map(|row| digest(row)).collect(),
        }
    }

    pub(super) fn compare(&self, order: &[usize], left: &Row, right: &Row) -> Ordering {
        for column in order {
            let (left, right) = (&left.values[*column], &right.values[*column]);
            let ordering = match (left, right) {
                (Value::Null, Value::Null) => Ordering::Equal,
                (Value::Null, _) if self.defects.nulls_last => Ordering::Greater,
                (_, Value::Null) if self.defects.nulls_last => Ordering::Less,
                _ => self.defects.order.compare(left, right),
            };
            if ordering != Ordering::Equal {
                return ordering;
            }
        }
        Ordering::Equal
    }

    pub(super) fn churn(&mut self) {
        if self.rng.f64() >= self.defects.churn {
            return;
        }
        for _ in 0..=self.rng.usize(..3) {
            let index = if self.rows.is_empty() {
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
                    let row = self.rows.swap_remove(index);
                    self.steady.remove(&row.id);
                }
                _ if !self.rows.is_empty() => {
                    let id = self.rows[index].id;
                    self.steady.remove(&id);
                    self.rows[index] = (self.fresh)(&mut self.rng, id);
                }
                _ => {}
            }
        }
    }
}
