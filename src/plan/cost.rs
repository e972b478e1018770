//! What a task of so many rows will cost: the requests that paging makes of it and their price. Pure.

use super::bounds::units_of_segments;
use super::task::Task;
use crate::catalog::{Endpoint, MIN_UNITS_PER_REQUEST, Pricing};

/// Rows of the first page where no cap is known; it doubles up to [`LARGEST_PAGE`] while answers are fast.
const FIRST_PAGE: u64 = 5_000;

/// Rows of a page at most.
const LARGEST_PAGE: u64 = 50_000;

/// Only an answer shorter than this ends a range.
const SHORT: u64 = 100;

/// What a task comes to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cost {
    /// Rows exported.
    pub rows: u64,
    /// Requests.
    pub requests: u64,
    /// Units.
    pub units: u64,
}

/// What an earlier run made of the same task.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LastRun {
    /// Rows exported.
    pub rows: u64,
    /// Rows received again.
    pub reread: u64,
    /// Requests answered.
    pub requests: u64,
    /// Rows of the answers that ended the ranges.
    pub last_rows: u64,
    /// Units charged.
    pub units: u64,
    /// Units of a row then; 0 where that is not known.
    pub units_per_row: u64,
}

/// Cost of a task that is as large as it was. What was charged then counts at least, since a key that had to grow made rows
/// dearer; what came from the source's cache will be charged this time.
pub fn scaled_from_last_run(endpoint: &Endpoint, task: &Task, last_run: &LastRun) -> Cost {
    let price = task.units_per_row;
    let received = last_run.rows.saturating_add(last_run.reread);
    let units = if endpoint.pricing != Pricing::PerRow || last_run.requests <= 1 {
        endpoint
            .units_per_request(received, price)
            .saturating_mul(last_run.requests.max(1))
    } else {
        let question = MIN_UNITS_PER_REQUEST;
        let pages = received
            .saturating_sub(last_run.last_rows)
            .saturating_mul(price);
        pages
            .saturating_add(question)
            .saturating_add(endpoint.units_per_request(last_run.last_rows, price))
    };
    let then = last_run
        .units
        .saturating_mul(price)
        .checked_div(last_run.units_per_row)
        .unwrap_or(0);
    let units = if task.costs_nothing() {
        0
    } else {
        units.max(then)
    };
    Cost {
        rows: last_run.rows,
        requests: last_run.requests.max(1),
        units,
    }
}

/// Cost of a task of so many rows that was never fetched: pages of which each receives the last key of the one before
/// again (`seam` rows), one question for nulls, and an answer short enough to be the end.
pub fn of_rows(
    endpoint: &Endpoint,
    task: &Task,
    rows: u64,
    cap: Option<u64>,
    is_fuse: bool,
    seam: u64,
) -> Cost {
    let price = task.units_per_row;
    if task.segments.len() > 1 {
        let units = if task.costs_nothing() {
            0
        } else {
            units_of_segments(endpoint, task, rows)
        };
        let requests = u64::try_from(task.segments.len()).unwrap_or(u64::MAX);
        return Cost {
            rows,
            requests,
            units,
        };
    }
    if endpoint.has_offset() && endpoint.pricing != Pricing::PerRow {
        let page = cap.unwrap_or(FIRST_PAGE).max(2) - 1;
        let requests = rows / page + 1;
        return Cost {
            rows,
            requests,
            units: endpoint.units_per_request(0, 0).saturating_mul(requests),
        };
    }
    if task.order_key.is_empty() || endpoint.pricing != Pricing::PerRow {
        let units = if task.costs_nothing() {
            0
        } else {
            endpoint.units_per_request(rows, price)
        };
        return Cost {
            rows,
            requests: 1,
            units,
        };
    }
    let cap = cap.unwrap_or(LARGEST_PAGE).max(1);
    let (mut limit, mut position) = (FIRST_PAGE.min(cap), 0_u64);
    let (mut requests, mut units) = (0_u64, 0_u64);
    loop {
        let left = rows.saturating_sub(position);
        let got = left.min(limit);
        requests += 1;
        units = units.saturating_add(endpoint.units_per_request(got, price));
        let reached = position.saturating_add(got) >= rows;
        if got < limit.min(SHORT) || (is_fuse && reached) {
            break;
        }
        if requests == 1 {
            requests += 1;
            units = units.saturating_add(MIN_UNITS_PER_REQUEST);
        }
        // A page that is one group only would not get on; paging then lengthens the key.
        position = position.saturating_add(got.saturating_sub(seam.min(got / 2)).max(1));
        limit = limit.saturating_mul(2).min(LARGEST_PAGE).min(cap);
    }
    Cost {
        rows,
        requests,
        units: if task.costs_nothing() { 0 } else { units },
    }
}
