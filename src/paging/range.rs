//! A range of the source: which rows belong to it, how far it has been read, and the filter that asks for the rest.
//!
//! Ranges are disjoint: they differ in which key columns are null. A range whose [`Nulls`] are unknown is asked for
//! without a bound only, so no comparison can hide a row with a null.

use std::collections::VecDeque;

use crate::filter::{Filter, at_least};
use crate::model::Value;

use super::PagingError;
use super::error::shown;
use super::groups::{Emitted, Group, prefix};

/// What is known of nulls in the columns of K.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nulls {
    /// Nothing yet.
    Unknown,
    /// No column has one.
    Absent,
    /// The columns of the key have none, by filter; those that may be appended may have some.
    OnlyInSpare,
}

#[derive(Debug, Clone)]
pub(super) struct Range {
    /// Columns of the order.
    pub(super) key: Vec<String>,
    /// Columns of K that may be appended.
    pub(super) spare: VecDeque<String>,
    /// Columns that are null in every row of the range.
    pub(super) null: Vec<String>,
    /// Columns that the filter holds to be not null.
    pub(super) not_null: Vec<String>,
    pub(super) nulls: Nulls,
    /// The group at which the next answer must begin, with the rows of it that were seen.
    pub(super) held: Option<Group>,
    /// Rows that must be emitted before the reading leaves their key, which is shorter than `key`.
    pub(super) outer: Vec<Group>,
    /// The last emitted groups, newest last.
    pub(super) emitted: VecDeque<Emitted>,
}

/// How many emitted keys are remembered for rechecks.
pub(super) const REMEMBERED: usize = 3;

impl Range {
    pub(super) fn new(key: Vec<String>, spare: VecDeque<String>) -> Self {
        Self {
            key,
            spare,
            null: Vec::new(),
            not_null: Vec::new(),
            nulls: Nulls::Unknown,
            held: None,
            outer: Vec::new(),
            emitted: VecDeque::new(),
        }
    }

    /// Key columns first, then those that must be null, so that answers show whether the filter was applied.
    pub(super) fn key_columns(&self) -> Vec<String> {
        self.key.iter().chain(&self.null).cloned().collect()
    }

    /// The key's columns as messages name them.
    pub(super) fn columns(&self) -> String {
        format!("({})", self.key.join(", "))
    }

    /// Key of the last emitted group.
    pub(super) fn last_emitted(&self) -> Option<&[Value]> {
        self.emitted.back().map(|emitted| emitted.key.as_ref())
    }

    pub(super) fn remember(&mut self, emitted: Emitted) {
        self.emitted.push_back(emitted);
        while self.emitted.len() > REMEMBERED {
            self.emitted.pop_front();
        }
    }

    /// The range's filter from `bound` on; an empty bound is none.
    pub(super) fn filter(&self, base: Option<&Filter>, bound: &[Value]) -> Option<Filter> {
        let mut parts: Vec<Filter> = base.cloned().into_iter().collect();
        parts.extend(
            self.null
                .iter()
                .map(|column| Filter::IsNull(column.clone())),
        );
        let not_null = self
            .not_null
            .iter()
            .map(|column| Filter::Not(Box::new(Filter::IsNull(column.clone()))));
        parts.extend(not_null);
        parts.extend(at_least(&self.key, bound));
        if parts.len() > 1 {
            Some(Filter::And(parts))
        } else {
            parts.pop()
        }
    }

    /// Filter and bound of the next page. Where the held key is too long for a URL, the shortest separator stands for
    /// it: greater than every emitted key, not greater than the held one.
    pub(super) fn next_page(
        &self,
        base: Option<&Filter>,
        available: usize,
    ) -> Result<Bound, PagingError> {
        let held: &[Value] = self
            .held
            .as_ref()
            .or(self.outer.last())
            .map_or(&[], |group| group.key.as_ref());
        // Nothing was emitted: an open range asks for the same rows and cannot exclude one by mistake.
        let exact: Vec<Value> = if self.emitted.is_empty() {
            Vec::new()
        } else {
            held.to_vec()
        };
        match self.fit(base, exact, available) {
            Err(error @ PagingError::TooLong { .. }) => {
                match self.last_emitted().and_then(|low| separator(low, held)) {
                    Some(shorter) => self.fit(base, shorter, available),
                    None => Err(error),
                }
            }
            fitting => fitting,
        }
    }

    /// The filter from `values` on, if it fits into the URL.
    pub(super) fn fit(
        &self,
        base: Option<&Filter>,
        values: Vec<Value>,
        available: usize,
    ) -> Result<Bound, PagingError> {
        let filter = self.filter(base, &values);
        let needed = url_bytes(filter.as_ref(), &self.key, &self.key_columns());
        if needed > available {
            return Err(PagingError::TooLong {
                columns: self.columns(),
                value: shown(&values),
                needed,
                available,
            });
        }
        Ok(Bound { filter, values })
    }

    /// Divides the range by the nulls of its key columns. `self` keeps the rows without any; the others are returned.
    pub(super) fn divide_by_nulls(&mut self) -> Vec<Self> {
        let undecided: Vec<String> = self
            .key
            .iter()
            .filter(|column| !self.not_null.contains(column))
            .cloned()
            .collect();
        let mut others = Vec::new();
        for (place, column) in undecided.iter().enumerate() {
            let key = self
                .key
                .iter()
                .filter(|other| *other != column)
                .cloned()
                .collect();
            let mut other = Self::new(key, self.spare.clone());
            other.null = self.null.iter().chain([column]).cloned().collect();
            other.not_null = self
                .not_null
                .iter()
                .chain(undecided.iter().take(place))
                .cloned()
                .collect();
            others.push(other);
        }
        self.not_null.extend(undecided);
        self.nulls = Nulls::OnlyInSpare;
        if self.emitted.is_empty() {
            // What was held may have a null in a column that was not visible then: read it again.
            self.held = None;
            self.outer.clear();
        }
        others
    }
}

/// The bound of a request and the filter that states it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Bound {
    pub(super) filter: Option<Filter>,
    pub(super) values: Vec<Value>,
}

/// The shortest key `b` with `low < b <= high` that is a prefix of `high`, its last string cut short.
fn separator(low: &[Value], high: &[Value]) -> Option<Vec<Value>> {
    let differs = low.iter().zip(high).position(|(low, high)| low != high)?;
    let mut key = prefix(high, differs + 1).to_vec();
    if let (Some(Value::Text(low)), Some(Value::Text(high))) = (low.get(differs), high.get(differs))
    {
        let common = low
            .bytes()
            .zip(high.bytes())
            .take_while(|(low, high)| low == high)
            .count();
        let end = (common + 1..=high.len()).find(|end| high.is_char_boundary(*end))?;
        *key.last_mut()? = Value::Text(high.get(..end)?.into());
    }
    Some(key)
}

/// Bytes of a URL that a request's filter, order and key columns take, percent-encoded.
pub(super) fn url_bytes(
    filter: Option<&Filter>,
    order: &[String],
    key_columns: &[String],
) -> usize {
    let filter = filter.map_or(0, |filter| {
        "&where=".len() + encoded_len(&filter.to_json().to_string())
    });
    let order: usize = order
        .iter()
        .map(|column| encoded_len(column) + encoded_len(":asc,"))
        .sum();
    let selected: usize = key_columns
        .iter()
        .map(|column| encoded_len(column) + encoded_len(","))
        .sum();
    filter + "&order_by=".len() + order + selected
}

/// Length after percent-encoding by the strictest encoder: whatever it leaves alone, every encoder leaves alone.
fn encoded_len(text: &str) -> usize {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    text.bytes()
        .map(|byte| if plain(byte) { 1 } else { 3 })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> Value {
        Value::Text(value.into())
    }

    #[test]
    fn a_separator_lies_above_the_emitted_key_and_not_above_the_held_one() {
        let low = [Value::Int(3), text("https://é/aaaa")];
        let high = [Value::Int(3), text("https://é/abcdefgh"), text("rest")];
        let found = separator(&low, &high).unwrap();
        assert_eq!(found, [Value::Int(3), text("https://é/ab")]);
        assert!(low.as_slice() < found.as_slice() && found.as_slice() <= high.as_slice());
    }

    #[test]
    fn a_separator_cuts_strings_between_characters_only() {
        let found = separator(&[text("aé")], &[text("aüb")]).unwrap();
        assert_eq!(found, [text("aü")]);
    }

    #[test]
    fn the_length_of_a_url_is_never_underestimated() {
        let filter = Filter::Is(
            "a".to_owned(),
            crate::filter::Comparison::Gte,
            text("é %&~"),
        );
        let json = filter.to_json().to_string();
        let query: String = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("where", &json)
            .finish();
        assert!(url_bytes(Some(&filter), &[], &[]) >= query.len());
    }
}
