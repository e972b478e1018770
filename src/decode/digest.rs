//! A 128-bit digest of each row: equal values give equal digests, different ones different digests but for chance.
//!
//! Not cryptographic: two independent multiply-and-fold lanes. Its constants are part of the order of rows in files (equal
//! sort keys are ordered by digest), so changing them changes files, though never their meaning.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Date32Type, Float64Type, Int64Type, TimestampMicrosecondType};
use arrow::error::ArrowError;

const KEYS: [u64; 4] = [
    0xa076_1d64_78bd_642f,
    0xe703_7ed1_a0b4_28db,
    0x8ebc_6af0_9c88_c6e3,
    0x5899_65cc_7537_4cc3,
];
const NULL: u64 = 0x1d8e_4e27_c47d_124f;
const LIST: u64 = 0xeb44_acca_b455_d165;

/// State of one digest.
#[derive(Clone, Copy)]
struct Lanes {
    left: u64,
    right: u64,
}

impl Lanes {
    const START: Self = Self {
        left: KEYS[0],
        right: KEYS[2],
    };

    #[inline]
    fn word(&mut self, word: u64) {
        self.left = fold(self.left ^ word, KEYS[1]);
        self.right = fold(self.right.wrapping_add(word), KEYS[3]) ^ word;
    }

    #[inline]
    fn bytes(&mut self, bytes: &[u8]) {
        let (chunks, tail) = bytes.as_chunks::<16>();
        for chunk in chunks {
            let both = u128::from_le_bytes(*chunk);
            let (high, low) = halves(both);
            self.left = fold(self.left ^ low, KEYS[1] ^ high);
            self.right = fold(self.right ^ high, KEYS[3] ^ low.rotate_left(32));
        }
        let mut last = [0_u8; 16];
        for (slot, byte) in last.iter_mut().zip(tail) {
            *slot = *byte;
        }
        let (high, low) = halves(u128::from_le_bytes(last));
        self.left = fold(self.left ^ low, KEYS[1] ^ high);
        self.right = fold(self.right ^ high, KEYS[3] ^ low.rotate_left(32));
        // The length tells a short text from the same text with NULs behind it.
        self.word(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    }

    fn finish(self) -> u128 {
        let left = fold(self.left ^ self.right.rotate_left(23), KEYS[0]);
        let right = fold(self.right ^ self.left.rotate_left(41), KEYS[2]);
        (u128::from(left) << 64) | u128::from(right)
    }
}

/// The two halves of the product, one over the other.
#[inline]
fn fold(left: u64, right: u64) -> u64 {
    let (high, low) = halves(u128::from(left) * u128::from(right));
    high ^ low
}

#[inline]
fn halves(both: u128) -> (u64, u64) {
    const LOW: u128 = 0xffff_ffff_ffff_ffff;
    // Both halves have 64 bits, so the conversions cannot fail.
    (
        u64::try_from(both >> 64).unwrap_or(0),
        u64::try_from(both & LOW).unwrap_or(0),
    )
}

/// One digest for each of `num_rows` rows over these columns, in this order.
///
/// # Errors
/// An [`ArrowError`] for a type that no column of a table has: a defect.
pub fn row_digests(columns: &[ArrayRef], num_rows: usize) -> Result<Vec<u128>, ArrowError> {
    let mut lanes = vec![Lanes::START; num_rows];
    for column in columns {
        add_column(column, &mut lanes)?;
    }
    Ok(lanes.into_iter().map(Lanes::finish).collect())
}

fn add_column(column: &ArrayRef, lanes: &mut [Lanes]) -> Result<(), ArrowError> {
    match column.data_type() {
        DataType::Int64 => add(
            column.as_primitive::<Int64Type>().iter(),
            lanes,
            |state, value| {
                state.word(value.cast_unsigned());
            },
        ),
        DataType::Float64 => add(
            column.as_primitive::<Float64Type>().iter(),
            lanes,
            |state, value| {
                state.word(if value == 0.0 { 0 } else { value.to_bits() });
            },
        ),
        DataType::Boolean => add(column.as_boolean().iter(), lanes, |state, value| {
            state.word(u64::from(value));
        }),
        DataType::Date32 => add(
            column.as_primitive::<Date32Type>().iter(),
            lanes,
            |state, value| {
                state.word(i64::from(value).cast_unsigned());
            },
        ),
        DataType::Timestamp(_, _) => {
            add(
                column.as_primitive::<TimestampMicrosecondType>().iter(),
                lanes,
                |state, value| {
                    state.word(value.cast_unsigned());
                },
            );
        }
        DataType::Utf8 => {
            add(column.as_string::<i32>().iter(), lanes, |state, value| {
                state.bytes(value.as_bytes());
            });
        }
        DataType::List(_) => add_lists(column, lanes)?,
        DataType::Struct(_) => add_structs(column, lanes)?,
        other => return Err(ArrowError::NotYetImplemented(format!("digest of {other}"))),
    }
    Ok(())
}

#[inline]
fn add<T>(
    values: impl Iterator<Item = Option<T>>,
    lanes: &mut [Lanes],
    write: impl Fn(&mut Lanes, T),
) {
    for (state, value) in lanes.iter_mut().zip(values) {
        match value {
            // The mark keeps a null apart from every value.
            Some(value) => {
                state.word(KEYS[0]);
                write(state, value);
            }
            None => state.word(NULL),
        }
    }
}

fn add_lists(column: &ArrayRef, lanes: &mut [Lanes]) -> Result<(), ArrowError> {
    let list = column.as_list::<i32>();
    let items = row_digests(std::slice::from_ref(list.values()), list.values().len())?;
    let ends = list.offsets().windows(2);
    for ((row, state), pair) in lanes.iter_mut().enumerate().zip(ends) {
        if list.is_null(row) {
            state.word(NULL);
            continue;
        }
        let &[start, end] = pair else { continue };
        let (start, end) = (
            usize::try_from(start).unwrap_or(0),
            usize::try_from(end).unwrap_or(0),
        );
        state.word(LIST ^ u64::try_from(end - start).unwrap_or(0));
        for item in items.get(start..end).unwrap_or_default() {
            let (high, low) = halves(*item);
            state.word(high);
            state.word(low);
        }
    }
    Ok(())
}

fn add_structs(column: &ArrayRef, lanes: &mut [Lanes]) -> Result<(), ArrowError> {
    let object = column.as_struct();
    let inner = row_digests(object.columns(), object.len())?;
    for ((row, state), digest) in lanes.iter_mut().enumerate().zip(inner) {
        if object.is_null(row) {
            state.word(NULL);
        } else {
            let (high, low) = halves(digest);
            state.word(high);
            state.word(low);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::Arc;

    use arrow::array::{Float64Array, Int64Array, StringArray};

    use super::*;

    fn texts(values: &[Option<&str>]) -> ArrayRef {
        Arc::new(StringArray::from(values.to_vec()))
    }

    #[test]
    fn a_hundred_thousand_near_rows_have_different_halves() {
        let values: Vec<String> = (0..100_000)
            .map(|number| format!("https://example.com/{number}"))
            .collect();
        let column: ArrayRef = Arc::new(StringArray::from(values));
        let digests = row_digests(&[column], 100_000).unwrap();
        assert_eq!(
            digests
                .iter()
                .map(|digest| halves(*digest).0)
                .collect::<HashSet<_>>()
                .len(),
            100_000
        );
        assert_eq!(
            digests
                .iter()
                .map(|digest| halves(*digest).1)
                .collect::<HashSet<_>>()
                .len(),
            100_000
        );
    }

    #[test]
    fn nulls_empties_and_moved_borders_are_told_apart() {
        let left = texts(&[None, Some(""), Some("a"), Some("ab"), Some("a\0"), Some("")]);
        let right = texts(&[Some(""), None, Some("bc"), Some("c"), Some("bc"), Some("")]);
        let digests = row_digests(&[left, right], 6).unwrap();
        assert_eq!(digests.iter().collect::<HashSet<_>>().len(), 6);
    }

    #[test]
    fn every_bit_of_an_integer_changes_about_half_of_the_digest() {
        let values: Vec<i64> = std::iter::once(0)
            .chain((0..63).map(|bit| 1 << bit))
            .collect();
        let digests = row_digests(&[Arc::new(Int64Array::from(values))], 64).unwrap();
        for digest in &digests[1..] {
            let changed = (digest ^ digests[0]).count_ones();
            assert!((30..98).contains(&changed), "{changed} bits");
        }
    }

    #[test]
    fn zero_has_one_digest_whatever_its_sign() {
        let digests =
            row_digests(&[Arc::new(Float64Array::from(vec![0.0, -0.0, 1.0]))], 3).unwrap();
        assert_eq!(digests[0], digests[1]);
        assert_ne!(digests[0], digests[2]);
    }
}
