//! Which rows of a table a query keeps, alone or for their group, and where in an order they can stand.
//!
//! The parts of a filter that speak of the order's columns alone change from page to page; the others stay, so what they
//! say of a row is remembered with the table.

use std::cell::{Cell as Counter, OnceCell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;

use super::cell::Cell;
use super::filter::{Filter, Node};
use super::index::Sort;
use super::page::Conditions;
use super::query::{Aggregation, Query};
use super::quirks::Quirk;
use super::range::Range;
use super::source::Field;
use super::table::{Groups, Table, Verdicts};
use crate::catalog::ColumnKind;

/// Which rows pass, alone or for their group.
pub(super) struct Kept<'a> {
    table: &'a Table,
    /// The filter, where one applies.
    filter: Option<&'a Filter>,
    /// Its parts that are asked each time.
    changing: Vec<&'a Node>,
    /// Its other parts, with what they said so far.
    steady: Vec<&'a Node>,
    verdicts: Option<Arc<Verdicts>>,
    grouping: Option<Grouping>,
    looked_at: Counter<u64>,
}

struct Grouping {
    groups: Arc<Groups>,
    /// Whether the filter applies to the row that stands for the group, not to each of its rows.
    filter_afterwards: bool,
    /// For each group that was looked at the first row that passes.
    first: RefCell<HashMap<u32, Option<u32>>>,
}

impl<'a> Kept<'a> {
    pub(super) fn new(query: &'a Query, table: &'a Table, conditions: Conditions<'_>) -> Self {
        let filter = query
            .filter
            .as_ref()
            .filter(|_| query.filters_rows && !conditions.has(Quirk::WhereIgnored));
        let sorts: &[Sort] = if conditions.orders(query) {
            &query.order
        } else {
            &[]
        };
        let (mut changing, mut steady, mut name) = (Vec::new(), Vec::new(), String::new());
        if let Some(filter) = filter {
            let ordered = |field: &Field| sorts.iter().any(|sort| sort.field.name == field.name);
            let columns = filter
                .fields
                .iter()
                .enumerate()
                .filter(|(_, field)| ordered(field));
            let columns: Vec<usize> = columns.map(|(place, _)| place).collect();
            for conjunct in &filter.conjuncts {
                if conjunct.node.tests_only(&columns) {
                    changing.push(&conjunct.node);
                } else {
                    steady.push(&conjunct.node);
                    name.push_str(&conjunct.text);
                }
            }
        }
        let verdicts = if steady.is_empty() {
            None
        } else {
            Some(table.verdicts(name))
        };
        let grouping = grouping(query, table, conditions);
        Self {
            table,
            filter,
            changing,
            steady,
            verdicts,
            grouping,
            looked_at: Counter::new(0),
        }
    }

    /// Rows that were looked at so far.
    pub(super) fn looked_at(&self) -> u64 {
        self.looked_at.get()
    }

    /// The part of an order outside of which no row is kept.
    pub(super) fn possible<'o>(&self, order: &'o [u32], sorts: &[Sort]) -> &'o [u32] {
        let Some(filter) = self.filter else {
            return order;
        };
        Range::of(filter, sorts).within(order, sorts, |row, field| {
            self.look();
            self.table.cell(row, field)
        })
    }

    /// How many rows this row stands for, if it is shown at all.
    pub(super) fn group_rows(&self, row: u32) -> Option<i64> {
        let Some(grouping) = &self.grouping else {
            return self.passes(row).then_some(1);
        };
        let group = grouping.groups.of(row)?;
        let members = grouping.groups.members(group);
        if self.filter.is_none() || grouping.filter_afterwards {
            let shown = members.first() == Some(&row) && self.passes(row);
            return shown.then(|| i64::try_from(members.len()).unwrap_or(i64::MAX));
        }
        if !self.passes(row) {
            return None;
        }
        let known = grouping.first.borrow().get(&group).copied();
        let first = known.unwrap_or_else(|| {
            let first = members.iter().copied().find(|row| self.passes(*row));
            grouping.first.borrow_mut().insert(group, first);
            first
        });
        if first != Some(row) {
            return None;
        }
        let rows = members.iter().filter(|row| self.passes(**row)).count();
        Some(i64::try_from(rows).unwrap_or(i64::MAX))
    }

    fn passes(&self, row: u32) -> bool {
        self.look();
        let Some(filter) = self.filter else {
            return true;
        };
        let verdict = self
            .verdicts
            .as_ref()
            .and_then(|verdicts| verdicts.known(row));
        match verdict {
            Some(false) => return false,
            Some(true) if self.changing.is_empty() => return true,
            _ => {}
        }
        let cells: Vec<OnceCell<Cell>> = vec![OnceCell::new(); filter.fields.len()];
        let cell = |place: usize| {
            let field = filter.fields.get(place)?;
            Some(
                cells
                    .get(place)?
                    .get_or_init(|| self.table.cell(row, field)),
            )
        };
        let hold = |nodes: &[&Node]| nodes.iter().all(|node| node.passes(&cell));
        if !hold(&self.changing) {
            return false;
        }
        match (&self.verdicts, verdict) {
            (Some(verdicts), None) => {
                let passes = hold(&self.steady);
                verdicts.note(row, passes);
                passes
            }
            _ => true,
        }
    }

    fn look(&self) {
        self.looked_at.set(self.looked_at.get() + 1);
    }
}

fn grouping(query: &Query, table: &Table, conditions: Conditions<'_>) -> Option<Grouping> {
    let names: &[&str] = match query.aggregation {
        Aggregation::All => return None,
        Aggregation::SimilarLinks => &["root_name_source", "anchor", "url_to"],
        Aggregation::OnePerDomain => &["root_name_source"],
    };
    let fields = names.iter().map(|name| Field {
        name: (*name).to_owned(),
        kind: ColumnKind::Text,
        nullable: false,
        values: Vec::new(),
    });
    Some(Grouping {
        groups: table.groups(&fields.collect::<Vec<_>>()),
        filter_afterwards: conditions.has(Quirk::FilterBeforeGroup),
        first: RefCell::default(),
    })
}
