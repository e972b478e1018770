//! The rows of one operation: what every section implements, and what it is made from.

use std::fmt;

use chrono::NaiveDate;

use crate::catalog::ColumnKind;
use crate::sandbox::cell::Cell;
use crate::sandbox::field::Field;
use crate::sandbox::seeded::Seeded;

/// The rows of one operation under the parameters that change them.
pub(crate) trait ApiSection: fmt::Debug + Send + Sync {
    /// Rows in all.
    fn rows(&self) -> u32;

    /// Whether a row is among those requested.
    fn has(&self, _number: u32) -> bool {
        true
    }

    /// The source of chance that belongs to what the row is about.
    fn seeded(&self, number: u32) -> Seeded;

    /// The value of a column that does not simply follow from its name and type.
    fn cell(&self, number: u32, field: &Field) -> Option<Cell>;
}

/// What sections are made from beside the query.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SectionSeed {
    pub(crate) seeded: Seeded,
    /// Rows of a long list.
    pub(crate) rows: u32,
    /// Whether data changes from day to day.
    pub(crate) daily_churn: bool,
    pub(crate) today: NaiveDate,
}

/// A row's number as a position in a list.
pub(crate) fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// The length of a list as a number of rows.
pub(crate) fn num_rows(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// No value: null, an empty list, or what is nearest to it where the catalog excludes null.
pub(crate) fn nothing(field: &Field) -> Cell {
    match &field.kind {
        ColumnKind::List(_) => Cell::List([].into()),
        _ if field.nullable => Cell::Null,
        ColumnKind::Integer => Cell::Int(0),
        ColumnKind::Float => Cell::float(0.0),
        ColumnKind::Boolean => Cell::Bool(false),
        ColumnKind::Text => Cell::text(""),
        _ => Cell::Null,
    }
}
