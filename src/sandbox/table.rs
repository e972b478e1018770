//! A table: which rows exist now, with the columns and orders that requests needed so far.
//!
//! A table never changes; churn makes a new one from it. Everything cached belongs to exactly these rows.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering as Atomic};
use std::sync::{Arc, Mutex, PoisonError};

use super::cell::Cell;
use super::hash::Dice;
use super::source::{Field, Row, Source};

/// One column of every row of a table.
pub(super) type Cells = Arc<Vec<Cell>>;

/// Orders that one table keeps; the oldest goes first.
const ORDERS: usize = 8;

/// A column to order by.
#[derive(Debug, Clone)]
pub(super) struct Sort {
    pub(super) field: Field,
    pub(super) descending: bool,
}

/// The rows of one source.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) source: Arc<Source>,
    rows: Vec<Row>,
    next_number: u32,
    columns: Mutex<BTreeMap<String, Cells>>,
    orders: Mutex<Vec<(String, Arc<Vec<u32>>)>>,
    groups: Mutex<BTreeMap<Vec<String>, Arc<Vec<u32>>>>,
    cached_cells: AtomicUsize,
}

impl Table {
    pub(super) fn new(source: Arc<Source>, rows: Vec<Row>) -> Self {
        let next_number = rows.iter().map(|row| row.number + 1).max().unwrap_or(0).max(source.rows * 2);
        Self {
            source,
            rows,
            next_number,
            columns: Mutex::default(),
            orders: Mutex::default(),
            groups: Mutex::default(),
            cached_cells: AtomicUsize::new(0),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// A measure of the memory held by caches.
    pub(super) fn cached_cells(&self) -> usize {
        self.cached_cells.load(Atomic::Relaxed)
    }

    /// One cell, from the cache where its column is there.
    pub(super) fn cell(&self, index: usize, field: &Field, cached: Option<&Cells>) -> Cell {
        match cached {
            Some(cells) => cells.get(index).cloned().unwrap_or(Cell::Null),
            None => self.rows.get(index).map_or(Cell::Null, |row| self.source.cell(*row, field)),
        }
    }

    /// A whole column, computed once.
    pub(super) fn column(&self, field: &Field) -> Cells {
        let mut columns = self.columns.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cells) = columns.get(&field.name) {
            return Arc::clone(cells);
        }
        let cells: Cells = Arc::new(self.rows.iter().map(|row| self.source.cell(*row, field)).collect());
        self.cached_cells.fetch_add(cells.len(), Atomic::Relaxed);
        columns.insert(field.name.clone(), Arc::clone(&cells));
        cells
    }

    /// A column if it was computed already.
    pub(super) fn known_column(&self, name: &str) -> Option<Cells> {
        self.columns.lock().unwrap_or_else(PoisonError::into_inner).get(name).map(Arc::clone)
    }

    /// Row indices in the asked order, computed once; ties keep the table's own order. Nulls are the smallest values:
    /// first ascending, last descending.
    pub(super) fn order(&self, sorts: &[Sort]) -> Arc<Vec<u32>> {
        let columns: Vec<_> = sorts.iter().map(|sort| (self.column(&sort.field), sort.descending)).collect();
        let name: Vec<_> = sorts.iter().map(|sort| format!("{}:{}", sort.field.name, sort.descending)).collect();
        let name = name.join(",");
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, order)) = orders.iter().find(|(known, _)| *known == name) {
            return Arc::clone(order);
        }
        let mut order: Vec<u32> = (0..u32::try_from(self.rows.len()).unwrap_or(u32::MAX)).collect();
        order.sort_by(|left, right| compare(&columns, *left, *right));
        let order = Arc::new(order);
        if orders.len() >= ORDERS {
            orders.remove(0);
        }
        orders.push((name, Arc::clone(&order)));
        order
    }

    /// For each row the number of its group: rows with equal values in all these columns share one.
    pub(super) fn groups(&self, fields: &[Field]) -> Arc<Vec<u32>> {
        let name: Vec<_> = fields.iter().map(|field| field.name.clone()).collect();
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = groups.get(&name) {
            return Arc::clone(known);
        }
        let mut numbers: HashMap<Vec<u8>, u32> = HashMap::new();
        let group_of = |row: &Row| {
            let mut key = Vec::new();
            for field in fields {
                self.source.cell(*row, field).write(&mut key);
            }
            let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
            *numbers.entry(key).or_insert(next)
        };
        let numbered: Arc<Vec<u32>> = Arc::new(self.rows.iter().map(group_of).collect());
        groups.insert(name, Arc::clone(&numbered));
        numbered
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
                    rows.insert(place, Row { number: next_number, epoch: 0 });
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
        Self { next_number, ..Self::new(Arc::clone(&self.source), rows) }
    }
}

fn compare(columns: &[(Cells, bool)], left: u32, right: u32) -> std::cmp::Ordering {
    let (left, right) = (usize::try_from(left).unwrap_or(0), usize::try_from(right).unwrap_or(0));
    for (cells, descending) in columns {
        let (Some(left), Some(right)) = (cells.get(left), cells.get(right)) else { continue };
        let order = if *descending { right.order(left) } else { left.order(right) };
        if order.is_ne() {
            return order;
        }
    }
    std::cmp::Ordering::Equal
}
