//! `since` of a report: the first day of a history.

use chrono::NaiveDate;
use toml::de::DeValue;

use crate::catalog::Endpoint;
use crate::config::dates::parse_day;
use crate::config::document::{Document, Section};
use crate::error::ErrorCode;

pub(super) fn since(
    document: &mut Document<'_>,
    section: &Section<'_>,
    endpoint: &Endpoint,
) -> Option<NaiveDate> {
    let node = section.get("since")?;
    if !endpoint.is_history() {
        let message = format!(
            "`since` does not apply to {}, which has no history",
            endpoint.name
        );
        let label = match endpoint.parameter("date_from") {
            Some(_) => "use `date_from`, such as \"-28d\"",
            None => "remove this",
        };
        document.error_at(ErrorCode::Parameter, message, node.span(), label);
        return None;
    }
    let text = match node.get_ref() {
        DeValue::String(text) => text.to_string(),
        DeValue::Datetime(date) => date.to_string(),
        _ => {
            document.wrong_type("`since`", "a date", node);
            return None;
        }
    };
    let day = parse_day(&text);
    if day.is_none() {
        let message = format!("invalid value `{text}` for `since`");
        let label = "use a day of the calendar, such as \"2024-01-31\"";
        document.error_at(ErrorCode::Date, message, node.span(), label);
    }
    day
}
