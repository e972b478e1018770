//! Values that the catalog does not list for a column that lists its values. The source extends its lists without notice,
//! so such values are kept and counted.

use std::collections::{BTreeSet, HashSet};

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::datatypes::DataType;

use super::error::shorten;

/// Unknown values that are kept by name, for each column.
const MAX_EXAMPLES: usize = 10;

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

/// The values of a text column, or of a column of lists of text, that are not `listed`.
pub(super) fn unlisted_values(array: &ArrayRef, listed: &HashSet<String>) -> UnknownValues {
    match array.data_type() {
        DataType::Utf8 => unlisted_texts(array.as_string(), listed),
        DataType::List(_) => match array.as_list::<i32>().values().as_string_opt() {
            Some(texts) => unlisted_texts(texts, listed),
            None => UnknownValues::default(),
        },
        _ => UnknownValues::default(),
    }
}

fn unlisted_texts(texts: &StringArray, listed: &HashSet<String>) -> UnknownValues {
    let mut unknown = UnknownValues::default();
    // Values of an enum repeat, so that most need no look-up.
    let mut last_listed = None;
    for text in texts.iter().flatten() {
        if last_listed == Some(text) {
            continue;
        }
        if listed.contains(text) {
            last_listed = Some(text);
        } else {
            unknown.count += 1;
            unknown.remember(shorten(text));
        }
    }
    unknown
}
