//! Quirks: each makes one assumption of the exporter about the API false, so that tests can see what it does then.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, ErrorCode};

/// One assumption made false, named after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Quirk {
    /// In `where`, text is compared without regard to case, while `order_by` goes by bytes.
    FilterOrderIsByteOrder,
    /// Text arrives lower-cased, while `where` and `order_by` use it as it is.
    RoundTrip,
    /// Answers are cut at 40 rows.
    CapFloor100,
    /// Answers are cut (at the row cap, or 500) before they are ordered.
    CapAfterOrder,
    /// `where` applies after rows were grouped, on the row that represents the group.
    FilterBeforeGroup,
    /// `gt` and `gte` on text and date-times match nothing.
    WhereHonoured,
    /// `where` is accepted and ignored.
    WhereIgnored,
    /// `order_by` is accepted and ignored.
    IgnoredOrder,
    /// One row in fifty has null in the endpoint's leading key column.
    NullKeys,
    /// Answers end early at random, never under 100 rows.
    ShortAnswers,
    /// Every third answer is cut at 100 rows.
    IntermittentCap,
    /// Rows carry a key that was not selected (`surprise`).
    UnknownColumn,
    /// Rows lack the last selected column.
    MissingColumn,
    /// A column of the catalog is refused as not found: the first that exists of [`Quirk::COLUMNS`].
    RemovedColumn,
    /// One row in twenty has null in the first column that exists of [`Quirk::COLUMNS`].
    NullInNonNullable,
    /// One row in fifty has text in the first selected integer column.
    BadValue,
    /// The plan lacks every billed endpoint.
    Plan,
    /// A source domain has hundreds of similar-link groups.
    WideGroups,
    /// The plan lacks requests for many targets.
    PlanWithoutBatch,
    /// The answer for many targets has no row of the second.
    MissingRow,
    /// In the answer for many targets, two rows each have the same index.
    RepeatedIndex,
    /// An invalid target among many is refused without its name.
    UnnamedTarget,
}

impl Quirk {
    /// Every quirk.
    pub const ALL: [Self; 22] = [
        Self::FilterOrderIsByteOrder,
        Self::RoundTrip,
        Self::CapFloor100,
        Self::CapAfterOrder,
        Self::FilterBeforeGroup,
        Self::WhereHonoured,
        Self::WhereIgnored,
        Self::IgnoredOrder,
        Self::NullKeys,
        Self::ShortAnswers,
        Self::IntermittentCap,
        Self::UnknownColumn,
        Self::MissingColumn,
        Self::RemovedColumn,
        Self::NullInNonNullable,
        Self::BadValue,
        Self::Plan,
        Self::WideGroups,
        Self::PlanWithoutBatch,
        Self::MissingRow,
        Self::RepeatedIndex,
        Self::UnnamedTarget,
    ];

    /// The columns that `removed_column` and `null_in_non_nullable` look for, first match first.
    pub const COLUMNS: [&str; 5] = [
        "is_dofollow",
        "dofollow_links",
        "serp_features_count",
        "keywords_merged",
        "links_to_target",
    ];

    /// The name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FilterOrderIsByteOrder => "filter_order_is_byte_order",
            Self::RoundTrip => "round_trip",
            Self::CapFloor100 => "cap_floor_100",
            Self::CapAfterOrder => "cap_after_order",
            Self::FilterBeforeGroup => "filter_before_group",
            Self::WhereHonoured => "where_honoured",
            Self::WhereIgnored => "where_ignored",
            Self::IgnoredOrder => "ignored_order",
            Self::NullKeys => "null_keys",
            Self::ShortAnswers => "short_answers",
            Self::IntermittentCap => "intermittent_cap",
            Self::UnknownColumn => "unknown_column",
            Self::MissingColumn => "missing_column",
            Self::RemovedColumn => "removed_column",
            Self::NullInNonNullable => "null_in_non_nullable",
            Self::BadValue => "bad_value",
            Self::Plan => "plan",
            Self::WideGroups => "wide_groups",
            Self::PlanWithoutBatch => "plan_without_batch",
            Self::MissingRow => "missing_row",
            Self::RepeatedIndex => "repeated_index",
            Self::UnnamedTarget => "unnamed_target",
        }
    }
}

impl fmt::Display for Quirk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Quirk {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        for quirk in Self::ALL {
            if quirk.as_str() == name {
                return Ok(quirk);
            }
        }
        let known = Self::ALL.map(Self::as_str).join(", ");
        Err(
            Error::new(ErrorCode::Usage, format!("unknown quirk `{name}`"))
                .with_hint(format!("use one of {known}")),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_quirk_is_read_back_from_its_name() {
        for quirk in Quirk::ALL {
            assert_eq!(quirk.to_string().parse::<Quirk>().unwrap(), quirk);
        }
    }

    #[test]
    fn an_unknown_quirk_lists_the_known_ones() {
        let error = "colour".parse::<Quirk>().unwrap_err();
        assert_eq!(error.to_string(), "unknown quirk `colour`");
        assert!(
            Quirk::ALL
                .iter()
                .all(|quirk| error.hint().contains(quirk.as_str()))
        );
    }
}
