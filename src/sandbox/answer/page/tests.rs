//! Pages that are found by an order's range are the pages that a scan of the whole table gives.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::Utc;
use serde_json::{Value as Json, json};

use super::*;
use crate::catalog::{Catalog, ColumnKind, Parameter};
use crate::sandbox::cell::Cell;
use crate::sandbox::data::TableFactory;
use crate::sandbox::field::Field;
use crate::sandbox::options::Options;
use crate::sandbox::request::{Aggregation, Parameters};
use crate::sandbox::seeded::Seeded;

const ROWS: u32 = 300;

/// The rows of a page as pairs of row and group size, by looking at every row of the table.
fn naive(query: &Query, table: &Table, settings: PageSettings<'_>) -> Vec<(u32, i64)> {
    let passes = |row: u32| match &query.filter {
        Some(filter) if !settings.has(Quirk::WhereIgnored) => {
            let cells: Vec<Cell> = filter
                .fields
                .iter()
                .map(|field| table.cell(row, field))
                .collect();
            filter.passes(&|place| cells.get(place))
        }
        _ => true,
    };
    let names: &[&str] = match query.aggregation {
        Aggregation::All => &[],
        Aggregation::SimilarLinks => &["root_name_source", "anchor", "url_to"],
        Aggregation::OnePerDomain => &["root_name_source"],
    };
    let afterwards = settings.has(Quirk::FilterBeforeGroup);
    let mut groups: BTreeMap<Vec<u8>, (u32, i64)> = BTreeMap::new();
    for row in 0..table.len() {
        let mut key = Vec::new();
        for name in names {
            let field = Field::new(name, ColumnKind::Text, false);
            table.cell(row, &field).write(&mut key);
        }
        if names.is_empty() {
            key.extend(row.to_be_bytes());
        }
        if (afterwards && !names.is_empty()) || passes(row) {
            groups.entry(key).or_insert((row, 0)).1 += 1;
        }
    }
    let mut rows: Vec<(u32, i64)> = groups
        .into_values()
        .filter(|(row, _)| passes(*row))
        .collect();
    rows.sort_unstable();
    if settings.has(Quirk::CapAfterOrder) {
        rows.truncate(usize::try_from(settings.row_cap.unwrap_or(EARLY_CAP)).unwrap());
    }
    if !settings.has(Quirk::IgnoredOrder) {
        rows.sort_by(|left, right| {
            let orders = query.order.iter().map(|sort| {
                let order = table
                    .cell(left.0, &sort.field)
                    .order(&table.cell(right.0, &sort.field));
                if sort.descending {
                    order.reverse()
                } else {
                    order
                }
            });
            orders.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
        });
    }
    rows.truncate(usize::try_from(limit(query, settings)).unwrap());
    rows
}

/// Builds random requests from a table's own values, so that they hit something.
struct Chance<'a> {
    seeded: Seeded,
    count: u64,
    endpoint: &'a Endpoint,
    table: &'a Table,
    order: Vec<(String, bool)>,
}

impl Chance<'_> {
    fn below(&mut self, limit: usize) -> usize {
        self.count += 1;
        let number = self
            .seeded
            .numbered(self.count)
            .below(u32::try_from(limit).unwrap());
        usize::try_from(number).unwrap()
    }

    /// A value of the column as a filter takes it; none where it is null or no plain value.
    fn value(&mut self, name: &str) -> Option<Json> {
        let field = Field::of(self.endpoint, name)?;
        let row = u32::try_from(self.below(usize::try_from(self.table.len()).unwrap())).unwrap();
        let mut text = Vec::new();
        self.table.cell(row, &field).write(&mut text);
        let value: Json = serde_json::from_slice(&text).ok()?;
        (value.is_boolean() || value.is_number() || value.is_string()).then_some(value)
    }

    /// A condition on a column of the order or on any other.
    fn test(&mut self) -> Json {
        let others: Vec<String> = self
            .endpoint
            .filterable
            .iter()
            .map(|column| column.name.clone())
            .collect();
        let name = match self.below(3) {
            0 => others[self.below(others.len())].clone(),
            _ => self
                .order
                .first()
                .map_or_else(|| others[0].clone(), |(name, _)| name.clone()),
        };
        let operator = ["eq", "neq", "gt", "gte", "lt", "lte"][self.below(6)];
        match self.value(&name) {
            Some(value) => json!({"field": name, "is": [operator, value]}),
            None => json!({"field": name, "is": "is_null"}),
        }
    }

    fn node(&mut self, depth: usize) -> Json {
        match self.below(if depth == 0 { 1 } else { 5 }) {
            0 => self.test(),
            1 => json!({"and": [self.node(depth - 1), self.node(depth - 1)]}),
            2 => json!({"or": [self.node(depth - 1), self.node(depth - 1)]}),
            3 => json!({"not": self.node(depth - 1)}),
            _ => self.bound(0).unwrap_or_else(|| self.test()),
        }
    }

    /// All columns of the order from some values on, compared one after the other.
    fn bound(&mut self, place: usize) -> Option<Json> {
        let (name, descending) = self.order.get(place)?.clone();
        let value = self.value(&name)?;
        let (beyond, from) = if descending {
            ("lt", "lte")
        } else {
            ("gt", "gte")
        };
        let Some(rest) = self.bound(place + 1) else {
            return Some(json!({"field": name, "is": [from, value]}));
        };
        let equal = json!({"field": name, "is": ["eq", value]});
        Some(json!({"or": [{"field": name, "is": [beyond, value]}, {"and": [equal, rest]}]}))
    }
}

/// A quirk that decides which rows come, or none.
fn quirks(seeded: Seeded) -> Vec<Quirk> {
    let choices = [
        Quirk::FilterOrderIsByteOrder,
        Quirk::CapAfterOrder,
        Quirk::CapFloor100,
        Quirk::FilterBeforeGroup,
        Quirk::WhereHonoured,
        Quirk::WhereIgnored,
        Quirk::IgnoredOrder,
        Quirk::NullKeys,
        Quirk::NullInNonNullable,
        Quirk::WideGroups,
    ];
    let pick = |part| {
        choices
            .get(usize::try_from(seeded.numbered(part).below(20)).unwrap())
            .copied()
    };
    [pick(1), pick(2)].into_iter().flatten().collect()
}

/// Asks one random page; whether it was narrowed by its filter and not empty.
fn ask(seed: u64, endpoint: &Endpoint) -> bool {
    let seeded = Seeded::new(seed).named(&endpoint.name);
    let quirks = quirks(seeded.named("quirks"));
    let ties = seeded.named("ties").once_in(3).then_some(40);
    let options = Options {
        rows: u64::from(ROWS),
        ties,
        quirks: quirks.clone(),
        ..Options::default()
    };
    let tables = TableFactory::new(Arc::new(options));
    let mut parameters = vec![("target".to_owned(), "acme.com".to_owned())];
    parameters.push((
        "select".to_owned(),
        endpoint.columns.first().unwrap().name.clone(),
    ));
    for (name, value) in [
        ("date", "2026-01-31"),
        ("country", "us"),
        ("date_compared", "2025-01-31"),
        ("history", "all_time"),
    ] {
        let is_wanted = |parameter: &Parameter| parameter.required || seeded.named(name).once_in(2);
        if endpoint.parameter(name).is_some_and(is_wanted) {
            parameters.push((name.to_owned(), value.to_owned()));
        }
    }
    if endpoint.parameter("aggregation").is_some() {
        let value = seeded
            .named("aggregation")
            .pick(&["all", "all", "similar_links", "1_per_domain"])
            .unwrap();
        parameters.push(("aggregation".to_owned(), value.to_owned()));
    }
    let read = |parameters: &[(String, String)]| {
        Query::read(endpoint, &Parameters(parameters), &quirks, Utc::now())
    };
    let mut table = tables.table(endpoint, &read(&parameters).unwrap()).unwrap();
    if seeded.named("churn").once_in(3) {
        table = table.churned(seeded);
    }
    let mut chance = Chance {
        seeded: seeded.named("chance"),
        count: 0,
        endpoint,
        table: &table,
        order: Vec::new(),
    };
    let is_plain = |kind: &ColumnKind| {
        !matches!(
            kind,
            ColumnKind::List(_) | ColumnKind::Struct(_) | ColumnKind::Json
        )
    };
    let sortable = endpoint
        .columns
        .iter()
        .filter(|column| endpoint.is_sortable(&column.name) && is_plain(&column.kind));
    let sortable: Vec<&str> = sortable.map(|column| column.name.as_str()).collect();
    for _ in 0..chance.below(4) {
        let key: Vec<&str> = endpoint.order_key.iter().map(String::as_str).collect();
        let names = if chance.below(2) == 0 && !key.is_empty() {
            &key
        } else {
            &sortable
        };
        let name = names[chance.below(names.len())].to_owned();
        let descending = chance.below(3) == 0;
        chance.order.push((name, descending));
    }
    chance
        .order
        .retain(|(name, _)| endpoint.filterable(name).is_some());
    let depth = chance.below(4);
    let filter = chance.node(depth);
    let filter = if chance.below(2) == 0 {
        json!({"and": [chance.test(), filter]})
    } else {
        filter
    };
    let order: Vec<String> = chance
        .order
        .iter()
        .map(|(name, desc)| format!("{name}:{}", if *desc { "desc" } else { "asc" }))
        .collect();
    parameters.push(("where".to_owned(), filter.to_string()));
    parameters.push(("order_by".to_owned(), order.join(",")));
    parameters.push(("limit".to_owned(), (1 + chance.below(60)).to_string()));
    let query = read(&parameters).unwrap_or_else(|refusal| panic!("{refusal:?} of {parameters:?}"));
    let settings = PageSettings {
        quirks: &quirks,
        row_cap: None,
        request: 1,
        seeded,
    };
    // Twice: the verdicts that the first time caches are used the second time.
    for _ in 0..2 {
        let filtered = FilteredRows::new(&query, &table, settings);
        let found: Vec<_> = visible_rows(&filtered, &query, &table, settings)
            .iter()
            .map(|row| (row.row, row.group_rows))
            .collect();
        assert_eq!(
            found,
            naive(&query, &table, settings),
            "seed {seed}: {quirks:?} {parameters:?}"
        );
        let num_found = u32::try_from(found.len()).unwrap();
        if num_found == 0 || num_found >= table.len() {
            return false;
        }
    }
    true
}

fn lists() -> impl Iterator<Item = &'static Endpoint> {
    let catalog = Catalog::embedded().endpoints();
    catalog.filter(|endpoint| {
        endpoint.section() == "site-explorer"
            && !endpoint.filterable.is_empty()
            && ["limit", "where", "order_by"]
                .iter()
                .all(|name| endpoint.parameter(name).is_some())
    })
}

#[test]
fn every_page_of_every_list_is_what_a_scan_of_the_table_gives() {
    let mut meaningful = BTreeSet::new();
    for endpoint in lists() {
        for seed in 0..60 {
            if ask(seed, endpoint) {
                meaningful.insert((&endpoint.name, seed));
            }
        }
    }
    assert!(
        meaningful.len() > 300,
        "only {} pages are narrowed by their filters",
        meaningful.len()
    );
}
