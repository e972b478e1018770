//! Which part of an order can contain the rows of a filter: two bounds that are found by bisection instead of a scan.
//!
//! A range is a necessary condition, never a sufficient one: the filter is still evaluated for every row inside. It is read
//! from any filter whatever its form, so nothing here knows how a client pages; a part that does not restrict the order (a
//! column after a free one, `neq`, text compared without regard to case) leaves the range as it was.

use std::cmp::Ordering;

use crate::sandbox::cell::Cell;
use crate::sandbox::field::{Field, Sort};
use crate::sandbox::filter::{Comparison, Condition, Filter, Modifier, Node, Test};

/// A position between rows of an order: before or after all rows that begin with these values.
#[derive(Debug, Clone, PartialEq)]
struct Bound {
    values: Vec<Cell>,
    is_after: bool,
}

/// The rows between two bounds; none where the first does not come before the second.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OrderRange {
    from: Bound,
    to: Bound,
}

impl OrderRange {
    /// Outside of it no row of this order passes the filter.
    pub(crate) fn of(filter: &Filter, sorts: &[Sort]) -> Self {
        let mut columns = Vec::with_capacity(sorts.len());
        for sort in sorts {
            columns.push(OrderColumn {
                position: filter
                    .fields
                    .iter()
                    .position(|field| field.name == sort.field.name),
                descending: sort.descending,
            });
        }
        let nodes: Vec<&Node> = filter
            .conjuncts
            .iter()
            .map(|conjunct| &conjunct.node)
            .collect();
        RangeReader { columns }.all(&nodes, 0)
    }

    /// The rows of an order that are inside; `cell` computes a value of a row.
    pub(crate) fn within<'a>(
        &self,
        order: &'a [u32],
        sorts: &[Sort],
        cell: impl Fn(u32, &Field) -> Cell,
    ) -> &'a [u32] {
        let from = order.partition_point(|row| self.from.is_past(sorts, |field| cell(*row, field)));
        let to = order.partition_point(|row| self.to.is_past(sorts, |field| cell(*row, field)));
        order.get(from..to).unwrap_or_default()
    }

    fn new(from: Bound, to: Bound) -> Self {
        Self { from, to }
    }

    fn everything() -> Self {
        Self::new(Bound::start(), Bound::end())
    }

    fn nothing() -> Self {
        Self::new(Bound::end(), Bound::start())
    }

    /// The range within one value of the column before.
    fn prefixed_with(mut self, value: &Cell) -> Self {
        self.from.values.insert(0, value.clone());
        self.to.values.insert(0, value.clone());
        self
    }

    /// The same rows of a column that is ordered the other way round.
    fn reversed(self) -> Self {
        Self::new(self.to.reversed(), self.from.reversed())
    }

    fn directed(self, descending: bool) -> Self {
        if descending { self.reversed() } else { self }
    }
}

impl Bound {
    fn before(value: Cell) -> Self {
        Self {
            values: vec![value],
            is_after: false,
        }
    }

    fn after(value: Cell) -> Self {
        Self {
            values: vec![value],
            is_after: true,
        }
    }

    fn start() -> Self {
        Self {
            values: Vec::new(),
            is_after: false,
        }
    }

    fn end() -> Self {
        Self {
            values: Vec::new(),
            is_after: true,
        }
    }

    fn reversed(self) -> Self {
        Self {
            is_after: !self.is_after,
            ..self
        }
    }

    /// Whether a row comes before the bound.
    fn is_past(&self, sorts: &[Sort], cell: impl Fn(&Field) -> Cell) -> bool {
        for (value, sort) in self.values.iter().zip(sorts) {
            let order = directed(cell(&sort.field).order(value), sort.descending);
            if order.is_ne() {
                return order.is_lt();
            }
        }
        self.is_after
    }
}

fn directed(order: Ordering, descending: bool) -> Ordering {
    if descending { order.reverse() } else { order }
}

/// A column of the order.
struct OrderColumn {
    /// Its position among the filter's columns.
    position: Option<usize>,
    descending: bool,
}

/// Reads ranges from a filter.
struct RangeReader {
    columns: Vec<OrderColumn>,
}

impl RangeReader {
    /// The range of rows that pass all nodes, given that the columns before `depth` are fixed.
    fn all(&self, nodes: &[&Node], depth: usize) -> OrderRange {
        let mut range = OrderRange::everything();
        for node in nodes {
            range = self.intersection(range, self.range(node, depth), depth);
        }
        match (range.from.values.first(), range.to.values.first()) {
            // The column has one value: the nodes may restrict the next one too.
            (Some(low), Some(high))
                if low.order(high).is_eq() && depth + 1 < self.columns.len() =>
            {
                let inner = self.all(nodes, depth + 1).prefixed_with(low);
                self.intersection(range, inner, depth)
            }
            _ => range,
        }
    }

    fn range(&self, node: &Node, depth: usize) -> OrderRange {
        match node {
            Node::And(nodes) => self.all(&nodes.iter().collect::<Vec<_>>(), depth),
            Node::Or(nodes) => {
                let mut range = OrderRange::nothing();
                for node in nodes {
                    range = self.union(range, self.range(node, depth), depth);
                }
                range
            }
            Node::Not(node) => match self.condition(node, depth) {
                Some((Condition::IsNull, descending)) => {
                    let range = OrderRange::new(Bound::after(Cell::Null), Bound::end());
                    range.directed(descending)
                }
                _ => OrderRange::everything(),
            },
            Node::Test { .. } => match self.condition(node, depth) {
                Some((condition, descending)) => ascending(condition).directed(descending),
                None => OrderRange::everything(),
            },
        }
    }

    /// The condition of a node that tests the value of this column of the order and nothing else, with the direction.
    fn condition<'a>(&self, node: &'a Node, depth: usize) -> Option<(&'a Condition, bool)> {
        let column = self.columns.get(depth)?;
        match node {
            Node::Test {
                field,
                path,
                modifier: Modifier::None,
                test: Test::Is(condition),
            } if column.position == Some(*field) && path.is_empty() => {
                Some((condition, column.descending))
            }
            _ => None,
        }
    }

    fn intersection(&self, left: OrderRange, right: OrderRange, depth: usize) -> OrderRange {
        let from = self.later(left.from, right.from, depth);
        let to = self.earlier(left.to, right.to, depth);
        OrderRange { from, to }
    }

    fn union(&self, left: OrderRange, right: OrderRange, depth: usize) -> OrderRange {
        let from = self.earlier(left.from, right.from, depth);
        let to = self.later(left.to, right.to, depth);
        OrderRange { from, to }
    }

    fn earlier(&self, left: Bound, right: Bound, depth: usize) -> Bound {
        if self.order(&left, &right, depth).is_lt() {
            left
        } else {
            right
        }
    }

    fn later(&self, left: Bound, right: Bound, depth: usize) -> Bound {
        if self.order(&left, &right, depth).is_lt() {
            right
        } else {
            left
        }
    }

    /// Which of two bounds comes first.
    fn order(&self, left: &Bound, right: &Bound, depth: usize) -> Ordering {
        for (position, column) in self.columns.iter().skip(depth).enumerate() {
            let values = (left.values.get(position), right.values.get(position));
            let (Some(left), Some(right)) = values else {
                break;
            };
            let order = directed(left.order(right), column.descending);
            if order.is_ne() {
                return order;
            }
        }
        match left.values.len().cmp(&right.values.len()) {
            Ordering::Equal => left.is_after.cmp(&right.is_after),
            Ordering::Less if left.is_after => Ordering::Greater,
            Ordering::Less => Ordering::Less,
            Ordering::Greater if right.is_after => Ordering::Less,
            Ordering::Greater => Ordering::Greater,
        }
    }
}

/// The range of a condition on an ascending column.
fn ascending(condition: &Condition) -> OrderRange {
    match condition {
        Condition::Never => OrderRange::nothing(),
        Condition::IsNull => OrderRange::new(Bound::before(Cell::Null), Bound::after(Cell::Null)),
        // Text that is compared without regard to case has another order.
        Condition::Compare {
            value: Cell::Text(_),
            ignores_case: true,
            ..
        } => OrderRange::everything(),
        Condition::Compare { test, value, .. } => compared(*test, value),
        _ => OrderRange::everything(),
    }
}

fn compared(test: Comparison, value: &Cell) -> OrderRange {
    let before = Bound::before(value.clone());
    let after = Bound::after(value.clone());
    let first = Bound::after(Cell::Null);
    match test {
        Comparison::Eq => OrderRange::new(before, after),
        Comparison::Neq => OrderRange::everything(),
        Comparison::Gt => OrderRange::new(after, Bound::end()),
        Comparison::Gte => OrderRange::new(before, Bound::end()),
        Comparison::Lt => OrderRange::new(first, before),
        Comparison::Lte => OrderRange::new(first, after),
    }
}
