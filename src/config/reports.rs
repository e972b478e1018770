//! `[[report]]`: tables and how they are filled, each checked against the catalog.

use chrono::NaiveDate;
use serde_json::Value as Json;
use toml::Spanned;
use toml::de::DeValue;

use super::changes;
use super::columns::columns;
use super::document::{Document, Node, Section};
use super::every::Every;
use super::known;
use super::parameters::parameters;
use super::resolved::{OnTrouble, Report, Target, Top};
use super::selectors::selected;
use super::top::top;
use crate::catalog::{Catalog, Endpoint, ParameterKind};
use crate::error::{Code, Error};
use crate::filter::{self, Filter};

/// Tables that the program fills itself.
const RESERVED: [&str; 2] = ["coverage", "targets"];

/// The section whose operations can be exported: each answers for one target.
const SECTION: &str = "site-explorer";

/// All reports of the file, names unique.
pub(super) fn reports(document: &mut Document<'_>, root: &Section<'_>, targets: &[Target]) -> Vec<Report> {
    let sections = document.tables(root, "report");
    if sections.is_empty() && root.get("report").is_none() {
        let error = Error::new(Code::Config, "the configuration names no report");
        document
            .push(error.with_next("add to the file: [[report]] with a name and an endpoint; see: backhaul catalog"));
    }
    let mut names: Vec<String> = Vec::new();
    let mut reports = Vec::new();
    for mut section in sections {
        let name = name(document, &section, &names);
        if let Some(name) = &name {
            names.push(name.clone());
            section.name = format!("the report `{name}`");
        }
        if let Some(report) = report(document, &section, name, targets) {
            reports.push(report);
        }
    }
    reports
}

fn name(document: &mut Document<'_>, section: &Section<'_>, names: &[String]) -> Option<String> {
    if section.get("name").is_none() {
        let label = "add a `name`: it becomes the table's";
        document.fault(Code::Config, "a [[report]] has no `name`", section.span.clone(), label);
        return None;
    }
    let text = document.text(section, "name")?;
    let name = *text.get_ref();
    let is_name = name.starts_with(|character: char| character.is_ascii_lowercase())
        && name
            .chars()
            .all(|character| character.is_ascii_lowercase() || character.is_ascii_digit() || character == '_');
    let fault = if !is_name {
        Some((
            format!("`{name}` is no name for a report"),
            "lower-case letters, digits and `_`, beginning with a letter",
        ))
    } else if RESERVED.contains(&name) {
        Some((format!("the name `{name}` is reserved"), "the program fills a table of that name itself"))
    } else if names.iter().any(|other| other == name) {
        Some((format!("two reports have the name `{name}`"), "each report is a table of its own"))
    } else {
        None
    };
    match fault {
        None => Some(name.to_owned()),
        Some((message, label)) => {
            document.fault(Code::Config, message, text.span(), label);
            None
        }
    }
}

fn report(
    document: &mut Document<'_>,
    section: &Section<'_>,
    name: Option<String>,
    targets: &[Target],
) -> Option<Report> {
    refuse_later(document, section);
    let endpoint = endpoint(document, section)?;
    let changes = changes::changes(document, section, endpoint);
    let mut parameters = parameters(document, section, endpoint);
    if changes.is_some() {
        parameters = changes::parameters(endpoint, parameters);
    }
    let mut columns = columns(document, section, endpoint, &parameters);
    if let Some(changes) = changes {
        columns = changes::columns(endpoint, changes, columns);
    }
    // Without its day no row of a history has a place.
    let dated = endpoint.history_column().map(|column| &column.name);
    if let Some(dated) = dated.filter(|dated| !columns.is_empty() && !columns.contains(dated)) {
        columns.insert(0, dated.clone());
    }
    let top = top(document, section, endpoint, &parameters);
    Some(Report {
        filter: where_json(document, section, endpoint),
        varying: varying(document, section, endpoint),
        targets: selected(document, section, targets),
        changes,
        max_rows: max_rows(document, section, endpoint, top.as_ref()),
        top,
        since: since(document, section, endpoint),
        every: document.parsed(section, "every", Every::parse).unwrap_or(Every::DAY),
        on_bad_value: on_trouble(document, section, "on_bad_value"),
        name: name?,
        endpoint,
        columns,
        parameters,
    })
}

/// What the contract names and this version does not do. The values are still read where their form can be wrong.
fn refuse_later(document: &mut Document<'_>, section: &Section<'_>) {
    if let Some(node) = section.get("where") {
        document.later_with("`where` of a report", node.span(), "write the API's own filter in `where_json` for now");
    }
    if document.choice(section, "on_removed_column", &["fail", "null"]) == Some("null")
        && let Some(node) = section.get("on_removed_column")
    {
        document.later("`on_removed_column = \"null\"`", node.span());
    }
    if let Some(node) = section.get("keyword_lists") {
        document.later("`keyword_lists` of a report", node.span());
    }
}

fn endpoint(document: &mut Document<'_>, section: &Section<'_>) -> Option<&'static Endpoint> {
    if section.get("endpoint").is_none() {
        let message = format!("{} has no `endpoint`", section.name);
        document.fault(Code::Endpoint, message, section.span.clone(), "add one; see: backhaul catalog");
        return None;
    }
    let text = document.text(section, "endpoint")?;
    let catalog = Catalog::embedded();
    match catalog.endpoint(text.get_ref()) {
        Some(endpoint) if endpoint.section() == SECTION => Some(endpoint),
        Some(endpoint) => {
            document.later(&format!("exporting {}", endpoint.name), text.span());
            None
        }
        None => {
            let label = match catalog.nearest_endpoint(text.get_ref()) {
                Some(near) => format!("did you mean `{}`?", near.name),
                None => "no endpoint is near it in spelling".to_owned(),
            };
            document.fault(Code::Endpoint, format!("the API has no endpoint `{}`", text.get_ref()), text.span(), label);
            None
        }
    }
}

fn where_json(document: &mut Document<'_>, section: &Section<'_>, endpoint: &Endpoint) -> Option<Filter> {
    let node = section.get("where_json")?;
    let json = match node.get_ref() {
        DeValue::String(text) => match serde_json::from_str(text) {
            Ok(json) => json,
            Err(error) => {
                document.fault(Code::Filter, "`where_json` is no JSON", node.span(), error.to_string());
                return None;
            }
        },
        DeValue::Table(_) => to_json(node),
        other => {
            document.wrong_type("`where_json`", "JSON in a string, or a table", other, node.span());
            return None;
        }
    };
    match filter::check(&json, endpoint) {
        Ok(filter) => Some(filter),
        Err(fault) => {
            let span = fault.word.as_ref().map_or(node.span(), |word| document.find(node.span(), word));
            let next = format!("backhaul catalog {}", endpoint.name);
            document.fault_next(Code::Filter, fault.message, span, &fault.help, next);
            None
        }
    }
}

fn to_json(node: &Node<'_>) -> Json {
    match node.get_ref() {
        DeValue::String(text) => text.as_ref().into(),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).ok().into(),
        DeValue::Float(number) => number.as_str().parse::<f64>().ok().into(),
        DeValue::Boolean(value) => (*value).into(),
        DeValue::Datetime(time) => time.to_string().into(),
        DeValue::Array(nodes) => nodes.iter().map(to_json).collect(),
        DeValue::Table(table) => {
            Json::Object(table.iter().map(|(name, node)| (name.get_ref().to_string(), to_json(node))).collect())
        }
    }
}

fn varying(document: &mut Document<'_>, section: &Section<'_>, endpoint: &Endpoint) -> Vec<(String, Vec<String>)> {
    let Some(written) = document.texts(section, "countries") else { return Vec::new() };
    let Some(parameter) = endpoint.parameter("country") else {
        if let Some(node) = section.get("countries") {
            let message = format!("{} does not vary by country", endpoint.name);
            document.fault(Code::Parameter, message, node.span(), "take this out");
        }
        return Vec::new();
    };
    let known = if let ParameterKind::Enum(values) = &parameter.kind { values.as_slice() } else { &[] };
    let mut countries: Vec<String> = Vec::new();
    for country in &written {
        let lower = country.get_ref().to_ascii_lowercase();
        if !known.is_empty() && !known.contains(&lower) {
            let message = format!("the API knows no country `{}`", country.get_ref());
            document.fault(Code::Parameter, message, country.span(), "two letters of ISO 3166, for example \"us\"");
        } else if countries.contains(&lower) {
            let message = format!("the country `{lower}` stands twice");
            document.fault(Code::Parameter, message, country.span(), "take this out");
        } else {
            countries.push(lower);
        }
    }
    vec![("country".to_owned(), countries)]
}

fn max_rows(document: &mut Document<'_>, section: &Section<'_>, endpoint: &Endpoint, top: Option<&Top>) -> Option<u64> {
    let count = document.count(section, "max_rows")?;
    if endpoint.parameter("limit").is_none() {
        let message = format!("{} always answers whole", endpoint.name);
        document.fault(Code::Parameter, message, count.span(), "take `max_rows` out");
        return None;
    }
    match top {
        None => Some(count.into_inner()),
        Some(top) if *count.get_ref() >= top.rows => None,
        Some(top) => {
            let message = format!("`max_rows` would cut the ranking of {} rows short, and call it `capped`", top.rows);
            let label = "take this out: a ranking fetches the rows that it names and no more";
            document.fault(Code::Config, message, count.span(), label);
            None
        }
    }
}

fn since(document: &mut Document<'_>, section: &Section<'_>, endpoint: &Endpoint) -> Option<NaiveDate> {
    let is_history = endpoint.parameter("date_from").is_some();
    let Some(node) = section.get("since") else {
        if is_history {
            let next = "add to the report: since = \"2024-01-01\"".to_owned();
            let message = format!("{} needs `since`", endpoint.name);
            document.fault_next(Code::Parameter, message, section.span.clone(), "the first day is missing", next);
        }
        return None;
    };
    if !is_history {
        let message = format!("{} is no history", endpoint.name);
        document.fault(Code::Parameter, message, node.span(), "take `since` out");
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
    let date = super::date(&text);
    if date.is_none() {
        let label = "a day of the calendar, such as \"2024-01-31\"";
        document.fault(Code::Date, format!("`since` cannot be `{text}`"), node.span(), label);
    }
    date
}

fn on_trouble(document: &mut Document<'_>, section: &Section<'_>, key: &str) -> OnTrouble {
    match document.choice(section, key, &["fail", "null"]) {
        Some("null") => OnTrouble::Null,
        _ => OnTrouble::Fail,
    }
}

/// `[[keyword_list]]`: named by the contract; its keys are read so that typing errors are not hidden.
pub(super) fn refuse_keyword_lists(document: &mut Document<'_>, root: &Section<'_>) {
    for section in document.tables(root, "keyword_list") {
        document.refuse_unknown_keys(&section, known::KEYWORD_LIST);
        let name = document.text(&section, "name").map_or("", Spanned::into_inner).to_owned();
        document.later(&format!("the keyword list `{name}`"), section.span.clone());
    }
}
