//! Any cell of any row: from the section that knows it, from what identifies the row, or from the column's name and type.

use chrono::NaiveDate;

use super::daily_churn::corrected;
use super::family::{Family, LOST_SHARE, Row};
use super::source::Source;
use crate::catalog::ColumnKind;
use crate::sandbox::calendar::start_of;
use crate::sandbox::cell::Cell;
use crate::sandbox::field::Field;
use crate::sandbox::seeded::Seeded;
use crate::sandbox::web;

/// Columns that count the live rows of a list of the target.
const LIVE_COUNTS: [&str; 4] = ["live", "live_refdomains", "linked_domains", "org_keywords"];

/// Columns that count the rows with the lost ones.
const ALL_TIME_COUNTS: [&str; 2] = ["all_time", "all_time_refdomains"];

impl Source {
    /// The value of one column of one row.
    pub(crate) fn cell(&self, row: Row, field: &Field) -> Cell {
        let number = self.original(row.number);
        let seeded = self.row_seeded(number);
        let name = field.name.as_str();
        if self.has_injected_null(seeded, name) {
            return Cell::Null;
        }
        if self.lead.as_deref() == Some(name)
            && let Some(cell) = self.lead_cell(number, row, seeded, &field.kind)
        {
            return cell;
        }
        if let Some(section) = &self.section {
            return match section.cell(number, field) {
                Some(cell) => cell,
                None => self.section_cell(number, seeded, field),
            };
        }
        self.family_cell(number, row, seeded, field)
    }

    fn has_injected_null(&self, seeded: Seeded, name: &str) -> bool {
        for (column, times) in &self.injected_nulls {
            if column == name && seeded.named("planted").once_in(*times) {
                return true;
            }
        }
        false
    }

    /// The column that rows are paged by, where ties and changes decide it.
    fn lead_cell(&self, number: u32, row: Row, seeded: Seeded, kind: &ColumnKind) -> Option<Cell> {
        if *kind == ColumnKind::Integer {
            let ties = self.ties?.max(1);
            return Some(Cell::Int(i64::from(number / ties) + 1));
        }
        Some(Cell::Time(self.leading_time(number, row, seeded)))
    }

    fn family_cell(&self, number: u32, row: Row, seeded: Seeded, field: &Field) -> Cell {
        let name = field.name.as_str();
        match self.family {
            Family::Record if LIVE_COUNTS.contains(&name) => Cell::Int(i64::from(self.listed)),
            Family::Record if ALL_TIME_COUNTS.contains(&name) => {
                Cell::Int(i64::from(self.listed + self.listed / LOST_SHARE))
            }
            Family::Links => self.link_cell(number, row, seeded, field),
            Family::History if name == "date" => Cell::midnight(i64::from(row.number)),
            Family::History => {
                let cell = self.column_cell(number, row, seeded, field);
                match self.corrected_on {
                    Some(today) => corrected(cell, today, row.number, seeded),
                    None => cell,
                }
            }
            _ => match self.identity_cell(number, seeded, name) {
                Some(cell) => cell,
                None => self.column_cell(number, row, seeded, field),
            },
        }
    }

    /// Columns that identify a row of the families without links.
    fn identity_cell(&self, number: u32, seeded: Seeded, name: &str) -> Option<Cell> {
        Some(match (self.family, name) {
            (Family::Domains, "domain" | "root_domain_name")
            | (Family::Competitors, "competitor_domain") => {
                Cell::text(web::root_name(self.seeded, number))
            }
            (Family::Domains, "is_root_domain") => Cell::Bool(true),
            (Family::Anchors, "anchor") => Cell::text(web::unique_phrase(self.seeded, number)),
            (Family::Keywords, "keyword_merged") => Cell::text(web::keyword(self.seeded, number)),
            (Family::Keywords, "keyword_country") => match &self.country {
                Some(country) => Cell::text(country.as_str()),
                None => Cell::text(web::country(seeded.named("country"))),
            },
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

    /// Whether a row exists on the day whose rows are shown.
    pub(crate) fn is_live(&self, row: Row) -> bool {
        let number = self.original(row.number);
        !self.is_lost(number, self.row_seeded(number))
    }

    /// Whether a row is live or was still seen on that day.
    pub(crate) fn is_seen_since(&self, row: Row, day: NaiveDate) -> bool {
        let field = Field::new("last_seen", ColumnKind::DateTime, true);
        match self.cell(row, &field) {
            Cell::Time(seconds) => seconds >= start_of(day),
            _ => true,
        }
    }
}
