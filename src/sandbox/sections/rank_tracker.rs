//! Rank Tracker: the keywords of a project, day by day and device by device, and the sites that compete for them.

use std::sync::Arc;

use chrono::NaiveDate;

use super::api_section::{ApiSection, SectionSeed, index, nothing, num_rows};
use super::date_comparison::{DateComparison, Presence};
use super::fixed_rows::FixedRows;
use super::keyword::Keyword;
use super::serp_overview;
use super::tracked_rank::TrackedRank;
use super::workspace::{Project, TrackedKeyword, Workspace, page_of};
use crate::catalog::{ColumnKind, Endpoint};
use crate::sandbox::calendar::day_part;
use crate::sandbox::cell::{Cell, json_text};
use crate::sandbox::field::Field;
use crate::sandbox::refusal::Refusal;
use crate::sandbox::request::Query;
use crate::sandbox::seeded::Seeded;
use crate::sandbox::web;

/// Sites that rank for the same keywords, the tracked competitors among them, as a divisor of the keywords.
const SITES_SHARE: u32 = 10;
/// Rows of each site where pages are listed.
const PAGES_PER_SITE: u32 = 3;
/// Keywords that were removed since an earlier date, as a divisor.
const LOST_SHARE: u32 = 12;

pub(crate) fn section(
    seed: SectionSeed,
    endpoint: &Endpoint,
    query: &Query,
) -> Result<Arc<dyn ApiSection>, Refusal> {
    if endpoint.short_name() == "serp-overview" {
        return serp_overview::section(seed, query);
    }
    let project = Workspace::new(seed).project(query.values.text("project_id"))?;
    let tracker = RankTracker {
        seed,
        device: query.values.get("device").unwrap_or("desktop").to_owned(),
        comparison: DateComparison::of(query),
        project,
    };
    let tracked_only = query.values.get("target_and_tracked_competitors_only") == Some("true");
    Ok(match endpoint.short_name() {
        "competitors-stats" => tracker.competitors_stats(),
        "competitors-pages" => Arc::new(CompetingSites::pages(tracker, tracked_only)),
        "competitors-domains" => Arc::new(CompetingSites::domains(tracker, tracked_only)),
        _ => Arc::new(tracker),
    })
}

/// The tracked keywords: a row each.
#[derive(Debug, Clone)]
struct RankTracker {
    seed: SectionSeed,
    project: Project,
    device: String,
    comparison: DateComparison,
}

impl ApiSection for RankTracker {
    fn rows(&self) -> u32 {
        self.project.keywords
    }

    fn seeded(&self, number: u32) -> Seeded {
        self.project.tracked(number).seeded
    }

    fn cell(&self, number: u32, field: &Field) -> Option<Cell> {
        let tracked = self.project.tracked(number);
        let stem = stem(&field.name);
        if let Some(cell) = self.entry_cell(&tracked, stem) {
            let is_earlier = stem != field.name;
            return Some(if is_earlier && !self.comparison.has_two_dates() {
                nothing(field)
            } else {
                cell
            });
        }
        let presence = self.presence(tracked.seeded.named("kept"));
        // Numbers of the keyword itself are the same on both dates.
        if is_of_keyword(stem)
            && let Some(cell) = self.keyword_cell(&tracked, &field.renamed(stem))
        {
            return Some(self.comparison.cell(field, presence, |_, _| cell.clone()));
        }
        if !is_rank(stem) {
            return None;
        }
        Some(self.comparison.cell(field, presence, |day, field| {
            self.rank(&tracked, day).cell(field)
        }))
    }
}

impl RankTracker {
    /// Lost, new, or there on both dates.
    fn presence(&self, seeded: Seeded) -> Presence {
        let (now, then) = match seeded.below(LOST_SHARE) {
            _ if !self.comparison.has_two_dates() => (true, false),
            0 => (false, true),
            1 => (true, false),
            _ => (true, true),
        };
        Presence { now, then }
    }

    /// What belongs to the keyword's entry in the project, whatever the dates.
    fn entry_cell(&self, tracked: &TrackedKeyword, name: &str) -> Option<Cell> {
        Some(match name {
            "keyword" => Cell::text(tracked.keyword.as_str()),
            "country" => Cell::text(tracked.location.country),
            "location" => Cell::text(tracked.location.name),
            "language" => Cell::text(tracked.location.language),
            "tags" => Cell::texts(tracked.tags.iter().copied()),
            "keyword_has_data" => Cell::Bool(Keyword::new(self.seed, &tracked.keyword).is_known()),
            "keyword_is_frozen" => Cell::Bool(tracked.seeded.named("frozen").once_in(40)),
            "competitors_list" => self.competitors(tracked),
            _ if name.starts_with("is_main_position") => Cell::Bool(true),
            _ => return None,
        })
    }

    /// A column as Keywords Explorer has it.
    fn keyword_cell(&self, tracked: &TrackedKeyword, field: &Field) -> Option<Cell> {
        let country = tracked.location.country.to_lowercase();
        Keyword::new(self.seed, &tracked.keyword).cell(&country, (None, None), field)
    }

    fn rank<'a>(&'a self, keyword: &'a TrackedKeyword, day: NaiveDate) -> TrackedRank<'a> {
        TrackedRank {
            seed: self.seed,
            project: &self.project,
            keyword,
            device: &self.device,
            day,
            updated: self.comparison.now,
        }
    }

    /// Every tracked competitor with its position.
    fn competitors(&self, tracked: &TrackedKeyword) -> Cell {
        let seeded = self.rank(tracked, self.comparison.now).seeded();
        let mut entries = Vec::new();
        for host in self.project.competitors() {
            let seeded = seeded.named(&host);
            let url = json_text(&page_of(seeded.named("page"), &host, seeded.below(500)));
            let position = if seeded.named("none").once_in(4) {
                "null".to_owned()
            } else {
                (1 + seeded.skewed(100)).to_string()
            };
            let traffic = seeded.magnitude(10);
            entries.push(Cell::json(format!(
                r#"{{"url":{url},"position":{position},"traffic":{traffic}}}"#
            )));
        }
        Cell::List(entries.into())
    }

    /// The target and its tracked competitors, one row each.
    fn competitors_stats(&self) -> Arc<dyn ApiSection> {
        let seeded = self
            .project
            .seeded
            .named("stats")
            .named(&self.device)
            .numbered(day_part(self.comparison.now));
        let mut rows = Vec::new();
        for host in self.project.ranked_hosts() {
            let seeded = seeded.named(&host);
            let mut row = vec![("competitor", Cell::text(host))];
            let mut left = i64::from(self.project.keywords);
            for name in [
                "pos_1_3",
                "pos_4_10",
                "pos_11_20",
                "pos_21_50",
                "pos_51_plus",
            ] {
                let count = left * i64::from(seeded.named(name).below(40)) / 100;
                left -= count;
                row.push((name, Cell::Int(count)));
            }
            row.push(("pos_no_rank", Cell::Int(left)));
            rows.push(row);
        }
        FixedRows::section(seeded, rows)
    }
}

/// Columns whose values Keywords Explorer has too.
fn is_of_keyword(name: &str) -> bool {
    let is_number = matches!(
        name,
        "volume" | "keyword_difficulty" | "parent_topic" | "keyword_words" | "clicks"
    );
    is_number || (name.starts_with("is_") && !name.starts_with("is_main"))
}

/// Columns that differ from day to day and from device to device.
fn is_rank(name: &str) -> bool {
    let is_known = matches!(
        name,
        "position"
            | "url"
            | "traffic"
            | "serp_features"
            | "serp_updated"
            | "target_positions_count"
    );
    is_known || name.starts_with("best_position") || name.starts_with("search_type_")
}

/// The name without the ending of a comparison.
fn stem(name: &str) -> &str {
    for ending in ["_previous", "_prev", "_diff"] {
        if let Some(stem) = name.strip_suffix(ending) {
            return stem;
        }
    }
    name
}

/// Sites, or their pages, that rank for the project's keywords: the target's and its tracked competitors' first.
#[derive(Debug)]
struct CompetingSites {
    tracker: RankTracker,
    seeded: Seeded,
    /// The target and its tracked competitors.
    tracked_hosts: Vec<String>,
    rows_per_site: u32,
    rows: u32,
}

impl CompetingSites {
    fn pages(tracker: RankTracker, tracked_only: bool) -> Self {
        let seeded = tracker.project.seeded.named("pages");
        Self::new(tracker, seeded, PAGES_PER_SITE, tracked_only)
    }

    fn domains(tracker: RankTracker, tracked_only: bool) -> Self {
        let seeded = tracker.project.seeded.named("domains");
        Self::new(tracker, seeded, 1, tracked_only)
    }

    fn new(tracker: RankTracker, seeded: Seeded, rows_per_site: u32, tracked_only: bool) -> Self {
        let tracked_hosts = tracker.project.ranked_hosts();
        let keywords = tracker.project.keywords;
        let num_tracked = num_rows(tracked_hosts.len());
        let num_sites = if keywords == 0 {
            0
        } else if tracked_only {
            num_tracked
        } else {
            num_tracked + keywords / SITES_SHARE
        };
        Self {
            tracker,
            seeded,
            tracked_hosts,
            rows_per_site,
            rows: num_sites * rows_per_site,
        }
    }

    fn host(&self, number: u32) -> String {
        let site = number / self.rows_per_site;
        match self.tracked_hosts.get(index(site)) {
            Some(host) => host.clone(),
            None => web::root_name(self.tracker.project.seeded.named("sites"), site),
        }
    }

    /// A number that differs from day to day and from device to device.
    fn changing_cell(&self, seeded: Seeded, presence: Presence, field: &Field) -> Cell {
        let seeded = seeded.named(&self.tracker.device);
        let comparison = self.tracker.comparison;
        comparison.cell(field, presence, |day, field| {
            let seeded = seeded.numbered(day_part(day)).named(&field.name);
            match field.kind {
                ColumnKind::Integer => Cell::Int(seeded.magnitude(18)),
                _ => Cell::tenths(f64::from(seeded.skewed(1_001))),
            }
        })
    }
}

impl ApiSection for CompetingSites {
    fn rows(&self) -> u32 {
        self.rows
    }

    fn seeded(&self, number: u32) -> Seeded {
        self.seeded.item(number)
    }

    fn cell(&self, number: u32, field: &Field) -> Option<Cell> {
        let seeded = self.seeded(number);
        let status = match seeded.named("status").below(LOST_SHARE) {
            _ if !self.tracker.comparison.has_two_dates() => "left",
            0 => "right",
            1 => "left",
            _ => "both",
        };
        let presence = Presence {
            now: status != "right",
            then: status != "left",
        };
        let is_number = matches!(field.kind, ColumnKind::Integer | ColumnKind::Float);
        Some(match field.name.as_str() {
            "domain" => Cell::text(self.host(number)),
            "url" => Cell::text(page_of(seeded, &self.host(number), number)),
            "status" => Cell::text(status),
            "keywords" | "pages" => {
                let limit = self.tracker.project.keywords;
                Cell::Int(i64::from(1 + seeded.named(&field.name).skewed(limit)))
            }
            "title" | "title_prev" => {
                let title = Cell::text(web::words(seeded.named("title"), 4));
                let comparison = self.tracker.comparison;
                comparison.cell(field, presence, |_, _| title.clone())
            }
            _ if is_number => self.changing_cell(seeded, presence, field),
            _ => return None,
        })
    }
}
