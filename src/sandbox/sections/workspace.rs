//! The workspace that the sandbox makes up: projects with their keywords and competitors, keyword lists, reports,
//! channels. Ids do not hang on the seed, so that a configuration can name them.

use super::Ground;
use crate::sandbox::hash::Dice;
use crate::sandbox::refusal::Refusal;
use crate::sandbox::web;

/// Projects; their ids count up from [`FIRST_PROJECT`], the last has no keywords.
const PROJECTS: u32 = 6;
pub(super) const FIRST_PROJECT: u32 = 1001;
/// Portfolios; their ids count up from this.
const FIRST_PORTFOLIO: u32 = 301;
const PORTFOLIOS: u32 = 2;
const COMPETITORS: u32 = 4;
/// Brand Radar's reports: id, name, project.
pub(super) const REPORTS: [(&str, &str, u32); 3] = [
    ("6f1d8c1e-0001", "Acme worldwide", FIRST_PROJECT),
    ("6f1d8c1e-0002", "Acme and rivals", FIRST_PROJECT),
    ("6f1d8c1e-0003", "Second brand", FIRST_PROJECT + 1),
];
/// Where keywords are tracked: country, location, its id, language, its code.
const PLACES: [(&str, &str, u32, &str, &str); 4] = [
    ("US", "United States", 2840, "English", "en"),
    ("GB", "United Kingdom", 2826, "English", "en"),
    ("DE", "Berlin, Germany", 1_003_854, "German", "de"),
    ("JP", "Japan", 2392, "Japanese", "ja"),
];
const TAGS: [&str; 4] = ["brand", "summer sale", "Größe", "tier-1"];

/// Everything that is the user's own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Workspace {
    ground: Ground,
}

/// One project.
#[derive(Debug, Clone)]
pub(super) struct Project {
    pub(super) id: u32,
    pub(super) host: String,
    pub(super) dice: Dice,
    /// Tracked keywords, each with its place.
    pub(super) keywords: u32,
    /// Pages that Site Audit knows.
    pub(super) pages: u32,
}

/// A keyword as a project tracks it.
#[derive(Debug, Clone)]
pub(super) struct Tracked {
    pub(super) keyword: String,
    /// Upper case.
    pub(super) country: &'static str,
    pub(super) location: &'static str,
    pub(super) location_id: u32,
    pub(super) language: &'static str,
    pub(super) language_code: &'static str,
    pub(super) tags: Vec<&'static str>,
    pub(super) dice: Dice,
}

impl Workspace {
    pub(super) fn new(ground: Ground) -> Self {
        Self { ground }
    }

    pub(super) fn projects(self) -> Vec<Project> {
        (0..PROJECTS).map(|place| self.nth(place)).collect()
    }

    fn nth(self, place: u32) -> Project {
        let dice = self.ground.dice.of("project").at(u64::from(place));
        let host = if place == 0 {
            "acme.com".to_owned()
        } else {
            web::root_name(dice, place)
        };
        let pages = (self.ground.rows / (place + 1)).max(1);
        let keywords = if place + 1 == PROJECTS { 0 } else { pages };
        Project {
            id: FIRST_PROJECT + place,
            host,
            dice,
            keywords,
            pages,
        }
    }

    /// The project of an id.
    pub(super) fn project(self, id: &str) -> Result<Project, Refusal> {
        let found = self
            .projects()
            .into_iter()
            .find(|project| project.id.to_string() == id);
        found.ok_or_else(|| Refusal::UnknownId {
            what: "project",
            id: id.to_owned(),
        })
    }

    /// The project that a request names, or the first of the portfolio.
    pub(super) fn project_or_portfolio(
        self,
        project: Option<&str>,
        portfolio: Option<&str>,
    ) -> Result<Project, Refusal> {
        match (project, portfolio) {
            (Some(id), _) => self.project(id),
            (None, Some(id)) => {
                let place =
                    (0..PORTFOLIOS).find(|place| (FIRST_PORTFOLIO + place).to_string() == id);
                let unknown = || Refusal::UnknownId {
                    what: "portfolio",
                    id: id.to_owned(),
                };
                let project = self.nth(place.ok_or_else(unknown)?);
                Ok(Project {
                    dice: project.dice.of("portfolio"),
                    ..project
                })
            }
            (None, None) => Err(Refusal::MissingArgument("project_id".to_owned())),
        }
    }
}

/// The keywords that a list holds; every id is a list.
pub(super) fn keyword_list(ground: Ground, id: &str) -> Vec<String> {
    let dice = ground.dice.of("keyword list").of(id);
    (0..10 + dice.below(30))
        .map(|number| web::keyword(dice, number))
        .collect()
}

impl Project {
    /// One of its keywords; each second one is tracked in two places.
    pub(super) fn tracked(&self, number: u32) -> Tracked {
        let keyword = web::keyword(self.dice, number / 2);
        let first = self.dice.of("places").at(u64::from(number / 2)).below(4);
        let place = usize::try_from((first + number % 2) % 4).unwrap_or(0);
        let (country, location, location_id, language, language_code) =
            PLACES.get(place).copied().unwrap_or(PLACES[0]);
        let dice = self.dice.of("tracked").of(&keyword).of(location);
        let tags = TAGS
            .iter()
            .copied()
            .filter(|tag| dice.of("tag").of(tag).once_in(4))
            .collect();
        Tracked {
            keyword,
            country,
            location,
            location_id,
            language,
            language_code,
            tags,
            dice,
        }
    }

    pub(super) fn competitors(&self) -> Vec<String> {
        (0..COMPETITORS)
            .map(|number| web::root_name(self.dice.of("competitors"), number))
            .collect()
    }

    /// One of its pages; no two numbers share one.
    pub(super) fn page(&self, number: u32) -> String {
        page_of(self.dice.of("pages"), &self.host, number)
    }
}

/// A page of a host; no two numbers share one.
pub(super) fn page_of(dice: Dice, host: &str, number: u32) -> String {
    match number {
        0 => format!("https://{host}/"),
        _ => format!(
            "https://{host}{}",
            web::path(dice.at(u64::from(number)), number)
        ),
    }
}
