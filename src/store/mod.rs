//! The destination: partitions and their state, commit, locks, garbage; on a disk or in a bucket, behind one face.
//!
//! The truth is one state object per partition under `_backhaul/tables/`; everything temporary lies under `_backhaul/`,
//! never in a table's folder, since readers glob those. Knows files and manifests, never rows or requests.
//!
//! The face is synchronous, as file systems are: what a bucket does goes on on threads of its own, and the caller waits.
//! Call it where waiting is allowed.
//!
//! ```text
//! <destination>/<report>/snapshot_date=…/part-….parquet               what readers see
//! <destination>/_backhaul/tables/<report>/<partition>.json            the truth about a partition
//! <destination>/_backhaul/tables/<report>.json                        roll-up: commit number, recorded columns
//! <destination>/_backhaul/staging/…                                   commits under way
//! <destination>/_backhaul/claims/…                                    who is at work on what
//! <destination>/_backhaul/nights/…  runs/…  units/…  responses/…      small files
//! ```

pub mod bucket;
mod committing;
mod disk;
mod files;
mod hold;
mod listing;
mod local;
mod record;
mod remote;
mod steps;
mod verify;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

pub use bucket::Listed;
pub use committing::{Committing, Staging};
pub use disk::{
    Disk, FileLock, Replace, STAGED_SUFFIX, create_folder, create_new, remove, remove_tree,
    replace, sync_dir,
};
pub use files::Files;
pub use hold::Hold;
pub use listing::{json_names, names, read_json, to_json};
pub use local::LocalFile;
pub use record::{TableRecord, UNPARTITIONED};
pub use remote::Remote;
pub use steps::{Watch, step, watch_steps};
pub use verify::{Finding, KnownFiles, file_problem, hidden_data, strays, verify_files};

use crate::error::{Code, Error, Result};
use crate::table::RecordedColumn;
use crate::table::manifest::{PartitionState, UnfinishedTask};

/// Folder of everything that is not a table.
pub const SYSTEM_FOLDER: &str = "_backhaul";

/// A remark is not worth waiting for a commit of many rows, or for a process that was stopped.
const NOTE_PATIENCE: Duration = Duration::from_secs(10);

/// A commit assembles one partition; longer than this and its process is stuck.
const COMMIT_PATIENCE: Duration = Duration::from_mins(15);

/// Names one commit of one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The table.
    pub report: String,
    /// The partition's folder, for example `snapshot_date=2026-11-23`.
    pub partition: String,
    /// Unique for ever: it stands in the names of the files that it writes.
    pub id: String,
}

/// A destination.
#[derive(Debug, Clone)]
pub enum Store {
    /// A folder on a local disk.
    Disk(Disk),
    /// A bucket.
    Bucket(Remote),
}

impl Store {
    /// A folder that is only read: nothing is created.
    pub fn at(root: impl AsRef<Path>) -> Self {
        Self::Disk(Disk::at(root.as_ref()))
    }

    /// Opens a folder, creating what must be there.
    ///
    /// # Errors
    /// [`Code::Destination`] naming the folder and what the system said.
    pub fn open(root: impl AsRef<Path>) -> Result<Self> {
        Disk::open(root.as_ref()).map(Self::Disk)
    }

    /// The destination as people write it.
    pub fn place(&self) -> String {
        match self {
            Self::Disk(disk) => disk.root().display().to_string(),
            Self::Bucket(remote) => remote.bucket().place(),
        }
    }

    /// Where readers find something of the destination, by its name from the root on.
    pub fn place_of(&self, name: &str) -> String {
        match self {
            Self::Disk(disk) => disk.root().join(name).display().to_string(),
            Self::Bucket(remote) => format!("{}/{name}", remote.bucket().place()),
        }
    }

    /// The small files in a folder of `_backhaul/`.
    pub fn files(&self, folder: &str) -> Files {
        match self {
            Self::Disk(disk) => Files::Disk(disk.system(folder)),
            Self::Bucket(remote) => {
                Files::Bucket(remote.clone(), format!("{SYSTEM_FOLDER}/{folder}"))
            }
        }
    }

    /// Locks a partition, finishes or rolls back what a dead process began there, and opens a new commit.
    ///
    /// # Errors
    /// [`Code::Locked`] if another process is at work on it, [`Code::Destination`] if the destination refuses.
    pub fn begin(&self, commit: Commit, who: &str) -> Result<Committing> {
        self.begin_within(commit, who, COMMIT_PATIENCE)
    }

    /// The same, with less or more patience with another process that holds the partition.
    ///
    /// # Errors
    /// As [`Store::begin`].
    pub fn begin_within(
        &self,
        commit: Commit,
        who: &str,
        patience: Duration,
    ) -> Result<Committing> {
        match self {
            Self::Disk(disk) => disk.begin(commit, who, patience).map(Committing::Disk),
            Self::Bucket(remote) => Committing::in_bucket(remote, commit, who, patience),
        }
    }

    /// What is recorded about a table; nothing yet is the default.
    ///
    /// # Errors
    /// [`Code::Destination`] if it cannot be read or is no record.
    pub fn table(&self, report: &str) -> Result<TableRecord> {
        match self {
            Self::Disk(disk) => disk.table(report),
            Self::Bucket(remote) => remote.wait(remote.bucket().table(report)),
        }
    }

    /// Names of the tables of which anything is known, in order: a record, or a partition's state.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub fn tables(&self) -> Result<Vec<String>> {
        match self {
            Self::Disk(disk) => disk.tables(),
            Self::Bucket(remote) => remote.wait(remote.bucket().tables()),
        }
    }

    /// State of a partition; `None` if nothing was ever committed or begun.
    ///
    /// # Errors
    /// [`Code::Destination`] if it cannot be read or is no state.
    pub fn partition(&self, report: &str, partition: &str) -> Result<Option<PartitionState>> {
        match self {
            Self::Disk(disk) => disk.partition(report, partition),
            Self::Bucket(remote) => remote.wait(remote.bucket().partition(report, partition)),
        }
    }

    /// Names of a table's partitions that have a state, in order.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub fn partitions(&self, report: &str) -> Result<Vec<String>> {
        match self {
            Self::Disk(disk) => disk.partitions(report),
            Self::Bucket(remote) => remote.wait(remote.bucket().partitions(report)),
        }
    }

    /// Records the columns that a table is about to be written with, and the keys of its partitions' folders below the
    /// night's. Gives the columns that its files must have.
    ///
    /// # Errors
    /// As [`TableRecord::admits`].
    pub fn record_columns(
        &self,
        report: &str,
        endpoint: &str,
        wanted: &[RecordedColumn],
        partition_by: &[String],
    ) -> Result<Vec<RecordedColumn>> {
        self.update_table(report, |record| {
            record.admit(report, endpoint, wanted, partition_by)
        })
    }

    /// Records what presets stand for that the table uses for the first time; of others nothing changes.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub fn record_presets(
        &self,
        report: &str,
        presets: &BTreeMap<String, Vec<String>>,
    ) -> Result<()> {
        self.update_table(report, |record| {
            for (name, columns) in presets {
                record
                    .presets
                    .entry(name.clone())
                    .or_insert_with(|| columns.clone());
            }
            Ok(())
        })
    }

    /// Records that all partitions of a table are laid out by these keys now.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub fn record_layout(&self, report: &str, partition_by: &[String]) -> Result<()> {
        self.update_table(report, |record| {
            partition_by.clone_into(&mut record.partition_by);
            Ok(())
        })
    }

    fn update_table<T: Send>(
        &self,
        report: &str,
        change: impl Fn(&mut TableRecord) -> Result<T> + Send + Sync,
    ) -> Result<T> {
        match self {
            Self::Disk(disk) => disk.update_table(report, change),
            Self::Bucket(remote) => remote.wait(remote.bucket().update_table(report, change)),
        }
    }

    /// Writes down, beside what a partition holds, which of its tasks did not end in a commit and why. Of one that was left
    /// to another process, which has committed it since, nothing is to be said.
    ///
    /// # Errors
    /// [`Code::Destination`], or [`Code::Locked`] if another process does not let go of the partition.
    pub fn note_unfinished(
        &self,
        report: &str,
        partition: &str,
        tasks: Vec<UnfinishedTask>,
        who: &str,
    ) -> Result<()> {
        match self {
            Self::Disk(disk) => disk.note_unfinished(report, partition, tasks, who, NOTE_PATIENCE),
            Self::Bucket(remote) => remote.wait(remote.bucket().note_unfinished(
                report,
                partition,
                tasks,
                who,
                NOTE_PATIENCE,
            )),
        }
    }

    /// Strikes what is said of unfinished tasks that `is_gone` names. Says how many went.
    ///
    /// # Errors
    /// As [`Store::note_unfinished`].
    pub fn strike_unfinished(
        &self,
        report: &str,
        partition: &str,
        is_gone: impl Fn(&UnfinishedTask) -> bool + Send + Sync,
        who: &str,
    ) -> Result<usize> {
        match self {
            Self::Disk(disk) => {
                disk.strike_unfinished(report, partition, is_gone, who, NOTE_PATIENCE)
            }
            Self::Bucket(remote) => remote.wait(remote.bucket().strike_unfinished(
                report,
                partition,
                is_gone,
                who,
                NOTE_PATIENCE,
            )),
        }
    }

    /// Finishes or undoes every commit that a dead process left, and removes what dead processes left behind. What belongs
    /// to a live process stays.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub fn sweep(&self, who: &str) -> Result<()> {
        match self {
            Self::Disk(disk) => disk.sweep(who),
            Self::Bucket(remote) => {
                local::sweep(who)?;
                remote.wait(remote.bucket().collect_garbage(who)).map(drop)
            }
        }
    }

    /// Tries every operation that a commit needs, in a folder of its own, and leaves nothing behind. Says what keeps two
    /// writers apart where that is not what it should be.
    ///
    /// # Errors
    /// [`Code::Destination`] naming the first operation that failed.
    pub fn probe(&self) -> Result<Option<&'static str>> {
        match self {
            Self::Disk(disk) => disk.probe().map(|()| None),
            Self::Bucket(remote) => remote
                .wait(remote.bucket().probe())
                .map(bucket::Fencing::warning),
        }
    }
}

/// The error of a file operation.
pub(crate) fn cannot(what: &str, path: &Path, error: std::io::Error) -> Error {
    use std::io::ErrorKind;
    let next = match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "free space in the destination, then run the same command again"
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            "give this user the right to write there, then: backhaul check"
        }
        _ => "look at the folder, then: backhaul check",
    };
    Error::new(
        Code::Destination,
        format!("cannot {what} {}", path.display()),
    )
    .with_source(error)
    .with_next(next)
}
