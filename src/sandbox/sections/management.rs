//! Management: what the workspace holds; and the few public lists.

use std::sync::Arc;

use super::workspace::{FIRST_PROJECT, Project, REPORTS, Workspace, keyword_list};
use super::{Given, Ground, Section, countries};
use crate::catalog::Endpoint;
use crate::sandbox::cell::{Cell, write_text};
use crate::sandbox::query::Query;
use crate::sandbox::refusal::Refusal;
use crate::sandbox::web;

/// 2024-03-01, when the first report was made.
const FIRST_REPORT: i64 = 19_783;
/// Prompts of the user's own in each report.
const PROMPTS: u32 = 30;

pub(super) fn section(
    ground: Ground,
    endpoint: &Endpoint,
    query: &Query,
) -> Result<Arc<dyn Section>, Refusal> {
    let workspace = Workspace::new(ground);
    let project = || workspace.project(query.values.get("project_id").unwrap_or(""));
    let dice = ground.dice.of(&endpoint.name);
    let rows: Vec<Vec<(&'static str, Cell)>> = match endpoint.short_name() {
        "projects" => projects(workspace, query),
        "project-keywords" => {
            let project = project()?;
            (0..project.keywords)
                .map(|number| tracked(&project, number))
                .collect()
        }
        "project-competitors" => {
            let hosts = project()?.competitors().into_iter();
            hosts
                .map(|host| {
                    vec![
                        ("url", Cell::text(format!("https://{host}/"))),
                        ("mode", Cell::text("subdomains")),
                    ]
                })
                .collect()
        }
        "keyword-list-keywords" => {
            let keywords = keyword_list(ground, query.values.get("keyword_list_id").unwrap_or(""));
            keywords
                .into_iter()
                .map(|keyword| vec![("keyword", Cell::text(keyword))])
                .collect()
        }
        "locations" => vec![location(query)],
        "brand-radar-prompts" => {
            let id = query.values.get("report_id").unwrap_or("");
            if !REPORTS.iter().any(|(known, ..)| *known == id) {
                return Err(Refusal::UnknownId {
                    what: "report",
                    id: id.to_owned(),
                });
            }
            let dice = dice.of(id);
            let prompt = |number: u32| {
                let dice = dice.at(u64::from(number));
                vec![
                    (
                        "prompt",
                        Cell::text(format!("{}?", web::keyword(dice, number))),
                    ),
                    ("country", Cell::text(web::country(dice.of("country")))),
                    (
                        "created_at",
                        Cell::Date {
                            days: FIRST_REPORT + i64::from(number),
                            midnight: false,
                        },
                    ),
                ]
            };
            (0..PROMPTS).map(prompt).collect()
        }
        _ => reports(),
    };
    Ok(Given::of(dice, rows))
}

fn projects(workspace: Workspace, query: &Query) -> Vec<Vec<(&'static str, Cell)>> {
    let is = |name: &str, value: &str| query.values.get(name).is_none_or(|wanted| wanted == value);
    let row = |project: Project| {
        let is_shared = project.dice.of("access").once_in(2);
        let access = if is_shared { "shared" } else { "private" };
        let owner = "owner@example.com";
        let wanted = is("access", access)
            && is("owned_by", owner)
            && is("project_id", &project.id.to_string())
            && is(
                "has_keywords",
                if project.keywords > 0 {
                    "true"
                } else {
                    "false"
                },
            );
        let folder = if project.id == FIRST_PROJECT {
            Cell::Null
        } else {
            Cell::Json(r#"{"id":7,"name":"Clients"}"#.into())
        };
        wanted.then(|| {
            vec![
                ("project_id", Cell::text(project.id.to_string())),
                ("project_name", Cell::text(project.host.as_str())),
                ("url", Cell::text(format!("https://{}/", project.host))),
                ("mode", Cell::text("subdomains")),
                ("protocol", Cell::text("both")),
                ("access", Cell::text(access)),
                ("owned_by", Cell::text(owner)),
                ("keyword_count", Cell::Int(i64::from(project.keywords))),
                ("folder", folder),
            ]
        })
    };
    workspace.projects().into_iter().filter_map(row).collect()
}

fn tracked(project: &Project, number: u32) -> Vec<(&'static str, Cell)> {
    let tracked = project.tracked(number);
    vec![
        ("keyword", Cell::text(tracked.keyword)),
        ("location", Cell::text(tracked.location)),
        ("location_id", Cell::Int(i64::from(tracked.location_id))),
        ("language", Cell::text(tracked.language)),
        ("language_code", Cell::text(tracked.language_code)),
        (
            "tags",
            Cell::List(tracked.tags.into_iter().map(Cell::text).collect()),
        ),
    ]
}

fn location(query: &Query) -> Vec<(&'static str, Cell)> {
    let country = query.values.get("country_code").unwrap_or("us");
    let pair = |id: u32, name: &str| {
        let mut json = format!("[{id},").into_bytes();
        write_text(name, &mut json);
        json.push(b']');
        Cell::Json(String::from_utf8_lossy(&json).into())
    };
    let place = countries()
        .iter()
        .position(|known| known == country)
        .and_then(|place| u32::try_from(place).ok());
    let first = 2_000 + place.unwrap_or(0) * 10;
    let state = query.values.get("us_state").unwrap_or("");
    let names =
        ["whole country", "capital", "second city"].map(|name| format!("{country} {state} {name}"));
    let locations = names.iter().zip(first..).map(|(name, id)| pair(id, name));
    let language =
        |(code, name): (&str, &str)| Cell::Json(format!(r#"["{code}","{name}"]"#).into());
    vec![
        ("country_code", Cell::text(country)),
        ("locations", Cell::List(locations.collect())),
        (
            "languages",
            Cell::List([("en", "English"), ("de", "German")].map(language).into()),
        ),
    ]
}

fn reports() -> Vec<Vec<(&'static str, Cell)>> {
    let row = |((id, name, project), days): ((&str, &str, u32), i64)| {
        let frequency = Cell::Json(r#"{"data_source":"chatgpt","frequency":"weekly"}"#.into());
        vec![
            ("report_id", Cell::text(id)),
            ("report_name", Cell::text(name)),
            ("project_id", Cell::Int(i64::from(project))),
            (
                "created_at",
                Cell::Date {
                    days,
                    midnight: false,
                },
            ),
            ("prompts_frequency", Cell::List([frequency].into())),
        ]
    };
    REPORTS
        .iter()
        .copied()
        .zip(FIRST_REPORT..)
        .map(row)
        .collect()
}

/// What needs no project: the crawler's addresses and the strongest domains. The rating of one domain is a figure of it.
pub(super) fn public(ground: Ground, endpoint: &Endpoint, query: &Query) -> Arc<dyn Section> {
    let dice = ground.dice.of("public");
    let rows: Vec<Vec<(&'static str, Cell)>> = match endpoint.short_name() {
        "crawler-ips" => (0..120)
            .map(|number| vec![("ip_address", Cell::text(web::address(dice.at(number))))])
            .collect(),
        "crawler-ip-ranges" => {
            let range = |number: u32| format!("5.39.{number}.0/24");
            (1..40)
                .map(|number| vec![("ipv4Prefix", Cell::text(range(number)))])
                .collect()
        }
        "domain-rating-top-domains" => {
            let rank = |name: &str, default| {
                query
                    .values
                    .get(name)
                    .and_then(|rank| rank.parse().ok())
                    .unwrap_or(default)
            };
            let (from, to) = (rank("from", 1_u32).max(1), rank("to", 100_u32));
            // The hundred strongest differ by a tenth now and then; after them it goes down slowly.
            let rating = |rank: u32| f64::from(1_000 - rank.ilog2() * 10 - rank / 50) / 10.0;
            let row = |rank: u32| {
                vec![
                    ("rank", Cell::Int(i64::from(rank))),
                    ("domain", Cell::text(web::root_name(dice, rank))),
                    (
                        "domain_rating",
                        Cell::Float {
                            value: rating(rank.min(20_000)),
                            bare: false,
                        },
                    ),
                ]
            };
            (from..=to.min(from.saturating_add(9_999)))
                .map(row)
                .collect()
        }
        _ => Vec::new(),
    };
    Given::of(dice, rows)
}
