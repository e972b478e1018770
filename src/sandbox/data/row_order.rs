//! Sorted orders of a table: row numbers and nothing else, so that an order of a million rows takes four megabytes.
//!
//! Values are computed while an order is made and dropped with it. Columns are compared one after the other, each only
//! for rows that the columns before it left tied.

use std::cmp::Ordering;
use std::ops::Range;

use crate::sandbox::cell::Cell;
use crate::sandbox::field::{Field, Sort};

/// Bytes of a text that a key itself contains, after the byte of its kind.
const PREFIX_BYTES: usize = 15;

/// Row indices in the requested order; ties keep the table's own. Nulls are the smallest values: first ascending, last
/// descending.
pub(crate) fn sorted(
    num_rows: u32,
    sorts: &[Sort],
    cell: impl Fn(u32, &Field) -> Cell,
) -> Vec<u32> {
    let mut order: Vec<u32> = (0..num_rows).collect();
    let mut ties: Vec<Range<usize>> = std::iter::once(0..order.len()).collect();
    let mut keys = Keys::default();
    for sort in sorts {
        let mut left = Vec::new();
        for run in ties {
            let start = run.start;
            if let Some(rows) = order.get_mut(run) {
                keys.sort(rows, sort.descending, |row| cell(row, &sort.field));
                keys.ties(start, &mut left);
            }
        }
        ties = left;
    }
    order
}

/// The values of some rows as bytes that compare as the values do.
#[derive(Default)]
struct Keys {
    keys: Vec<Key>,
    /// Texts that do not fit into their keys, one after the other.
    texts: Vec<u8>,
}

#[derive(Clone, Copy)]
struct Key {
    /// The kind and the first bytes, as one number.
    prefix: u128,
    /// Where the whole text begins and how long it is; 0 bytes where the prefix is the whole value.
    start: usize,
    len: u32,
    row: u32,
}

impl Keys {
    /// Sorts rows that are in the table's own order.
    fn sort(&mut self, rows: &mut [u32], descending: bool, cell: impl Fn(u32) -> Cell) {
        self.keys.clear();
        self.texts.clear();
        for row in rows.iter() {
            let key = self.key(*row, &cell(*row));
            self.keys.push(key);
        }
        let texts = &self.texts;
        self.keys.sort_unstable_by(|left, right| {
            let order = left.order(right, texts);
            let order = if descending { order.reverse() } else { order };
            order.then(left.row.cmp(&right.row))
        });
        for (row, key) in rows.iter_mut().zip(&self.keys) {
            *row = key.row;
        }
    }

    /// Runs of rows, at least two each, whose values are equal; the first row sorted last is at `start`.
    fn ties(&self, start: usize, into: &mut Vec<Range<usize>>) {
        let mut first = start;
        for run in self
            .keys
            .chunk_by(|left, right| left.order(right, &self.texts).is_eq())
        {
            let end = first + run.len();
            if run.len() > 1 {
                into.push(first..end);
            }
            first = end;
        }
    }

    fn key(&mut self, row: u32, cell: &Cell) -> Key {
        let mut bytes = [0; 1 + PREFIX_BYTES];
        let (kind, rest) = bytes.split_at_mut(1);
        kind.fill(cell.rank());
        let start = self.texts.len();
        match cell {
            Cell::Null | Cell::List(_) => {}
            Cell::Bool(value) => fill(rest, &u64::from(*value).to_be_bytes()),
            Cell::Int(value) | Cell::Time(value) | Cell::Date { days: value, .. } => {
                fill(rest, &ascending(*value).to_be_bytes());
            }
            Cell::Float { value, .. } => fill(rest, &total(*value).to_be_bytes()),
            Cell::Text(text) | Cell::Json(text) => {
                fill(rest, text.as_bytes());
                // A zero byte would look like the end of a shorter text.
                if text.len() > PREFIX_BYTES || text.contains('\0') {
                    self.texts.extend_from_slice(text.as_bytes());
                }
            }
        }
        Key {
            prefix: u128::from_be_bytes(bytes),
            start,
            len: u32::try_from(self.texts.len() - start).unwrap_or(u32::MAX),
            row,
        }
    }
}

/// Copies as many bytes as fit.
fn fill(target: &mut [u8], bytes: &[u8]) {
    for (byte, value) in target.iter_mut().zip(bytes) {
        *byte = *value;
    }
}

impl Key {
    fn order(&self, other: &Self, texts: &[u8]) -> Ordering {
        self.prefix
            .cmp(&other.prefix)
            .then_with(|| self.text(texts).cmp(other.text(texts)))
    }

    fn text<'a>(&self, texts: &'a [u8]) -> &'a [u8] {
        let len = usize::try_from(self.len).unwrap_or(usize::MAX);
        texts
            .get(self.start..self.start.saturating_add(len))
            .unwrap_or_default()
    }
}

/// A number without sign that is ordered as the signed one.
fn ascending(value: i64) -> u64 {
    value.cast_unsigned() ^ (1 << 63)
}

/// A number without sign that is ordered as [`f64::total_cmp`] orders.
fn total(value: f64) -> u64 {
    let bits = value.to_bits();
    if value.is_sign_negative() {
        !bits
    } else {
        bits | (1 << 63)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::catalog::ColumnKind;

    fn cells() -> impl Strategy<Value = Cell> {
        prop_oneof![
            Just(Cell::Null),
            any::<bool>().prop_map(Cell::Bool),
            prop_oneof![-3..3_i64, any::<i64>()].prop_map(Cell::Int),
            prop_oneof![
                -2.0..2.0_f64,
                Just(0.0),
                Just(-0.0),
                Just(f64::NAN),
                Just(f64::NEG_INFINITY)
            ]
            .prop_map(|value| Cell::Float { value, bare: false }),
            (-3..3_i64).prop_map(|days| Cell::Date {
                days,
                midnight: true
            }),
            (-3..3_i64).prop_map(Cell::Time),
            "(a|é|\0){0,3}".prop_map(Cell::text),
            "aaaaaaaaaaaa(a|b|\0){0,7}".prop_map(Cell::text),
            Just(Cell::List([].into())),
            "[ab]{0,2}".prop_map(|json| Cell::Json(json.into())),
        ]
    }

    fn sort(name: &str, descending: bool) -> Sort {
        Sort {
            field: Field::new(name, ColumnKind::Text, true),
            descending,
        }
    }

    proptest! {
        #[test]
        fn rows_are_ordered_as_their_cells_are(
            rows in prop::collection::vec((cells(), cells()), 0..40),
            first in any::<bool>(),
            second in any::<bool>(),
        ) {
            let number = |row: u32| usize::try_from(row).unwrap();
            let found = sorted(u32::try_from(rows.len()).unwrap(), &[sort("0", first), sort("1", second)], |row, field| {
                let (left, right) = &rows[number(row)];
                if field.name == "0" { left.clone() } else { right.clone() }
            });
            let mut expected: Vec<u32> = (0..u32::try_from(rows.len()).unwrap()).collect();
            let directed = |order: std::cmp::Ordering, descending| if descending { order.reverse() } else { order };
            expected.sort_by(|left, right| {
                let (left, right) = (&rows[number(*left)], &rows[number(*right)]);
                directed(left.0.order(&right.0), first).then(directed(left.1.order(&right.1), second))
            });
            prop_assert_eq!(found, expected);
        }
    }
}
