//! What paging assumes of the API, and what is known of each assumption.

use std::fmt;

use serde::{Deserialize, Serialize};

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

    /// The name that users see.
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

impl Verdict {
    /// This verdict, or [`Verdict::Holds`] where only the other one could tell.
    fn or_shown_by(self, other: Self) -> Self {
        match (self, other) {
            (Self::Unknown, Self::Holds) => Self::Holds,
            (own, _) => own,
        }
    }
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
    /// Whether a task's own filter may have been ignored: neither an answer of the task (`is_proven`) nor a probe shows
    /// that it was applied.
    pub(super) fn is_filter_doubtful(self, is_proven: bool) -> bool {
        self.where_honoured != Verdict::Holds && !is_proven
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
    pub(super) fn string_doubt(self) -> Option<Assumption> {
        [Assumption::FilterOrderIsByteOrder, Assumption::RoundTrip]
            .into_iter()
            .find(|assumption| self.get(*assumption) != Verdict::Holds)
    }

    /// What a probe on date-times found, with what one on strings adds.
    ///
    /// Where date-times could not tell (a window of one time, for example), an assumption that strings show to hold
    /// holds: they show it only where they compare as they sort. Strings themselves are judged only where caps, order and
    /// filters are known to be sound without them: a filter that then returns a string below its bound compares strings
    /// otherwise than their order does.
    #[must_use]
    pub fn with_string_verdicts(self, strings: Self) -> Self {
        let known = Self {
            cap_floor_100: self.cap_floor_100.or_shown_by(strings.cap_floor_100),
            cap_after_order: self.cap_after_order.or_shown_by(strings.cap_after_order),
            where_honoured: self.where_honoured.or_shown_by(strings.where_honoured),
            ..self
        };
        if known.cap_after_order != Verdict::Holds || known.where_honoured != Verdict::Holds {
            return known;
        }
        let filter_order = if strings.where_honoured == Verdict::Broken {
            Verdict::Broken
        } else {
            strings.filter_order_is_byte_order
        };
        Self {
            filter_order_is_byte_order: filter_order,
            round_trip: strings.round_trip,
            ..known
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assumptions_are_serialized_by_the_names_that_users_see() {
        for assumption in Assumption::ALL {
            assert_eq!(
                serde_json::to_value(assumption).unwrap(),
                assumption.as_str()
            );
        }
    }
}
