//! The numbers of one target that several operations show, each from the operation that it belongs to, so that all agree.

use std::sync::Arc;

use chrono::NaiveDate;

use super::cell::Cell;
use super::hash::Dice;
use super::parameters::Parameters;
use super::query::{History, Query};
use super::refusal::Refusal;
use super::sections::{Given, Section};
use super::server::Server;
use super::source::Field;
use crate::catalog::{Catalog, ColumnKind};

const LICENSE: &str = "http://ahrefs.com/legal/domain-rating-license";
/// Figures under the name that Batch Analysis gives them: name, operation, and its column.
const OWNERS: [(&str, &str, &str); 15] = [
    (
        "domain_rating",
        "site-explorer/domain-rating",
        "domain_rating",
    ),
    ("ahrefs_rank", "site-explorer/domain-rating", "ahrefs_rank"),
    ("org_keywords", "site-explorer/metrics", "org_keywords"),
    (
        "org_keywords_1_3",
        "site-explorer/metrics",
        "org_keywords_1_3",
    ),
    ("org_traffic", "site-explorer/metrics", "org_traffic"),
    ("org_cost", "site-explorer/metrics", "org_cost"),
    ("paid_keywords", "site-explorer/metrics", "paid_keywords"),
    ("paid_traffic", "site-explorer/metrics", "paid_traffic"),
    ("paid_cost", "site-explorer/metrics", "paid_cost"),
    ("backlinks", "site-explorer/backlinks-stats", "live"),
    (
        "refdomains",
        "site-explorer/backlinks-stats",
        "live_refdomains",
    ),
    (
        "linked_domains",
        "site-explorer/outlinks-stats",
        "linked_domains",
    ),
    (
        "linked_domains_dofollow",
        "site-explorer/outlinks-stats",
        "linked_domains_dofollow",
    ),
    (
        "outgoing_links",
        "site-explorer/outlinks-stats",
        "outgoing_links",
    ),
    (
        "outgoing_links_dofollow",
        "site-explorer/outlinks-stats",
        "outgoing_links_dofollow",
    ),
];

/// The figures of one target on one day.
#[derive(Debug)]
pub(super) struct Figures<'a> {
    server: &'a Server,
    host: String,
    country: Option<String>,
    day: NaiveDate,
    dice: Dice,
}

impl Server {
    /// The figures of a host, in one country or everywhere.
    pub(super) fn figures(&self, host: &str, country: Option<&str>, day: NaiveDate) -> Figures<'_> {
        let dice = self.dice().of("figures").of(host).of(country.unwrap_or(""));
        Figures {
            server: self,
            host: host.to_owned(),
            country: country.map(str::to_lowercase),
            day,
            dice,
        }
    }

    /// The answer of an operation that shows figures of another, or counts the rows of another.
    pub(super) fn figured(
        &self,
        name: &str,
        query: &Query,
    ) -> Result<Option<Arc<dyn Section>>, Refusal> {
        let row = match name {
            "public/domain-rating-free" => {
                let rating = self
                    .figures(&query.host, None, query.today)
                    .cell("domain_rating")?;
                vec![
                    ("domain_rating", rating.unwrap_or(Cell::Null)),
                    ("license", Cell::text(LICENSE)),
                ]
            }
            "site-explorer/backlinks-stats" => {
                let count =
                    |operation, history| self.count(operation, &query.host, history, query.date);
                vec![
                    ("live", count("site-explorer/all-backlinks", History::Live)?),
                    (
                        "all_time",
                        count("site-explorer/all-backlinks", History::AllTime)?,
                    ),
                    (
                        "live_refdomains",
                        count("site-explorer/refdomains", History::Live)?,
                    ),
                    (
                        "all_time_refdomains",
                        count("site-explorer/refdomains", History::AllTime)?,
                    ),
                ]
            }
            _ => return Ok(None),
        };
        Ok(Some(Given::of(self.dice(), vec![row])))
    }

    /// How many rows a list has in all.
    fn count(
        &self,
        operation: &str,
        host: &str,
        history: History,
        day: NaiveDate,
    ) -> Result<Cell, Refusal> {
        let mut query = query(operation, host, None, day)?;
        query.history = history;
        query.date = day;
        let table = self.unkept_table(operation, &query)?;
        Ok(Cell::Int(table.map_or(0, |table| i64::from(table.len()))))
    }
}

/// What an operation would be asked about a host.
fn query(
    operation: &str,
    host: &str,
    country: Option<&str>,
    day: NaiveDate,
) -> Result<Query, Refusal> {
    let day_text = day.to_string();
    let mut parameters = vec![("target".to_owned(), host.to_owned())];
    let Some(endpoint) = Catalog::embedded().endpoint(operation) else {
        return Err(Refusal::UnknownRoute(operation.to_owned()));
    };
    for (name, value) in [("date", Some(day_text.as_str())), ("country", country)] {
        parameters.extend(value.map(|value| (name.to_owned(), value.to_owned())));
    }
    if let Some(first) = endpoint.columns.first().filter(|_| endpoint.has_select()) {
        parameters.push(("select".to_owned(), first.name.clone()));
    }
    let end = day.and_time(chrono::NaiveTime::MIN).and_utc();
    Query::read(endpoint, &Parameters(&parameters), &[], end)
}

impl Figures<'_> {
    /// One of Batch Analysis' numbers, but for those that say what was asked; `None` where the name is no number.
    ///
    /// # Errors
    /// If the target is malformed.
    pub(super) fn cell(&self, name: &str) -> Result<Option<Cell>, Refusal> {
        if let Some((_, operation, column)) = OWNERS.iter().find(|(known, ..)| *known == name) {
            return self.owned(operation, column).map(Some);
        }
        let share = |whole: &str, share: i64| -> Result<Option<Cell>, Refusal> {
            let whole = self.int(whole)?;
            Ok(Some(Cell::Int(whole * share / 100)))
        };
        let follow = 40 + i64::from(self.dice.of("dofollow").below(50));
        match name {
            "backlinks_dofollow" => share("backlinks", follow),
            "backlinks_nofollow" => Ok(Some(Cell::Int(
                self.int("backlinks")? - self.int("backlinks_dofollow")?,
            ))),
            "backlinks_redirect" => share("backlinks", 3),
            "refdomains_dofollow" => share("refdomains", follow),
            "refdomains_nofollow" => Ok(Some(Cell::Int(
                self.int("refdomains")? - self.int("refdomains_dofollow")?,
            ))),
            "refips" => share("refdomains", 80),
            "refips_subnets" => share("refdomains", 60),
            "backlinks_internal" | "paid_ads" => {
                Ok(Some(Cell::Int(self.dice.of(name).magnitude(14))))
            }
            "org_keywords_4_10" => share("keywords_beyond_3", 20),
            "org_keywords_11_20" => share("keywords_beyond_3", 25),
            "org_keywords_21_50" => share("keywords_beyond_3", 30),
            "org_keywords_51_plus" => {
                let others = [
                    "org_keywords_4_10",
                    "org_keywords_11_20",
                    "org_keywords_21_50",
                ];
                let others = others
                    .iter()
                    .map(|name| self.int(name))
                    .sum::<Result<i64, _>>()?;
                Ok(Some(Cell::Int(self.int("keywords_beyond_3")? - others)))
            }
            "keywords_beyond_3" => {
                let beyond = self.int("org_keywords")? - self.int("org_keywords_1_3")?;
                Ok(Some(Cell::Int(beyond.max(0))))
            }
            "url_rating" => {
                let tenths = self.dice.of(name).skewed(1_001);
                Ok(Some(Cell::Float {
                    value: f64::from(tenths) / 10.0,
                    bare: false,
                }))
            }
            "ip" if self.dice.of(name).once_in(20) => Ok(Some(Cell::Null)),
            "ip" => Ok(Some(Cell::text(super::web::address(self.dice.of(name))))),
            "org_traffic_top_by_country" => {
                let traffic = self.int("org_traffic")?;
                let pair = |(country, share): (&str, i64)| {
                    Cell::Json(format!(r#"["{country}",{}]"#, traffic * share / 100).into())
                };
                Ok(Some(Cell::List(
                    [("us", 50), ("gb", 20), ("de", 10)].map(pair).into(),
                )))
            }
            _ => Ok(None),
        }
    }

    fn int(&self, name: &str) -> Result<i64, Refusal> {
        Ok(if let Some(Cell::Int(value)) = self.cell(name)? {
            value
        } else {
            0
        })
    }

    fn owned(&self, operation: &str, column: &str) -> Result<Cell, Refusal> {
        let country = self
            .country
            .as_deref()
            .filter(|_| operation == "site-explorer/metrics");
        let query = query(operation, &self.host, country, self.day)?;
        let table = self.server.unkept_table(operation, &query)?;
        let field = Catalog::embedded()
            .endpoint(operation)
            .and_then(|endpoint| Field::of(endpoint, column));
        let value = table
            .zip(field.as_ref())
            .map_or(Cell::Null, |(table, field)| table.cell(0, field));
        // Batch Analysis has no nulls here.
        let is_number = field.is_some_and(|field| field.kind == ColumnKind::Integer);
        Ok(if value.is_null() && is_number {
            Cell::Int(0)
        } else {
            value
        })
    }
}
