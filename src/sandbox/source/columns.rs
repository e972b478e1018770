//! Values by a column's name and type, the same for every family, and the comparison of two dates.
//!
//! With `date_compared` a row is new, lost or in both: its current columns are null (arrays empty) when it was lost,
//! its `_prev` columns when it is new; `_merged` columns hold what there is. Without it every `_prev` is null.

use super::{Family, Field, NEWEST, Row, Source};
use crate::catalog::ColumnKind;
use crate::sandbox::cell::Cell;
use crate::sandbox::hash::Dice;
use crate::sandbox::web;

/// Families whose operations compare two dates.
const COMPARING: [Family; 3] = [Family::Keywords, Family::Pages, Family::Competitors];

impl Source {
    /// A value of any column that no family knows better.
    pub(super) fn column_cell(&self, number: u32, row: Row, dice: Dice, field: &Field) -> Cell {
        let name = field.name.as_str();
        let lost = self.is_lost(number, dice);
        match name {
            "last_seen" | "lost_reason" | "drop_reason" if !lost => return Cell::Null,
            "last_seen"
            | "last_visited"
            | "last_visited_source"
            | "last_crawled"
            | "last_attempt" => {
                return Cell::Time(self.last_seen(number, dice));
            }
            "first_seen" | "first_seen_link" => return Cell::Time(self.first_seen(number, dice)),
            "is_lost" => return Cell::Bool(lost),
            "links_to_target" => return Cell::Int(dice.of("links").magnitude(12) + 1),
            "dofollow_links" | "dofollow_to_target" => {
                return Cell::Int(dice.of("links").magnitude(12) / 2);
            }
            "status" => return Cell::text(self.status(dice)),
            _ => {}
        }
        if COMPARING.contains(&self.family) {
            self.compared_cell(number, row, dice, field)
        } else {
            self.plain(number, dice, name, field)
        }
    }

    /// A value that no section knows better. What it was on an earlier date is what it is now: sections know what changes.
    pub(super) fn section_cell(&self, number: u32, dice: Dice, field: &Field) -> Cell {
        let name = field.name.as_str();
        self.plain(
            number,
            dice,
            name.strip_suffix("_prev").unwrap_or(name),
            field,
        )
    }

    fn last_seen(&self, number: u32, dice: Dice) -> i64 {
        if let Some(death) = self.death(number, dice) {
            return death;
        }
        let first = self.first_seen(number, dice);
        let room = u32::try_from(NEWEST - first).unwrap_or(0);
        first + i64::from(dice.of("last_seen").below(room.max(1)))
    }

    /// `left`: only now; `right`: only then; `both`.
    fn status(&self, dice: Dice) -> &'static str {
        match dice.of("status").below(10) {
            _ if !self.compared => "left",
            0 => "right",
            1 => "left",
            _ => "both",
        }
    }

    fn compared_cell(&self, number: u32, row: Row, dice: Dice, field: &Field) -> Cell {
        let name = field.name.as_str();
        let status = self.status(dice);
        let empty = if matches!(field.kind, ColumnKind::List(_)) {
            Cell::List([].into())
        } else {
            Cell::Null
        };
        if let Some(stem) = name.strip_suffix("_prev") {
            if !self.compared || status == "left" {
                return if field.nullable {
                    Cell::Null
                } else {
                    empty_of(&field.kind)
                };
            }
            return self.stem(number, row, dice.of("then"), dice, stem, field);
        }
        if let Some(stem) = name.strip_suffix("_merged") {
            let side = if status == "right" {
                dice.of("then")
            } else {
                dice
            };
            return self.stem(number, row, side, dice, stem, field);
        }
        if name.ends_with("_diff") || name.ends_with("_diff_percent") {
            let both = self.compared && status == "both";
            return match (both, field.nullable) {
                (true, _) => {
                    Cell::Int(dice.of(name).magnitude(10) - dice.of("minus").at(1).magnitude(9))
                }
                (false, true) => Cell::Null,
                (false, false) => Cell::Int(0),
            };
        }
        if status == "right" && (field.nullable || matches!(field.kind, ColumnKind::List(_))) {
            return empty;
        }
        self.stem(number, row, dice, dice, name, field)
    }

    /// The value that a stem's columns (`volume`, `volume_prev`, `volume_merged`) share on one of the two dates.
    fn stem(
        &self,
        number: u32,
        row: Row,
        side: Dice,
        dice: Dice,
        stem: &str,
        field: &Field,
    ) -> Cell {
        match (self.family, stem) {
            (Family::Keywords, "keyword") => {
                return Cell::text(web::keyword(self.dice, number));
            }
            (_, "last_update") => {
                return Cell::Time(
                    self.first_seen(number, dice) + i64::from(row.epoch) * super::MOVE,
                );
            }
            (_, "words") if self.family == Family::Keywords => {
                let words = web::keyword(self.dice, number).split(' ').count();
                return Cell::Int(i64::try_from(words).unwrap_or(1));
            }
            (Family::Pages, "url" | "raw_url") => return Cell::text(self.page(number)),
            (_, "best_position" | "top_keyword_best_position") => return Cell::Int(position(side)),
            (_, "best_position_set") => {
                return Cell::text(match position(side) {
                    ..4 => "top_3",
                    4..11 => "top_4_10",
                    11..51 => "top_11_50",
                    _ => "top_51_more",
                });
            }
            (_, "is_best_position_set_top_3") => return Cell::Bool(position(side) <= 3),
            (_, "is_best_position_set_top_4_10") => {
                return Cell::Bool((4..=10).contains(&position(side)));
            }
            (_, "is_best_position_set_top_11_50") => {
                return Cell::Bool((11..=50).contains(&position(side)));
            }
            _ => {}
        }
        self.plain(number, side, stem, field)
    }

    fn plain(&self, number: u32, dice: Dice, name: &str, field: &Field) -> Cell {
        let dice = dice.of(name);
        if field.nullable && dice.of("null").once_in(8) {
            return Cell::Null;
        }
        if self.family == Family::Countries && name == "country" {
            let index = usize::try_from(number).unwrap_or(0);
            let country = field.values.get(index).map_or("OTHER", String::as_str);
            return Cell::text(if number + 1 == self.rows {
                "OTHER"
            } else {
                country
            });
        }
        self.by_kind(dice, name, &field.kind, &field.values)
    }

    fn by_kind(&self, dice: Dice, name: &str, kind: &ColumnKind, values: &[String]) -> Cell {
        match kind {
            ColumnKind::Integer => Cell::Int(integer(dice, name)),
            ColumnKind::Float => float(dice, name),
            ColumnKind::Boolean => Cell::Bool(dice.once_in(4)),
            ColumnKind::Date => Cell::Date {
                days: 19_000 + i64::from(dice.below(1_700)),
                midnight: false,
            },
            ColumnKind::DateTime => Cell::Time(NEWEST - i64::from(dice.below(30_000_000))),
            ColumnKind::Text if values.is_empty() => Cell::text(self.text(dice, name)),
            ColumnKind::Text => {
                let index = dice.below(u32::try_from(values.len()).unwrap_or(1));
                values
                    .get(usize::try_from(index).unwrap_or(0))
                    .map_or(Cell::Null, |value| Cell::text(value.as_str()))
            }
            ColumnKind::List(item) => {
                let count = u64::from(dice.of("count").below(4));
                let items = (0..count).map(|index| match item.as_ref() {
                    ColumnKind::Json => {
                        Cell::Json(format!(r#"{{"position":{index},"kind":"organic"}}"#).into())
                    }
                    item => self.by_kind(dice.at(index), name, item, values),
                });
                Cell::List(items.collect())
            }
            ColumnKind::Struct(fields) => {
                let mut json = Vec::from(*b"{");
                for (position, (field, kind)) in fields.iter().enumerate() {
                    if position > 0 {
                        json.push(b',');
                    }
                    crate::sandbox::cell::write_text(field, &mut json);
                    json.push(b':');
                    self.by_kind(dice.of(field), field, kind, &[])
                        .write(&mut json);
                }
                json.push(b'}');
                Cell::Json(String::from_utf8(json).unwrap_or_default().into())
            }
            ColumnKind::Json => Cell::Json(r#"{"a":1}"#.into()),
        }
    }

    fn text(&self, dice: Dice, name: &str) -> String {
        match name {
            _ if name.contains("url") => format!(
                "https://{}{}",
                self.host,
                web::path(dice, dice.at(9).below(5_000))
            ),
            _ if name.contains("language") => web::language(dice).to_owned(),
            _ if name.contains("country") => web::country(dice).to_owned(),
            _ if name.starts_with("ip_") => web::address(dice),
            _ if name.contains("encoding") => "utf8".to_owned(),
            _ if name.contains("serp_features") => dice
                .pick(&[
                    "ai_overview",
                    "image_th",
                    "news",
                    "local_pack",
                    "question",
                    "sitelink",
                ])
                .unwrap_or("news")
                .to_owned(),
            _ if name.contains("kind") => dice
                .pick(&["organic", "sitelink", "snippet", "image"])
                .unwrap_or("organic")
                .to_owned(),
            _ if name.contains("powered_by") => dice
                .pick(&["WordPress", "Nginx", "PHP", "React"])
                .unwrap_or("PHP")
                .to_owned(),
            _ if name.contains("page_type") => dice
                .pick(&["/Article", "/Homepage", "/Listing"])
                .unwrap_or("/Article")
                .to_owned(),
            _ if name.contains("title") || name.contains("snippet") => {
                web::words(dice, 3 + dice.at(8).below(6))
            }
            _ if name.contains("domain") || name.starts_with("name_") => {
                web::root_name(self.dice, dice.below(5_000))
            }
            _ => web::words(dice, 1 + dice.at(8).below(3)),
        }
    }
}

fn position(side: Dice) -> i64 {
    i64::from(side.of("position").skewed(100)) + 1
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

fn integer(dice: Dice, name: &str) -> i64 {
    match name {
        _ if name.contains("http_code") || name.contains("redirect_code") => [200, 301, 302, 404]
            .get(usize::try_from(dice.below(4)).unwrap_or(0))
            .copied()
            .unwrap_or(200),
        _ if name.contains("redirect_kind") => {
            if dice.once_in(2) {
                301
            } else {
                302
            }
        }
        _ if name.contains("difficulty") => i64::from(dice.below(101)),
        _ if name.starts_with("port_") => 443,
        _ if name.starts_with("value") || name.contains("cost") => dice.magnitude(36),
        _ if name.contains("traffic") || name.contains("volume") => dice.magnitude(24),
        _ if name.contains("rank") => dice.magnitude(26) + 1,
        _ => dice.magnitude(14),
    }
}

fn float(dice: Dice, name: &str) -> Cell {
    let share = name.ends_with("_pct") || name == "share";
    let tenths = if share {
        dice.below(1_001)
    } else {
        dice.skewed(1_001)
    };
    let whole = dice.at(1).once_in(3);
    let value = if whole {
        f64::from(tenths / 10)
    } else {
        f64::from(tenths) / 10.0
    };
    Cell::Float {
        value,
        bare: whole && dice.at(2).once_in(8),
    }
}
