//! Which of the due tasks a night can afford: whole ones, so that some complete rather than all starve.
//!
//! What has waited longest comes first, counted in whole periods of its report; among those that wait alike the order of
//! reports in the file is their priority. Within a report the oldest due date comes first, and of one date the tasks that
//! were deferred most often; once one of a report is deferred, all behind it are, however small. So no task overtakes, what
//! is deferred comes first the next night, and where the month lacks units for all, every report comes less often than
//! wished by about the same factor, the first ones of the file a period earlier.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use crate::model::{SnapshotDate, TaskId};

/// A task that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Index of its report in the file.
    pub report: usize,
    /// The task.
    pub task: TaskId,
    /// Since when it is due.
    pub due: SnapshotDate,
    /// Whole periods of its report for which it has waited since.
    pub periods_late: u64,
    /// For how many due dates it was deferred, as far as that is known.
    pub deferrals: usize,
    /// What it is expected to cost, if it is the first of its question.
    pub cost: u64,
    /// What it asks: tasks with the same number are fetched together, at the cost of one.
    pub question: usize,
    /// Part of it is paid for: it goes on whatever is left.
    pub is_begun: bool,
}

/// What a night may spend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Units of tonight that are left.
    pub tonight: u64,
    /// Units of the month that are left.
    pub month: u64,
    /// Nothing was spent tonight: then one task may cost more than a night has, or it would never come.
    pub is_untouched: bool,
}

/// For each candidate whether it is fetched tonight.
pub fn admit(candidates: &[Candidate], allowance: Allowance) -> Vec<bool> {
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    order.sort_by_key(|index| {
        let order = |one: &'_ Candidate| {
            (
                !one.is_begun,
                Reverse(one.periods_late),
                one.report,
                one.due,
            )
        };
        candidates
            .get(*index)
            .map(|one| (order(one), Reverse(one.deferrals), &one.task))
    });
    let mut admitted = vec![false; candidates.len()];
    let (mut full, mut admitted_questions) = (BTreeSet::new(), BTreeSet::new());
    let mut sum = 0_u64;
    for index in order {
        let (Some(one), Some(slot)) = (candidates.get(index), admitted.get_mut(index)) else {
            continue;
        };
        let cost = if admitted_questions.contains(&one.question) {
            0
        } else {
            one.cost
        };
        let with = sum.saturating_add(cost);
        let fits = with <= allowance.tonight;
        let is_alone = sum == 0 && allowance.is_untouched && with <= allowance.month;
        if one.is_begun || cost == 0 || (!full.contains(&one.report) && (fits || is_alone)) {
            *slot = true;
            sum = with;
            admitted_questions.insert(one.question);
        } else {
            full.insert(one.report);
        }
    }
    admitted
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::Cadence;

    fn candidates() -> impl Strategy<Value = Vec<Candidate>> {
        let one = (0_usize..4, 0_u64..6, 0_usize..3, 0_u64..3_000, 0_u8..20);
        prop::collection::vec(one, 0..40).prop_map(|all| {
            let start: SnapshotDate = "2026-11-23".parse().expect("a date");
            let make = |(number, (report, due, deferrals, cost, begun)): (
                usize,
                (usize, u64, usize, u64, u8),
            )| Candidate {
                report,
                task: TaskId::new(format!("{number:016x}")),
                due: start.plus_days(due),
                // Tonight is the sixth night; the reports are fetched every one, two, three and four.
                periods_late: (6 - due) / (report as u64 + 1),
                deferrals,
                cost,
                question: number,
                is_begun: begun == 0,
            };
            all.into_iter().enumerate().map(make).collect()
        })
    }

    fn allowance() -> impl Strategy<Value = Allowance> {
        (0_u64..20_000, 0_u64..30_000, any::<bool>()).prop_map(|(tonight, more, is_untouched)| {
            Allowance {
                tonight,
                month: tonight + more,
                is_untouched,
            }
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        #[test]
        fn a_night_spends_its_allowance_and_nobody_overtakes(candidates in candidates(), allowance in allowance()) {
            let admitted = admit(&candidates, allowance);
            prop_assert_eq!(admitted.len(), candidates.len());
            let chosen = |wanted: bool| candidates.iter().zip(&admitted).filter(move |(_, is)| **is == wanted).map(|(one, _)| one);
            let new: Vec<&Candidate> = chosen(true).filter(|one| !one.is_begun && one.cost > 0).collect();
            let begun: u64 = chosen(true).filter(|one| one.is_begun).map(|one| one.cost).sum();
            let cost = begun + new.iter().map(|one| one.cost).sum::<u64>();
            let is_one = begun == 0 && new.len() == 1 && allowance.is_untouched && cost <= allowance.month;
            prop_assert!(cost <= allowance.tonight || new.is_empty() || is_one);
            prop_assert!(chosen(false).all(|one| !one.is_begun && one.cost > 0));
            for put_off in chosen(false) {
                for other in new.iter().filter(|other| other.report == put_off.report) {
                    prop_assert!((other.due, Reverse(other.deferrals)) <= (put_off.due, Reverse(put_off.deferrals)));
                }
            }
            // Whoever waits longest starves for no other, and of those that wait alike the first report.
            let place = |one: &Candidate| (Reverse(one.periods_late), one.report, one.due, Reverse(one.deferrals), one.task.clone());
            if let Some(put_off) = chosen(false).min_by_key(|one| place(one)) {
                let before: u64 = new.iter().filter(|one| place(one) < place(put_off)).map(|one| one.cost).sum();
                prop_assert!(begun + before + put_off.cost > allowance.tonight);
            }
        }

        #[test]
        fn the_order_of_the_candidates_does_not_matter(candidates in candidates(), allowance in allowance()) {
            let forwards = admit(&candidates, allowance);
            let turned: Vec<Candidate> = candidates.iter().rev().cloned().collect();
            let mut backwards = admit(&turned, allowance);
            backwards.reverse();
            prop_assert_eq!(forwards, backwards);
        }
    }

    #[test]
    fn who_asks_the_same_is_put_off_or_fetched_with_the_one_who_pays() {
        let start: SnapshotDate = "2026-11-23".parse().expect("a date");
        let one = |number: usize, report, question| Candidate {
            report,
            task: TaskId::new(format!("{number:016x}")),
            due: start,
            periods_late: 0,
            deferrals: 0,
            cost: 100,
            question,
            is_begun: false,
        };
        let candidates = [one(0, 0, 7), one(1, 0, 8), one(2, 1, 7), one(3, 1, 8)];
        let of = |tonight| {
            admit(
                &candidates,
                Allowance {
                    tonight,
                    month: 1_000,
                    is_untouched: false,
                },
            )
        };
        assert_eq!(of(99), [false; 4]);
        assert_eq!(of(100), [true, false, true, false]);
        assert_eq!(of(200), [true; 4]);
    }

    /// Nights of a plan that has `percent` of the units that it needs. For each task, the nights on which it was fetched.
    fn starved(
        percent: u64,
        reports: &[(Cadence, usize, u64)],
        nights: u64,
    ) -> Vec<(usize, Vec<u64>)> {
        let start: SnapshotDate = "2026-11-01".parse().expect("a date");
        let needed: u64 = reports
            .iter()
            .map(|(every, tasks, cost)| *tasks as u64 * cost * 100 / u64::from(every.nights()))
            .sum();
        let tonight = needed * percent / 10_000;
        let tasks: Vec<(usize, TaskId)> = reports
            .iter()
            .enumerate()
            .flat_map(|(report, of)| {
                (0..of.1)
                    .map(move |number| (report, TaskId::new(format!("{report:08x}{number:08x}"))))
            })
            .collect();
        let mut fetched: Vec<(usize, Vec<u64>)> = tasks
            .iter()
            .map(|(report, _)| (*report, Vec::new()))
            .collect();
        let mut waits: Vec<Option<SnapshotDate>> = vec![None; tasks.len()];
        for number in 0..nights {
            let night = start.plus_days(number);
            let (mut due, mut places) = (Vec::new(), Vec::new());
            for (place, (report, task)) in tasks.iter().enumerate() {
                let (every, _, cost) = reports[*report];
                let last = fetched[place].1.last().map(|last| start.plus_days(*last));
                let Some(since) = crate::plan::due(every, task, night, last) else {
                    continue;
                };
                let since = if last.is_none() {
                    *waits[place].get_or_insert(since)
                } else {
                    since
                };
                let late = u64::try_from(night.days_since(since)).expect("past");
                due.push(Candidate {
                    report: *report,
                    task: task.clone(),
                    due: since,
                    periods_late: late / u64::from(every.nights()),
                    deferrals: 0,
                    cost,
                    question: place,
                    is_begun: false,
                });
                places.push(place);
            }
            let admitted = admit(
                &due,
                Allowance {
                    tonight,
                    month: tonight * 30,
                    is_untouched: true,
                },
            );
            let cost: u64 = due
                .iter()
                .zip(&admitted)
                .filter(|(_, is)| **is)
                .map(|(one, _)| one.cost)
                .sum();
            assert!(cost <= tonight, "{cost} of {tonight}");
            for (place, _) in places.iter().zip(admitted).filter(|(_, is)| *is) {
                fetched[*place].1.push(number);
            }
        }
        fetched
    }

    #[test]
    fn a_plan_of_half_of_what_is_needed_fetches_every_task_within_about_three_periods() {
        let reports = [
            (Cadence::DAY, 20, 50),
            (Cadence::Days(7), 300, 200),
            (Cadence::Days(10), 300, 150),
            (Cadence::Month, 40, 400),
        ];
        let nights = 240;
        let mut longest = vec![0; reports.len()];
        for (report, fetched) in starved(50, &reports, nights) {
            let ends = fetched.iter().copied().chain([nights]);
            let gaps = ends.scan(0, |last, night| {
                Some(night - std::mem::replace(last, night))
            });
            longest[report] = gaps.max().unwrap_or(nights).max(longest[report]);
        }
        for ((every, ..), gap) in reports.iter().zip(&longest) {
            // A month may have 31 days.
            assert!(
                *gap <= 3 * u64::from(every.nights()) + 3,
                "{every}: {longest:?}"
            );
        }
    }
}
