//! Query parameters → a checked query, or the refusal that the API would answer with.

use chrono::{DateTime, Datelike, Days, NaiveDate, Utc, Weekday};

use super::condition::Deviation;
use super::filter::Filter;
use super::index::Sort;
use super::parameters::{self, Parameters, Values};
use super::quirks::Quirk;
use super::refusal::Refusal;
use super::source::Field;
use crate::catalog::{
    Catalog, ColumnKind, Endpoint, FREE_KEYWORDS, FREE_ROWS, FREE_TARGETS, ParameterKind, Shape,
};

/// Rows of a request that names no limit.
const DEFAULT_LIMIT: u32 = 1000;
/// The one largest limit that is documented.
const LARGEST_LIMIT: u32 = 150_000;

/// How similar rows are shown as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aggregation {
    All,
    SimilarLinks,
    OnePerDomain,
}

/// Which links are shown beside the live ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum History {
    Live,
    AllTime,
    Since(NaiveDate),
}

/// A request that the sandbox will answer.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) host: String,
    /// Asks for free targets or keywords only.
    pub(super) is_free_test: bool,
    pub(super) select: Vec<Field>,
    pub(super) filter: Option<Filter>,
    /// Whether `where` chooses rows; else it chooses what they are summed from.
    pub(super) filters_rows: bool,
    pub(super) order: Vec<Sort>,
    pub(super) limit: u32,
    /// Rows that are skipped.
    pub(super) offset: u32,
    /// The operation takes no limit: no cap applies to it either.
    pub(super) answers_whole: bool,
    pub(super) aggregation: Aggregation,
    pub(super) history: History,
    pub(super) country: Option<String>,
    pub(super) compared: Option<NaiveDate>,
    pub(super) date: NaiveDate,
    /// Dates of a history's rows, as days since 1970-01-01.
    pub(super) days: Vec<u32>,
    pub(super) today: NaiveDate,
    /// Every parameter that has a value.
    pub(super) values: Values,
}

impl Query {
    /// Checks everything that the API checks before it spends anything.
    pub(super) fn read(
        endpoint: &Endpoint,
        parameters: &Parameters<'_>,
        quirks: &[Quirk],
        now: DateTime<Utc>,
    ) -> Result<Self, Refusal> {
        let values = parameters::read(endpoint, parameters, now)?;
        // An empty `where` is refused, not taken for none.
        let value = |name: &str| values.even_empty(name);
        let host = value("target").map(host).transpose()?.unwrap_or_default();
        let is_free_test = is_free_test(endpoint, &host, &values);
        let limit = limit(endpoint, &values)?;
        let aggregation = match value("aggregation") {
            Some("similar_links") => Aggregation::SimilarLinks,
            Some("1_per_domain") => Aggregation::OnePerDomain,
            _ => Aggregation::All,
        };
        let select = select(endpoint, value("select"), aggregation, quirks)?;
        let deviation = Deviation {
            folded_text: quirks.contains(&Quirk::FilterOrderIsByteOrder),
            deaf: quirks.contains(&Quirk::WhereHonoured),
            wildcards: endpoint.wildcard_regex || endpoint.section() == "keywords-explorer",
        };
        let filter = match value("where") {
            Some(text) => Some(Filter::parse(text, filterable_twin(endpoint), deviation)?),
            None => None,
        };
        let today = now.date_naive();
        let date_of = |name: &str| value(name).and_then(|date| date.parse().ok());
        let to = date_of("date_to").unwrap_or(today);
        let days = date_of("date_from")
            .map(|from| periods(from, to, value("history_grouping")))
            .unwrap_or_default();
        Ok(Self {
            host,
            is_free_test,
            select,
            filter,
            filters_rows: filters_rows(endpoint),
            order: order(endpoint, &values)?,
            limit: if is_free_test {
                limit.min(FREE_ROWS)
            } else {
                limit
            },
            offset: values
                .get("offset")
                .and_then(|offset| offset.parse().ok())
                .unwrap_or(0),
            answers_whole: endpoint.parameter("limit").is_none(),
            aggregation,
            history: value("history").map_or(Ok(History::Live), history)?,
            country: value("country").map(str::to_uppercase),
            compared: date_of("date_compared"),
            date: date_of("date").unwrap_or(today),
            days,
            today,
            values,
        })
    }

    /// Every column that is charged for: selected, filtered by, ordered by.
    pub(super) fn charged_columns(&self) -> impl Iterator<Item = &str> {
        let filtered = self.filter.iter().flat_map(|filter| &filter.fields);
        let ordered = self.order.iter().map(|sort| &sort.field);
        self.select
            .iter()
            .chain(filtered)
            .chain(ordered)
            .map(|field| field.name.as_str())
    }
}

/// Lower-case host of a target, which may be a domain or a URL.
fn host(target: &str) -> Result<String, Refusal> {
    let bare = target
        .strip_prefix("https://")
        .or_else(|| target.strip_prefix("http://"))
        .unwrap_or(target);
    let host = bare.split(['/', '?', '#']).next().unwrap_or("");
    let legal =
        |character: char| character.is_alphanumeric() || matches!(character, '.' | '-' | '_' | ':');
    let labels = host.split('.').all(|label| !label.is_empty());
    if host.contains('.') && labels && host.chars().all(legal) {
        Ok(host.to_lowercase())
    } else {
        Err(Refusal::BadTarget(target.to_owned()))
    }
}

fn select(
    endpoint: &Endpoint,
    names: Option<&str>,
    aggregation: Aggregation,
    quirks: &[Quirk],
) -> Result<Vec<Field>, Refusal> {
    let all = || {
        endpoint
            .columns
            .iter()
            .map(|column| column.name.as_str())
            .collect::<Vec<_>>()
    };
    let names = names.map_or_else(all, |names| names.split(',').map(str::trim).collect());
    let removed = quirks
        .contains(&Quirk::RemovedColumn)
        .then(|| planted_column(endpoint))
        .flatten();
    let mut fields: Vec<Field> = Vec::with_capacity(names.len());
    for name in names {
        let not_found = || Refusal::ColumnNotFound(name.to_owned());
        let column = endpoint
            .column(name)
            .filter(|_| removed != Some(name))
            .ok_or_else(not_found)?;
        let excluded = |(parameter, value): &(String, String)| {
            parameter == "aggregation" && value == "all" && aggregation == Aggregation::All
        };
        if column.not_with.as_ref().is_some_and(excluded) {
            return Err(not_found());
        }
        if !fields.iter().any(|field| field.name == name) {
            fields.push(Field::of(endpoint, name).ok_or_else(not_found)?);
        }
    }
    Ok(fields)
}

/// The column that some quirks tamper with.
pub(super) fn planted_column(endpoint: &Endpoint) -> Option<&str> {
    Quirk::COLUMNS
        .into_iter()
        .find_map(|name| endpoint.column(name))
        .map(|column| column.name.as_str())
}

fn order(endpoint: &Endpoint, values: &Values) -> Result<Vec<Sort>, Refusal> {
    let text = values.get("order_by").unwrap_or("");
    if let Some(ParameterKind::Enum(_)) = endpoint
        .parameter("order_by")
        .map(|parameter| &parameter.kind)
    {
        return Ok(chosen_order(text, values.get("order_direction")));
    }
    let mut order: Vec<Sort> = Vec::new();
    for part in text
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
    {
        let (name, direction) = part.split_once(':').unwrap_or((part, "desc"));
        let field = endpoint
            .column(name)
            .and_then(|_| Field::of(endpoint, name));
        let field = field.ok_or_else(|| Refusal::ColumnNotFound(name.to_owned()))?;
        let plain = !matches!(
            field.kind,
            ColumnKind::List(_) | ColumnKind::Struct(_) | ColumnKind::Json
        );
        if !endpoint.is_sortable(name) || !plain {
            return Err(Refusal::NotSortable(name.to_owned()));
        }
        let descending = match direction {
            "desc" => true,
            "asc" => false,
            other => return Err(Refusal::BadEnum(other.to_owned())),
        };
        order.push(Sort { field, descending });
    }
    Ok(order)
}

/// The order where `order_by` is a choice, not a list of columns: by what it names, whether that is shown or not.
fn chosen_order(choice: &str, direction: Option<&str>) -> Vec<Sort> {
    let (name, kind) = match choice {
        "" | "relevance" => return Vec::new(),
        "date" => ("created_at", ColumnKind::DateTime),
        other => (other, ColumnKind::Integer),
    };
    let field = Field {
        name: name.to_owned(),
        kind,
        nullable: false,
        values: Vec::new(),
    };
    vec![Sort {
        field,
        descending: direction != Some("asc"),
    }]
}

/// Rows at most; the operations that document a largest limit refuse a larger one.
fn limit(endpoint: &Endpoint, values: &Values) -> Result<u32, Refusal> {
    if endpoint.parameter("limit").is_none() {
        return Ok(u32::MAX);
    }
    let Some(text) = values.get("limit") else {
        return Ok(DEFAULT_LIMIT);
    };
    let limit = text.parse().unwrap_or(DEFAULT_LIMIT);
    let has_largest =
        ["matching-terms", "related-terms", "search-suggestions"].contains(&endpoint.short_name());
    if has_largest && limit > LARGEST_LIMIT {
        return Err(Refusal::BadParameter {
            name: "limit".to_owned(),
            value: text.to_owned(),
        });
    }
    Ok(limit)
}

/// The operation whose filterable columns are known where those of a POST are not: citations are filtered as mentions are.
pub(super) fn filterable_twin(endpoint: &Endpoint) -> &Endpoint {
    let twin = endpoint.name.replace("/citations-", "/mentions-");
    Catalog::embedded().endpoint(&twin).unwrap_or(endpoint)
}

/// Whether everything that is asked for is among what may be asked for nothing.
fn is_free_test(endpoint: &Endpoint, host: &str, values: &Values) -> bool {
    let asked: Vec<&str> = if endpoint.parameter("keyword").is_some() {
        values.get("keyword").into_iter().collect()
    } else if ["keywords-explorer", "serp-overview"].contains(&endpoint.section()) {
        values.list("keywords")
    } else {
        return FREE_TARGETS
            .iter()
            .any(|free| host == *free || host.ends_with(&format!(".{free}")));
    };
    let is_free = |keyword: &&str| FREE_KEYWORDS.contains(&keyword.to_lowercase().as_str());
    !asked.is_empty() && asked.iter().all(is_free) && values.get("keyword_list_id").is_none()
}

/// In one number for everything, or one for each day or brand, a filter chooses what is counted.
fn filters_rows(endpoint: &Endpoint) -> bool {
    let sums = ["date", "timestamp", "brand"]
        .iter()
        .any(|name| endpoint.column(name).is_some());
    endpoint.section() == "site-explorer" || (endpoint.shape != Shape::Record && !sums)
}

fn history(text: &str) -> Result<History, Refusal> {
    let since = text
        .strip_prefix("since:")
        .and_then(|date| date.parse().ok());
    match (text, since) {
        ("live", _) => Ok(History::Live),
        ("all_time", _) => Ok(History::AllTime),
        (_, Some(date)) => Ok(History::Since(date)),
        _ => Err(Refusal::BadParameter {
            name: "history".to_owned(),
            value: text.to_owned(),
        }),
    }
}

/// The first days of the periods from `from` to `to`: days, weeks that begin on Monday, or months.
fn periods(from: NaiveDate, to: NaiveDate, grouping: Option<&str>) -> Vec<u32> {
    let begins = |day: &NaiveDate| match grouping {
        Some("daily") => true,
        Some("weekly") => day.weekday() == Weekday::Mon,
        _ => day.day() == 1,
    };
    let days = std::iter::successors(Some(from), |day| day.checked_add_days(Days::new(1)));
    days.take_while(|day| *day <= to)
        .filter(begins)
        .filter_map(|day| {
            u32::try_from(day.num_days_from_ce() - NaiveDate::default().num_days_from_ce()).ok()
        })
        .collect()
}

/// Rows of an operation that a request can cost at most, for a table of this size.
pub(super) fn expected_rows(
    endpoint: &Endpoint,
    query: &Query,
    table_rows: u32,
    cap: Option<u32>,
) -> u64 {
    if endpoint.shape == Shape::Record {
        return 1;
    }
    let rows = u64::from(table_rows.min(query.limit));
    cap.filter(|_| !query.answers_whole)
        .map_or(rows, |cap| rows.min(u64::from(cap)))
}
