//! The rules of types that every filter is held to, whatever it is written in: which columns there are, which operator and
//! which value fits which type.

use std::ops::Range;

use chrono::{DateTime, NaiveDate};
use serde_json::Value as Json;

use super::Comparison;
use crate::catalog::{ColumnKind, Endpoint, nearest};

/// Shortest known value that a wrong letter is looked for in: of shorter ones too many are neighbours.
const MIN_LETTERS: usize = 5;

/// What stands before the name of an event's property.
const PROPERTY: &str = "event_prop:";

/// The column that stands in the catalog for all of them.
const ANY_PROPERTY: &str = "event_prop:EVENT_PROP";

/// What is wrong with a filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// What is wrong, with the word or value.
    pub message: String,
    /// What would be right.
    pub help: String,
    /// What to underline; nothing: all of it.
    pub place: Option<Place>,
}

/// A part of a filter's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The first place of this word.
    Word(String),
    /// These bytes.
    Bytes(Range<usize>),
}

impl Fault {
    /// A fault of the filter as a whole.
    pub(super) fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: help.into(),
            place: None,
        }
    }

    /// The same fault, of this word.
    pub(super) fn of_word(self, word: &str) -> Self {
        Self {
            place: Some(Place::Word(word.to_owned())),
            ..self
        }
    }

    /// The same fault, of these bytes.
    pub(super) fn at(self, bytes: Range<usize>) -> Self {
        Self {
            place: Some(Place::Bytes(bytes)),
            ..self
        }
    }
}

/// A column that a filter may name.
#[derive(Debug, Clone)]
pub(super) struct Column<'a> {
    pub name: String,
    /// Type of its values.
    pub kind: ColumnKind,
    /// Whether it may be null.
    pub nullable: bool,
    known_values: &'a [String],
    endpoint: &'a Endpoint,
}

impl<'a> Column<'a> {
    /// The column of that name.
    ///
    /// A nested field of an object is not described by the catalog: it takes any value, as a field or as a list, and may be
    /// null.
    pub fn find(name: &str, endpoint: &'a Endpoint) -> Result<Self, Fault> {
        let column = |kind: &ColumnKind, nullable, known_values| Self {
            name: name.to_owned(),
            kind: kind.clone(),
            nullable,
            known_values,
            endpoint,
        };
        // Properties of events have names of their users' choice.
        let any_property = || {
            endpoint
                .filterable(ANY_PROPERTY)
                .filter(|_| name.starts_with(PROPERTY))
        };
        if let Some(known) = endpoint.filterable(name).or_else(any_property) {
            return Ok(column(&known.kind, known.nullable, &known.values));
        }
        let parent = name
            .split_once('.')
            .and_then(|(parent, _)| endpoint.filterable(parent));
        match parent.map(|parent| &parent.kind) {
            Some(ColumnKind::Json | ColumnKind::Struct(_)) => {
                return Ok(column(&ColumnKind::Json, true, &[]));
            }
            Some(ColumnKind::List(item)) if **item == ColumnKind::Json => {
                return Ok(column(&ColumnKind::Json, true, &[]));
            }
            _ => {}
        }
        let near = nearest(
            name,
            endpoint
                .filterable
                .iter()
                .map(|filterable| filterable.name.as_str()),
        );
        let help = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("see: backhaul catalog {}", endpoint.name),
        };
        let message = if endpoint.column(name).is_some() {
            format!("{} selects `{name}` but cannot filter by it", endpoint.name)
        } else {
            format!("{} has no column `{name}` to filter by", endpoint.name)
        };
        Err(Fault::new(message, help))
    }

    /// The type of a list's items, where the column may be a list.
    pub fn items(&self) -> Option<&ColumnKind> {
        match &self.kind {
            ColumnKind::List(item) => Some(item),
            ColumnKind::Json => Some(&self.kind),
            _ => None,
        }
    }

    /// Refuses a pattern that the operation does not understand. Expressions are RE2, which the `regex` crate follows; some
    /// operations know only `*`.
    pub fn check_pattern(&self, pattern: &str) -> Result<(), Fault> {
        if self.endpoint.wildcard_regex {
            let is_more = pattern.contains(".*")
                || pattern.contains(|letter: char| r"\^$|()[]{}+?".contains(letter));
            if is_more {
                let message = format!(
                    "{} knows `*` in a pattern and nothing else: {pattern}",
                    self.endpoint.name
                );
                return Err(Fault::new(
                    message,
                    "`*` stands for any text, all else for itself",
                ));
            }
            return Ok(());
        }
        if regex::Regex::new(pattern).is_ok() {
            return Ok(());
        }
        let message = format!(
            "the regular expression on `{}` does not parse: {pattern}",
            self.name
        );
        Err(Fault::new(
            message,
            "RE2 syntax, without look-around and back-references",
        ))
    }

    /// Refuses a value that is one of the column's known ones but for its case or one letter. Others pass: the API's sets of
    /// values grow.
    pub fn check_known(&self, value: &str) -> Result<(), Fault> {
        if self.known_values.iter().any(|known| known == value) {
            return Ok(());
        }
        let is_near = |known: &&String| {
            known.eq_ignore_ascii_case(value)
                || (known.len() >= MIN_LETTERS && strsim::osa_distance(known, value) == 1)
        };
        let Some(near) = self.known_values.iter().find(is_near) else {
            return Ok(());
        };
        let message = format!("`{}` has no value `{value}`", self.name);
        Err(Fault::new(message, format!("did you mean `{near}`?")))
    }

    /// What the API's filters know of regular expressions here.
    pub fn has_wildcards_only(&self) -> bool {
        self.endpoint.wildcard_regex
    }
}

/// Refuses a filter on an operation that takes none.
pub(super) fn check_takes_filter(endpoint: &Endpoint) -> Result<(), Fault> {
    if endpoint.parameter("where").is_some() {
        return Ok(());
    }
    Err(Fault::new(
        format!("{} takes no filter", endpoint.name),
        "take the filter out",
    ))
}

/// Whether an operator has a meaning for values of this type.
pub(super) fn operator_fits(comparison: Comparison, kind: &ColumnKind) -> bool {
    match kind {
        ColumnKind::Text | ColumnKind::Json => true,
        ColumnKind::Boolean | ColumnKind::List(_) | ColumnKind::Struct(_) => {
            comparison.is_equality()
        }
        ColumnKind::Integer | ColumnKind::Float | ColumnKind::Date | ColumnKind::DateTime => {
            !comparison.is_textual()
        }
    }
}

/// Whether a value can be compared with values of this type.
pub(super) fn value_fits(value: &Json, kind: &ColumnKind) -> bool {
    match kind {
        ColumnKind::Integer => value.is_i64(),
        ColumnKind::Float => value.is_number(),
        ColumnKind::Boolean => value.is_boolean(),
        ColumnKind::Text => value.is_string(),
        ColumnKind::Date => value.as_str().is_some_and(|text| date(text).is_some()),
        ColumnKind::DateTime => value.as_str().is_some_and(|text| micros(text).is_some()),
        ColumnKind::List(_) | ColumnKind::Struct(_) | ColumnKind::Json => true,
    }
}

/// A calendar date, `YYYY-MM-DD`.
pub(super) fn date(text: &str) -> Option<NaiveDate> {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    (text.len() == "2024-01-31".len()).then_some(date)
}

/// A point in time in microseconds: RFC 3339, or a date, which is its midnight in UTC.
pub(super) fn micros(text: &str) -> Option<i64> {
    match date(text) {
        Some(date) => Some(
            date.and_time(chrono::NaiveTime::MIN)
                .and_utc()
                .timestamp_micros(),
        ),
        None => DateTime::parse_from_rfc3339(text)
            .ok()
            .map(|time| time.timestamp_micros()),
    }
}

/// A type in words.
pub(super) fn words(kind: &ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Integer => "a whole number",
        ColumnKind::Float => "a number",
        ColumnKind::Boolean => "true or false",
        ColumnKind::Date => "a date",
        ColumnKind::DateTime => "a point in time",
        ColumnKind::Text => "text",
        ColumnKind::List(_) => "a list",
        ColumnKind::Struct(_) | ColumnKind::Json => "an object",
    }
}

/// A value of a type, as it is written in a language that puts text between these quotes.
pub(super) fn example(kind: &ColumnKind, quote: char) -> String {
    match kind {
        ColumnKind::Integer => "for example 30, without quotes and fraction".to_owned(),
        ColumnKind::Float => "for example 30 or 0.5, without quotes".to_owned(),
        ColumnKind::Boolean => "true or false, without quotes".to_owned(),
        ColumnKind::Date => format!("for example {quote}2024-01-31{quote}"),
        ColumnKind::DateTime => {
            format!("for example {quote}2024-01-31{quote} or {quote}2024-01-31T12:00:00Z{quote}")
        }
        ColumnKind::Text => format!("write it in quotes: {quote}…{quote}"),
        ColumnKind::List(_) | ColumnKind::Struct(_) | ColumnKind::Json => {
            "see: backhaul catalog".to_owned()
        }
    }
}
