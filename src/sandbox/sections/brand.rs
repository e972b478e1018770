//! Brand Radar: which brands, pages and sites the answers of assistants name.

use std::sync::Arc;

use super::series::{Series, Step};
use super::workspace::{REPORTS, page_of};
use super::{Given, Ground, Numbered, Section};
use crate::catalog::Endpoint;
use crate::sandbox::cell::{Cell, write_text};
use crate::sandbox::hash::Dice;
use crate::sandbox::query::Query;
use crate::sandbox::refusal::Refusal;
use crate::sandbox::web;

pub(super) fn section(
    ground: Ground,
    endpoint: &Endpoint,
    query: &Query,
) -> Result<Arc<dyn Section>, Refusal> {
    let values = &query.values;
    if let Some(id) = values
        .get("report_id")
        .filter(|id| !REPORTS.iter().any(|(known, ..)| known == id))
    {
        return Err(Refusal::UnknownId {
            what: "report",
            id: id.to_owned(),
        });
    }
    let conditions = [
        "data_source",
        "country",
        "market",
        "report_id",
        "prompts",
        "tags_filter",
    ];
    let conditions = conditions
        .map(|name| values.get(name).unwrap_or(""))
        .join("\n");
    let filter = if query.filters_rows {
        ""
    } else {
        values.get("where").unwrap_or("")
    };
    let dice = ground.dice.of("brand").of(&conditions).of(filter);
    let brands = brands(query);
    let range = (values.day("date_from"), values.day("date_to"));
    Ok(match endpoint.short_name() {
        "impressions-overview" | "citations-overview" | "mentions-overview" => {
            overview(dice.of(&endpoint.name), &brands)
        }
        "sov-overview" => {
            let row =
                |(brand, share)| vec![("brand", Cell::text(brand)), ("share_of_voice", share)];
            let shares = shares(dice, &brands);
            Given::of(dice, brands.into_iter().zip(shares).map(row).collect())
        }
        "sov-history" => Arc::new(Voices {
            series: Series::new(ground, dice, range, Step::Day, None),
            brands,
        }),
        "ai-responses" => Arc::new(responses(ground, dice, query)),
        "cited-pages" | "cited-domains" => {
            Arc::new(cited(ground, dice, endpoint.short_name() == "cited-pages"))
        }
        _ => {
            let dice = dice.of(&brands.join("\n"));
            Arc::new(Series::new(ground, dice, range, Step::Day, None))
        }
    })
}

/// The brands asked about, then their competitors; a report has its own.
pub(super) fn brands(query: &Query) -> Vec<String> {
    let mut brands: Vec<String> = Vec::new();
    for name in ["brand", "brands", "competitors"] {
        let listed = query
            .values
            .get(name)
            .filter(|text| text.starts_with('['))
            .map(names_of_json);
        let listed = listed.unwrap_or_else(|| {
            query
                .values
                .list(name)
                .into_iter()
                .map(str::to_owned)
                .collect()
        });
        for brand in listed {
            if !brands.contains(&brand) {
                brands.push(brand);
            }
        }
    }
    if brands.is_empty() {
        brands = ["Acme", "Globex", "Initech"].map(str::to_owned).into();
    }
    brands
}

/// The first name of each brand of a body.
fn names_of_json(text: &str) -> Vec<String> {
    let brands: Vec<serde_json::Value> = serde_json::from_str(text).unwrap_or_default();
    brands
        .iter()
        .filter_map(|brand| brand.pointer("/names/0")?.as_str().map(str::to_owned))
        .collect()
}

fn overview(dice: Dice, brands: &[String]) -> Arc<dyn Section> {
    let row = |brand: &String| {
        let part = |name: &str| dice.of(brand).of(name).magnitude(12);
        let parts = [
            "only_target_brand",
            "target_and_competitors_brands",
            "only_competitors_brands",
            "no_tracked_brands",
        ];
        let mut row = vec![("brand", Cell::text(brand.as_str()))];
        row.extend(parts.map(|name| (name, Cell::Int(part(name)))));
        row.push((
            "total",
            Cell::Int(parts.iter().map(|name| part(name)).sum()),
        ));
        row
    };
    Given::of(dice, brands.iter().map(row).collect())
}

/// The share of each brand; together a hundred, but for what rounding loses.
fn shares(dice: Dice, brands: &[String]) -> Vec<Cell> {
    let weights: Vec<u32> = brands
        .iter()
        .map(|brand| 1 + dice.of("voice").of(brand).below(1_000))
        .collect();
    let sum = weights.iter().sum::<u32>().max(1);
    weights
        .into_iter()
        .map(|weight| super::tenths(f64::from(weight * 1_000 / sum)))
        .collect()
}

/// Shares of voice day by day, all brands in one row.
#[derive(Debug)]
struct Voices {
    series: Series,
    brands: Vec<String>,
}

impl Section for Voices {
    fn rows(&self) -> u32 {
        self.series.rows()
    }

    fn dice(&self, number: u32) -> Dice {
        self.series.dice(number)
    }

    fn cell(&self, number: u32, field: &crate::sandbox::source::Field) -> Option<Cell> {
        if field.name != "share_of_voice" {
            return self.series.cell(number, field);
        }
        let shares = shares(self.dice(number), &self.brands);
        let entry = |(brand, share): (&String, Cell)| {
            let mut json = br#"{"brand":"#.to_vec();
            write_text(brand, &mut json);
            json.extend_from_slice(br#","share_of_voice":"#);
            share.write(&mut json);
            json.push(b'}');
            Cell::Json(String::from_utf8_lossy(&json).into())
        };
        Some(Cell::List(
            self.brands.iter().zip(shares).map(entry).collect(),
        ))
    }
}

fn responses(ground: Ground, dice: Dice, query: &Query) -> Numbered {
    let owned = |name: &str| {
        query
            .values
            .list(name)
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let (sources, countries) = (owned("data_source"), owned("country"));
    let updated = super::day_number(query.values.day("date").unwrap_or(query.today));
    Numbered::new(dice, ground.rows, move |number, dice, field| {
        let pick = |from: &[String], name: &str| {
            let from: Vec<&str> = from.iter().map(String::as_str).collect();
            dice.of(name).pick(&from).map(str::to_owned)
        };
        match field.name.as_str() {
            "question" => Some(Cell::text(format!("{}?", web::keyword(dice, number)))),
            "response" => Some(Cell::text(web::words(
                dice.of("response"),
                20 + dice.of("long").below(60),
            ))),
            "data_source" => Some(Cell::text(pick(&sources, "source").unwrap_or_default())),
            "country" => {
                let country = pick(&countries, "country").map(|country| country.to_uppercase());
                Some(Cell::text(country.unwrap_or_else(|| {
                    web::country(dice.of("country")).to_owned()
                })))
            }
            "last_updated" => Some(Cell::Date {
                days: updated - i64::from(dice.of("updated").below(30)),
                midnight: false,
            }),
            _ => None,
        }
    })
}

fn cited(ground: Ground, dice: Dice, pages: bool) -> Numbered {
    Numbered::new(dice, ground.rows, move |number, row, field| {
        match field.name.as_str() {
            "url" if pages => Some(Cell::text(page_of(
                dice,
                &web::root_name(dice, number / 3),
                number,
            ))),
            "domain" => Some(Cell::text(web::root_name(dice, number))),
            "mentions" => Some(Cell::List(
                [Cell::Json(
                    format!(r#"{{"brand":"Acme","count":{}}}"#, row.below(9)).into(),
                )]
                .into(),
            )),
            // The most cited first, as they come.
            "responses" | "volume" | "pages" => Some(Cell::Int(
                1 + i64::from(ground.rows.saturating_sub(number))
                    * i64::from(1 + row.of(&field.name).below(3)),
            )),
            _ => None,
        }
    })
}
