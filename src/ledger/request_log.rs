//! The ledger of requests: what each was expected to cost and did cost, by day, report, endpoint and target.
//!
//! A run appends a line an attempt, so that being killed loses only what was in flight, and leaves a summary in their
//! place when it ends. Of a run that was killed the saved answers are the truth: those that no line tells of are added.
//!
//! ```text
//! <root>/_backhaul/units/spent/<run>.jsonl     while it runs, or was cut off
//! <root>/_backhaul/units/spent/<run>.json      when it has ended
//! ```

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::sync::{Mutex, PoisonError};

use chrono::DateTime;
use serde::{Deserialize, Serialize};

use crate::api::{AttemptRecord, Outcome};
use crate::config::{Report, RunConfig};
use crate::error::{Error, ErrorCode, Result};
use crate::model::RunId;
use crate::plan::ScheduledTask;
use crate::report::{UnitOverhead, UnitUsage};
use crate::store::{SharedFiles, Store};

/// Folder of the files below `_backhaul/`.
pub(crate) const FOLDER: &str = "units/spent";

/// Lines that a killed run may lose in a bucket, or a quarter of those that lie there: what its saved answers tell is not
/// lost. All lines go up each time, so that a fixed number would cost the square of the requests.
const LINES_AT_A_TIME: usize = 50;

/// What the ledger tells apart.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LogKey {
    /// The UTC day, `2026-11-23`: its order is that of time.
    pub day: String,
    /// The table; empty for what no table was filled from.
    pub report: String,
    /// The operation.
    pub endpoint: String,
    /// Name of the target.
    pub target: String,
}

/// A line of the ledger: what is to be added to an item.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LogLine {
    /// When, in microseconds since 1970. Of an answer: when it was received, which tells it from all others of its task.
    pub at: i64,
    #[serde(default)]
    pub task: String,
    #[serde(default)]
    pub report: String,
    #[serde(default)]
    pub endpoint: String,
    #[serde(default)]
    pub target: String,
    #[serde(flatten)]
    pub spent: UnitUsage,
}

/// One item of a closed ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    #[serde(flatten)]
    item: LogKey,
    #[serde(flatten)]
    spent: UnitUsage,
}

/// What a run has spent, by item.
pub type Totals = BTreeMap<LogKey, UnitUsage>;

/// The ledger of the run that is under way.
#[derive(Debug)]
pub(crate) struct RequestLog {
    files: SharedFiles,
    run: RunId,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    file: Option<File>,
    /// In a bucket, nothing of which can be appended to: all lines so far, and how many of them lie there.
    lines: Vec<u8>,
    num_saved: usize,
    num_unsaved: usize,
    totals: Totals,
    is_told: bool,
}

/// Who a request is for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RequestLabels {
    task: String,
    report: String,
    endpoint: String,
    target: String,
}

impl RequestLabels {
    /// The account of a job.
    pub fn of(config: &RunConfig, job: &ScheduledTask, report: &Report) -> Self {
        Self {
            task: job.task.id.as_str().to_owned(),
            report: report.name.clone(),
            endpoint: report.endpoint.name.clone(),
            target: config.target_name(job.task.target).to_owned(),
        }
    }

    /// The same, for a request to another operation.
    pub fn asking(self, endpoint: &str) -> Self {
        Self {
            endpoint: endpoint.to_owned(),
            ..self
        }
    }

    /// The account of what is asked for no table.
    pub fn of_probe(endpoint: &str, target: &str) -> Self {
        Self {
            endpoint: endpoint.to_owned(),
            target: target.to_owned(),
            ..Self::default()
        }
    }
}

impl RequestLog {
    /// The ledger of a run; its file comes with the first line.
    pub fn new(store: &Store, run: &RunId) -> Self {
        Self {
            files: store.files(FOLDER),
            run: run.clone(),
            state: Mutex::default(),
        }
    }

    /// Notes what became of an attempt.
    pub fn record_attempt(&self, account: &RequestLabels, now: i64, attempted: AttemptRecord) {
        let AttemptRecord { expected, outcome } = attempted;
        let base = UnitUsage {
            requests: 1,
            ..UnitUsage::default()
        };
        let (at, spent) = match outcome {
            Outcome::Answered {
                units,
                price,
                received_at,
            } => (
                received_at,
                UnitUsage {
                    answers: 1,
                    cache_hits: u64::from(price.cache_hit),
                    free: u64::from(units == 0 && !price.cache_hit),
                    expected,
                    units,
                    ..base
                },
            ),
            Outcome::ChargedButUnusable { units } => (
                now,
                UnitUsage {
                    expected,
                    units,
                    wasted: UnitOverhead {
                        lost: units,
                        ..UnitOverhead::default()
                    },
                    ..base
                },
            ),
            Outcome::Unknown => {
                let wasted = UnitOverhead {
                    lost: expected,
                    ..UnitOverhead::default()
                };
                (
                    now,
                    UnitUsage {
                        unknown: 1,
                        expected,
                        units_unknown: expected,
                        wasted,
                        ..base
                    },
                )
            }
            Outcome::Refused => (now, UnitUsage { refused: 1, ..base }),
        };
        self.note(account, at, spent);
    }

    /// Notes the part of an answer for many targets that falls to one of them.
    pub fn record_batch_share(&self, account: &RequestLabels, at: i64, spent: UnitUsage) {
        self.note(account, at, spent);
    }

    /// Notes what of an answer's price brought no row.
    pub fn record_overhead(&self, account: &RequestLabels, at: i64, wasted: UnitOverhead) {
        if !wasted.is_zero_total() {
            self.note(
                account,
                at,
                UnitUsage {
                    wasted,
                    ..UnitUsage::default()
                },
            );
        }
    }

    /// What was noted so far.
    pub fn totals(&self) -> Totals {
        self.lock().totals.clone()
    }

    /// Puts a summary in the place of the lines.
    ///
    /// # Errors
    /// [`ErrorCode::Destination`].
    pub fn close(&self) -> Result<()> {
        let mut state = self.lock();
        if state.totals.is_empty() {
            return Ok(());
        }
        state.file = None;
        write(&self.files, &closed(&self.run), &state.totals)?;
        self.files.remove(&open(&self.run))
    }

    fn note(&self, account: &RequestLabels, at: i64, spent: UnitUsage) {
        let RequestLabels {
            task,
            report,
            endpoint,
            target,
        } = account.clone();
        let line = LogLine {
            at,
            task,
            report,
            endpoint,
            target,
            spent,
        };
        let mut state = self.lock();
        *state.totals.entry(line.item()).or_default() += spent;
        // What is noted is a convenience beside saved answers and promises: it must not stop what they allow.
        if let Err(error) = self.append(&mut state, &line)
            && !std::mem::replace(&mut state.is_told, true)
        {
            tracing::warn!(path = self.files.location_of(&open(&self.run)), %error, "the ledger of requests cannot be written");
        }
    }

    fn append(&self, state: &mut State, line: &LogLine) -> std::io::Result<()> {
        let mut bytes = serde_json::to_vec(line)?;
        bytes.push(b'\n');
        let Some(folder) = self.files.local_folder() else {
            state.lines.extend_from_slice(&bytes);
            state.num_unsaved += 1;
            if is_due(state.num_saved, state.num_unsaved) {
                state.num_saved += std::mem::take(&mut state.num_unsaved);
                self.files
                    .replace(&open(&self.run), state.lines.clone().into())
                    .map_err(std::io::Error::other)?;
            }
            return Ok(());
        };
        if state.file.is_none() {
            std::fs::create_dir_all(folder)?;
            state.file = Some(
                File::options()
                    .append(true)
                    .create(true)
                    .open(folder.join(open(&self.run)))?,
            );
        }
        // In one piece, so that a killed process leaves whole lines.
        state
            .file
            .as_mut()
            .map_or(Ok(()), |file| file.write_all(&bytes))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether lines are to go up, when so many lie there.
fn is_due(num_saved: usize, num_unsaved: usize) -> bool {
    num_unsaved >= LINES_AT_A_TIME.max(num_saved / 4)
}

impl LogLine {
    fn item(&self) -> LogKey {
        let day = DateTime::from_timestamp_micros(self.at)
            .map(|time| time.date_naive())
            .unwrap_or_default()
            .to_string();
        LogKey {
            day,
            report: self.report.clone(),
            endpoint: self.endpoint.clone(),
            target: self.target.clone(),
        }
    }
}

/// What every run has spent of which the ledger is there, those under way included, by run.
///
/// # Errors
/// [`ErrorCode::Destination`].
pub(crate) fn of_all_runs(store: &Store) -> Result<BTreeMap<RunId, Totals>> {
    let mut runs = BTreeMap::new();
    let files = store.files(FOLDER);
    for name in files.list("")? {
        if let Some(run) = name.strip_suffix(".json") {
            runs.insert(RunId::new(run), read(&files, &name)?);
        } else if let Some(run) = name.strip_suffix(".jsonl")
            && !runs.contains_key(run)
        {
            runs.insert(RunId::new(run), totals(&lines(&files, &name)?));
        }
    }
    Ok(runs)
}

/// Takes the name of a target out of the ledgers of runs that have ended; what it cost stays.
///
/// # Errors
/// [`ErrorCode::Destination`].
pub(crate) fn forget(store: &Store, target: &str) -> Result<()> {
    let files = store.files(FOLDER);
    for name in files
        .list("")?
        .into_iter()
        .filter(|name| name.strip_suffix(".json").is_some())
    {
        let totals = read(&files, &name)?;
        if totals.keys().all(|item| item.target != target) {
            continue;
        }
        let mut rest = Totals::new();
        for (mut item, spent) in totals {
            if item.target == target {
                item.target.clear();
            }
            *rest.entry(item).or_default() += spent;
        }
        write(&files, &name, &rest)?;
    }
    Ok(())
}

pub(crate) fn totals(lines: &[LogLine]) -> Totals {
    let mut totals = Totals::new();
    for line in lines {
        *totals.entry(line.item()).or_default() += line.spent;
    }
    totals
}

/// The whole lines of a file; the last one of a killed process may be torn.
pub(crate) fn lines(files: &SharedFiles, name: &str) -> Result<Vec<LogLine>> {
    let text = files.load(name)?.unwrap_or_default();
    Ok(text
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect())
}

pub(crate) fn read(files: &SharedFiles, name: &str) -> Result<Totals> {
    let Some(bytes) = files.load(name)? else {
        return Ok(Totals::new());
    };
    let entries: Vec<Entry> = serde_json::from_slice(&bytes).unwrap_or_else(|error| {
        tracing::warn!(path = files.location_of(name), %error, "a ledger of requests is damaged and does not count");
        Vec::new()
    });
    let mut totals = Totals::new();
    for Entry { item, spent } in entries {
        *totals.entry(item).or_default() += spent;
    }
    Ok(totals)
}

pub(crate) fn write(files: &SharedFiles, name: &str, totals: &Totals) -> Result<()> {
    let entries: Vec<Entry> = totals
        .iter()
        .map(|(item, spent)| Entry {
            item: item.clone(),
            spent: *spent,
        })
        .collect();
    let bytes = serde_json::to_vec(&entries).map_err(|error| {
        Error::new(ErrorCode::Internal, "a ledger cannot be written").with_source(error)
    })?;
    files.replace(name, bytes.into())
}

/// The file of a run that is under way.
pub(crate) fn open(run: &RunId) -> String {
    format!("{run}.jsonl")
}

/// The file of a run that has ended.
pub(crate) fn closed(run: &RunId) -> String {
    format!("{run}.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_up_grows_with_the_lines_and_not_with_their_square() {
        let (mut num_saved, mut num_unsaved, mut num_sent) = (0, 0, 0);
        for _ in 0..300_000 {
            num_unsaved += 1;
            if is_due(num_saved, num_unsaved) {
                num_saved += std::mem::take(&mut num_unsaved);
                num_sent += num_saved;
            }
        }
        assert!(num_saved >= 240_000, "{num_saved}");
        assert!(num_sent < 6 * 300_000, "{num_sent}");
    }

    fn account() -> RequestLabels {
        RequestLabels {
            target: "acme".into(),
            ..RequestLabels::of_probe("site-explorer/anchors", "acme")
        }
    }

    fn answered(units: u64, received_at: i64) -> AttemptRecord {
        let price = crate::model::Price::default();
        AttemptRecord {
            expected: 90,
            outcome: Outcome::Answered {
                units,
                price,
                received_at,
            },
        }
    }

    #[test]
    fn a_ledger_reads_the_same_while_it_is_written_and_when_it_is_closed() {
        let folder = tempfile::tempdir().expect("temp dir");
        let store = Store::open_read_only(folder.path());
        let spending = RequestLog::new(&store, &RunId::new("20261123T021507Z-00000000"));
        spending.record_attempt(&account(), 0, answered(50, 86_400_000_000));
        spending.record_attempt(
            &account(),
            86_400_000_001,
            AttemptRecord {
                expected: 90,
                outcome: Outcome::Unknown,
            },
        );
        spending.record_overhead(
            &account(),
            86_400_000_000,
            UnitOverhead {
                minimums: 20,
                ..UnitOverhead::default()
            },
        );
        let open = of_all_runs(&store).expect("readable");
        spending.close().expect("closes");
        let closed = of_all_runs(&store).expect("readable");
        assert_eq!(open, closed);
        let (item, spent) = closed
            .values()
            .next()
            .and_then(|totals| totals.first_key_value())
            .expect("an item");
        assert_eq!(item.day, "1970-01-02");
        assert_eq!(
            (spent.requests, spent.units, spent.units_unknown),
            (2, 50, 90)
        );
        assert_eq!((spent.wasted.minimums, spent.wasted.lost), (20, 90));
        assert_eq!(
            store.files(FOLDER).list("").expect("listable"),
            ["20261123T021507Z-00000000.json"]
        );
    }

    #[test]
    fn a_torn_line_is_the_only_one_that_does_not_count() {
        let folder = tempfile::tempdir().expect("temp dir");
        let store = Store::open_read_only(folder.path());
        let spending = RequestLog::new(&store, &RunId::new("r"));
        spending.record_attempt(&account(), 0, answered(50, 1));
        spending.record_attempt(&account(), 0, answered(60, 2));
        let path = spending.files.location_of("r.jsonl");
        let whole = std::fs::read(&path).expect("readable");
        std::fs::write(&path, &whole[..whole.len() - 5]).expect("writable");
        let runs = of_all_runs(&store).expect("readable");
        assert_eq!(runs["r"].values().map(|spent| spent.units).sum::<u64>(), 50);
    }
}
