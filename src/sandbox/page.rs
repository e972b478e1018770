//! A query against a table: filter, group, order, cut, and the body.
//!
//! `where` applies to single rows, which are grouped afterwards (the quirk `filter_before_group` turns that round). A
//! group is shown by its first row in the table's own order, whatever the request orders by.

use super::cell::{Cell, write_text};
use super::hash::Dice;
use super::kept::Kept;
use super::query::Query;
use super::quirks::Quirk;
use super::source::Field;
use super::table::Table;
use crate::catalog::{ColumnKind, Endpoint, Shape};

/// Cap of the quirk `cap_after_order` where no row cap is set.
const EARLY_CAP: u32 = 500;

/// A body with the number of rows in it.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) rows: u64,
    /// Rows that were looked at to find them: the work behind the page.
    pub(super) looked_at: u64,
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
    pub(super) fn has(&self, quirk: Quirk) -> bool {
        self.quirks.contains(&quirk)
    }

    /// Whether the answer is ordered as the query asks.
    pub(super) fn orders(&self, query: &Query) -> bool {
        !query.order.is_empty() && !self.has(Quirk::IgnoredOrder)
    }
}

/// The rows that a query shows, each with the number of rows it stands for.
struct Shown {
    row: u32,
    group_rows: i64,
}

/// Answers a query.
pub(super) fn page(
    endpoint: &Endpoint,
    query: &Query,
    table: &Table,
    conditions: Conditions<'_>,
) -> Page {
    let kept = Kept::new(query, table, conditions);
    let shown = shown(&kept, query, table, conditions);
    let body = body(endpoint, query, table, &shown, conditions);
    Page {
        rows: u64::try_from(shown.len()).unwrap_or(0),
        looked_at: kept.looked_at(),
        body,
    }
}

fn shown(kept: &Kept<'_>, query: &Query, table: &Table, conditions: Conditions<'_>) -> Vec<Shown> {
    let order = if conditions.orders(query) {
        Some(table.order(&query.order))
    } else {
        None
    };
    let indices: Box<dyn Iterator<Item = u32>> = match &order {
        Some(order) => Box::new(kept.possible(order, &query.order).iter().copied()),
        None => Box::new(0..table.len()),
    };
    let limit = usize::try_from(limit(query, conditions)).unwrap_or(usize::MAX);
    let offset = usize::try_from(query.offset).unwrap_or(usize::MAX);
    let show = |row: u32| {
        kept.group_rows(row)
            .map(|group_rows| Shown { row, group_rows })
    };
    let mut shown: Vec<Shown> = if conditions.has(Quirk::CapAfterOrder) {
        let cap = usize::try_from(conditions.row_cap.unwrap_or(EARLY_CAP)).unwrap_or(usize::MAX);
        let early: Vec<u32> = (0..table.len())
            .filter(|row| kept.group_rows(*row).is_some())
            .take(cap)
            .collect();
        indices
            .filter(|row| early.binary_search(row).is_ok())
            .filter_map(show)
            .skip(offset)
            .take(limit)
            .collect()
    } else {
        indices.filter_map(show).skip(offset).take(limit).collect()
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
    if query.answers_whole {
        return limit;
    }
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

fn body(
    endpoint: &Endpoint,
    query: &Query,
    table: &Table,
    shown: &[Shown],
    conditions: Conditions<'_>,
) -> Vec<u8> {
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
    columns: Vec<&'a Field>,
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
        let integer = |field: &&&Field| {
            field.kind == ColumnKind::Integer && lead != Some(field.name.as_str())
        };
        let spoiled = fields.iter().find(integer).map(|field| field.name.as_str());
        let spoiled = spoiled.filter(|_| conditions.has(Quirk::BadValue));
        Self {
            table,
            columns: fields,
            spoiled,
            conditions,
        }
    }

    fn write(&self, shown: &Shown, out: &mut Vec<u8>) {
        out.push(b'{');
        for (position, field) in self.columns.iter().enumerate() {
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
                match self.table.cell(shown.row, field) {
                    Cell::Text(text) if self.conditions.has(Quirk::RoundTrip) => {
                        write_text(&text.to_lowercase(), out)
                    }
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

#[cfg(test)]
mod tests;
