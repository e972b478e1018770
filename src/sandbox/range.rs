//! Which part of an order can hold the rows of a filter: two places that are found by bisection instead of a scan.
//!
//! A range is a necessary condition, never a sufficient one: the filter is still asked about every row inside. It is read
//! from any filter whatever its form, so nothing here knows how a client pages; what says nothing of the order (a column
//! that stands behind a free one, `neq`, text compared without regard to case) leaves the range as it was.

use std::cmp::Ordering;

use super::cell::Cell;
use super::condition::{Compare, Condition};
use super::filter::{Filter, Modifier, Node, Test};
use super::index::Sort;
use super::source::Field;

/// A place between rows of an order: before or after all rows that begin with these values.
#[derive(Debug, Clone, PartialEq)]
struct Cut {
    values: Vec<Cell>,
    after: bool,
}

/// The rows between two places; none where the first does not come before the second.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Range {
    from: Cut,
    to: Cut,
}

impl Range {
    /// Outside of it no row of this order passes the filter.
    pub(super) fn of(filter: &Filter, sorts: &[Sort]) -> Self {
        let place = |sort: &Sort| {
            filter
                .fields
                .iter()
                .position(|field| field.name == sort.field.name)
        };
        let columns = sorts
            .iter()
            .map(|sort| (place(sort), sort.descending))
            .collect();
        let nodes: Vec<&Node> = filter
            .conjuncts
            .iter()
            .map(|conjunct| &conjunct.node)
            .collect();
        Reader { columns }.all(&nodes, 0)
    }

    /// The rows of an order that lie inside; `cell` computes a value of a row.
    pub(super) fn within<'a>(
        &self,
        order: &'a [u32],
        sorts: &[Sort],
        cell: impl Fn(u32, &Field) -> Cell,
    ) -> &'a [u32] {
        let place = |cut: &Cut| {
            order.partition_point(|row| cut.is_behind(sorts, |field| cell(*row, field)))
        };
        order
            .get(place(&self.from)..place(&self.to))
            .unwrap_or_default()
    }

    fn new(from: Cut, to: Cut) -> Self {
        Self { from, to }
    }

    fn everything() -> Self {
        Self::new(Cut::start(), Cut::end())
    }

    fn nothing() -> Self {
        Self::new(Cut::end(), Cut::start())
    }

    /// The range behind one value of the column before.
    fn behind(mut self, value: &Cell) -> Self {
        self.from.values.insert(0, value.clone());
        self.to.values.insert(0, value.clone());
        self
    }

    /// The same rows of a column that is ordered the other way round.
    fn turned(self) -> Self {
        Self::new(self.to.turned(), self.from.turned())
    }
}

impl Cut {
    fn before(value: Cell) -> Self {
        Self {
            values: vec![value],
            after: false,
        }
    }

    fn after(value: Cell) -> Self {
        Self {
            values: vec![value],
            after: true,
        }
    }

    fn start() -> Self {
        Self {
            values: Vec::new(),
            after: false,
        }
    }

    fn end() -> Self {
        Self {
            values: Vec::new(),
            after: true,
        }
    }

    fn turned(self) -> Self {
        Self {
            after: !self.after,
            ..self
        }
    }

    /// Whether a row comes before the place.
    fn is_behind(&self, sorts: &[Sort], cell: impl Fn(&Field) -> Cell) -> bool {
        for (value, sort) in self.values.iter().zip(sorts) {
            let order = directed(cell(&sort.field).order(value), sort.descending);
            if order.is_ne() {
                return order.is_lt();
            }
        }
        self.after
    }
}

fn directed(order: Ordering, descending: bool) -> Ordering {
    if descending { order.reverse() } else { order }
}

/// Reads ranges from a filter.
struct Reader {
    /// For each column of the order its position among the filter's, and whether it descends.
    columns: Vec<(Option<usize>, bool)>,
}

impl Reader {
    /// The range of rows that pass all nodes, given that the columns before `depth` are fixed.
    fn all(&self, nodes: &[&Node], depth: usize) -> Range {
        let ranges = nodes.iter().map(|node| self.range(node, depth));
        let range = ranges.fold(Range::everything(), |left, right| {
            self.both(left, right, depth)
        });
        match (range.from.values.first(), range.to.values.first()) {
            // The column has one value: the nodes may speak of the next one too.
            (Some(low), Some(high))
                if low.order(high).is_eq() && depth + 1 < self.columns.len() =>
            {
                let inner = self.all(nodes, depth + 1).behind(low);
                self.both(range, inner, depth)
            }
            _ => range,
        }
    }

    fn range(&self, node: &Node, depth: usize) -> Range {
        match node {
            Node::And(nodes) => self.all(&nodes.iter().collect::<Vec<_>>(), depth),
            Node::Or(nodes) => {
                let ranges = nodes.iter().map(|node| self.range(node, depth));
                ranges.fold(Range::nothing(), |left, right| {
                    self.either(left, right, depth)
                })
            }
            Node::Not(node) => match self.condition(node, depth) {
                Some((Condition::IsNull, descending)) => {
                    let range = Range::new(Cut::after(Cell::Null), Cut::end());
                    if descending { range.turned() } else { range }
                }
                _ => Range::everything(),
            },
            Node::Test { .. } => match self.condition(node, depth) {
                Some((condition, true)) => ascending(condition).turned(),
                Some((condition, false)) => ascending(condition),
                None => Range::everything(),
            },
        }
    }

    /// The condition of a node that tests the value of this column of the order and nothing else, with the direction.
    fn condition<'a>(&self, node: &'a Node, depth: usize) -> Option<(&'a Condition, bool)> {
        let (Some(column), descending) = self.columns.get(depth)? else {
            return None;
        };
        match node {
            Node::Test {
                field,
                path,
                modifier: Modifier::None,
                test: Test::Is(condition),
            } if field == column && path.is_empty() => Some((condition, *descending)),
            _ => None,
        }
    }

    fn both(&self, left: Range, right: Range, depth: usize) -> Range {
        let from = if self.order(&left.from, &right.from, depth).is_lt() {
            right.from
        } else {
            left.from
        };
        let to = if self.order(&left.to, &right.to, depth).is_lt() {
            left.to
        } else {
            right.to
        };
        Range { from, to }
    }

    fn either(&self, left: Range, right: Range, depth: usize) -> Range {
        let from = if self.order(&left.from, &right.from, depth).is_lt() {
            left.from
        } else {
            right.from
        };
        let to = if self.order(&left.to, &right.to, depth).is_lt() {
            right.to
        } else {
            left.to
        };
        Range { from, to }
    }

    /// Which of two places comes first.
    fn order(&self, left: &Cut, right: &Cut, depth: usize) -> Ordering {
        let columns = self.columns.iter().skip(depth);
        for ((left, right), (_, descending)) in left.values.iter().zip(&right.values).zip(columns) {
            let order = directed(left.order(right), *descending);
            if order.is_ne() {
                return order;
            }
        }
        let side = |cut: &Cut| {
            if cut.after {
                Ordering::Greater
            } else {
                Ordering::Less
            }
        };
        match left.values.len().cmp(&right.values.len()) {
            Ordering::Equal => left.after.cmp(&right.after),
            Ordering::Less => side(left),
            Ordering::Greater => side(right).reverse(),
        }
    }
}

/// The range of a condition on an ascending column.
fn ascending(condition: &Condition) -> Range {
    let null = || Cut::after(Cell::Null);
    match condition {
        Condition::Never => Range::nothing(),
        Condition::IsNull => Range::new(Cut::before(Cell::Null), null()),
        // Text that is compared without regard to case has another order.
        Condition::Compare {
            value: Cell::Text(_),
            folded: true,
            ..
        } => Range::everything(),
        Condition::Compare { test, value, .. } => {
            let value = || value.clone();
            match test {
                Compare::Eq => Range::new(Cut::before(value()), Cut::after(value())),
                Compare::Neq => Range::everything(),
                Compare::Gt => Range::new(Cut::after(value()), Cut::end()),
                Compare::Gte => Range::new(Cut::before(value()), Cut::end()),
                Compare::Lt => Range::new(null(), Cut::before(value())),
                Compare::Lte => Range::new(null(), Cut::after(value())),
            }
        }
        _ => Range::everything(),
    }
}
