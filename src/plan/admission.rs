//! Which of the due tasks a night can afford: whole ones, so that some complete rather than all starve.
//!
//! The order of reports in the file is their priority. Within a report the oldest due date comes first, and of one date
//! the tasks that were put off most often; once one of a report is put off, all behind it are, however small. So nobody
//! overtakes, and what is put off comes first the next night.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use crate::model::{Night, TaskId};

/// A task that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Index of its report in the file.
    pub report: usize,
    /// The task.
    pub task: TaskId,
    /// Since when it is due.
    pub due: Night,
    /// For how many due dates it was put off, as far as that is known.
    pub deferrals: usize,
    /// What it is expected to cost.
    pub cost: u64,
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
        candidates.get(*index).map(|one| (!one.is_begun, one.report, one.due, Reverse(one.deferrals), &one.task))
    });
    let mut admitted = vec![false; candidates.len()];
    let mut full: BTreeSet<usize> = BTreeSet::new();
    let mut sum = 0_u64;
    for index in order {
        let (Some(one), Some(slot)) = (candidates.get(index), admitted.get_mut(index)) else { continue };
        let with = sum.saturating_add(one.cost);
        let fits = with <= allowance.tonight;
        let is_alone = sum == 0 && allowance.is_untouched && with <= allowance.month;
        if one.is_begun || one.cost == 0 || (!full.contains(&one.report) && (fits || is_alone)) {
            *slot = true;
            sum = with;
        } else {
            full.insert(one.report);
        }
    }
    admitted
}

#[cfg(test)]
mod tests {
    use chrono::Days;
    use proptest::prelude::*;

    use super::*;

    fn candidates() -> impl Strategy<Value = Vec<Candidate>> {
        let one = (0_usize..4, 0_u64..6, 0_usize..3, 0_u64..3_000, 0_u8..20);
        prop::collection::vec(one, 0..40).prop_map(|all| {
            let start: Night = "2026-11-23".parse().expect("a date");
            let make =
                |(number, (report, due, deferrals, cost, begun)): (usize, (usize, u64, usize, u64, u8))| Candidate {
                    report,
                    task: TaskId(format!("{number:016x}")),
                    due: start + Days::new(due),
                    deferrals,
                    cost,
                    is_begun: begun == 0,
                };
            all.into_iter().enumerate().map(make).collect()
        })
    }

    fn allowance() -> impl Strategy<Value = Allowance> {
        (0_u64..20_000, 0_u64..30_000, any::<bool>()).prop_map(|(tonight, more, is_untouched)| Allowance {
            tonight,
            month: tonight + more,
            is_untouched,
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
            // The first report starves for no other.
            let first = chosen(false).map(|one| one.report).min();
            if let Some(put_off) = chosen(false).filter(|one| Some(one.report) == first).min_by_key(|one| (one.due, Reverse(one.deferrals), &one.task)) {
                let before = new.iter().filter(|one| one.report <= put_off.report).map(|one| one.cost).sum::<u64>();
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
}
