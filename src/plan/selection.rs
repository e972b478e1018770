//! `--report NAME… --target NAME|URL|label=value… --date D`: which tasks of the configuration are meant.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::catalog::nearest;
use crate::config::{RunConfig, Target};
use crate::error::{Error, ErrorCode, Result};
use crate::table::DateRange;

/// What the command line selects; empty lists select everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Names of reports.
    pub reports: Vec<String>,
    /// Targets by name, by URL, or by `label=value`; one that fits any of them is meant.
    pub targets: Vec<String>,
    /// The night that was asked for; [`super::resolve_date`] makes a night of it.
    pub date: Option<NaiveDate>,
    /// First and last night of several.
    pub between: Option<(NaiveDate, NaiveDate)>,
}

impl Selection {
    /// Whether a night is meant.
    pub fn covers(&self, night: NaiveDate) -> bool {
        let (first, last) = self.bounds();
        (first..=last).contains(&night)
    }

    /// Whether a night of these days is meant.
    pub fn overlaps(&self, days: DateRange) -> bool {
        let (first, last) = self.bounds();
        first <= days.last && days.first <= last
    }

    /// The first and the last night that are meant.
    fn bounds(&self) -> (NaiveDate, NaiveDate) {
        let (mut first, mut last) = (NaiveDate::MIN, NaiveDate::MAX);
        if let Some(date) = self.date {
            (first, last) = (date, date);
        }
        if let Some((from, to)) = self.between {
            (first, last) = (first.max(from), last.min(to));
        }
        (first, last)
    }

    /// Whether anything is left out.
    pub fn is_partial(&self) -> bool {
        !self.targets.is_empty() || self.date.is_some() || self.between.is_some()
    }

    /// Whether a report, a target or a night is named.
    pub fn names_something(&self) -> bool {
        self.is_partial() || !self.reports.is_empty()
    }

    /// Indices of the selected reports, in file order.
    ///
    /// # Errors
    /// [`ErrorCode::Usage`]: a name that no report has.
    pub fn reports(&self, config: &RunConfig) -> Result<Vec<usize>> {
        let names: Vec<&str> = config
            .reports
            .iter()
            .map(|report| report.name.as_str())
            .collect();
        for wanted in &self.reports {
            if !names.contains(&wanted.as_str()) {
                let near = nearest(wanted, names.iter().copied());
                return Err(unknown("report", wanted, near, names));
            }
        }
        let mut selected = Vec::new();
        for (index, name) in names.iter().enumerate() {
            if self.reports.is_empty() || self.reports.iter().any(|wanted| wanted == name) {
                selected.push(index);
            }
        }
        Ok(selected)
    }

    /// Indices of the selected targets, in file order.
    ///
    /// # Errors
    /// [`ErrorCode::Target`]: something that no target fits.
    pub fn targets(&self, config: &RunConfig) -> Result<Vec<usize>> {
        for wanted in &self.targets {
            if !config.targets.iter().any(|target| fits(target, wanted)) {
                let names: Vec<_> = config
                    .targets
                    .iter()
                    .map(|target| target.name.as_str())
                    .collect();
                return Err(unknown(
                    "target",
                    wanted,
                    nearest(wanted, names.iter().copied()),
                    names,
                ));
            }
        }
        let mut selected = Vec::new();
        for (index, target) in config.targets.iter().enumerate() {
            let is_named = self.targets.iter().any(|wanted| fits(target, wanted));
            if self.targets.is_empty() || is_named {
                selected.push(index);
            }
        }
        Ok(selected)
    }
}

fn fits(target: &Target, wanted: &str) -> bool {
    is_meant(&target.name, &target.url, &target.labels, wanted)
}

/// Whether `NAME|URL|label=value` means a target.
pub fn is_meant(name: &str, url: &str, labels: &BTreeMap<String, String>, wanted: &str) -> bool {
    if name == wanted || url == wanted {
        return true;
    }
    match wanted.split_once('=') {
        Some((label, value)) => labels.get(label).is_some_and(|known| known == value),
        None => false,
    }
}

fn unknown(kind: &str, wanted: &str, near: Option<&str>, names: Vec<&str>) -> Error {
    /// Enough to recognise one's own list without flooding the terminal.
    const SHOWN: usize = 10;
    let code = if kind == "target" {
        ErrorCode::Target
    } else {
        ErrorCode::Usage
    };
    let more = if names.len() > SHOWN { ", …" } else { "" };
    let shown: Vec<_> = names.into_iter().take(SHOWN).collect();
    let next = match near {
        Some(near) => format!("did you mean --{kind} {near}?"),
        None if shown.is_empty() => format!("leave --{kind} out: the configuration has none"),
        None => format!("one of: {}{more}", shown.join(", ")),
    };
    Error::new(code, format!("the configuration has no {kind} `{wanted}`")).with_hint(next)
}
