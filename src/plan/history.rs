//! The days that a history is asked for: all since `since` the first time, later from the last answer on and some before,
//! since the API revises recent periods.
//!
//! A window begins where a period does: a row of half a period must not take the place of a whole one.

use chrono::{Datelike as _, Days, NaiveDate};

use super::bill::{bound_units, of_series};
use super::once::Bought;
use super::task::Task;
use crate::config::{Report, RunConfig};
use crate::model::Night;
use crate::table::{Span, joined};

/// Days before the last answer that are asked for again. A week of them costs no request more, and of most histories
/// nothing at all, since a request has a minimum price; figures of a day settle within days.
const OVERLAP_DAYS: u64 = 7;

/// Days of the shortest month.
const SHORTEST_MONTH: u64 = 28;

/// Days of the longest month.
const LONGEST_MONTH: u64 = 31;

/// What one row of a history stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grouping {
    /// A day.
    Daily,
    /// A week, from Monday on.
    Weekly,
    /// A month.
    Monthly,
    /// The operation does not say: at least a day, at most a month.
    Unstated,
}

impl Grouping {
    /// Of a report's tasks with these varying parameters.
    pub fn of(report: &Report, varying: &[(String, String)]) -> Self {
        const NAME: &str = "history_grouping";
        let varies = varying
            .iter()
            .find(|(name, _)| name == NAME)
            .map(|(_, value)| value.as_str());
        match varies.or_else(|| report.parameter(NAME)) {
            Some("monthly") => Self::Monthly,
            Some("weekly") => Self::Weekly,
            Some(_) => Self::Daily,
            None => Self::Unstated,
        }
    }

    /// The first day of the period of a day.
    fn start(self, day: NaiveDate) -> NaiveDate {
        match self {
            Self::Daily => day,
            Self::Weekly => before(day, u64::from(day.weekday().num_days_from_monday())),
            Self::Monthly | Self::Unstated => day.with_day(1).unwrap_or(day),
        }
    }

    /// The last day of the period of a day.
    fn end(self, day: NaiveDate) -> NaiveDate {
        let next = match self {
            Self::Daily => return day,
            Self::Weekly => self.start(day).checked_add_days(Days::new(7)),
            Self::Monthly | Self::Unstated => {
                self.start(day).checked_add_months(chrono::Months::new(1))
            }
        };
        next.and_then(|next| next.pred_opt()).unwrap_or(day)
    }

    /// The first day that is asked for again where answers reach to `last`: the period of that day was not over, and the
    /// one before it may still be revised.
    fn again(self, last: NaiveDate) -> NaiveDate {
        match self {
            Self::Daily => before(last, OVERLAP_DAYS),
            Self::Weekly | Self::Monthly | Self::Unstated => {
                self.start(before(self.start(last), 1))
            }
        }
    }

    /// Periods that touch the range: the most rows that one series of it has.
    pub(super) fn periods(self, span: Span) -> u64 {
        let days = |first: NaiveDate, last: NaiveDate| {
            u64::try_from((last - first).num_days()).unwrap_or(0)
        };
        match self {
            Self::Daily | Self::Unstated => days(span.first, span.last) + 1,
            Self::Weekly => days(self.start(span.first), self.start(span.last)) / 7 + 1,
            Self::Monthly => {
                let months =
                    |date: NaiveDate| i64::from(date.year()) * 12 + i64::from(date.month0());
                u64::try_from(months(span.last) - months(span.first)).unwrap_or(0) + 1
            }
        }
    }

    /// Rows of a night at most, once all older ones are there and nights lie this far apart.
    fn usual_periods(self, nights: u64) -> u64 {
        match self {
            Self::Daily => OVERLAP_DAYS + nights + 1,
            Self::Weekly => nights.div_ceil(7) + 2,
            Self::Monthly => nights.div_ceil(SHORTEST_MONTH) + 2,
            Self::Unstated => 2 * LONGEST_MONTH + nights,
        }
    }
}

fn before(day: NaiveDate, days: u64) -> NaiveDate {
    day.checked_sub_days(Days::new(days)).unwrap_or(day)
}

/// The days that a night asks for, given those that are answered; `None` if nothing is missing up to the night.
///
/// The days from `since` on that are missing before those that are answered are asked for together with all that follow:
/// one request, so that a task has one answer.
pub fn window(
    grouping: Grouping,
    since: NaiveDate,
    answered: &[Span],
    night: Night,
) -> Option<Span> {
    let first = grouping.start(since).min(night);
    let held = answered
        .iter()
        .rev()
        .find(|span| span.first <= first && span.last >= first);
    match held {
        Some(held) if held.last >= night => None,
        Some(held) => Span::new(grouping.again(held.last).max(first), night),
        None => Span::new(first, night),
    }
}

/// All days from `since` to the night: what pays again for everything.
pub fn whole_window(grouping: Grouping, since: NaiveDate, night: Night) -> Option<Span> {
    window(grouping, since, &[], night)
}

/// The whole periods of a range that was asked for by name, as far as they have begun.
pub fn asked_window(
    grouping: Grouping,
    from: NaiveDate,
    to: NaiveDate,
    today: NaiveDate,
) -> Option<Span> {
    Span::new(grouping.start(from), grouping.end(to).min(today).max(to))
}

/// Whether days are answered.
pub fn is_answered(answered: &[Span], days: Span) -> bool {
    joined(answered.iter().copied())
        .iter()
        .any(|span| span.covers(days))
}

/// The days that a task asks for, if it is one of a history.
pub fn window_of(task: &Task) -> Option<Span> {
    let day = |name: &str| {
        task.query
            .iter()
            .find(|(known, _)| known == name)?
            .1
            .parse()
            .ok()
    };
    Span::new(day("date_from")?, day("date_to")?)
}

/// Lets a task of a history ask for these days: its bounds follow.
pub fn set_window(config: &RunConfig, task: &mut Task, window: Span) {
    let Span { first, last } = window;
    for (name, value) in &mut task.query {
        match name.as_str() {
            "date_from" => *value = first.to_string(),
            "date_to" => *value = last.to_string(),
            _ => {}
        }
    }
    if let Some(report) = config.reports.get(task.report) {
        let rows = of_series(
            &task.segments,
            Grouping::of(report, &task.parameters).periods(window),
        );
        bound(report, task, rows);
    }
}

/// A task of a history with the bounds of a night on which its older rows are there; `None` for any other.
pub fn usual(config: &RunConfig, task: &Task) -> Option<Task> {
    let report = config
        .reports
        .get(task.report)
        .filter(|report| report.endpoint.history_column().is_some())?;
    let periods =
        Grouping::of(report, &task.parameters).usual_periods(u64::from(report.every.nights()));
    let rows = of_series(&task.segments, periods);
    let mut usual = task.clone();
    bound(report, &mut usual, rows.min(task.bound_rows?));
    Some(usual)
}

/// The most units of a task in a night, once its older rows are there.
pub(super) fn usual_units(config: &RunConfig, task: &Task) -> Option<u64> {
    if task.bought == Bought::Twin {
        Some(0)
    } else {
        usual(config, task)?.bound_units
    }
}

fn bound(report: &Report, task: &mut Task, rows: u64) {
    task.bound_rows = Some(rows);
    task.bound_units = bound_units(report, task, false);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a date")
    }

    fn span(first: &str, last: &str) -> Span {
        Span::new(day(first), day(last)).expect("a range")
    }

    #[test]
    fn periods_count_both_ends() {
        assert_eq!(
            Grouping::Monthly.periods(span("2024-01-31", "2024-02-01")),
            2
        );
        assert_eq!(Grouping::Daily.periods(span("2024-01-01", "2024-01-01")), 1);
        assert_eq!(
            Grouping::Daily.periods(span("2024-01-01", "2024-12-31")),
            366
        );
        assert_eq!(
            Grouping::Weekly.periods(span("2024-01-06", "2024-01-15")),
            3,
            "touches three weeks"
        );
    }

    #[test]
    fn a_window_begins_with_a_whole_period_that_may_still_be_revised() {
        let since = day("2024-02-29");
        let after = |grouping, last: &str, night: &str| {
            window(grouping, since, &[span("2024-01-01", last)], day(night))
                .expect("something is missing")
                .first
        };
        assert_eq!(
            after(Grouping::Daily, "2026-01-03", "2026-01-04"),
            day("2025-12-27")
        );
        // Thursday, 1 January 2026: its week began on 29 December; the one before on the 22nd.
        assert_eq!(
            after(Grouping::Weekly, "2026-01-01", "2026-01-02"),
            day("2025-12-22")
        );
        assert_eq!(
            after(Grouping::Monthly, "2026-03-31", "2026-04-01"),
            day("2026-02-01")
        );
        assert_eq!(
            after(Grouping::Unstated, "2026-01-15", "2026-01-16"),
            day("2025-12-01")
        );
        // Never before the history begins.
        assert_eq!(after(Grouping::Daily, "2024-03-02", "2024-03-03"), since);
    }

    #[test]
    fn what_is_missing_before_is_fetched_with_all_that_follows() {
        let held = [span("2024-01-01", "2026-03-01")];
        let night = day("2026-03-02");
        assert_eq!(
            window(Grouping::Daily, day("2023-05-05"), &held, night),
            Some(span("2023-05-05", "2026-03-02"))
        );
        assert_eq!(
            window(
                Grouping::Monthly,
                day("2024-01-20"),
                &held,
                day("2026-03-01")
            ),
            None
        );
        assert_eq!(
            window(Grouping::Weekly, day("2024-02-29"), &[], night),
            Some(span("2024-02-26", "2026-03-02"))
        );
        // A range that was fetched apart is no beginning.
        let apart = [span("2020-01-01", "2020-03-31"), held[0]];
        assert_eq!(
            window(Grouping::Daily, day("2024-01-01"), &apart, night),
            Some(span("2026-02-22", "2026-03-02"))
        );
        assert_eq!(
            window(Grouping::Daily, day("2020-01-01"), &apart, night),
            Some(span("2020-03-24", "2026-03-02"))
        );
    }

    #[test]
    fn a_range_is_widened_to_whole_periods_that_have_begun() {
        let today = day("2026-11-23");
        let asked =
            |grouping, from: &str, to: &str| asked_window(grouping, day(from), day(to), today);
        assert_eq!(
            asked(Grouping::Monthly, "2024-02-29", "2024-02-29"),
            Some(span("2024-02-01", "2024-02-29"))
        );
        assert_eq!(
            asked(Grouping::Weekly, "2025-12-31", "2026-01-01"),
            Some(span("2025-12-29", "2026-01-04"))
        );
        assert_eq!(
            asked(Grouping::Monthly, "2026-11-05", "2026-11-07"),
            Some(span("2026-11-01", "2026-11-23"))
        );
        assert_eq!(
            asked(Grouping::Daily, "2026-11-05", "2026-11-07"),
            Some(span("2026-11-05", "2026-11-07"))
        );
    }

    proptest! {
        #[test]
        fn nights_add_up_to_all_days_and_each_has_at_most_its_usual_rows(
            which in 0_usize..4, every in 1_u64..40, begin in 0_u64..400, nights in 1_u64..30,
        ) {
            let grouping = [Grouping::Daily, Grouping::Weekly, Grouping::Monthly, Grouping::Unstated][which];
            let since = day("2024-01-01") + Days::new(begin);
            let (mut held, mut night) = (Vec::new(), since + Days::new(100));
            for number in 0..nights {
                let window = window(grouping, since, &held, night).expect("a new night");
                prop_assert_eq!(window.last, night);
                prop_assert_eq!(grouping.start(window.first), window.first);
                if number > 0 {
                    prop_assert!(grouping.periods(window) <= grouping.usual_periods(every));
                }
                held = joined(held.into_iter().chain([window]));
                prop_assert_eq!(held.as_slice(), [Span::new(grouping.start(since), night).expect("ordered")]);
                night = night + Days::new(every);
            }
        }
    }
}
