//! The posts of Social media; the number of a post determines it.

use super::api_section::ApiSection;
use super::social_channels::{Author, Channel, some_author, some_channel};
use crate::sandbox::calendar::{DAY_SECONDS, start_of};
use crate::sandbox::cell::{Cell, UtcTime, json_text};
use crate::sandbox::field::Field;
use crate::sandbox::request::Query;
use crate::sandbox::seeded::{Seeded, base36};
use crate::sandbox::web;

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
const HALF_DAY_SECONDS: i64 = 43_200;

/// All posts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Posts {
    pub(crate) seeded: Seeded,
    /// How many there are.
    pub(crate) rows: u32,
}

impl Posts {
    /// The source of a post's values.
    pub(crate) fn seeded_of(self, number: u32) -> Seeded {
        self.seeded.item(number)
    }

    /// The number of the post with an id.
    pub(crate) fn find(self, id: &str) -> Option<u32> {
        let id: u32 = id.parse().ok()?;
        let number = id.checked_sub(FIRST_POST)?;
        (number < self.rows).then_some(number)
    }

    /// Whether a post has this id on its network.
    pub(crate) fn has_external_id(self, id: &str) -> bool {
        (0..self.rows).any(|number| external_id(number) == id)
    }

    pub(crate) fn status(self, number: u32) -> &'static str {
        let seeded = self.seeded_of(number).named("status");
        seeded.pick(&STATUSES).unwrap_or("published")
    }

    /// When a post was written: the newest first.
    pub(crate) fn written(self, number: u32) -> i64 {
        let seconds = self.seeded_of(number).named("written").below(40_000);
        NEWEST - i64::from(number) * HALF_DAY_SECONDS - i64::from(seconds)
    }

    pub(crate) fn author(self, number: u32) -> Author {
        some_author(self.seeded_of(number).named("author"))
    }

    pub(crate) fn channel(self, number: u32) -> Channel {
        some_channel(self.seeded_of(number).named("channel"))
    }

    fn text(self, number: u32) -> String {
        web::words(self.seeded_of(number).named("text"), 6)
    }

    fn cell(self, number: u32, field: &Field) -> Option<Cell> {
        let is_published = self.status(number) == "published";
        Some(match field.name.as_str() {
            "post_id" => Cell::Int(i64::from(FIRST_POST + number)),
            "external_post_id" | "permalink" if !is_published => Cell::Null,
            "external_post_id" => Cell::text(external_id(number)),
            "permalink" => Cell::text(format!("https://social.example/{}", external_id(number))),
            "created_at" => Cell::Time(self.written(number)),
            "status_timestamp" => Cell::text(UtcTime(self.written(number) + 600).to_string()),
            "text_content" => Cell::text(self.text(number)),
            "author_id" => Cell::text(self.author(number).id),
            "author_name" => Cell::text(self.author(number).name),
            "channels" => Cell::List([Cell::json(self.channel_json(number))].into()),
            // Not shown, but posts may be ordered by them.
            "views" | "unique_views" | "comments" | "likes" => {
                Cell::Int(self.seeded_of(number).named(&field.name).magnitude(16))
            }
            _ => return None,
        })
    }

    fn channel_json(self, number: u32) -> String {
        let Channel { id, kind } = self.channel(number);
        let name = json_text(&web::words(self.seeded.named(id), 2));
        let user = format!(r#""channel_username":"acme_{kind}","channel_display_name":{name}"#);
        format!(
            r#"{{"channel_id":"{id}","channel_kind":"{kind}",{user},"channel_profile_image_url":null}}"#
        )
    }
}

/// The id of a post on its network.
fn external_id(number: u32) -> String {
    format!("x{}", base36(FIRST_POST + number))
}

/// The posts that a request lists.
#[derive(Debug)]
pub(crate) struct ListedPosts {
    posts: Posts,
    channels: Vec<String>,
    authors: Vec<String>,
    status: String,
    /// Lower case.
    search: String,
    /// In seconds since 1970-01-01.
    from: i64,
    /// The first second after the range.
    end: i64,
}

impl ListedPosts {
    pub(crate) fn new(posts: Posts, query: &Query) -> Self {
        let values = &query.values;
        let (from, to) = values.date_range();
        Self {
            posts,
            channels: values.owned_list("channel_ids"),
            authors: values.owned_list("author_ids"),
            status: values.text("status").to_owned(),
            search: values.text("search_query").to_lowercase(),
            from: match from {
                Some(day) => start_of(day),
                None => i64::MIN,
            },
            end: match to {
                Some(day) => start_of(day) + DAY_SECONDS,
                None => i64::MAX,
            },
        }
    }
}

impl ApiSection for ListedPosts {
    fn rows(&self) -> u32 {
        self.posts.rows
    }

    fn has(&self, number: u32) -> bool {
        let posts = self.posts;
        posts.status(number) == self.status
            && allows(&self.channels, posts.channel(number).id)
            && allows(&self.authors, posts.author(number).id)
            && (self.from..self.end).contains(&posts.written(number))
            && posts.text(number).to_lowercase().contains(&self.search)
    }

    fn seeded(&self, number: u32) -> Seeded {
        self.posts.seeded_of(number)
    }

    fn cell(&self, number: u32, field: &Field) -> Option<Cell> {
        self.posts.cell(number, field)
    }
}

/// Whether an id is listed, or none is.
fn allows(ids: &[String], id: &str) -> bool {
    ids.is_empty() || ids.iter().any(|known| known == id)
}
