//! What a task asks: the parameters of its requests, as values of the night, and as names that last.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::segments::{self, Segments};
use crate::catalog::{Parameter, ParameterKind};
use crate::config::{Report, RunConfig, Target, day_of, is_relative};
use crate::filter::Filter;
use crate::model::Night;
use crate::stable_hash::StableHash;
use crate::table::{FetchMode, TaskSpec};

/// What one task is about.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    pub config: &'a RunConfig,
    pub report: &'a Report,
    pub target: Option<&'a Target>,
    pub varying: &'a [(String, String)],
    pub night: Night,
}

impl Subject<'_> {
    /// Every parameter but those that paging sets, in catalog order, and the keywords of its requests.
    pub fn query(&self) -> (Vec<(String, String)>, Segments) {
        let named = |parameter: &Parameter| Some((parameter.name.clone(), self.value(parameter)?));
        // A body that lists targets is made of what each of them is asked about.
        let listed = self
            .target
            .filter(|_| self.report.endpoint.takes_many_targets());
        let listed = listed.map(
            |Target {
                 url,
                 mode,
                 protocol,
                 ..
             }| {
                [("target", url), ("mode", mode), ("protocol", protocol)]
                    .map(|(name, value)| (name.to_owned(), value.clone()))
            },
        );
        let own = self.report.endpoint.inputs().filter_map(named);
        let mut query: Vec<(String, String)> = listed.into_iter().flatten().chain(own).collect();
        let segments = segments::of(self, &query);
        if let Some(first) = segments.first() {
            let place = self.place_of(segments::KEYWORDS, &query);
            query.insert(place, (segments::KEYWORDS.to_owned(), first.clone()));
        }
        (query, segments)
    }

    /// The keywords of the task's list, if it looks up one.
    pub fn keywords(&self) -> Option<&[String]> {
        let name = find(self.varying, "keyword_list")?;
        let list = self
            .config
            .keyword_lists
            .iter()
            .find(|list| list.name == name)?;
        Some(&list.keywords)
    }

    fn value(&self, parameter: &Parameter) -> Option<String> {
        let report = self.report;
        let set = || {
            find(self.varying, &parameter.name)
                .or_else(|| find(&report.parameters, &parameter.name))
        };
        match (parameter.name.as_str(), &parameter.kind) {
            ("target", _) => self.target.map(|target| target.url.clone()),
            ("mode", _) => self.target.map(|target| target.mode.clone()),
            ("protocol", _) => self.target.map(|target| target.protocol.clone()),
            ("output", _) => Some("json".to_owned()),
            ("date", ParameterKind::Date) => Some(self.night.to_string()),
            ("to", ParameterKind::DateTime) => Some(start_of(self.night)),
            ("date_to", _) => {
                let begins =
                    report.since.is_some() || find(&report.parameters, "date_from").is_some();
                begins.then(|| self.night.to_string())
            }
            ("date_from", _) if report.since.is_some() => report.since.map(|date| date.to_string()),
            (_, ParameterKind::Date) => set().map(|text| {
                day_of(text, self.night).map_or_else(|| text.to_owned(), |day| day.to_string())
            }),
            (_, ParameterKind::DateTime) => {
                set().map(|text| day_of(text, self.night).map_or_else(|| text.to_owned(), start_of))
            }
            _ => set().map(str::to_owned),
        }
    }

    fn place_of(&self, name: &str, query: &[(String, String)]) -> usize {
        let position = |name: &str| {
            self.report
                .endpoint
                .inputs()
                .position(|parameter| parameter.name == name)
        };
        query
            .iter()
            .take_while(|(known, _)| position(known) < position(name))
            .count()
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

fn find<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs
        .iter()
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.as_str())
}
