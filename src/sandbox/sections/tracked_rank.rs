//! How one keyword ranks on one device and day.
//!
//! A value is a function of the keyword, its location, the device and the date: what was requested for one date is what a
//! later comparison with that date shows.

use chrono::NaiveDate;

use super::api_section::{SectionSeed, nothing};
use super::keyword::Keyword;
use super::workspace::{Project, TrackedKeyword};
use crate::catalog::ColumnKind;
use crate::sandbox::calendar::{day_part, start_of};
use crate::sandbox::cell::Cell;
use crate::sandbox::field::Field;
use crate::sandbox::seeded::Seeded;

/// A keyword on one device and day.
pub(crate) struct TrackedRank<'a> {
    pub(crate) seed: SectionSeed,
    pub(crate) project: &'a Project,
    pub(crate) keyword: &'a TrackedKeyword,
    pub(crate) device: &'a str,
    pub(crate) day: NaiveDate,
    /// The later of two dates, on which results were last updated.
    pub(crate) updated: NaiveDate,
}

impl TrackedRank<'_> {
    /// The source of what changes from day to day.
    pub(crate) fn seeded(&self) -> Seeded {
        self.keyword
            .seeded
            .named(self.device)
            .numbered(day_part(self.day))
    }

    /// Among the first hundred; most keywords move by a position or two from day to day, some are not found at all.
    fn position(&self) -> Option<i64> {
        let usual = self.keyword.seeded.named(self.device).named("position");
        if usual.named("none").once_in(6) {
            return None;
        }
        let moves = self.seeded().named("moves").below(3);
        Some(i64::from(usual.skewed(98) + moves).max(1))
    }

    /// One of the columns that differ from day to day and from device to device.
    pub(crate) fn cell(&self, field: &Field) -> Cell {
        let name = field.name.as_str();
        if name == "serp_updated" {
            return self.update_time();
        }
        let Some(position) = self.position() else {
            return nothing(field);
        };
        let seeded = self.seeded().named(name);
        match name {
            "position" => Cell::Int(position),
            "url" => Cell::text(self.page()),
            "traffic" => match self.volume() {
                Some(volume) => Cell::Int(volume / (position + 2)),
                None => nothing(field),
            },
            "target_positions_count" => Cell::Int(i64::from(1 + seeded.below(3))),
            "best_position_kind" => Cell::text("organic"),
            "serp_features" => self.features(),
            _ if field.kind == ColumnKind::Boolean => Cell::Bool(seeded.once_in(5)),
            _ => Cell::tenths(f64::from(seeded.below(1_001))),
        }
    }

    fn page(&self) -> String {
        let number = self.keyword.seeded.named("page").skewed(200);
        self.project.page(number)
    }

    fn volume(&self) -> Option<i64> {
        let country = self.keyword.location.country.to_lowercase();
        Keyword::new(self.seed, &self.keyword.keyword).volume(&country)
    }

    fn features(&self) -> Cell {
        let mut features = vec!["ai_overview", "question", "sitelink", "image_th"];
        features.retain(|feature| self.seeded().named(feature).once_in(3));
        Cell::texts(features)
    }

    fn update_time(&self) -> Cell {
        let seconds = self.keyword.seeded.named("updated").below(20_000);
        Cell::Time(start_of(self.updated) + i64::from(seconds))
    }
}
