//! `[[report]]`: tables and how they are filled, each checked against the catalog.

use chrono::NaiveDate;
use toml::Spanned;
use toml::de::DeValue;

use super::changes;
use super::columns::{ColumnChoice, columns, with_needed};
use super::filter;
use super::lookups::{self, Known};
use super::parameters::parameters;
use super::ranking::top;
use super::required::{Supplied, refuse_missing};
use super::varying_parameters::varying;
use crate::catalog::{Catalog, Endpoint};
use crate::config::cadence::Cadence;
use crate::config::dates::parse_day;
use crate::config::document::{Document, Section};
use crate::config::resolved::{OnMismatch, Report, Top};
use crate::error::{Error, ErrorCode};

/// Tables that the program fills itself.
const RESERVED: [&str; 2] = ["coverage", "targets"];

/// Whether any report needs a target: one whose operation does, or whose operation is not known.
pub(in crate::config) fn need_targets(root: &Section<'_>) -> bool {
    let Some(DeValue::Array(nodes)) = root.get("report").map(Spanned::get_ref) else {
        return true;
    };
    nodes.iter().any(|node| {
        let endpoint = node
            .get_ref()
            .as_table()
            .and_then(|report| report.get("endpoint")?.get_ref().as_str());
        let endpoint = endpoint.and_then(|name| Catalog::embedded().endpoint(name));
        endpoint.is_none_or(lookups::needs_target)
    })
}

/// All reports of the file, names unique.
pub(in crate::config) fn reports(
    document: &mut Document<'_>,
    root: &Section<'_>,
    known: Known<'_>,
) -> Vec<Report> {
    let sections = document.tables(root, "report");
    if sections.is_empty() && root.get("report").is_none() {
        let error = Error::new(ErrorCode::Config, "the configuration names no report");
        document.push(error.with_hint(
            "add to the file: [[report]] with a name and an endpoint; see: backhaul catalog",
        ));
    }
    let mut names: Vec<String> = Vec::new();
    let mut reports = Vec::new();
    for mut section in sections {
        let name = name(document, &section, &names);
        if let Some(name) = &name {
            names.push(name.clone());
            section.name = format!("the report `{name}`");
        }
        if let Some(report) = report(document, &section, name, known) {
            reports.push(report);
        }
    }
    reports
}

fn name(document: &mut Document<'_>, section: &Section<'_>, names: &[String]) -> Option<String> {
    if section.get("name").is_none() {
        let label = "add a `name`: it becomes the table's";
        document.fault(
            ErrorCode::Config,
            "a [[report]] has no `name`",
            section.span.clone(),
            label,
        );
        return None;
    }
    let text = document.text(section, "name")?;
    let name = *text.get_ref();
    let is_name = name.starts_with(|character: char| character.is_ascii_lowercase())
        && name.chars().all(|character| {
            character.is_ascii_lowercase() || character.is_ascii_digit() || character == '_'
        });
    let fault = if !is_name {
        Some((
            format!("`{name}` is no name for a report"),
            "lower-case letters, digits and `_`, beginning with a letter",
        ))
    } else if RESERVED.contains(&name) {
        Some((
            format!("the name `{name}` is reserved"),
            "the program fills a table of that name itself",
        ))
    } else if names.iter().any(|other| other == name) {
        Some((
            format!("two reports have the name `{name}`"),
            "each report is a table of its own",
        ))
    } else {
        None
    };
    match fault {
        None => Some(name.to_owned()),
        Some((message, label)) => {
            document.fault(ErrorCode::Config, message, text.span(), label);
            None
        }
    }
}

fn report(
    document: &mut Document<'_>,
    section: &Section<'_>,
    name: Option<String>,
    known: Known<'_>,
) -> Option<Report> {
    let endpoint = endpoint(document, section)?;
    let changes = changes::changes(document, section, endpoint);
    let mut parameters = parameters(document, section, endpoint);
    if changes.is_some() {
        parameters = changes::parameters(endpoint, parameters);
    }
    let ColumnChoice {
        columns,
        column_selectors,
    } = columns(document, section, endpoint, &parameters);
    let columns = with_needed(endpoint, changes, columns);
    let top = top(document, section, endpoint, &parameters);
    refuse_unpriced(document, section, endpoint, &columns, &parameters);
    let (keyword_lists, by_keyword) = lookups::keywords(document, section, endpoint, known.lists);
    let varying: Vec<_> = by_keyword
        .into_iter()
        .chain(varying(document, section, endpoint))
        .collect();
    let since = since(document, section, endpoint);
    let supplied = Supplied {
        parameters: &parameters,
        varying: &varying,
        has_since: since.is_some(),
    };
    refuse_missing(document, section, endpoint, &supplied);
    Some(Report {
        filter: filter::filter(document, section, endpoint),
        varying,
        targets: lookups::targets(document, section, endpoint, known.targets),
        keyword_lists,
        changes,
        max_rows: max_rows(document, section, endpoint, top.as_ref()),
        top,
        since,
        every: document
            .parsed(section, "every", Cadence::parse)
            .unwrap_or(Cadence::DAY),
        on_bad_value: on_trouble(document, section, "on_bad_value"),
        on_removed_column: on_trouble(document, section, "on_removed_column"),
        name: name?,
        endpoint,
        columns,
        column_selectors,
        parameters,
    })
}

/// The column whose price is told by the months that are asked for.
const MONTHLY_HISTORY: &str = "volume_monthly_history";

/// Refuses a column of which nobody could tell the price.
fn refuse_unpriced(
    document: &mut Document<'_>,
    section: &Section<'_>,
    endpoint: &Endpoint,
    columns: &[String],
    parameters: &[(String, String)],
) {
    const FROM: &str = "volume_monthly_date_from";
    let is_asked = columns.iter().any(|column| column == MONTHLY_HISTORY)
        && endpoint.parameter(FROM).is_some();
    if is_asked && section.get(FROM).is_none() && !parameters.iter().any(|(name, _)| name == FROM) {
        let message = format!(
            "`{MONTHLY_HISTORY}` costs 2 units for each month asked, and {FROM} does not say how many"
        );
        let span = section.get("columns").map_or(section.span.clone(), |node| {
            document.find(node.span(), MONTHLY_HISTORY)
        });
        let next = format!("add to the report: {FROM} = \"-12mo\", or take the column out");
        document.fault_next(
            ErrorCode::Parameter,
            message,
            span,
            "its price depends on it",
            next,
        );
    }
}

fn endpoint(document: &mut Document<'_>, section: &Section<'_>) -> Option<&'static Endpoint> {
    if section.get("endpoint").is_none() {
        let message = format!("{} has no `endpoint`", section.name);
        document.fault(
            ErrorCode::Endpoint,
            message,
            section.span.clone(),
            "add one; see: backhaul catalog",
        );
        return None;
    }
    let text = document.text(section, "endpoint")?;
    let catalog = Catalog::embedded();
    let endpoint = catalog.endpoint(text.get_ref());
    if endpoint.is_none() {
        let label = match catalog.nearest_endpoint(text.get_ref()) {
            Some(near) => format!("did you mean `{}`?", near.name),
            None => "no endpoint is near it in spelling".to_owned(),
        };
        document.fault(
            ErrorCode::Endpoint,
            format!("the API has no endpoint `{}`", text.get_ref()),
            text.span(),
            label,
        );
    }
    endpoint
}

fn max_rows(
    document: &mut Document<'_>,
    section: &Section<'_>,
    endpoint: &Endpoint,
    top: Option<&Top>,
) -> Option<u64> {
    let count = document.count(section, "max_rows")?;
    if endpoint.parameter("limit").is_none() {
        let message = format!("{} always answers whole", endpoint.name);
        document.fault(
            ErrorCode::Parameter,
            message,
            count.span(),
            "take `max_rows` out",
        );
        return None;
    }
    match top {
        None => Some(count.into_inner()),
        Some(top) if *count.get_ref() >= top.rows => None,
        Some(top) => {
            let message = format!(
                "`max_rows` would cut the ranking of {} rows short, and call it `capped`",
                top.rows
            );
            let label = "take this out: a ranking fetches the rows that it names and no more";
            document.fault(ErrorCode::Config, message, count.span(), label);
            None
        }
    }
}

fn since(
    document: &mut Document<'_>,
    section: &Section<'_>,
    endpoint: &Endpoint,
) -> Option<NaiveDate> {
    let node = section.get("since")?;
    if !endpoint.is_history() {
        let message = format!("{} is no history", endpoint.name);
        let has_window = endpoint.parameter("date_from").is_some();
        let label = if has_window {
            "write `date_from`, such as \"-28d\""
        } else {
            "take `since` out"
        };
        document.fault(ErrorCode::Parameter, message, node.span(), label);
        return None;
    }
    let text = match node.get_ref() {
        DeValue::String(text) => text.to_string(),
        DeValue::Datetime(date) => date.to_string(),
        other => {
            document.wrong_type("`since`", "a date", other, node.span());
            return None;
        }
    };
    let date = parse_day(&text);
    if date.is_none() {
        let label = "a day of the calendar, such as \"2024-01-31\"";
        document.fault(
            ErrorCode::Date,
            format!("`since` cannot be `{text}`"),
            node.span(),
            label,
        );
    }
    date
}

fn on_trouble(document: &mut Document<'_>, section: &Section<'_>, key: &str) -> OnMismatch {
    match document.choice(section, key, &["fail", "null"]) {
        Some("null") => OnMismatch::Null,
        _ => OnMismatch::Fail,
    }
}
