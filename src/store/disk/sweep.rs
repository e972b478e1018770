//! Garbage of dead processes: commits that were not finished, folders of runs, files that were being written.
//!
//! Whatever a live process works on is under a lock; nothing is judged by its age, and nothing that is locked is touched.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::durable::TEMPORARY_SUFFIX;
use super::exchange::REPLACED_SUFFIX;
use super::{Disk, FileLock, durable, lock_beside, remove_tree};
use crate::error::Result;
use crate::model::Night;
use crate::store::listing::{folders, names, read_json};
use crate::store::record::Intent;

/// Folders of files that are named after the run that writes them.
const OF_RUNS: [&str; 2] = ["runs", "units"];

/// Folders of small files that every process may change, under the lock beside each.
const OF_ALL: [&str; 3] = ["nights", "workspace", "forgotten"];

/// Another process that sweeps may hold a new run's lock for a moment.
const PATIENCE: Duration = Duration::from_mins(1);

/// Stands before the name of a run's folder in staging.
const RUN_PREFIX: &str = "run-";

impl Disk {
    /// A folder for the rows of a run on their way, and the lock that says that the run lives.
    ///
    /// # Errors
    /// [`crate::error::Code::Destination`].
    pub fn run_folder(&self, run: &str, who: &str) -> Result<(PathBuf, FileLock)> {
        let lock = FileLock::acquire(&self.run_lock(run), who, PATIENCE)?;
        Ok((self.fresh_staging(&format!("{RUN_PREFIX}{run}"))?, lock))
    }

    /// Removes the folder of a run that ends.
    ///
    /// # Errors
    /// [`crate::error::Code::Destination`].
    pub fn remove_run_folder(&self, run: &str) -> Result<()> {
        remove_tree(&self.system("staging").join(format!("{RUN_PREFIX}{run}")))
    }

    /// Finishes or undoes every commit that a dead process left, and removes what dead processes left behind. What belongs
    /// to a live process stays.
    ///
    /// # Errors
    /// [`crate::error::Code::Destination`].
    pub fn sweep(&self, who: &str) -> Result<()> {
        let mut left: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
        let staging = self.system("staging");
        for name in names(&staging)? {
            left.entry(run_of(&name).to_owned())
                .or_default()
                .push(staging.join(name));
        }
        for name in names(&self.system("locks/_runs"))? {
            left.entry(run_of(&name).to_owned()).or_default();
        }
        for folder in OF_RUNS.map(|folder| self.system(folder)) {
            for (path, name) in temporaries(&folder)? {
                left.entry(run_of(&name).to_owned()).or_default().push(path);
            }
        }
        for (run, paths) in left {
            if let Some(lock) = self.dead_run(&run, who)? {
                for path in paths {
                    self.sweep_path(&path, who)?;
                }
                lock.remove(&self.run_lock(&run))?;
            }
        }
        self.sweep_temporaries(who)
    }

    /// Removes the claims on tasks of nights before this one that nobody holds.
    ///
    /// # Errors
    /// [`crate::error::Code::Destination`].
    pub fn sweep_claims(&self, before: Night, who: &str) -> Result<()> {
        let claims = self.system("claims");
        for name in names(&claims)? {
            if !name.parse::<Night>().is_ok_and(|night| night < before) {
                continue;
            }
            let folder = claims.join(name);
            for task in names(&folder)? {
                if let Ok(claim) = FileLock::try_acquire(&folder.join(&task), who)? {
                    claim.remove(&folder.join(task))?;
                }
            }
            // Another process may have claimed a task of that night a moment ago: then the folder stays.
            let _ = std::fs::remove_dir(&folder);
        }
        Ok(())
    }

    /// The lock that is held while a run lives.
    pub fn run_lock(&self, run: &str) -> PathBuf {
        self.system("locks/_runs").join(format!("{run}.lock"))
    }

    /// The lock of a run that has ended without giving it back; `None` while it lives.
    fn dead_run(&self, run: &str, who: &str) -> Result<Option<FileLock>> {
        Ok(FileLock::try_acquire(&self.run_lock(run), who)?.ok())
    }

    /// Whether a live process works on what has this name in staging. Nothing is created: the destination may be one that
    /// is only read.
    pub fn is_of_live_run(&self, name: &str) -> bool {
        let lock = std::fs::File::open(self.run_lock(run_of(name)));
        lock.is_ok_and(|lock| {
            matches!(
                lock.try_lock_shared(),
                Err(std::fs::TryLockError::WouldBlock)
            )
        })
    }

    /// Removes one thing that a dead run left; a commit is settled first.
    fn sweep_path(&self, path: &Path, who: &str) -> Result<()> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if let Some(commit_id) = name.strip_suffix(".json")
            && let Some(intent) = read_json::<Intent>(path)?
        {
            let lock = FileLock::try_acquire(
                &self.partition_lock(&intent.report, &intent.partition),
                who,
            )?;
            // Whoever holds the partition now has settled it, or will.
            if let Ok(_lock) = lock {
                self.recover(&intent.report, &intent.partition)?;
                self.clear_staging(commit_id)?;
            }
            return Ok(());
        }
        // The folder of a commit goes with its intent, which is settled above.
        if self
            .intent_path(name.strip_suffix(REPLACED_SUFFIX).unwrap_or(&name))
            .exists()
        {
            return Ok(());
        }
        if path.is_dir() {
            remove_tree(path)
        } else {
            durable::remove(path)
        }
    }

    /// Half-written files, each under the lock that guards the whole one.
    fn sweep_temporaries(&self, who: &str) -> Result<()> {
        for (path, name) in temporaries(&self.system("tables"))? {
            Self::remove_under(&self.table_lock(stem(&name)), &path, who)?;
        }
        for table in folders(&self.system("tables"))? {
            for (path, name) in temporaries(&self.system("tables").join(&table))? {
                Self::remove_under(&self.partition_lock(&table, stem(&name)), &path, who)?;
            }
        }
        for folder in OF_ALL {
            for (path, name) in temporaries(&self.system(folder))? {
                Self::remove_under(&lock_beside(&self.system(folder).join(name)), &path, who)?;
            }
        }
        Ok(())
    }

    fn remove_under(lock: &Path, path: &Path, who: &str) -> Result<()> {
        match FileLock::try_acquire(lock, who)? {
            Ok(_held) => durable::remove(path),
            Err(_holder) => Ok(()),
        }
    }

    /// The lock of a folder of small files that every process may change.
    pub fn folder_lock(&self, folder: &str) -> PathBuf {
        self.system("locks").join(format!("_{folder}.lock"))
    }
}

/// Half-written files in a folder, each with the name that it would have had.
///
/// # Errors
/// [`crate::error::Code::Destination`].
pub fn temporaries(folder: &Path) -> Result<Vec<(PathBuf, String)>> {
    let is_temporary = |name: String| {
        let whole = name
            .strip_prefix('.')?
            .strip_suffix(TEMPORARY_SUFFIX)?
            .to_owned();
        Some((folder.join(name), whole))
    };
    Ok(names(folder)?
        .into_iter()
        .filter_map(is_temporary)
        .collect())
}

/// The run that a file or folder belongs to, by its name: `run-RUN`, `RUN-0001`, `RUN-0001.json`, `RUN.lock`.
fn run_of(name: &str) -> &str {
    let name = name.trim_start_matches('.');
    let name = name.strip_prefix(RUN_PREFIX).unwrap_or(name);
    let name = name.split('.').next().unwrap_or(name);
    match name.match_indices('-').nth(1) {
        Some((end, _)) => name.get(..end).unwrap_or(name),
        None => name,
    }
}

fn stem(name: &str) -> &str {
    name.strip_suffix(".json").unwrap_or(name)
}
