//! Configurations of any operation, their faults and their tasks.

use std::path::Path;

use backhaul::catalog::Endpoint;
use backhaul::config::{self, Environment, RunConfig};
use backhaul::error::Errors;
use backhaul::model::Request;
use backhaul::model::SnapshotDate;
use backhaul::plan::{self, Selection, Task};
use serde_json::Value as Json;

use crate::operations::RequiredInput;

pub const HEAD: &str =
    "[source]\napi_key = { env = \"AHREFS_API_KEY\" }\n[destination]\nurl = \"data\"\n";

pub fn parse(text: &str) -> Result<RunConfig, Errors> {
    parse_in(text, Path::new("."))
}

pub fn parse_in(text: &str, folder: &Path) -> Result<RunConfig, Errors> {
    let environment: Environment = [("AHREFS_API_KEY", "test-key")].into_iter().collect();
    config::parse(text, &folder.join("backhaul.toml"), &environment)
}

#[track_caller]
pub fn sound(text: &str) -> RunConfig {
    parse(text).unwrap_or_else(|errors| panic!("{text}\n{}", errors.render()))
}

#[track_caller]
pub fn faults(text: &str) -> String {
    parse(text).expect_err(text).render()
}

pub fn tasks(config: &RunConfig) -> Vec<Task> {
    let night = "2026-11-23".parse().unwrap();
    plan::tasks(
        config,
        SnapshotDate::new(night),
        night,
        &Selection::default(),
    )
    .unwrap()
}

pub fn report(endpoint: &str, lines: &str) -> String {
    format!("[[report]]\nname = \"one\"\nendpoint = \"{endpoint}\"\n{lines}\n")
}

pub fn value<'a>(task: &'a Task, name: &str) -> Option<&'a str> {
    task.query
        .iter()
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.as_str())
}

/// Parameters of a request, from the query or the body.
pub fn said(request: &Request) -> Vec<(String, String)> {
    match &request.body {
        None => request.query.clone(),
        Some(body) => {
            let json: Json = serde_json::from_str(body).unwrap();
            json.as_object()
                .unwrap()
                .iter()
                .map(|(name, value)| (name.clone(), value.to_string()))
                .collect()
        }
    }
}

pub fn configuration(endpoint: &Endpoint, needs: &[&RequiredInput]) -> String {
    let of_file: String = needs.iter().map(|need| need.of_file).collect();
    let of_report: String = needs.iter().map(|need| need.of_report.as_str()).collect();
    format!("{HEAD}{of_file}{}", report(&endpoint.name, &of_report))
}
