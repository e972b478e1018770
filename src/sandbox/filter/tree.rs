//! A parsed `where`, and whether a row passes it.

use serde_json::Value as Json;

use super::condition::Condition;
use crate::sandbox::cell::Cell;
use crate::sandbox::field::Field;

/// A parsed `where`.
#[derive(Debug)]
pub(crate) struct Filter {
    /// What must hold together: the parts of the outermost `and`, or the whole.
    pub(crate) conjuncts: Vec<Conjunct>,
    /// The columns that it names, each once; nodes refer to them by position.
    pub(crate) fields: Vec<Field>,
}

/// One of the conditions that must all hold.
#[derive(Debug)]
pub(crate) struct Conjunct {
    pub(crate) node: Node,
    /// The JSON that it was read from.
    pub(crate) text: String,
}

/// A condition on a row.
#[derive(Debug)]
pub(crate) enum Node {
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    Test {
        /// Position in [`Filter::fields`].
        field: usize,
        /// Names inside an object, outermost first.
        path: Vec<String>,
        modifier: Modifier,
        test: Test,
    },
}

/// A condition on a value: as a whole, or on the items of a list.
#[derive(Debug)]
pub(crate) enum Test {
    Is(Condition),
    Any(ItemTest),
    All(ItemTest),
}

/// A condition on an item of a list.
#[derive(Debug)]
pub(crate) enum ItemTest {
    And(Vec<ItemTest>),
    Or(Vec<ItemTest>),
    Not(Box<ItemTest>),
    Is(Condition),
}

/// What is done to a text before it is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Modifier {
    None,
    Uppercase,
    Lowercase,
}

impl Filter {
    /// Whether a row passes; `cell` gives the row's value of a column by its position in [`Filter::fields`].
    #[cfg(test)]
    pub(crate) fn passes<'a>(&self, cell: &impl Fn(usize) -> Option<&'a Cell>) -> bool {
        self.conjuncts
            .iter()
            .all(|conjunct| conjunct.node.passes(cell))
    }
}

impl Node {
    /// Whether a row passes; `cell` gives the row's value of a column by its position in [`Filter::fields`].
    pub(crate) fn passes<'a>(&self, cell: &impl Fn(usize) -> Option<&'a Cell>) -> bool {
        match self {
            Self::And(nodes) => nodes.iter().all(|node| node.passes(cell)),
            Self::Or(nodes) => nodes.iter().any(|node| node.passes(cell)),
            Self::Not(node) => !node.passes(cell),
            Self::Test {
                field,
                path,
                modifier,
                test,
            } => {
                let Some(cell) = cell(*field) else {
                    return false;
                };
                if path.is_empty() && *modifier == Modifier::None {
                    return test.holds(cell);
                }
                test.holds(&modified(&value_at(cell, path), *modifier))
            }
        }
    }

    /// Whether every column that it tests is one of these, by position in [`Filter::fields`].
    pub(crate) fn tests_only(&self, columns: &[usize]) -> bool {
        match self {
            Self::And(nodes) | Self::Or(nodes) => nodes.iter().all(|node| node.tests_only(columns)),
            Self::Not(node) => node.tests_only(columns),
            Self::Test { field, .. } => columns.contains(field),
        }
    }
}

impl Test {
    fn holds(&self, cell: &Cell) -> bool {
        match (self, cell) {
            (Self::Is(condition), cell) => condition.holds(cell),
            (Self::Any(test), Cell::List(items)) => items.iter().any(|item| test.holds(item)),
            (Self::All(test), Cell::List(items)) => items.iter().all(|item| test.holds(item)),
            _ => false,
        }
    }
}

impl ItemTest {
    fn holds(&self, item: &Cell) -> bool {
        match self {
            Self::And(tests) => tests.iter().all(|test| test.holds(item)),
            Self::Or(tests) => tests.iter().any(|test| test.holds(item)),
            Self::Not(test) => !test.holds(item),
            Self::Is(condition) => condition.holds(item),
        }
    }
}

fn modified(cell: &Cell, modifier: Modifier) -> Cell {
    match (cell, modifier) {
        (Cell::Text(text), Modifier::Uppercase) => Cell::text(text.to_uppercase()),
        (Cell::Text(text), Modifier::Lowercase) => Cell::text(text.to_lowercase()),
        (Cell::List(items), modifier) => {
            Cell::List(items.iter().map(|item| modified(item, modifier)).collect())
        }
        _ => cell.clone(),
    }
}

/// The value at a path inside a value; of a list, a list of those of its items.
fn value_at(cell: &Cell, path: &[String]) -> Cell {
    match cell {
        cell if path.is_empty() => cell.clone(),
        Cell::List(items) => Cell::List(items.iter().map(|item| value_at(item, path)).collect()),
        Cell::Json(json) => json_value_at(json, path),
        _ => Cell::Null,
    }
}

fn json_value_at(json: &str, path: &[String]) -> Cell {
    let json: Json = serde_json::from_str(json).unwrap_or(Json::Null);
    let mut found = &json;
    for name in path {
        let Some(inner) = found.get(name) else {
            return Cell::Null;
        };
        found = inner;
    }
    match found {
        Json::Bool(value) => Cell::Bool(*value),
        Json::Number(number) => number.as_i64().map_or(Cell::Null, Cell::Int),
        Json::String(text) => Cell::text(text.as_str()),
        _ => Cell::Null,
    }
}
