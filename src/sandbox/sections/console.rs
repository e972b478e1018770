//! Search Console: what a project's pages and keywords were shown and clicked for.

use std::sync::Arc;

use super::series::{Series, Step, Things};
use super::workspace::{Project, Workspace};
use super::{Ground, Numbered, Section, countries, tenths};
use crate::catalog::{ColumnKind, Endpoint};
use crate::sandbox::cell::Cell;
use crate::sandbox::hash::Dice;
use crate::sandbox::query::Query;
use crate::sandbox::refusal::Refusal;
use crate::sandbox::source::Field;

/// Keywords or pages that a history shows where none are named.
const SHOWN: u32 = 5;
/// The counts of keywords by position, whose sum is `total`.
const POSITIONS: [&str; 5] = [
    "position_1_to_3",
    "position_4_to_10",
    "position_11_to_20",
    "position_21_to_50",
    "position_51_plus",
];

pub(super) fn section(
    ground: Ground,
    endpoint: &Endpoint,
    query: &Query,
) -> Result<Arc<dyn Section>, Refusal> {
    let values = &query.values;
    let project = Workspace::new(ground)
        .project_or_portfolio(values.get("project_id"), values.get("portfolio_id"))?;
    // What is counted depends on these; what a row is, on none of them.
    let conditions = ["search_type", "country", "device"]
        .map(|name| values.get(name).unwrap_or(""))
        .join(" ");
    let filter = if query.filters_rows {
        ""
    } else {
        values.get("where").unwrap_or("")
    };
    let dice = project.dice.of("console").of(&conditions).of(filter);
    if endpoint.short_name() == "anonymous-queries" {
        return Ok(Arc::new(anonymous(ground, project, dice.of("anonymous"))));
    }
    let of = |column: &str, names: Vec<String>| {
        Some(Things {
            column: column.to_owned(),
            names,
        })
    };
    let texts = |names: &[&str]| {
        names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<Vec<_>>()
    };
    let named = |name: &str, all: &dyn Fn(u32) -> String| {
        let asked = values.list(name);
        if asked.is_empty() {
            (0..SHOWN).map(all).collect()
        } else {
            texts(&asked)
        }
    };
    let keyword = |number: u32| project.tracked(number * 2).keyword;
    let page = |number: u32| project.page(number);
    let (is_history, things) = match endpoint.short_name() {
        "performance-by-device" => (false, of("device", texts(&["desktop", "mobile", "tablet"]))),
        "metrics-by-country" => (
            false,
            of(
                "country",
                countries().iter().map(|code| code.to_uppercase()).collect(),
            ),
        ),
        "ctr-by-position" => (
            false,
            of(
                "position",
                (1..=50).map(|position: u32| position.to_string()).collect(),
            ),
        ),
        "performance-by-position" => (
            false,
            of(
                "position_range",
                texts(&["1-3", "4-10", "11-20", "21-50", "51+"]),
            ),
        ),
        "keywords" => (
            false,
            of("keyword", (0..project.keywords / 2).map(keyword).collect()),
        ),
        "pages" => (false, of("page", (0..project.pages).map(page).collect())),
        "keyword-history" => (true, of("keyword", named("keywords", &keyword))),
        "page-history" => (true, of("page", named("pages", &page))),
        _ => (true, None),
    };
    let step = if is_history {
        Step::of(values.get("history_grouping"))
    } else {
        Step::Whole
    };
    let range = (values.day("date_from"), values.day("date_to"));
    Ok(Arc::new(Console {
        series: Series::new(ground, dice, range, step, things),
        host: project.host,
        dice,
    }))
}

/// Counts over time with what only Search Console says beside them.
#[derive(Debug)]
struct Console {
    series: Series,
    host: String,
    dice: Dice,
}

impl Section for Console {
    fn rows(&self) -> u32 {
        self.series.rows()
    }

    fn dice(&self, number: u32) -> Dice {
        self.series.dice(number)
    }

    fn cell(&self, number: u32, field: &Field) -> Option<Cell> {
        if let Some(cell) = self.series.cell(number, field) {
            return Some(cell);
        }
        let dice = self.series.dice(number);
        let at = |name: &str| dice.of(name).magnitude(12);
        match field.name.as_str() {
            "total" => Some(Cell::Int(POSITIONS.iter().map(|name| at(name)).sum())),
            name if POSITIONS.contains(&name) => Some(Cell::Int(at(name))),
            "position" => Some(tenths(f64::from(10 + dice.of("position").skewed(600)))),
            "top_url" => {
                let page = dice.of("top_url").skewed(500);
                Some(Cell::text(super::workspace::page_of(
                    self.dice.of("pages"),
                    &self.host,
                    page,
                )))
            }
            _ => None,
        }
    }
}

/// Queries that Search Console does not name, as Keywords Explorer knows them.
fn anonymous(ground: Ground, project: Project, dice: Dice) -> Numbered {
    Numbered::new(dice, ground.rows, move |number, dice, field| {
        let keyword = format!(
            "{} {}",
            crate::sandbox::web::words(dice, 2).to_lowercase(),
            number
        );
        match field.name.as_str() {
            "keyword" => Some(Cell::text(keyword)),
            "url" => Some(Cell::text(
                project.page(dice.of("page").skewed(project.pages)),
            )),
            "keyword_country" => Some(Cell::text(crate::sandbox::web::country(dice.of("country")))),
            "position" => Some(Cell::Int(i64::from(1 + dice.of("position").skewed(100)))),
            "position_kind" => Some(Cell::text("organic")),
            name if field.kind == ColumnKind::Integer && name == "traffic" => {
                Some(Cell::Int(dice.of(name).magnitude(12)))
            }
            _ => None,
        }
    })
}
