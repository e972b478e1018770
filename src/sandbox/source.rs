//! What a table of the sandbox holds: any cell of any row, computed from the seed alone.
//!
//! A row is a number. Its cells hang together: a page's URL contains its host, a host its root, `is_nofollow` is the
//! opposite of `is_dofollow`, `last_seen` is null exactly for live rows. Families of operations give a row its
//! identity; everything else comes from the column's name and type.

mod columns;
mod link;
mod living;

use std::sync::Arc;

use super::cell::Cell;
use super::hash::Dice;
use super::sections::Section;
use super::web;
use crate::catalog::{ColumnKind, Endpoint};

/// Rows beyond the live ones that `history` shows, as a divisor of the live rows.
pub(super) const LOST_SHARE: u32 = 8;
/// 2026-10-01T00:00:00Z: the newest date-time of the data.
pub(super) const NEWEST: i64 = 1_790_812_800;
/// Seconds by which a changed row's leading date-time moves.
const MOVE: i64 = 7_919;
/// Seconds that the data's date-times spread over: five years.
const SPAN: u32 = 5 * 365 * 86_400;

/// A column that can be selected, filtered by, or both.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) kind: ColumnKind,
    pub(super) nullable: bool,
    pub(super) values: Vec<String>,
}

impl Field {
    /// The column of that name which the operation selects, or which its filter alone knows.
    pub(super) fn of(endpoint: &Endpoint, name: &str) -> Option<Self> {
        let selectable = endpoint.column(name).map(|column| Self {
            name: column.name.clone(),
            kind: column.kind.clone(),
            nullable: column.nullable,
            values: column.values.clone(),
        });
        selectable.or_else(|| {
            let listed = if name.starts_with("event_prop:") {
                "event_prop:EVENT_PROP"
            } else {
                name
            };
            endpoint.filterable(listed).map(|column| Self {
                name: name.to_owned(),
                kind: column.kind.clone(),
                nullable: column.nullable,
                values: column.values.clone(),
            })
        })
    }
}

/// One row: its number (of a history's row: its day since 1970-01-01), and how often its leading key was changed since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) number: u32,
    pub(super) epoch: u32,
}

/// Columns that tell how many live rows a list of the target has.
const LIVE_COUNTS: [&str; 4] = ["live", "live_refdomains", "linked_domains", "org_keywords"];

/// Columns that tell how many rows it has with the lost ones.
const ALL_TIME_COUNTS: [&str; 2] = ["all_time", "all_time_refdomains"];

/// What gives a row its identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
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
    /// What a section beside Site Explorer says.
    Section,
}

impl Family {
    pub(super) fn of(endpoint: &Endpoint) -> Self {
        match endpoint.short_name() {
            _ if endpoint.section() != "site-explorer" => Self::Section,
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
}

/// The data of one operation for one target and the parameters that change it.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) family: Family,
    /// Host of the target, lower case.
    pub(super) host: String,
    /// Whether `date_compared` was given.
    pub(super) compared: bool,
    /// Country asked for, upper case.
    pub(super) country: Option<String>,
    /// Live rows.
    pub(super) rows: u32,
    /// Live rows of the target's lists, which counts tell.
    pub(super) listed: u32,
    /// Whether the operation has a `history` parameter, so that rows beyond the live ones are the lost ones.
    pub(super) has_history: bool,
    pub(super) ties: Option<u32>,
    /// The column that ties are made in, if the operation has one.
    pub(super) lead: Option<String>,
    pub(super) wide_groups: bool,
    /// End of the day that it lives, in seconds since 1970; `None` where its rows do not come and go.
    pub(super) living_until: Option<i64>,
    /// Day, since 1970, on which a history is looked at whose last weeks are corrected from day to day.
    pub(super) corrected_on: Option<u32>,
    /// Who knows the rows better.
    pub(super) section: Option<Arc<dyn Section>>,
    /// Column with a null in every so many rows, against the catalog.
    pub(super) planted_null: Vec<(String, u32)>,
    pub(super) dice: Dice,
}

impl Source {
    /// The value of one column of one row.
    pub(super) fn cell(&self, row: Row, field: &Field) -> Cell {
        let number = self.original(row.number);
        let dice = match &self.section {
            Some(section) => section.dice(number),
            None => self.dice.of("row").at(u64::from(number)),
        };
        let name = field.name.as_str();
        if self
            .planted_null
            .iter()
            .any(|(column, times)| column == name && dice.of("planted").once_in(*times))
        {
            return Cell::Null;
        }
        if self.lead.as_deref() == Some(name) {
            match (&field.kind, self.ties) {
                (ColumnKind::Integer, Some(ties)) => {
                    return Cell::Int(i64::from(number / ties.max(1)) + 1);
                }
                (ColumnKind::Integer, None) => {}
                _ => {
                    return Cell::Time(self.first_seen(number, dice) + i64::from(row.epoch) * MOVE);
                }
            }
        }
        if let Some(section) = &self.section {
            return section
                .cell(number, field)
                .unwrap_or_else(|| self.section_cell(number, dice, field));
        }
        match self.family {
            Family::Record if LIVE_COUNTS.contains(&name) => Cell::Int(i64::from(self.listed)),
            Family::Record if ALL_TIME_COUNTS.contains(&name) => {
                Cell::Int(i64::from(self.listed + self.listed / LOST_SHARE))
            }
            Family::Links => self.link_cell(number, row, dice, field),
            Family::History if name == "date" => Cell::Date {
                days: i64::from(row.number),
                midnight: true,
            },
            Family::History => {
                self.corrected(row.number, dice, self.column_cell(number, row, dice, field))
            }
            _ => self
                .identity_cell(number, dice, name)
                .unwrap_or_else(|| self.column_cell(number, row, dice, field)),
        }
    }

    /// Links have true duplicates: some rows repeat the first of their block of eight.
    fn original(&self, number: u32) -> u32 {
        let may_repeat = self.family == Family::Links && !self.is_born_later(number);
        let duplicate = may_repeat && self.dice.of("copy").at(u64::from(number)).once_in(25);
        if duplicate { number / 8 * 8 } else { number }
    }

    /// Whether the link, domain or page of this row is gone.
    fn is_lost(&self, number: u32, dice: Dice) -> bool {
        if self.death(number, dice).is_some() {
            true
        } else if self.has_history {
            (self.rows..self.rows + self.rows / LOST_SHARE).contains(&number)
        } else {
            dice.of("lost").once_in(LOST_SHARE)
        }
    }

    /// When the row was first seen; half of the rows share theirs with a few others.
    fn first_seen(&self, number: u32, dice: Dice) -> i64 {
        if let Some(birth) = self.birth(number, dice) {
            return birth;
        }
        let start = NEWEST - i64::from(SPAN);
        if let Some(ties) = self.ties {
            let batch = number / ties.max(1);
            let step = SPAN / (self.rows / ties.max(1) + self.rows / LOST_SHARE / ties.max(1) + 2);
            return start + i64::from(batch) * i64::from(step.max(1));
        }
        let dice = dice.of("first_seen");
        if dice.once_in(2) {
            let batch = dice.at(1).below((self.rows / 6).max(1));
            start + i64::from(self.dice.of("batch").at(u64::from(batch)).below(SPAN))
        } else {
            start + i64::from(dice.at(2).below(SPAN))
        }
    }

    /// Columns that identify a row of the families without links.
    fn identity_cell(&self, number: u32, dice: Dice, name: &str) -> Option<Cell> {
        Some(match (self.family, name) {
            (Family::Domains, "domain" | "root_domain_name")
            | (Family::Competitors, "competitor_domain") => {
                Cell::text(web::root_name(self.dice, number))
            }
            (Family::Domains, "is_root_domain") => Cell::Bool(true),
            (Family::Anchors, "anchor") => Cell::text(web::unique_phrase(self.dice, number)),
            (Family::Keywords, "keyword_merged") => Cell::text(web::keyword(self.dice, number)),
            (Family::Keywords, "keyword_country") => Cell::text(
                self.country
                    .as_deref()
                    .unwrap_or_else(|| web::country(dice.of("country"))),
            ),
            (Family::Competitors, "competitor_url") => Cell::Null,
            (Family::Competitors, "group_mode") => Cell::text("domains"),
            (Family::Pages, "url" | "raw_url" | "url_to") => Cell::text(self.page(number)),
            (Family::Pages, "url_to_plain") => {
                let page = self.page(number);
                Cell::text(page.strip_prefix("https://").unwrap_or(&page))
            }
            _ => return None,
        })
    }

    /// A page of the target; no two numbers share one.
    fn page(&self, number: u32) -> String {
        if number == 0 {
            return format!("https://{}/", self.host);
        }
        format!(
            "https://{}{}",
            self.host,
            web::path(self.dice.of("page").at(u64::from(number)), number)
        )
    }
}

impl Source {
    /// Whether a row is live or was still seen on that day.
    pub(super) fn is_seen_since(&self, row: Row, day: chrono::NaiveDate) -> bool {
        let field = Field {
            name: "last_seen".to_owned(),
            kind: ColumnKind::DateTime,
            nullable: true,
            values: Vec::new(),
        };
        match self.cell(row, &field) {
            Cell::Time(seconds) => day
                .and_hms_opt(0, 0, 0)
                .is_some_and(|start| seconds >= start.and_utc().timestamp()),
            _ => true,
        }
    }
}
