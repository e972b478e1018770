//! What a task asks: the parameters of its requests, as values of the night, and as names that last.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::segments::{self, Segments};
use super::subject::{TaskSubject, find};
use crate::catalog::{Parameter, ParameterKind};
use crate::config::{day_of, is_relative};
use crate::filter::Filter;
use crate::stable_hash::StableHash;
use crate::table::{FetchMode, TaskSpec};

impl TaskSubject<'_> {
    /// Every parameter but those that paging sets, in catalog order, and the keywords of its requests.
    pub fn query(&self) -> (Vec<(String, String)>, Segments) {
        let mut query = Vec::new();
        if self.report.endpoint.takes_many_targets()
            && let Some(target) = self.target
        {
            // A body that lists targets is made of what each of them is asked about.
            query.push(("target".to_owned(), target.url.clone()));
            query.push(("mode".to_owned(), target.mode.clone()));
            query.push(("protocol".to_owned(), target.protocol.clone()));
        }
        for parameter in self.report.endpoint.inputs() {
            if let Some(value) = self.value(parameter) {
                query.push((parameter.name.clone(), value));
            }
        }
        let segments = segments::of(self, &query);
        if let Some(first) = segments.first() {
            let position = self.position_in(&query, segments::KEYWORDS);
            query.insert(position, (segments::KEYWORDS.to_owned(), first.clone()));
        }
        (query, segments)
    }

    fn value(&self, parameter: &Parameter) -> Option<String> {
        let report = self.report;
        let name = parameter.name.as_str();
        match (name, &parameter.kind) {
            ("target", _) => self.target.map(|target| target.url.clone()),
            ("mode", _) => self.target.map(|target| target.mode.clone()),
            ("protocol", _) => self.target.map(|target| target.protocol.clone()),
            ("output", _) => Some("json".to_owned()),
            ("date", ParameterKind::Date) => Some(self.night.to_string()),
            ("to", ParameterKind::DateTime) => Some(start_of(self.night.date())),
            ("date_to", _) => {
                if report.since.is_some() || find(&report.parameters, "date_from").is_some() {
                    Some(self.night.to_string())
                } else {
                    None
                }
            }
            ("date_from", _) if report.since.is_some() => report.since.map(|date| date.to_string()),
            (_, ParameterKind::Date) => {
                let text = self.configured(name)?;
                Some(match day_of(text, self.night.date()) {
                    Some(day) => day.to_string(),
                    None => text.to_owned(),
                })
            }
            (_, ParameterKind::DateTime) => {
                let text = self.configured(name)?;
                Some(match day_of(text, self.night.date()) {
                    Some(day) => start_of(day),
                    None => text.to_owned(),
                })
            }
            _ => self.configured(name).map(str::to_owned),
        }
    }

    /// The value that the configuration sets for this task.
    fn configured(&self, name: &str) -> Option<&str> {
        match find(self.varying, name) {
            Some(value) => Some(value),
            None => find(&self.report.parameters, name),
        }
    }

    /// Where a parameter belongs among those of a query: in the order of the catalog.
    fn position_in(&self, query: &[(String, String)], name: &str) -> usize {
        let mut before = Vec::new();
        for parameter in self.report.endpoint.inputs() {
            if parameter.name == name {
                break;
            }
            before.push(parameter.name.as_str());
        }
        let mut position = 0;
        for (known, _) in query {
            let is_before = before.contains(&known.as_str());
            let is_input = self
                .report
                .endpoint
                .inputs()
                .any(|input| input.name == *known);
            if is_input && !is_before {
                break;
            }
            position += 1;
        }
        position
    }

    /// What is asked without what only the night decides.
    pub fn spec(&self, query: &[(String, String)]) -> TaskSpec {
        let report = self.report;
        let mut parameters = BTreeMap::new();
        for (name, value) in query {
            if !self.is_of_the_night(name) {
                parameters.insert(name.clone(), self.as_configured(name, value).to_owned());
            }
        }
        if let Some(keywords) = self.keywords() {
            let mut hash = StableHash::new("keywords-1");
            hash.add_all(keywords);
            parameters.insert(segments::KEYWORDS.to_owned(), hash.finish());
        }
        let mut mode = FetchMode::All;
        if let Some(top) = &report.top {
            mode = FetchMode::Top {
                by: top.by.clone(),
                rows: top.rows,
            };
        }
        if report.changes.is_some() {
            parameters.remove("history");
            mode = FetchMode::Changes { since: None };
        }
        TaskSpec {
            endpoint: report.endpoint.name.clone(),
            columns: report.columns.clone(),
            filter: report.filter.as_ref().map(Filter::to_json),
            mode,
            max_rows: report.max_rows,
            parameters,
        }
    }

    fn is_of_the_night(&self, name: &str) -> bool {
        let endpoint = self.report.endpoint;
        let kind = endpoint.parameter(name).map(|parameter| &parameter.kind);
        match kind {
            // The days of a history are told by what is committed of it.
            Some(ParameterKind::Date) => {
                matches!(name, "date" | "date_to") || (name == "date_from" && endpoint.is_history())
            }
            Some(ParameterKind::DateTime) => name == "to",
            _ => name == "output",
        }
    }

    /// A day as the configuration writes it, where it is relative to the night.
    fn as_configured<'a>(&'a self, name: &str, value: &'a str) -> &'a str {
        match find(&self.report.parameters, name) {
            Some(text) if is_relative(text) => text,
            _ => value,
        }
    }
}

/// Midnight of a day, UTC.
fn start_of(day: NaiveDate) -> String {
    format!("{day}T00:00:00Z")
}
