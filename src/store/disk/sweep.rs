//! Garbage of killed processes: commits that were not finished, folders of runs, files that were being written.
//!
//! What a live process works on is under a lock; nothing is judged by its age, and nothing that is locked is touched.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::durable::{half_written_files, remove_file, remove_folder};
use super::layout::{Disk, REPLACED_SUFFIX};
use super::lock::{FileLock, lock_beside};
use super::runs::run_of;
use crate::error::Result;
use crate::store::intent::Intent;
use crate::store::json::read_json;
use crate::store::listing::{folders, names};

/// Folders of files that are named after the run that writes them.
const RUN_FILE_FOLDERS: [&str; 2] = ["runs", "units"];

/// Folders of small files that every process may change, under the lock beside each.
const SHARED_FILE_FOLDERS: [&str; 3] = ["nights", "workspace", "forgotten"];

impl Disk {
    /// Finishes or undoes every commit that a killed process left, and removes what killed processes left behind. What
    /// belongs to a live process stays.
    pub(in crate::store) fn sweep(&self, who: &str) -> Result<()> {
        for (run, paths) in self.leftovers_by_run()? {
            let run_lock = self.run_lock(&run);
            let Some(lock) = FileLock::try_acquire(&run_lock, who)?.claimed() else {
                continue;
            };
            for path in paths {
                self.sweep_path(&path, who)?;
            }
            lock.remove(&run_lock)?;
        }
        self.sweep_half_written(who)
    }

    /// What is in staging and in the folders of runs, by the run that it belongs to, with runs of which only the lock is
    /// left.
    fn leftovers_by_run(&self) -> Result<BTreeMap<String, Vec<PathBuf>>> {
        let mut by_run: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
        for name in names(&self.system("staging"))? {
            let paths = by_run.entry(run_of(&name).to_owned()).or_default();
            paths.push(self.staging_path(&name));
        }
        for name in names(&self.system("locks/_runs"))? {
            by_run.entry(run_of(&name).to_owned()).or_default();
        }
        for folder in RUN_FILE_FOLDERS {
            for (path, name) in half_written_files(&self.system(folder))? {
                let paths = by_run.entry(run_of(&name).to_owned()).or_default();
                paths.push(path);
            }
        }
        Ok(by_run)
    }

    /// Removes one thing that a killed run left; a commit is finished or undone first.
    fn sweep_path(&self, path: &Path, who: &str) -> Result<()> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if let Some(commit_id) = name.strip_suffix(".json")
            && let Some(intent) = read_json::<Intent>(path)?
        {
            return self.sweep_commit(commit_id, &intent, who);
        }
        // The folder of a commit is removed with its intent.
        let commit_id = name.strip_suffix(REPLACED_SUFFIX).unwrap_or(&name);
        if self.intent_path(commit_id).exists() {
            return Ok(());
        }
        if path.is_dir() {
            remove_folder(path)
        } else {
            remove_file(path)
        }
    }

    fn sweep_commit(&self, commit_id: &str, intent: &Intent, who: &str) -> Result<()> {
        let lock_path = self.partition_lock(&intent.report, &intent.partition);
        // A process that holds the partition has recovered it, or will.
        if let Some(_lock) = FileLock::try_acquire(&lock_path, who)?.claimed() {
            self.recover(&intent.report, &intent.partition)?;
            self.clear_staging(commit_id)?;
        }
        Ok(())
    }

    /// Half-written files, each under the lock that guards the whole one.
    fn sweep_half_written(&self, who: &str) -> Result<()> {
        let tables = self.system("tables");
        for (path, name) in half_written_files(&tables)? {
            remove_if_unlocked(&self.table_lock(stem(&name)), &path, who)?;
        }
        for table in folders(&tables)? {
            for (path, name) in half_written_files(&tables.join(&table))? {
                remove_if_unlocked(&self.partition_lock(&table, stem(&name)), &path, who)?;
            }
        }
        for folder in SHARED_FILE_FOLDERS {
            let folder = self.system(folder);
            for (path, name) in half_written_files(&folder)? {
                remove_if_unlocked(&lock_beside(&folder.join(name)), &path, who)?;
            }
        }
        Ok(())
    }
}

fn remove_if_unlocked(lock_path: &Path, path: &Path, who: &str) -> Result<()> {
    match FileLock::try_acquire(lock_path, who)?.claimed() {
        Some(_lock) => remove_file(path),
        None => Ok(()),
    }
}

fn stem(name: &str) -> &str {
    name.strip_suffix(".json").unwrap_or(name)
}
