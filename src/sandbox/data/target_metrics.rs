//! The numbers of one target that several operations show, each from the operation that it belongs to, so that all agree.

use std::sync::Arc;

use chrono::{NaiveDate, NaiveTime};

use super::table::Table;
use crate::catalog::{Catalog, ColumnKind};
use crate::sandbox::cell::Cell;
use crate::sandbox::field::Field;
use crate::sandbox::refusal::Refusal;
use crate::sandbox::request::{History, Parameters, Query};
use crate::sandbox::sections::{ApiSection, FixedRows};
use crate::sandbox::seeded::Seeded;
use crate::sandbox::web;

/// Makes the tables that metrics are read from.
pub(crate) trait MakeTable {
    /// The table of an operation for a query, not cached; `None` where the operation does not exist.
    ///
    /// # Errors
    /// If the query names something that does not exist.
    fn make_table(&self, operation: &str, query: &Query) -> Result<Option<Table>, Refusal>;

    /// The source of all data.
    fn seeded(&self) -> Seeded;
}

const LICENSE: &str = "http://ahrefs.com/legal/domain-rating-license";
/// Metrics under their names in Batch Analysis: name, operation that has it, and its column there.
const OPERATIONS_OF_METRICS: [(&str, &str, &str); 15] = [
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

/// The metrics of one target on one day.
pub(crate) struct TargetMetrics<'a> {
    tables: &'a dyn MakeTable,
    host: &'a str,
    /// Lower case; `None`: everywhere.
    country: Option<String>,
    day: NaiveDate,
    seeded: Seeded,
}

/// The answer of an operation that shows metrics of another, or counts the rows of another.
pub(crate) fn derived_section(
    tables: &dyn MakeTable,
    operation: &str,
    query: &Query,
) -> Result<Option<Arc<dyn ApiSection>>, Refusal> {
    let host = &query.host;
    let row = match operation {
        "public/domain-rating-free" => {
            let metrics = TargetMetrics::new(tables, host, None, query.today);
            let rating = metrics.cell("domain_rating")?.unwrap_or(Cell::Null);
            vec![("domain_rating", rating), ("license", Cell::text(LICENSE))]
        }
        "site-explorer/backlinks-stats" => {
            let mut row = Vec::new();
            for (name, counted, history) in [
                ("live", "site-explorer/all-backlinks", History::Live),
                ("all_time", "site-explorer/all-backlinks", History::AllTime),
                ("live_refdomains", "site-explorer/refdomains", History::Live),
                (
                    "all_time_refdomains",
                    "site-explorer/refdomains",
                    History::AllTime,
                ),
            ] {
                let count = num_rows(tables, counted, host, history, query.date)?;
                row.push((name, Cell::Int(count)));
            }
            row
        }
        _ => return Ok(None),
    };
    Ok(Some(FixedRows::section(tables.seeded(), vec![row])))
}

/// How many rows a list has in all.
fn num_rows(
    tables: &dyn MakeTable,
    operation: &str,
    host: &str,
    history: History,
    day: NaiveDate,
) -> Result<i64, Refusal> {
    let mut query = query(operation, host, None, day)?;
    query.history = history;
    query.date = day;
    match tables.make_table(operation, &query)? {
        Some(table) => Ok(i64::from(table.len())),
        None => Ok(0),
    }
}

/// A request of an operation about a host.
fn query(
    operation: &str,
    host: &str,
    country: Option<&str>,
    day: NaiveDate,
) -> Result<Query, Refusal> {
    let Some(endpoint) = Catalog::embedded().endpoint(operation) else {
        return Err(Refusal::UnknownRoute(operation.to_owned()));
    };
    let mut parameters = vec![
        ("target".to_owned(), host.to_owned()),
        ("date".to_owned(), day.to_string()),
    ];
    if let Some(country) = country {
        parameters.push(("country".to_owned(), country.to_owned()));
    }
    if endpoint.has_select()
        && let Some(column) = endpoint.columns.first()
    {
        parameters.push(("select".to_owned(), column.name.clone()));
    }
    let now = day.and_time(NaiveTime::MIN).and_utc();
    Query::read(endpoint, &Parameters(&parameters), &[], now)
}

impl<'a> TargetMetrics<'a> {
    /// The metrics of a host, in one country or everywhere.
    pub(crate) fn new(
        tables: &'a dyn MakeTable,
        host: &'a str,
        country: Option<&str>,
        day: NaiveDate,
    ) -> Self {
        let seeded = tables.seeded().named("figures").named(host);
        Self {
            tables,
            host,
            country: country.map(str::to_lowercase),
            day,
            seeded: seeded.named(country.unwrap_or("")),
        }
    }

    /// One of the columns of Batch Analysis, but for those that repeat the request; `None` where the name is unknown.
    ///
    /// # Errors
    /// If the target is malformed.
    pub(crate) fn cell(&self, name: &str) -> Result<Option<Cell>, Refusal> {
        for (known, operation, column) in OPERATIONS_OF_METRICS {
            if known == name {
                return self.cell_of(operation, column).map(Some);
            }
        }
        if let Some(number) = self.derived_number(name)? {
            return Ok(Some(Cell::Int(number)));
        }
        let seeded = self.seeded.named(name);
        Ok(match name {
            "url_rating" => Some(Cell::tenths(f64::from(seeded.skewed(1_001)))),
            "ip" if seeded.once_in(20) => Some(Cell::Null),
            "ip" => Some(Cell::text(web::address(seeded))),
            "org_traffic_top_by_country" => Some(self.traffic_by_country()?),
            _ => None,
        })
    }

    /// A number that is computed from others, or by chance alone.
    fn derived_number(&self, name: &str) -> Result<Option<i64>, Refusal> {
        let dofollow = 40 + i64::from(self.seeded.named("dofollow").below(50));
        let number = match name {
            "backlinks_dofollow" => self.percent("backlinks", dofollow)?,
            "backlinks_nofollow" => self.difference("backlinks", "backlinks_dofollow")?,
            "backlinks_redirect" => self.percent("backlinks", 3)?,
            "refdomains_dofollow" => self.percent("refdomains", dofollow)?,
            "refdomains_nofollow" => self.difference("refdomains", "refdomains_dofollow")?,
            "refips" => self.percent("refdomains", 80)?,
            "refips_subnets" => self.percent("refdomains", 60)?,
            "backlinks_internal" | "paid_ads" => self.seeded.named(name).magnitude(14),
            "org_keywords_4_10" => self.percent("keywords_beyond_3", 20)?,
            "org_keywords_11_20" => self.percent("keywords_beyond_3", 25)?,
            "org_keywords_21_50" => self.percent("keywords_beyond_3", 30)?,
            "org_keywords_51_plus" => {
                let mut left = self.number("keywords_beyond_3")?;
                for name in [
                    "org_keywords_4_10",
                    "org_keywords_11_20",
                    "org_keywords_21_50",
                ] {
                    left -= self.number(name)?;
                }
                left
            }
            "keywords_beyond_3" => self.difference("org_keywords", "org_keywords_1_3")?.max(0),
            _ => return Ok(None),
        };
        Ok(Some(number))
    }

    fn percent(&self, whole: &str, percent: i64) -> Result<i64, Refusal> {
        Ok(self.number(whole)? * percent / 100)
    }

    fn difference(&self, left: &str, right: &str) -> Result<i64, Refusal> {
        Ok(self.number(left)? - self.number(right)?)
    }

    fn number(&self, name: &str) -> Result<i64, Refusal> {
        match self.cell(name)? {
            Some(Cell::Int(value)) => Ok(value),
            _ => Ok(0),
        }
    }

    fn traffic_by_country(&self) -> Result<Cell, Refusal> {
        let traffic = self.number("org_traffic")?;
        let mut pairs = Vec::new();
        for (country, percent) in [("us", 50), ("gb", 20), ("de", 10)] {
            let share = traffic * percent / 100;
            pairs.push(Cell::json(format!(r#"["{country}",{share}]"#)));
        }
        Ok(Cell::List(pairs.into()))
    }

    /// A column of the operation that it belongs to.
    fn cell_of(&self, operation: &str, column: &str) -> Result<Cell, Refusal> {
        let country = if operation == "site-explorer/metrics" {
            self.country.as_deref()
        } else {
            None
        };
        let query = query(operation, self.host, country, self.day)?;
        let table = self.tables.make_table(operation, &query)?;
        let Some(endpoint) = Catalog::embedded().endpoint(operation) else {
            return Ok(Cell::Null);
        };
        let Some(field) = Field::of(endpoint, column) else {
            return Ok(Cell::Null);
        };
        let value = match table {
            Some(table) => table.cell(0, &field),
            None => Cell::Null,
        };
        // Batch Analysis has no nulls here.
        if value.is_null() && field.kind == ColumnKind::Integer {
            return Ok(Cell::Int(0));
        }
        Ok(value)
    }
}
