//! Rank Tracker: the keywords of a project, day by day and device by device, and the sites that compete for them.
//!
//! A value is a function of the keyword, its place, the device and the date: what was asked for one date is what a later
//! comparison with that date shows.

use std::sync::Arc;

use chrono::NaiveDate;

use super::words::Keyword;
use super::workspace::{Project, Tracked, Workspace, page_of};
use super::{Compared, Given, Ground, Numbered, Section, day_part, nothing, serp, tenths};
use crate::catalog::{ColumnKind, Endpoint};
use crate::sandbox::cell::{Cell, write_text};
use crate::sandbox::hash::Dice;
use crate::sandbox::query::Query;
use crate::sandbox::refusal::Refusal;
use crate::sandbox::source::Field;

/// Sites that rank for the same keywords, the tracked competitors among them, as a divisor of the keywords.
const SITES_SHARE: u32 = 10;
/// Keywords that were taken out since an earlier date, as a divisor.
const LOST_SHARE: u32 = 12;

pub(super) fn section(
    ground: Ground,
    endpoint: &Endpoint,
    query: &Query,
) -> Result<Arc<dyn Section>, Refusal> {
    if endpoint.short_name() == "serp-overview" {
        return serp::section(ground, query);
    }
    let project = Workspace::new(ground).project(query.values.get("project_id").unwrap_or(""))?;
    let ranks = Ranks {
        ground,
        device: query.values.get("device").unwrap_or("desktop").to_owned(),
        compared: Compared::of(query),
        project,
    };
    let only_ours = query.values.get("target_and_tracked_competitors_only") == Some("true");
    Ok(match endpoint.short_name() {
        "competitors-stats" => stats(&ranks),
        "competitors-pages" => Arc::new(sites(ranks, true, only_ours)),
        "competitors-domains" => Arc::new(sites(ranks, false, only_ours)),
        _ => Arc::new(ranks),
    })
}

/// The tracked keywords: a row each.
#[derive(Debug, Clone)]
struct Ranks {
    ground: Ground,
    project: Project,
    device: String,
    compared: Compared,
}

/// A keyword on one device and day.
struct Seen<'a> {
    ranks: &'a Ranks,
    tracked: &'a Tracked,
    /// Chance of the keyword on the device and day.
    dice: Dice,
}

impl Section for Ranks {
    fn rows(&self) -> u32 {
        self.project.keywords
    }

    fn dice(&self, number: u32) -> Dice {
        self.project.tracked(number).dice
    }

    fn cell(&self, number: u32, field: &Field) -> Option<Cell> {
        let tracked = self.project.tracked(number);
        // Lost, new, or there on both dates.
        let there = match tracked.dice.of("kept").below(LOST_SHARE) {
            _ if self.compared.then.is_none() => (true, false),
            0 => (false, true),
            1 => (true, false),
            _ => (true, true),
        };
        if let Some(cell) = self.fixed(&tracked, field) {
            return Some(cell);
        }
        let shown = stem(&field.name);
        let keyword = Keyword::new(self.ground, &tracked.keyword);
        let country = tracked.country.to_lowercase();
        let known = Field {
            name: shown.to_owned(),
            ..field.clone()
        };
        // Numbers of the keyword itself are the same on both dates.
        if let Some(cell) = keyword
            .cell(&country, (None, None), &known)
            .filter(|_| is_of_keyword(shown))
        {
            return Some(self.compared.cell(field, there, |_, _| cell.clone()));
        }
        self.changing(&tracked, there, field, shown)
    }
}

impl Ranks {
    /// What belongs to the keyword's entry in the project, whatever the dates.
    fn fixed(&self, tracked: &Tracked, field: &Field) -> Option<Cell> {
        let compares = self.compared.then.is_some();
        let shown = stem(&field.name);
        let cell = match shown {
            "keyword" => Cell::text(tracked.keyword.as_str()),
            "country" => Cell::text(tracked.country),
            "location" => Cell::text(tracked.location),
            "language" => Cell::text(tracked.language),
            "tags" => Cell::List(tracked.tags.iter().map(|tag| Cell::text(*tag)).collect()),
            "keyword_has_data" => {
                Cell::Bool(Keyword::new(self.ground, &tracked.keyword).is_known())
            }
            "keyword_is_frozen" => Cell::Bool(tracked.dice.of("frozen").once_in(40)),
            "competitors_list" => self.competitors(tracked),
            _ if shown.starts_with("is_main_position") => Cell::Bool(true),
            _ => return None,
        };
        let is_earlier = shown != field.name;
        Some(if is_earlier && !compares {
            nothing(field)
        } else {
            cell
        })
    }

    /// What differs from day to day and from device to device.
    fn changing(
        &self,
        tracked: &Tracked,
        there: (bool, bool),
        field: &Field,
        shown: &str,
    ) -> Option<Cell> {
        let known = [
            "position",
            "url",
            "traffic",
            "serp_features",
            "serp_updated",
            "target_positions_count",
        ];
        let of_best = shown.starts_with("best_position") || shown.starts_with("search_type_");
        if !known.contains(&shown) && !of_best {
            return None;
        }
        Some(self.compared.cell(field, there, |day, field| {
            self.seen(tracked, day).cell(field)
        }))
    }

    fn seen<'a>(&'a self, tracked: &'a Tracked, day: NaiveDate) -> Seen<'a> {
        let dice = tracked.dice.of(&self.device).at(day_part(day));
        Seen {
            ranks: self,
            tracked,
            dice,
        }
    }

    /// Every tracked competitor with where it stands.
    fn competitors(&self, tracked: &Tracked) -> Cell {
        let objects = self.project.competitors().into_iter().map(|host| {
            let dice = self.seen(tracked, self.compared.now).dice.of(&host);
            let mut json = br#"{"url":"#.to_vec();
            write_text(&page_of(dice.of("page"), &host, dice.below(500)), &mut json);
            let position = if dice.of("none").once_in(4) {
                "null".to_owned()
            } else {
                (1 + dice.skewed(100)).to_string()
            };
            json.extend_from_slice(
                format!(
                    r#","position":{position},"traffic":{}}}"#,
                    dice.magnitude(10)
                )
                .as_bytes(),
            );
            Cell::Json(String::from_utf8_lossy(&json).into())
        });
        Cell::List(objects.collect())
    }
}

/// Columns whose values Keywords Explorer gives too.
fn is_of_keyword(name: &str) -> bool {
    [
        "volume",
        "keyword_difficulty",
        "parent_topic",
        "keyword_words",
        "clicks",
    ]
    .contains(&name)
        || (name.starts_with("is_") && !name.starts_with("is_main"))
}

fn stem(name: &str) -> &str {
    ["_previous", "_prev", "_diff"]
        .iter()
        .find_map(|ending| name.strip_suffix(ending))
        .unwrap_or(name)
}

impl Seen<'_> {
    /// Among the first hundred; most keywords move by a place or two from day to day, some are not found at all.
    fn position(&self) -> Option<i64> {
        let usual = self.tracked.dice.of(&self.ranks.device).of("position");
        let is_found = !usual.of("none").once_in(6);
        is_found.then(|| {
            (i64::from(usual.skewed(98)) + i64::from(self.dice.of("moves").below(3))).max(1)
        })
    }

    fn cell(&self, field: &Field) -> Cell {
        let name = field.name.as_str();
        let Some(position) = self.position() else {
            return if name == "serp_updated" {
                self.updated()
            } else {
                nothing(field)
            };
        };
        match name {
            "position" => Cell::Int(position),
            "url" => Cell::text(
                self.ranks
                    .project
                    .page(self.tracked.dice.of("page").skewed(200)),
            ),
            "traffic" => {
                let keyword = Keyword::new(self.ranks.ground, &self.tracked.keyword);
                let volume = keyword.volume(&self.tracked.country.to_lowercase());
                volume.map_or_else(
                    || nothing(field),
                    |volume| Cell::Int(volume / (position + 2)),
                )
            }
            "serp_updated" => self.updated(),
            "target_positions_count" => Cell::Int(i64::from(1 + self.dice.of(name).below(3))),
            "best_position_kind" => Cell::text("organic"),
            "serp_features" => {
                let features = ["ai_overview", "question", "sitelink", "image_th"];
                let shown = features
                    .iter()
                    .filter(|feature| self.dice.of(feature).once_in(3));
                Cell::List(shown.map(|feature| Cell::text(*feature)).collect())
            }
            _ => match field.kind {
                ColumnKind::Boolean => Cell::Bool(self.dice.of(name).once_in(5)),
                _ => tenths(f64::from(self.dice.of(name).below(1_001))),
            },
        }
    }

    fn updated(&self) -> Cell {
        let day = self.ranks.compared.now;
        Cell::Time(
            super::day_number(day) * 86_400
                + i64::from(self.tracked.dice.of("updated").below(20_000)),
        )
    }
}

/// The target and its tracked competitors, one row each.
fn stats(ranks: &Ranks) -> Arc<dyn Section> {
    let hosts = std::iter::once(ranks.project.host.clone()).chain(ranks.project.competitors());
    let dice = ranks
        .project
        .dice
        .of("stats")
        .of(&ranks.device)
        .at(day_part(ranks.compared.now));
    let keywords = i64::from(ranks.project.keywords);
    let row = |host: String| {
        let dice = dice.of(&host);
        let mut left = keywords;
        let mut row = vec![("competitor", Cell::text(host))];
        for name in [
            "pos_1_3",
            "pos_4_10",
            "pos_11_20",
            "pos_21_50",
            "pos_51_plus",
        ] {
            let here = left * i64::from(dice.of(name).below(40)) / 100;
            left -= here;
            row.push((name, Cell::Int(here)));
        }
        row.push(("pos_no_rank", Cell::Int(left)));
        row
    };
    Given::of(dice, hosts.map(row).collect())
}

/// Pages or sites that rank for the project's keywords: the target's and its tracked competitors' first.
fn sites(ranks: Ranks, pages: bool, only_ours: bool) -> Numbered {
    let hosts: Vec<String> = std::iter::once(ranks.project.host.clone())
        .chain(ranks.project.competitors())
        .collect();
    let ours = u32::try_from(hosts.len()).unwrap_or(u32::MAX);
    let all = if ranks.project.keywords == 0 {
        0
    } else {
        ours + ranks.project.keywords / SITES_SHARE
    };
    let rows = if only_ours { ours.min(all) } else { all };
    let rows = if pages { rows * 3 } else { rows };
    let dice = ranks
        .project
        .dice
        .of(if pages { "pages" } else { "domains" });
    Numbered::new(dice, rows, move |number, dice, field| {
        let site = if pages { number / 3 } else { number };
        let host = hosts.get(super::index(site)).cloned();
        let host = host.unwrap_or_else(|| {
            crate::sandbox::web::root_name(ranks.project.dice.of("sites"), site)
        });
        let status = match dice.of("status").below(LOST_SHARE) {
            _ if ranks.compared.then.is_none() => "left",
            0 => "right",
            1 => "left",
            _ => "both",
        };
        match field.name.as_str() {
            "domain" => Some(Cell::text(host)),
            "url" => Some(Cell::text(page_of(dice, &host, number))),
            "status" => Some(Cell::text(status)),
            "keywords" | "pages" => Some(Cell::Int(i64::from(
                1 + dice.of(&field.name).skewed(ranks.project.keywords),
            ))),
            "title" | "title_prev" => {
                let title = Cell::text(crate::sandbox::web::words(dice.of("title"), 4));
                Some(
                    ranks
                        .compared
                        .cell(field, (status != "right", status != "left"), |_, _| {
                            title.clone()
                        }),
                )
            }
            _ if matches!(field.kind, ColumnKind::Integer | ColumnKind::Float) => {
                let there = (status != "right", status != "left");
                Some(ranks.compared.cell(field, there, |day, field| {
                    let dice = dice.of(&ranks.device).at(day_part(day)).of(&field.name);
                    match field.kind {
                        ColumnKind::Integer => Cell::Int(dice.magnitude(18)),
                        _ => tenths(f64::from(dice.skewed(1_001))),
                    }
                }))
            }
            _ => None,
        }
    })
}
