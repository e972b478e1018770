//! Brand Radar: which brands, pages and sites the answers of assistants name.

use std::sync::Arc;

use super::api_section::{ApiSection, SectionSeed};
use super::fixed_rows::FixedRows;
use super::generated_rows::GeneratedRows;
use super::time_series::{Granularity, TimeSeries};
use super::workspace::{check_report, page_of};
use crate::catalog::Endpoint;
use crate::sandbox::calendar::day_number;
use crate::sandbox::cell::{Cell, json_text};
use crate::sandbox::field::Field;
use crate::sandbox::refusal::Refusal;
use crate::sandbox::request::Query;
use crate::sandbox::seeded::Seeded;
use crate::sandbox::web;

/// Parameters that choose which answers are counted.
const ANSWER_PARAMETERS: [&str; 6] = [
    "data_source",
    "country",
    "market",
    "report_id",
    "prompts",
    "tags_filter",
];
/// The counts of an overview, whose sum is `total`.
const OVERVIEW_COUNTS: [&str; 4] = [
    "only_target_brand",
    "target_and_competitors_brands",
    "only_competitors_brands",
    "no_tracked_brands",
];
/// Brands where none is named.
const DEFAULT_BRANDS: [&str; 3] = ["Acme", "Globex", "Initech"];

pub(crate) fn section(
    seed: SectionSeed,
    endpoint: &Endpoint,
    query: &Query,
) -> Result<Arc<dyn ApiSection>, Refusal> {
    let values = &query.values;
    if let Some(id) = values.get("report_id") {
        check_report(id)?;
    }
    let answers = ANSWER_PARAMETERS.map(|name| values.text(name)).join("\n");
    let seeded = seed
        .seeded
        .named("brand")
        .named(&answers)
        .named(query.summed_filter());
    let brands = brands(query);
    let range = values.date_range();
    Ok(match endpoint.short_name() {
        "impressions-overview" | "citations-overview" | "mentions-overview" => {
            overview(seeded.named(&endpoint.name), &brands)
        }
        "sov-overview" => share_of_voice(seeded, brands),
        "sov-history" => Arc::new(ShareOfVoiceHistory {
            series: TimeSeries::new(seed, seeded, range, Granularity::Day, None),
            brands,
        }),
        "ai-responses" => Arc::new(responses(seed, seeded, query)),
        "cited-pages" => Arc::new(cited_pages(seed, seeded)),
        "cited-domains" => Arc::new(cited_domains(seed, seeded)),
        _ => {
            let seeded = seeded.named(&brands.join("\n"));
            Arc::new(TimeSeries::new(seed, seeded, range, Granularity::Day, None))
        }
    })
}

/// The requested brands, then their competitors; a report has its own.
fn brands(query: &Query) -> Vec<String> {
    let mut brands: Vec<String> = Vec::new();
    for parameter in ["brand", "brands", "competitors"] {
        let text = query.values.text(parameter);
        let named = if text.starts_with('[') {
            names_of_json(text)
        } else {
            query.values.owned_list(parameter)
        };
        for brand in named {
            if !brands.contains(&brand) {
                brands.push(brand);
            }
        }
    }
    if brands.is_empty() {
        brands = DEFAULT_BRANDS.map(str::to_owned).into();
    }
    brands
}

/// Brands that a request compares, at least one.
pub(crate) fn num_brands_requested(query: &Query) -> u64 {
    let count = u64::try_from(brands(query).len()).unwrap_or(u64::MAX);
    count.max(1)
}

/// The first name of each brand of a body.
fn names_of_json(text: &str) -> Vec<String> {
    let brands: Vec<serde_json::Value> = serde_json::from_str(text).unwrap_or_default();
    let mut names = Vec::new();
    for brand in &brands {
        if let Some(serde_json::Value::String(name)) = brand.pointer("/names/0") {
            names.push(name.clone());
        }
    }
    names
}

fn overview(seeded: Seeded, brands: &[String]) -> Arc<dyn ApiSection> {
    let mut rows = Vec::new();
    for brand in brands {
        let mut row = vec![("brand", Cell::text(brand.as_str()))];
        let mut total = 0;
        for name in OVERVIEW_COUNTS {
            let count = seeded.named(brand).named(name).magnitude(12);
            row.push((name, Cell::Int(count)));
            total += count;
        }
        row.push(("total", Cell::Int(total)));
        rows.push(row);
    }
    FixedRows::section(seeded, rows)
}

fn share_of_voice(seeded: Seeded, brands: Vec<String>) -> Arc<dyn ApiSection> {
    let shares = shares(seeded, &brands);
    let mut rows = Vec::new();
    for (brand, share) in brands.into_iter().zip(shares) {
        rows.push(vec![
            ("brand", Cell::text(brand)),
            ("share_of_voice", share),
        ]);
    }
    FixedRows::section(seeded, rows)
}

/// The share of each brand; together a hundred, but for what rounding loses.
fn shares(seeded: Seeded, brands: &[String]) -> Vec<Cell> {
    let voice = seeded.named("voice");
    let weights: Vec<u32> = brands
        .iter()
        .map(|brand| 1 + voice.named(brand).below(1_000))
        .collect();
    let sum = weights.iter().sum::<u32>().max(1);
    weights
        .into_iter()
        .map(|weight| Cell::tenths(f64::from(weight * 1_000 / sum)))
        .collect()
}

/// Shares of voice day by day, all brands in one row.
#[derive(Debug)]
struct ShareOfVoiceHistory {
    series: TimeSeries,
    brands: Vec<String>,
}

impl ApiSection for ShareOfVoiceHistory {
    fn rows(&self) -> u32 {
        self.series.rows()
    }

    fn seeded(&self, number: u32) -> Seeded {
        self.series.seeded(number)
    }

    fn cell(&self, number: u32, field: &Field) -> Option<Cell> {
        if field.name != "share_of_voice" {
            return self.series.cell(number, field);
        }
        let shares = shares(self.seeded(number), &self.brands);
        let mut entries = Vec::with_capacity(shares.len());
        for (brand, share) in self.brands.iter().zip(shares) {
            let mut json = format!(r#"{{"brand":{},"share_of_voice":"#, json_text(brand));
            json.push_str(&share.to_json());
            json.push('}');
            entries.push(Cell::json(json));
        }
        Some(Cell::List(entries.into()))
    }
}

fn responses(seed: SectionSeed, seeded: Seeded, query: &Query) -> GeneratedRows {
    let sources = query.values.owned_list("data_source");
    let countries = query.values.owned_list("country");
    let updated = day_number(query.day());
    GeneratedRows::new(seeded, seed.rows, move |number, row, field| {
        Some(match field.name.as_str() {
            "question" => Cell::text(format!("{}?", web::keyword(row, number))),
            "response" => {
                let length = 20 + row.named("long").below(60);
                Cell::text(web::words(row.named("response"), length))
            }
            "data_source" => Cell::text(pick(&sources, row.named("source")).unwrap_or("")),
            "country" => match pick(&countries, row.named("country")) {
                Some(country) => Cell::text(country.to_uppercase()),
                None => Cell::text(web::country(row.named("country"))),
            },
            "last_updated" => Cell::date(updated - i64::from(row.named("updated").below(30))),
            _ => return None,
        })
    })
}

fn pick(names: &[String], seeded: Seeded) -> Option<&str> {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    seeded.pick(&names)
}

fn cited_pages(seed: SectionSeed, seeded: Seeded) -> GeneratedRows {
    GeneratedRows::new(seeded, seed.rows, move |number, row, field| {
        if field.name == "url" {
            let host = web::root_name(seeded, number / 3);
            return Some(Cell::text(page_of(seeded, &host, number)));
        }
        cited_cell(seed, seeded, number, row, field)
    })
}

fn cited_domains(seed: SectionSeed, seeded: Seeded) -> GeneratedRows {
    GeneratedRows::new(seeded, seed.rows, move |number, row, field| {
        cited_cell(seed, seeded, number, row, field)
    })
}

/// A column that cited pages and cited domains share.
fn cited_cell(
    seed: SectionSeed,
    seeded: Seeded,
    number: u32,
    row: Seeded,
    field: &Field,
) -> Option<Cell> {
    match field.name.as_str() {
        "domain" => Some(Cell::text(web::root_name(seeded, number))),
        "mentions" => {
            let count = row.below(9);
            let mention = Cell::json(format!(r#"{{"brand":"Acme","count":{count}}}"#));
            Some(Cell::List([mention].into()))
        }
        // The most cited first.
        "responses" | "volume" | "pages" => {
            let rank = i64::from(seed.rows.saturating_sub(number));
            let factor = i64::from(1 + row.named(&field.name).below(3));
            Some(Cell::Int(1 + rank * factor))
        }
        _ => None,
    }
}
