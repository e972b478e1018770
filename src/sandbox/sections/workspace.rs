//! The workspace that the sandbox makes up: projects with their keywords and competitors, keyword lists, reports.
//! Ids do not depend on the seed, so that a configuration can name them.

use super::api_section::SectionSeed;
use crate::sandbox::refusal::Refusal;
use crate::sandbox::seeded::Seeded;
use crate::sandbox::web;

/// Projects; their ids count up from [`FIRST_PROJECT`], the last has no keywords.
const NUM_PROJECTS: u32 = 6;
pub(crate) const FIRST_PROJECT: u32 = 1001;
/// Portfolios; their ids count up from [`FIRST_PORTFOLIO`].
const NUM_PORTFOLIOS: u32 = 2;
const FIRST_PORTFOLIO: u32 = 301;
/// Competitors that each project tracks.
const NUM_COMPETITORS: u32 = 4;
const TAGS: [&str; 4] = ["brand", "summer sale", "Größe", "tier-1"];

/// One of Brand Radar's reports.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BrandReport {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    pub(crate) project: u32,
}

/// Brand Radar's reports.
pub(crate) const REPORTS: [BrandReport; 3] = [
    BrandReport {
        id: "6f1d8c1e-0001",
        name: "Acme worldwide",
        project: FIRST_PROJECT,
    },
    BrandReport {
        id: "6f1d8c1e-0002",
        name: "Acme and rivals",
        project: FIRST_PROJECT,
    },
    BrandReport {
        id: "6f1d8c1e-0003",
        name: "Second brand",
        project: FIRST_PROJECT + 1,
    },
];

/// A place and language that keywords are tracked in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TrackedLocation {
    /// Upper case.
    pub(crate) country: &'static str,
    pub(crate) name: &'static str,
    pub(crate) id: u32,
    pub(crate) language: &'static str,
    pub(crate) language_code: &'static str,
}

const UNITED_STATES: TrackedLocation = TrackedLocation {
    country: "US",
    name: "United States",
    id: 2840,
    language: "English",
    language_code: "en",
};
const LOCATIONS: [TrackedLocation; 4] = [
    UNITED_STATES,
    TrackedLocation {
        country: "GB",
        name: "United Kingdom",
        id: 2826,
        language: "English",
        language_code: "en",
    },
    TrackedLocation {
        country: "DE",
        name: "Berlin, Germany",
        id: 1_003_854,
        language: "German",
        language_code: "de",
    },
    TrackedLocation {
        country: "JP",
        name: "Japan",
        id: 2392,
        language: "Japanese",
        language_code: "ja",
    },
];

/// Everything that belongs to the user.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Workspace {
    seed: SectionSeed,
}

/// One project.
#[derive(Debug, Clone)]
pub(crate) struct Project {
    pub(crate) id: u32,
    pub(crate) host: String,
    pub(crate) seeded: Seeded,
    /// Tracked keywords, each with its location.
    pub(crate) keywords: u32,
    /// Pages that Site Audit knows.
    pub(crate) pages: u32,
}

/// A keyword as a project tracks it.
#[derive(Debug, Clone)]
pub(crate) struct TrackedKeyword {
    pub(crate) keyword: String,
    pub(crate) location: TrackedLocation,
    pub(crate) tags: Vec<&'static str>,
    pub(crate) seeded: Seeded,
}

impl Workspace {
    pub(crate) fn new(seed: SectionSeed) -> Self {
        Self { seed }
    }

    pub(crate) fn projects(self) -> Vec<Project> {
        (0..NUM_PROJECTS)
            .map(|position| self.nth(position))
            .collect()
    }

    fn nth(self, position: u32) -> Project {
        let seeded = self.seed.seeded.named("project").item(position);
        let host = if position == 0 {
            "acme.com".to_owned()
        } else {
            web::root_name(seeded, position)
        };
        let pages = (self.seed.rows / (position + 1)).max(1);
        let keywords = if position + 1 == NUM_PROJECTS {
            0
        } else {
            pages
        };
        Project {
            id: FIRST_PROJECT + position,
            host,
            seeded,
            keywords,
            pages,
        }
    }

    /// The project of an id.
    pub(crate) fn project(self, id: &str) -> Result<Project, Refusal> {
        for project in self.projects() {
            if project.id.to_string() == id {
                return Ok(project);
            }
        }
        Err(unknown_id("project", id))
    }

    /// The project that a request names, or the first of the portfolio.
    pub(crate) fn project_or_portfolio(
        self,
        project: Option<&str>,
        portfolio: Option<&str>,
    ) -> Result<Project, Refusal> {
        match (project, portfolio) {
            (Some(id), _) => self.project(id),
            (None, Some(id)) => self.portfolio(id),
            (None, None) => Err(Refusal::MissingArgument("project_id".to_owned())),
        }
    }

    fn portfolio(self, id: &str) -> Result<Project, Refusal> {
        for position in 0..NUM_PORTFOLIOS {
            if (FIRST_PORTFOLIO + position).to_string() == id {
                let project = self.nth(position);
                return Ok(Project {
                    seeded: project.seeded.named("portfolio"),
                    ..project
                });
            }
        }
        Err(unknown_id("portfolio", id))
    }
}

/// The refusal of an id that does not exist.
pub(crate) fn unknown_id(what: &'static str, id: &str) -> Refusal {
    Refusal::UnknownId {
        what,
        id: id.to_owned(),
    }
}

/// Refuses a report that does not exist.
pub(crate) fn check_report(id: &str) -> Result<(), Refusal> {
    if REPORTS.iter().any(|report| report.id == id) {
        Ok(())
    } else {
        Err(unknown_id("report", id))
    }
}

/// The keywords of a list; every id is a list.
pub(crate) fn keyword_list(seed: SectionSeed, id: &str) -> Vec<String> {
    let seeded = seed.seeded.named("keyword list").named(id);
    (0..10 + seeded.below(30))
        .map(|number| web::keyword(seeded, number))
        .collect()
}

impl Project {
    /// One of its keywords; every second one is tracked in two locations.
    pub(crate) fn tracked(&self, number: u32) -> TrackedKeyword {
        let keyword = web::keyword(self.seeded, number / 2);
        let first = self.seeded.named("places").item(number / 2).below(4);
        let position = usize::try_from((first + number % 2) % 4).unwrap_or(0);
        let location = *LOCATIONS.get(position).unwrap_or(&UNITED_STATES);
        let seeded = self
            .seeded
            .named("tracked")
            .named(&keyword)
            .named(location.name);
        let mut tags = Vec::new();
        for tag in TAGS {
            if seeded.named("tag").named(tag).once_in(4) {
                tags.push(tag);
            }
        }
        TrackedKeyword {
            keyword,
            location,
            tags,
            seeded,
        }
    }

    pub(crate) fn competitors(&self) -> Vec<String> {
        (0..NUM_COMPETITORS)
            .map(|number| web::root_name(self.seeded.named("competitors"), number))
            .collect()
    }

    /// The project's host and its competitors.
    pub(crate) fn ranked_hosts(&self) -> Vec<String> {
        let mut hosts = vec![self.host.clone()];
        hosts.extend(self.competitors());
        hosts
    }

    /// One of its pages; no two numbers share one.
    pub(crate) fn page(&self, number: u32) -> String {
        page_of(self.seeded.named("pages"), &self.host, number)
    }
}

/// A page of a host; no two numbers share one.
pub(crate) fn page_of(seeded: Seeded, host: &str, number: u32) -> String {
    match number {
        0 => format!("https://{host}/"),
        _ => format!("https://{host}{}", web::path(seeded.item(number), number)),
    }
}
