//! A page of search results, feature by feature: 36 rows for ten positions.

use std::sync::Arc;

use chrono::{Datelike, Days, NaiveDate};

use super::api_section::{ApiSection, SectionSeed};
use super::fixed_rows::{FixedRow, FixedRows};
use super::workspace::Workspace;
use crate::sandbox::calendar::{day_number, day_part, start_of};
use crate::sandbox::cell::Cell;
use crate::sandbox::refusal::Refusal;
use crate::sandbox::request::Query;
use crate::sandbox::seeded::Seeded;
use crate::sandbox::web;

/// Rows for ten positions, features included.
const ROWS_OF_TEN: u32 = 36;
/// Positions where no number is given, and at most.
const NUM_POSITIONS: u32 = 100;
/// Features between the organic results. The first has no page of its own.
const FEATURES: [&str; 12] = [
    "ai_overview",
    "question",
    "sitelink",
    "image_th",
    "video",
    "paid_top",
    "news",
    "discussion",
    "local_pack",
    "paid_bottom",
    "snippet",
    "thumbnail",
];
/// Features without a page of their own.
const NO_PAGE: [&str; 3] = ["ai_overview", "local_pack", "question"];
/// What a feature without a page has no values of.
const PAGE_COLUMNS: [&str; 14] = [
    "ahrefs_rank",
    "backlinks",
    "keywords",
    "refdomains",
    "top_keyword_volume",
    "traffic",
    "value",
    "nr_words",
    "domain_rating",
    "url_rating",
    "url",
    "title",
    "page_type",
    "top_keyword",
];

pub(crate) fn section(seed: SectionSeed, query: &Query) -> Result<Arc<dyn ApiSection>, Refusal> {
    let values = &query.values;
    if let Some(id) = values.get("project_id") {
        Workspace::new(seed).project(id)?;
    }
    let updated = last_update(query.day());
    let seeded = seed
        .seeded
        .named("serp")
        .named(&values.text("keyword").to_lowercase())
        .named(values.text("country"))
        .named(values.text("device"))
        .named(values.text("language_code"))
        .named(values.text("location_id"))
        .numbered(day_part(updated));
    let positions = values
        .text("top_positions")
        .parse()
        .unwrap_or(NUM_POSITIONS);
    let requested = values.list("type");
    let mut rows = Vec::new();
    for number in 0..positions.min(NUM_POSITIONS) * ROWS_OF_TEN / 10 {
        let types = types(seeded, number);
        if requested.is_empty() || types.iter().any(|kind| requested.contains(kind)) {
            let has_time = values.get("project_id").is_none();
            rows.push(row(seeded.item(number), number, &types, updated, has_time));
        }
    }
    Ok(FixedRows::section(seeded, rows))
}

/// Results are updated once a week, on Mondays.
fn last_update(day: NaiveDate) -> NaiveDate {
    let monday = NaiveDate::from_num_days_from_ce_opt(day.num_days_from_ce() / 7 * 7 + 1);
    match monday {
        Some(monday) if monday <= day => monday,
        _ => day.checked_sub_days(Days::new(6)).unwrap_or(day),
    }
}

/// The position of a row, counted from 1.
fn position(number: u32) -> u32 {
    number * 10 / ROWS_OF_TEN + 1
}

fn types(seeded: Seeded, number: u32) -> Vec<&'static str> {
    let is_first = number == 0 || position(number) != position(number - 1);
    if is_first {
        return vec!["organic"];
    }
    let seeded = seeded.item(number).named("type");
    let feature = seeded.pick(&FEATURES).unwrap_or("question");
    if seeded.numbered(1).once_in(6) && !NO_PAGE.contains(&feature) {
        vec![feature, "image"]
    } else {
        vec![feature]
    }
}

fn row(
    seeded: Seeded,
    number: u32,
    types: &[&'static str],
    updated: NaiveDate,
    has_time: bool,
) -> FixedRow {
    let update_date = if has_time {
        Cell::Time(start_of(updated) + i64::from(seeded.named("seen").below(3_600)))
    } else {
        Cell::date(day_number(updated))
    };
    let mut row = vec![
        ("number", Cell::Int(i64::from(number))),
        ("position", Cell::Int(i64::from(position(number)))),
        ("type", Cell::texts(types.iter().copied())),
        ("update_date", update_date),
    ];
    if types.iter().any(|kind| NO_PAGE.contains(kind)) {
        row.extend(PAGE_COLUMNS.map(|name| (name, Cell::Null)));
    } else {
        row.extend(page(seeded, number));
    }
    row
}

fn page(seeded: Seeded, number: u32) -> [(&'static str, Cell); 4] {
    let site = seeded.named("site");
    let host = web::root_name(site, site.below(5_000));
    let path = web::path(seeded.named("page"), number);
    let page_type = seeded
        .named("kind")
        .pick(&["/Article", "/Homepage", "/Listing"]);
    [
        ("url", Cell::text(format!("https://{host}{path}"))),
        ("title", Cell::text(web::words(seeded.named("title"), 4))),
        ("page_type", Cell::choice(page_type)),
        (
            "top_keyword",
            Cell::text(web::keyword(seeded.named("top"), number)),
        ),
    ]
}
