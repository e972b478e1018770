//! Verifies the selected partitions of a destination. Reads only, and holds no lock: a partition that is replaced
//! meanwhile is checked again.

use crate::clock::SharedClock;
use crate::config::RunConfig;
use crate::context::client::new_run_id;
use crate::error::Result;
use crate::maintain::verify::problem::Verified;
use crate::maintain::verify::records::record_problems;
use crate::maintain::verify::remedy::Remedies;
use crate::maintain::verify::rows::PartitionReader;
use crate::maintain::verify::scratch::ScratchFolder;
use crate::plan::Selection;
use crate::state::selection::ResolvedSelection;
use crate::store::{
    KnownFiles, Store, TableRecord, UNPARTITIONED, foreign_files, hidden_data, verify_files,
};
use crate::table::manifest::{PartitionState, TaskEntry};

/// How often a partition is checked at most that changes while it is read.
const MAX_ATTEMPTS: u32 = 3;

/// Verifies what the selection names.
///
/// # Errors
/// [`crate::error::ErrorCode::Destination`] if the destination is missing or cannot be read; [`crate::error::ErrorCode::Usage`] or
/// [`crate::error::ErrorCode::Target`] for a table or target that it does not know.
pub fn verify(config: &RunConfig, clock: &SharedClock, selection: &Selection) -> Result<Verified> {
    let store = crate::state::open::open_read_only(config)?;
    let chosen = ResolvedSelection::new(config, &store, selection)?;
    let mut known = KnownFiles::default();
    for table in store.tables()? {
        for partition in store.partitions(&table)? {
            // One that cannot be read is reported where it is checked.
            if let Ok(Some(state)) = store.partition(&table, &partition) {
                known.add(&state);
            }
        }
    }
    let scratch = ScratchFolder::new(&store, new_run_id(clock));
    let remedies = Remedies::new(config, &store);
    let verifier = Verifier {
        store: &store,
        known: &known,
        remedies: &remedies,
        scratch: &scratch,
    };
    let mut verified = Verified::default();
    for table in &chosen.tables {
        verifier.check_table(&chosen, table, &mut verified)?;
    }
    if chosen.is_everything() {
        for path in hidden_data(&store)? {
            let remedy = remedies.of_hidden(&path);
            let description = "is named like data: readers who glob hidden folders would count it";
            verified.push(path, description.to_owned(), remedy);
        }
    }
    scratch.close()?;
    Ok(verified)
}

struct Verifier<'a> {
    store: &'a Store,
    known: &'a KnownFiles,
    remedies: &'a Remedies<'a>,
    scratch: &'a ScratchFolder<'a>,
}

impl Verifier<'_> {
    fn check_table(
        &self,
        chosen: &ResolvedSelection<'_>,
        table: &str,
        verified: &mut Verified,
    ) -> Result<()> {
        let record_path = format!("_backhaul/tables/{table}.json");
        let record = match self.store.table(table) {
            Ok(record) => record,
            Err(error) => {
                let remedy = self.remedies.of_record(table);
                verified.push(record_path.clone(), error.one_line(), remedy);
                TableRecord::default()
            }
        };
        let mut states = Vec::new();
        for (partition, state) in chosen.states(table)? {
            match state {
                Ok(state) => states.push(self.check_until_stable(state, &record, verified)?),
                Err(error) => verified.push(
                    format!("_backhaul/tables/{table}/{partition}.json"),
                    error.one_line(),
                    "restore the file from a backup of the destination".to_owned(),
                ),
            }
        }
        let record = self.store.table(table).unwrap_or_default();
        let known = self.store.partitions(table)?;
        for problem in record_problems(&record, &states) {
            verified.push(record_path.clone(), problem, self.remedies.of_record(table));
        }
        for partition in record.partitions.keys() {
            if chosen.covers(partition) && !known.contains(partition) {
                verified.push(
                    format!("{table}/{partition}"),
                    "is named by the table's record and has no state: nothing says what belongs there"
                        .to_owned(),
                    format!(
                        "restore _backhaul/tables/{table}/{partition}.json from a backup of the destination"
                    ),
                );
            }
        }
        for finding in foreign_files(self.store, table, self.known)? {
            if chosen.covers(&finding.partition) {
                let path = path_of(&finding.report, &finding.partition, finding.file.as_deref());
                let remedy = self.remedies.of_foreign(&path);
                verified.push(path, finding.problem, remedy);
            }
        }
        Ok(())
    }

    /// Checks a partition, again if it was replaced meanwhile. Returns the state that was checked.
    fn check_until_stable(
        &self,
        mut state: PartitionState,
        record: &TableRecord,
        verified: &mut Verified,
    ) -> Result<PartitionState> {
        for attempt in 1..=MAX_ATTEMPTS {
            let mut checked = Verified::default();
            let outcome = self.check_partition(&state, record, &mut checked);
            let now = self
                .store
                .partition(&state.report, &state.partition)?
                .unwrap_or_else(|| state.clone());
            let is_unchanged = (now.generation, &now.pending) == (state.generation, &state.pending);
            let is_clean = outcome.is_ok() && checked.problems.is_empty();
            if is_clean || is_unchanged || attempt == MAX_ATTEMPTS {
                outcome?;
                verified.partitions += checked.partitions;
                verified.files += checked.files;
                verified.rows += checked.rows;
                verified.problems.extend(checked.problems);
                break;
            }
            state = now;
        }
        Ok(state)
    }

    fn check_partition(
        &self,
        state: &PartitionState,
        record: &TableRecord,
        verified: &mut Verified,
    ) -> Result<()> {
        let damaged = self.check_files(state, verified)?;
        let Some(committed) = &state.committed else {
            return Ok(());
        };
        verified.partitions += 1;
        let mut reader = PartitionReader::new(state, committed, record, || self.scratch.path());
        for file in &committed.files {
            if damaged.contains(&file.name) {
                continue;
            }
            verified.files += 1;
            let local = self
                .store
                .table_file(&state.report, &state.partition, &file.name)?;
            let (rows, problems) = match &local {
                Some(local) => reader.read(local.path(), file),
                None => (0, vec!["is missing".to_owned()]),
            };
            verified.rows += rows;
            for problem in problems {
                let path = path_of(&state.report, &state.partition, Some(&file.name));
                let remedy = self
                    .remedies
                    .of_tasks(state, |entry| is_in(state, &file.name, entry));
                verified.push(path, problem, remedy);
            }
        }
        for (task, problem) in reader.finish(&damaged)? {
            let path = path_of(&state.report, &state.partition, None);
            let remedy = self.remedies.of_tasks(state, |entry| task == entry.task);
            verified.push(path, problem, remedy);
        }
        Ok(())
    }

    /// Checks the files of a partition as a whole. Returns the names of those that are missing or damaged.
    fn check_files(&self, state: &PartitionState, verified: &mut Verified) -> Result<Vec<String>> {
        let mut damaged = Vec::new();
        for finding in verify_files(self.store, state, self.known)? {
            let path = path_of(&finding.report, &finding.partition, finding.file.as_deref());
            let remedy = match (&finding.file, finding.is_foreign) {
                (_, true) => self.remedies.of_foreign(&path),
                (Some(file), false) => {
                    damaged.push(file.clone());
                    self.remedies
                        .of_tasks(state, |entry| is_in(state, file, entry))
                }
                (None, false) => "backhaul run".to_owned(),
            };
            verified.push(path, finding.problem, remedy);
        }
        Ok(damaged)
    }
}

/// Whether a file may hold rows of a task.
fn is_in(state: &PartitionState, file: &str, entry: &TaskEntry) -> bool {
    let Some(committed) = &state.committed else {
        return false;
    };
    committed.files.iter().any(|known| {
        known.name == file && (known.tasks.is_empty() || known.tasks.contains(&entry.task))
    })
}

/// Path of a table, partition or file from the destination's root.
fn path_of(report: &str, partition: &str, file: Option<&str>) -> String {
    let mut parts = Vec::new();
    for part in [report, partition, file.unwrap_or_default()] {
        if !part.is_empty() && part != UNPARTITIONED {
            parts.push(part);
        }
    }
    parts.join("/")
}
