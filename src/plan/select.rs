//! `--report NAME… --target NAME|URL|label=value… --date D`: which tasks of the configuration are meant.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::catalog::nearest;
use crate::config::{RunConfig, Target};
use crate::error::{Code, Error, Result};
use crate::table::Span;

/// What the command line selects; empty lists select everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Names of reports.
    pub reports: Vec<String>,
    /// Targets by name, by URL, or by `label=value`; one that fits any of them is meant.
    pub targets: Vec<String>,
    /// The night that was asked for; [`super::night()`] makes a night of it.
    pub date: Option<NaiveDate>,
    /// First and last night of several.
    pub between: Option<(NaiveDate, NaiveDate)>,
}

impl Selection {
    /// Whether a night is meant.
    pub fn covers(&self, night: NaiveDate) -> bool {
        self.date.is_none_or(|date| date == night)
            && self
                .between
                .is_none_or(|(first, last)| (first..=last).contains(&night))
    }

    /// Whether a night of these days is meant.
    pub fn overlaps(&self, days: Span) -> bool {
        self.date.is_none_or(|date| days.contains(date))
            && self
                .between
                .is_none_or(|(first, last)| first <= days.last && days.first <= last)
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
    /// [`Code::Usage`]: a name that no report has.
    pub fn reports(&self, config: &RunConfig) -> Result<Vec<usize>> {
        let names = || config.reports.iter().map(|report| report.name.as_str());
        for wanted in &self.reports {
            if !names().any(|name| name == wanted) {
                return Err(unknown(
                    "report",
                    wanted,
                    nearest(wanted, names()),
                    names().collect(),
                ));
            }
        }
        let is_selected = |name: &str| {
            self.reports.is_empty() || self.reports.iter().any(|wanted| wanted == name)
        };
        Ok(names()
            .enumerate()
            .filter(|(_, name)| is_selected(name))
            .map(|(index, _)| index)
            .collect())
    }

    /// Indices of the selected targets, in file order.
    ///
    /// # Errors
    /// [`Code::Target`]: something that no target fits.
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
        let is_selected = |target: &Target| {
            self.targets.is_empty() || self.targets.iter().any(|wanted| fits(target, wanted))
        };
        let targets = config.targets.iter().enumerate();
        Ok(targets
            .filter(|(_, target)| is_selected(target))
            .map(|(index, _)| index)
            .collect())
    }
}

fn fits(target: &Target, wanted: &str) -> bool {
    is_meant(&target.name, &target.url, &target.labels, wanted)
}

/// Whether `NAME|URL|label=value` means a target.
pub fn is_meant(name: &str, url: &str, labels: &BTreeMap<String, String>, wanted: &str) -> bool {
    let by_label = wanted
        .split_once('=')
        .is_some_and(|(label, value)| labels.get(label).map(String::as_str) == Some(value));
    name == wanted || url == wanted || by_label
}

fn unknown(kind: &str, wanted: &str, near: Option<&str>, names: Vec<&str>) -> Error {
    /// Enough to recognise one's own list without flooding the terminal.
    const SHOWN: usize = 10;
    let code = if kind == "target" {
        Code::Target
    } else {
        Code::Usage
    };
    let more = if names.len() > SHOWN { ", …" } else { "" };
    let shown: Vec<_> = names.into_iter().take(SHOWN).collect();
    let next = match near {
        Some(near) => format!("did you mean --{kind} {near}?"),
        None if shown.is_empty() => format!("leave --{kind} out: the configuration has none"),
        None => format!("one of: {}{more}", shown.join(", ")),
    };
    Error::new(code, format!("the configuration has no {kind} `{wanted}`")).with_next(next)
}
