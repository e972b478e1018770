//! Values that the catalog does not list for a column that lists its values. Lists grow, so that such values stay as they
//! are and are only counted.

use std::collections::{BTreeSet, HashSet};

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::datatypes::DataType;

use super::error::shorten;

/// Unknown values that are kept by name, for each column.
pub(super) const MAX_EXAMPLES: usize = 10;

/// Values of one column that the catalog does not list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnknownValues {
    /// How many there were.
    pub count: u64,
    /// The first of them, each once, shortened.
    pub examples: BTreeSet<String>,
}

impl UnknownValues {
    /// Adds what another page had.
    pub(super) fn merge(&mut self, other: Self) {
        self.count += other.count;
        for example in other.examples {
            self.remember(example);
        }
    }

    fn remember(&mut self, example: String) {
        if self.examples.len() < MAX_EXAMPLES {
            self.examples.insert(example);
        }
    }
}

/// The values of a text column, or of a column of lists of text, that are not `known`.
pub(super) fn unknown(array: &ArrayRef, known: &HashSet<String>) -> UnknownValues {
    match array.data_type() {
        DataType::Utf8 => unknown_texts(array.as_string(), known),
        DataType::List(_) => match array.as_list::<i32>().values().as_string_opt() {
            Some(texts) => unknown_texts(texts, known),
            None => UnknownValues::default(),
        },
        _ => UnknownValues::default(),
    }
}

fn unknown_texts(texts: &StringArray, known: &HashSet<String>) -> UnknownValues {
    let mut unknown = UnknownValues::default();
    // Values of an enum come in runs, so that most need no look-up.
    let mut last_known = None;
    for text in texts.iter().flatten() {
        if last_known == Some(text) {
            continue;
        }
        if known.contains(text) {
            last_known = Some(text);
        } else {
            unknown.count += 1;
            unknown.remember(shorten(text));
        }
    }
    unknown
}
