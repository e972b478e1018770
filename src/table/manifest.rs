//! What is recorded about a partition: the state object of the commit protocol.
//!
//! Data only. Unknown fields, which a newer program added, are ignored and missing ones take their defaults, so that an
//! older program still reads what it knows.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::date_range::DateRange;
use super::recorded_column::RecordedColumn;
use super::task_spec::TaskSpec;
use crate::model::{RunId, SnapshotDate, TaskId};

/// Version of the state object that this program writes.
pub const MANIFEST_VERSION: u32 = 1;

/// State of one partition. There is one object for each, and it decides what is committed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PartitionState {
    /// [`MANIFEST_VERSION`] of the program that wrote it.
    pub version: u32,
    /// The table.
    pub report: String,
    /// The partition's folder below the table, for example `snapshot_date=2026-11-23`.
    pub partition: String,
    /// Grows by one with each commit.
    pub generation: u64,
    /// The process that may change it now, if any.
    #[serde(default)]
    pub owner: Option<String>,
    /// What readers see.
    #[serde(default)]
    pub committed: Option<Committed>,
    /// The replacement under way.
    #[serde(default)]
    pub pending: Option<Pending>,
    /// Tasks of the night whose last attempt did not end in a commit. Their rows from before are still committed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unfinished: Vec<UnfinishedTask>,
}

impl PartitionState {
    /// A partition without a commit.
    pub fn new(report: &str, partition: &str) -> Self {
        Self {
            version: MANIFEST_VERSION,
            report: report.to_owned(),
            partition: partition.to_owned(),
            generation: 0,
            owner: None,
            committed: None,
            pending: None,
            unfinished: Vec::new(),
        }
    }

    /// The committed entry of a task.
    pub fn task(&self, task: &TaskId) -> Option<&TaskEntry> {
        self.committed
            .as_ref()?
            .tasks
            .iter()
            .find(|entry| entry.task == *task)
    }
}

/// The result of a commit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Committed {
    /// The commit.
    pub commit_id: String,
    /// Its files, in order.
    pub files: Vec<FileEntry>,
    /// The tasks whose rows they hold.
    pub tasks: Vec<TaskEntry>,
    /// The columns of every file.
    pub columns: Vec<RecordedColumn>,
    /// Hash of the response bodies as received.
    #[serde(default)]
    pub responses_hash: String,
}

/// A replacement under way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pending {
    /// The commit under way.
    pub commit_id: String,
    /// The generation that it extends.
    pub base_generation: u64,
    /// What readers see once it is done.
    pub next: Committed,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Name inside the partition's folder; with a folder in it where the table has further partition keys.
    pub name: String,
    /// Rows.
    pub rows: u64,
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256 of the content, in lower-case hexadecimal.
    pub sha256: String,
    /// The tasks whose rows it holds.
    #[serde(default)]
    pub tasks: Vec<TaskId>,
}

/// How complete a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TaskStatus {
    /// All rows of the source.
    Complete,
    /// The first rows only: by `max_rows`, or because nothing proves that there are no more.
    Capped,
}

/// One task whose rows a partition holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskEntry {
    /// The task.
    pub task: TaskId,
    /// Name of its target.
    pub target: String,
    /// Its parameters.
    #[serde(default)]
    pub params: BTreeMap<String, String>,
    /// How complete it is.
    pub status: TaskStatus,
    /// The evidence for it, as paging states it.
    #[serde(default)]
    pub evidence: serde_json::Value,
    /// Its rows in the table.
    pub rows: u64,
    /// How many of them repeat another row of the task in every column.
    #[serde(default)]
    pub duplicate_rows: u64,
    /// How many of them repeat another row's identity, by the columns that the catalog names for it: the source repeated
    /// them, or changed while it was read. Absent where not all columns of the identity were fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duplicate_identities: Option<u64>,
    /// Units that it cost.
    #[serde(default)]
    pub units: u64,
    /// Requests that were answered for it.
    #[serde(default)]
    pub requests: u64,
    /// The run that finished it.
    #[serde(default)]
    pub run: RunId,
    /// When its first answer was received, in microseconds since 1970.
    #[serde(default)]
    pub started_at: i64,
    /// When its last answer was received, in microseconds since 1970.
    #[serde(default)]
    pub exported_at: i64,
    /// Which attempt at it the rows come from: the number of the folder of its saved responses.
    #[serde(default)]
    pub attempt: u32,
    /// What was requested. Where the configuration requests something else now, the rows are stale.
    #[serde(default, rename = "asked")]
    pub spec: TaskSpec,
    /// Of a history: for which days its rows were requested. The rest of the entry is of the last answer that reached the
    /// period, except `rows` and the duplicates, which are of all rows that the period holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history: Option<HistoryEntry>,
}

/// What a period of a history holds of a task. A task is complete for a night if the days up to it are covered in all periods
/// together; the period of the night itself is committed last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// The night of the last answer.
    pub night: SnapshotDate,
    /// The days that it was requested for, also those of other periods.
    pub window: DateRange,
    /// The days of this period for which rows were requested with the same parameters, in ranges that do not touch.
    pub covered: Vec<DateRange>,
}

/// How an attempt without a commit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnfinishedStatus {
    /// By a budget or an interrupt.
    Stopped,
    /// By an error.
    Failed,
    /// Deferred to a later night as planned.
    Deferred,
    /// Left to another process.
    Skipped,
}

/// A task whose last attempt did not end in a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnfinishedTask {
    /// The task.
    pub task: TaskId,
    /// Name of its target.
    pub target: String,
    /// Its parameters.
    #[serde(default)]
    pub params: BTreeMap<String, String>,
    /// How the attempt ended.
    pub status: UnfinishedStatus,
    /// Why, in words.
    pub reason: String,
    /// Units spent on it so far.
    #[serde(default)]
    pub units: u64,
    /// The run.
    pub run: RunId,
    /// When it ended, in microseconds since 1970.
    pub at: i64,
    /// Of a history, whose partition holds many nights: the night of the attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub night: Option<SnapshotDate>,
    /// Of a deferred task: since when it is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<SnapshotDate>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_object_of_a_newer_program_is_read() {
        let text = r#"{"version":2,"report":"backlinks","partition":"snapshot_date=2026-11-23","generation":7,
            "colour":"blue","committed":{"commit_id":"c1","files":[],"tasks":[{"task":"00","target":"acme",
            "status":"capped","rows":3,"mood":1}],"columns":[{"name":"a","type":"int64"}]}}"#;
        let state: PartitionState = serde_json::from_str(text).unwrap();
        assert_eq!(state.generation, 7);
        let committed = state.committed.unwrap();
        assert_eq!(committed.tasks[0].status, TaskStatus::Capped);
        assert_eq!(committed.columns[0].kind, "int64");
    }
}
