//! The columns that a filter may name, and the rules that every filter must obey, in whatever language it is written.

use super::error::FilterError;
use crate::catalog::{ColumnKind, Endpoint, Filterable, nearest};

/// Shortest known value for which a typing error of one letter is reported: of shorter ones too many differ in one letter.
const MIN_LETTERS: usize = 5;

/// How the name of an event's property begins.
const PROPERTY_PREFIX: &str = "event_prop:";

/// The catalog's entry for all of them.
const ANY_PROPERTY: &str = "event_prop:EVENT_PROP";

/// A column that a filter may name.
#[derive(Debug, Clone)]
pub(super) struct FilterColumn<'a> {
    pub name: String,
    /// Type of its values.
    pub kind: ColumnKind,
    /// Whether it may be null.
    pub nullable: bool,
    known_values: &'a [String],
    endpoint: &'a Endpoint,
}

impl<'a> FilterColumn<'a> {
    /// The column of that name.
    ///
    /// A nested field of an object is not described by the catalog: it takes any value, as a field or as a list, and may be
    /// null.
    pub fn find(name: &str, endpoint: &'a Endpoint) -> Result<Self, FilterError> {
        if let Some(known) = find_known(name, endpoint) {
            return Ok(Self {
                name: name.to_owned(),
                kind: known.kind.clone(),
                nullable: known.nullable,
                known_values: &known.values,
                endpoint,
            });
        }
        if !is_nested_field(name, endpoint) {
            return Err(unknown_column(name, endpoint));
        }
        Ok(Self {
            name: name.to_owned(),
            kind: ColumnKind::Json,
            nullable: true,
            known_values: &[],
            endpoint,
        })
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
    /// operations support only `*`.
    pub fn check_pattern(&self, pattern: &str) -> Result<(), FilterError> {
        if self.has_wildcards_only() {
            return self.check_wildcards(pattern);
        }
        if regex::Regex::new(pattern).is_ok() {
            return Ok(());
        }
        Err(FilterError::new(
            format!(
                "the regular expression on `{}` does not parse: {pattern}",
                self.name
            ),
            "RE2 syntax, without look-around and back-references",
        ))
    }

    fn check_wildcards(&self, pattern: &str) -> Result<(), FilterError> {
        if !pattern.contains(".*") && !pattern.contains(is_regex_sign) {
            return Ok(());
        }
        Err(FilterError::new(
            format!(
                "{} supports only `*` in a pattern: {pattern}",
                self.endpoint.name
            ),
            "`*` matches any text, every other character itself",
        ))
    }

    /// Refuses a value that is one of the column's known ones but for its case or one letter. Others pass: the API's sets of
    /// values grow.
    pub fn check_known(&self, value: &str) -> Result<(), FilterError> {
        if self.known_values.iter().any(|known| known == value) {
            return Ok(());
        }
        for known in self.known_values {
            let differs_in_a_letter =
                known.len() >= MIN_LETTERS && strsim::osa_distance(known, value) == 1;
            if known.eq_ignore_ascii_case(value) || differs_in_a_letter {
                let message = format!("`{}` has no value `{value}`", self.name);
                let help = format!("did you mean `{known}`?");
                return Err(FilterError::new(message, help));
            }
        }
        Ok(())
    }

    /// Whether patterns know only `*` here.
    pub fn has_wildcards_only(&self) -> bool {
        self.endpoint.wildcard_regex
    }
}

/// The catalog's entry for a name. Properties of events have names of their users' choice.
fn find_known<'a>(name: &str, endpoint: &'a Endpoint) -> Option<&'a Filterable> {
    let known = endpoint.filterable(name);
    if known.is_none() && name.starts_with(PROPERTY_PREFIX) {
        return endpoint.filterable(ANY_PROPERTY);
    }
    known
}

/// Whether a name is a field of an object, or of the objects of a list.
fn is_nested_field(name: &str, endpoint: &Endpoint) -> bool {
    let Some((parent, _)) = name.split_once('.') else {
        return false;
    };
    let Some(parent) = endpoint.filterable(parent) else {
        return false;
    };
    match &parent.kind {
        ColumnKind::Json | ColumnKind::Struct(_) => true,
        ColumnKind::List(item) => **item == ColumnKind::Json,
        _ => false,
    }
}

fn unknown_column(name: &str, endpoint: &Endpoint) -> FilterError {
    let names = endpoint
        .filterable
        .iter()
        .map(|column| column.name.as_str());
    let help = match nearest(name, names) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("see: backhaul catalog {}", endpoint.name),
    };
    let message = if endpoint.column(name).is_some() {
        format!("{} selects `{name}` but cannot filter by it", endpoint.name)
    } else {
        format!("{} has no column `{name}` to filter by", endpoint.name)
    };
    FilterError::new(message, help)
}

fn is_regex_sign(letter: char) -> bool {
    r"\^$|()[]{}+?".contains(letter)
}

/// Refuses a filter on an operation that takes none.
pub(super) fn check_takes_filter(endpoint: &Endpoint) -> Result<(), FilterError> {
    if endpoint.parameter("where").is_some() {
        return Ok(());
    }
    Err(FilterError::new(
        format!("{} takes no filter", endpoint.name),
        "remove the filter",
    ))
}
