//! Makes tables: which rows an operation has for a query, and what they are computed from.

use std::sync::Arc;

use super::daily_churn::DailyChurn;
use super::family::{Family, LOST_SHARE, Row};
use super::source::Source;
use super::table::Table;
use super::target_metrics::{MakeTable, derived_section};
use crate::catalog::{Catalog, ColumnKind, Endpoint};
use crate::sandbox::calendar::{DAY_SECONDS, day_row, start_of};
use crate::sandbox::options::Options;
use crate::sandbox::quirks::Quirk;
use crate::sandbox::refusal::Refusal;
use crate::sandbox::request::{History, Query, tampered_column};
use crate::sandbox::sections::{ApiSection, SectionSeed, section, section_host};
use crate::sandbox::seeded::Seeded;

/// Countries that metrics-by-country lists.
const NUM_COUNTRIES: u32 = 150;
/// With the quirk `null_keys`, one row in so many has a null in its leading key.
const NULL_KEY_SHARE: u32 = 50;
/// With the quirk `null_in_non_nullable`, one row in so many has one.
const NULL_VALUE_SHARE: u32 = 20;
/// Parameters that choose what is shown of a table.
const VIEW_PARAMETERS: [&str; 7] = [
    "select",
    "order_by",
    "order_direction",
    "limit",
    "offset",
    "output",
    "timeout",
];
/// Date-times that lists are paged by where the catalog names no key.
const WELL_KNOWN_LEADS: [&str; 3] = ["first_seen_link", "first_seen", "last_update"];

/// Makes tables from the options and the seed alone.
#[derive(Debug)]
pub(crate) struct TableFactory {
    options: Arc<Options>,
    seeded: Seeded,
}

impl MakeTable for TableFactory {
    fn make_table(&self, operation: &str, query: &Query) -> Result<Option<Table>, Refusal> {
        let Some(endpoint) = Catalog::embedded().endpoint(operation) else {
            return Ok(None);
        };
        self.table(endpoint, query).map(Some)
    }

    fn seeded(&self) -> Seeded {
        self.seeded
    }
}

impl TableFactory {
    pub(crate) fn new(options: Arc<Options>) -> Self {
        Self {
            seeded: Seeded::new(options.seed),
            options,
        }
    }

    /// The table of an operation for a query, as it is before any churn.
    ///
    /// # Errors
    /// If the query names something that does not exist.
    pub(crate) fn table(&self, endpoint: &Endpoint, query: &Query) -> Result<Table, Refusal> {
        let source = self.source(endpoint, query)?;
        let rows = initial_rows(query, &source);
        Ok(Table::new(Arc::new(source), rows))
    }

    fn source(&self, endpoint: &Endpoint, query: &Query) -> Result<Source, Refusal> {
        let family = Family::of(endpoint);
        let section = self.section(endpoint, query)?;
        let rows = self.num_rows(family, section.as_deref(), query);
        let host = if family == Family::Section && query.host.is_empty() {
            section_host(self.section_seed(query), query)
        } else {
            query.host.clone()
        };
        let salt = self.salt(family, endpoint, query, &host);
        let has_history = endpoint.parameter("history").is_some();
        let daily_churn = self.options.daily_churn;
        Ok(Source {
            family,
            host,
            has_comparison: query.date_compared.is_some(),
            country: query.country.clone(),
            rows,
            listed: self.options.num_rows(),
            has_history,
            ties: self.options.ties,
            lead: lead(endpoint),
            wide_groups: self.options.has(Quirk::WideGroups),
            churn: (daily_churn && has_history).then(|| DailyChurn {
                rows,
                end: start_of(query.date) + DAY_SECONDS,
            }),
            corrected_on: if daily_churn && family == Family::History {
                day_row(query.today)
            } else {
                None
            },
            section,
            injected_nulls: self.injected_nulls(endpoint),
            seeded: self.seeded.named(&salt),
        })
    }

    /// What the rows of a table are derived from. What is shown of a table (history, a history's dates) must not change its
    /// rows: they depend on the rest alone.
    fn salt(&self, family: Family, endpoint: &Endpoint, query: &Query, host: &str) -> String {
        if family == Family::Section {
            return format!("{} {host}", endpoint.section());
        }
        if family.depends_on_date() {
            return table_name(endpoint, query, self.options.daily_churn);
        }
        format!("{} {} {:?}", endpoint.name, query.host, query.country)
    }

    fn section(
        &self,
        endpoint: &Endpoint,
        query: &Query,
    ) -> Result<Option<Arc<dyn ApiSection>>, Refusal> {
        let derived = derived_section(self, &endpoint.name, query)?;
        if derived.is_some() || endpoint.section() == "site-explorer" {
            return Ok(derived);
        }
        section(self.section_seed(query), endpoint, query).map(Some)
    }

    fn section_seed(&self, query: &Query) -> SectionSeed {
        SectionSeed {
            seeded: self.seeded,
            rows: self.options.num_rows(),
            daily_churn: self.options.daily_churn,
            today: query.today,
        }
    }

    /// Live rows.
    fn num_rows(&self, family: Family, section: Option<&dyn ApiSection>, query: &Query) -> u32 {
        match (family, section) {
            (Family::Section, Some(section)) => section.rows(),
            (Family::Section, None) => 0,
            (Family::Record, _) => 1,
            (Family::Countries, _) => NUM_COUNTRIES,
            (Family::History, _) => u32::try_from(query.days.len()).unwrap_or(u32::MAX),
            _ => self.options.num_rows(),
        }
    }

    /// Columns with nulls against the catalog, and how many rows have one.
    fn injected_nulls(&self, endpoint: &Endpoint) -> Vec<(String, u32)> {
        let mut columns = Vec::new();
        if self.options.has(Quirk::NullKeys)
            && let Some(lead) = lead(endpoint)
        {
            columns.push((lead, NULL_KEY_SHARE));
        }
        if self.options.has(Quirk::NullInNonNullable)
            && let Some(column) = tampered_column(endpoint)
        {
            columns.push((column.to_owned(), NULL_VALUE_SHARE));
        }
        columns
    }
}

/// The rows that a table starts with.
fn initial_rows(query: &Query, source: &Source) -> Vec<Row> {
    if let Some(section) = &source.section {
        let numbers = (0..section.rows()).filter(|number| section.has(*number));
        return numbers.map(Row::new).collect();
    }
    // Numbered by day, so that overlapping ranges agree.
    if source.family == Family::History {
        return query.days.iter().copied().map(Row::new).collect();
    }
    let mut num_rows = source.rows;
    if source.has_history && query.history != History::Live {
        num_rows += source.rows / LOST_SHARE;
    }
    let mut rows: Vec<Row> = (0..num_rows).map(Row::new).collect();
    if let Some(churn) = source.churn {
        rows.extend(churn.added_rows().map(Row::new));
    }
    match query.history {
        History::Since(date) => rows.retain(|row| source.is_seen_since(*row, date)),
        History::Live if source.churn.is_some() => rows.retain(|row| source.is_live(*row)),
        _ => {}
    }
    rows
}

/// What makes two queries read the same table.
pub(crate) fn table_name(endpoint: &Endpoint, query: &Query, daily_churn: bool) -> String {
    let family = Family::of(endpoint);
    if family == Family::Section {
        let mut view = VIEW_PARAMETERS.to_vec();
        if query.filters_rows {
            view.push("where");
        }
        let rest = query.values.without(&view);
        return format!("{} {rest} {}", endpoint.name, query.today);
    }
    let date = if family.depends_on_date() || daily_churn {
        query.date.to_string()
    } else {
        String::new()
    };
    let days = (query.days.first(), query.days.last(), query.days.len());
    // Records are derived from this text: another format is other data.
    format!(
        "{} {} {:?} {} {:?} {days:?} {date}",
        endpoint.name,
        query.host,
        query.country,
        query.date_compared.is_some(),
        query.history
    )
}

/// The column that rows of a list are paged by first: the catalog's, else the first well-known date-time.
fn lead(endpoint: &Endpoint) -> Option<String> {
    endpoint.parameter("limit")?;
    if let Some(name) = endpoint.order_key.first()
        && let Some(column) = endpoint.column(name)
        && matches!(column.kind, ColumnKind::DateTime | ColumnKind::Integer)
    {
        return Some(column.name.clone());
    }
    if endpoint.section() != "site-explorer" {
        return None;
    }
    for name in WELL_KNOWN_LEADS {
        if endpoint.column(name).is_some() {
            return Some(name.to_owned());
        }
    }
    None
}
