//! What the pager is told at the start: key, filter, verdicts, limits. Decides once which columns may stand in the key.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::catalog::{ColumnKind, Endpoint, FREE_ROWS};
use crate::filter::Filter;

/// Everything that decides how a task is paged.
#[derive(Debug, Clone)]
pub struct PagerPlan {
    /// How the operation can be paged at all.
    pub paging: Paging,
    /// The task's own filter.
    pub base: Option<Filter>,
    /// What is known of the API.
    pub verdicts: Verdicts,
    /// Sizes and fuses.
    pub limits: PagerLimits,
    /// The ranking that is wanted, if not all rows are.
    pub top: Option<Top>,
}

/// A ranking: so many rows, the greatest values first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Top {
    /// The column that ranks.
    pub by: String,
    /// Whether its values are strings: their order is an assumption.
    pub is_text: bool,
    /// Whether it can stand in a filter, so that the rest of a ranking can be asked for.
    pub is_filterable: bool,
    /// Whether it may differ within a group that the API formed, so that a range over it would divide one.
    pub divides_groups: bool,
    /// Rows at most.
    pub rows: u64,
    /// Selected columns that identify a row together: one that moves while the ranking is read is exported once. Empty
    /// where they are not all selected.
    pub identity: Vec<String>,
}

/// How an operation can be paged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Paging {
    /// It takes no `limit`: one answer is everything.
    Whole,
    /// It takes a `limit` but has no order key: one answer, complete only if it is short.
    OneAnswer,
    /// It can skip rows.
    Skipping {
        /// Columns of an order in which no two rows are equal; empty where it knows none.
        order: Vec<String>,
        /// Rows of a request.
        page: u32,
    },
    /// It has an order key.
    Keyed {
        /// K, best column first.
        key: Vec<KeyColumn>,
        /// Whether its rows are groups that the API formed.
        grouping: Grouping,
    },
}

/// Whether the rows of an answer are groups that the API formed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grouping {
    /// Each row stands for itself.
    Rows,
    /// Rows are grouped; these columns are equal within a group, so that a range over them never divides one.
    Groups(Vec<KeyColumn>),
}

/// A column of K.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyColumn {
    /// Its name.
    pub name: String,
    /// Whether its values are strings: their order is an assumption.
    pub is_text: bool,
    /// Whether the report selects it anyway, so that ordering by it costs nothing.
    pub is_selected: bool,
}

/// What paging assumes of the API and cannot always see in a task's own answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Assumption {
    /// Filters compare strings by their bytes, as the order does.
    FilterOrderIsByteOrder,
    /// A string that an answer shows matches itself in a filter.
    RoundTrip,
    /// No cap is under 100 rows.
    #[serde(rename = "cap_floor_100")]
    CapFloor,
    /// Rows are cut after they were ordered.
    CapAfterOrder,
    /// Filters apply before rows are grouped.
    FilterBeforeGroup,
    /// Filters are applied.
    WhereHonoured,
}

impl Assumption {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::FilterOrderIsByteOrder,
        Self::RoundTrip,
        Self::CapFloor,
        Self::CapAfterOrder,
        Self::FilterBeforeGroup,
        Self::WhereHonoured,
    ];

    /// The name that users read.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FilterOrderIsByteOrder => "filter_order_is_byte_order",
            Self::RoundTrip => "round_trip",
            Self::CapFloor => "cap_floor_100",
            Self::CapAfterOrder => "cap_after_order",
            Self::FilterBeforeGroup => "filter_before_group",
            Self::WhereHonoured => "where_honoured",
        }
    }
}

impl fmt::Display for Assumption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is known of one assumption.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Seen to be true.
    Holds,
    /// Seen to be false.
    Broken,
    /// Not seen.
    #[default]
    Unknown,
}

/// A verdict on each assumption.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdicts {
    /// See [`Assumption::FilterOrderIsByteOrder`].
    pub filter_order_is_byte_order: Verdict,
    /// See [`Assumption::RoundTrip`].
    pub round_trip: Verdict,
    /// See [`Assumption::CapFloor`].
    pub cap_floor_100: Verdict,
    /// See [`Assumption::CapAfterOrder`].
    pub cap_after_order: Verdict,
    /// See [`Assumption::FilterBeforeGroup`].
    pub filter_before_group: Verdict,
    /// See [`Assumption::WhereHonoured`].
    pub where_honoured: Verdict,
}

impl Verdicts {
    /// Whether nothing says that a task's own filter was applied: neither an answer of the task nor a probe.
    pub(super) fn leave_filter_in_doubt(self, was_seen: bool) -> bool {
        self.where_honoured != Verdict::Holds && !was_seen
    }

    /// The verdict on one assumption.
    pub fn get(&self, assumption: Assumption) -> Verdict {
        match assumption {
            Assumption::FilterOrderIsByteOrder => self.filter_order_is_byte_order,
            Assumption::RoundTrip => self.round_trip,
            Assumption::CapFloor => self.cap_floor_100,
            Assumption::CapAfterOrder => self.cap_after_order,
            Assumption::FilterBeforeGroup => self.filter_before_group,
            Assumption::WhereHonoured => self.where_honoured,
        }
    }

    /// The first assumption on strings that is not known to hold.
    pub(super) fn doubt_about_text(self) -> Option<Assumption> {
        [Assumption::FilterOrderIsByteOrder, Assumption::RoundTrip]
            .into_iter()
            .find(|assumption| self.get(*assumption) != Verdict::Holds)
    }
}

/// Sizes and fuses of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PagerLimits {
    /// The smallest cap that the API may have: only an answer shorter than this ends a range.
    pub floor: u32,
    /// Rows of the first request.
    pub start: u32,
    /// Rows of a request at most.
    pub most: u32,
    /// A cap that was found before for this workspace and endpoint.
    pub cap: Option<u32>,
    /// Rows of the task at most; reaching it leaves the task capped.
    pub max_rows: Option<u64>,
    /// Requests of the task at most.
    pub max_requests: u64,
    /// Bytes of the encoded URL that are left for filter, order and key columns.
    pub url_bytes: usize,
}

impl Default for PagerLimits {
    fn default() -> Self {
        Self {
            floor: FREE_ROWS,
            start: 5_000,
            most: 50_000,
            cap: None,
            max_rows: None,
            max_requests: 100_000,
            url_bytes: 7 * 1024,
        }
    }
}

impl Paging {
    /// How `endpoint` is paged when a report selects `selected` and groups its rows by `aggregation`, if at all.
    pub fn of(endpoint: &Endpoint, selected: &[String], aggregation: Option<&str>) -> Self {
        if endpoint.parameter("limit").is_none() {
            return Self::Whole;
        }
        let columns = |names: &[String]| -> Vec<KeyColumn> {
            let column = |name: &String| KeyColumn {
                name: name.clone(),
                is_text: endpoint
                    .column(name)
                    .is_none_or(|column| column.kind == ColumnKind::Text),
                is_selected: selected.contains(name),
            };
            names.iter().map(column).collect()
        };
        if endpoint.order_key.is_empty() {
            return Self::OneAnswer;
        }
        let grouping = match aggregation {
            None | Some("all") => Grouping::Rows,
            // A grouping that the catalog does not know has no column that is safe.
            Some(name) => Grouping::Groups(
                endpoint
                    .group_columns
                    .get(name)
                    .map_or_else(Vec::new, |names| columns(names)),
            ),
        };
        Self::Keyed {
            key: columns(&endpoint.order_key),
            grouping,
        }
    }
}

impl Paging {
    /// How `endpoint` is read where it can skip rows: in the order of its key, or as it sends them. An operation whose own
    /// limit is below what any plan allows is asked for no more than that.
    pub fn skipping(endpoint: &Endpoint, limits: &PagerLimits) -> Option<Self> {
        let own = endpoint
            .parameter("limit")
            .filter(|_| endpoint.has_offset())?
            .default
            .as_deref();
        let own = own
            .and_then(|rows| rows.parse::<u32>().ok())
            .unwrap_or(FREE_ROWS);
        let page = if own < FREE_ROWS { own } else { limits.start };
        Some(Self::Skipping {
            order: endpoint.order_key.clone(),
            page,
        })
    }
}

impl Top {
    /// A ranking of `endpoint` by a column that it can order by, for a report that selects `selected`.
    pub fn of(
        endpoint: &Endpoint,
        by: &str,
        rows: u64,
        selected: &[String],
        aggregation: Option<&str>,
    ) -> Self {
        let is_text = endpoint
            .column(by)
            .is_none_or(|column| matches!(column.kind, ColumnKind::Text));
        let within_groups = |name: &str| {
            let known = [&endpoint.group_columns, &endpoint.group_values];
            known
                .iter()
                .filter_map(|columns| columns.get(name))
                .any(|columns| columns.iter().any(|known| known == by))
        };
        let is_identified = endpoint.identity.iter().all(|name| selected.contains(name));
        Self {
            by: by.to_owned(),
            is_text,
            is_filterable: endpoint.filterable(by).is_some(),
            divides_groups: aggregation.is_some_and(|name| name != "all" && !within_groups(name)),
            rows,
            identity: if is_identified {
                endpoint.identity.clone()
            } else {
                Vec::new()
            },
        }
    }
}

/// What the plan comes to once the verdicts are weighed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mode {
    /// One answer is everything.
    Whole,
    /// One answer; unless it is short, this is why there is no second one.
    Single(super::Shortfall),
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
    ///
    /// The key is K's first column, then those that the report selects anyway, then the others, each part in K's own
    /// order. Any permutation of K pages correctly, since the rules need only that a longer key refines a shorter one,
    /// and appending at the end always does; K's order only says which column is best first.
    pub(super) fn mode(&self) -> Mode {
        use super::Shortfall;
        let (key, grouping) = match &self.paging {
            Paging::Whole => return Mode::Whole,
            Paging::OneAnswer => return Mode::Single(Shortfall::NoOrderKey),
            Paging::Skipping { .. } => return Mode::Single(Shortfall::NoTotalOrder),
            Paging::Keyed { key, grouping } => (key, grouping),
        };
        if self.verdicts.where_honoured == Verdict::Broken {
            return Mode::Single(Shortfall::Assumption(Assumption::WhereHonoured));
        }
        if self.verdicts.cap_after_order != Verdict::Holds {
            return Mode::Single(Shortfall::Assumption(Assumption::CapAfterOrder));
        }
        let (columns, divides_groups, never_deepened) = match grouping {
            Grouping::Groups(columns) if self.verdicts.filter_before_group != Verdict::Broken => {
                (columns, true, true)
            }
            Grouping::Rows | Grouping::Groups(_) => (key, false, false),
        };
        let doubt = self.verdicts.doubt_about_text();
        let usable: Vec<&KeyColumn> = columns
            .iter()
            .filter(|column| doubt.is_none() || !column.is_text)
            .collect();
        let withheld = doubt.filter(|_| usable.len() < columns.len());
        if usable.is_empty() {
            return Mode::Single(match withheld {
                Some(assumption) => Shortfall::Assumption(assumption),
                None if divides_groups => Shortfall::Assumption(Assumption::FilterBeforeGroup),
                None => Shortfall::NoOrderKey,
            });
        }
        if never_deepened {
            let start = usable.iter().map(|column| column.name.clone()).collect();
            return Mode::Keyed {
                start,
                spare: Vec::new(),
                withheld,
            };
        }
        let (start, spare): (Vec<_>, Vec<_>) = usable
            .iter()
            .enumerate()
            .partition(|(place, column)| *place == 0 || column.is_selected);
        let names_of = |columns: Vec<(usize, &&KeyColumn)>| {
            columns
                .into_iter()
                .map(|(_, column)| column.name.clone())
                .collect()
        };
        Mode::Keyed {
            start: names_of(start),
            spare: names_of(spare),
            withheld,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    fn plan(verdicts: Verdicts, grouping: Grouping) -> PagerPlan {
        let key = vec![
            column("seen", false, false),
            column("from", true, false),
            column("to", true, true),
            column("port", false, false),
        ];
        PagerPlan {
            paging: Paging::Keyed { key, grouping },
            base: None,
            verdicts,
            limits: PagerLimits::default(),
            top: None,
        }
    }

    #[test]
    fn the_key_starts_with_its_first_column_and_what_is_selected_anyway() {
        let Mode::Keyed {
            start,
            spare,
            withheld,
        } = plan(holding(), Grouping::Rows).mode()
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
                grouping: Grouping::Rows,
            };
            let plan = PagerPlan {
                paging,
                base: None,
                verdicts: holding(),
                limits: PagerLimits::default(),
                top: None,
            };
            let Mode::Keyed { start, spare, .. } = plan.mode() else {
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
        let Mode::Keyed {
            start,
            spare,
            withheld,
        } = plan(verdicts, Grouping::Rows).mode()
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
        let groups = || Grouping::Groups(vec![column("root", true, false)]);
        let Mode::Keyed { start, spare, .. } = plan(holding(), groups()).mode() else {
            panic!("keyed")
        };
        assert_eq!((start, spare), (vec!["root".to_owned()], Vec::new()));
        let verdicts = Verdicts {
            filter_before_group: Verdict::Broken,
            ..holding()
        };
        let Mode::Keyed { start, .. } = plan(verdicts, groups()).mode() else {
            panic!("keyed")
        };
        assert_eq!(start, ["seen", "to"]);
    }

    #[test]
    fn assumptions_are_written_by_the_names_that_users_read() {
        for assumption in Assumption::ALL {
            assert_eq!(
                serde_json::to_value(assumption).unwrap(),
                assumption.as_str()
            );
        }
    }
}
