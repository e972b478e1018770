//! Site Audit: the health of projects, their issues, their pages.

use std::sync::Arc;

use chrono::NaiveDate;

use super::api_section::{ApiSection, SectionSeed, nothing};
use super::date_comparison::{DateComparison, Presence};
use super::fixed_rows::{FixedRow, FixedRows};
use super::workspace::{Project, Workspace};
use crate::catalog::{ColumnKind, Endpoint};
use crate::sandbox::calendar::{day_number, day_part, start_of};
use crate::sandbox::cell::Cell;
use crate::sandbox::field::Field;
use crate::sandbox::refusal::Refusal;
use crate::sandbox::request::Query;
use crate::sandbox::seeded::Seeded;
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
/// How a page's relation to an issue changed: `filter_mode`.
const MODES: [&str; 5] = ["added", "new", "removed", "missing", "no_change"];

pub(crate) fn section(
    seed: SectionSeed,
    endpoint: &Endpoint,
    query: &Query,
) -> Result<Arc<dyn ApiSection>, Refusal> {
    let workspace = Workspace::new(seed);
    if endpoint.short_name() == "projects" {
        return Ok(projects(seed, query));
    }
    let project = workspace.project(query.values.text("project_id"))?;
    Ok(match endpoint.short_name() {
        "issues" => issues(&project, query),
        "page-content" => content(&project, query),
        _ => Arc::new(CrawledPages::new(project, query)),
    })
}

fn projects(seed: SectionSeed, query: &Query) -> Arc<dyn ApiSection> {
    let mut rows = Vec::new();
    for project in Workspace::new(seed).projects() {
        if is_requested(&project, query) {
            rows.push(health(&project, query.day()));
        }
    }
    FixedRows::section(seed.seeded.named("site-audit/projects"), rows)
}

fn is_requested(project: &Project, query: &Query) -> bool {
    let values = &query.values;
    let has_url = match values.get("project_url") {
        Some(url) => url.contains(&project.host),
        None => true,
    };
    has_url
        && values.allows("project_id", &project.id.to_string())
        && values.allows("project_name", &project.host)
}

fn health(project: &Project, day: NaiveDate) -> FixedRow {
    let seeded = project.seeded.named("health").numbered(day_part(day));
    let host = project.host.as_str();
    let total = i64::from(project.pages);
    let mut row = vec![
        ("project_id", Cell::text(project.id.to_string())),
        ("project_name", Cell::text(host)),
        ("target_url", Cell::text(format!("https://{host}/"))),
        ("target_mode", Cell::text("subdomains")),
        ("target_protocol", Cell::text("both")),
        ("status", Cell::text("completed")),
        ("date", time_of(day, seeded.named("hour").below(3_600))),
        ("total", Cell::Int(total)),
    ];
    for name in [
        "urls_with_errors",
        "urls_with_warnings",
        "urls_with_notices",
    ] {
        let percent = i64::from(seeded.named(name).below(30));
        row.push((name, Cell::Int(total * percent / 100)));
        if name == "urls_with_errors" {
            row.push(("health_score", Cell::Int(100 - percent)));
        }
    }
    row
}

/// A moment of a day.
fn time_of(day: NaiveDate, seconds: u32) -> Cell {
    Cell::Time(start_of(day) + i64::from(seconds))
}

/// Every issue that is looked for, found or not.
fn issues(project: &Project, query: &Query) -> Arc<dyn ApiSection> {
    let has_two_dates = query.values.get("date_compared").is_some();
    let seeded = project
        .seeded
        .named("issues")
        .numbered(day_part(query.day()));
    let mut rows = Vec::new();
    for thing in THINGS {
        for problem in PROBLEMS {
            let name = format!("{thing} {problem}");
            rows.push(issue(seeded, &name, project.pages, has_two_dates));
        }
    }
    FixedRows::section(seeded, rows)
}

fn issue(seeded: Seeded, name: &str, pages: u32, has_two_dates: bool) -> FixedRow {
    let id = issue_id(name);
    let seeded = seeded.named(&id);
    let found = if seeded.named("found").once_in(2) {
        0
    } else {
        i64::from(pages) * i64::from(1 + seeded.below(20)) / 100
    };
    let category = seeded.named("category").pick(&CATEGORIES);
    let importance = seeded
        .named("importance")
        .pick(&["error", "warning", "notice"]);
    let mut row = vec![
        ("issue_id", Cell::text(id)),
        ("name", Cell::text(name)),
        ("category", Cell::choice(category)),
        ("importance", Cell::choice(importance)),
        ("crawled", Cell::Int(found)),
    ];
    if !has_two_dates {
        row.extend(["change", "added", "new", "removed", "missing"].map(|name| (name, Cell::Null)));
        return row;
    }
    let change = seeded.named("change").magnitude(6) - 20;
    row.push(("change", Cell::Int(change)));
    for (name, divisor) in [("added", 2), ("new", 1), ("removed", 1), ("missing", 2)] {
        let percent = i64::from(seeded.named(name).below(40));
        row.push((name, Cell::Int(found * percent / 100 / divisor)));
    }
    row
}

/// The same for every seed.
fn issue_id(name: &str) -> String {
    let seeded = Seeded::new(0).named(name);
    format!(
        "{:08x}-{:04x}-11e7-8ed1-001e67ed4656",
        seeded.below(u32::MAX),
        seeded.numbered(1).below(0xffff)
    )
}

fn content(project: &Project, query: &Query) -> Arc<dyn ApiSection> {
    let url = query.values.text("target_url");
    let seeded = project.seeded.named("content").named(url);
    let text = web::words(seeded, 60);
    let html = format!(
        "<!DOCTYPE html><html><head><title>{url}</title></head><body><p>{text}</p></body></html>"
    );
    let rendered = if seeded.named("rendered").once_in(3) {
        Cell::Null
    } else {
        Cell::text(html.as_str())
    };
    let row = vec![
        ("crawl_datetime", time_of(query.day(), seeded.below(86_400))),
        ("page_text", Cell::text(text.as_str())),
        ("page_text_md", Cell::text(format!("# {url}\n\n{text}\n"))),
        ("raw_html", Cell::text(html)),
        ("rendered_html", rendered),
    ];
    FixedRows::section(seeded, vec![row])
}

/// The pages of a project, one row each.
#[derive(Debug)]
struct CrawledPages {
    project: Project,
    comparison: DateComparison,
    /// Only pages that this issue touches.
    issue: Option<String>,
    /// Only pages whose relation to the issue changed like this.
    mode: Option<String>,
}

impl CrawledPages {
    fn new(project: Project, query: &Query) -> Self {
        Self {
            project,
            comparison: DateComparison::of(query),
            issue: query.values.get("issue_id").map(str::to_owned),
            mode: query.values.get("filter_mode").map(str::to_owned),
        }
    }

    /// What was crawled for the first time on the later of two dates.
    fn is_new(&self, number: u32) -> bool {
        self.seeded(number).named("new").once_in(TOUCHED_SHARE)
    }

    /// A number that every crawl may find changed.
    fn changing_cell(&self, number: u32, field: &Field) -> Cell {
        let seeded = self.seeded(number);
        let presence = Presence {
            now: true,
            then: !self.is_new(number),
        };
        self.comparison.cell(field, presence, |day, field| {
            let name = field.name.as_str();
            let usual = seeded.named(name).magnitude(14);
            let change = seeded.numbered(day_part(day)).named(name).below(20);
            let value = usual + i64::from(change);
            match field.kind {
                ColumnKind::Integer => Cell::Int(value),
                _ => Cell::float(f64::from(u32::try_from(value).unwrap_or(0))),
            }
        })
    }
}

impl ApiSection for CrawledPages {
    fn rows(&self) -> u32 {
        self.project.pages
    }

    fn has(&self, number: u32) -> bool {
        let seeded = self.seeded(number);
        if let Some(issue) = &self.issue
            && !seeded.named(issue).once_in(TOUCHED_SHARE)
        {
            return false;
        }
        match &self.mode {
            Some(mode) => seeded.named("mode").pick(&MODES) == Some(mode.as_str()),
            None => true,
        }
    }

    fn seeded(&self, number: u32) -> Seeded {
        self.project.seeded.named("pages").item(number)
    }

    fn cell(&self, number: u32, field: &Field) -> Option<Cell> {
        match field.name.as_str() {
            "url" | "url_prev" => return Some(Cell::text(self.project.page(number))),
            "domain" | "domain_prev" => return Some(Cell::text(self.project.host.as_str())),
            "scheme" => return Some(Cell::text("https")),
            "internal" | "is_html" | "is_valid_internal_html" => return Some(Cell::Bool(true)),
            "stamp" => return Some(Cell::date(day_number(self.comparison.now))),
            _ => {}
        }
        let stem = stem(&field.name);
        let is_number = matches!(field.kind, ColumnKind::Integer | ColumnKind::Float);
        if CHANGING.contains(&stem) && is_number {
            return Some(self.changing_cell(number, field));
        }
        // `navigation_prev` is a column of its own: the page before.
        let is_comparison = stem != field.name && stem != "navigation";
        if is_comparison && (!self.comparison.has_two_dates() || self.is_new(number)) {
            return Some(nothing(field));
        }
        if stem != "http_code" {
            return None;
        }
        let is_missing = self.seeded(number).named("http_code").once_in(20);
        Some(Cell::Int(if is_missing { 404 } else { 200 }))
    }
}

/// The name without the ending of a comparison.
fn stem(name: &str) -> &str {
    name.strip_suffix("_prev")
        .or_else(|| name.strip_suffix("_diff"))
        .unwrap_or(name)
}
