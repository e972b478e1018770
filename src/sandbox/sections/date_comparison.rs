//! The comparison of two dates, for operations whose values are a function of the date.

use chrono::NaiveDate;

use super::api_section::nothing;
use crate::catalog::ColumnKind;
use crate::sandbox::cell::Cell;
use crate::sandbox::field::Field;
use crate::sandbox::request::Query;

/// The two dates of a comparison.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DateComparison {
    pub(crate) now: NaiveDate,
    pub(crate) then: Option<NaiveDate>,
}

/// On which of the two dates a row exists.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Presence {
    pub(crate) now: bool,
    pub(crate) then: bool,
}

impl DateComparison {
    pub(crate) fn of(query: &Query) -> Self {
        Self {
            now: query.day(),
            then: query.values.day("date_compared"),
        }
    }

    /// Whether there are two dates.
    pub(crate) fn has_two_dates(self) -> bool {
        self.then.is_some()
    }

    /// The value of a column, or of the comparison that its ending asks for: `_prev`, `_previous`, `_diff`. Where the row
    /// does not exist, the value is null or an empty list if the column allows it.
    pub(crate) fn cell(
        self,
        field: &Field,
        presence: Presence,
        value: impl Fn(NaiveDate, &Field) -> Cell,
    ) -> Cell {
        if let Some(stem) = previous_stem(&field.name) {
            return self.then_cell(&field.renamed(stem), presence, value);
        }
        if let Some(stem) = field.name.strip_suffix("_diff") {
            return self.difference(&field.renamed(stem), presence, value);
        }
        if presence.now || self.then.is_none() {
            return value(self.now, field);
        }
        // A column without nulls keeps the value of a lost row.
        if can_be_nothing(field) {
            nothing(field)
        } else {
            value(self.then.unwrap_or(self.now), field)
        }
    }

    fn then_cell(
        self,
        field: &Field,
        presence: Presence,
        value: impl Fn(NaiveDate, &Field) -> Cell,
    ) -> Cell {
        match self.then {
            Some(day) if presence.then => value(day, field),
            _ => nothing(field),
        }
    }

    fn difference(
        self,
        field: &Field,
        presence: Presence,
        value: impl Fn(NaiveDate, &Field) -> Cell,
    ) -> Cell {
        let now = if presence.now {
            value(self.now, field)
        } else {
            nothing(field)
        };
        let then = self.then_cell(field, presence, value);
        match (now, then) {
            _ if self.then.is_none() => nothing(field),
            (Cell::Int(now), Cell::Int(then)) => Cell::Int(now - then),
            (Cell::Float { value: now, .. }, Cell::Float { value: then, .. }) => {
                Cell::tenths(((now - then) * 10.0).round())
            }
            _ => nothing(field),
        }
    }
}

/// The name without the ending of an earlier value.
fn previous_stem(name: &str) -> Option<&str> {
    name.strip_suffix("_prev")
        .or_else(|| name.strip_suffix("_previous"))
}

fn can_be_nothing(field: &Field) -> bool {
    field.nullable || matches!(field.kind, ColumnKind::List(_))
}
