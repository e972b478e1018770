//! What a page depends on beside query and table.

use crate::sandbox::quirks::Quirk;
use crate::sandbox::request::Query;
use crate::sandbox::seeded::Seeded;

/// What a page depends on beside query and table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PageSettings<'a> {
    pub(crate) quirks: &'a [Quirk],
    pub(crate) row_cap: Option<u32>,
    /// Number of the request, from 1.
    pub(crate) request: u64,
    pub(crate) seeded: Seeded,
}

impl PageSettings<'_> {
    pub(crate) fn has(&self, quirk: Quirk) -> bool {
        self.quirks.contains(&quirk)
    }

    /// Whether the answer is ordered as the query asks.
    pub(crate) fn is_ordered(&self, query: &Query) -> bool {
        !query.order.is_empty() && !self.has(Quirk::IgnoredOrder)
    }
}
