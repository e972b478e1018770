//! Web Analytics: visitors by dimension, over time.

use std::sync::Arc;

use super::api_section::{ApiSection, SectionSeed};
use super::countries::uppercase_countries;
use super::time_series::{Dimension, Granularity, TimeSeries};
use super::workspace::{Project, Workspace};
use crate::catalog::{Column, Endpoint};
use crate::sandbox::refusal::Refusal;
use crate::sandbox::request::{Query, Values};
use crate::sandbox::web;

/// Values of the dimension in a chart that names none.
const DEFAULT_CHARTED: usize = 5;
/// Values of dimensions, by column; others follow from the catalog or the project.
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
const NUM_SOURCES: u32 = 60;

pub(crate) fn section(
    seed: SectionSeed,
    endpoint: &Endpoint,
    query: &Query,
) -> Result<Arc<dyn ApiSection>, Refusal> {
    let values = &query.values;
    let project = Workspace::new(seed).project(values.text("project_id"))?;
    let dimension = dimension(&project, endpoint, values);
    let seeded = project
        .seeded
        .named("visits")
        .named(values.text("utm_param"))
        .named(query.summed_filter());
    let granularity = match values.get("granularity") {
        None => Granularity::WholeRange,
        name => Granularity::of(name),
    };
    let range = (values.day("from"), values.day("to"));
    Ok(Arc::new(TimeSeries::new(
        seed,
        seeded,
        range,
        granularity,
        dimension,
    )))
}

/// What an operation counts by, if it counts by anything.
fn dimension(project: &Project, endpoint: &Endpoint, values: &Values) -> Option<Dimension> {
    let column = endpoint
        .columns
        .iter()
        .find(|column| DIMENSIONS.contains(&column.name.as_str()))?;
    let mut names = names(project, column);
    let charted = charted(endpoint, values);
    if !charted.is_empty() {
        names.retain(|name| charted.contains(&name.as_str()));
    } else if values.get("granularity").is_some() {
        names.truncate(DEFAULT_CHARTED);
    }
    Some(Dimension {
        column: column.name.clone(),
        names,
    })
}

/// The values that a chart is asked to show.
fn charted<'a>(endpoint: &Endpoint, values: &'a Values) -> Vec<&'a str> {
    for parameter in &endpoint.parameters {
        if parameter.name.ends_with("_to_chart") {
            return values.list(&parameter.name);
        }
    }
    Vec::new()
}

fn names(project: &Project, column: &Column) -> Vec<String> {
    let name = column.name.as_str();
    if let Some((_, names)) = NAMES.iter().find(|(known, _)| *known == name) {
        return names.iter().map(|name| (*name).to_owned()).collect();
    }
    match name {
        "country" => uppercase_countries(),
        "source" => sites(project),
        "source_referer" => {
            let mut urls = sites(project);
            for url in &mut urls {
                *url = format!("https://{url}/");
            }
            urls
        }
        _ if name.ends_with("page") => (0..project.pages)
            .map(|number| project.page(number))
            .collect(),
        // Continents and channels.
        _ => column.values.clone(),
    }
}

/// Sites that visitors come from.
fn sites(project: &Project) -> Vec<String> {
    let seeded = project.seeded.named("source");
    (0..NUM_SOURCES)
        .map(|number| web::root_name(seeded, number))
        .collect()
}
