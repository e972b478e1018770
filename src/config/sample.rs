//! The sample of a configuration: the same reports on the source's free targets, in a folder of their own.

use std::collections::BTreeMap;

use super::resolved::{Destination, KeywordList, Report, RunConfig, Target};
use crate::catalog::{FREE_KEYWORDS, FREE_ROWS, FREE_TARGETS};

/// Folder of samples in the destination.
const SAMPLE_FOLDER: &str = "_sample";

/// Name of the keyword list of samples.
const SAMPLE_LIST: &str = "free";

impl RunConfig {
    /// The configuration with the free targets and keywords instead of its own, with at most as many rows a task as are
    /// free, and with a destination inside its own.
    #[must_use]
    pub fn sample(&self) -> Self {
        let destination = Destination {
            location: self.destination.location.join(SAMPLE_FOLDER),
            responses: None,
            ..self.destination.clone()
        };
        Self {
            targets: FREE_TARGETS.map(free_target).to_vec(),
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

fn free_target(url: &str) -> Target {
    Target {
        name: url.to_owned(),
        url: url.to_owned(),
        mode: "subdomains".to_owned(),
        protocol: "both".to_owned(),
        labels: BTreeMap::new(),
    }
}

fn sample_report(report: &Report) -> Report {
    let mut sample = report.clone();
    if !report.targets.is_empty() {
        sample.targets = (0..FREE_TARGETS.len()).collect();
    }
    if !report.keyword_lists.is_empty() {
        sample.keyword_lists = vec![0];
    }
    for (name, values) in &mut sample.varying {
        match name.as_str() {
            "keyword" => *values = FREE_KEYWORDS.map(str::to_owned).to_vec(),
            "keyword_list" => *values = vec![SAMPLE_LIST.to_owned()],
            _ => {}
        }
    }
    if report.endpoint.parameter("limit").is_some() {
        let free = u64::from(FREE_ROWS);
        sample.max_rows = Some(report.max_rows.map_or(free, |rows| rows.min(free)));
    }
    sample
}
