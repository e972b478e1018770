//! At which keys of a window of rows a filter is tried.

use crate::model::Value;

/// At how many keys of one window a filter on strings is tried.
const MAX_STRINGS: usize = 8;

/// At how many keys of one window a filter on date-times is tried.
const MAX_TIMES: usize = 4;

/// Maximum keys of each kind among [`MAX_STRINGS`].
const MAX_BY_CASE: u32 = 3;
const MAX_BY_PUNCTUATION: u32 = 3;
const MAX_SPECIAL: u32 = 2;

/// What a collation may ignore in strings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Folding {
    Case,
    CaseAndPunctuation,
}

/// A few keys from all over the window, none of them its last, whose group may be cut.
pub(super) fn spread_keys(values: &[Value]) -> Vec<Value> {
    let mut distinct = values.to_vec();
    distinct.dedup();
    distinct.pop();
    let step = distinct.len().div_ceil(MAX_TIMES).max(1);
    distinct.into_iter().step_by(step).collect()
}

/// Keys at which a filter that compares otherwise than by bytes would lose a later row of the window, and a few whose
/// punctuation must survive the round trip.
pub(super) fn telling_keys(values: &[Value]) -> Vec<Value> {
    let mut found: Vec<Value> = Vec::new();
    let Some(last) = values.last() else {
        return found;
    };
    let (mut by_case, mut by_punctuation, mut special) = (0, 0, 0);
    for (index, value) in values.iter().enumerate() {
        if value == last || found.last() == Some(value) || found.len() >= MAX_STRINGS {
            continue;
        }
        let later = values.get(index + 1..).unwrap_or_default();
        if by_case < MAX_BY_CASE && hides_one_of(value, later, last, Folding::Case) {
            by_case += 1;
        } else if by_punctuation < MAX_BY_PUNCTUATION
            && hides_one_of(value, later, last, Folding::CaseAndPunctuation)
        {
            by_punctuation += 1;
        } else if special < MAX_SPECIAL && has_special_character(value) {
            special += 1;
        } else {
            continue;
        }
        found.push(value.clone());
    }
    found
}

/// Whether a filter from `value` on would hide one of the later values, but for the last, under this folding.
fn hides_one_of(value: &Value, later: &[Value], last: &Value, folding: Folding) -> bool {
    for other in later {
        if other != last && hides(value, other, folding) {
            return true;
        }
    }
    false
}

/// Whether a filter from `value` on would hide `other` under this folding.
pub(super) fn hides(value: &Value, other: &Value, folding: Folding) -> bool {
    folded(other, folding) < folded(value, folding)
}

/// Whether a string has a character that is neither a letter nor a digit.
pub(super) fn has_special_character(value: &Value) -> bool {
    match value {
        Value::Text(text) => text.chars().any(|letter| !letter.is_alphanumeric()),
        _ => false,
    }
}

/// A string as a collation may compare it; empty for other values.
fn folded(value: &Value, folding: Folding) -> String {
    let Value::Text(text) = value else {
        return String::new();
    };
    let mut folded = text.to_lowercase();
    if folding == Folding::CaseAndPunctuation {
        folded.retain(char::is_alphanumeric);
    }
    folded
}
