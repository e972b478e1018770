//! What one task is about: report, target and what varies.

use crate::config::{Report, RunConfig, Target};
use crate::model::SnapshotDate;

/// What one task is about.
#[derive(Clone, Copy)]
pub(super) struct TaskSubject<'a> {
    pub config: &'a RunConfig,
    pub report: &'a Report,
    pub target: Option<&'a Target>,
    pub varying: &'a [(String, String)],
    pub night: SnapshotDate,
}

impl<'a> TaskSubject<'a> {
    /// The keywords of the task's list, if it looks up one.
    pub fn keywords(&self) -> Option<&'a [String]> {
        let name = find(self.varying, "keyword_list")?;
        let list = self
            .config
            .keyword_lists
            .iter()
            .find(|list| list.name == name)?;
        Some(&list.keywords)
    }
}

/// The value of a parameter, by its name.
pub(super) fn find<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    for (known, value) in pairs {
        if known == name {
            return Some(value);
        }
    }
    None
}
