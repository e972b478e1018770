//! Site Audit: the health of projects, their issues, their pages.

use std::sync::Arc;

use super::workspace::{Project, Workspace};
use super::{Compared, Given, Ground, Numbered, Section, day_number, day_part};
use crate::catalog::{ColumnKind, Endpoint};
use crate::sandbox::cell::Cell;
use crate::sandbox::hash::Dice;
use crate::sandbox::query::Query;
use crate::sandbox::refusal::Refusal;
use crate::sandbox::web;

const CATEGORIES: [&str; 6] = [
    "Internal pages",
    "Links",
    "Indexability",
    "Content",
    "Performance",
    "Social tags",
];
const PROBLEMS: [&str; 8] = [
    "is missing",
    "is too long",
    "is too short",
    "is broken",
    "redirects",
    "is a duplicate",
    "is not in the sitemap",
    "is slow",
];
const THINGS: [&str; 16] = [
    "Title",
    "Meta description",
    "H1 tag",
    "Page",
    "Canonical URL",
    "Hreflang",
    "Image",
    "CSS file",
    "JavaScript file",
    "External link",
    "Internal link",
    "Open Graph tag",
    "Robots meta tag",
    "Sitemap entry",
    "Structured data",
    "Alt text",
];
/// Pages that an issue touches, as a divisor.
const TOUCHED_SHARE: u32 = 15;
/// Columns of a page that every crawl may find changed.
const CHANGING: [&str; 12] = [
    "traffic",
    "backlinks",
    "depth",
    "loading_time",
    "size",
    "time_to_first_byte",
    "content_nr_word",
    "incoming_links",
    "positions",
    "refpages",
    "page_raw_ur",
    "content_length",
];

pub(super) fn section(
    ground: Ground,
    endpoint: &Endpoint,
    query: &Query,
) -> Result<Arc<dyn Section>, Refusal> {
    let workspace = Workspace::new(ground);
    if endpoint.short_name() == "projects" {
        return Ok(healths(ground, workspace, query));
    }
    let project = workspace.project(query.values.get("project_id").unwrap_or(""))?;
    Ok(match endpoint.short_name() {
        "issues" => issues(&project, query),
        "page-content" => content(&project, query),
        _ => Arc::new(pages(project, query)),
    })
}

fn healths(ground: Ground, workspace: Workspace, query: &Query) -> Arc<dyn Section> {
    let day = query.values.day("date").unwrap_or(query.today);
    let is = |name: &str, value: &str| query.values.get(name).is_none_or(|wanted| wanted == value);
    let wanted = |project: &Project| {
        let host = query
            .values
            .get("project_url")
            .is_none_or(|url| url.contains(&project.host));
        is("project_id", &project.id.to_string()) && is("project_name", &project.host) && host
    };
    let row = |project: Project| {
        let dice = project.dice.of("health").at(day_part(day));
        let total = i64::from(project.pages);
        let share = |name: &str| Cell::Int(total * i64::from(dice.of(name).below(30)) / 100);
        let errors = i64::from(dice.of("urls_with_errors").below(30));
        vec![
            ("project_id", Cell::text(project.id.to_string())),
            ("project_name", Cell::text(project.host.as_str())),
            (
                "target_url",
                Cell::text(format!("https://{}/", project.host)),
            ),
            ("target_mode", Cell::text("subdomains")),
            ("target_protocol", Cell::text("both")),
            ("status", Cell::text("completed")),
            (
                "date",
                Cell::Time(day_number(day) * 86_400 + i64::from(dice.of("hour").below(3_600))),
            ),
            ("health_score", Cell::Int(100 - errors)),
            ("total", Cell::Int(total)),
            ("urls_with_errors", share("urls_with_errors")),
            ("urls_with_warnings", share("urls_with_warnings")),
            ("urls_with_notices", share("urls_with_notices")),
        ]
    };
    let projects = workspace.projects().into_iter().filter(wanted);
    Given::of(
        ground.dice.of("site-audit/projects"),
        projects.map(row).collect(),
    )
}

/// Every issue that is looked for, found or not.
fn issues(project: &Project, query: &Query) -> Arc<dyn Section> {
    let day = query.values.day("date").unwrap_or(query.today);
    let compares = query.values.get("date_compared").is_some();
    let dice = project.dice.of("issues").at(day_part(day));
    let pages = i64::from(project.pages);
    let row = |thing: &str, problem: &str| {
        let name = format!("{thing} {problem}");
        let id = issue_id(&name);
        let dice = dice.of(&id);
        let found = if dice.of("found").once_in(2) {
            0
        } else {
            pages * i64::from(1 + dice.below(20)) / 100
        };
        let changes = |name: &str, share: i64| {
            let count = found * i64::from(dice.of(name).below(40)) / 100 / share;
            if compares {
                Cell::Int(count)
            } else {
                Cell::Null
            }
        };
        vec![
            ("issue_id", Cell::text(id.as_str())),
            ("name", Cell::text(name)),
            (
                "category",
                dice.of("category")
                    .pick(&CATEGORIES)
                    .map_or(Cell::Null, Cell::text),
            ),
            (
                "importance",
                dice.of("importance")
                    .pick(&["error", "warning", "notice"])
                    .map_or(Cell::Null, Cell::text),
            ),
            ("crawled", Cell::Int(found)),
            (
                "change",
                if compares {
                    Cell::Int(dice.of("change").magnitude(6) - 20)
                } else {
                    Cell::Null
                },
            ),
            ("added", changes("added", 2)),
            ("new", changes("new", 1)),
            ("removed", changes("removed", 1)),
            ("missing", changes("missing", 2)),
        ]
    };
    let all = THINGS
        .iter()
        .flat_map(|thing| PROBLEMS.iter().map(move |problem| (*thing, *problem)));
    Given::of(
        dice,
        all.map(|(thing, problem)| row(thing, problem)).collect(),
    )
}

fn issue_id(name: &str) -> String {
    let dice = Dice::new(0).of(name);
    format!(
        "{:08x}-{:04x}-11e7-8ed1-001e67ed4656",
        dice.below(u32::MAX),
        dice.at(1).below(0xffff)
    )
}

fn content(project: &Project, query: &Query) -> Arc<dyn Section> {
    let url = query.values.get("target_url").unwrap_or("");
    let dice = project.dice.of("content").of(url);
    let day = query.values.day("date").unwrap_or(query.today);
    let text = web::words(dice, 60);
    let html = format!(
        "<!DOCTYPE html><html><head><title>{url}</title></head><body><p>{text}</p></body></html>"
    );
    let row = vec![
        (
            "crawl_datetime",
            Cell::Time(day_number(day) * 86_400 + i64::from(dice.below(86_400))),
        ),
        ("page_text", Cell::text(text.as_str())),
        ("page_text_md", Cell::text(format!("# {url}\n\n{text}\n"))),
        ("raw_html", Cell::text(html.as_str())),
        (
            "rendered_html",
            if dice.of("rendered").once_in(3) {
                Cell::Null
            } else {
                Cell::text(html)
            },
        ),
    ];
    Given::of(dice, vec![row])
}

fn pages(project: Project, query: &Query) -> Numbered {
    let compared = Compared::of(query);
    let dice = project.dice.of("pages");
    let value = |name: &str| query.values.get(name).map(str::to_owned);
    let (issue, mode) = (value("issue_id"), value("filter_mode"));
    let has = move |number: u32| {
        let dice = dice.at(u64::from(number));
        let touched = issue
            .as_ref()
            .is_none_or(|issue| dice.of(issue).once_in(TOUCHED_SHARE));
        touched
            && mode
                .as_ref()
                .is_none_or(|mode| dice.of("mode").pick(&MODES) == Some(mode.as_str()))
    };
    let host = project.host.clone();
    let rows = project.pages;
    let stamp = day_number(compared.now);
    Numbered::new(dice, rows, move |number, dice, field| {
        match field.name.as_str() {
            "url" | "url_prev" => Some(Cell::text(project.page(number))),
            "domain" | "domain_prev" => Some(Cell::text(host.as_str())),
            "scheme" => Some(Cell::text("https")),
            "internal" | "is_html" | "is_valid_internal_html" => Some(Cell::Bool(true)),
            "stamp" => Some(Cell::Date {
                days: stamp,
                midnight: false,
            }),
            name => {
                let shown = ["_prev", "_diff"]
                    .iter()
                    .find_map(|ending| name.strip_suffix(ending))
                    .unwrap_or(name);
                let is_new = dice.of("new").once_in(TOUCHED_SHARE);
                let is_comparison = shown != name && shown != "navigation";
                let is_changing = CHANGING.contains(&shown)
                    && matches!(field.kind, ColumnKind::Integer | ColumnKind::Float);
                if is_changing {
                    return Some(compared.cell(field, (true, !is_new), |day, field| {
                        let usual = dice.of(&field.name).magnitude(14);
                        let value =
                            usual + i64::from(dice.at(day_part(day)).of(&field.name).below(20));
                        match field.kind {
                            ColumnKind::Integer => Cell::Int(value),
                            _ => Cell::Float {
                                value: f64::from(u32::try_from(value).unwrap_or(0)),
                                bare: false,
                            },
                        }
                    }));
                }
                if is_comparison && (compared.then.is_none() || is_new) {
                    return Some(super::nothing(field));
                }
                let code = if dice.of("http_code").once_in(20) {
                    404
                } else {
                    200
                };
                (shown == "http_code").then_some(Cell::Int(code))
            }
        }
    })
    .only(has)
}

const MODES: [&str; 5] = ["added", "new", "removed", "missing", "no_change"];
