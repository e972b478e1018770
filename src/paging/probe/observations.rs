//! What the answers of a probe showed, and the verdicts that follow from it.

use crate::paging::assumption::{Verdict, Verdicts};

/// What was seen so far.
#[derive(Debug, Clone, Copy, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent observations, not a state"
)]
pub(super) struct Observations {
    /// Rows of an answer were not in order.
    pub(super) is_disordered: bool,
    /// An answer from a key on had other groups than the window.
    pub(super) has_wrong_groups: bool,
    /// Rows at a key were missing from the answer from that key on.
    pub(super) has_lost_rows: bool,
    pub(super) is_filter_applied: bool,
    pub(super) is_filter_ignored: bool,
    /// Rows follow an answer that had fewer rows than were requested.
    pub(super) is_cut_early: bool,
    /// An answer from a key on was shorter than the window from there on.
    pub(super) has_too_few_rows: bool,
    pub(super) full_answers: u32,
    /// Below a key inside the window, an answer had the rows of the window.
    pub(super) has_kept_inner_rows: bool,
    /// Below a key inside the window, an answer had other rows than the window.
    pub(super) has_changed_inner_rows: bool,
    /// Rows follow the window's last.
    pub(super) has_rows_beyond: bool,
    /// A row was found that a filter without case would hide.
    pub(super) is_case_tested: bool,
    /// A row was found that a filter without punctuation would hide.
    pub(super) is_punctuation_tested: bool,
    pub(super) has_found_upper_case: bool,
    pub(super) has_found_special: bool,
    pub(super) values_found: u32,
}

impl Observations {
    /// Where not even date-times are in order, or a filter on them loses rows, nothing is proven of the other assumptions.
    pub(super) fn verdicts_on_times(&self) -> Verdicts {
        let is_tested = !self.is_filter_ignored && !self.is_disordered;
        let has_wrong_rows =
            self.has_changed_inner_rows || self.has_lost_rows || self.has_wrong_groups;
        let is_sound = is_tested && !has_wrong_rows;
        let is_cut_before_order = self.is_disordered || (is_tested && self.has_changed_inner_rows);
        Verdicts {
            cap_floor_100: verdict(
                is_sound && (self.is_cut_early || self.has_too_few_rows),
                is_sound && self.has_full_answers_only(),
            ),
            cap_after_order: verdict(
                is_cut_before_order,
                is_sound && self.has_kept_inner_rows && self.has_rows_beyond,
            ),
            where_honoured: verdict(self.is_filter_ignored, is_sound && self.is_filter_applied),
            ..Verdicts::default()
        }
    }

    pub(super) fn verdicts_on_strings(&self) -> Verdicts {
        // Where filters are ignored or order is, nothing else was put to the test.
        let is_tested = !self.is_filter_ignored && !self.is_disordered;
        let has_wrong_strings = self.has_wrong_groups || self.has_lost_rows;
        let compares_otherwise = self.is_disordered || (is_tested && has_wrong_strings);
        Verdicts {
            filter_order_is_byte_order: verdict(
                compares_otherwise,
                is_tested
                    && self.is_case_tested
                    && self.is_punctuation_tested
                    && !self.has_too_few_rows,
            ),
            round_trip: verdict(
                is_tested && self.has_lost_rows,
                is_tested
                    && self.has_found_upper_case
                    && self.has_found_special
                    && self.values_found >= 3,
            ),
            cap_floor_100: verdict(
                is_tested && self.is_cut_early && !has_wrong_strings,
                is_tested && self.has_full_answers_only(),
            ),
            // A filter that compares otherwise changes the rows below a key too: then nothing is proven.
            cap_after_order: verdict(
                is_tested && self.has_changed_inner_rows && !compares_otherwise,
                is_tested
                    && self.has_kept_inner_rows
                    && self.has_rows_beyond
                    && !self.has_changed_inner_rows
                    && !compares_otherwise,
            ),
            filter_before_group: Verdict::Unknown,
            where_honoured: verdict(
                self.is_filter_ignored && !compares_otherwise,
                self.is_filter_applied && !self.is_filter_ignored,
            ),
        }
    }

    /// Whether several answers were full, and none shorter than it should have been.
    fn has_full_answers_only(&self) -> bool {
        self.full_answers >= 2 && !self.is_cut_early && !self.has_too_few_rows
    }
}

fn verdict(is_broken: bool, is_proven: bool) -> Verdict {
    match (is_broken, is_proven) {
        (true, _) => Verdict::Broken,
        (false, true) => Verdict::Holds,
        (false, false) => Verdict::Unknown,
    }
}
