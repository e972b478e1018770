//! What decides how a task is paged: how its operation can be paged, filter, verdicts, limits.

use super::assumption::{Verdict, Verdicts};
use super::error::PagingError;
use super::limits::PagerLimits;
use crate::catalog::{ColumnKind, Endpoint, FREE_ROWS};
use crate::filter::Filter;

/// Everything that decides how a task is paged.
#[derive(Debug, Clone)]
pub struct PagerPlan {
    /// How the operation can be paged at all.
    pub paging: Paging,
    /// The task's own filter.
    pub base_filter: Option<Filter>,
    /// What is known of the API.
    pub verdicts: Verdicts,
    /// Sizes of requests and maxima of the task.
    pub limits: PagerLimits,
    /// The ranking that is wanted, if not all rows are.
    pub top: Option<Top>,
}

/// A ranking: so many rows, the greatest values first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Top {
    /// The column that ranks.
    pub by: String,
    /// Whether its values are strings: their order is an assumption.
    pub is_text: bool,
    /// Whether a filter can name it, so that the rest of a ranking can be requested.
    pub is_filterable: bool,
    /// Whether it may differ within a group that the API formed, so that a range over it would divide one.
    pub divides_groups: bool,
    /// Maximum number of rows.
    pub rows: u64,
    /// Selected columns that identify a row together: one that moves while the ranking is read is exported once. Empty
    /// where they are not all selected.
    pub identity: Vec<String>,
}

/// How an operation can be paged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Paging {
    /// It takes no `limit`: one answer is everything.
    Whole,
    /// It takes a `limit` but has no order key: one answer, complete only if it is short.
    OneAnswer,
    /// It takes an `offset`.
    Offset {
        /// Columns of an order in which no two rows are equal; empty where none is known.
        order: Vec<String>,
        /// Rows of a request.
        limit: u32,
    },
    /// It has an order key.
    Keyed {
        /// K, best column first.
        key: Vec<KeyColumn>,
        /// Whether its rows are groups that the API formed.
        grouping: RowGrouping,
    },
}

/// Whether the rows of an answer are groups that the API formed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowGrouping {
    /// They are not grouped.
    Rows,
    /// Rows are grouped; these columns are equal within a group, so that a range over them never divides one.
    Groups(Vec<KeyColumn>),
}

/// A column of K.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyColumn {
    /// Its name.
    pub name: String,
    /// Whether its values are strings: their order is an assumption.
    pub is_text: bool,
    /// Whether the report selects it anyway, so that ordering by it costs nothing.
    pub is_selected: bool,
}

impl PagerPlan {
    /// # Errors
    /// [`PagingError::FilterIgnored`] if the task has a filter and filters are known to be ignored.
    pub(super) fn ensure_filter_is_applied(&self) -> Result<(), PagingError> {
        if self.base_filter.is_some() && self.verdicts.where_honoured == Verdict::Broken {
            return Err(PagingError::FilterIgnored);
        }
        Ok(())
    }
}

impl Paging {
    /// How `endpoint` is paged when a report selects `selected` and groups its rows by `aggregation`, if at all.
    pub fn for_endpoint(
        endpoint: &Endpoint,
        selected: &[String],
        aggregation: Option<&str>,
    ) -> Self {
        if endpoint.parameter("limit").is_none() {
            return Self::Whole;
        }
        if endpoint.order_key.is_empty() {
            return Self::OneAnswer;
        }
        let grouping = match aggregation {
            None | Some("all") => RowGrouping::Rows,
            Some(name) => {
                // A grouping that the catalog does not know has no column that is safe.
                let columns = endpoint.group_columns.get(name);
                let columns = columns.map(Vec::as_slice).unwrap_or_default();
                RowGrouping::Groups(key_columns(endpoint, columns, selected))
            }
        };
        Self::Keyed {
            key: key_columns(endpoint, &endpoint.order_key, selected),
            grouping,
        }
    }

    /// How `endpoint` is read where it takes an offset: in the order of its key, or as it sends its rows. An operation
    /// whose own default limit is below what any plan allows is asked for no more than that.
    pub fn by_offset(endpoint: &Endpoint, limits: &PagerLimits) -> Option<Self> {
        if !endpoint.has_offset() {
            return None;
        }
        let default_rows = match &endpoint.parameter("limit")?.default {
            Some(rows) => rows.parse().unwrap_or(FREE_ROWS),
            None => FREE_ROWS,
        };
        let limit = if default_rows < FREE_ROWS {
            default_rows
        } else {
            limits.first_limit
        };
        Some(Self::Offset {
            order: endpoint.order_key.clone(),
            limit,
        })
    }
}

fn key_columns(endpoint: &Endpoint, names: &[String], selected: &[String]) -> Vec<KeyColumn> {
    let mut columns = Vec::new();
    for name in names {
        columns.push(KeyColumn {
            name: name.clone(),
            is_text: is_text(endpoint, name),
            is_selected: selected.contains(name),
        });
    }
    columns
}

/// Whether a column is text, or unknown.
fn is_text(endpoint: &Endpoint, name: &str) -> bool {
    match endpoint.column(name) {
        Some(column) => column.kind == ColumnKind::Text,
        None => true,
    }
}

impl Top {
    /// A ranking of `endpoint` by a column that it can order by, for a report that selects `selected`.
    pub fn for_endpoint(
        endpoint: &Endpoint,
        by: &str,
        rows: u64,
        selected: &[String],
        aggregation: Option<&str>,
    ) -> Self {
        let divides_groups = match aggregation {
            None | Some("all") => false,
            Some(name) => !is_equal_within_groups(endpoint, name, by),
        };
        let is_identified = endpoint.identity.iter().all(|name| selected.contains(name));
        let identity = if is_identified {
            endpoint.identity.clone()
        } else {
            Vec::new()
        };
        Self {
            by: by.to_owned(),
            is_text: is_text(endpoint, by),
            is_filterable: endpoint.filterable(by).is_some(),
            divides_groups,
            rows,
            identity,
        }
    }
}

/// Whether the catalog knows that a column has one value within each group of this aggregation.
fn is_equal_within_groups(endpoint: &Endpoint, aggregation: &str, name: &str) -> bool {
    for columns in [&endpoint.group_columns, &endpoint.group_values] {
        if let Some(columns) = columns.get(aggregation)
            && columns.iter().any(|column| column == name)
        {
            return true;
        }
    }
    false
}
