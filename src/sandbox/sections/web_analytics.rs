//! Web Analytics: visitors by what they came with, over time.

use std::sync::Arc;

use super::series::{Series, Step, Things};
use super::workspace::{Project, Workspace};
use super::{Ground, Section, countries};
use crate::catalog::{Column, Endpoint};
use crate::sandbox::query::Query;
use crate::sandbox::refusal::Refusal;
use crate::sandbox::web;

/// Things that a chart shows where none are named.
const CHARTED: usize = 5;
/// What visitors may come with, by column; others follow from the catalog or the project.
const NAMES: [(&str, &[&str]); 8] = [
    (
        "browser",
        &[
            "Chrome",
            "Safari",
            "Firefox",
            "Edge",
            "Samsung Internet",
            "Opera",
        ],
    ),
    (
        "browser_version",
        &[
            "Chrome 141.0",
            "Chrome 140.0",
            "Safari 19.1",
            "Firefox 144.0",
            "Edge 141.0",
        ],
    ),
    (
        "city",
        &[
            "London",
            "São Paulo",
            "東京",
            "New York",
            "Łódź",
            "Berlin",
            "",
            "Paris",
        ],
    ),
    ("device", &["desktop", "mobile", "tablet"]),
    (
        "browser_language",
        &["en-US", "en-GB", "de", "ja", "pt-BR", "fr"],
    ),
    ("os", &["Windows", "Android", "iOS", "macOS", "Linux"]),
    (
        "os_version",
        &[
            "Windows 11",
            "Android 16",
            "iOS 19.0",
            "macOS 15.6",
            "Windows 10",
        ],
    ),
    (
        "utm_param",
        &["newsletter", "spring sale", "cpc", "partner-7", ""],
    ),
];
const DIMENSIONS: [&str; 16] = [
    "browser",
    "browser_version",
    "city",
    "continent",
    "country",
    "device",
    "entry_page",
    "exit_page",
    "page",
    "browser_language",
    "os",
    "os_version",
    "source_channel",
    "source",
    "source_referer",
    "utm_param",
];
/// Sites that visitors come from.
const SOURCES: u32 = 60;

pub(super) fn section(
    ground: Ground,
    endpoint: &Endpoint,
    query: &Query,
) -> Result<Arc<dyn Section>, Refusal> {
    let values = &query.values;
    let project = Workspace::new(ground).project(values.get("project_id").unwrap_or(""))?;
    let is_chart = values.get("granularity").is_some();
    let column = endpoint
        .columns
        .iter()
        .find(|column| DIMENSIONS.contains(&column.name.as_str()));
    let things = column.map(|column| {
        let mut names = names(&project, column);
        let asked = endpoint
            .parameters
            .iter()
            .find(|parameter| parameter.name.ends_with("_to_chart"));
        let asked = asked
            .map(|parameter| values.list(&parameter.name))
            .unwrap_or_default();
        if !asked.is_empty() {
            names.retain(|name| asked.contains(&name.as_str()));
        } else if is_chart {
            names.truncate(CHARTED);
        }
        Things {
            column: column.name.clone(),
            names,
        }
    });
    let filter = if query.filters_rows {
        ""
    } else {
        values.get("where").unwrap_or("")
    };
    let dice = project
        .dice
        .of("visits")
        .of(values.get("utm_param").unwrap_or(""))
        .of(filter);
    let step = if is_chart {
        Step::of(values.get("granularity"))
    } else {
        Step::Whole
    };
    Ok(Arc::new(Series::new(
        ground,
        dice,
        (values.day("from"), values.day("to")),
        step,
        things,
    )))
}

fn names(project: &Project, column: &Column) -> Vec<String> {
    let name = column.name.as_str();
    if let Some((_, names)) = NAMES.iter().find(|(known, _)| *known == name) {
        return names.iter().map(|name| (*name).to_owned()).collect();
    }
    match name {
        "country" => countries().iter().map(|code| code.to_uppercase()).collect(),
        "source" => (0..SOURCES)
            .map(|number| web::root_name(project.dice.of(name), number))
            .collect(),
        "source_referer" => {
            let site = |number| {
                format!(
                    "https://{}/",
                    web::root_name(project.dice.of("source"), number)
                )
            };
            (0..SOURCES).map(site).collect()
        }
        _ if name.ends_with("page") => (0..project.pages)
            .map(|number| project.page(number))
            .collect(),
        // Continents and channels.
        _ => column.values.clone(),
    }
}
