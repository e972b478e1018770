//! A query against a table: filter, group, order, cut, and the body.
//!
//! `where` applies to single rows, which are grouped afterwards (the quirk `filter_before_group` turns that round). A
//! group is shown by its first row in the table's own order, whatever the request orders by.

use std::sync::Arc;

use super::cell::{Cell, write_text};
use super::hash::Dice;
use super::query::{Aggregation, Query};
use super::quirks::Quirk;
use super::source::Field;
use super::table::{Cells, Table};
use crate::catalog::{ColumnKind, Endpoint, Shape};

/// Cap of the quirk `cap_after_order` where no row cap is set.
const EARLY_CAP: u32 = 500;

/// A body with the number of rows in it.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) rows: u64,
    pub(super) body: Vec<u8>,
}

/// What a page depends on beside query and table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Conditions<'a> {
    pub(super) quirks: &'a [Quirk],
    pub(super) row_cap: Option<u32>,
    /// Number of the request, from 1.
    pub(super) request: u64,
    pub(super) dice: Dice,
}

impl Conditions<'_> {
    fn has(&self, quirk: Quirk) -> bool {
        self.quirks.contains(&quirk)
    }
}

/// The rows that a query shows, each with the number of rows it stands for.
struct Shown {
    row: u32,
    group_rows: i64,
}

/// Answers a query.
pub(super) fn page(endpoint: &Endpoint, query: &Query, table: &Table, conditions: Conditions<'_>) -> Page {
    let shown = shown(query, table, conditions);
    Page { rows: u64::try_from(shown.len()).unwrap_or(0), body: body(endpoint, query, table, &shown, conditions) }
}

fn shown(query: &Query, table: &Table, conditions: Conditions<'_>) -> Vec<Shown> {
    let kept = Kept::new(query, table, conditions);
    let ordered = !query.order.is_empty() && !conditions.has(Quirk::IgnoredOrder);
    let order = if ordered { Some(table.order(&query.order)) } else { None };
    let indices: Box<dyn Iterator<Item = u32>> = match &order {
        Some(order) => Box::new(order.iter().copied()),
        None => Box::new(0..u32::try_from(table.len()).unwrap_or(u32::MAX)),
    };
    let limit = usize::try_from(limit(query, conditions)).unwrap_or(usize::MAX);
    let show = |row: u32| kept.group_rows(row).map(|group_rows| Shown { row, group_rows });
    let mut shown: Vec<Shown> = if conditions.has(Quirk::CapAfterOrder) {
        let cap = usize::try_from(conditions.row_cap.unwrap_or(EARLY_CAP)).unwrap_or(usize::MAX);
        let last = u32::try_from(table.len()).unwrap_or(u32::MAX);
        let early: Vec<u32> = (0..last).filter(|row| kept.group_rows(*row).is_some()).take(cap).collect();
        indices.filter(|row| early.binary_search(row).is_ok()).filter_map(show).take(limit).collect()
    } else {
        indices.filter_map(show).take(limit).collect()
    };
    if conditions.has(Quirk::ShortAnswers) && shown.len() > 100 {
        let room = u32::try_from(shown.len() - 100).unwrap_or(0);
        let extra = conditions.dice.of("short").below(room + 1);
        shown.truncate(100 + usize::try_from(extra).unwrap_or(0));
    }
    shown
}

/// Rows of the answer at most: the asked limit under every silent cap.
fn limit(query: &Query, conditions: Conditions<'_>) -> u32 {
    let mut limit = query.limit;
    if let Some(cap) = conditions.row_cap {
        limit = limit.min(cap);
    }
    if conditions.has(Quirk::CapFloor100) {
        limit = limit.min(40);
    }
    if conditions.has(Quirk::IntermittentCap) && conditions.request.is_multiple_of(3) {
        limit = limit.min(100);
    }
    limit
}

/// Which rows pass, alone or for their group.
struct Kept<'a> {
    query: &'a Query,
    filter_columns: Vec<Cells>,
    filtering: bool,
    grouping: Option<Grouping>,
}

struct Grouping {
    groups: Arc<Vec<u32>>,
    /// For each group the row that stands for it and the rows that it counts; none where no row passed.
    members: Vec<Option<(u32, i64)>>,
    /// Whether the filter is still to be applied, to the row that stands for the group.
    filter_afterwards: bool,
}

impl<'a> Kept<'a> {
    fn new(query: &'a Query, table: &Table, conditions: Conditions<'_>) -> Self {
        let filtering = query.filter.is_some() && !conditions.has(Quirk::WhereIgnored);
        let fields = query.filter.iter().flat_map(|filter| &filter.fields);
        let filter_columns = fields.map(|field| table.column(field)).collect();
        let mut kept = Self { query, filter_columns, filtering, grouping: None };
        let names: &[&str] = match query.aggregation {
            Aggregation::All => return kept,
            Aggregation::SimilarLinks => &["root_name_source", "anchor", "url_to"],
            Aggregation::OnePerDomain => &["root_name_source"],
        };
        let fields = names.iter().map(|name| Field {
            name: (*name).to_owned(),
            kind: ColumnKind::Text,
            nullable: false,
            values: Vec::new(),
        });
        let groups = table.groups(&fields.collect::<Vec<_>>());
        let filter_afterwards = conditions.has(Quirk::FilterBeforeGroup);
        let count = groups.iter().max().map_or(0, |last| last + 1);
        let mut members = vec![None; usize::try_from(count).unwrap_or(0)];
        for (row, group) in (0_u32..).zip(groups.iter()) {
            if !filter_afterwards && !kept.passes(row) {
                continue;
            }
            if let Some(slot) = usize::try_from(*group).ok().and_then(|group| members.get_mut(group)) {
                let (first, rows) = slot.unwrap_or((row, 0));
                *slot = Some((first, rows + 1));
            }
        }
        kept.grouping = Some(Grouping { groups, members, filter_afterwards });
        kept
    }

    fn passes(&self, row: u32) -> bool {
        let Some(filter) = self.query.filter.as_ref().filter(|_| self.filtering) else { return true };
        let row = usize::try_from(row).unwrap_or(usize::MAX);
        filter.passes(&|position| self.filter_columns.get(position)?.get(row))
    }

    /// How many rows this row stands for, if it is shown at all.
    fn group_rows(&self, row: u32) -> Option<i64> {
        let Some(grouping) = &self.grouping else { return self.passes(row).then_some(1) };
        let group = usize::try_from(*grouping.groups.get(usize::try_from(row).ok()?)?).ok()?;
        let (first, rows) = (*grouping.members.get(group)?)?;
        (first == row && (!grouping.filter_afterwards || self.passes(row))).then_some(rows)
    }
}

fn body(endpoint: &Endpoint, query: &Query, table: &Table, shown: &[Shown], conditions: Conditions<'_>) -> Vec<u8> {
    let record = endpoint.shape == Shape::Record;
    let mut out = Vec::with_capacity(64 + shown.len() * query.select.len() * 24);
    out.push(b'{');
    write_text(&endpoint.response_key, &mut out);
    out.push(b':');
    if !record {
        out.push(b'[');
    }
    let writer = RowWriter::new(query, table, conditions);
    for (position, shown) in shown.iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        writer.write(shown, &mut out);
    }
    if record && shown.is_empty() {
        out.extend_from_slice(b"{}");
    }
    if !record {
        out.push(b']');
    }
    out.push(b'}');
    out
}

struct RowWriter<'a> {
    table: &'a Table,
    columns: Vec<(&'a Field, Option<Cells>)>,
    spoiled: Option<&'a str>,
    conditions: Conditions<'a>,
}

impl<'a> RowWriter<'a> {
    fn new(query: &'a Query, table: &'a Table, conditions: Conditions<'a>) -> Self {
        let mut fields: Vec<&Field> = query.select.iter().collect();
        if conditions.has(Quirk::MissingColumn) {
            fields.pop();
        }
        let lead = table.source.lead.as_deref();
        let integer = |field: &&&Field| field.kind == ColumnKind::Integer && lead != Some(field.name.as_str());
        let spoiled = fields.iter().find(integer).map(|field| field.name.as_str());
        let spoiled = spoiled.filter(|_| conditions.has(Quirk::BadValue));
        let columns = fields.into_iter().map(|field| (field, table.known_column(&field.name))).collect();
        Self { table, columns, spoiled, conditions }
    }

    fn write(&self, shown: &Shown, out: &mut Vec<u8>) {
        let index = usize::try_from(shown.row).unwrap_or(usize::MAX);
        out.push(b'{');
        for (position, (field, cached)) in self.columns.iter().enumerate() {
            if position > 0 {
                out.push(b',');
            }
            write_text(&field.name, out);
            out.push(b':');
            if self.spoiled == Some(field.name.as_str()) && shown.row % 50 == 7 {
                out.extend_from_slice(br#""n/a""#);
            } else if field.name == "link_group_count" {
                Cell::Int(shown.group_rows).write(out);
            } else {
                match self.table.cell(index, field, cached.as_ref()) {
                    Cell::Text(text) if self.conditions.has(Quirk::RoundTrip) => write_text(&text.to_lowercase(), out),
                    cell => cell.write(out),
                }
            }
        }
        if self.conditions.has(Quirk::UnknownColumn) {
            out.extend_from_slice(br#","surprise":1"#);
        }
        out.push(b'}');
    }
}
