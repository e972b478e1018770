//! The sample of a configuration: the same reports on the source's free targets, in a folder of their own.

use std::collections::BTreeMap;

use super::resolved::{Destination, KeywordList, Report, RunConfig, Target};
use crate::catalog::{FREE_KEYWORDS, FREE_ROWS, FREE_TARGETS};

/// Folder of samples in the destination.
pub const SAMPLE_FOLDER: &str = "_sample";

/// Name of the keyword list of samples.
const SAMPLE_LIST: &str = "free";

impl RunConfig {
    /// The configuration with the free targets and keywords in the place of its own, with at most as many rows a task as are free, and
    /// with a destination inside its own.
    #[must_use]
    pub fn sample(&self) -> Self {
        let target = |url: &&str| Target {
            name: (*url).to_owned(),
            url: (*url).to_owned(),
            mode: "subdomains".to_owned(),
            protocol: "both".to_owned(),
            labels: BTreeMap::new(),
        };
        let destination = Destination {
            location: self.destination.location.join(SAMPLE_FOLDER),
            responses: None,
            ..self.destination.clone()
        };
        Self {
            targets: FREE_TARGETS.iter().map(target).collect(),
            keyword_lists: vec![KeywordList {
                name: SAMPLE_LIST.to_owned(),
                keywords: FREE_KEYWORDS.map(str::to_owned).to_vec(),
            }],
            reports: self.reports.iter().map(sample_report).collect(),
            destination,
            ..self.clone()
        }
    }
}

fn sample_report(report: &Report) -> Report {
    let targets = if report.targets.is_empty() {
        Vec::new()
    } else {
        (0..FREE_TARGETS.len()).collect()
    };
    let keyword_lists = if report.keyword_lists.is_empty() {
        Vec::new()
    } else {
        vec![0]
    };
    let of_sample = |(name, values): &(String, Vec<String>)| match name.as_str() {
        "keyword" => (name.clone(), FREE_KEYWORDS.map(str::to_owned).to_vec()),
        "keyword_list" => (name.clone(), vec![SAMPLE_LIST.to_owned()]),
        _ => (name.clone(), values.clone()),
    };
    let varying = report.varying.iter().map(of_sample).collect();
    let free = u64::from(FREE_ROWS);
    let has_limit = report.endpoint.parameter("limit").is_some();
    let max_rows = if has_limit {
        Some(report.max_rows.map_or(free, |rows| rows.min(free)))
    } else {
        report.max_rows
    };
    Report {
        varying,
        targets,
        keyword_lists,
        max_rows,
        ..report.clone()
    }
}
