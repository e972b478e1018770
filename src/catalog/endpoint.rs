//! One operation of the API: what the catalog knows of it.

use std::collections::{BTreeMap, BTreeSet};

use super::column::{Column, ColumnKind, Filterable, Presets};
use super::parameter::Parameter;
use super::pricing::{MIN_UNITS_PER_REQUEST, Pricing};
use super::related::{Batch, RowCount};
use crate::model::Method;

/// Endings of columns that compare two dates.
const COMPARISON_SUFFIXES: [&str; 5] = ["_prev", "_previous", "_diff", "_diff_percent", "_merged"];

/// One read operation of the API.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts of an operation, each on its own"
)]
pub struct Endpoint {
    /// `section/operation`.
    pub name: String,
    /// HTTP method.
    pub method: Method,
    /// Path from the origin, `/v3/…`.
    pub path: String,
    /// Our one line on what it returns; empty where none is written yet.
    pub description: String,
    /// Query parameters, in catalog order.
    pub parameters: Vec<Parameter>,
    /// Published shape of the POST body, untouched.
    pub body: Option<serde_json::Value>,
    /// Fields of the POST body, as parameters.
    pub body_parameters: Vec<Parameter>,
    /// Groups of parameters of which exactly one is given.
    pub requires_one_of: Vec<Vec<String>>,
    /// Each row belongs to one of the `keywords` that were sent, so that a list may be sent in parts.
    pub divisible: bool,
    /// Top-level key of the answer.
    pub response_key: String,
    /// What is under that key.
    pub shape: Shape,
    /// Columns that an answer may have, in catalog order.
    pub columns: Vec<Column>,
    /// Columns that `where` knows, with their types: they differ from [`Endpoint::columns`].
    pub filterable: Vec<Filterable>,
    /// Selectable columns that `order_by` refuses.
    pub order_by_excludes: Vec<String>,
    /// How its requests are priced.
    pub pricing: Pricing,
    /// Parameter values under which a billed operation is free (`prompts=custom`).
    pub free_when: Vec<(String, String)>,
    /// Whether it needs an API key at all.
    pub needs_key: bool,
    /// The last part of a name it had before.
    pub former_name: Option<String>,
    /// Regular expressions know only `*`.
    pub wildcard_regex: bool,
    /// The vendor calls it beta.
    pub beta: bool,
    /// K: the columns that paging may order by and ask ranges of, best first; empty: it cannot be paged.
    pub order_key: Vec<String>,
    /// Columns that together identify a row at the source; empty where nothing does.
    pub identity: Vec<String>,
    /// For each grouping `aggregation`, the columns that K may have when `where` applies before grouping.
    pub group_columns: BTreeMap<String, Vec<String>>,
    /// For each grouping `aggregation`, further columns whose values are equal within a group: a range over them divides none.
    pub group_values: BTreeMap<String, Vec<String>>,
    /// The columns that date when a row was found and lost, where the operation has both and shows lost rows.
    pub changes: Option<Changes>,
    /// The operation that returns the same numbers of many targets in one request, where there is one.
    pub batch: Option<Batch>,
    /// Where another operation returns how many rows it has without a filter.
    pub row_counts: Vec<RowCount>,
    /// Columns by which a table of it is sorted within a target.
    pub sort_key: Vec<String>,
    /// Named selections of columns; empty where the operation takes no `select`.
    pub presets: Presets,
}

/// How an operation shows which rows were found and lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// When the row was first seen; never null.
    pub new: String,
    /// When it was lost; null while it is live.
    pub lost: String,
}

/// What is under an answer's top-level key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// An array of objects.
    Rows,
    /// One object.
    Record,
    /// An array of plain values.
    Scalars,
}

impl Endpoint {
    /// The name without its section.
    pub fn short_name(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or(&self.name)
    }

    /// The section: the name up to the slash.
    pub fn section(&self) -> &str {
        self.name.split('/').next().unwrap_or(&self.name)
    }

    /// One column by name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Whether a column has a meaning only with `date_compared`: its plain name, without the suffix, is a column as well, or
    /// it shows on which of the two dates the row exists.
    pub fn compares_dates(&self, column: &Column) -> bool {
        if column.name == "status" && self.parameter("date_compared").is_some() {
            return true;
        }
        if self.order_key.contains(&column.name) {
            return false;
        }
        for suffix in COMPARISON_SUFFIXES {
            if let Some(plain) = column.name.strip_suffix(suffix)
                && self.column(plain).is_some()
            {
                return true;
            }
        }
        false
    }

    /// One parameter by name, of the query or of the body.
    pub fn parameter(&self, name: &str) -> Option<&Parameter> {
        self.inputs().find(|parameter| parameter.name == name)
    }

    /// All that a request can set: parameters of the query, then of the body.
    pub fn inputs(&self) -> impl Iterator<Item = &Parameter> {
        self.parameters.iter().chain(&self.body_parameters)
    }

    /// Whether its rows are dated, and fetched for a range of days.
    pub fn is_history(&self) -> bool {
        self.history_column().is_some()
    }

    /// Whether one request can name many targets.
    pub fn takes_many_targets(&self) -> bool {
        self.parameter("targets").is_some()
    }

    /// One filterable column by name.
    pub fn filterable(&self, name: &str) -> Option<&Filterable> {
        self.filterable
            .iter()
            .find(|filterable| filterable.name == name)
    }

    /// The column that dates the rows of a history: of an operation that answers whole for a range of days, row by row.
    pub fn history_column(&self) -> Option<&Column> {
        let takes_days =
            self.parameter("date_from").is_some() && self.parameter("date_to").is_some();
        if !takes_days || self.shape != Shape::Rows || self.parameter("limit").is_some() {
            return None;
        }
        if let Some(date) = self.column("date")
            && is_dated(date)
        {
            return Some(date);
        }
        self.columns.iter().find(|column| is_dated(column))
    }

    /// Whether `select` chooses the columns.
    pub fn has_select(&self) -> bool {
        self.parameter("select").is_some()
    }

    /// Whether rows can be ordered by this column.
    pub fn is_sortable(&self, column: &str) -> bool {
        self.parameter("order_by").is_some()
            && self.column(column).is_some()
            && !self
                .order_by_excludes
                .iter()
                .any(|excluded| excluded == column)
    }

    /// Units of one row in which exactly these columns appear in the result, the filter or the order.
    /// Repetitions count once; a column that only the filter knows costs what the filter's entry says.
    pub fn units_per_row<'a>(&self, columns: impl IntoIterator<Item = &'a str>) -> u64 {
        let unique: BTreeSet<&str> = columns.into_iter().collect();
        unique.into_iter().map(|name| self.units_of(name)).sum()
    }

    fn units_of(&self, name: &str) -> u64 {
        match (self.column(name), self.filterable(name)) {
            (Some(column), _) => column.units,
            (None, Some(filterable)) => filterable.units,
            (None, None) => 1,
        }
    }

    /// Whether the rows can be fetched in several requests under a key, and so completely whatever the plan's row cap.
    pub fn is_pageable(&self) -> bool {
        !self.order_key.is_empty()
    }

    /// Whether a request takes an offset, so that pages need no key.
    pub fn has_offset(&self) -> bool {
        self.parameter("offset").is_some()
    }

    /// Units that the first column of K adds to each row when these columns are selected: what paging costs at least.
    pub fn key_surcharge<'a>(&self, selected: impl IntoIterator<Item = &'a str>) -> u64 {
        self.surcharge(1, selected)
    }

    /// Units that all of K adds to each row when these columns are selected: what paging costs at most.
    pub fn full_key_surcharge<'a>(&self, selected: impl IntoIterator<Item = &'a str>) -> u64 {
        self.surcharge(self.order_key.len(), selected)
    }

    fn surcharge<'a>(
        &self,
        key_columns: usize,
        selected: impl IntoIterator<Item = &'a str>,
    ) -> u64 {
        let selected: Vec<&str> = selected.into_iter().collect();
        let mut missing: Vec<&str> = Vec::new();
        for column in self.order_key.iter().take(key_columns) {
            if !selected.contains(&column.as_str()) {
                missing.push(column);
            }
        }
        self.units_per_row(missing)
    }

    /// Units of one request that returns `rows` rows at `units_per_row`, if it is not free by its parameters or target.
    pub fn units_per_request(&self, rows: u64, units_per_row: u64) -> u64 {
        match self.pricing {
            Pricing::Free => 0,
            Pricing::Fixed(units) => units,
            Pricing::PerRow => MIN_UNITS_PER_REQUEST.max(rows.saturating_mul(units_per_row)),
        }
    }
}

/// Whether a column has dates.
fn is_dated(column: &Column) -> bool {
    matches!(column.kind, ColumnKind::Date | ColumnKind::DateTime)
}
