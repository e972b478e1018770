//! The body of an answer.

use super::settings::PageSettings;
use crate::catalog::{ColumnKind, Endpoint, Shape};
use crate::sandbox::cell::{Cell, write_text};
use crate::sandbox::data::Table;
use crate::sandbox::field::Field;
use crate::sandbox::quirks::Quirk;
use crate::sandbox::request::Query;

/// A row that a query shows, with the number of rows that it represents.
pub(crate) struct VisibleRow {
    pub(crate) row: u32,
    pub(crate) group_rows: i64,
}

/// The body of an answer with these rows.
pub(crate) fn body(
    endpoint: &Endpoint,
    query: &Query,
    table: &Table,
    rows: &[VisibleRow],
    settings: PageSettings<'_>,
) -> Vec<u8> {
    let is_record = endpoint.shape == Shape::Record;
    let mut out = Vec::with_capacity(64 + rows.len() * query.select.len() * 24);
    out.push(b'{');
    write_text(&endpoint.response_key, &mut out);
    out.push(b':');
    if !is_record {
        out.push(b'[');
    }
    let writer = RowWriter::new(query, table, settings);
    for (position, row) in rows.iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        writer.write(row, &mut out);
    }
    if is_record && rows.is_empty() {
        out.extend_from_slice(b"{}");
    }
    if !is_record {
        out.push(b']');
    }
    out.push(b'}');
    out
}

struct RowWriter<'a> {
    table: &'a Table,
    columns: Vec<&'a Field>,
    /// The column that has text instead of integers, now and then.
    spoiled: Option<&'a str>,
    settings: PageSettings<'a>,
}

impl<'a> RowWriter<'a> {
    fn new(query: &'a Query, table: &'a Table, settings: PageSettings<'a>) -> Self {
        let mut columns: Vec<&Field> = query.select.iter().collect();
        if settings.has(Quirk::MissingColumn) {
            columns.pop();
        }
        let spoiled = if settings.has(Quirk::BadValue) {
            first_integer(&columns, table.lead())
        } else {
            None
        };
        Self {
            table,
            columns,
            spoiled,
            settings,
        }
    }

    fn write(&self, row: &VisibleRow, out: &mut Vec<u8>) {
        out.push(b'{');
        for (position, field) in self.columns.iter().enumerate() {
            if position > 0 {
                out.push(b',');
            }
            write_text(&field.name, out);
            out.push(b':');
            self.write_cell(row, field, out);
        }
        if self.settings.has(Quirk::UnknownColumn) {
            out.extend_from_slice(br#","surprise":1"#);
        }
        out.push(b'}');
    }

    fn write_cell(&self, row: &VisibleRow, field: &Field, out: &mut Vec<u8>) {
        if self.spoiled == Some(field.name.as_str()) && row.row % 50 == 7 {
            out.extend_from_slice(br#""n/a""#);
            return;
        }
        if field.name == "link_group_count" {
            Cell::Int(row.group_rows).write(out);
            return;
        }
        match self.table.cell(row.row, field) {
            Cell::Text(text) if self.settings.has(Quirk::RoundTrip) => {
                write_text(&text.to_lowercase(), out);
            }
            cell => cell.write(out),
        }
    }
}

/// The first integer column that rows are not paged by.
fn first_integer<'a>(columns: &[&'a Field], lead: Option<&str>) -> Option<&'a str> {
    for field in columns {
        let name = field.name.as_str();
        if field.kind == ColumnKind::Integer && lead != Some(name) {
            return Some(name);
        }
    }
    None
}
