//! Pages of an operation that can skip rows. Pure.
//!
//! A page begins with the last row of the one before: where it is another row, rows moved meanwhile. That tells only under
//! an order in which no two rows are equal. Without one, all that a second page proves is that there was more to get.

use crate::filter::Filter;
use crate::model::{PageKeys, Value};

use super::error::shown;
use super::{
    Ask, Emit, Evidence, PagerLimits, PagerPlan, Paging, PagingError, Purpose, Shortfall, Status,
    Step,
};

/// Reads one task by skipping rows. Feed it every answer in order; after an error it must not be used again.
#[derive(Debug, Clone)]
pub struct Skipping {
    base: Option<Filter>,
    limits: PagerLimits,
    /// The columns of an order in which no two rows are equal; empty where there is none.
    order: Vec<String>,
    limit: u32,
    /// Key of the last row that was received.
    last: Option<Vec<Value>>,
    is_total: bool,
    shortfall: Option<Shortfall>,
    is_done: bool,
    requests: u64,
    rows: u64,
    received: u64,
    largest_limit: u32,
    last_answer: u64,
}

impl Skipping {
    /// The machine before its first request.
    pub(super) fn new(plan: PagerPlan) -> Self {
        let (order, page) = match plan.paging {
            Paging::Skipping { order, page } => (order, page),
            Paging::Whole | Paging::OneAnswer | Paging::Keyed { .. } => {
                (Vec::new(), plan.limits.start)
            }
        };
        let limit = plan.limits.cap.map_or(page, |cap| page.min(cap)).max(2);
        Self {
            base: plan.base,
            limits: plan.limits,
            is_total: !order.is_empty(),
            order,
            limit,
            last: None,
            shortfall: None,
            is_done: false,
            requests: 0,
            rows: 0,
            received: 0,
            largest_limit: 0,
            last_answer: 0,
        }
    }

    /// What to do next. Asking again changes nothing.
    pub fn next(&self) -> Step {
        if self.is_done {
            return Step::Done(self.evidence());
        }
        Step::Ask(Ask {
            filter: self.base.clone(),
            order_by: self.order.clone(),
            descends: false,
            limit: Some(self.limit),
            key_columns: self.order.clone(),
            purpose: Purpose::Behind(self.rows - self.overlap()),
        })
    }

    /// Rows that the next answer brings again.
    fn overlap(&self) -> u64 {
        u64::from(self.last.is_some())
    }

    /// Takes the answer to the request that [`Skipping::next`] wants.
    ///
    /// # Errors
    /// [`PagingError::Moved`] where rows moved between two pages.
    pub fn answer(&mut self, keys: &PageKeys) -> Result<Emit, PagingError> {
        if self.is_done {
            return Err(PagingError::NotAwaited);
        }
        if !keys.is_empty() && keys.width != self.order.len() {
            return Err(PagingError::Width {
                wanted: self.order.len(),
                got: keys.width,
            });
        }
        if let Some(last) = &self.last
            && (keys.is_empty() || keys.key(0) != last.as_slice())
        {
            return Err(PagingError::Moved {
                columns: self.order.join(", "),
                value: shown(last),
            });
        }
        self.requests += 1;
        self.received += count(keys.len());
        self.largest_limit = self.largest_limit.max(self.limit);
        self.last_answer = count(keys.len());
        let again = usize::try_from(self.overlap()).unwrap_or(0);
        let left = self
            .limits
            .max_rows
            .map_or(u64::MAX, |most| most.saturating_sub(self.rows));
        let new = keys.len().saturating_sub(again);
        let taken = usize::try_from(left).map_or(new, |left| new.min(left));
        self.rows += count(taken);
        let is_short =
            u32::try_from(keys.len()).is_ok_and(|len| len < self.limit.min(self.limits.floor));
        let is_same = |row: &usize| self.is_total && keys.key(*row) == keys.key(row + 1);
        if (0..keys.len().saturating_sub(1)).any(|row| is_same(&row)) {
            self.is_total = false;
        }
        self.last = if self.is_total {
            keys.len().checked_sub(1).map(|row| keys.key(row).to_vec())
        } else {
            None
        };
        let is_cut = taken < new || (!is_short && count(taken) == left);
        if is_cut {
            self.stop(Some(Shortfall::MaxRows));
        } else if is_short || new == 0 {
            let doubt = (!self.is_total && self.requests > 1).then_some(Shortfall::NoTotalOrder);
            self.stop(doubt);
        } else if self.requests >= self.limits.max_requests {
            self.stop(Some(Shortfall::MaxRequests));
        }
        Ok(Emit::of(again..again + taken))
    }

    fn stop(&mut self, shortfall: Option<Shortfall>) {
        self.shortfall = shortfall;
        self.is_done = true;
    }

    /// The request timed out: asks for half as many rows from now on.
    pub fn slower(&mut self) {
        self.limit = (self.limit / 2).max(self.limits.floor.min(self.limit));
    }

    /// Sets the limit with which a saved request was sent, before its answer is fed again.
    pub fn at_limit(&mut self, limit: u32) {
        self.limit = limit.max(2);
    }

    fn evidence(&self) -> Evidence {
        Evidence {
            status: self.shortfall.map_or(Status::Complete, Status::Capped),
            requests: self.requests,
            rows: self.rows,
            rows_reread: self.received - self.rows,
            key: self.order.clone(),
            limit: self.largest_limit,
            last_answers: vec![self.last_answer],
            best_effort: None,
        }
    }
}

fn count(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
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
    use crate::paging::Verdicts;

    fn plan(order: Option<&str>, page: u32, max_rows: Option<u64>) -> PagerPlan {
        PagerPlan {
            paging: Paging::Skipping {
                order: order.into_iter().map(str::to_owned).collect(),
                page,
            },
            base: None,
            verdicts: Verdicts::default(),
            limits: PagerLimits {
                max_rows,
                ..PagerLimits::default()
            },
            top: None,
        }
    }

    /// What a source with these rows, which caps answers, sends.
    fn page(rows: &[i64], ask: &Ask, cap: usize) -> PageKeys {
        let Purpose::Behind(offset) = ask.purpose else {
            panic!("an offset")
        };
        let most = cap.min(ask.limit.unwrap_or(0) as usize);
        let own: Vec<i64> = rows
            .iter()
            .skip(offset as usize)
            .take(most)
            .copied()
            .collect();
        let width = ask.key_columns.len();
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
        mut machine: Skipping,
        mut source: impl FnMut(&Ask) -> PageKeys,
    ) -> Result<(Vec<u128>, Evidence), PagingError> {
        let mut rows = Vec::new();
        for _ in 0..10_000 {
            match machine.next() {
                Step::Done(evidence) => return Ok((rows, evidence)),
                Step::Ask(ask) => {
                    let keys = source(&ask);
                    for range in machine.answer(&keys)?.ranges {
                        rows.extend_from_slice(&keys.digests[range]);
                    }
                }
            }
        }
        panic!("it does not end")
    }

    proptest! {
        #[test]
        fn every_row_comes_once_and_completeness_is_never_claimed_in_vain(
            num_rows in 0_i64..1_200,
            limit in 2_u32..400,
            cap in 100_usize..500,
            is_total in any::<bool>(),
            max_rows in proptest::option::of(1_u64..1_500),
        ) {
            let source: Vec<i64> = (0..num_rows).collect();
            let machine = Skipping::new(plan(is_total.then_some("id"), limit, max_rows));
            let (rows, evidence) = read(machine, |ask| page(&source, ask, cap)).unwrap();
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
        fn rows_that_go_or_come_in_front_are_noticed(at in 0_usize..100, is_gone in any::<bool>()) {
            let mut source: Vec<i64> = (0..500).collect();
            let mut requests = 0;
            let outcome = read(Skipping::new(plan(Some("id"), 150, None)), |ask| {
                requests += 1;
                if requests == 2 && is_gone {
                    source.remove(at);
                } else if requests == 2 {
                    source.insert(at, 10_000);
                }
                page(&source, ask, 1_000)
            });
            prop_assert!(matches!(outcome, Err(PagingError::Moved { .. })), "{outcome:?}");
        }
    }

    #[test]
    fn equal_keys_are_no_total_order() {
        let source: Vec<i64> = (0..300).map(|row| row / 2).collect();
        let (rows, evidence) = read(Skipping::new(plan(Some("id"), 200, None)), |ask| {
            page(&source, ask, 1_000)
        })
        .unwrap();
        assert_eq!(
            (rows.len(), evidence.status),
            (300, Status::Capped(Shortfall::NoTotalOrder))
        );
    }
}
