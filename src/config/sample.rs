//! The sample of a configuration: the same reports on the source's free targets, in a folder of their own.

use std::collections::BTreeMap;

use super::resolved::{Destination, Report, RunConfig, Target};
use crate::catalog::{FREE_ROWS, FREE_TARGETS};

/// Folder of samples in the destination.
pub const SAMPLE_FOLDER: &str = "_sample";

impl RunConfig {
    /// The configuration with the free targets in the place of its own, with at most as many rows a task as are free, and
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
            path: self.destination.path.join(SAMPLE_FOLDER),
            responses: None,
            ..self.destination.clone()
        };
        Self {
            targets: FREE_TARGETS.iter().map(target).collect(),
            reports: self.reports.iter().map(sample_report).collect(),
            destination,
            ..self.clone()
        }
    }
}

fn sample_report(report: &Report) -> Report {
    // Where no target is asked about, one task says it all.
    let targets =
        if report.endpoint.parameter("target").is_some() { (0..FREE_TARGETS.len()).collect() } else { vec![0] };
    let free = u64::from(FREE_ROWS);
    let has_limit = report.endpoint.parameter("limit").is_some();
    let max_rows = if has_limit { Some(report.max_rows.map_or(free, |rows| rows.min(free))) } else { report.max_rows };
    Report { targets, max_rows, ..report.clone() }
}
