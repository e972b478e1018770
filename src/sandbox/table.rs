//! A table: which rows exist now, with the orders, groups and verdicts that requests needed so far.
//!
//! A table never changes; churn makes a new one from it. Everything kept belongs to exactly these rows, and is made of row
//! numbers: a value is computed whenever it is needed, so that a table of a million rows takes some tens of megabytes.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use super::cell::Cell;
use super::hash::Dice;
use super::index::{Sort, sorted};
use super::shelf::Shelf;
use super::source::{Field, Row, Source};

/// Orders that one table keeps.
const ORDERS: usize = 8;
/// Groupings that one table keeps: there are two.
const GROUPINGS: usize = 2;
/// Filters that one table keeps the verdicts of.
const VERDICTS: usize = 8;

/// The rows of one source.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) source: Arc<Source>,
    rows: Vec<Row>,
    next_number: u32,
    orders: Shelf<Vec<u32>>,
    groupings: Shelf<Groups>,
    verdicts: Shelf<Verdicts>,
}

impl Table {
    pub(super) fn new(source: Arc<Source>, rows: Vec<Row>) -> Self {
        let next_number = rows
            .iter()
            .map(|row| row.number + 1)
            .max()
            .unwrap_or(0)
            .max(source.rows * 2);
        Self {
            source,
            rows,
            next_number,
            orders: Shelf::new(ORDERS),
            groupings: Shelf::new(GROUPINGS),
            verdicts: Shelf::new(VERDICTS),
        }
    }

    /// Number of rows. A table has fewer than 2^32.
    pub(super) fn len(&self) -> u32 {
        u32::try_from(self.rows.len()).unwrap_or(u32::MAX)
    }

    /// Bytes held, about.
    pub(super) fn bytes(&self) -> usize {
        let per_row = size_of::<Row>()
            + self.orders.len() * size_of::<u32>()
            + self.groupings.len() * Groups::BYTES_PER_ROW
            + self.verdicts.len() * size_of::<AtomicU8>();
        self.rows.len() * per_row
    }

    /// One value.
    pub(super) fn cell(&self, row: u32, field: &Field) -> Cell {
        self.rows
            .get(index(row))
            .map_or(Cell::Null, |row| self.source.cell(*row, field))
    }

    /// Row indices in the asked order.
    pub(super) fn order(&self, sorts: &[Sort]) -> Arc<Vec<u32>> {
        let name: Vec<_> = sorts
            .iter()
            .map(|sort| format!("{}:{}", sort.field.name, sort.descending))
            .collect();
        self.orders.get(name.join(","), || {
            sorted(self.len(), sorts, |row, field| self.cell(row, field))
        })
    }

    /// The groups of rows with equal values in all these columns.
    pub(super) fn groups(&self, fields: &[Field]) -> Arc<Groups> {
        let name: Vec<_> = fields.iter().map(|field| field.name.as_str()).collect();
        self.groupings
            .get(name.join(","), || Groups::new(self, fields))
    }

    /// What is known of a filter's verdicts: nothing when it is new.
    pub(super) fn verdicts(&self, filter: String) -> Arc<Verdicts> {
        self.verdicts.get(filter, || {
            Verdicts(self.rows.iter().map(|_| AtomicU8::new(UNKNOWN)).collect())
        })
    }

    /// The table after one change: a few rows added, removed, or moved by their leading key.
    pub(super) fn churned(&self, dice: Dice) -> Self {
        let mut rows = self.rows.clone();
        let count = 1 + dice.at(1).below(5);
        let mut next_number = self.next_number;
        for part in 0..u64::from(count) {
            let limit = u32::try_from(rows.len()).unwrap_or(u32::MAX);
            let place = usize::try_from(dice.at(2).at(part).below(limit)).unwrap_or(0);
            match dice.at(3).below(3) {
                0 => {
                    rows.insert(
                        place,
                        Row {
                            number: next_number,
                            epoch: 0,
                        },
                    );
                    next_number += 1;
                }
                1 if !rows.is_empty() => {
                    rows.remove(place);
                }
                _ => {
                    if let Some(row) = rows.get_mut(place) {
                        row.epoch += 1;
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

/// Which rows belong together, for each grouping of a table.
#[derive(Debug)]
pub(super) struct Groups {
    /// For each row its group; groups are numbered by their first rows.
    of: Vec<u32>,
    /// For each group the place of its first row in `rows`, then the end.
    starts: Vec<u32>,
    /// Rows group by group, in the table's own order within each.
    rows: Vec<u32>,
}

impl Groups {
    const BYTES_PER_ROW: usize = 3 * size_of::<u32>();

    fn new(table: &Table, fields: &[Field]) -> Self {
        let mut numbers: HashMap<Box<[u8]>, u32> = HashMap::new();
        let mut key = Vec::new();
        let mut of = Vec::with_capacity(table.rows.len());
        let mut sizes: Vec<u32> = Vec::new();
        for row in &table.rows {
            key.clear();
            for field in fields {
                table.source.cell(*row, field).write(&mut key);
            }
            let group = numbers.get(key.as_slice()).copied().unwrap_or_else(|| {
                let next = u32::try_from(sizes.len()).unwrap_or(u32::MAX);
                numbers.insert(key.as_slice().into(), next);
                sizes.push(0);
                next
            });
            of.push(group);
            if let Some(size) = sizes.get_mut(index(group)) {
                *size += 1;
            }
        }
        drop(numbers);
        let mut starts = Vec::with_capacity(sizes.len() + 1);
        let mut end = 0;
        starts.push(end);
        for size in &sizes {
            end += size;
            starts.push(end);
        }
        let mut places = starts.clone();
        let mut rows = vec![0; of.len()];
        for (row, group) in (0_u32..).zip(&of) {
            if let Some(place) = places.get_mut(index(*group)) {
                if let Some(slot) = rows.get_mut(index(*place)) {
                    *slot = row;
                }
                *place += 1;
            }
        }
        Self { of, starts, rows }
    }

    /// The group of a row.
    pub(super) fn of(&self, row: u32) -> Option<u32> {
        self.of.get(index(row)).copied()
    }

    /// The rows of a group in the table's own order.
    pub(super) fn members(&self, group: u32) -> &[u32] {
        let bounds = (
            self.starts.get(index(group)),
            self.starts.get(index(group) + 1),
        );
        let (Some(start), Some(end)) = bounds else {
            return &[];
        };
        self.rows
            .get(index(*start)..index(*end))
            .unwrap_or_default()
    }
}

const UNKNOWN: u8 = 0;
const PASSES: u8 = 1;
const FAILS: u8 = 2;

/// For each row whether a filter lets it pass, as far as somebody asked.
#[derive(Debug)]
pub(super) struct Verdicts(Vec<AtomicU8>);

impl Verdicts {
    /// The verdict on a row, if it is known.
    pub(super) fn known(&self, row: u32) -> Option<bool> {
        match self.0.get(index(row))?.load(Ordering::Relaxed) {
            UNKNOWN => None,
            verdict => Some(verdict == PASSES),
        }
    }

    /// Notes a verdict. Whoever judges a row comes to the same one, so no order between threads matters.
    pub(super) fn note(&self, row: u32, passes: bool) {
        if let Some(verdict) = self.0.get(index(row)) {
            verdict.store(if passes { PASSES } else { FAILS }, Ordering::Relaxed);
        }
    }
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
