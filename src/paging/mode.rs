//! Weighs the verdicts: which columns the key may have, or why there is only one answer.

use super::assumption::{Assumption, Verdict};
use super::evidence::Shortfall;
use super::plan::{KeyColumn, PagerPlan, Paging, RowGrouping};

/// How a task is paged once the verdicts are weighed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PagingMode {
    /// One answer is everything.
    Whole,
    /// One answer; unless it is short, this is why a second one is not requested.
    Single(Shortfall),
    /// Pages by key.
    Keyed {
        /// Columns of the first request's order.
        start: Vec<String>,
        /// Columns that may be appended, in order.
        spare: Vec<String>,
        /// The doubt that keeps strings out of the key, if any were kept out.
        withheld: Option<Assumption>,
    },
}

impl PagerPlan {
    /// Weighs the verdicts.
    pub(super) fn mode(&self) -> PagingMode {
        let (key, grouping) = match &self.paging {
            Paging::Whole => return PagingMode::Whole,
            Paging::OneAnswer => return PagingMode::Single(Shortfall::NoOrderKey),
            Paging::Offset { .. } => return PagingMode::Single(Shortfall::NoTotalOrder),
            Paging::Keyed { key, grouping } => (key, grouping),
        };
        if self.verdicts.where_honoured == Verdict::Broken {
            return PagingMode::Single(Shortfall::Assumption(Assumption::WhereHonoured));
        }
        if self.verdicts.cap_after_order != Verdict::Holds {
            return PagingMode::Single(Shortfall::Assumption(Assumption::CapAfterOrder));
        }
        match grouping {
            RowGrouping::Groups(columns)
                if self.verdicts.filter_before_group != Verdict::Broken =>
            {
                self.mode_by_groups(columns)
            }
            RowGrouping::Rows | RowGrouping::Groups(_) => self.mode_by_key(key),
        }
    }

    /// A range must not divide a group, so the key has all columns that are equal within one, and never another.
    fn mode_by_groups(&self, columns: &[KeyColumn]) -> PagingMode {
        let (usable, withheld) = self.usable_columns(columns);
        if usable.is_empty() {
            let doubt = withheld.unwrap_or(Assumption::FilterBeforeGroup);
            return PagingMode::Single(Shortfall::Assumption(doubt));
        }
        PagingMode::Keyed {
            start: usable.iter().map(|column| column.name.clone()).collect(),
            spare: Vec::new(),
            withheld,
        }
    }

    /// The key is K's first column, then those that the report selects anyway, then the others, each part in K's own
    /// order. Any permutation of K pages correctly, since the rules need only that a longer key refines a shorter one,
    /// and appending at the end always does; K's order only says which column is best first.
    fn mode_by_key(&self, columns: &[KeyColumn]) -> PagingMode {
        let (usable, withheld) = self.usable_columns(columns);
        if usable.is_empty() {
            return PagingMode::Single(match withheld {
                Some(doubt) => Shortfall::Assumption(doubt),
                None => Shortfall::NoOrderKey,
            });
        }
        let (mut start, mut spare) = (Vec::new(), Vec::new());
        for column in usable {
            if start.is_empty() || column.is_selected {
                start.push(column.name.clone());
            } else {
                spare.push(column.name.clone());
            }
        }
        PagingMode::Keyed {
            start,
            spare,
            withheld,
        }
    }

    /// The columns that the key may have, and the doubt that keeps the others out.
    fn usable_columns<'a>(
        &self,
        columns: &'a [KeyColumn],
    ) -> (Vec<&'a KeyColumn>, Option<Assumption>) {
        let string_doubt = self.verdicts.string_doubt();
        let (mut usable, mut withheld) = (Vec::new(), None);
        for column in columns {
            if column.is_text && string_doubt.is_some() {
                withheld = string_doubt;
            } else {
                usable.push(column);
            }
        }
        (usable, withheld)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paging::assumption::Verdicts;
    use crate::paging::limits::PagerLimits;

    fn column(name: &str, is_text: bool, is_selected: bool) -> KeyColumn {
        KeyColumn {
            name: name.to_owned(),
            is_text,
            is_selected,
        }
    }

    fn holding() -> Verdicts {
        let holds = Verdict::Holds;
        Verdicts {
            filter_order_is_byte_order: holds,
            round_trip: holds,
            cap_floor_100: holds,
            cap_after_order: holds,
            filter_before_group: holds,
            where_honoured: holds,
        }
    }

    fn plan(verdicts: Verdicts, grouping: RowGrouping) -> PagerPlan {
        let key = vec![
            column("seen", false, false),
            column("from", true, false),
            column("to", true, true),
            column("port", false, false),
        ];
        PagerPlan {
            paging: Paging::Keyed { key, grouping },
            base_filter: None,
            verdicts,
            limits: PagerLimits::default(),
            top: None,
        }
    }

    #[test]
    fn the_key_starts_with_its_first_column_and_what_is_selected_anyway() {
        let PagingMode::Keyed {
            start,
            spare,
            withheld,
        } = plan(holding(), RowGrouping::Rows).mode()
        else {
            panic!("keyed")
        };
        assert_eq!(start, ["seen", "to"]);
        assert_eq!(spare, ["from", "port"]);
        assert_eq!(withheld, None);
    }

    #[test]
    fn the_first_column_leads_however_many_others_are_selected() {
        for selected in 0..8 {
            let is_selected = |bit: u32| selected >> bit & 1 == 1;
            let key = vec![
                column("seen", false, false),
                column("a", true, is_selected(0)),
                column("b", true, is_selected(1)),
                column("c", true, is_selected(2)),
            ];
            let paging = Paging::Keyed {
                key,
                grouping: RowGrouping::Rows,
            };
            let plan = PagerPlan {
                paging,
                base_filter: None,
                verdicts: holding(),
                limits: PagerLimits::default(),
                top: None,
            };
            let PagingMode::Keyed { start, spare, .. } = plan.mode() else {
                panic!("keyed")
            };
            assert_eq!(start.first().map(String::as_str), Some("seen"));
            assert!(spare.is_sorted(), "{spare:?}");
            assert_eq!(start.len() + spare.len(), 4);
        }
    }

    #[test]
    fn without_a_verdict_strings_leave_the_key() {
        let verdicts = Verdicts {
            round_trip: Verdict::Unknown,
            ..holding()
        };
        let PagingMode::Keyed {
            start,
            spare,
            withheld,
        } = plan(verdicts, RowGrouping::Rows).mode()
        else {
            panic!("keyed")
        };
        assert_eq!(
            (start, spare),
            (vec!["seen".to_owned()], vec!["port".to_owned()])
        );
        assert_eq!(withheld, Some(Assumption::RoundTrip));
    }

    #[test]
    fn grouped_rows_are_paged_by_group_columns_unless_filters_are_known_to_come_after() {
        let groups = || RowGrouping::Groups(vec![column("root", true, false)]);
        let PagingMode::Keyed { start, spare, .. } = plan(holding(), groups()).mode() else {
            panic!("keyed")
        };
        assert_eq!((start, spare), (vec!["root".to_owned()], Vec::new()));
        let verdicts = Verdicts {
            filter_before_group: Verdict::Broken,
            ..holding()
        };
        let PagingMode::Keyed { start, .. } = plan(verdicts, groups()).mode() else {
            panic!("keyed")
        };
        assert_eq!(start, ["seen", "to"]);
    }
}
