//! Places of a ranking: what is asked for from one on, and in which order they stand.

use std::cmp::Ordering;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::{Part, Ranking};
use crate::filter::{Filter, at_least, ranked_from};
use crate::model::Value;
use crate::paging::error::shown;
use crate::paging::range::url_bytes;
use crate::paging::{Assumption, PagingError, Shortfall, Top, Verdict, Verdicts};

impl Ranking {
    pub(super) fn remaining(&self) -> u64 {
        self.top.rows.saturating_sub(self.rows)
    }

    /// Rows that are wanted, and those that come again with them.
    pub(super) fn asked(&self) -> u32 {
        let rows = self.remaining().saturating_add(self.again.len());
        u32::try_from(rows)
            .unwrap_or(u32::MAX)
            .min(self.ceiling)
            .max(1)
    }

    pub(super) fn order(&self) -> Vec<String> {
        [&self.top.by]
            .into_iter()
            .chain(&self.key)
            .cloned()
            .collect()
    }

    /// The order's columns first, then those that identify a row.
    pub(super) fn columns(&self) -> Vec<String> {
        let mut columns = self.order();
        let identity = self
            .top
            .identity
            .iter()
            .filter(|name| !columns.contains(name))
            .cloned()
            .collect::<Vec<_>>();
        columns.extend(identity);
        columns
    }

    /// Places of the columns that identify a row, in its key.
    pub(super) fn identity(&self) -> Vec<usize> {
        let columns = self.columns();
        let place = |name: &String| columns.iter().position(|column| column == name);
        self.top.identity.iter().filter_map(place).collect()
    }

    pub(super) fn filter(&self) -> Option<Filter> {
        let by = || self.top.by.clone();
        let (value, key) = self
            .bound
            .split_first()
            .map_or((None, &[][..]), |(value, key)| (Some(value), key));
        let part = match (self.part, value) {
            (Part::Open, _) => None,
            (Part::Valued, None) => Some(Filter::Not(Box::new(Filter::IsNull(by())))),
            (Part::Valued, Some(value)) => Some(ranked_from(&self.top.by, value, &self.key, key)),
            (Part::Null, _) => Filter::and(Some(Filter::IsNull(by())), at_least(&self.key, key)),
        };
        Filter::and(self.base.clone(), part)
    }

    pub(super) fn check_url(&self) -> Result<(), PagingError> {
        // One byte more than an ascending order takes.
        let needed = url_bytes(self.filter().as_ref(), &self.order(), &self.columns()) + 1;
        let available = self.limits.url_bytes;
        if needed <= available {
            return Ok(());
        }
        let columns = format!("({})", self.order().join(", "));
        Err(PagingError::TooLong {
            columns,
            value: shown(&self.bound),
            needed,
            available,
        })
    }
}

/// Why the rest of a ranking cannot be asked for, if it cannot.
pub(super) fn stuck(verdicts: Verdicts, top: &Top, doubt: Option<Assumption>) -> Option<Shortfall> {
    let doubted =
        |assumption: Assumption, stands: bool| stands.then_some(Shortfall::Assumption(assumption));
    let divides = top.divides_groups && verdicts.filter_before_group != Verdict::Broken;
    doubted(
        Assumption::WhereHonoured,
        verdicts.where_honoured == Verdict::Broken,
    )
    .or(doubted(
        Assumption::CapAfterOrder,
        verdicts.cap_after_order != Verdict::Holds,
    ))
    .or((!top.is_filterable).then_some(Shortfall::RankingNotFilterable))
    .or(doubted(Assumption::FilterBeforeGroup, divides))
    .or(doubt.map(Shortfall::Assumption))
}

/// The order of two places, as far as the shorter goes: values descend, nulls last; K ascends, and where a source puts
/// nulls in K is not known.
pub(super) fn compare(left: &[Value], right: &[Value]) -> Ordering {
    let by = right
        .first()
        .zip(left.first())
        .map_or(Ordering::Equal, |(right, left)| right.cmp(left));
    let mut keys = left.iter().zip(right).skip(1);
    let of_keys = keys.try_fold(Ordering::Equal, |order, (left, right)| match order {
        Ordering::Equal if *left == Value::Null || *right == Value::Null => Err(Ordering::Equal),
        Ordering::Equal => Ok(left.cmp(right)),
        decided => Err(decided),
    });
    by.then(of_keys.unwrap_or_else(|order| order))
}

pub(super) fn hash_of(key: &[Value], places: &[usize]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for place in places {
        key.get(*place).hash(&mut hasher);
    }
    hasher.finish()
}
