//! When a task is due: its slot in the period comes from what it looks up ([`super::Task::cadence_key`]), so that the tasks of a report spread over the nights in
//! the same way on every machine.
//!
//! A task that was never complete is due at once. Between two fetches that the cadence asks for lie at least half a
//! period and at most a whole one: a task that was fetched outside its slot (new, late, deferred) comes to its slot by one
//! fetch in between where the slot alone would leave it too old. Missed slots are caught up once.

use chrono::{Datelike as _, Months};

use crate::config::Cadence;
use crate::model::{SnapshotDate, TaskId};
use crate::stable_hash::StableHash;

/// The longest time between the slots of two months.
const LONGEST_MONTH: u32 = 31;

/// Since when a task is due in a night, given its last complete night before; `None` if it is not due.
pub fn due(
    every: Cadence,
    task: &TaskId,
    night: SnapshotDate,
    last: Option<SnapshotDate>,
) -> Option<SnapshotDate> {
    let since = last.map_or(night, |last| next(every, task, last));
    (since <= night).then_some(since)
}

/// The night on which a task that was complete on `last` is due again.
pub fn next(every: Cadence, task: &TaskId, last: SnapshotDate) -> SnapshotDate {
    let half = every.nights().div_ceil(2);
    let longest = match every {
        Cadence::Days(days) => days,
        Cadence::Month => LONGEST_MONTH,
    };
    let slot = slot_from(every, task, after(last, half));
    let gap = u32::try_from(slot.days_since(last)).unwrap_or(0);
    if gap <= longest {
        return slot;
    }
    // Too long alone, and with room for one fetch in between: half a period before it and half a period behind it.
    let room = u64::from(gap.saturating_sub(2 * half)) + 1;
    after(last, half + u32::try_from(spread(task) % room).unwrap_or(0))
}

/// The first slot of a task on `from` or later.
fn slot_from(every: Cadence, task: &TaskId, from: SnapshotDate) -> SnapshotDate {
    match every {
        Cadence::Days(days) => {
            let slot = spread(task) % u64::from(days.max(1));
            let today =
                u64::try_from(from.date().num_days_from_ce()).unwrap_or(0) % u64::from(days.max(1));
            let wait = (slot + u64::from(days) - today) % u64::from(days.max(1));
            after(from, u32::try_from(wait).unwrap_or(0))
        }
        Cadence::Month => {
            let this = slot_of_month(task, from);
            if this >= from {
                this
            } else {
                slot_of_month(task, next_month(from))
            }
        }
    }
}

/// The slot of a task in the month of a day: the same share of every month.
fn slot_of_month(task: &TaskId, day: SnapshotDate) -> SnapshotDate {
    let first = first_of_month(day);
    let length = u64::try_from(next_month(first).days_since(first)).unwrap_or(1);
    let share = spread(task) % (1 << 32);
    after(first, u32::try_from((share * length) >> 32).unwrap_or(0))
}

fn first_of_month(day: SnapshotDate) -> SnapshotDate {
    match day.date().with_day(1) {
        Some(first) => SnapshotDate::new(first),
        None => day,
    }
}

fn next_month(day: SnapshotDate) -> SnapshotDate {
    let first = first_of_month(day).date();
    match first.checked_add_months(Months::new(1)) {
        Some(next) => SnapshotDate::new(next),
        None => day,
    }
}

fn after(night: SnapshotDate, days: u32) -> SnapshotDate {
    night.plus_days(u64::from(days))
}

fn spread(task: &TaskId) -> u64 {
    let mut hash = StableHash::new("cadence-1");
    hash.add(task.as_str());
    hash.finish()
        .get(..16)
        .and_then(|digits| u64::from_str_radix(digits, 16).ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn start() -> SnapshotDate {
        "2026-11-23".parse().expect("a date")
    }

    fn task(number: u64) -> TaskId {
        TaskId::new(format!("{number:016x}"))
    }

    fn every() -> impl Strategy<Value = Cadence> {
        prop_oneof![
            (1_u32..=40).prop_map(Cadence::Days),
            Just(Cadence::Days(7)),
            Just(Cadence::Month)
        ]
    }

    fn longest(every: Cadence) -> i64 {
        if every == Cadence::Month {
            31
        } else {
            i64::from(every.nights())
        }
    }

    #[test]
    fn a_weekly_report_of_300_targets_is_about_43_a_night() {
        for (every, nights, low, high) in
            [(Cadence::Days(7), 14, 25, 62), (Cadence::Month, 31, 2, 21)]
        {
            let mut due_on: BTreeMap<SnapshotDate, u32> = BTreeMap::new();
            for task in (0..300).map(task) {
                let mut last = next(every, &task, start());
                while last.days_since(start()) < 200 {
                    *due_on.entry(last).or_default() += 1;
                    last = next(every, &task, last);
                }
            }
            for night in (100..100 + nights).map(|days| after(start(), days)) {
                let number = due_on.get(&night).copied().unwrap_or(0);
                assert!(
                    (low..=high).contains(&number),
                    "{every}: {number} on {night}"
                );
            }
        }
    }

    #[test]
    fn slots_are_the_same_on_every_machine() {
        let slots: Vec<String> = (0..4)
            .map(|number| next(Cadence::Days(7), &task(number), start()).to_string())
            .collect();
        let months: Vec<String> = (0..4)
            .map(|number| next(Cadence::Month, &task(number), start()).to_string())
            .collect();
        assert_eq!(slots, SLOTS);
        assert_eq!(months, MONTHS);
    }

    const SLOTS: [&str; 4] = ["2026-11-27", "2026-11-27", "2026-11-28", "2026-11-30"];
    const MONTHS: [&str; 4] = ["2026-12-17", "2026-12-15", "2026-12-15", "2026-12-08"];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        #[test]
        fn between_two_fetches_lie_half_a_period_to_a_whole_one_and_slots_are_reached(
            every in every(), number in any::<u64>(), begin in 0_u32..400,
        ) {
            let task = task(number);
            let mut last = after(start(), begin);
            let mut gaps = Vec::new();
            for _ in 0..6 {
                let then = next(every, &task, last);
                gaps.push(then.days_since(last));
                last = then;
            }
            let half = i64::from(every.nights().div_ceil(2));
            prop_assert!(gaps.iter().all(|gap| (half..=longest(every)).contains(gap)), "{every}: {gaps:?}");
            // From the third on every fetch is in its slot.
            let shortest = if every == Cadence::Month { 28 } else { longest(every) };
            prop_assert!(gaps.iter().skip(2).all(|gap| *gap >= shortest), "{every}: {gaps:?}");
        }

        #[test]
        fn missed_nights_are_caught_up_once(
            every in every(), number in any::<u64>(), begin in 0_u32..400, away in 0_u32..200,
        ) {
            let task = task(number);
            let last = after(start(), begin);
            let back = after(next(every, &task, last), away);
            prop_assert_eq!(due(every, &task, back, Some(last)), Some(next(every, &task, last)));
            for nights in 0..every.nights().div_ceil(2) {
                prop_assert_eq!(due(every, &task, after(back, nights), Some(back)), None);
            }
        }

        #[test]
        fn a_new_task_is_due_at_once(every in every(), number in any::<u64>(), begin in 0_u32..400) {
            let night = after(start(), begin);
            prop_assert_eq!(due(every, &task(number), night, None), Some(night));
        }
    }
}
