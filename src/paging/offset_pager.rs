//! Pages of an operation that takes an offset. Pure.
//!
//! A page begins with the last row of the page before: where it is another row, rows moved meanwhile. That is conclusive
//! only under an order in which no two rows are equal. Without one, all that a second page proves is that there was more.

use super::emitted::{EmittedRows, row_count};
use super::error::{PagingError, format_key};
use super::evidence::{Evidence, Shortfall, Status};
use super::limits::PagerLimits;
use super::plan::{PagerPlan, Paging};
use super::request::{NextStep, PageRequest, Purpose};
use crate::filter::Filter;
use crate::model::{PageKeys, Value};

/// Smallest limit: one row that was received before, and one new row.
const MIN_LIMIT: u32 = 2;

/// Reads one task by offset. Feed it every answer in order; after an error it must not be used again.
#[derive(Debug, Clone)]
pub struct OffsetPager {
    base_filter: Option<Filter>,
    limits: PagerLimits,
    /// The columns of an order in which no two rows are equal; empty where there is none.
    order: Vec<String>,
    limit: u32,
    /// Key of the last row that was received, while the order is total.
    last_key: Option<Vec<Value>>,
    is_total_order: bool,
    shortfall: Option<Shortfall>,
    is_done: bool,
    requests: u64,
    rows: u64,
    rows_received: u64,
    largest_limit: u32,
    last_answer: u64,
}

impl OffsetPager {
    /// A pager before its first request.
    ///
    /// # Errors
    /// If the task has a filter and filters are known to be ignored.
    pub(super) fn new(plan: PagerPlan) -> Result<Self, PagingError> {
        plan.ensure_filter_is_applied()?;
        let (order, limit) = match plan.paging {
            Paging::Offset { order, limit } => (order, limit),
            Paging::Whole | Paging::OneAnswer | Paging::Keyed { .. } => {
                (Vec::new(), plan.limits.first_limit)
            }
        };
        Ok(Self {
            base_filter: plan.base_filter,
            limits: plan.limits,
            is_total_order: !order.is_empty(),
            order,
            limit: plan.limits.within_known_cap(limit).max(MIN_LIMIT),
            last_key: None,
            shortfall: None,
            is_done: false,
            requests: 0,
            rows: 0,
            rows_received: 0,
            largest_limit: 0,
            last_answer: 0,
        })
    }

    /// What to do next. Calling it again changes nothing.
    pub fn next(&self) -> NextStep {
        if self.is_done {
            return NextStep::Done(self.evidence());
        }
        let reread = u64::from(self.last_key.is_some());
        NextStep::Request(PageRequest {
            filter: self.base_filter.clone(),
            order_by: self.order.clone(),
            is_descending: false,
            limit: Some(self.limit),
            key_columns: self.order.clone(),
            purpose: Purpose::Offset(self.rows - reread),
        })
    }

    /// Accepts the answer to the request of [`OffsetPager::next`].
    ///
    /// # Errors
    /// [`PagingError::RowsMoved`] where rows moved between two pages.
    pub fn answer(&mut self, keys: &PageKeys) -> Result<EmittedRows, PagingError> {
        self.check_answer(keys)?;
        self.requests += 1;
        self.rows_received += row_count(keys.len());
        self.largest_limit = self.largest_limit.max(self.limit);
        self.last_answer = row_count(keys.len());
        let num_reread = usize::from(self.last_key.is_some());
        let num_new = keys.len().saturating_sub(num_reread);
        let num_allowed = match self.limits.max_rows {
            Some(most) => most.saturating_sub(self.rows),
            None => u64::MAX,
        };
        let num_emitted = match usize::try_from(num_allowed) {
            Ok(most) => num_new.min(most),
            Err(_) => num_new,
        };
        self.rows += row_count(num_emitted);
        self.remember_last_key(keys);
        let is_last = self.limits.is_short_answer(keys.len(), self.limit);
        if num_emitted < num_new || (!is_last && row_count(num_emitted) == num_allowed) {
            self.stop(Some(Shortfall::MaxRows));
        } else if is_last || num_new == 0 {
            let is_doubtful = !self.is_total_order && self.requests > 1;
            self.stop(is_doubtful.then_some(Shortfall::NoTotalOrder));
        } else if self.requests >= self.limits.max_requests {
            self.stop(Some(Shortfall::MaxRequests));
        }
        Ok(EmittedRows::from_rows(num_reread..num_reread + num_emitted))
    }

    fn check_answer(&self, keys: &PageKeys) -> Result<(), PagingError> {
        if self.is_done {
            return Err(PagingError::UnexpectedAnswer);
        }
        if !keys.is_empty() && keys.width != self.order.len() {
            return Err(PagingError::KeyWidth {
                wanted: self.order.len(),
                got: keys.width,
            });
        }
        if let Some(last_key) = &self.last_key
            && (keys.is_empty() || keys.key(0) != last_key.as_slice())
        {
            return Err(PagingError::RowsMoved {
                columns: self.order.join(", "),
                value: format_key(last_key),
            });
        }
        Ok(())
    }

    /// The row with which the next page must begin; none once two rows were equal in the order.
    fn remember_last_key(&mut self, keys: &PageKeys) {
        for row in 1..keys.len() {
            if keys.key(row - 1) == keys.key(row) {
                self.is_total_order = false;
            }
        }
        self.last_key = match keys.len().checked_sub(1) {
            Some(last) if self.is_total_order => Some(keys.key(last).to_vec()),
            _ => None,
        };
    }

    fn stop(&mut self, shortfall: Option<Shortfall>) {
        self.shortfall = shortfall;
        self.is_done = true;
    }

    /// The request timed out: requests half as many rows from now on.
    pub fn shrink_page(&mut self) {
        self.limit = (self.limit / 2).max(self.limits.cap_floor.min(self.limit));
    }

    /// Sets the limit with which a saved request was sent, before its answer is replayed.
    pub fn set_page_limit(&mut self, limit: u32) {
        self.limit = limit.max(MIN_LIMIT);
    }

    fn evidence(&self) -> Evidence {
        Evidence {
            status: Status::from_shortfall(self.shortfall),
            requests: self.requests,
            rows: self.rows,
            rows_reread: self.rows_received - self.rows,
            key: self.order.clone(),
            limit: self.largest_limit,
            last_answers: vec![self.last_answer],
            best_effort: None,
        }
    }
}

#[cfg(test)]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "small numbers of tests"
)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::paging::assumption::Verdicts;

    fn plan(order: Option<&str>, limit: u32, max_rows: Option<u64>) -> PagerPlan {
        PagerPlan {
            paging: Paging::Offset {
                order: order.into_iter().map(str::to_owned).collect(),
                limit,
            },
            base_filter: None,
            verdicts: Verdicts::default(),
            limits: PagerLimits {
                max_rows,
                ..PagerLimits::default()
            },
            top: None,
        }
    }

    /// What a source with these rows, which caps answers, sends.
    fn page(rows: &[i64], request: &PageRequest, cap: usize) -> PageKeys {
        let Purpose::Offset(offset) = request.purpose else {
            panic!("an offset")
        };
        let most = cap.min(request.limit.unwrap_or(0) as usize);
        let own: Vec<i64> = rows
            .iter()
            .skip(offset as usize)
            .take(most)
            .copied()
            .collect();
        let width = request.key_columns.len();
        let values = if width == 0 {
            Vec::new()
        } else {
            own.iter().map(|row| Value::Int(*row)).collect()
        };
        PageKeys {
            width,
            values,
            digests: own.iter().map(|row| *row as u128).collect(),
        }
    }

    fn read(
        mut pager: OffsetPager,
        mut source: impl FnMut(&PageRequest) -> PageKeys,
    ) -> Result<(Vec<u128>, Evidence), PagingError> {
        let mut rows = Vec::new();
        for _ in 0..10_000 {
            match pager.next() {
                NextStep::Done(evidence) => return Ok((rows, evidence)),
                NextStep::Request(request) => {
                    let keys = source(&request);
                    for range in pager.answer(&keys)?.ranges {
                        rows.extend_from_slice(&keys.digests[range]);
                    }
                }
            }
        }
        panic!("the pager does not end")
    }

    proptest! {
        #[test]
        fn every_row_is_emitted_once_and_completeness_is_never_claimed_wrongly(
            num_rows in 0_i64..1_200,
            limit in 2_u32..400,
            cap in 100_usize..500,
            is_total in any::<bool>(),
            max_rows in proptest::option::of(1_u64..1_500),
        ) {
            let source: Vec<i64> = (0..num_rows).collect();
            let pager = OffsetPager::new(plan(is_total.then_some("id"), limit, max_rows)).unwrap();
            let (rows, evidence) = read(pager, |request| page(&source, request, cap)).unwrap();
            let wanted = max_rows.unwrap_or(u64::MAX).min(num_rows as u64) as usize;
            let expected: Vec<u128> = source.iter().take(wanted).map(|row| *row as u128).collect();
            prop_assert_eq!(rows, expected);
            prop_assert_eq!(evidence.rows, wanted as u64);
            match evidence.status {
                Status::Complete => prop_assert!(wanted == source.len() && (is_total || evidence.requests == 1)),
                Status::Capped(Shortfall::MaxRows) => prop_assert_eq!(Some(wanted as u64), max_rows),
                Status::Capped(why) => prop_assert!(why == Shortfall::NoTotalOrder && !is_total && evidence.requests > 1),
            }
        }

        #[test]
        fn rows_that_are_removed_or_inserted_before_the_offset_are_noticed(at in 0_usize..100, is_removed in any::<bool>()) {
            let mut source: Vec<i64> = (0..500).collect();
            let mut requests = 0;
            let outcome = read(OffsetPager::new(plan(Some("id"), 150, None)).unwrap(), |request| {
                requests += 1;
                if requests == 2 && is_removed {
                    source.remove(at);
                } else if requests == 2 {
                    source.insert(at, 10_000);
                }
                page(&source, request, 1_000)
            });
            prop_assert!(matches!(outcome, Err(PagingError::RowsMoved { .. })), "{outcome:?}");
        }
    }

    #[test]
    fn equal_keys_break_the_total_order() {
        let source: Vec<i64> = (0..300).map(|row| row / 2).collect();
        let (rows, evidence) = read(
            OffsetPager::new(plan(Some("id"), 200, None)).unwrap(),
            |request| page(&source, request, 1_000),
        )
        .unwrap();
        assert_eq!(
            (rows.len(), evidence.status),
            (300, Status::Capped(Shortfall::NoTotalOrder))
        );
    }
}
