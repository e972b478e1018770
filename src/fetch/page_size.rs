//! Smaller pages: after a refusal by the budget, and after a time-out.

use crate::config::Report;
use crate::context::run_context::RunContext;
use crate::fetch::request::quote;
use crate::fetch::task_pager::TaskPager;
use crate::paging::PageRequest;
use crate::plan::ScheduledTask;

/// Shrinks the page to the rest of the budget; whether that is a smaller page. Units that other tasks have reserved may be
/// released: the smaller page waits for them, and shrinks again if they are spent.
pub(super) fn shrink_page_to_budget(
    context: &RunContext,
    job: &ScheduledTask,
    report: &Report,
    pager: &mut TaskPager<'_>,
    ask: &PageRequest,
) -> bool {
    let Ok(client) = context.client() else {
        return false;
    };
    let left = client.meter().obtainable(context.shares(job));
    let (Some(limit), Some(left)) = (ask.limit, left) else {
        return false;
    };
    let most = worst_cost(report, pager, ask, u32::MAX);
    let per_row = (most / u64::from(u32::MAX)).max(1);
    let rows = u32::try_from(left / per_row).unwrap_or(u32::MAX);
    let is_affordable = worst_cost(report, pager, ask, rows) <= left;
    if rows < pager.min_page_limit() || rows >= limit || !is_affordable {
        return false;
    }
    pager.set_page_limit(rows);
    is_smaller(pager, ask)
}

/// Shrinks the page after a time-out; whether that is a smaller page.
pub(super) fn shrink_page_after_timeout(pager: &mut TaskPager<'_>, ask: &PageRequest) -> bool {
    pager.shrink_page();
    is_smaller(pager, ask)
}

fn is_smaller(pager: &TaskPager<'_>, ask: &PageRequest) -> bool {
    match pager.next_request() {
        Some(smaller) => smaller.limit < ask.limit,
        None => false,
    }
}

/// The most units that a request for so many rows can cost.
fn worst_cost(report: &Report, pager: &TaskPager<'_>, ask: &PageRequest, rows: u32) -> u64 {
    let ask = PageRequest {
        limit: Some(rows),
        ..ask.clone()
    };
    quote(report, pager.segment(), &ask).worst
}
