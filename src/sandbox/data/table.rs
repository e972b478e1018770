//! A table: which rows exist now, with the orders, groups and verdicts that requests needed so far.
//!
//! A table never changes; churn makes a new one from it. Everything cached belongs to exactly these rows, and consists of row
//! numbers: a value is computed whenever it is needed, so that a table of a million rows takes some tens of megabytes.

use std::sync::Arc;

use super::family::Row;
use super::groups::Groups;
use super::row_order::sorted;
use super::source::Source;
use super::verdicts::Verdicts;
use crate::sandbox::cell::Cell;
use crate::sandbox::field::{Field, Sort};
use crate::sandbox::lru_cache::LruCache;
use crate::sandbox::seeded::Seeded;

/// Orders that one table caches.
const MAX_ORDERS: usize = 8;
/// Groupings that one table caches: there are two.
const MAX_GROUPINGS: usize = 2;
/// Filters whose verdicts one table caches.
const MAX_VERDICTS: usize = 8;

/// The rows of one source.
#[derive(Debug)]
pub(crate) struct Table {
    source: Arc<Source>,
    rows: Vec<Row>,
    next_number: u32,
    orders: LruCache<Vec<u32>>,
    groupings: LruCache<Groups>,
    verdicts: LruCache<Verdicts>,
}

impl Table {
    pub(crate) fn new(source: Arc<Source>, rows: Vec<Row>) -> Self {
        let mut next_number = source.rows * 2;
        for row in &rows {
            next_number = next_number.max(row.number + 1);
        }
        Self {
            source,
            rows,
            next_number,
            orders: LruCache::new(MAX_ORDERS),
            groupings: LruCache::new(MAX_GROUPINGS),
            verdicts: LruCache::new(MAX_VERDICTS),
        }
    }

    /// Number of rows. A table has fewer than 2^32.
    pub(crate) fn len(&self) -> u32 {
        u32::try_from(self.rows.len()).unwrap_or(u32::MAX)
    }

    /// The column that rows are paged by first.
    pub(crate) fn lead(&self) -> Option<&str> {
        self.source.lead.as_deref()
    }

    /// Bytes held, about.
    pub(crate) fn bytes(&self) -> usize {
        let per_row = size_of::<Row>()
            + self.orders.len() * size_of::<u32>()
            + self.groupings.len() * Groups::BYTES_PER_ROW
            + self.verdicts.len() * Verdicts::BYTES_PER_ROW;
        self.rows.len() * per_row
    }

    /// One value.
    pub(crate) fn cell(&self, row: u32, field: &Field) -> Cell {
        match self.rows.get(index(row)) {
            Some(row) => self.source.cell(*row, field),
            None => Cell::Null,
        }
    }

    /// Row indices in the requested order.
    pub(crate) fn order(&self, sorts: &[Sort]) -> Arc<Vec<u32>> {
        let mut name = String::new();
        for sort in sorts {
            name.push_str(&sort.field.name);
            name.push_str(if sort.descending { ":desc," } else { ":asc," });
        }
        self.orders.get_or_compute(name, || {
            sorted(self.len(), sorts, |row, field| self.cell(row, field))
        })
    }

    /// The groups of rows with equal values in all these columns.
    pub(crate) fn groups(&self, fields: &[Field]) -> Arc<Groups> {
        let names: Vec<_> = fields.iter().map(|field| field.name.as_str()).collect();
        self.groupings.get_or_compute(names.join(","), || {
            Groups::new(self.len(), |row, key| {
                for field in fields {
                    self.cell(row, field).write(key);
                }
            })
        })
    }

    /// What is known of a filter's verdicts: nothing when it is new.
    pub(crate) fn verdicts(&self, filter: String) -> Arc<Verdicts> {
        self.verdicts
            .get_or_compute(filter, || Verdicts::unknown(self.rows.len()))
    }

    /// The table after one change: a few rows added, removed, or moved by their leading key.
    pub(crate) fn churned(&self, seeded: Seeded) -> Self {
        let mut rows = self.rows.clone();
        let mut next_number = self.next_number;
        for change in 0..=seeded.numbered(1).below(5) {
            let limit = u32::try_from(rows.len()).unwrap_or(u32::MAX);
            let position = index(seeded.numbered(2).item(change).below(limit));
            // One kind for all changes.
            match seeded.numbered(3).below(3) {
                0 => {
                    rows.insert(position, Row::new(next_number));
                    next_number += 1;
                }
                1 if !rows.is_empty() => {
                    rows.remove(position);
                }
                _ => {
                    if let Some(row) = rows.get_mut(position) {
                        row.key_changes += 1;
                    }
                }
            }
        }
        Self {
            next_number,
            ..Self::new(Arc::clone(&self.source), rows)
        }
    }
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
