//! `[[report]]`: tables and how they are filled, each checked against the catalog.

use toml::Spanned;
use toml::de::DeValue;

use super::changes::{changes, with_aggregation};
use super::columns::columns;
use super::filter::filter;
use super::history::since;
use super::lookups::{self, Lookups};
use super::parameters::parameters;
use super::ranking::ranking;
use super::required::{Supplied, refuse_missing};
use super::varying_parameters::varying_parameters;
use crate::catalog::{Catalog, Endpoint};
use crate::config::cadence::Cadence;
use crate::config::column_presets::with_needed;
use crate::config::document::{Document, Section};
use crate::config::keys::{ON_MISMATCH, RESERVED_NAMES};
use crate::config::resolved::{OnMismatch, Report, Top};
use crate::error::{Error, ErrorCode};

/// Whether any report needs a target: one whose operation does, or whose operation is not known.
pub(crate) fn need_targets(root: &Section<'_>) -> bool {
    let Some(DeValue::Array(nodes)) = root.get("report").map(Spanned::get_ref) else {
        return true;
    };
    nodes
        .iter()
        .any(|node| match known_endpoint(node.get_ref()) {
            Some(endpoint) => lookups::needs_target(endpoint),
            None => true,
        })
}

fn known_endpoint(report: &DeValue<'_>) -> Option<&'static Endpoint> {
    let name = report.as_table()?.get("endpoint")?.get_ref().as_str()?;
    Catalog::embedded().endpoint(name)
}

/// All reports of the file, names unique.
pub(crate) fn reports(
    document: &mut Document<'_>,
    root: &Section<'_>,
    lookups: Lookups<'_>,
) -> Vec<Report> {
    if root.get("report").is_none() {
        let error = Error::new(ErrorCode::Config, "missing `[[report]]`");
        document.push_error(error.with_hint(
            "add to the file: [[report]] with a name and an endpoint; see: backhaul catalog",
        ));
    }
    let mut names: Vec<String> = Vec::new();
    let mut reports = Vec::new();
    for mut section in document.tables(root, "report") {
        let name = name(document, &section, &names);
        if let Some(name) = &name {
            names.push(name.clone());
            section.name = format!("the report `{name}`");
        }
        reports.extend(report(document, &section, name, lookups));
    }
    reports
}

fn name(document: &mut Document<'_>, section: &Section<'_>, names: &[String]) -> Option<String> {
    if section.get("name").is_none() {
        let message = "missing `name` in [[report]]";
        let label = "add a `name`: it becomes the table's";
        document.error_at(ErrorCode::Config, message, section.span.clone(), label);
        return None;
    }
    let text = document.text(section, "name")?;
    let name = *text.get_ref();
    let (message, label) = if !is_table_name(name) {
        (
            format!("invalid report name `{name}`"),
            "use lower-case letters, digits, `_`, beginning with a letter",
        )
    } else if RESERVED_NAMES.contains(&name) {
        (
            format!("the report name `{name}` is reserved"),
            "use another name: the program writes a table of that name itself",
        )
    } else if names.iter().any(|other| other == name) {
        (
            format!("duplicate report name `{name}`"),
            "use another name: each report is a table of its own",
        )
    } else {
        return Some(name.to_owned());
    };
    document.error_at(ErrorCode::Config, message, text.span(), label);
    None
}

fn is_table_name(name: &str) -> bool {
    let is_word = name
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    is_word && name.starts_with(|first: char| first.is_ascii_lowercase())
}

fn report(
    document: &mut Document<'_>,
    section: &Section<'_>,
    name: Option<String>,
    lookups: Lookups<'_>,
) -> Option<Report> {
    let endpoint = endpoint(document, section)?;
    let changes = changes(document, section, endpoint);
    let mut parameters = parameters(document, section, endpoint);
    if changes.is_some() {
        parameters = with_aggregation(endpoint, parameters);
    }
    let choice = columns(document, section, endpoint, &parameters);
    let columns = with_needed(endpoint, changes, choice.columns);
    let top = ranking(document, section, endpoint, &parameters);
    refuse_unknown_price(document, section, endpoint, &columns, &parameters);
    let (keyword_lists, by_keyword) =
        lookups::keywords(document, section, endpoint, lookups.keyword_lists);
    let mut varying: Vec<_> = by_keyword.into_iter().collect();
    varying.extend(varying_parameters(document, section, endpoint));
    let since = since(document, section, endpoint);
    let supplied = Supplied {
        parameters: &parameters,
        varying: &varying,
        has_since: since.is_some(),
    };
    refuse_missing(document, section, endpoint, &supplied);
    let filter = filter(document, section, endpoint);
    let targets = lookups::targets(document, section, endpoint, lookups.targets);
    let max_rows = max_rows(document, section, endpoint, top.as_ref());
    let every = document.parsed(section, "every", Cadence::parse);
    let on_bad_value = on_mismatch(document, section, "on_bad_value");
    let on_removed_column = on_mismatch(document, section, "on_removed_column");
    Some(Report {
        name: name?,
        endpoint,
        columns,
        column_selectors: choice.column_selectors,
        filter,
        parameters,
        varying,
        targets,
        keyword_lists,
        changes,
        top,
        max_rows,
        since,
        every: every.unwrap_or(Cadence::DAY),
        on_bad_value,
        on_removed_column,
    })
}

/// The column whose price depends on the number of months that are asked for.
const MONTHLY_HISTORY: &str = "volume_monthly_history";

/// The parameter that sets how many they are.
const MONTHLY_FROM: &str = "volume_monthly_date_from";

/// Refuses a column whose price is not known before it is fetched.
fn refuse_unknown_price(
    document: &mut Document<'_>,
    section: &Section<'_>,
    endpoint: &Endpoint,
    columns: &[String],
    parameters: &[(String, String)],
) {
    let is_selected = columns.iter().any(|column| column == MONTHLY_HISTORY);
    let is_set = section.get(MONTHLY_FROM).is_some()
        || parameters.iter().any(|(name, _)| name == MONTHLY_FROM);
    if !is_selected || is_set || endpoint.parameter(MONTHLY_FROM).is_none() {
        return;
    }
    let message = format!(
        "`{MONTHLY_HISTORY}` costs 2 units for each month, and `{MONTHLY_FROM}` is not set"
    );
    let span = document.find_in(section.span_of("columns"), MONTHLY_HISTORY);
    let label = "its price depends on it";
    let hint = format!("add to the report: {MONTHLY_FROM} = \"-12mo\", or remove the column");
    document.error_at_with_hint(ErrorCode::Parameter, message, span, label, hint);
}

fn endpoint(document: &mut Document<'_>, section: &Section<'_>) -> Option<&'static Endpoint> {
    if section.get("endpoint").is_none() {
        let message = format!("missing `endpoint` in {}", section.name);
        let label = "add one; see: backhaul catalog";
        document.error_at(ErrorCode::Endpoint, message, section.span.clone(), label);
        return None;
    }
    let text = document.text(section, "endpoint")?;
    let catalog = Catalog::embedded();
    let endpoint = catalog.endpoint(text.get_ref());
    if endpoint.is_none() {
        let label = match catalog.nearest_endpoint(text.get_ref()) {
            Some(near) => format!("did you mean `{}`?", near.name),
            None => "no endpoint has a similar name".to_owned(),
        };
        let message = format!("unknown endpoint `{}`", text.get_ref());
        document.error_at(ErrorCode::Endpoint, message, text.span(), label);
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
        let message = format!("{} always answers with all rows", endpoint.name);
        let label = "remove `max_rows`";
        document.error_at(ErrorCode::Parameter, message, count.span(), label);
        return None;
    }
    let Some(top) = top else {
        return Some(count.into_inner());
    };
    if *count.get_ref() < top.rows {
        let message = format!("`max_rows` is less than the {} rows of `top`", top.rows);
        let label = "remove this: a ranking fetches the rows that it names and no more";
        document.error_at(ErrorCode::Config, message, count.span(), label);
    }
    None
}

fn on_mismatch(document: &mut Document<'_>, section: &Section<'_>, key: &str) -> OnMismatch {
    match document.choice(section, key, ON_MISMATCH) {
        Some("null") => OnMismatch::Null,
        _ => OnMismatch::Fail,
    }
}
