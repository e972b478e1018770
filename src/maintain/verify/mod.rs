//! Re-reads what was committed: files against the manifest, then rows and schema against what it says of them, then the
//! records of tables and what lies beside their data. Reads only, and holds no lock: a partition that is being replaced
//! meanwhile is looked at again.

mod records;
mod remedy;
mod rows;

use std::path::PathBuf;
use std::sync::OnceLock;

use crate::clock::SharedClock;
use crate::config::RunConfig;
use crate::context::client::new_run_id;
use crate::error::Result;
use crate::maintain::verify::records::record_problems;
use crate::maintain::verify::remedy::Remedies;
use crate::maintain::verify::rows::Reading;
use crate::model::RunId;
use crate::plan::Selection;
use crate::state::selection::ResolvedSelection;
use crate::store::{
    KnownFiles, Lease, Store, TableRecord, UNPARTITIONED, foreign_files, hidden_data, verify_files,
};
use crate::table::manifest::{PartitionState, TaskEntry};

/// How often a partition that changes while it is read is looked at.
const LOOKS: u32 = 3;

/// What was looked at, and what is wrong.
#[derive(Debug, Default)]
pub struct Verified {
    /// Partitions read.
    pub partitions: u64,
    /// Files read.
    pub files: u64,
    /// Rows read.
    pub rows: u64,
    /// What is wrong; empty if nothing is.
    pub faults: Vec<Fault>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Table, partition and file, as far as they are meant: a path from the destination's root.
    pub place: String,
    /// What is wrong.
    pub problem: String,
    /// What helps: a command, or what to do by hand.
    pub remedy: String,
}

/// Verifies what the selection names.
///
/// # Errors
/// [`crate::error::ErrorCode::Destination`] if there is no destination or it cannot be read; [`crate::error::ErrorCode::Usage`] or
/// [`crate::error::ErrorCode::Target`] for a table or target that it does not know.
pub fn verify(config: &RunConfig, clock: &SharedClock, selection: &Selection) -> Result<Verified> {
    let store = crate::state::open::open_read_only(config)?;
    let chosen = ResolvedSelection::new(config, &store, selection)?;
    let mut known = KnownFiles::default();
    for table in store.tables()? {
        for partition in store.partitions(&table)? {
            // One that cannot be read is reported where it is looked at.
            if let Ok(Some(state)) = store.partition(&table, &partition) {
                known.add(&state);
            }
        }
    }
    let scratch = Scratch {
        store: &store,
        run: new_run_id(clock),
        folder: OnceLock::new(),
    };
    let remedies = Remedies::new(config, &store);
    let verifier = Verifier {
        store: &store,
        known: &known,
        remedies: &remedies,
        scratch: &scratch,
    };
    let mut verified = Verified::default();
    for table in &chosen.tables {
        verifier.table(&chosen, table, &mut verified)?;
    }
    if chosen.is_everything() {
        verified
            .faults
            .extend(hidden_data(&store)?.into_iter().map(|place| Fault {
                remedy: remedies.of_hidden(&place),
                problem:
                    "is named like data: readers who glob hidden folders would count it".to_owned(),
                place,
            }));
    }
    scratch.close()?;
    Ok(verified)
}

struct Verifier<'a> {
    store: &'a Store,
    known: &'a KnownFiles,
    remedies: &'a Remedies<'a>,
    scratch: &'a Scratch<'a>,
}

impl Verifier<'_> {
    fn table(
        &self,
        chosen: &ResolvedSelection<'_>,
        table: &str,
        verified: &mut Verified,
    ) -> Result<()> {
        let record = match self.store.table(table) {
            Ok(record) => record,
            Err(error) => {
                verified.faults.push(Fault {
                    place: format!("_backhaul/tables/{table}.json"),
                    problem: error.one_line(),
                    remedy: self.remedies.of_record(table),
                });
                TableRecord::default()
            }
        };
        let mut states = Vec::new();
        for (partition, state) in chosen.states(table)? {
            match state {
                Ok(state) => {
                    states.push(self.partition(state, &record, verified)?);
                }
                Err(error) => verified.faults.push(Fault {
                    place: format!("_backhaul/tables/{table}/{partition}.json"),
                    problem: error.one_line(),
                    remedy: "restore the file from a backup of the destination".to_owned(),
                }),
            }
        }
        let record = self.store.table(table).unwrap_or_default();
        let known = self.store.partitions(table)?;
        for problem in record_problems(&record, &states) {
            let place = format!("_backhaul/tables/{table}.json");
            verified.faults.push(Fault {
                place,
                problem,
                remedy: self.remedies.of_record(table),
            });
        }
        for partition in record
            .partitions
            .keys()
            .filter(|partition| chosen.covers(partition))
        {
            if !known.contains(partition) {
                verified.faults.push(Fault {
                    place: format!("{table}/{partition}"),
                    problem: "is named by the table's record and has no state: nothing says what belongs there"
                        .to_owned(),
                    remedy: format!(
                        "restore _backhaul/tables/{table}/{partition}.json from a backup of the destination"
                    ),
                });
            }
        }
        for finding in foreign_files(self.store, table, self.known)? {
            if chosen.covers(&finding.partition) {
                let place = place(&finding.report, &finding.partition, finding.file.as_deref());
                let remedy = self.remedies.of_foreign(&place);
                verified.faults.push(Fault {
                    place,
                    problem: finding.problem,
                    remedy,
                });
            }
        }
        Ok(())
    }

    /// Looks at a partition, again if it was replaced meanwhile. Gives the state that was looked at.
    fn partition(
        &self,
        mut state: PartitionState,
        record: &TableRecord,
        verified: &mut Verified,
    ) -> Result<PartitionState> {
        for look in 1..=LOOKS {
            let mut seen = Verified::default();
            let outcome = self.look(&state, record, &mut seen);
            let now = self
                .store
                .partition(&state.report, &state.partition)?
                .unwrap_or_else(|| state.clone());
            let is_settled = (now.generation, &now.pending) == (state.generation, &state.pending);
            let is_clean = outcome.is_ok() && seen.faults.is_empty();
            if is_clean || is_settled || look == LOOKS {
                outcome?;
                verified.partitions += seen.partitions;
                verified.files += seen.files;
                verified.rows += seen.rows;
                verified.faults.extend(seen.faults);
                break;
            }
            state = now;
        }
        Ok(state)
    }

    fn look(
        &self,
        state: &PartitionState,
        record: &TableRecord,
        verified: &mut Verified,
    ) -> Result<()> {
        let findings = verify_files(self.store, state, self.known)?;
        let mut damaged = Vec::new();
        for finding in findings {
            let place = place(&finding.report, &finding.partition, finding.file.as_deref());
            let remedy = match (&finding.file, finding.is_foreign) {
                (_, true) => self.remedies.of_foreign(&place),
                (Some(file), false) => {
                    damaged.push(file.clone());
                    self.remedies
                        .of_tasks(state, |entry| is_in(state, file, entry))
                }
                (None, false) => "backhaul run".to_owned(),
            };
            verified.faults.push(Fault {
                place,
                problem: finding.problem,
                remedy,
            });
        }
        let Some(committed) = &state.committed else {
            return Ok(());
        };
        verified.partitions += 1;
        let mut reading = Reading::new(state, committed, record, || self.scratch.folder());
        for file in committed
            .files
            .iter()
            .filter(|file| !damaged.contains(&file.name))
        {
            verified.files += 1;
            let local = self
                .store
                .table_file(&state.report, &state.partition, &file.name)?;
            let (rows, problems) = match &local {
                Some(local) => reading.read(local.path(), file),
                None => (0, vec!["is missing".to_owned()]),
            };
            verified.rows += rows;
            for problem in problems {
                let place = place(&state.report, &state.partition, Some(&file.name));
                let remedy = self
                    .remedies
                    .of_tasks(state, |entry| is_in(state, &file.name, entry));
                verified.faults.push(Fault {
                    place,
                    problem,
                    remedy,
                });
            }
        }
        for (task, problem) in reading.finish(&damaged)? {
            let place = place(&state.report, &state.partition, None);
            let remedy = self.remedies.of_tasks(state, |entry| {
                task.as_ref().is_none_or(|task| *task == entry.task)
            });
            verified.faults.push(Fault {
                place,
                problem,
                remedy,
            });
        }
        Ok(())
    }
}

/// Whether a file may hold rows of a task.
fn is_in(state: &PartitionState, file: &str, entry: &TaskEntry) -> bool {
    let mut files = state
        .committed
        .iter()
        .flat_map(|committed| &committed.files);
    files.any(|known| {
        known.name == file && (known.tasks.is_empty() || known.tasks.contains(&entry.task))
    })
}

fn place(report: &str, partition: &str, file: Option<&str>) -> String {
    let parts = [report, partition]
        .into_iter()
        .chain(file)
        .filter(|part| !part.is_empty() && *part != UNPARTITIONED);
    parts.collect::<Vec<_>>().join("/")
}

/// A folder for digests that do not fit in memory, made when it is first needed.
struct Scratch<'a> {
    store: &'a Store,
    run: RunId,
    folder: OnceLock<(PathBuf, Lease)>,
}

impl Scratch<'_> {
    fn folder(&self) -> Result<PathBuf> {
        if let Some((folder, _)) = self.folder.get() {
            return Ok(folder.clone());
        }
        let who = format!("verify {} (process {})", self.run, std::process::id());
        let (folder, lock) = self.store.run_folder(self.run.as_str(), &who)?;
        let path = folder.clone();
        let _ = self.folder.set((folder, lock));
        Ok(path)
    }

    fn close(self) -> Result<()> {
        self.folder.into_inner().map_or(Ok(()), |(_, lock)| {
            self.store.close_run(self.run.as_str(), lock)
        })
    }
}
