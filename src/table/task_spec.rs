//! What a task asks of the source, kept with its saved answers and its committed rows, so that a later run can tell what
//! no longer answers it.
//!
//! Up to version 0.1 it was kept as a map of texts (`"columns": "a,b"`, `"top": "traffic 100"`); those are still read.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::stable_hash::StableHash;

/// Which rows of the source a task fetches.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FetchMode {
    /// All rows.
    #[default]
    All,
    /// The first rows of a ranking.
    Top {
        /// The column that ranks, greatest first.
        by: String,
        /// How many rows.
        rows: u64,
    },
    /// The rows that came or went.
    Changes {
        /// The first day of which changes are fetched; `None` for a base, which holds all rows. No reason to fetch again.
        since: Option<NaiveDate>,
    },
}

/// What a task asks: the operation, its parameters but for the night's own dates, the filter, the columns and the limit of
/// rows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Stored")]
pub struct TaskSpec {
    /// The operation.
    pub endpoint: String,
    /// The columns of the table, in order.
    pub columns: Vec<String>,
    /// The filter, as the API takes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<Json>,
    /// Which rows.
    pub mode: FetchMode,
    /// The most rows that are fetched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_rows: Option<u64>,
    /// The parameters; of a list of keywords, its hash.
    pub parameters: BTreeMap<String, String>,
}

/// The forms in which it is read.
#[derive(Deserialize)]
#[serde(untagged)]
enum Stored {
    Typed {
        endpoint: String,
        columns: Vec<String>,
        #[serde(default)]
        filter: Option<Json>,
        mode: FetchMode,
        #[serde(default)]
        max_rows: Option<u64>,
        #[serde(default)]
        parameters: BTreeMap<String, String>,
    },
    Texts(BTreeMap<String, String>),
}

impl From<Stored> for TaskSpec {
    fn from(stored: Stored) -> Self {
        match stored {
            Stored::Typed {
                endpoint,
                columns,
                filter,
                mode,
                max_rows,
                parameters,
            } => Self {
                endpoint,
                columns,
                filter,
                mode,
                max_rows,
                parameters,
            },
            Stored::Texts(texts) => Self::from_texts(texts),
        }
    }
}

const ENDPOINT: &str = "endpoint";
const COLUMNS: &str = "columns";
const WHERE: &str = "where";
const TOP: &str = "top";
const REPORT_MODE: &str = "report_mode";
const CHANGES: &str = "changes";
const CHANGES_SINCE: &str = "changes_since";
const MAX_ROWS: &str = "max_rows";

impl TaskSpec {
    /// Reads the map of texts of version 0.1.
    fn from_texts(mut texts: BTreeMap<String, String>) -> Self {
        let columns = texts.remove(COLUMNS).unwrap_or_default();
        let mut spec = Self {
            endpoint: texts.remove(ENDPOINT).unwrap_or_default(),
            ..Self::default()
        };
        if !columns.is_empty() {
            spec.columns = columns.split(',').map(str::to_owned).collect();
        }
        if let Some(text) = texts.remove(WHERE) {
            spec.filter = Some(serde_json::from_str(&text).unwrap_or(Json::String(text)));
        }
        let since = texts.remove(CHANGES_SINCE);
        if texts.remove(REPORT_MODE).is_some() {
            let since = since.and_then(|day| day.parse().ok());
            spec.mode = FetchMode::Changes { since };
        } else if let Some(text) = texts.remove(TOP)
            && let Some((by, rows)) = text.split_once(' ')
        {
            spec.mode = FetchMode::Top {
                by: by.to_owned(),
                rows: rows.parse().unwrap_or_default(),
            };
        }
        let max_rows = texts.remove(MAX_ROWS);
        spec.max_rows = max_rows.and_then(|rows| rows.parse().ok());
        spec.parameters = texts;
        spec
    }

    /// The day since when changes are fetched, of a report of changes that is no base.
    pub fn changes_since(&self) -> Option<NaiveDate> {
        match &self.mode {
            FetchMode::Changes { since } => *since,
            FetchMode::All | FetchMode::Top { .. } => None,
        }
    }

    /// Whether it fetches changes but has no day since when: all rows.
    pub fn is_changes_base(&self) -> bool {
        self.mode == FetchMode::Changes { since: None }
    }

    /// The same with the day since when changes are fetched; unchanged where no changes are fetched.
    #[must_use]
    pub fn with_changes_since(mut self, day: Option<NaiveDate>) -> Self {
        if let FetchMode::Changes { since } = &mut self.mode
            && day.is_some()
        {
            *since = day;
        }
        self
    }

    /// What this spec asks that rows fetched for `fetched` do not answer, by name, sorted; empty if they do. Columns that
    /// are no longer wanted are no reason to fetch again, nor is a limit of rows that did not end the fetching.
    pub fn stale_fields(&self, fetched: &Self, was_capped_by_max_rows: bool) -> Vec<String> {
        let mut stale = Vec::new();
        for column in &self.columns {
            if !fetched.columns.contains(column) {
                stale.push(format!("column {column}"));
            }
        }
        if self.endpoint != fetched.endpoint {
            stale.push(ENDPOINT.to_owned());
        }
        if self.filter != fetched.filter {
            stale.push(WHERE.to_owned());
        }
        let limit = |spec: &Self| spec.max_rows.unwrap_or(u64::MAX);
        if was_capped_by_max_rows && limit(self) > limit(fetched) {
            stale.push(MAX_ROWS.to_owned());
        }
        stale.extend(self.stale_mode(fetched));
        let names = self.parameters.keys().chain(fetched.parameters.keys());
        for name in names.collect::<BTreeSet<_>>() {
            if self.parameters.get(name) != fetched.parameters.get(name) {
                stale.push(name.clone());
            }
        }
        stale.sort();
        stale
    }

    fn stale_mode(&self, fetched: &Self) -> Vec<String> {
        let is_top = |spec: &Self| matches!(spec.mode, FetchMode::Top { .. });
        let is_changes = |spec: &Self| matches!(spec.mode, FetchMode::Changes { .. });
        let mut stale = Vec::new();
        if is_changes(self) != is_changes(fetched) {
            stale.push(REPORT_MODE.to_owned());
        }
        if (is_top(self) || is_top(fetched)) && self.mode != fetched.mode {
            stale.push(TOP.to_owned());
        }
        stale
    }

    /// Adds the parameters and the operation to a hash: what is looked up, whatever is wanted of it.
    pub fn hash_lookup(&self, hash: &mut StableHash) {
        for (name, value) in self.texts() {
            let is_of_lookup = !matches!(
                name.as_str(),
                COLUMNS | WHERE | TOP | MAX_ROWS | REPORT_MODE | CHANGES_SINCE
            );
            if is_of_lookup {
                hash.add(&name);
                hash.add(&value);
            }
        }
    }

    /// Adds everything to a hash; the order of columns is none of it.
    pub fn hash_all(&self, hash: &mut StableHash) {
        for (name, value) in self.texts() {
            let mut parts: Vec<&str> = value.split(',').collect();
            if name == COLUMNS {
                parts.sort_unstable();
            }
            hash.add(&name);
            hash.add_all(&parts);
        }
    }

    /// The texts of version 0.1, which hashes that last are made of.
    fn texts(&self) -> BTreeMap<String, String> {
        let mut texts = self.parameters.clone();
        texts.insert(ENDPOINT.to_owned(), self.endpoint.clone());
        texts.insert(COLUMNS.to_owned(), self.columns.join(","));
        if let Some(filter) = &self.filter {
            texts.insert(WHERE.to_owned(), filter.to_string());
        }
        if let Some(rows) = self.max_rows {
            texts.insert(MAX_ROWS.to_owned(), rows.to_string());
        }
        match &self.mode {
            FetchMode::All => {}
            FetchMode::Top { by, rows } => {
                texts.insert(TOP.to_owned(), format!("{by} {rows}"));
            }
            FetchMode::Changes { since } => {
                texts.insert(REPORT_MODE.to_owned(), CHANGES.to_owned());
                if let Some(since) = since {
                    texts.insert(CHANGES_SINCE.to_owned(), since.to_string());
                }
            }
        }
        texts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: &str = r#"{
        "aggregation": "all",
        "changes_since": "2026-11-21",
        "columns": "url_from,traffic",
        "endpoint": "site-explorer/all-backlinks",
        "max_rows": "10",
        "report_mode": "changes",
        "where": "{\"field\":\"class_c\",\"is\":[\"gt\",1]}"
    }"#;

    fn spec() -> TaskSpec {
        serde_json::from_str(TEXTS).expect("readable")
    }

    #[test]
    fn texts_of_version_0_1_are_read() {
        let spec = spec();
        assert_eq!(spec.endpoint, "site-explorer/all-backlinks");
        assert_eq!(spec.columns, ["url_from", "traffic"]);
        assert_eq!(spec.max_rows, Some(10));
        assert_eq!(spec.changes_since(), "2026-11-21".parse().ok());
        assert_eq!(
            spec.filter,
            Some(serde_json::json!({"field": "class_c", "is": ["gt", 1]}))
        );
        let texts: BTreeMap<String, String> = serde_json::from_str(TEXTS).expect("a map");
        assert_eq!(spec.texts(), texts);
        let none: TaskSpec = serde_json::from_str("{}").expect("readable");
        assert_eq!(none, TaskSpec::default());
    }

    #[test]
    fn what_is_written_is_read_again() {
        let top = TaskSpec {
            mode: FetchMode::Top {
                by: "traffic".to_owned(),
                rows: 100,
            },
            ..spec()
        };
        for spec in [spec(), top, TaskSpec::default()] {
            let json = serde_json::to_string(&spec).expect("writable");
            let read: TaskSpec = serde_json::from_str(&json).expect("readable");
            assert_eq!(read, spec);
        }
    }

    #[test]
    fn what_is_not_answered_is_named() {
        let fetched = spec();
        let base = fetched.clone().with_changes_since(None);
        assert!(base.stale_fields(&fetched, true).is_empty());
        let mut wanted = fetched.clone();
        wanted.columns = vec!["traffic".to_owned()];
        assert!(wanted.stale_fields(&fetched, true).is_empty());
        wanted.columns.push("title".to_owned());
        wanted.filter = None;
        wanted.mode = FetchMode::All;
        wanted.max_rows = None;
        wanted
            .parameters
            .insert("country".to_owned(), "us".to_owned());
        assert_eq!(
            wanted.stale_fields(&fetched, true),
            [
                "column title",
                "country",
                "max_rows",
                "report_mode",
                "where"
            ]
        );
        assert_eq!(
            wanted.stale_fields(&fetched, false),
            ["column title", "country", "report_mode", "where"]
        );
    }
}
