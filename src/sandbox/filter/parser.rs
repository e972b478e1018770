//! `where` as text to a [`Filter`], against the columns that an operation can filter by.

use serde_json::{Map, Value as Json};

use super::condition::{Condition, FilterDialect};
use super::tree::{Conjunct, Filter, ItemTest, Modifier, Node, Test};
use crate::catalog::{ColumnKind, Endpoint};
use crate::sandbox::field::{Field, catalog_name};
use crate::sandbox::refusal::Refusal;

/// Parses `text` for an operation's filterable columns.
pub(crate) fn parse(
    text: &str,
    endpoint: &Endpoint,
    dialect: FilterDialect,
) -> Result<Filter, Refusal> {
    let json: Json = serde_json::from_str(text).or(Err(Refusal::FilterExpression))?;
    let mut parser = Parser {
        endpoint,
        dialect,
        fields: Vec::new(),
    };
    let mut parts = Vec::new();
    flatten(&json, &mut parts);
    let mut conjuncts = Vec::with_capacity(parts.len());
    for part in parts {
        conjuncts.push(Conjunct {
            node: parser.node(part)?,
            text: part.to_string(),
        });
    }
    Ok(Filter {
        conjuncts,
        fields: parser.fields,
    })
}

/// The parts of an `and`, and of those that are one again; anything else as it is.
fn flatten<'a>(json: &'a Json, into: &mut Vec<&'a Json>) {
    match single_entry(json) {
        Some(("and", Json::Array(parts))) if !parts.is_empty() => {
            for part in parts {
                flatten(part, into);
            }
        }
        _ => into.push(json),
    }
}

/// Name and value of an object with one entry.
fn single_entry(json: &Json) -> Option<(&str, &Json)> {
    let object = json.as_object()?;
    if object.len() != 1 {
        return None;
    }
    let (key, value) = object.iter().next()?;
    Some((key, value))
}

/// The items of a list that is not empty.
fn items(json: &Json) -> Result<&[Json], Refusal> {
    match json.as_array() {
        Some(items) if !items.is_empty() => Ok(items),
        _ => Err(Refusal::FilterExpression),
    }
}

/// A column that a condition names.
struct TestedColumn {
    /// Position in [`Filter::fields`].
    position: usize,
    /// Kind of the tested value, which may be inside the column's.
    kind: ColumnKind,
    path: Vec<String>,
}

struct Parser<'a> {
    endpoint: &'a Endpoint,
    dialect: FilterDialect,
    fields: Vec<Field>,
}

impl Parser<'_> {
    fn node(&mut self, json: &Json) -> Result<Node, Refusal> {
        match single_entry(json) {
            Some(("and", items)) => Ok(Node::And(self.nodes(items)?)),
            Some(("or", items)) => Ok(Node::Or(self.nodes(items)?)),
            Some(("not", item)) => Ok(Node::Not(Box::new(self.node(item)?))),
            _ => self.test(json.as_object().ok_or(Refusal::FilterExpression)?),
        }
    }

    fn nodes(&mut self, json: &Json) -> Result<Vec<Node>, Refusal> {
        let mut nodes = Vec::new();
        for item in items(json)? {
            nodes.push(self.node(item)?);
        }
        Ok(nodes)
    }

    fn test(&mut self, object: &Map<String, Json>) -> Result<Node, Refusal> {
        let Some(Json::String(name)) = object.get("field") else {
            return Err(Refusal::FilterExpression);
        };
        let modifier = modifier(object.get("modifier"))?;
        for key in object.keys() {
            if !["field", "is", "list_is", "modifier"].contains(&key.as_str()) {
                return Err(Refusal::FilterExpression);
            }
        }
        let column = self.column(name)?;
        let test = match (object.get("is"), object.get("list_is")) {
            (Some(condition), None) => {
                Test::Is(Condition::parse(condition, &column.kind, self.dialect)?)
            }
            (None, Some(test)) => self.list_test(test, &column.kind)?,
            _ => return Err(Refusal::FilterExpression),
        };
        Ok(Node::Test {
            field: column.position,
            path: column.path,
            modifier,
            test,
        })
    }

    fn list_test(&self, json: &Json, kind: &ColumnKind) -> Result<Test, Refusal> {
        let ColumnKind::List(item) = kind else {
            return Err(Refusal::FilterExpression);
        };
        match single_entry(json) {
            Some(("any", test)) => Ok(Test::Any(self.item_test(test, item)?)),
            Some(("all", test)) => Ok(Test::All(self.item_test(test, item)?)),
            _ => Err(Refusal::FilterExpression),
        }
    }

    fn item_test(&self, json: &Json, kind: &ColumnKind) -> Result<ItemTest, Refusal> {
        match single_entry(json) {
            Some(("and", inner)) => Ok(ItemTest::And(self.item_tests(inner, kind)?)),
            Some(("or", inner)) => Ok(ItemTest::Or(self.item_tests(inner, kind)?)),
            Some(("not", inner)) => Ok(ItemTest::Not(Box::new(self.item_test(inner, kind)?))),
            _ if json.is_object() => Err(Refusal::FilterExpression),
            _ => Ok(ItemTest::Is(Condition::parse(json, kind, self.dialect)?)),
        }
    }

    fn item_tests(&self, json: &Json, kind: &ColumnKind) -> Result<Vec<ItemTest>, Refusal> {
        let mut tests = Vec::new();
        for item in items(json)? {
            tests.push(self.item_test(item, kind)?);
        }
        Ok(tests)
    }

    /// The column of a name; `a.b` is a column of that name, or the inside of `a`.
    fn column(&mut self, name: &str) -> Result<TestedColumn, Refusal> {
        let unknown = Refusal::FilterColumn(name.to_owned());
        let Some((column, kind, path)) = self.resolve(name) else {
            return Err(unknown);
        };
        let known = self.fields.iter().position(|field| field.name == column);
        let position = known.unwrap_or(self.fields.len());
        if known.is_none() {
            self.fields
                .push(Field::of(self.endpoint, column).ok_or(unknown)?);
        }
        Ok(TestedColumn {
            position,
            kind,
            path,
        })
    }

    /// The column's own name, the kind of the value, and the path to it.
    fn resolve<'n>(&self, name: &'n str) -> Option<(&'n str, ColumnKind, Vec<String>)> {
        if let Some(kind) = filterable(self.endpoint, name) {
            return Some((name, kind, Vec::new()));
        }
        let (outer, inner) = name.split_once('.')?;
        let path: Vec<String> = inner.split('.').map(str::to_owned).collect();
        let kind = inner_kind(&filterable(self.endpoint, outer)?, &path)?;
        Some((outer, kind, path))
    }
}

fn modifier(json: Option<&Json>) -> Result<Modifier, Refusal> {
    let Some(json) = json else {
        return Ok(Modifier::None);
    };
    match json.as_str() {
        Some("uppercase") => Ok(Modifier::Uppercase),
        Some("lowercase") => Ok(Modifier::Lowercase),
        _ => Err(Refusal::FilterExpression),
    }
}

/// The kind of a column that `where` knows. Where the catalog lists none, those of the answer are assumed.
fn filterable(endpoint: &Endpoint, name: &str) -> Option<ColumnKind> {
    if let Some(column) = endpoint.filterable(name) {
        return Some(column.kind.clone());
    }
    if let Some(column) = endpoint.filterable(catalog_name(name)) {
        return Some(column.kind.clone());
    }
    if !endpoint.filterable.is_empty() {
        return None;
    }
    Some(endpoint.column(name)?.kind.clone())
}

fn inner_kind(kind: &ColumnKind, path: &[String]) -> Option<ColumnKind> {
    let Some((first, rest)) = path.split_first() else {
        return Some(kind.clone());
    };
    match kind {
        ColumnKind::Struct(fields) => {
            let (_, kind) = fields.iter().find(|(name, _)| name == first)?;
            inner_kind(kind, rest)
        }
        // Objects without published fields: text is the one kind that every filter on them uses.
        ColumnKind::Json => Some(ColumnKind::Text),
        ColumnKind::List(item) => Some(ColumnKind::List(Box::new(inner_kind(item, path)?))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;
    use crate::sandbox::cell::Cell;

    fn backlinks() -> &'static Endpoint {
        Catalog::embedded()
            .endpoint("site-explorer/all-backlinks")
            .unwrap()
    }

    /// Whether a row with these values passes.
    fn passes(text: &str, row: &[(&str, Cell)]) -> bool {
        let filter = parse(text, backlinks(), FilterDialect::default()).unwrap();
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
    fn invalid_filters_are_refused_as_the_api_refuses_them() {
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
                parse(text, backlinks(), FilterDialect::default()).unwrap_err(),
                refusal,
                "{text}"
            );
        }
    }
}
