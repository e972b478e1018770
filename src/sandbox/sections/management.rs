//! Management: what the workspace contains.

use std::sync::Arc;

use super::api_section::{ApiSection, SectionSeed};
use super::countries::countries;
use super::fixed_rows::{FixedRow, FixedRows};
use super::workspace::{FIRST_PROJECT, Project, REPORTS, Workspace, check_report, keyword_list};
use crate::catalog::Endpoint;
use crate::sandbox::cell::{Cell, json_text};
use crate::sandbox::refusal::Refusal;
use crate::sandbox::request::Query;
use crate::sandbox::seeded::Seeded;
use crate::sandbox::web;

/// 2024-03-01, when the first report was made.
const FIRST_REPORT: i64 = 19_783;
/// Custom prompts in each report.
const NUM_PROMPTS: u32 = 30;
const OWNER: &str = "owner@example.com";

pub(crate) fn section(
    seed: SectionSeed,
    endpoint: &Endpoint,
    query: &Query,
) -> Result<Arc<dyn ApiSection>, Refusal> {
    let workspace = Workspace::new(seed);
    let project_id = query.values.text("project_id");
    let seeded = seed.seeded.named(&endpoint.name);
    let rows = match endpoint.short_name() {
        "projects" => projects(workspace, query),
        "project-keywords" => project_keywords(&workspace.project(project_id)?),
        "project-competitors" => project_competitors(&workspace.project(project_id)?),
        "keyword-list-keywords" => list_keywords(seed, query.values.text("keyword_list_id")),
        "locations" => vec![locations(query)],
        "brand-radar-prompts" => {
            let report = query.values.text("report_id");
            check_report(report)?;
            prompts(seeded.named(report))
        }
        _ => reports(),
    };
    Ok(FixedRows::section(seeded, rows))
}

fn projects(workspace: Workspace, query: &Query) -> Vec<FixedRow> {
    let mut rows = Vec::new();
    for project in workspace.projects() {
        if is_requested(&project, query) {
            rows.push(project_row(&project));
        }
    }
    rows
}

fn access(project: &Project) -> &'static str {
    if project.seeded.named("access").once_in(2) {
        "shared"
    } else {
        "private"
    }
}

fn is_requested(project: &Project, query: &Query) -> bool {
    let values = &query.values;
    values.allows("access", access(project))
        && values.allows("owned_by", OWNER)
        && values.allows("project_id", &project.id.to_string())
        && values.allows("has_keywords", &(project.keywords > 0).to_string())
}

fn project_row(project: &Project) -> FixedRow {
    let folder = if project.id == FIRST_PROJECT {
        Cell::Null
    } else {
        Cell::json(r#"{"id":7,"name":"Clients"}"#)
    };
    vec![
        ("project_id", Cell::text(project.id.to_string())),
        ("project_name", Cell::text(project.host.as_str())),
        ("url", Cell::text(format!("https://{}/", project.host))),
        ("mode", Cell::text("subdomains")),
        ("protocol", Cell::text("both")),
        ("access", Cell::text(access(project))),
        ("owned_by", Cell::text(OWNER)),
        ("keyword_count", Cell::Int(i64::from(project.keywords))),
        ("folder", folder),
    ]
}

fn project_keywords(project: &Project) -> Vec<FixedRow> {
    (0..project.keywords)
        .map(|number| tracked_keyword(project, number))
        .collect()
}

fn tracked_keyword(project: &Project, number: u32) -> FixedRow {
    let tracked = project.tracked(number);
    let location = tracked.location;
    vec![
        ("keyword", Cell::text(tracked.keyword)),
        ("location", Cell::text(location.name)),
        ("location_id", Cell::Int(i64::from(location.id))),
        ("language", Cell::text(location.language)),
        ("language_code", Cell::text(location.language_code)),
        ("tags", Cell::texts(tracked.tags)),
    ]
}

fn project_competitors(project: &Project) -> Vec<FixedRow> {
    let mut rows = Vec::new();
    for host in project.competitors() {
        rows.push(vec![
            ("url", Cell::text(format!("https://{host}/"))),
            ("mode", Cell::text("subdomains")),
        ]);
    }
    rows
}

fn list_keywords(seed: SectionSeed, id: &str) -> Vec<FixedRow> {
    keyword_list(seed, id)
        .into_iter()
        .map(|keyword| vec![("keyword", Cell::text(keyword))])
        .collect()
}

fn prompts(seeded: Seeded) -> Vec<FixedRow> {
    let mut rows = Vec::new();
    for number in 0..NUM_PROMPTS {
        let prompt = seeded.item(number);
        let text = format!("{}?", web::keyword(prompt, number));
        rows.push(vec![
            ("prompt", Cell::text(text)),
            ("country", Cell::text(web::country(prompt.named("country")))),
            ("created_at", Cell::date(FIRST_REPORT + i64::from(number))),
        ]);
    }
    rows
}

fn locations(query: &Query) -> FixedRow {
    let country = query.values.get("country_code").unwrap_or("us");
    let position = countries().iter().position(|known| known == country);
    let first_id = 2_000 + position.unwrap_or(0) * 10;
    let state = query.values.text("us_state");
    let mut locations = Vec::new();
    for (offset, place) in ["whole country", "capital", "second city"]
        .into_iter()
        .enumerate()
    {
        let name = json_text(&format!("{country} {state} {place}"));
        locations.push(Cell::json(format!("[{},{name}]", first_id + offset)));
    }
    let languages = [r#"["en","English"]"#, r#"["de","German"]"#].map(Cell::json);
    vec![
        ("country_code", Cell::text(country)),
        ("locations", Cell::List(locations.into())),
        ("languages", Cell::List(languages.into())),
    ]
}

fn reports() -> Vec<FixedRow> {
    let mut rows = Vec::new();
    for (created, report) in (FIRST_REPORT..).zip(REPORTS) {
        let frequency = Cell::json(r#"{"data_source":"chatgpt","frequency":"weekly"}"#);
        rows.push(vec![
            ("report_id", Cell::text(report.id)),
            ("report_name", Cell::text(report.name)),
            ("project_id", Cell::Int(i64::from(report.project))),
            ("created_at", Cell::date(created)),
            ("prompts_frequency", Cell::List([frequency].into())),
        ]);
    }
    rows
}
