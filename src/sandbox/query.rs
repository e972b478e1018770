//! Query parameters → a checked query, or the refusal that the API would answer with.

use chrono::{DateTime, Datelike, Days, NaiveDate, Utc, Weekday};

use super::condition::Deviation;
use super::filter::Filter;
use super::index::Sort;
use super::quirks::Quirk;
use super::refusal::Refusal;
use super::source::Field;
use crate::catalog::{ColumnKind, Endpoint, FREE_ROWS, FREE_TARGETS, Parameter, ParameterKind, Shape};

/// Rows that an operation without `limit` may return.
const DEFAULT_LIMIT: u32 = 1000;

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
    pub(super) free_target: bool,
    pub(super) select: Vec<Field>,
    pub(super) filter: Option<Filter>,
    pub(super) order: Vec<Sort>,
    pub(super) limit: u32,
    /// The operation takes no limit: no cap applies to it either.
    pub(super) answers_whole: bool,
    pub(super) aggregation: Aggregation,
    pub(super) history: History,
    pub(super) country: Option<String>,
    pub(super) compared: Option<NaiveDate>,
    pub(super) date: NaiveDate,
    /// Dates of a history's rows, as days since 1970-01-01.
    pub(super) days: Vec<u32>,
}

/// The parameters of a request by name, as sent; unknown names are ignored.
pub(super) struct Parameters<'a>(pub(super) &'a [(String, String)]);

impl Parameters<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl Query {
    /// Checks everything that the API checks before it spends anything.
    pub(super) fn read(
        endpoint: &Endpoint,
        parameters: &Parameters<'_>,
        quirks: &[Quirk],
        now: DateTime<Utc>,
    ) -> Result<Self, Refusal> {
        for parameter in &endpoint.parameters {
            check(parameter, parameters.get(&parameter.name), now)?;
        }
        let value = |name: &str| {
            let parameter = endpoint.parameter(name)?;
            parameters.get(name).or(parameter.default.as_deref())
        };
        let host = value("target").map(host).transpose()?.unwrap_or_default();
        let free_target = FREE_TARGETS.iter().any(|free| host == *free || host.ends_with(&format!(".{free}")));
        let limit = value("limit").and_then(|limit| limit.parse().ok()).unwrap_or(DEFAULT_LIMIT);
        let limit = if endpoint.parameter("limit").is_none() { u32::MAX } else { limit };
        let aggregation = match value("aggregation") {
            Some("similar_links") => Aggregation::SimilarLinks,
            Some("1_per_domain") => Aggregation::OnePerDomain,
            _ => Aggregation::All,
        };
        let select = select(endpoint, value("select"), aggregation, quirks)?;
        let deviation = Deviation {
            folded_text: quirks.contains(&Quirk::FilterOrderIsByteOrder),
            deaf: quirks.contains(&Quirk::WhereHonoured),
        };
        let filter = match value("where") {
            Some(text) => Some(Filter::parse(text, endpoint, deviation)?),
            None => None,
        };
        let today = now.date_naive();
        let date_of = |name: &str| value(name).and_then(|date| date.parse().ok());
        let to = date_of("date_to").unwrap_or(today);
        let days = date_of("date_from").map(|from| periods(from, to, value("history_grouping"))).unwrap_or_default();
        Ok(Self {
            host,
            free_target,
            select,
            filter,
            order: order(endpoint, value("order_by"))?,
            limit: if free_target { limit.min(FREE_ROWS) } else { limit },
            answers_whole: endpoint.parameter("limit").is_none(),
            aggregation,
            history: value("history").map_or(Ok(History::Live), history)?,
            country: value("country").map(str::to_uppercase),
            compared: date_of("date_compared"),
            date: date_of("date").unwrap_or(today),
            days,
        })
    }

    /// Every column that is charged for: selected, filtered by, ordered by.
    pub(super) fn charged_columns(&self) -> impl Iterator<Item = &str> {
        let filtered = self.filter.iter().flat_map(|filter| &filter.fields);
        let ordered = self.order.iter().map(|sort| &sort.field);
        self.select.iter().chain(filtered).chain(ordered).map(|field| field.name.as_str())
    }
}

/// One parameter against its type.
fn check(parameter: &Parameter, value: Option<&str>, now: DateTime<Utc>) -> Result<(), Refusal> {
    let Some(value) = value else {
        return if parameter.required { Err(Refusal::MissingArgument(parameter.name.clone())) } else { Ok(()) };
    };
    let bad = || Refusal::BadParameter { name: parameter.name.clone(), value: value.to_owned() };
    match &parameter.kind {
        ParameterKind::Enum(_) if parameter.name == "output" && value != "json" => {
            Err(Refusal::Output(value.to_owned()))
        }
        ParameterKind::Enum(values) if !values.iter().any(|known| known == value) => {
            Err(Refusal::BadEnum(value.to_owned()))
        }
        ParameterKind::Integer => value.parse::<u32>().map(|_| ()).or(Err(bad())),
        ParameterKind::Boolean if !matches!(value, "true" | "false") => Err(bad()),
        ParameterKind::Date => match value.parse::<NaiveDate>() {
            Ok(date) if date > now.date_naive() => Err(Refusal::FutureDate(value.to_owned())),
            Ok(_) => Ok(()),
            Err(_) => Err(bad()),
        },
        _ => Ok(()),
    }
}

/// Lower-case host of a target, which may be a domain or a URL.
fn host(target: &str) -> Result<String, Refusal> {
    let bare = target.strip_prefix("https://").or_else(|| target.strip_prefix("http://")).unwrap_or(target);
    let host = bare.split(['/', '?', '#']).next().unwrap_or("");
    let legal = |character: char| character.is_alphanumeric() || matches!(character, '.' | '-' | '_' | ':');
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
    let all = || endpoint.columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>();
    let names = names.map_or_else(all, |names| names.split(',').map(str::trim).collect());
    let removed = quirks.contains(&Quirk::RemovedColumn).then(|| planted_column(endpoint)).flatten();
    let mut fields: Vec<Field> = Vec::with_capacity(names.len());
    for name in names {
        let not_found = || Refusal::ColumnNotFound(name.to_owned());
        let column = endpoint.column(name).filter(|_| removed != Some(name)).ok_or_else(not_found)?;
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
    Quirk::COLUMNS.into_iter().find_map(|name| endpoint.column(name)).map(|column| column.name.as_str())
}

fn order(endpoint: &Endpoint, text: Option<&str>) -> Result<Vec<Sort>, Refusal> {
    let mut order: Vec<Sort> = Vec::new();
    for part in text.unwrap_or("").split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (name, direction) = part.split_once(':').unwrap_or((part, "desc"));
        let field = endpoint.column(name).and_then(|_| Field::of(endpoint, name));
        let field = field.ok_or_else(|| Refusal::ColumnNotFound(name.to_owned()))?;
        let plain = !matches!(field.kind, ColumnKind::List(_) | ColumnKind::Struct(_) | ColumnKind::Json);
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

fn history(text: &str) -> Result<History, Refusal> {
    let since = text.strip_prefix("since:").and_then(|date| date.parse().ok());
    match (text, since) {
        ("live", _) => Ok(History::Live),
        ("all_time", _) => Ok(History::AllTime),
        (_, Some(date)) => Ok(History::Since(date)),
        _ => Err(Refusal::BadParameter { name: "history".to_owned(), value: text.to_owned() }),
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
        .filter_map(|day| u32::try_from(day.num_days_from_ce() - NaiveDate::default().num_days_from_ce()).ok())
        .collect()
}

/// Rows of an operation that a request can cost at most, for a table of this size.
pub(super) fn expected_rows(endpoint: &Endpoint, query: &Query, table_rows: u32, cap: Option<u32>) -> u64 {
    if endpoint.shape == Shape::Record {
        return 1;
    }
    let rows = u64::from(table_rows.min(query.limit));
    cap.filter(|_| !query.answers_whole).map_or(rows, |cap| rows.min(u64::from(cap)))
}
