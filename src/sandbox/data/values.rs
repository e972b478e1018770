//! Values that follow from a column's name and type.

use super::family::{Family, NEWEST};
use super::source::Source;
use crate::catalog::ColumnKind;
use crate::sandbox::cell::{Cell, write_text};
use crate::sandbox::field::Field;
use crate::sandbox::seeded::Seeded;
use crate::sandbox::web;

impl Source {
    /// A value that no section knows better. What it was on an earlier date is what it is now: sections know what changes.
    pub(crate) fn section_cell(&self, number: u32, seeded: Seeded, field: &Field) -> Cell {
        let name = field.name.as_str();
        let name = name.strip_suffix("_prev").unwrap_or(name);
        self.plain_cell(number, seeded, name, field)
    }

    /// A value by the name (which may be another than the field's) and the field's type.
    pub(crate) fn plain_cell(
        &self,
        number: u32,
        seeded: Seeded,
        name: &str,
        field: &Field,
    ) -> Cell {
        let seeded = seeded.named(name);
        if field.nullable && seeded.named("null").once_in(8) {
            return Cell::Null;
        }
        if self.family == Family::Countries && name == "country" {
            return self.country_cell(number, field);
        }
        self.cell_of_kind(seeded, name, &field.kind, &field.values)
    }

    /// The last country is the rest of the world.
    fn country_cell(&self, number: u32, field: &Field) -> Cell {
        let position = usize::try_from(number).unwrap_or(0);
        match field.values.get(position) {
            Some(country) if number + 1 != self.rows => Cell::text(country.as_str()),
            _ => Cell::text("OTHER"),
        }
    }

    fn cell_of_kind(
        &self,
        seeded: Seeded,
        name: &str,
        kind: &ColumnKind,
        values: &[String],
    ) -> Cell {
        match kind {
            ColumnKind::Integer => Cell::Int(integer(seeded, name)),
            ColumnKind::Float => float(seeded, name),
            ColumnKind::Boolean => Cell::Bool(seeded.once_in(4)),
            ColumnKind::Date => Cell::date(19_000 + i64::from(seeded.below(1_700))),
            ColumnKind::DateTime => Cell::Time(NEWEST - i64::from(seeded.below(30_000_000))),
            ColumnKind::Text if values.is_empty() => Cell::text(self.text(seeded, name)),
            ColumnKind::Text => enum_value(seeded, values),
            ColumnKind::List(item) => self.list(seeded, name, item, values),
            ColumnKind::Struct(fields) => self.object(seeded, fields),
            ColumnKind::Json => Cell::json(r#"{"a":1}"#),
        }
    }

    fn list(&self, seeded: Seeded, name: &str, kind: &ColumnKind, values: &[String]) -> Cell {
        let mut items = Vec::new();
        for number in 0..seeded.named("count").below(4) {
            items.push(if *kind == ColumnKind::Json {
                Cell::json(format!(r#"{{"position":{number},"kind":"organic"}}"#))
            } else {
                self.cell_of_kind(seeded.item(number), name, kind, values)
            });
        }
        Cell::List(items.into())
    }

    fn object(&self, seeded: Seeded, fields: &[(String, ColumnKind)]) -> Cell {
        let mut json = Vec::from(*b"{");
        for (position, (name, kind)) in fields.iter().enumerate() {
            if position > 0 {
                json.push(b',');
            }
            write_text(name, &mut json);
            json.push(b':');
            self.cell_of_kind(seeded.named(name), name, kind, &[])
                .write(&mut json);
        }
        json.push(b'}');
        Cell::json(String::from_utf8(json).unwrap_or_default())
    }

    fn text(&self, seeded: Seeded, name: &str) -> String {
        if name.contains("url") {
            let path = web::path(seeded, seeded.numbered(9).below(5_000));
            return format!("https://{}{path}", self.host);
        }
        if let Some(choice) = chosen_text(seeded, name) {
            return choice.to_owned();
        }
        match name {
            _ if name.starts_with("ip_") => web::address(seeded),
            _ if name.contains("title") || name.contains("snippet") => {
                web::words(seeded, 3 + seeded.numbered(8).below(6))
            }
            _ if name.contains("domain") || name.starts_with("name_") => {
                web::root_name(self.seeded, seeded.below(5_000))
            }
            _ => web::words(seeded, 1 + seeded.numbered(8).below(3)),
        }
    }
}

/// A text of a column that has a few values, though the catalog does not list them.
fn chosen_text(seeded: Seeded, name: &str) -> Option<&'static str> {
    let choices: &[&str] = match name {
        _ if name.contains("language") => return Some(web::language(seeded)),
        _ if name.contains("country") => return Some(web::country(seeded)),
        _ if name.starts_with("ip_") => return None,
        _ if name.contains("encoding") => &["utf8"],
        _ if name.contains("serp_features") => &[
            "ai_overview",
            "image_th",
            "news",
            "local_pack",
            "question",
            "sitelink",
        ],
        _ if name.contains("kind") => &["organic", "sitelink", "snippet", "image"],
        _ if name.contains("powered_by") => &["WordPress", "Nginx", "PHP", "React"],
        _ if name.contains("page_type") => &["/Article", "/Homepage", "/Listing"],
        _ => return None,
    };
    seeded.pick(choices)
}

fn enum_value(seeded: Seeded, values: &[String]) -> Cell {
    let limit = u32::try_from(values.len()).unwrap_or(1);
    let position = usize::try_from(seeded.below(limit)).unwrap_or(0);
    match values.get(position) {
        Some(value) => Cell::text(value.as_str()),
        None => Cell::Null,
    }
}

fn integer(seeded: Seeded, name: &str) -> i64 {
    match name {
        _ if name.contains("http_code") || name.contains("redirect_code") => {
            match seeded.below(4) {
                0 => 200,
                1 => 301,
                2 => 302,
                _ => 404,
            }
        }
        _ if name.contains("redirect_kind") && seeded.once_in(2) => 301,
        _ if name.contains("redirect_kind") => 302,
        _ if name.contains("difficulty") => i64::from(seeded.below(101)),
        _ if name.starts_with("port_") => 443,
        _ if name.starts_with("value") || name.contains("cost") => seeded.magnitude(36),
        _ if name.contains("traffic") || name.contains("volume") => seeded.magnitude(24),
        _ if name.contains("rank") => seeded.magnitude(26) + 1,
        _ => seeded.magnitude(14),
    }
}

fn float(seeded: Seeded, name: &str) -> Cell {
    let is_share = name.ends_with("_pct") || name == "share";
    let tenths = if is_share {
        seeded.below(1_001)
    } else {
        seeded.skewed(1_001)
    };
    let is_whole = seeded.numbered(1).once_in(3);
    let value = if is_whole {
        f64::from(tenths / 10)
    } else {
        f64::from(tenths) / 10.0
    };
    Cell::Float {
        value,
        bare: is_whole && seeded.numbered(2).once_in(8),
    }
}
