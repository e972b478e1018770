//! What gives a row its identity, by operation.

use crate::catalog::Endpoint;

/// Rows beyond the live ones that `history` shows, as a divisor of the live rows.
pub(crate) const LOST_SHARE: u32 = 8;
/// 2026-10-01T00:00:00Z: the newest date-time of the data.
pub(crate) const NEWEST: i64 = 1_790_812_800;

/// One row: its number (of a history's row: its day since 1970-01-01), and how often its leading key was changed since the
/// start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) number: u32,
    pub(crate) key_changes: u32,
}

impl Row {
    pub(crate) fn new(number: u32) -> Self {
        Self {
            number,
            key_changes: 0,
        }
    }
}

/// What gives a row its identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    Links,
    Domains,
    Anchors,
    Keywords,
    Pages,
    Competitors,
    Countries,
    /// One row per date.
    History,
    /// One row.
    Record,
    /// The rows of a section beside Site Explorer.
    Section,
}

impl Family {
    pub(crate) fn of(endpoint: &Endpoint) -> Self {
        if endpoint.section() != "site-explorer" {
            return Self::Section;
        }
        match endpoint.short_name() {
            "all-backlinks" | "broken-backlinks" => Self::Links,
            "refdomains" | "linkeddomains" => Self::Domains,
            "anchors" | "linked-anchors-external" | "linked-anchors-internal" => Self::Anchors,
            "organic-keywords" => Self::Keywords,
            "organic-competitors" => Self::Competitors,
            "metrics-by-country" => Self::Countries,
            name if name.ends_with("-history") => Self::History,
            _ if endpoint.parameter("limit").is_some() => Self::Pages,
            _ => Self::Record,
        }
    }

    /// Whether its operations compare two dates.
    pub(crate) fn compares_dates(self) -> bool {
        matches!(self, Self::Keywords | Self::Pages | Self::Competitors)
    }

    /// Whether the values of a row change with everything that is requested, not with the target alone.
    pub(crate) fn depends_on_date(self) -> bool {
        matches!(self, Self::Record | Self::Countries)
    }
}
