//! What the rows of a table are computed from: the target, the parameters, and the seed.
//!
//! A row is a number. Its cells depend on each other: a page's URL contains its host, a host its root, `is_nofollow` is the
//! opposite of `is_dofollow`, `last_seen` is null exactly for live rows.

use std::sync::Arc;

use super::daily_churn::DailyChurn;
use super::family::{Family, LOST_SHARE, NEWEST, Row};
use crate::sandbox::sections::ApiSection;
use crate::sandbox::seeded::Seeded;
use crate::sandbox::web;

/// Seconds by which a changed row's leading date-time moves.
const KEY_CHANGE_SECONDS: i64 = 7_919;
/// Seconds that the data's date-times spread over: five years.
const SPAN_SECONDS: u32 = 5 * 365 * 86_400;

/// The data of one operation for one target and the parameters that change it.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) family: Family,
    /// Host of the target, lower case.
    pub(crate) host: String,
    /// Whether `date_compared` was given.
    pub(crate) has_comparison: bool,
    /// Requested country, upper case.
    pub(crate) country: Option<String>,
    /// Live rows.
    pub(crate) rows: u32,
    /// Live rows of the target's lists, which counts report.
    pub(crate) listed: u32,
    /// Whether the operation has a `history` parameter, so that rows beyond the live ones are the lost ones.
    pub(crate) has_history: bool,
    pub(crate) ties: Option<u32>,
    /// The column that ties are made in, if the operation has one.
    pub(crate) lead: Option<String>,
    pub(crate) wide_groups: bool,
    /// How its rows come and go; `None` where they do not.
    pub(crate) churn: Option<DailyChurn>,
    /// Day, since 1970, of which a history is shown whose last weeks are corrected from day to day.
    pub(crate) corrected_on: Option<u32>,
    /// The section that knows the rows better.
    pub(crate) section: Option<Arc<dyn ApiSection>>,
    /// Column with a null in every so many rows, against the catalog.
    pub(crate) injected_nulls: Vec<(String, u32)>,
    pub(crate) seeded: Seeded,
}

impl Source {
    /// The source of chance of a row.
    pub(crate) fn row_seeded(&self, number: u32) -> Seeded {
        match &self.section {
            Some(section) => section.seeded(number),
            None => self.seeded.named("row").item(number),
        }
    }

    /// Links have true duplicates: some rows repeat the first of their block of eight.
    pub(crate) fn original(&self, number: u32) -> u32 {
        let is_added = self.churn.is_some_and(|churn| churn.is_added(number));
        let may_repeat = self.family == Family::Links && !is_added;
        if may_repeat && self.seeded.named("copy").item(number).once_in(25) {
            number / 8 * 8
        } else {
            number
        }
    }

    /// When the link, domain or page of this row was removed, with daily churn.
    fn removed_at(&self, number: u32, seeded: Seeded) -> Option<i64> {
        // Common anchors stay, as on the web: what orders of strings differ in must not run out over the years.
        if self.family == Family::Anchors && web::is_common_anchor(number) {
            return None;
        }
        self.churn?.removed_at(number, seeded)
    }

    /// Whether the link, domain or page of this row is lost.
    pub(crate) fn is_lost(&self, number: u32, seeded: Seeded) -> bool {
        if self.removed_at(number, seeded).is_some() {
            return true;
        }
        if self.has_history {
            return (self.rows..self.rows + self.rows / LOST_SHARE).contains(&number);
        }
        seeded.named("lost").once_in(LOST_SHARE)
    }

    /// When the row was first seen; half of the rows share theirs with a few others.
    pub(crate) fn first_seen(&self, number: u32, seeded: Seeded) -> i64 {
        if let Some(churn) = self.churn
            && let Some(added) = churn.added_at(number, seeded)
        {
            return added;
        }
        let start = NEWEST - i64::from(SPAN_SECONDS);
        if let Some(ties) = self.ties {
            let ties = ties.max(1);
            let num_batches = self.rows / ties + self.rows / LOST_SHARE / ties + 2;
            let step = (SPAN_SECONDS / num_batches).max(1);
            return start + i64::from(number / ties) * i64::from(step);
        }
        let seeded = seeded.named("first_seen");
        if seeded.once_in(2) {
            let batch = seeded.numbered(1).below((self.rows / 6).max(1));
            start + i64::from(self.seeded.named("batch").item(batch).below(SPAN_SECONDS))
        } else {
            start + i64::from(seeded.numbered(2).below(SPAN_SECONDS))
        }
    }

    pub(crate) fn last_seen(&self, number: u32, seeded: Seeded) -> i64 {
        if let Some(removed) = self.removed_at(number, seeded) {
            return removed;
        }
        let first = self.first_seen(number, seeded);
        let left = u32::try_from(NEWEST - first).unwrap_or(0);
        first + i64::from(seeded.named("last_seen").below(left.max(1)))
    }

    /// The date-time that a row is paged by, which changes move.
    pub(crate) fn leading_time(&self, number: u32, row: Row, seeded: Seeded) -> i64 {
        self.first_seen(number, seeded) + i64::from(row.key_changes) * KEY_CHANGE_SECONDS
    }

    /// A page of the target; no two numbers share one.
    pub(crate) fn page(&self, number: u32) -> String {
        if number == 0 {
            return format!("https://{}/", self.host);
        }
        let path = web::path(self.seeded.named("page").item(number), number);
        format!("https://{}{path}", self.host)
    }
}
