//! Social media: channels, authors, posts, and how both do over time.

use std::sync::Arc;

use super::api_section::{ApiSection, SectionSeed};
use super::fixed_rows::FixedRows;
use super::social_channels::{author_rows, channel, channel_rows};
use super::social_posts::{ListedPosts, Posts};
use super::time_series::{Granularity, TimeSeries};
use super::workspace::unknown_id;
use crate::catalog::{ColumnKind, Endpoint};
use crate::sandbox::calendar::DAY_SECONDS;
use crate::sandbox::cell::Cell;
use crate::sandbox::field::Field;
use crate::sandbox::refusal::Refusal;
use crate::sandbox::request::Query;
use crate::sandbox::seeded::Seeded;

pub(crate) fn section(
    seed: SectionSeed,
    endpoint: &Endpoint,
    query: &Query,
) -> Result<Arc<dyn ApiSection>, Refusal> {
    let seeded = seed.seeded.named("social");
    let posts = Posts {
        seeded: seeded.named("posts"),
        rows: seed.rows,
    };
    match endpoint.short_name() {
        "channels" => Ok(FixedRows::section(seeded, channel_rows(seeded))),
        "authors" => Ok(FixedRows::section(seeded, author_rows())),
        "activity-history" => activity(posts, query.values.text("post_id")),
        "channel-metrics" => channel_metrics(seed, seeded, query),
        "post-metrics" => post_metrics(seed, seeded, posts, query),
        _ => Ok(Arc::new(ListedPosts::new(posts, query))),
    }
}

/// What was done with a post.
fn activity(posts: Posts, post_id: &str) -> Result<Arc<dyn ApiSection>, Refusal> {
    let Some(number) = posts.find(post_id) else {
        return Err(unknown_id("post", post_id));
    };
    let channel = posts.channel(number);
    let mut rows = Vec::new();
    let mut position = 0;
    for action in ["create", "update", posts.status(number)] {
        position += 1;
        let time = posts.written(number) + position * 300;
        rows.push(vec![
            ("activity_id", Cell::Int(i64::from(number) * 10 + position)),
            ("action_type", Cell::text(action)),
            ("channel_id", Cell::text(channel.id)),
            ("channel_kind", Cell::text(channel.kind)),
            ("created_at", Cell::Time(time)),
            ("user_name", Cell::text(posts.author(number).name)),
        ]);
    }
    Ok(FixedRows::section(posts.seeded_of(number), rows))
}

fn daily(seed: SectionSeed, seeded: Seeded, query: &Query) -> TimeSeries {
    let range = query.values.date_range();
    TimeSeries::new(seed, seeded, range, Granularity::Day, None)
}

fn channel_metrics(
    seed: SectionSeed,
    seeded: Seeded,
    query: &Query,
) -> Result<Arc<dyn ApiSection>, Refusal> {
    let channel = channel(query.values.text("channel_id"))?;
    let seeded = seeded.named(channel.id);
    Ok(Arc::new(ChannelMetrics {
        series: daily(seed, seeded, query),
        growth: i64::from(1 + seeded.named("growth").below(50)),
    }))
}

fn post_metrics(
    seed: SectionSeed,
    seeded: Seeded,
    posts: Posts,
    query: &Query,
) -> Result<Arc<dyn ApiSection>, Refusal> {
    let channel = channel(query.values.text("channel_id"))?;
    let id = query.values.text("external_post_id");
    if !posts.has_external_id(id) {
        return Err(unknown_id("post", id));
    }
    Ok(Arc::new(PostMetrics {
        series: daily(seed, seeded.named(id), query),
        network: channel.kind,
    }))
}

/// Numbers of a channel by day; followers grow.
#[derive(Debug)]
struct ChannelMetrics {
    series: TimeSeries,
    /// New followers a day.
    growth: i64,
}

impl ApiSection for ChannelMetrics {
    fn rows(&self) -> u32 {
        self.series.rows()
    }

    fn seeded(&self, number: u32) -> Seeded {
        self.series.seeded(number)
    }

    fn cell(&self, number: u32, field: &Field) -> Option<Cell> {
        let day = Field::new("retrieved_at", ColumnKind::DateTime, false);
        if field.name == "follower_count"
            && let Some(Cell::Time(seconds)) = self.series.cell(number, &day)
        {
            let noise = i64::from(self.seeded(number).below(20));
            return Some(Cell::Int(seconds / DAY_SECONDS * self.growth + noise));
        }
        self.series.cell(number, field)
    }
}

/// Numbers of a post by day; each network has some of its own.
#[derive(Debug)]
struct PostMetrics {
    series: TimeSeries,
    network: &'static str,
}

impl ApiSection for PostMetrics {
    fn rows(&self) -> u32 {
        self.series.rows()
    }

    fn seeded(&self, number: u32) -> Seeded {
        self.series.seeded(number)
    }

    fn cell(&self, number: u32, field: &Field) -> Option<Cell> {
        let Some(network) = field.name.strip_suffix("_metrics") else {
            return self.series.cell(number, field);
        };
        if network != self.network {
            return Some(Cell::Null);
        }
        let ColumnKind::Struct(fields) = &field.kind else {
            return None;
        };
        let mut counts = Vec::with_capacity(fields.len());
        for (name, _) in fields {
            let count = self.seeded(number).named(name).magnitude(8);
            counts.push(format!(r#""{name}":{count}"#));
        }
        Some(Cell::json(format!("{{{}}}", counts.join(","))))
    }
}
