//! Columns by name, the same for every family of Site Explorer.

use super::family::Row;
use super::source::Source;
use crate::sandbox::cell::Cell;
use crate::sandbox::field::Field;
use crate::sandbox::seeded::Seeded;

impl Source {
    /// A value of any column that no family knows better.
    pub(crate) fn column_cell(&self, number: u32, row: Row, seeded: Seeded, field: &Field) -> Cell {
        let name = field.name.as_str();
        match name {
            "last_seen" | "lost_reason" | "drop_reason" if !self.is_lost(number, seeded) => {
                Cell::Null
            }
            "last_seen"
            | "last_visited"
            | "last_visited_source"
            | "last_crawled"
            | "last_attempt" => Cell::Time(self.last_seen(number, seeded)),
            "first_seen" | "first_seen_link" => Cell::Time(self.first_seen(number, seeded)),
            "is_lost" => Cell::Bool(self.is_lost(number, seeded)),
            "links_to_target" => Cell::Int(seeded.named("links").magnitude(12) + 1),
            "dofollow_links" | "dofollow_to_target" => {
                Cell::Int(seeded.named("links").magnitude(12) / 2)
            }
            "status" => Cell::text(self.status(seeded)),
            _ if self.family.compares_dates() => self.compared_cell(number, row, seeded, field),
            _ => self.plain_cell(number, seeded, name, field),
        }
    }
}
