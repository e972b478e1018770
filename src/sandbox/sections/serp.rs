//! A page of search results, feature by feature: 36 rows for ten positions.

use std::sync::Arc;

use chrono::{Datelike, NaiveDate};

use super::workspace::Workspace;
use super::{Given, Ground, Section, day_number};
use crate::sandbox::cell::Cell;
use crate::sandbox::hash::Dice;
use crate::sandbox::query::Query;
use crate::sandbox::refusal::Refusal;
use crate::sandbox::web;

/// Rows for ten positions, features included.
const ROWS_OF_TEN: u32 = 36;
/// Positions where none are named.
const POSITIONS: u32 = 100;
/// Features: what stands between the organic results. The first has no page of its own.
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
const NO_PAGE: [&str; 3] = ["ai_overview", "local_pack", "question"];
const NUMBERS: [&str; 10] = [
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
];

pub(super) fn section(ground: Ground, query: &Query) -> Result<Arc<dyn Section>, Refusal> {
    if let Some(id) = query.values.get("project_id") {
        Workspace::new(ground).project(id)?;
    }
    let value = |name: &str| query.values.get(name).unwrap_or("");
    // Results are looked at once a week, on Mondays.
    let day = query.values.day("date").unwrap_or(query.today);
    let seen = NaiveDate::from_num_days_from_ce_opt(day.num_days_from_ce() / 7 * 7 + 1)
        .filter(|seen| *seen <= day);
    let seen = seen
        .or_else(|| day.checked_sub_days(chrono::Days::new(6)))
        .unwrap_or(day);
    let dice = ground
        .dice
        .of("serp")
        .of(&value("keyword").to_lowercase())
        .of(value("country"))
        .of(value("device"));
    let dice = dice
        .of(value("language_code"))
        .of(value("location_id"))
        .at(super::day_part(seen));
    let positions = query
        .values
        .get("top_positions")
        .and_then(|top| top.parse().ok())
        .unwrap_or(POSITIONS)
        .min(POSITIONS);
    let wanted = query.values.list("type");
    let shows_date = query.values.get("project_id").is_some();
    let rows = (0..positions * ROWS_OF_TEN / 10).filter_map(|number| {
        let types = types(dice, number);
        let is_wanted = wanted.is_empty() || types.iter().any(|kind| wanted.contains(kind));
        is_wanted.then(|| {
            row(
                dice,
                number,
                &types,
                if shows_date { None } else { Some(seen) },
                seen,
            )
        })
    });
    Ok(Given::of(dice, rows.collect()))
}

/// The position of a row, counted from 1.
fn position(number: u32) -> u32 {
    number * 10 / ROWS_OF_TEN + 1
}

fn types(dice: Dice, number: u32) -> Vec<&'static str> {
    let is_first = number == 0 || position(number) != position(number - 1);
    if is_first {
        return vec!["organic"];
    }
    let dice = dice.at(u64::from(number)).of("type");
    let feature = dice.pick(&FEATURES).unwrap_or("question");
    if dice.at(1).once_in(6) && !NO_PAGE.contains(&feature) {
        vec![feature, "image"]
    } else {
        vec![feature]
    }
}

fn row(
    dice: Dice,
    number: u32,
    types: &[&'static str],
    time: Option<NaiveDate>,
    day: NaiveDate,
) -> Vec<(&'static str, Cell)> {
    let dice = dice.at(u64::from(number));
    let has_page = !types.iter().any(|kind| NO_PAGE.contains(kind));
    let host = web::root_name(dice.of("site"), dice.of("site").below(5_000));
    let seen = match time {
        Some(day) => Cell::Time(day_number(day) * 86_400 + i64::from(dice.of("seen").below(3_600))),
        None => Cell::Date {
            days: day_number(day),
            midnight: false,
        },
    };
    let mut row = vec![
        ("number", Cell::Int(i64::from(number))),
        ("position", Cell::Int(i64::from(position(number)))),
        (
            "type",
            Cell::List(types.iter().map(|kind| Cell::text(*kind)).collect()),
        ),
        ("update_date", seen),
    ];
    if has_page {
        row.push((
            "url",
            Cell::text(format!(
                "https://{host}{}",
                web::path(dice.of("page"), number)
            )),
        ));
        row.push(("title", Cell::text(web::words(dice.of("title"), 4))));
        row.push((
            "page_type",
            dice.of("kind")
                .pick(&["/Article", "/Homepage", "/Listing"])
                .map_or(Cell::Null, Cell::text),
        ));
        row.push((
            "top_keyword",
            Cell::text(web::keyword(dice.of("top"), number)),
        ));
    } else {
        // A feature without a page of its own has no numbers either.
        let nulls = NUMBERS
            .iter()
            .chain(&["url", "title", "page_type", "top_keyword"]);
        row.extend(nulls.map(|name| (*name, Cell::Null)));
    }
    row
}
