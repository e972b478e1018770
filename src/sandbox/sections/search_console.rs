//! Search Console: what a project's pages and keywords were shown and clicked for.

use std::sync::Arc;

use super::api_section::{ApiSection, SectionSeed};
use super::countries::uppercase_countries;
use super::generated_rows::GeneratedRows;
use super::time_series::{Dimension, Granularity, TimeSeries};
use super::workspace::{Project, Workspace, page_of};
use crate::catalog::{ColumnKind, Endpoint};
use crate::sandbox::cell::Cell;
use crate::sandbox::field::Field;
use crate::sandbox::refusal::Refusal;
use crate::sandbox::request::{Query, Values};
use crate::sandbox::seeded::Seeded;
use crate::sandbox::web;

/// Keywords or pages of a history that names none.
const DEFAULT_NAMES: u32 = 5;
const DEVICES: [&str; 3] = ["desktop", "mobile", "tablet"];
const POSITION_RANGES: [&str; 5] = ["1-3", "4-10", "11-20", "21-50", "51+"];
/// The counts of keywords by position, whose sum is `total`.
const POSITIONS: [&str; 5] = [
    "position_1_to_3",
    "position_4_to_10",
    "position_11_to_20",
    "position_21_to_50",
    "position_51_plus",
];

pub(crate) fn section(
    seed: SectionSeed,
    endpoint: &Endpoint,
    query: &Query,
) -> Result<Arc<dyn ApiSection>, Refusal> {
    let values = &query.values;
    let project = Workspace::new(seed)
        .project_or_portfolio(values.get("project_id"), values.get("portfolio_id"))?;
    // What is counted depends on these; what a row is, on none of them.
    let conditions = ["search_type", "country", "device"]
        .map(|name| values.text(name))
        .join(" ");
    let seeded = project
        .seeded
        .named("console")
        .named(&conditions)
        .named(query.summed_filter());
    let operation = endpoint.short_name();
    if operation == "anonymous-queries" {
        let seeded = seeded.named("anonymous");
        return Ok(Arc::new(anonymous_queries(seed, project, seeded)));
    }
    let dimension = dimension(operation, &project, values);
    let granularity = if operation.ends_with("-history") {
        Granularity::of(values.get("history_grouping"))
    } else {
        Granularity::WholeRange
    };
    let range = values.date_range();
    Ok(Arc::new(SearchPerformance {
        series: TimeSeries::new(seed, seeded, range, granularity, dimension),
        host: project.host,
        seeded,
    }))
}

/// What an operation counts by.
fn dimension(operation: &str, project: &Project, values: &Values) -> Option<Dimension> {
    let (column, names) = match operation {
        "performance-by-device" => ("device", owned(&DEVICES)),
        "metrics-by-country" => ("country", uppercase_countries()),
        "ctr-by-position" => ("position", (1..=50).map(|p: u32| p.to_string()).collect()),
        "performance-by-position" => ("position_range", owned(&POSITION_RANGES)),
        "keywords" => ("keyword", keywords(project, project.keywords / 2)),
        "pages" => ("page", pages(project, project.pages)),
        "keyword-history" => match values.owned_list("keywords") {
            names if names.is_empty() => ("keyword", keywords(project, DEFAULT_NAMES)),
            names => ("keyword", names),
        },
        "page-history" => match values.owned_list("pages") {
            names if names.is_empty() => ("page", pages(project, DEFAULT_NAMES)),
            names => ("page", names),
        },
        _ => return None,
    };
    Some(Dimension {
        column: column.to_owned(),
        names,
    })
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn keywords(project: &Project, count: u32) -> Vec<String> {
    (0..count)
        .map(|number| project.tracked(number * 2).keyword)
        .collect()
}

fn pages(project: &Project, count: u32) -> Vec<String> {
    (0..count).map(|number| project.page(number)).collect()
}

/// Counts over time with the columns that only Search Console has.
#[derive(Debug)]
struct SearchPerformance {
    series: TimeSeries,
    host: String,
    seeded: Seeded,
}

impl ApiSection for SearchPerformance {
    fn rows(&self) -> u32 {
        self.series.rows()
    }

    fn seeded(&self, number: u32) -> Seeded {
        self.series.seeded(number)
    }

    fn cell(&self, number: u32, field: &Field) -> Option<Cell> {
        if let Some(cell) = self.series.cell(number, field) {
            return Some(cell);
        }
        let seeded = self.series.seeded(number);
        match field.name.as_str() {
            "total" => {
                let counts = POSITIONS.map(|name| keywords_at(seeded, name));
                Some(Cell::Int(counts.iter().sum()))
            }
            name if POSITIONS.contains(&name) => Some(Cell::Int(keywords_at(seeded, name))),
            "position" => {
                let tenths = 10 + seeded.named("position").skewed(600);
                Some(Cell::tenths(f64::from(tenths)))
            }
            "top_url" => {
                let page = seeded.named("top_url").skewed(500);
                let pages = self.seeded.named("pages");
                Some(Cell::text(page_of(pages, &self.host, page)))
            }
            _ => None,
        }
    }
}

fn keywords_at(seeded: Seeded, position: &str) -> i64 {
    seeded.named(position).magnitude(12)
}

/// Queries that Search Console does not name, as Keywords Explorer knows them.
fn anonymous_queries(seed: SectionSeed, project: Project, seeded: Seeded) -> GeneratedRows {
    GeneratedRows::new(seeded, seed.rows, move |number, seeded, field| {
        Some(match field.name.as_str() {
            "keyword" => {
                let words = web::words(seeded, 2).to_lowercase();
                Cell::text(format!("{words} {number}"))
            }
            "url" => Cell::text(project.page(seeded.named("page").skewed(project.pages))),
            "keyword_country" => Cell::text(web::country(seeded.named("country"))),
            "position" => Cell::Int(i64::from(1 + seeded.named("position").skewed(100))),
            "position_kind" => Cell::text("organic"),
            "traffic" if field.kind == ColumnKind::Integer => {
                Cell::Int(seeded.named("traffic").magnitude(12))
            }
            _ => return None,
        })
    })
}
