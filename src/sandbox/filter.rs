//! The `where` grammar: JSON text to a tree, and the tree against a row.
//!
//! The sandbox's own reading of the grammar, on purpose: sharing the client's would hide the client's mistakes.

use serde_json::{Map, Value as Json};

use super::cell::Cell;
use super::condition::{Condition, Deviation};
use super::refusal::Refusal;
use super::source::Field;
use crate::catalog::{ColumnKind, Endpoint};

/// A parsed `where`.
#[derive(Debug)]
pub(super) struct Filter {
    /// What must hold together: the parts of the outermost `and`, or the whole.
    pub(super) conjuncts: Vec<Conjunct>,
    /// The columns that it names, each once; nodes refer to them by position.
    pub(super) fields: Vec<Field>,
}

/// One of the conditions that must all hold.
#[derive(Debug)]
pub(super) struct Conjunct {
    pub(super) node: Node,
    /// The JSON that it was read from.
    pub(super) text: String,
}

#[derive(Debug)]
pub(super) enum Node {
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    Test {
        field: usize,
        path: Vec<String>,
        modifier: Modifier,
        test: Test,
    },
}

#[derive(Debug)]
pub(super) enum Test {
    Is(Condition),
    Any(ItemTest),
    All(ItemTest),
}

/// A condition on an item of a list.
#[derive(Debug)]
pub(super) enum ItemTest {
    And(Vec<ItemTest>),
    Or(Vec<ItemTest>),
    Not(Box<ItemTest>),
    Is(Condition),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Modifier {
    None,
    Uppercase,
    Lowercase,
}

impl Filter {
    /// Parses `text` for an operation's filterable columns.
    pub(super) fn parse(
        text: &str,
        endpoint: &Endpoint,
        deviation: Deviation,
    ) -> Result<Self, Refusal> {
        let json: Json = serde_json::from_str(text).or(Err(Refusal::FilterExpression))?;
        let mut parser = Parser {
            endpoint,
            deviation,
            fields: Vec::new(),
        };
        let mut parts = Vec::new();
        flatten(&json, &mut parts);
        let conjunct = |part: &Json| {
            Ok(Conjunct {
                node: parser.node(part)?,
                text: part.to_string(),
            })
        };
        let conjuncts = parts
            .into_iter()
            .map(conjunct)
            .collect::<Result<_, Refusal>>()?;
        Ok(Self {
            conjuncts,
            fields: parser.fields,
        })
    }

    /// Whether a row passes; `cell` gives the row's value of a column by its position in [`Filter::fields`].
    #[cfg(test)]
    pub(super) fn passes<'a>(&self, cell: &impl Fn(usize) -> Option<&'a Cell>) -> bool {
        self.conjuncts
            .iter()
            .all(|conjunct| conjunct.node.passes(cell))
    }
}

/// The parts of an `and`, and of those that are one again; anything else as it is.
fn flatten<'a>(json: &'a Json, into: &mut Vec<&'a Json>) {
    match json.as_object().and_then(single) {
        Some(("and", Json::Array(parts))) if !parts.is_empty() => {
            parts.iter().for_each(|part| flatten(part, into))
        }
        _ => into.push(json),
    }
}

struct Parser<'a> {
    endpoint: &'a Endpoint,
    deviation: Deviation,
    fields: Vec<Field>,
}

impl Parser<'_> {
    fn node(&mut self, json: &Json) -> Result<Node, Refusal> {
        let object = json.as_object().ok_or(Refusal::FilterExpression)?;
        match single(object) {
            Some(("and", items)) => Ok(Node::And(self.nodes(items)?)),
            Some(("or", items)) => Ok(Node::Or(self.nodes(items)?)),
            Some(("not", item)) => Ok(Node::Not(Box::new(self.node(item)?))),
            _ => self.test(object),
        }
    }

    fn nodes(&mut self, json: &Json) -> Result<Vec<Node>, Refusal> {
        let items = json
            .as_array()
            .filter(|items| !items.is_empty())
            .ok_or(Refusal::FilterExpression)?;
        items.iter().map(|item| self.node(item)).collect()
    }

    fn test(&mut self, object: &Map<String, Json>) -> Result<Node, Refusal> {
        let name = object
            .get("field")
            .and_then(Json::as_str)
            .ok_or(Refusal::FilterExpression)?;
        let modifier = match object.get("modifier").map(Json::as_str) {
            None => Modifier::None,
            Some(Some("uppercase")) => Modifier::Uppercase,
            Some(Some("lowercase")) => Modifier::Lowercase,
            Some(_) => return Err(Refusal::FilterExpression),
        };
        if object
            .keys()
            .any(|key| !matches!(key.as_str(), "field" | "is" | "list_is" | "modifier"))
        {
            return Err(Refusal::FilterExpression);
        }
        let (field, kind, path) = self.field(name)?;
        let test = match (object.get("is"), object.get("list_is"), kind) {
            (Some(condition), None, kind) => {
                Test::Is(Condition::parse(condition, &kind, self.deviation)?)
            }
            (None, Some(Json::Object(list)), ColumnKind::List(item)) => match single(list) {
                Some(("any", test)) => Test::Any(self.item_test(test, &item)?),
                Some(("all", test)) => Test::All(self.item_test(test, &item)?),
                _ => return Err(Refusal::FilterExpression),
            },
            _ => return Err(Refusal::FilterExpression),
        };
        Ok(Node::Test {
            field,
            path,
            modifier,
            test,
        })
    }

    fn item_test(&self, json: &Json, kind: &ColumnKind) -> Result<ItemTest, Refusal> {
        let items = |json: &Json| -> Result<Vec<ItemTest>, Refusal> {
            let items = json
                .as_array()
                .filter(|items| !items.is_empty())
                .ok_or(Refusal::FilterExpression)?;
            items
                .iter()
                .map(|item| self.item_test(item, kind))
                .collect()
        };
        match json.as_object().map(single) {
            Some(Some(("and", inner))) => Ok(ItemTest::And(items(inner)?)),
            Some(Some(("or", inner))) => Ok(ItemTest::Or(items(inner)?)),
            Some(Some(("not", inner))) => Ok(ItemTest::Not(Box::new(self.item_test(inner, kind)?))),
            Some(_) => Err(Refusal::FilterExpression),
            None => Ok(ItemTest::Is(Condition::parse(json, kind, self.deviation)?)),
        }
    }

    /// Position, kind and inner path of a field; `a.b` is a field of that name, or the inside of `a`.
    fn field(&mut self, name: &str) -> Result<(usize, ColumnKind, Vec<String>), Refusal> {
        let whole = filterable(self.endpoint, name).map(|kind| (name, kind, Vec::new()));
        let inside = || {
            let (outer, inner) = name.split_once('.')?;
            Some((
                outer,
                filterable(self.endpoint, outer)?,
                inner.split('.').map(str::to_owned).collect(),
            ))
        };
        let unknown = || Refusal::FilterColumn(name.to_owned());
        let (column, kind, path) = whole.or_else(inside).ok_or_else(unknown)?;
        let kind = inner_kind(&kind, &path).ok_or_else(unknown)?;
        let position = self.fields.iter().position(|field| field.name == column);
        let position = if let Some(position) = position {
            position
        } else {
            self.fields
                .push(Field::of(self.endpoint, column).ok_or_else(unknown)?);
            self.fields.len() - 1
        };
        Ok((position, kind, path))
    }
}

fn single(object: &Map<String, Json>) -> Option<(&str, &Json)> {
    let mut entries = object.iter();
    match (entries.next(), entries.next()) {
        (Some((key, value)), None) => Some((key, value)),
        _ => None,
    }
}

/// The type of a column that `where` knows. Where the catalog lists none it is taken to know those of the answer.
fn filterable(endpoint: &Endpoint, name: &str) -> Option<ColumnKind> {
    let listed = |name: &str| endpoint.filterable(name).map(|column| column.kind.clone());
    listed(name)
        .or_else(|| {
            name.strip_prefix("event_prop:")
                .and_then(|_| listed("event_prop:EVENT_PROP"))
        })
        .or_else(|| {
            endpoint
                .column(name)
                .filter(|_| endpoint.filterable.is_empty())
                .map(|column| column.kind.clone())
        })
}

fn inner_kind(kind: &ColumnKind, path: &[String]) -> Option<ColumnKind> {
    let Some((first, rest)) = path.split_first() else {
        return Some(kind.clone());
    };
    match kind {
        ColumnKind::Struct(fields) => {
            inner_kind(&fields.iter().find(|(name, _)| name == first)?.1, rest)
        }
        // Objects without published fields: text is the one kind that every filter on them uses.
        ColumnKind::Json => Some(ColumnKind::Text),
        ColumnKind::List(item) => Some(ColumnKind::List(Box::new(inner_kind(item, path)?))),
        _ => None,
    }
}

impl Node {
    /// Whether a row passes; `cell` gives the row's value of a column by its position in [`Filter::fields`].
    pub(super) fn passes<'a>(&self, cell: &impl Fn(usize) -> Option<&'a Cell>) -> bool {
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
                test.holds(&modified(&inside(cell, path), *modifier))
            }
        }
    }

    /// Whether every column that it tests is one of these, by position in [`Filter::fields`].
    pub(super) fn tests_only(&self, columns: &[usize]) -> bool {
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

fn inside(cell: &Cell, path: &[String]) -> Cell {
    match cell {
        cell if path.is_empty() => cell.clone(),
        Cell::List(items) => Cell::List(items.iter().map(|item| inside(item, path)).collect()),
        Cell::Json(json) => {
            let json: Json = serde_json::from_str(json).unwrap_or(Json::Null);
            let found = path.iter().try_fold(&json, |json, part| json.get(part));
            match found {
                Some(Json::Bool(value)) => Cell::Bool(*value),
                Some(Json::Number(number)) => number.as_i64().map_or(Cell::Null, Cell::Int),
                Some(Json::String(text)) => Cell::text(text.as_str()),
                _ => Cell::Null,
            }
        }
        _ => Cell::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;

    fn backlinks() -> &'static Endpoint {
        Catalog::embedded()
            .endpoint("site-explorer/all-backlinks")
            .unwrap()
    }

    /// Whether a row with these values passes.
    fn passes(text: &str, row: &[(&str, Cell)]) -> bool {
        let filter = Filter::parse(text, backlinks(), Deviation::default()).unwrap();
        filter.passes(&|position| {
            let name = &filter.fields[position].name;
            row.iter()
                .find(|(known, _)| known == name)
                .map(|(_, cell)| cell)
        })
    }

    #[test]
    fn connectives_follow_their_truth_table() {
        let is = |name: &str| format!(r#"{{"field":"{name}","is":["eq",true]}}"#);
        let (left, right) = (is("is_dofollow"), is("is_ugc"));
        for (a, b) in [(false, false), (false, true), (true, false), (true, true)] {
            let row = [("is_dofollow", Cell::Bool(a)), ("is_ugc", Cell::Bool(b))];
            assert_eq!(
                passes(&format!(r#"{{"and":[{left},{right}]}}"#), &row),
                a && b
            );
            assert_eq!(
                passes(&format!(r#"{{"or":[{left},{right}]}}"#), &row),
                a || b
            );
            assert_eq!(passes(&format!(r#"{{"not":{left}}}"#), &row), !a);
            assert_eq!(
                passes(
                    &format!(r#"{{"not":{{"or":[{left},{{"not":{right}}}]}}}}"#),
                    &row
                ),
                !a && b
            );
        }
    }

    #[test]
    fn list_conditions_follow_their_truth_table() {
        let list =
            |items: &[&str]| Cell::List(items.iter().map(|item| Cell::text(*item)).collect());
        let any = r#"{"field":"languages","list_is":{"any":["eq","en"]}}"#;
        let all = r#"{"field":"languages","list_is":{"all":["eq","en"]}}"#;
        let mixed = r#"{"field":"languages","list_is":{"any":{"and":[["prefix","e"],{"not":["eq","en"]}]}}}"#;
        let empty = r#"{"field":"languages","is":"empty"}"#;
        for (items, expected) in [
            (&[][..], [false, true, false, true]),
            (&["en"][..], [true, true, false, false]),
            (&["en", "es"][..], [true, false, true, false]),
            (&["de"][..], [false, false, false, false]),
        ] {
            let row = [("languages", list(items))];
            assert_eq!(
                [any, all, mixed, empty].map(|text| passes(text, &row)),
                expected,
                "{items:?}"
            );
        }
    }

    #[test]
    fn the_uppercase_modifier_changes_what_is_compared() {
        let row = [("anchor", Cell::text("Straße"))];
        assert!(passes(
            r#"{"field":"anchor","modifier":"uppercase","is":["eq","STRASSE"]}"#,
            &row
        ));
        assert!(!passes(r#"{"field":"anchor","is":["eq","STRASSE"]}"#, &row));
    }

    #[test]
    fn broken_filters_are_refused_as_the_api_refuses_them() {
        for (text, refusal) in [
            ("", Refusal::FilterExpression),
            ("is_dofollow = true", Refusal::FilterExpression),
            ("{}", Refusal::FilterExpression),
            (r#"{"and":[]}"#, Refusal::FilterExpression),
            (
                r#"{"field":"anchor","is":["like","x"]}"#,
                Refusal::FilterSyntax,
            ),
            (
                r#"{"field":"anchor","list_is":{"any":["eq","x"]}}"#,
                Refusal::FilterExpression,
            ),
            (
                r#"{"field":"nothing","is":"is_null"}"#,
                Refusal::FilterColumn("nothing".to_owned()),
            ),
            (
                r#"{"field":"anchor.x","is":"is_null"}"#,
                Refusal::FilterColumn("anchor.x".to_owned()),
            ),
        ] {
            assert_eq!(
                Filter::parse(text, backlinks(), Deviation::default()).unwrap_err(),
                refusal,
                "{text}"
            );
        }
    }
}
