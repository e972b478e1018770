//! A source: a random table that answers requests in the order of a ranking, with the defects that a test gives it.

use std::cmp::Ordering;

use backhaul::filter::{Comparison, Filter};
use backhaul::model::{PageKeys, Value};
use backhaul::paging::PageRequest;
use fastrand::Rng;

pub(super) const FLOOR: u32 = 3;
/// `r` ranks, `k0` and `k1` are K, `id` identifies.
pub(super) const COLUMNS: [&str; 4] = ["r", "k0", "k1", "id"];

pub(super) type Row = [Value; 4];

pub(super) fn column(name: &str) -> usize {
    COLUMNS.iter().position(|column| *column == name).unwrap()
}

#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches")]
pub(super) struct Defects {
    /// Answers are cut to this many rows, and to some more where `varies`.
    pub(super) cap: Option<usize>,
    pub(super) varies: bool,
    pub(super) cap_before_order: bool,
    pub(super) nulls_first: bool,
    /// Filters do not find a number by being equal.
    pub(super) equals_nothing: bool,
    /// Numbers are shown without their last digit.
    pub(super) rounds_down: bool,
    pub(super) order_ignored: bool,
    pub(super) churn: f64,
}

pub(super) fn honest() -> Defects {
    Defects {
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

pub(super) struct Source {
    pub(super) rows: Vec<Row>,
    pub(super) defects: Defects,
    pub(super) rng: Rng,
}

impl Source {
    pub(super) fn matches(&self, filter: &Filter, row: &Row) -> bool {
        match filter {
            Filter::And(parts) => parts.iter().all(|part| self.matches(part, row)),
            Filter::Or(parts) => parts.iter().any(|part| self.matches(part, row)),
            Filter::Not(part) => !self.matches(part, row),
            Filter::IsNull(name) => row[column(name)] == Value::Null,
            Filter::Is(name, comparison, value) => {
                let actual = &row[column(name)];
                match comparison {
                    _ if *actual == Value::Null => false,
                    Comparison::Eq if self.defects.equals_nothing && name == "r" => false,
                    Comparison::Eq => actual == value,
                    Comparison::Gt => actual > value,
                    Comparison::Gte => actual >= value,
                    Comparison::Lt => actual < value,
                    other => unreachable!("paging does not request {other:?}"),
                }
            }
            Filter::Empty(_) | Filter::Items(..) | Filter::Json(_) => unreachable!("not used here"),
        }
    }

    pub(super) fn answer(&mut self, request: &PageRequest) -> PageKeys {
        if self.rng.f64() < self.defects.churn && !self.rows.is_empty() {
            let index = self.rng.usize(..self.rows.len());
            self.rows[index][0] = number(&mut self.rng);
        }
        let mut rows: Vec<&Row> = self
            .rows
            .iter()
            .filter(|row| {
                request
                    .filter
                    .as_ref()
                    .is_none_or(|filter| self.matches(filter, row))
            })
            .collect();
        self.rng.shuffle(&mut rows);
        let extra = if self.defects.varies {
            self.rng.usize(..4)
        } else {
            0
        };
        let cap = self.defects.cap.map_or(usize::MAX, |cap| cap + extra);
        if self.defects.cap_before_order {
            rows.truncate(cap);
        }
        let order: Vec<usize> = request.order_by.iter().map(|name| column(name)).collect();
        if !self.defects.order_ignored {
            rows.sort_by(|left, right| self.compare(&order, request.is_descending, left, right));
        }
        rows.truncate(cap.min(request.limit.unwrap() as usize));
        let columns: Vec<usize> = request
            .key_columns
            .iter()
            .map(|name| column(name))
            .collect();
        PageKeys {
            width: columns.len(),
            values: rows
                .iter()
                .flat_map(|row| columns.iter().map(|column| self.shown(&row[*column])))
                .collect(),
            digests: rows.iter().map(|row| digest(row)).collect(),
        }
    }

    pub(super) fn shown(&self, value: &Value) -> Value {
        match value {
            Value::Float(_) if self.defects.rounds_down => {
                let tenths = value.to_json().as_f64().unwrap() * 2.0;
                Value::float(tenths.floor() / 2.0)
            }
            other => other.clone(),
        }
    }

    pub(super) fn compare(
        &self,
        order: &[usize],
        is_descending: bool,
        left: &Row,
        right: &Row,
    ) -> Ordering {
        for (index, column) in order.iter().enumerate() {
            let (left, right) = (&left[*column], &right[*column]);
            let ordering = match (left, right) {
                (Value::Null, Value::Null) => Ordering::Equal,
                (Value::Null, _) if is_descending && index == 0 && self.defects.nulls_first => {
                    Ordering::Less
                }
                (_, Value::Null) if is_descending && index == 0 && self.defects.nulls_first => {
                    Ordering::Greater
                }
                _ if is_descending && index == 0 => right.cmp(left),
                _ => left.cmp(right),
            };
            if ordering.is_ne() {
                return ordering;
            }
        }
        Ordering::Equal
    }
}

pub(super) fn number(rng: &mut Rng) -> Value {
    // Quarters are exact, so that what is shown is what is there.
    Value::float(f64::from(rng.u32(..16)) / 4.0)
}

pub(super) fn digest(row: &Row) -> u128 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    row.hash(&mut hasher);
    u128::from(hasher.finish())
}
