//! The rows of an answer: filtered, grouped, ordered, cut.
//!
//! `where` applies to single rows, which are grouped afterwards (the quirk `filter_before_group` reverses that). A
//! group is shown by its first row in the table's own order, whatever the request orders by.

use super::filtered_rows::FilteredRows;
use super::row_writer::{VisibleRow, body};
use super::settings::PageSettings;
use crate::catalog::Endpoint;
use crate::sandbox::data::Table;
use crate::sandbox::quirks::Quirk;
use crate::sandbox::request::Query;

/// Cap of the quirk `cap_after_order` where no row cap is set.
const EARLY_CAP: u32 = 500;
/// Cap of the quirk `cap_floor_100`.
const LOW_CAP: u32 = 40;
/// Cap of the quirk `intermittent_cap`, and which requests it cuts.
const INTERMITTENT_CAP: u32 = 100;
const INTERMITTENT_REQUESTS: u64 = 3;
/// Rows that are never cut by the quirk `short_answers`.
const SHORTEST_ANSWER: usize = 100;

/// A body with the number of rows in it.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) rows: u64,
    /// Rows that were examined to find them: the work behind the page.
    pub(crate) rows_examined: u64,
    pub(crate) body: Vec<u8>,
}

/// Answers a query.
pub(crate) fn page(
    endpoint: &Endpoint,
    query: &Query,
    table: &Table,
    settings: PageSettings<'_>,
) -> Page {
    let filtered = FilteredRows::new(query, table, settings);
    let rows = visible_rows(&filtered, query, table, settings);
    Page {
        rows: u64::try_from(rows.len()).unwrap_or(0),
        rows_examined: filtered.rows_examined(),
        body: body(endpoint, query, table, &rows, settings),
    }
}

fn visible_rows(
    filtered: &FilteredRows<'_>,
    query: &Query,
    table: &Table,
    settings: PageSettings<'_>,
) -> Vec<VisibleRow> {
    let early = if settings.has(Quirk::CapAfterOrder) {
        Some(early_rows(filtered, table, settings))
    } else {
        None
    };
    let view = View {
        filtered,
        early,
        offset: query.offset,
        limit: limit(query, settings),
    };
    let mut rows = if settings.is_ordered(query) {
        let order = table.order(&query.order);
        let possible = filtered.possible(&order, &query.order);
        view.rows(possible.iter().copied())
    } else {
        view.rows(0..table.len())
    };
    if settings.has(Quirk::ShortAnswers) && rows.len() > SHORTEST_ANSWER {
        let extra = u32::try_from(rows.len() - SHORTEST_ANSWER).unwrap_or(0);
        let kept = settings.seeded.named("short").below(extra + 1);
        rows.truncate(SHORTEST_ANSWER + usize::try_from(kept).unwrap_or(0));
    }
    rows
}

/// The rows, in the table's own order, that are left where answers are cut before they are ordered.
fn early_rows(filtered: &FilteredRows<'_>, table: &Table, settings: PageSettings<'_>) -> Vec<u32> {
    let cap = usize::try_from(settings.row_cap.unwrap_or(EARLY_CAP)).unwrap_or(usize::MAX);
    let mut rows = Vec::new();
    for row in 0..table.len() {
        if rows.len() == cap {
            break;
        }
        if filtered.group_rows(row).is_some() {
            rows.push(row);
        }
    }
    rows
}

/// Which rows of an order are shown.
struct View<'a> {
    filtered: &'a FilteredRows<'a>,
    /// Only these, ascending.
    early: Option<Vec<u32>>,
    offset: u32,
    limit: u32,
}

impl View<'_> {
    fn rows(&self, order: impl Iterator<Item = u32>) -> Vec<VisibleRow> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let mut skipped = 0;
        let mut rows = Vec::new();
        for row in order {
            if rows.len() == limit {
                break;
            }
            if let Some(early) = &self.early
                && early.binary_search(&row).is_err()
            {
                continue;
            }
            let Some(group_rows) = self.filtered.group_rows(row) else {
                continue;
            };
            if skipped < self.offset {
                skipped += 1;
            } else {
                rows.push(VisibleRow { row, group_rows });
            }
        }
        rows
    }
}

/// Rows of the answer at most: the requested limit under every silent cap.
fn limit(query: &Query, settings: PageSettings<'_>) -> u32 {
    let mut limit = query.limit;
    if query.is_unlimited {
        return limit;
    }
    if let Some(cap) = settings.row_cap {
        limit = limit.min(cap);
    }
    if settings.has(Quirk::CapFloor100) {
        limit = limit.min(LOW_CAP);
    }
    let is_cut = settings.request.is_multiple_of(INTERMITTENT_REQUESTS);
    if settings.has(Quirk::IntermittentCap) && is_cut {
        limit = limit.min(INTERMITTENT_CAP);
    }
    limit
}

#[cfg(test)]
mod tests;
