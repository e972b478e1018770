//! What was unusual in a page and readable all the same.

use std::collections::BTreeMap;

use super::enum_values::UnknownValues;

/// Bad values and unknown columns that are kept by name; beyond that they are only counted.
const MAX_LISTED: usize = 1_000;

/// A value that did not fit and was replaced by null.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadValue {
    /// Page of the task, from 1; 0 until [`DecodeNotes::of_page`] sets it.
    pub page: u32,
    /// Row of the page, from 1.
    pub row: u64,
    /// Column; a field inside a struct is written `column.field`.
    pub column: String,
    /// The value as received, shortened.
    pub text: String,
}

/// What was unusual in one page or in several.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DecodeNotes {
    /// Nulls in columns that the catalog calls non-null, by column.
    pub unexpected_nulls: BTreeMap<String, u64>,
    /// Columns that were not requested, with the number of rows that had them.
    pub unknown_columns: BTreeMap<String, u64>,
    /// Columns that were requested, with the number of rows that lacked them.
    pub missing_columns: BTreeMap<String, u64>,
    /// Values that the catalog does not list for their column, by column.
    pub unknown_values: BTreeMap<String, UnknownValues>,
    /// Values that were replaced by null: the first thousand of them.
    pub bad_values: Vec<BadValue>,
    /// How many values were replaced by null.
    pub num_bad_values: u64,
    /// Keys that an object repeated, whose second value was skipped.
    pub num_duplicate_keys: u64,
    /// Unpaired surrogates that became U+FFFD.
    pub num_lone_surrogates: u64,
}

impl DecodeNotes {
    /// Whether nothing was unusual.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The notes of a page, by the page's number.
    #[must_use]
    pub fn of_page(mut self, page: u32) -> Self {
        for bad in &mut self.bad_values {
            bad.page = page;
        }
        self
    }

    /// Adds what another page had. Rows of bad values stay rows of their page.
    pub fn merge(&mut self, other: Self) {
        let Self {
            unexpected_nulls,
            unknown_columns,
            missing_columns,
            unknown_values,
            bad_values,
            num_bad_values,
            num_duplicate_keys,
            num_lone_surrogates,
        } = other;
        add_all(&mut self.unexpected_nulls, unexpected_nulls);
        add_all(&mut self.unknown_columns, unknown_columns);
        add_all(&mut self.missing_columns, missing_columns);
        for (column, values) in unknown_values {
            self.add_unknown_values(&column, values);
        }
        let num_free = MAX_LISTED.saturating_sub(self.bad_values.len());
        self.bad_values
            .extend(bad_values.into_iter().take(num_free));
        self.num_bad_values += num_bad_values;
        self.num_duplicate_keys += num_duplicate_keys;
        self.num_lone_surrogates += num_lone_surrogates;
    }

    pub(super) fn add_bad_value(&mut self, row: u64, column: &str, text: String) {
        self.num_bad_values += 1;
        if self.bad_values.len() < MAX_LISTED {
            self.bad_values.push(BadValue {
                page: 0,
                row,
                column: column.to_owned(),
                text,
            });
        }
    }

    pub(super) fn add_unknown_values(&mut self, column: &str, values: UnknownValues) {
        if values.count > 0 {
            self.unknown_values
                .entry(column.to_owned())
                .or_default()
                .merge(values);
        }
    }

    pub(super) fn add_unknown(&mut self, parent: &str, key: &str) {
        let name = if parent.is_empty() {
            key.to_owned()
        } else {
            format!("{parent}.{key}")
        };
        if self.unknown_columns.len() < MAX_LISTED || self.unknown_columns.contains_key(&name) {
            *self.unknown_columns.entry(name).or_default() += 1;
        }
    }
}

fn add_all(into: &mut BTreeMap<String, u64>, from: BTreeMap<String, u64>) {
    for (name, count) in from {
        *into.entry(name).or_default() += count;
    }
}
