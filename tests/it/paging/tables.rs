//! Random rows, and rows counted by digest.

use std::collections::BTreeMap;

use backhaul::model::Value;
use fastrand::Rng;

use super::source::Row;

/// Makes a row with this identity.
pub(super) type FreshRow = fn(&mut Rng, u64) -> Row;

pub(super) type Bag = BTreeMap<u128, usize>;

pub(super) fn bag(digests: impl IntoIterator<Item = u128>) -> Bag {
    let mut bag = Bag::new();
    for digest in digests {
        *bag.entry(digest).or_default() += 1;
    }
    bag
}

pub(super) fn within(part: &Bag, whole: &Bag) -> bool {
    part.iter()
        .all(|(digest, count)| whole.get(digest).is_some_and(|most| count <= most))
}

/// Digest of what the report selects: `p`, and the key columns that it selects anyway.
pub(super) fn digest_of(row: &Row, selected: &[usize]) -> u128 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    row.values[4].hash(&mut hasher);
    for column in selected {
        row.values[*column].hash(&mut hasher);
    }
    u128::from(hasher.finish())
}

pub(super) fn identity_of(row: &Row) -> u128 {
    u128::from(row.id)
}

pub(super) fn random_text(rng: &mut Rng) -> Value {
    const PARTS: [&str; 12] = [
        "a", "A", "b", "B", "aB", "a-b", "é", "Z", "z", "_", "ab", "",
    ];
    Value::Text(rng.choice(PARTS).unwrap_or_default().into())
}

pub(super) fn random_row(rng: &mut Rng, id: u64) -> Row {
    let values = [
        Value::Time(rng.i64(0..40)),
        random_text(rng),
        Value::Int(rng.i64(0..4)),
        Value::Text(["r0", "r1", "R2", "r3", "r-4", "r5", "r6"][rng.usize(..7)].into()),
        Value::Int(rng.i64(0..6)),
    ];
    Row { id, values }
}

pub(super) fn row_with_few_times(rng: &mut Rng, id: u64) -> Row {
    let mut row = random_row(rng, id);
    row.values[0] = Value::Time(rng.i64(0..4));
    row
}

pub(super) fn row_with_nulls(rng: &mut Rng, id: u64) -> Row {
    let mut row = random_row(rng, id);
    for column in 0..3 {
        if rng.u8(..5) == 0 {
            row.values[column] = Value::Null;
        }
    }
    row
}

pub(super) fn row_with_own_payload(rng: &mut Rng, id: u64) -> Row {
    let mut row = row_with_few_times(rng, id);
    row.values[4] = Value::Int(i64::try_from(id).unwrap());
    row
}

pub(super) fn row_of_its_own(rng: &mut Rng, id: u64) -> Row {
    let mut row = random_row(rng, id);
    row.values[4] = Value::Int(i64::try_from(id).unwrap());
    row
}
