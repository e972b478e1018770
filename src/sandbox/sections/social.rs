//! Social media: channels, authors, posts, and how both do over time.

use std::sync::Arc;

use super::series::{Series, Step};
use super::{Given, Ground, Numbered, Section};
use crate::catalog::Endpoint;
use crate::sandbox::cell::{Cell, Moment, write_text};
use crate::sandbox::hash::Dice;
use crate::sandbox::query::Query;
use crate::sandbox::refusal::Refusal;
use crate::sandbox::source::Field;
use crate::sandbox::web;

/// Channels: id, kind.
const CHANNELS: [(&str, &str); 5] = [
    ("ch-1", "facebook"),
    ("ch-2", "instagram"),
    ("ch-3", "linkedin"),
    ("ch-4", "twitter"),
    ("ch-5", "youtube"),
];
const AUTHORS: [(&str, &str); 3] = [("au-1", "Zoë Ångström"), ("au-2", "Lee"), ("au-3", "José")];
const STATUSES: [&str; 8] = [
    "published",
    "published",
    "published",
    "published",
    "scheduled",
    "draft",
    "failed",
    "deleted",
];
/// Ids of posts count up from this.
const FIRST_POST: u32 = 50_001;
/// 2026-10-01T00:00:00Z, before which posts were written, two a day.
const NEWEST: i64 = 1_790_812_800;
const HALF_DAY: i64 = 43_200;

pub(super) fn section(
    ground: Ground,
    endpoint: &Endpoint,
    query: &Query,
) -> Result<Arc<dyn Section>, Refusal> {
    let dice = ground.dice.of("social");
    let values = &query.values;
    let posts = Posts {
        dice: dice.of("posts"),
        posts: ground.rows,
    };
    let range = (values.day("date_from"), values.day("date_to"));
    Ok(match endpoint.short_name() {
        "channels" => Given::of(
            dice,
            CHANNELS.map(|channel| channel_row(dice, channel)).into(),
        ),
        "authors" => {
            let row = |(id, name)| {
                vec![
                    ("author_id", Cell::text(id)),
                    ("author_name", Cell::text(name)),
                ]
            };
            Given::of(dice, AUTHORS.map(row).into())
        }
        "activity-history" => {
            let id = values.get("post_id").unwrap_or("");
            let known = id
                .parse()
                .ok()
                .and_then(|id: u32| id.checked_sub(FIRST_POST))
                .filter(|post| *post < ground.rows);
            let number = known.ok_or_else(|| Refusal::UnknownId {
                what: "post",
                id: id.to_owned(),
            })?;
            activity(posts, number)
        }
        "channel-metrics" => {
            let id = channel(values.get("channel_id"))?.0;
            Arc::new(Followers(
                Series::new(ground, dice.of(id), range, Step::Day, None),
                dice.of(id),
            ))
        }
        "post-metrics" => {
            let kind = channel(values.get("channel_id"))?.1;
            let id = values.get("external_post_id").unwrap_or("");
            let known = (0..ground.rows).any(|number| external_id(number) == id);
            if !known {
                return Err(Refusal::UnknownId {
                    what: "post",
                    id: id.to_owned(),
                });
            }
            Arc::new(Reactions {
                series: Series::new(ground, dice.of(id), range, Step::Day, None),
                kind,
            })
        }
        _ => Arc::new(listed(posts, query)),
    })
}

fn channel(id: Option<&str>) -> Result<(&'static str, &'static str), Refusal> {
    let id = id.unwrap_or("");
    let found = CHANNELS.iter().copied().find(|(known, _)| *known == id);
    found.ok_or_else(|| Refusal::UnknownId {
        what: "channel",
        id: id.to_owned(),
    })
}

fn channel_row(dice: Dice, (id, kind): (&'static str, &'static str)) -> Vec<(&'static str, Cell)> {
    let name = web::words(dice.of(id), 2);
    vec![
        ("channel_id", Cell::text(id)),
        ("channel_kind", Cell::text(kind)),
        ("channel_status", Cell::text("active")),
        ("channel_display_name", Cell::text(name.as_str())),
        ("channel_username", Cell::text(format!("acme_{kind}"))),
        (
            "external_channel_id",
            Cell::text(dice.of(id).of("external").magnitude(50).to_string()),
        ),
        ("token_validity", Cell::text("valid")),
    ]
}

/// All posts; the number of a post tells everything.
#[derive(Debug, Clone, Copy)]
struct Posts {
    dice: Dice,
    posts: u32,
}

impl Posts {
    fn of(self, number: u32) -> Dice {
        self.dice.at(u64::from(number))
    }

    fn status(self, number: u32) -> &'static str {
        self.of(number)
            .of("status")
            .pick(&STATUSES)
            .unwrap_or("published")
    }

    /// Newest first.
    fn written(self, number: u32) -> i64 {
        NEWEST
            - i64::from(number) * HALF_DAY
            - i64::from(self.of(number).of("written").below(40_000))
    }

    fn author(self, number: u32) -> (&'static str, &'static str) {
        let place = usize::try_from(self.of(number).of("author").below(3)).unwrap_or(0);
        AUTHORS.get(place).copied().unwrap_or(AUTHORS[0])
    }

    fn channel(self, number: u32) -> (&'static str, &'static str) {
        let place = usize::try_from(self.of(number).of("channel").below(5)).unwrap_or(0);
        CHANNELS.get(place).copied().unwrap_or(CHANNELS[0])
    }

    fn text(self, number: u32) -> String {
        web::words(self.of(number).of("text"), 6)
    }

    fn cell(self, number: u32, field: &Field) -> Option<Cell> {
        let is_out = self.status(number) == "published";
        let dice = self.of(number);
        let (author_id, author_name) = self.author(number);
        Some(match field.name.as_str() {
            "post_id" => Cell::Int(i64::from(FIRST_POST + number)),
            "external_post_id" | "permalink" if !is_out => Cell::Null,
            "external_post_id" => Cell::text(external_id(number)),
            "permalink" => Cell::text(format!("https://social.example/{}", external_id(number))),
            "created_at" => Cell::Time(self.written(number)),
            "status_timestamp" => Cell::text(Moment(self.written(number) + 600).to_string()),
            "text_content" => Cell::text(self.text(number)),
            "author_id" => Cell::text(author_id),
            "author_name" => Cell::text(author_name),
            "channels" => Cell::List([Cell::Json(self.channel_json(number).into())].into()),
            // Not shown, but what posts may be ordered by.
            "views" | "unique_views" | "comments" | "likes" => {
                Cell::Int(dice.of(&field.name).magnitude(16))
            }
            _ => return None,
        })
    }

    fn channel_json(self, number: u32) -> String {
        let (id, kind) = self.channel(number);
        let mut name = Vec::new();
        write_text(&web::words(self.dice.of(id), 2), &mut name);
        let name = String::from_utf8_lossy(&name);
        let user = format!(r#""channel_username":"acme_{kind}","channel_display_name":{name}"#);
        format!(
            r#"{{"channel_id":"{id}","channel_kind":"{kind}",{user},"channel_profile_image_url":null}}"#
        )
    }
}

fn external_id(number: u32) -> String {
    format!("x{}", crate::sandbox::hash::base36(FIRST_POST + number))
}

fn listed(posts: Posts, query: &Query) -> Numbered {
    let values = &query.values;
    let owned = |name: &str| {
        values
            .list(name)
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let (channels, authors) = (owned("channel_ids"), owned("author_ids"));
    let status = values.get("status").unwrap_or("").to_owned();
    let search = values.get("search_query").unwrap_or("").to_lowercase();
    let start = |day: chrono::NaiveDate| super::day_number(day) * 86_400;
    let from = values.day("date_from").map_or(i64::MIN, start);
    let to = values
        .day("date_to")
        .map_or(i64::MAX, |day| start(day) + 86_400);
    let is_one =
        |names: &[String], name: &str| names.is_empty() || names.iter().any(|known| known == name);
    let has = move |number: u32| {
        posts.status(number) == status
            && is_one(&channels, posts.channel(number).0)
            && is_one(&authors, posts.author(number).0)
            && (from..to).contains(&posts.written(number))
            && posts.text(number).to_lowercase().contains(&search)
    };
    Numbered::new(posts.dice, posts.posts, move |number, _, field| {
        posts.cell(number, field)
    })
    .only(has)
}

/// What was done with a post.
fn activity(posts: Posts, number: u32) -> Arc<dyn Section> {
    let (id, kind) = posts.channel(number);
    let row = |(place, action): (i64, &str)| {
        vec![
            ("activity_id", Cell::Int(i64::from(number) * 10 + place)),
            ("action_type", Cell::text(action)),
            ("channel_id", Cell::text(id)),
            ("channel_kind", Cell::text(kind)),
            (
                "created_at",
                Cell::Time(posts.written(number) + place * 300),
            ),
            ("user_name", Cell::text(posts.author(number).1)),
        ]
    };
    let actions = (1..).zip(["create", "update", posts.status(number)]);
    Given::of(posts.of(number), actions.map(row).collect())
}

/// Followers grow.
#[derive(Debug)]
struct Followers(Series, Dice);

impl Section for Followers {
    fn rows(&self) -> u32 {
        self.0.rows()
    }

    fn dice(&self, number: u32) -> Dice {
        self.0.dice(number)
    }

    fn cell(&self, number: u32, field: &Field) -> Option<Cell> {
        let day = Field {
            name: "retrieved_at".to_owned(),
            kind: crate::catalog::ColumnKind::DateTime,
            ..field.clone()
        };
        match (field.name.as_str(), self.0.cell(number, &day)) {
            ("follower_count", Some(Cell::Time(seconds))) => {
                let growth = i64::from(1 + self.1.of("growth").below(50));
                Some(Cell::Int(
                    seconds / 86_400 * growth + i64::from(self.dice(number).below(20)),
                ))
            }
            _ => self.0.cell(number, field),
        }
    }
}

/// Numbers of a post; only the network that it is on has some of its own.
#[derive(Debug)]
struct Reactions {
    series: Series,
    kind: &'static str,
}

impl Section for Reactions {
    fn rows(&self) -> u32 {
        self.series.rows()
    }

    fn dice(&self, number: u32) -> Dice {
        self.series.dice(number)
    }

    fn cell(&self, number: u32, field: &Field) -> Option<Cell> {
        let Some(network) = field.name.strip_suffix("_metrics") else {
            return self.series.cell(number, field);
        };
        if network != self.kind {
            return Some(Cell::Null);
        }
        let crate::catalog::ColumnKind::Struct(fields) = &field.kind else {
            return None;
        };
        let count = |name: &str| self.dice(number).of(name).magnitude(8);
        let pairs: Vec<_> = fields
            .iter()
            .map(|(name, _)| format!(r#""{name}":{}"#, count(name)))
            .collect();
        Some(Cell::Json(format!("{{{}}}", pairs.join(",")).into()))
    }
}
