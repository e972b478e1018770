//! What happens to one request, without HTTP: who asks, how often, what it costs, what is answered.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use chrono::{DateTime, Datelike, NaiveDate, SecondsFormat, Utc};

use super::Options;
use super::batch;
use super::faults::Fault;
use super::hash::Dice;
use super::meter::Meter;
use super::page::{Conditions, Page, page};
use super::parameters::{Parameters, read_body};
use super::price;
use super::query::{History, Query, expected_rows, planted_column};
use super::quirks::Quirk;
use super::refusal::Refusal;
use super::sections::{self, Ground, Section};
use super::source::{Family, LOST_SHARE, Row, Source};
use super::table::Table;
use crate::catalog::{Catalog, ColumnKind, Endpoint, Pricing};
use crate::model::Method;

/// Bytes that all tables may hold; beyond it the table used longest ago goes. Five tables of 1,000,000 rows with all that
/// can be kept of them take half of it.
const TABLE_BYTES: usize = 768 << 20;
/// Tables kept at most.
const TABLES: usize = 64;
/// Countries that metrics-by-country lists.
const COUNTRIES: u32 = 150;

/// A request as far as the sandbox looks at it.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) raw_query: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) authorization: Option<String>,
    /// Of a POST.
    pub(super) body: Vec<u8>,
}

/// What becomes of a request.
#[derive(Debug)]
pub(super) enum Outcome {
    Answer {
        page: Page,
        price: Price,
        damage: Option<Fault>,
    },
    Refused(Refusal),
    /// A fault that strikes before anything is computed; `retry_after` belongs to an injected 429.
    Struck {
        fault: Fault,
        retry_after: bool,
    },
}

/// The price of an answer, as its headers tell it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Price {
    pub(super) per_row: u64,
    pub(super) total: u64,
    pub(super) actual: u64,
    pub(super) cache: &'static str,
}

/// A table once it was made. Its lock is held while it is made or changed: that holds up requests for this table only.
type Slot = Arc<Mutex<Option<Arc<Table>>>>;

/// All state of a sandbox.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) options: Options,
    dice: Dice,
    /// Used longest ago first.
    tables: Mutex<Vec<(String, Slot)>>,
    meter: Mutex<Meter>,
}

impl Server {
    pub(super) fn new(options: Options) -> Self {
        let meter = Meter::new(options.units, options.requests_per_minute);
        Self {
            dice: Dice::new(options.seed),
            tables: Mutex::default(),
            meter: Mutex::new(meter),
            options,
        }
    }

    pub(super) fn meter(&self) -> MutexGuard<'_, Meter> {
        self.meter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Decides what becomes of a request under `/v3`. Computes; call it where blocking is fine.
    pub(super) fn handle(&self, request: &Incoming, now: DateTime<Utc>) -> Outcome {
        let endpoint = Catalog::embedded().endpoints().find(|endpoint| {
            let method = if endpoint.method == Method::Get {
                "GET"
            } else {
                "POST"
            };
            endpoint.path == request.path && method == request.method
        });
        let number = self
            .meter()
            .count(endpoint.map(|endpoint| endpoint.name.as_str()));
        let Some(endpoint) = endpoint else {
            return Outcome::Refused(Refusal::UnknownRoute(request.path.clone()));
        };
        if let Err(refusal) = self.admit(endpoint, request) {
            return Outcome::Refused(refusal);
        }
        let dice = self.dice.of("request").at(number);
        let fault = self.options.faults.strike(dice.of("fault"));
        match fault {
            None | Some(Fault::Slow | Fault::Truncate | Fault::Garbage | Fault::Lost) => {}
            Some(fault) => {
                return Outcome::Struck {
                    fault,
                    retry_after: dice.of("retry_after").once_in(2),
                };
            }
        }
        self.answer(endpoint, request, number, fault, now)
            .unwrap_or_else(Outcome::Refused)
    }

    fn admit(&self, endpoint: &Endpoint, request: &Incoming) -> Result<(), Refusal> {
        if endpoint.needs_key {
            let authorization = request.authorization.as_deref().unwrap_or("");
            let key = authorization
                .strip_prefix("Bearer ")
                .ok_or(Refusal::Forbidden)?;
            if key.trim() != self.options.key {
                return Err(Refusal::Unauthorized);
            }
        }
        self.meter().admit(Instant::now())
    }

    fn answer(
        &self,
        endpoint: &Endpoint,
        request: &Incoming,
        number: u64,
        fault: Option<Fault>,
        now: DateTime<Utc>,
    ) -> Result<Outcome, Refusal> {
        if endpoint.name == "subscription-info/limits-and-usage" {
            let price = Price {
                per_row: 0,
                total: 0,
                actual: 0,
                cache: "no_cache",
            };
            return Ok(Outcome::Answer {
                page: self.limits_and_usage(now),
                price,
                damage: fault,
            });
        }
        if endpoint.name == batch::OPERATION {
            return batch::answer(self, endpoint, request, fault, now);
        }
        let quirks = self.options.quirks.as_slice();
        if quirks.contains(&Quirk::Plan) && endpoint.pricing != Pricing::Free {
            return Err(Refusal::Plan);
        }
        let is_post = endpoint.method == Method::Post;
        let sent = if is_post {
            read_body(endpoint, &request.body)?
        } else {
            request.query.clone()
        };
        let query = Query::read(endpoint, &Parameters(&sent), quirks, now)?;
        let table = self.table(endpoint, &query, number)?;
        let per_row = price::per_row(endpoint, &query);
        let wire = format!(
            "{}?{} {}",
            request.path,
            request.raw_query,
            String::from_utf8_lossy(&request.body)
        );
        let free = price::is_free(endpoint, &query);
        let cached = self.options.churn <= 0.0 && self.meter().is_cached(&wire, Instant::now());
        let expected = if free || cached {
            0
        } else {
            let rows = expected_rows(endpoint, &query, table.len(), self.options.row_cap);
            endpoint.units_per_request(rows, per_row)
        };
        self.meter().reserve(expected)?;
        let conditions = Conditions {
            quirks,
            row_cap: self.options.row_cap,
            request: number,
            dice: self.dice.of("request").at(number),
        };
        let page = page(endpoint, &query, &table, conditions);
        let total = endpoint.units_per_request(page.rows, per_row);
        let actual = if free || cached { 0 } else { total };
        let lost = fault.is_some_and(Fault::loses_units);
        let mut meter = self.meter();
        meter.charge(&endpoint.name, expected, page.rows, actual, lost);
        meter.stats.rows_looked_at += page.looked_at;
        if cached {
            meter.stats.cache_hits += 1;
        }
        // An answer that nobody received is not remembered: asking again costs again.
        if !lost && !free {
            meter.remember(wire, Instant::now());
        }
        drop(meter);
        let cache = if free {
            "no_cache"
        } else if cached {
            "hit"
        } else {
            "miss"
        };
        Ok(Outcome::Answer {
            page,
            price: Price {
                per_row,
                total,
                actual,
                cache,
            },
            damage: fault,
        })
    }

    /// The table that a query reads, made when first asked for, changed when churn says so.
    ///
    /// # Errors
    /// If the query names something that does not exist.
    pub(super) fn table(
        &self,
        endpoint: &Endpoint,
        query: &Query,
        number: u64,
    ) -> Result<Arc<Table>, Refusal> {
        let name = table_name(endpoint, query, self.options.living);
        let slot = self.slot(&name);
        let table = {
            let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
            let mut table = match slot.take() {
                Some(table) => table,
                None => Arc::new(self.new_table(endpoint, query, &name)?),
            };
            let dice = self.dice.of("churn").at(number);
            if endpoint.parameter("limit").is_some() && dice.happens(self.options.churn) {
                table = Arc::new(table.churned(dice));
            }
            Arc::clone(slot.insert(table))
        };
        // What churn changed cannot be made again.
        if self.options.churn <= 0.0 {
            self.evict();
        }
        Ok(table)
    }

    fn slot(&self, name: &str) -> Slot {
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        let known = tables
            .iter()
            .position(|(known, _)| known == name)
            .map(|position| tables.remove(position).1);
        let slot = known.unwrap_or_default();
        tables.push((name.to_owned(), Arc::clone(&slot)));
        slot
    }

    /// Forgets tables used longest ago until the others fit; a request that still reads one keeps it as long.
    fn evict(&self) {
        // A table that is being made counts nothing yet, and is not waited for.
        let bytes = |slot: &Slot| {
            slot.try_lock()
                .map_or(0, |slot| slot.as_ref().map_or(0, |table| table.bytes()))
        };
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        let mut held: usize = tables.iter().map(|(_, slot)| bytes(slot)).sum();
        while tables.len() > 1 && (tables.len() > TABLES || held > TABLE_BYTES) {
            let (_, oldest) = tables.remove(0);
            held = held.saturating_sub(bytes(&oldest));
        }
    }

    /// A table that nobody will ask for again.
    pub(super) fn unkept_table(
        &self,
        operation: &str,
        query: &Query,
    ) -> Result<Option<Table>, Refusal> {
        let Some(endpoint) = Catalog::embedded().endpoint(operation) else {
            return Ok(None);
        };
        let name = table_name(endpoint, query, self.options.living);
        self.new_table(endpoint, query, &name).map(Some)
    }

    pub(super) fn dice(&self) -> Dice {
        self.dice
    }

    fn section(
        &self,
        endpoint: &Endpoint,
        query: &Query,
    ) -> Result<Option<Arc<dyn Section>>, Refusal> {
        let figured = self.figured(&endpoint.name, query)?;
        if figured.is_some() || endpoint.section() == "site-explorer" {
            return Ok(figured);
        }
        sections::section(self.ground(query), endpoint, query).map(Some)
    }

    fn ground(&self, query: &Query) -> Ground {
        let rows = u32::try_from(self.options.rows).unwrap_or(u32::MAX);
        Ground {
            dice: self.dice,
            rows,
            living: self.options.living,
            today: query.today,
        }
    }

    fn new_table(&self, endpoint: &Endpoint, query: &Query, name: &str) -> Result<Table, Refusal> {
        let family = Family::of(endpoint);
        let section = self.section(endpoint, query)?;
        let rows = match family {
            Family::Section => section.as_ref().map_or(0, |section| section.rows()),
            Family::Record => 1,
            Family::Countries => COUNTRIES,
            Family::History => u32::try_from(query.days.len()).unwrap_or(u32::MAX),
            _ => u32::try_from(self.options.rows).unwrap_or(u32::MAX),
        };
        let has_history = endpoint.parameter("history").is_some();
        let lead = lead(endpoint);
        let mut planted_null = Vec::new();
        if let (true, Some(lead)) = (self.options.quirks.contains(&Quirk::NullKeys), &lead) {
            planted_null.push((lead.clone(), 50));
        }
        let planted = planted_column(endpoint)
            .filter(|_| self.options.quirks.contains(&Quirk::NullInNonNullable));
        planted_null.extend(planted.map(|column| (column.to_owned(), 20)));
        // What is shown of a table (history, a history's dates) must not change its rows: they hang on the rest alone.
        let salt = match family {
            Family::Record | Family::Countries => name.to_owned(),
            _ => format!("{} {} {:?}", endpoint.name, query.host, query.country),
        };
        let host = match family {
            Family::Section if query.host.is_empty() => sections::host(self.ground(query), query),
            _ => query.host.clone(),
        };
        let salt = if family == Family::Section {
            format!("{} {host}", endpoint.section())
        } else {
            salt
        };
        let corrects = self.options.living && family == Family::History;
        let source = Arc::new(Source {
            family,
            host,
            compared: query.compared.is_some(),
            country: query.country.clone(),
            rows,
            listed: u32::try_from(self.options.rows).unwrap_or(u32::MAX),
            has_history,
            ties: self.options.ties,
            lead,
            living_until: self.is_living(endpoint).then(|| end_of(query.date)),
            wide_groups: self.options.quirks.contains(&Quirk::WideGroups),
            planted_null,
            corrected_on: corrects.then(|| day_number(query.today)).flatten(),
            section,
            dice: self.dice.of(&salt),
        });
        Ok(Table::new(
            Arc::clone(&source),
            self.rows(endpoint, query, &source),
        ))
    }

    /// The rows that a table starts with.
    fn rows(&self, endpoint: &Endpoint, query: &Query, source: &Source) -> Vec<Row> {
        let (rows, has_history) = (source.rows, source.has_history);
        let total = if has_history && query.history != History::Live {
            rows + rows / LOST_SHARE
        } else {
            rows
        };
        let row = |number| Row { number, epoch: 0 };
        if let Some(section) = &source.section {
            return (0..section.rows())
                .filter(|number| section.has(*number))
                .map(row)
                .collect();
        }
        match query.history {
            // Numbered by day, so that overlapping ranges agree.
            _ if source.family == Family::History => query.days.iter().copied().map(row).collect(),
            History::Since(date) => (0..total)
                .chain(source.born())
                .map(row)
                .filter(|row| source.is_seen_since(*row, date))
                .collect(),
            History::Live if self.is_living(endpoint) => (0..total)
                .chain(source.born())
                .map(row)
                .filter(|row| source.is_live(*row))
                .collect(),
            _ => (0..total).chain(source.born()).map(row).collect(),
        }
    }

    /// Whether rows of an operation come and go from day to day.
    fn is_living(&self, endpoint: &Endpoint) -> bool {
        self.options.living && endpoint.parameter("history").is_some()
    }

    fn limits_and_usage(&self, now: DateTime<Utc>) -> Page {
        let (used, limit) = {
            let meter = self.meter();
            (meter.used(), meter.limit())
        };
        let (year, month) = if now.month() == 12 {
            (now.year() + 1, 1)
        } else {
            (now.year(), now.month() + 1)
        };
        let reset = NaiveDate::from_ymd_opt(year, month, 1).unwrap_or_default();
        let expires = now.checked_add_days(chrono::Days::new(300)).unwrap_or(now);
        let body = serde_json::json!({"limits_and_usage": {
            "subscription": "Sandbox, billed never",
            "usage_reset_date": format!("{reset}T00:00:00Z"),
            "units_limit_workspace": limit,
            "units_usage_workspace": used,
            "units_limit_api_key": null,
            "units_usage_api_key": used,
            "api_key_expiration_date": expires.to_rfc3339_opts(SecondsFormat::Secs, true),
        }});
        Page {
            rows: 1,
            looked_at: 0,
            body: body.to_string().into_bytes(),
        }
    }
}

/// What makes two queries read the same table.
fn table_name(endpoint: &Endpoint, query: &Query, is_living: bool) -> String {
    let family = Family::of(endpoint);
    if family == Family::Section {
        let mut of_view = vec![
            "select",
            "order_by",
            "order_direction",
            "limit",
            "offset",
            "output",
            "timeout",
        ];
        if query.filters_rows {
            of_view.push("where");
        }
        return format!(
            "{} {} {}",
            endpoint.name,
            query.values.without(&of_view),
            query.today
        );
    }
    let date = match family {
        Family::Record | Family::Countries => query.date.to_string(),
        _ if is_living => query.date.to_string(),
        _ => String::new(),
    };
    let days = (query.days.first(), query.days.last(), query.days.len());
    format!(
        "{} {} {:?} {} {:?} {days:?} {date}",
        endpoint.name,
        query.host,
        query.country,
        query.compared.is_some(),
        query.history
    )
}

/// Days since 1970-01-01.
fn day_number(day: NaiveDate) -> Option<u32> {
    u32::try_from(day.signed_duration_since(NaiveDate::default()).num_days()).ok()
}

/// The first second after a day.
fn end_of(day: NaiveDate) -> i64 {
    day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp() + 86_400
}

/// The column that rows of a list are paged by first: the catalog's, else the first well-known date-time.
fn lead(endpoint: &Endpoint) -> Option<String> {
    endpoint.parameter("limit")?;
    let known = |name: &&&str| endpoint.column(name).is_some();
    let well_known = ["first_seen_link", "first_seen", "last_update"];
    let well_known = if endpoint.section() == "site-explorer" {
        &well_known[..]
    } else {
        &[]
    };
    let fallback = || well_known.iter().find(known).map(|name| (*name).to_owned());
    let first = endpoint
        .order_key
        .first()
        .and_then(|name| endpoint.column(name));
    let first =
        first.filter(|column| matches!(column.kind, ColumnKind::DateTime | ColumnKind::Integer));
    first.map(|column| column.name.clone()).or_else(fallback)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_is_being_made_holds_up_no_other() {
        let server = Server::new(Options {
            rows: 100,
            ..Options::default()
        });
        let slot = server.slot("a table that takes long");
        let _being_made = slot.lock().unwrap();
        let query = [("target", "acme.com"), ("select", "anchor")];
        let request = Incoming {
            method: "GET".to_owned(),
            path: "/v3/site-explorer/all-backlinks".to_owned(),
            raw_query: String::new(),
            body: Vec::new(),
            query: query
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            authorization: Some(format!("Bearer {}", server.options.key)),
        };
        let outcome = server.handle(&request, Utc::now());
        assert!(matches!(outcome, Outcome::Answer { page, .. } if page.rows > 0));
    }

    #[test]
    fn tables_used_longest_ago_go_when_there_are_too_many() {
        let server = Server::new(Options {
            rows: 10,
            ..Options::default()
        });
        let endpoint = Catalog::embedded()
            .endpoint("site-explorer/anchors")
            .unwrap();
        for number in 0..=TABLES {
            let target = ("target".to_owned(), format!("acme{number}.com"));
            let parameters = [target, ("select".to_owned(), "anchor".to_owned())];
            let query = Query::read(endpoint, &Parameters(&parameters), &[], Utc::now()).unwrap();
            server.table(endpoint, &query, 1).unwrap();
        }
        let tables = server.tables.lock().unwrap();
        assert!(
            tables.len() == TABLES && tables[0].0.contains("acme1.com"),
            "{}",
            tables[0].0
        );
    }
}
