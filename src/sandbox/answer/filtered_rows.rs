//! Which rows of a table pass a query, alone or for their group, and where in an order they can be.
//!
//! The parts of a filter that test only the order's columns change from page to page; the others stay, so their
//! verdicts on rows are cached with the table.

use std::cell::{Cell as Counter, OnceCell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;

use super::order_range::OrderRange;
use super::settings::PageSettings;
use crate::catalog::ColumnKind;
use crate::sandbox::cell::Cell;
use crate::sandbox::data::{Groups, Table, Verdicts};
use crate::sandbox::field::{Field, Sort};
use crate::sandbox::filter::{Filter, Node};
use crate::sandbox::quirks::Quirk;
use crate::sandbox::request::{Aggregation, Query};

/// Which rows pass, alone or for their group.
pub(crate) struct FilteredRows<'a> {
    table: &'a Table,
    filter: Option<SplitFilter<'a>>,
    grouping: Option<Grouping>,
    rows_examined: Counter<u64>,
}

/// A filter by what its parts test.
struct SplitFilter<'a> {
    filter: &'a Filter,
    /// Parts that test only the order's columns: evaluated each time.
    positional: Vec<&'a Node>,
    /// The other parts.
    stable: Vec<&'a Node>,
    /// Which rows the stable parts let pass, as far as known; `None` where there are no stable parts.
    verdicts: Option<Arc<Verdicts>>,
}

struct Grouping {
    groups: Arc<Groups>,
    /// Whether the filter applies to the row that represents the group, not to each of its rows.
    filters_groups: bool,
    /// For each group that was examined the first row that passes.
    first: RefCell<HashMap<u32, Option<u32>>>,
}

impl<'a> FilteredRows<'a> {
    pub(crate) fn new(query: &'a Query, table: &'a Table, settings: PageSettings<'_>) -> Self {
        let sorts: &[Sort] = if settings.is_ordered(query) {
            &query.order
        } else {
            &[]
        };
        let is_filtered = query.filters_rows && !settings.has(Quirk::WhereIgnored);
        let filter = match &query.filter {
            Some(filter) if is_filtered => Some(SplitFilter::new(filter, sorts, table)),
            _ => None,
        };
        Self {
            table,
            filter,
            grouping: Grouping::new(query, table, settings),
            rows_examined: Counter::new(0),
        }
    }

    /// Rows that were examined so far.
    pub(crate) fn rows_examined(&self) -> u64 {
        self.rows_examined.get()
    }

    /// The part of an order outside of which no row passes.
    pub(crate) fn possible<'o>(&self, order: &'o [u32], sorts: &[Sort]) -> &'o [u32] {
        let Some(split) = &self.filter else {
            return order;
        };
        OrderRange::of(split.filter, sorts).within(order, sorts, |row, field| {
            self.count_row();
            self.table.cell(row, field)
        })
    }

    /// How many rows this row represents, if it is shown at all.
    pub(crate) fn group_rows(&self, row: u32) -> Option<i64> {
        let Some(grouping) = &self.grouping else {
            return self.passes(row).then_some(1);
        };
        let group = grouping.groups.group_of(row)?;
        let members = grouping.groups.members(group);
        if self.filter.is_none() || grouping.filters_groups {
            if members.first() == Some(&row) && self.passes(row) {
                return Some(i64::try_from(members.len()).unwrap_or(i64::MAX));
            }
            return None;
        }
        if !self.passes(row) || self.first_of(grouping, group) != Some(row) {
            return None;
        }
        let rows = members.iter().filter(|row| self.passes(**row)).count();
        Some(i64::try_from(rows).unwrap_or(i64::MAX))
    }

    /// The first row of a group that passes.
    fn first_of(&self, grouping: &Grouping, group: u32) -> Option<u32> {
        if let Some(first) = grouping.first.borrow().get(&group) {
            return *first;
        }
        let mut members = grouping.groups.members(group).iter().copied();
        let first = members.find(|row| self.passes(*row));
        grouping.first.borrow_mut().insert(group, first);
        first
    }

    fn passes(&self, row: u32) -> bool {
        self.count_row();
        match &self.filter {
            Some(split) => split.passes(self.table, row),
            None => true,
        }
    }

    fn count_row(&self) {
        self.rows_examined.set(self.rows_examined.get() + 1);
    }
}

impl<'a> SplitFilter<'a> {
    fn new(filter: &'a Filter, sorts: &[Sort], table: &Table) -> Self {
        let mut columns = Vec::new();
        for (position, field) in filter.fields.iter().enumerate() {
            if sorts.iter().any(|sort| sort.field.name == field.name) {
                columns.push(position);
            }
        }
        let (mut positional, mut stable, mut name) = (Vec::new(), Vec::new(), String::new());
        for conjunct in &filter.conjuncts {
            if conjunct.node.tests_only(&columns) {
                positional.push(&conjunct.node);
            } else {
                stable.push(&conjunct.node);
                name.push_str(&conjunct.text);
            }
        }
        let verdicts = if stable.is_empty() {
            None
        } else {
            Some(table.verdicts(name))
        };
        Self {
            filter,
            positional,
            stable,
            verdicts,
        }
    }

    fn passes(&self, table: &Table, row: u32) -> bool {
        let known = match &self.verdicts {
            Some(verdicts) => verdicts.get(row),
            None => None,
        };
        match known {
            Some(false) => return false,
            Some(true) if self.positional.is_empty() => return true,
            _ => {}
        }
        let cells = RowCells::new(table, &self.filter.fields, row);
        if !cells.pass(&self.positional) {
            return false;
        }
        match (&self.verdicts, known) {
            (Some(verdicts), None) => {
                let passes = cells.pass(&self.stable);
                verdicts.set(row, passes);
                passes
            }
            _ => true,
        }
    }
}

/// The values of a row that a filter tests, each computed when it is first needed.
struct RowCells<'a> {
    table: &'a Table,
    fields: &'a [Field],
    row: u32,
    cells: Vec<OnceCell<Cell>>,
}

impl<'a> RowCells<'a> {
    fn new(table: &'a Table, fields: &'a [Field], row: u32) -> Self {
        Self {
            table,
            fields,
            row,
            cells: vec![OnceCell::new(); fields.len()],
        }
    }

    fn pass(&self, nodes: &[&Node]) -> bool {
        nodes
            .iter()
            .all(|node| node.passes(&|position| self.get(position)))
    }

    fn get(&self, position: usize) -> Option<&Cell> {
        let field = self.fields.get(position)?;
        let cell = self.cells.get(position)?;
        Some(cell.get_or_init(|| self.table.cell(self.row, field)))
    }
}

impl Grouping {
    fn new(query: &Query, table: &Table, settings: PageSettings<'_>) -> Option<Self> {
        let names: &[&str] = match query.aggregation {
            Aggregation::All => return None,
            Aggregation::SimilarLinks => &["root_name_source", "anchor", "url_to"],
            Aggregation::OnePerDomain => &["root_name_source"],
        };
        let mut fields = Vec::with_capacity(names.len());
        for name in names {
            fields.push(Field::new(name, ColumnKind::Text, false));
        }
        Some(Self {
            groups: table.groups(&fields),
            filters_groups: settings.has(Quirk::FilterBeforeGroup),
            first: RefCell::default(),
        })
    }
}
