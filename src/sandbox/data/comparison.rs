//! The comparison of two dates.
//!
//! With `date_compared` a row is new, lost or in both: its current columns are null (arrays empty) when it was lost,
//! its `_prev` columns when it is new; `_merged` columns have whichever exists. Without it every `_prev` is null.

use super::family::{Family, Row};
use super::source::Source;
use crate::catalog::ColumnKind;
use crate::sandbox::cell::Cell;
use crate::sandbox::field::Field;
use crate::sandbox::seeded::Seeded;
use crate::sandbox::web;

impl Source {
    /// `left`: only now; `right`: only then; `both`.
    pub(crate) fn status(&self, seeded: Seeded) -> &'static str {
        match seeded.named("status").below(10) {
            _ if !self.has_comparison => "left",
            0 => "right",
            1 => "left",
            _ => "both",
        }
    }

    /// A column of a family whose operations compare two dates.
    pub(crate) fn compared_cell(
        &self,
        number: u32,
        row: Row,
        seeded: Seeded,
        field: &Field,
    ) -> Cell {
        let name = field.name.as_str();
        let status = self.status(seeded);
        let side = ComparedSide {
            source: self,
            number,
            row,
            seeded,
        };
        if let Some(stem) = name.strip_suffix("_prev") {
            if self.has_comparison && status != "left" {
                return side.stem_cell(seeded.named("then"), stem, field);
            }
            return if field.nullable {
                Cell::Null
            } else {
                empty_of(&field.kind)
            };
        }
        if let Some(stem) = name.strip_suffix("_merged") {
            let date = if status == "right" {
                seeded.named("then")
            } else {
                seeded
            };
            return side.stem_cell(date, stem, field);
        }
        if name.ends_with("_diff") || name.ends_with("_diff_percent") {
            return self.difference_cell(status, seeded, field);
        }
        let is_list = matches!(field.kind, ColumnKind::List(_));
        match status {
            "right" if is_list => Cell::List([].into()),
            "right" if field.nullable => Cell::Null,
            _ => side.stem_cell(seeded, name, field),
        }
    }

    fn difference_cell(&self, status: &str, seeded: Seeded, field: &Field) -> Cell {
        if self.has_comparison && status == "both" {
            let minus = seeded.named("minus").numbered(1).magnitude(9);
            return Cell::Int(seeded.named(&field.name).magnitude(10) - minus);
        }
        if field.nullable {
            Cell::Null
        } else {
            Cell::Int(0)
        }
    }
}

/// A row on one of two dates.
struct ComparedSide<'a> {
    source: &'a Source,
    number: u32,
    row: Row,
    seeded: Seeded,
}

impl ComparedSide<'_> {
    /// The value that a stem's columns (`volume`, `volume_prev`, `volume_merged`) share on one of the two dates.
    fn stem_cell(&self, date: Seeded, stem: &str, field: &Field) -> Cell {
        let source = self.source;
        match (source.family, stem) {
            (Family::Keywords, "keyword") => {
                return Cell::text(web::keyword(source.seeded, self.number));
            }
            (Family::Keywords, "words") => {
                let keyword = web::keyword(source.seeded, self.number);
                let words = keyword.split(' ').count();
                return Cell::Int(i64::try_from(words).unwrap_or(1));
            }
            (Family::Pages, "url" | "raw_url") => return Cell::text(source.page(self.number)),
            (_, "last_update") => {
                return Cell::Time(source.leading_time(self.number, self.row, self.seeded));
            }
            _ => {}
        }
        match position_cell(date, stem) {
            Some(cell) => cell,
            None => source.plain_cell(self.number, date, stem, field),
        }
    }
}

/// A column that depends on the best position on a date.
fn position_cell(date: Seeded, stem: &str) -> Option<Cell> {
    let position = i64::from(date.named("position").skewed(100)) + 1;
    let set = match position {
        ..4 => "top_3",
        4..11 => "top_4_10",
        11..51 => "top_11_50",
        _ => "top_51_more",
    };
    match stem {
        "best_position" | "top_keyword_best_position" => Some(Cell::Int(position)),
        "best_position_set" => Some(Cell::text(set)),
        "is_best_position_set_top_3" => Some(Cell::Bool(set == "top_3")),
        "is_best_position_set_top_4_10" => Some(Cell::Bool(set == "top_4_10")),
        "is_best_position_set_top_11_50" => Some(Cell::Bool(set == "top_11_50")),
        _ => None,
    }
}

fn empty_of(kind: &ColumnKind) -> Cell {
    match kind {
        ColumnKind::List(_) => Cell::List([].into()),
        ColumnKind::Integer => Cell::Int(0),
        ColumnKind::Boolean => Cell::Bool(false),
        ColumnKind::Text => Cell::text(""),
        _ => Cell::Null,
    }
}
