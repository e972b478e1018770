//! Parameters → a checked query, or the refusal that the API would answer with.

use chrono::{DateTime, NaiveDate, Utc};

use super::columns::{filterable_twin, ordered, selected};
use super::parameters::{Parameters, Values, read};
use super::periods::periods;
use crate::catalog::{Endpoint, FREE_KEYWORDS, FREE_ROWS, FREE_TARGETS, Shape};
use crate::sandbox::field::{Field, Sort};
use crate::sandbox::filter::{Filter, FilterDialect, parse};
use crate::sandbox::quirks::Quirk;
use crate::sandbox::refusal::Refusal;

/// Rows of a request that names no limit.
const DEFAULT_LIMIT: u32 = 1000;
/// The one maximum of `limit` that is documented, and the operations that document it.
const LARGEST_LIMIT: u32 = 150_000;
const OPERATIONS_WITH_LARGEST_LIMIT: [&str; 3] =
    ["matching-terms", "related-terms", "search-suggestions"];

/// How similar rows are shown as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Aggregation {
    All,
    SimilarLinks,
    OnePerDomain,
}

/// Which links are shown beside the live ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum History {
    Live,
    AllTime,
    Since(NaiveDate),
}

/// A request that the sandbox will answer.
#[derive(Debug)]
pub(crate) struct Query {
    pub(crate) host: String,
    /// Asks for free targets or keywords only.
    pub(crate) is_free_test: bool,
    pub(crate) select: Vec<Field>,
    pub(crate) filter: Option<Filter>,
    /// Whether `where` chooses rows; else it chooses what they are summed from.
    pub(crate) filters_rows: bool,
    pub(crate) order: Vec<Sort>,
    pub(crate) limit: u32,
    /// Rows that are skipped.
    pub(crate) offset: u32,
    /// The operation takes no limit: no cap applies to it either.
    pub(crate) is_unlimited: bool,
    pub(crate) aggregation: Aggregation,
    pub(crate) history: History,
    /// Upper case.
    pub(crate) country: Option<String>,
    pub(crate) date_compared: Option<NaiveDate>,
    pub(crate) date: NaiveDate,
    /// Dates of a history's rows, as days since 1970-01-01.
    pub(crate) days: Vec<u32>,
    pub(crate) today: NaiveDate,
    /// Every parameter that has a value.
    pub(crate) values: Values,
}

impl Query {
    /// Checks everything that the API checks before it charges anything.
    pub(crate) fn read(
        endpoint: &Endpoint,
        parameters: &Parameters<'_>,
        quirks: &[Quirk],
        now: DateTime<Utc>,
    ) -> Result<Self, Refusal> {
        let values = read(endpoint, parameters, now)?;
        let host = match values.get_or_empty("target") {
            Some(target) => host(target)?,
            None => String::new(),
        };
        let is_free_test = is_free_test(endpoint, &host, &values);
        let mut limit = limit(endpoint, &values)?;
        if is_free_test {
            limit = limit.min(FREE_ROWS);
        }
        let aggregation = aggregation(&values);
        let shows_all = aggregation == Aggregation::All;
        let select = selected(endpoint, values.get_or_empty("select"), shows_all, quirks)?;
        let filter = filter(endpoint, &values, quirks)?;
        let today = now.date_naive();
        Ok(Self {
            host,
            is_free_test,
            select,
            filter,
            filters_rows: filters_rows(endpoint),
            order: ordered(endpoint, &values)?,
            limit,
            offset: values.text("offset").parse().unwrap_or(0),
            is_unlimited: endpoint.parameter("limit").is_none(),
            aggregation,
            history: history(&values)?,
            country: values.get_or_empty("country").map(str::to_uppercase),
            date_compared: date(&values, "date_compared"),
            date: date(&values, "date").unwrap_or(today),
            days: days(&values, today),
            today,
            values,
        })
    }

    /// Names of every column that is charged for: selected, filtered by, ordered by.
    pub(crate) fn charged_columns(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for field in &self.select {
            names.push(&field.name);
        }
        if let Some(filter) = &self.filter {
            for field in &filter.fields {
                names.push(&field.name);
            }
        }
        for sort in &self.order {
            names.push(&sort.field.name);
        }
        names
    }

    /// `where` as text, if it chooses what rows are summed from; else empty.
    pub(crate) fn summed_filter(&self) -> &str {
        if self.filters_rows {
            ""
        } else {
            self.values.text("where")
        }
    }

    /// The requested date: `date`, or today.
    pub(crate) fn day(&self) -> NaiveDate {
        self.values.day("date").unwrap_or(self.today)
    }
}

/// Lower-case host of a target, which may be a domain or a URL.
fn host(target: &str) -> Result<String, Refusal> {
    let bare = target
        .strip_prefix("https://")
        .or_else(|| target.strip_prefix("http://"))
        .unwrap_or(target);
    let host = bare.split(['/', '?', '#']).next().unwrap_or("");
    let has_labels = host.split('.').all(|label| !label.is_empty());
    if host.contains('.') && has_labels && host.chars().all(is_host_character) {
        Ok(host.to_lowercase())
    } else {
        Err(Refusal::BadTarget(target.to_owned()))
    }
}

fn is_host_character(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '.' | '-' | '_' | ':')
}

fn aggregation(values: &Values) -> Aggregation {
    match values.get("aggregation") {
        Some("similar_links") => Aggregation::SimilarLinks,
        Some("1_per_domain") => Aggregation::OnePerDomain,
        _ => Aggregation::All,
    }
}

/// An empty `where` is refused, not read as none.
fn filter(
    endpoint: &Endpoint,
    values: &Values,
    quirks: &[Quirk],
) -> Result<Option<Filter>, Refusal> {
    let Some(text) = values.get_or_empty("where") else {
        return Ok(None);
    };
    let dialect = FilterDialect {
        ignores_case: quirks.contains(&Quirk::FilterOrderIsByteOrder),
        rejects_greater: quirks.contains(&Quirk::WhereHonoured),
        wildcards: endpoint.wildcard_regex || endpoint.section() == "keywords-explorer",
    };
    parse(text, filterable_twin(endpoint), dialect).map(Some)
}

/// Rows at most; the operations that document a maximum refuse a larger limit.
fn limit(endpoint: &Endpoint, values: &Values) -> Result<u32, Refusal> {
    if endpoint.parameter("limit").is_none() {
        return Ok(u32::MAX);
    }
    let Some(text) = values.get("limit") else {
        return Ok(DEFAULT_LIMIT);
    };
    let limit = text.parse().unwrap_or(DEFAULT_LIMIT);
    let has_largest = OPERATIONS_WITH_LARGEST_LIMIT.contains(&endpoint.short_name());
    if has_largest && limit > LARGEST_LIMIT {
        return Err(Refusal::BadParameter {
            name: "limit".to_owned(),
            value: text.to_owned(),
        });
    }
    Ok(limit)
}

/// Whether everything that is requested is free.
fn is_free_test(endpoint: &Endpoint, host: &str, values: &Values) -> bool {
    let keywords: Vec<&str> = if endpoint.parameter("keyword").is_some() {
        values.get("keyword").into_iter().collect()
    } else if ["keywords-explorer", "serp-overview"].contains(&endpoint.section()) {
        values.list("keywords")
    } else {
        return is_free_target(host);
    };
    let are_free = keywords.iter().all(|keyword| is_free_keyword(keyword));
    !keywords.is_empty() && are_free && values.get("keyword_list_id").is_none()
}

fn is_free_keyword(keyword: &str) -> bool {
    FREE_KEYWORDS.contains(&keyword.to_lowercase().as_str())
}

fn is_free_target(host: &str) -> bool {
    FREE_TARGETS
        .iter()
        .any(|free| host == *free || host.ends_with(&format!(".{free}")))
}

/// In one number for everything, or one for each day or brand, a filter chooses what is counted.
fn filters_rows(endpoint: &Endpoint) -> bool {
    let has_sums = ["date", "timestamp", "brand"]
        .iter()
        .any(|name| endpoint.column(name).is_some());
    endpoint.section() == "site-explorer" || (endpoint.shape != Shape::Record && !has_sums)
}

fn history(values: &Values) -> Result<History, Refusal> {
    let text = match values.get_or_empty("history") {
        None | Some("live") => return Ok(History::Live),
        Some("all_time") => return Ok(History::AllTime),
        Some(text) => text,
    };
    if let Some(date) = text.strip_prefix("since:")
        && let Ok(date) = date.parse()
    {
        return Ok(History::Since(date));
    }
    Err(Refusal::BadParameter {
        name: "history".to_owned(),
        value: text.to_owned(),
    })
}

fn date(values: &Values, name: &str) -> Option<NaiveDate> {
    values.get(name)?.parse().ok()
}

/// First days of the periods of a history that begins with `date_from`.
fn days(values: &Values, today: NaiveDate) -> Vec<u32> {
    let Some(from) = date(values, "date_from") else {
        return Vec::new();
    };
    let to = date(values, "date_to").unwrap_or(today);
    periods(from, to, values.get_or_empty("history_grouping"))
}
