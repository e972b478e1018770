//! The end of a part of the ranking and of the whole, and what is known then.

use super::state::{Ranking, RankingPart};
use crate::model::PageKeys;
use crate::paging::assumption::{Assumption, Verdict};
use crate::paging::emitted::row_count;
use crate::paging::evidence::{BestEffort, Evidence, Shortfall, Status};
use crate::paging::row_multiset::RowMultiset;

impl Ranking {
    /// All rows of the part were received: those without a value come last.
    pub(super) fn end_part(&mut self, keys: &PageKeys) {
        self.last_answers.push(row_count(keys.len()));
        if self.verdicts.cap_floor_100 != Verdict::Holds {
            self.shortfall
                .get_or_insert(Shortfall::Assumption(Assumption::CapFloor));
        }
        if self.part == RankingPart::WithValue && self.remaining_rows() > 0 {
            self.part = RankingPart::WithoutValue;
            self.bound = Vec::new();
            self.expected_rows = RowMultiset::default();
            self.spans_pages |= self.rows > 0;
        } else {
            self.finish();
        }
    }

    pub(super) fn stop(&mut self, shortfall: Shortfall) {
        self.shortfall = Some(shortfall);
        self.finish();
    }

    pub(super) fn finish(&mut self) {
        self.has_ended = true;
        if self.part != RankingPart::All || self.last_answers.is_empty() {
            // The order counted: it must have been the source's, and that of all its rows.
            let doubt = if self.verdicts.cap_after_order == Verdict::Holds {
                self.order_doubt
            } else {
                Some(Assumption::CapAfterOrder)
            };
            if let Some(doubt) = doubt {
                self.shortfall.get_or_insert(Shortfall::Assumption(doubt));
            }
        }
        if self.base_filter.is_some() && self.verdicts.is_filter_doubtful(self.is_filter_proven) {
            self.shortfall = Some(Shortfall::Assumption(Assumption::WhereHonoured));
        }
    }

    pub(super) fn evidence(&self) -> Evidence {
        Evidence {
            status: Status::from_shortfall(self.shortfall),
            requests: self.requests,
            rows: self.rows,
            rows_reread: self.rows_received - self.rows,
            key: self.order(),
            limit: self.largest_limit,
            last_answers: self.last_answers.clone(),
            best_effort: self.spans_pages.then_some(BestEffort::RankingOverPages),
        }
    }
}
