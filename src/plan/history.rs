//! The days that a history is asked for: all since `since` the first time, later from the last answer on and some before,
//! since the API revises recent periods.
//!
//! A window begins where a period does: a row of half a period must not take the place of a whole one.

use chrono::NaiveDate;

use super::bounds::{bound_units, rows_of_series};
use super::granularity::Granularity;
use super::subject::find;
use super::task::{Purchase, Task};
use crate::config::{Report, RunConfig};
use crate::model::SnapshotDate;
use crate::table::{DateRange, merge_ranges};

/// The days that a night asks for, given those that are answered; `None` if nothing is missing up to the night.
///
/// The days from `since` on that are missing before those that are answered are asked for together with all that follow:
/// one request, so that a task has one answer.
pub fn window(
    granularity: Granularity,
    since: NaiveDate,
    answered: &[DateRange],
    night: SnapshotDate,
) -> Option<DateRange> {
    let night = night.date();
    let first = granularity.start(since).min(night);
    let held = answered
        .iter()
        .rev()
        .find(|span| span.first <= first && span.last >= first);
    match held {
        Some(held) if held.last >= night => None,
        Some(held) => DateRange::new(granularity.refetch_from(held.last).max(first), night),
        None => DateRange::new(first, night),
    }
}

/// All days from `since` to the night: what pays again for everything.
pub fn whole_window(
    granularity: Granularity,
    since: NaiveDate,
    night: SnapshotDate,
) -> Option<DateRange> {
    window(granularity, since, &[], night)
}

/// The whole periods of a range that was asked for by name, as far as they have begun.
pub fn asked_window(
    granularity: Granularity,
    from: NaiveDate,
    to: NaiveDate,
    today: NaiveDate,
) -> Option<DateRange> {
    DateRange::new(
        granularity.start(from),
        granularity.end(to).min(today).max(to),
    )
}

/// Whether days are answered.
pub fn is_answered(answered: &[DateRange], days: DateRange) -> bool {
    merge_ranges(answered.iter().copied())
        .iter()
        .any(|span| span.covers(days))
}

/// The days that a task asks for, if it is one of a history.
pub fn window_of(task: &Task) -> Option<DateRange> {
    let first = find(&task.query, "date_from")?.parse().ok()?;
    let last = find(&task.query, "date_to")?.parse().ok()?;
    DateRange::new(first, last)
}

/// Lets a task of a history ask for these days: its bounds follow.
pub fn set_window(config: &RunConfig, task: &mut Task, window: DateRange) {
    let DateRange { first, last } = window;
    for (name, value) in &mut task.query {
        match name.as_str() {
            "date_from" => *value = first.to_string(),
            "date_to" => *value = last.to_string(),
            _ => {}
        }
    }
    if let Some(report) = config.reports.get(task.report) {
        let rows = rows_of_series(
            &task.segments,
            Granularity::of(report, &task.parameters).periods(window),
        );
        bound(report, task, rows);
    }
}

/// A task of a history with the bounds of a night on which its older rows are there; `None` for any other.
pub fn steady_state(config: &RunConfig, task: &Task) -> Option<Task> {
    let report = config
        .reports
        .get(task.report)
        .filter(|report| report.endpoint.history_column().is_some())?;
    let periods =
        Granularity::of(report, &task.parameters).usual_periods(u64::from(report.every.nights()));
    let rows = rows_of_series(&task.segments, periods);
    let mut usual = task.clone();
    bound(report, &mut usual, rows.min(task.bound_rows?));
    Some(usual)
}

/// The most units of a task in a night, once its older rows are there.
pub(super) fn steady_units(config: &RunConfig, task: &Task) -> Option<u64> {
    if task.purchase == Purchase::Shared {
        Some(0)
    } else {
        steady_state(config, task)?.bound_units
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
    use chrono::Days;

    fn night_of(text: &str) -> SnapshotDate {
        text.parse().expect("a date")
    }

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a date")
    }

    fn span(first: &str, last: &str) -> DateRange {
        DateRange::new(day(first), day(last)).expect("a range")
    }

    #[test]
    fn periods_count_both_ends() {
        assert_eq!(
            Granularity::Monthly.periods(span("2024-01-31", "2024-02-01")),
            2
        );
        assert_eq!(
            Granularity::Daily.periods(span("2024-01-01", "2024-01-01")),
            1
        );
        assert_eq!(
            Granularity::Daily.periods(span("2024-01-01", "2024-12-31")),
            366
        );
        assert_eq!(
            Granularity::Weekly.periods(span("2024-01-06", "2024-01-15")),
            3,
            "touches three weeks"
        );
    }

    #[test]
    fn a_window_begins_with_a_whole_period_that_may_still_be_revised() {
        let since = day("2024-02-29");
        let after = |granularity, last: &str, night: &str| {
            window(
                granularity,
                since,
                &[span("2024-01-01", last)],
                night_of(night),
            )
            .expect("something is missing")
            .first
        };
        assert_eq!(
            after(Granularity::Daily, "2026-01-03", "2026-01-04"),
            day("2025-12-27")
        );
        // Thursday, 1 January 2026: its week began on 29 December; the one before on the 22nd.
        assert_eq!(
            after(Granularity::Weekly, "2026-01-01", "2026-01-02"),
            day("2025-12-22")
        );
        assert_eq!(
            after(Granularity::Monthly, "2026-03-31", "2026-04-01"),
            day("2026-02-01")
        );
        assert_eq!(
            after(Granularity::Unstated, "2026-01-15", "2026-01-16"),
            day("2025-12-01")
        );
        // Never before the history begins.
        assert_eq!(after(Granularity::Daily, "2024-03-02", "2024-03-03"), since);
    }

    #[test]
    fn what_is_missing_before_is_fetched_with_all_that_follows() {
        let held = [span("2024-01-01", "2026-03-01")];
        let night = night_of("2026-03-02");
        assert_eq!(
            window(Granularity::Daily, day("2023-05-05"), &held, night),
            Some(span("2023-05-05", "2026-03-02"))
        );
        assert_eq!(
            window(
                Granularity::Monthly,
                day("2024-01-20"),
                &held,
                night_of("2026-03-01")
            ),
            None
        );
        assert_eq!(
            window(Granularity::Weekly, day("2024-02-29"), &[], night),
            Some(span("2024-02-26", "2026-03-02"))
        );
        // A range that was fetched apart is no beginning.
        let apart = [span("2020-01-01", "2020-03-31"), held[0]];
        assert_eq!(
            window(Granularity::Daily, day("2024-01-01"), &apart, night),
            Some(span("2026-02-22", "2026-03-02"))
        );
        assert_eq!(
            window(Granularity::Daily, day("2020-01-01"), &apart, night),
            Some(span("2020-03-24", "2026-03-02"))
        );
    }

    #[test]
    fn a_range_is_widened_to_whole_periods_that_have_begun() {
        let today = day("2026-11-23");
        let asked = |granularity, from: &str, to: &str| {
            asked_window(granularity, day(from), day(to), today)
        };
        assert_eq!(
            asked(Granularity::Monthly, "2024-02-29", "2024-02-29"),
            Some(span("2024-02-01", "2024-02-29"))
        );
        assert_eq!(
            asked(Granularity::Weekly, "2025-12-31", "2026-01-01"),
            Some(span("2025-12-29", "2026-01-04"))
        );
        assert_eq!(
            asked(Granularity::Monthly, "2026-11-05", "2026-11-07"),
            Some(span("2026-11-01", "2026-11-23"))
        );
        assert_eq!(
            asked(Granularity::Daily, "2026-11-05", "2026-11-07"),
            Some(span("2026-11-05", "2026-11-07"))
        );
    }

    proptest! {
        #[test]
        fn nights_add_up_to_all_days_and_each_has_at_most_its_usual_rows(
            which in 0_usize..4, every in 1_u64..40, begin in 0_u64..400, nights in 1_u64..30,
        ) {
            let granularity = [Granularity::Daily, Granularity::Weekly, Granularity::Monthly, Granularity::Unstated][which];
            let since = day("2024-01-01") + Days::new(begin);
            let (mut held, mut night) = (Vec::new(), since + Days::new(100));
            for number in 0..nights {
                let window = window(granularity, since, &held, SnapshotDate::new(night)).expect("a new night");
                prop_assert_eq!(window.last, night);
                prop_assert_eq!(granularity.start(window.first), window.first);
                if number > 0 {
                    prop_assert!(granularity.periods(window) <= granularity.usual_periods(every));
                }
                held = merge_ranges(held.into_iter().chain([window]));
                prop_assert_eq!(held.as_slice(), [DateRange::new(granularity.start(since), night).expect("ordered")]);
                night = night + Days::new(every);
            }
        }
    }
}
