//! What the sections beside Site Explorer serve: which rows an operation has, and what identifies each.
//!
//! A section knows the number of its rows, the chance that belongs to each, and the columns that hang together; any other
//! value follows from the column's name and type, as everywhere. Chance belongs to what a row is about (a keyword in a
//! country, a page of a project), never to its place, so that the same thing has the same numbers wherever it is shown.

mod audit;
mod brand;
mod console;
mod keywords;
mod management;
mod ranks;
mod series;
mod serp;
mod social;
mod web_analytics;
mod words;
mod workspace;

use std::fmt;
use std::sync::Arc;

use chrono::NaiveDate;

use super::cell::Cell;
use super::hash::Dice;
use super::query::Query;
use super::refusal::Refusal;
use super::source::Field;
use crate::catalog::{Catalog, ColumnKind, Endpoint, ParameterKind};

/// The rows of one operation under the parameters that change them.
pub(super) trait Section: fmt::Debug + Send + Sync {
    /// Rows in all.
    fn rows(&self) -> u32;

    /// Whether a row is among those asked for.
    fn has(&self, _number: u32) -> bool {
        true
    }

    /// The chance that belongs to what the row is about.
    fn dice(&self, number: u32) -> Dice;

    /// The value of a column that does not simply follow from its name and type.
    fn cell(&self, number: u32, field: &Field) -> Option<Cell>;
}

/// What sections are made from beside the query.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ground {
    pub(super) dice: Dice,
    /// Rows of a long list.
    pub(super) rows: u32,
    pub(super) living: bool,
    pub(super) today: NaiveDate,
}

/// The section that serves a query, if it is not one of Site Explorer.
pub(super) fn section(
    ground: Ground,
    endpoint: &Endpoint,
    query: &Query,
) -> Result<Arc<dyn Section>, Refusal> {
    match endpoint.section() {
        "keywords-explorer" => Ok(keywords::section(ground, endpoint, query)),
        "serp-overview" => serp::section(ground, query),
        "rank-tracker" => ranks::section(ground, endpoint, query),
        "site-audit" => audit::section(ground, endpoint, query),
        "management" => management::section(ground, endpoint, query),
        "public" => Ok(management::public(ground, endpoint, query)),
        "gsc" => console::section(ground, endpoint, query),
        "web-analytics" => web_analytics::section(ground, endpoint, query),
        "social-media" => social::section(ground, endpoint, query),
        "brand-radar" => brand::section(ground, endpoint, query),
        _ => Err(Refusal::NotServed),
    }
}

/// The host that the section's pages and texts are on, where a query names no target.
pub(super) fn host(ground: Ground, query: &Query) -> String {
    let project = query
        .values
        .get("project_id")
        .or_else(|| query.values.get("portfolio_id"));
    let project = project.and_then(|id| workspace::Workspace::new(ground).project(id).ok());
    project.map_or_else(|| "acme.com".to_owned(), |project| project.host)
}

/// Months that a request asks the volumes of.
pub(super) fn asked_months(query: &Query) -> u64 {
    let (from, to) = (
        query.values.day("volume_monthly_date_from"),
        query.values.day("volume_monthly_date_to"),
    );
    u64::try_from(words::months(query.today, from, to).len()).unwrap_or(u64::MAX)
}

/// Brands that a request compares, at least one.
pub(super) fn asked_brands(query: &Query) -> u64 {
    u64::try_from(brand::brands(query).len())
        .unwrap_or(u64::MAX)
        .max(1)
}

/// Rows that are few and known whole: each gives the columns that it knows.
#[derive(Debug)]
pub(super) struct Given {
    dice: Dice,
    rows: Vec<Vec<(&'static str, Cell)>>,
}

impl Given {
    pub(super) fn of(dice: Dice, rows: Vec<Vec<(&'static str, Cell)>>) -> Arc<dyn Section> {
        Arc::new(Self { dice, rows })
    }
}

impl Section for Given {
    fn rows(&self) -> u32 {
        u32::try_from(self.rows.len()).unwrap_or(u32::MAX)
    }

    fn dice(&self, number: u32) -> Dice {
        // The first column that a row gives names it.
        let mut name = Vec::new();
        if let Some((_, cell)) = self.rows.get(index(number)).and_then(|row| row.first()) {
            cell.write(&mut name);
        }
        self.dice.of(&String::from_utf8_lossy(&name))
    }

    fn cell(&self, number: u32, field: &Field) -> Option<Cell> {
        let row = self.rows.get(index(number))?;
        row.iter()
            .find(|(name, _)| *name == field.name)
            .map(|(_, cell)| cell.clone())
    }
}

/// Rows that are many: a number tells everything.
pub(super) struct Numbered {
    dice: Dice,
    rows: u32,
    cell: Identity,
    has: Box<dyn Fn(u32) -> bool + Send + Sync>,
}

/// The columns that a row's number and chance tell.
type Identity = Box<dyn Fn(u32, Dice, &Field) -> Option<Cell> + Send + Sync>;

impl Numbered {
    fn new(
        dice: Dice,
        rows: u32,
        cell: impl Fn(u32, Dice, &Field) -> Option<Cell> + Send + Sync + 'static,
    ) -> Self {
        Self {
            dice,
            rows,
            cell: Box::new(cell),
            has: Box::new(|_| true),
        }
    }

    fn only(self, has: impl Fn(u32) -> bool + Send + Sync + 'static) -> Self {
        Self {
            has: Box::new(has),
            ..self
        }
    }
}

impl fmt::Debug for Numbered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Numbered")
            .field("dice", &self.dice)
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

impl Section for Numbered {
    fn rows(&self) -> u32 {
        self.rows
    }

    fn has(&self, number: u32) -> bool {
        (self.has)(number)
    }

    fn dice(&self, number: u32) -> Dice {
        self.dice.at(u64::from(number))
    }

    fn cell(&self, number: u32, field: &Field) -> Option<Cell> {
        (self.cell)(number, self.dice(number), field)
    }
}

/// The two dates of a comparison, for operations whose values are a function of the date.
#[derive(Debug, Clone, Copy)]
pub(super) struct Compared {
    pub(super) now: NaiveDate,
    pub(super) then: Option<NaiveDate>,
}

impl Compared {
    fn of(query: &Query) -> Self {
        Self {
            now: query.values.day("date").unwrap_or(query.today),
            then: query.values.day("date_compared"),
        }
    }

    /// The value of a column or of the comparison that its ending asks for: `_prev`, `_previous`, `_diff`. `was_there` and
    /// `is_there` tell whether the row existed on each date; what did not has nulls and empty lists where it may.
    fn cell(
        self,
        field: &Field,
        (is_there, was_there): (bool, bool),
        value: impl Fn(NaiveDate, &Field) -> Cell,
    ) -> Cell {
        let stem = |ending: &str| {
            let name = field.name.strip_suffix(ending)?;
            Some(Field {
                name: name.to_owned(),
                ..field.clone()
            })
        };
        let at = |there: bool, day: Option<NaiveDate>, field: &Field| match day {
            Some(day) if there => value(day, field),
            _ => nothing(field),
        };
        if let Some(field) = stem("_prev").or_else(|| stem("_previous")) {
            return at(was_there, self.then, &field);
        }
        if let Some(field) = stem("_diff") {
            let (now, then) = (
                at(is_there, Some(self.now), &field),
                at(was_there, self.then, &field),
            );
            return match (now, then) {
                (Cell::Int(now), Cell::Int(then)) if self.then.is_some() => Cell::Int(now - then),
                (Cell::Float { value: now, .. }, Cell::Float { value: then, .. })
                    if self.then.is_some() =>
                {
                    tenths(((now - then) * 10.0).round())
                }
                _ => nothing(&field),
            };
        }
        // What may not be null is told of lost rows too, as it was.
        let lost = !is_there && self.then.is_some();
        match (lost, can_be_nothing(field)) {
            (true, true) => nothing(field),
            (true, false) => value(self.then.unwrap_or(self.now), field),
            (false, _) => value(self.now, field),
        }
    }
}

fn can_be_nothing(field: &Field) -> bool {
    field.nullable || matches!(field.kind, ColumnKind::List(_))
}

/// No value: null, an empty list, or what is nearest to it where the catalog excludes null.
pub(super) fn nothing(field: &Field) -> Cell {
    match &field.kind {
        ColumnKind::List(_) => Cell::List([].into()),
        _ if field.nullable => Cell::Null,
        ColumnKind::Integer => Cell::Int(0),
        ColumnKind::Float => Cell::Float {
            value: 0.0,
            bare: false,
        },
        ColumnKind::Boolean => Cell::Bool(false),
        ColumnKind::Text => Cell::text(""),
        _ => Cell::Null,
    }
}

/// A number with one decimal place.
fn tenths(count: f64) -> Cell {
    Cell::Float {
        value: count / 10.0,
        bare: false,
    }
}

/// Every country that the API knows, lower case.
fn countries() -> &'static [String] {
    let endpoint = Catalog::embedded().endpoint("keywords-explorer/overview");
    match endpoint
        .and_then(|endpoint| endpoint.parameter("country"))
        .map(|parameter| &parameter.kind)
    {
        Some(ParameterKind::Enum(countries)) => countries,
        _ => &[],
    }
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Days since 1970-01-01.
fn day_number(day: NaiveDate) -> i64 {
    day.signed_duration_since(NaiveDate::default()).num_days()
}

/// A part of a salt for each day.
fn day_part(day: NaiveDate) -> u64 {
    u64::try_from(day_number(day)).unwrap_or(0)
}
