//! The commit protocol on a local disk.
//!
//! 1. Write and sync the files in staging.
//! 2. Write the pending state, synced.
//! 3. Give the files their final names and rename staging to the partition's folder, or exchange the two.
//! 4. Sync the parents.
//! 5. Write the committed state.
//! 6. Delete what was replaced.
//!
//! Until step 3 no file in staging is named `*.parquet`: some readers glob hidden folders.
//!
//! A crash leaves either a folder that holds the pending commit, which is then finished, or one that does not, whose
//! staging is then deleted. Readers see the old folder or the new one: a folder is never changed in place.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::durable::create_folder;
use super::{Disk, FileLock, durable, sync_dir};
use crate::error::{Code, Error, Result};
use crate::store::listing::to_json;
use crate::store::record::settle;
use crate::store::{Commit, UNPARTITIONED, cannot, step};
use crate::table::manifest::{Committed, PartitionState, Pending};

/// Stands behind the name of a file in staging.
pub const STAGED_SUFFIX: &str = ".staged";

/// A partition that this process alone may change, until dropped. Dropped without [`DiskCommit::publish`], nothing happened.
#[derive(Debug)]
pub struct DiskCommit {
    store: Disk,
    commit: Commit,
    state: PartitionState,
    staging: PathBuf,
    /// Nothing in staging is ours to throw away any more.
    is_settled: bool,
    _lock: FileLock,
}

impl Disk {
    /// Locks a partition, finishes or rolls back what a dead process began there, and opens staging for a new commit.
    ///
    /// # Errors
    /// [`Code::Locked`] if another process is at work on it for longer than `patience`, [`Code::Destination`] if the disk
    /// refuses.
    pub fn begin(&self, commit: Commit, who: &str, patience: Duration) -> Result<DiskCommit> {
        let lock = self.lock_partition(&commit.report, &commit.partition, who, patience)?;
        let state = self
            .recover(&commit.report, &commit.partition)?
            .unwrap_or_else(|| PartitionState::new(&commit.report, &commit.partition));
        let staging = self.stage(&commit)?;
        step("commit.staging");
        Ok(DiskCommit {
            store: self.clone(),
            commit,
            state,
            staging,
            is_settled: false,
            _lock: lock,
        })
    }

    /// Waits for a partition's lock: whoever holds it alone may change the partition and its state.
    pub(super) fn lock_partition(
        &self,
        report: &str,
        partition: &str,
        who: &str,
        patience: Duration,
    ) -> Result<FileLock> {
        FileLock::acquire(&self.partition_lock(report, partition), who, patience)
    }

    pub(super) fn partition_lock(&self, report: &str, partition: &str) -> PathBuf {
        self.system("locks")
            .join(report)
            .join(format!("{partition}.lock"))
    }

    /// The folder of a partition, as readers see it. A table without partitions is one.
    pub fn partition_folder(&self, report: &str, partition: &str) -> PathBuf {
        let table = self.root().join(report);
        if partition == UNPARTITIONED {
            table
        } else {
            table.join(partition)
        }
    }

    pub(super) fn write_state(&self, state: &PartitionState) -> Result<()> {
        durable::replace(
            &self.state_path(&state.report, &state.partition),
            &to_json(state)?,
        )
    }

    pub(super) fn roll_up(&self, state: &PartitionState) -> Result<()> {
        if state.committed.is_none() {
            return Ok(());
        }
        self.update_table(&state.report, |record| {
            // Where the roll-up was lost, it starts again above what its partitions have seen.
            record.commit_number = (record.commit_number + 1).max(state.generation);
            record
                .partitions
                .insert(state.partition.clone(), record.commit_number);
            Ok(())
        })
    }
}

impl DiskCommit {
    /// What readers see now.
    pub fn committed(&self) -> Option<&Committed> {
        self.state.committed.as_ref()
    }

    /// The generation that this commit extends; 0 if there is none.
    pub fn base_generation(&self) -> u64 {
        self.state.generation
    }

    /// The disk.
    pub fn disk(&self) -> &Disk {
        &self.store
    }

    /// The commit.
    pub fn commit(&self) -> &Commit {
        &self.commit
    }

    /// Where the new files are to be written and synced.
    pub fn staging(&self) -> &Path {
        &self.staging
    }

    /// Where a committed file lies.
    pub fn committed_file(&self, name: &str) -> PathBuf {
        self.store
            .partition_folder(&self.commit.report, &self.commit.partition)
            .join(name)
    }

    /// Carries a committed file over into the new generation, without copying it.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub fn keep(&self, name: &str) -> Result<()> {
        let from = self.committed_file(name);
        let to = self.staging.join(format!("{name}{STAGED_SUFFIX}"));
        if let Some(folder) = to.parent() {
            std::fs::create_dir_all(folder)
                .map_err(|error| cannot("create the folder", folder, error))?;
        }
        std::fs::hard_link(&from, to).map_err(|error| cannot("link", &from, error))
    }

    /// Makes `next` what readers see, whole and at once.
    ///
    /// # Errors
    /// [`Code::Destination`]; what readers saw before is then still there, and the next start settles the rest.
    pub fn publish(mut self, next: Committed) -> Result<Committed> {
        self.check_staging(&next)?;
        self.refuse_foreign_files()?;
        sync_tree(&self.staging)?;
        step("commit.staged");
        let base_generation = self.state.generation;
        self.state.pending = Some(Pending {
            commit_id: self.commit.id.clone(),
            base_generation,
            next: next.clone(),
        });
        self.store.write_state(&self.state)?;
        step("commit.pending");
        self.put_in_place(&next)?;
        step("commit.in_place");
        self.state.pending = None;
        self.state.generation = base_generation + 1;
        let before = self.state.committed.replace(next.clone());
        settle(&mut self.state.unfinished, before.as_ref(), &next);
        // Before the state, which says that all is done: a crash in between rolls up twice, which costs readers a look.
        self.store.roll_up(&self.state)?;
        step("commit.rolled_up");
        self.store.write_state(&self.state)?;
        step("commit.committed");
        if let Err(error) = self.store.clear_staging(&self.commit.id) {
            // What readers see is right and recorded; the intent stays, so that the next run clears up.
            tracing::warn!(error = %error.one_line(), "what a commit replaced is not removed yet");
            self.is_settled = true;
        }
        step("commit.cleared");
        Ok(next)
    }

    fn check_staging(&self, next: &Committed) -> Result<()> {
        let held = file_names(&self.staging)?;
        let wanted: BTreeSet<String> = next
            .files
            .iter()
            .map(|file| format!("{}{STAGED_SUFFIX}", file.name))
            .collect();
        if held == wanted {
            return Ok(());
        }
        Err(Error::new(
            Code::Internal,
            format!("staging holds {held:?} and the manifest names {wanted:?}"),
        ))
    }

    /// A replacement deletes what it replaces: nothing may be among it that is not ours.
    fn refuse_foreign_files(&self) -> Result<()> {
        let folder = self
            .store
            .partition_folder(&self.commit.report, &self.commit.partition);
        let mut foreign = file_names(&folder)?;
        for file in self
            .state
            .committed
            .iter()
            .flat_map(|committed| &committed.files)
        {
            foreign.remove(&file.name);
        }
        if foreign.is_empty() {
            return Ok(());
        }
        let names = foreign.into_iter().take(5).collect::<Vec<_>>().join(", ");
        Err(Error::new(
            Code::Destination,
            format!("{} holds files that nobody committed", folder.display()),
        )
        .with_context("files", names)
        .with_next("move them away, then run the same command again: readers would count them"))
    }

    fn put_in_place(&self, next: &Committed) -> Result<()> {
        for file in &next.files {
            let (staged, named) = (
                self.staging.join(format!("{}{STAGED_SUFFIX}", file.name)),
                self.staging.join(&file.name),
            );
            std::fs::rename(&staged, named).map_err(|error| cannot("rename", &staged, error))?;
        }
        sync_tree(&self.staging)?;
        step("commit.named");
        let folder = self
            .store
            .partition_folder(&self.commit.report, &self.commit.partition);
        let table = folder.parent().unwrap_or(self.store.root());
        create_folder(table)?;
        if folder.exists() {
            self.store
                .exchange(&self.commit.id, &self.staging, &folder)?;
        } else {
            std::fs::rename(&self.staging, &folder)
                .map_err(|error| cannot("put in place", &folder, error))?;
        }
        step("commit.exchanged");
        sync_dir(table)?;
        sync_dir(&self.store.system("staging"))
    }
}

impl Drop for DiskCommit {
    fn drop(&mut self) {
        // After a publication it is gone or holds what was replaced; before one it is ours to throw away. A pending commit
        // that failed half-way is settled by the next start, which needs its staging only if the exchange did not happen.
        if self.state.pending.is_none() && !self.is_settled {
            let _ = self.store.clear_staging(&self.commit.id);
        }
    }
}

/// Names of the files in a folder and below it, from the folder on; none if there is no folder.
pub fn file_names(folder: &Path) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    collect_names(folder, "", &mut names)?;
    Ok(names)
}

fn collect_names(folder: &Path, prefix: &str, names: &mut BTreeSet<String>) -> Result<()> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(cannot("list", folder, error)),
    };
    for entry in entries {
        let entry = entry.map_err(|error| cannot("list", folder, error))?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry
            .file_type()
            .map_err(|error| cannot("read", &entry.path(), error))?
            .is_dir()
        {
            collect_names(&entry.path(), &format!("{name}/"), names)?;
        } else {
            names.insert(name);
        }
    }
    Ok(())
}

/// Syncs a folder and all folders below it.
fn sync_tree(folder: &Path) -> Result<()> {
    for entry in std::fs::read_dir(folder).map_err(|error| cannot("list", folder, error))? {
        let entry = entry.map_err(|error| cannot("list", folder, error))?;
        if entry
            .file_type()
            .map_err(|error| cannot("read", &entry.path(), error))?
            .is_dir()
        {
            sync_tree(&entry.path())?;
        }
    }
    sync_dir(folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::TaskId;
    use crate::store::disk::Replace;
    use crate::table::manifest::{FileEntry, TaskEntry, UnfinishedStatus, UnfinishedTask};

    fn commit(id: &str) -> Commit {
        Commit {
            report: "links".into(),
            partition: "snapshot_date=2026-11-23".into(),
            id: id.into(),
        }
    }

    fn next(id: &str, names: &[&str]) -> Committed {
        let entry = |name: &&str| FileEntry {
            name: (*name).into(),
            rows: 1,
            bytes: 1,
            sha256: String::new(),
            tasks: Vec::new(),
        };
        Committed {
            commit_id: id.into(),
            files: names.iter().map(entry).collect(),
            tasks: Vec::new(),
            columns: Vec::new(),
            responses_hash: String::new(),
        }
    }

    fn publish(store: &Disk, id: &str, kept: &[&str], new: &[&str]) -> Result<Committed> {
        let committing = store.begin(commit(id), "test", Duration::ZERO)?;
        for name in kept {
            committing.keep(name)?;
        }
        for name in new {
            std::fs::write(
                committing.staging().join(format!("{name}{STAGED_SUFFIX}")),
                b"x",
            )
            .expect("writable");
        }
        committing.publish(next(id, &[kept, new].concat()))
    }

    fn visible(store: &Disk) -> Vec<String> {
        let folder = store.partition_folder("links", "snapshot_date=2026-11-23");
        file_names(&folder).expect("listable").into_iter().collect()
    }

    #[test]
    fn a_partition_appears_whole_and_a_later_commit_extends_it() {
        let folder = tempfile::tempdir().expect("temp dir");
        let store = Disk::open(folder.path()).expect("opens");
        publish(&store, "c1", &[], &["a"]).expect("first");
        publish(&store, "c2", &["a"], &["b"]).expect("second");
        assert_eq!(visible(&store), ["a", "b"]);
        let state = store
            .partition("links", "snapshot_date=2026-11-23")
            .expect("readable")
            .expect("present");
        assert_eq!((state.generation, state.pending), (2, None));
        assert_eq!(store.table("links").expect("readable").commit_number, 2);
        assert_eq!(
            file_names(&store.system("staging"))
                .expect("listable")
                .len(),
            0
        );
    }

    #[test]
    fn a_commit_that_was_not_published_leaves_nothing() {
        let folder = tempfile::tempdir().expect("temp dir");
        let store = Disk::open(folder.path()).expect("opens");
        let committing = store
            .begin(commit("c1"), "test", Duration::ZERO)
            .expect("begins");
        std::fs::write(committing.staging().join("a"), b"x").expect("writable");
        drop(committing);
        assert!(visible(&store).is_empty());
        assert_eq!(
            file_names(&store.system("staging"))
                .expect("listable")
                .len(),
            0
        );
    }

    /// A crash after each step of the protocol, played by hand: the next start must end in the old or the new state.
    #[test]
    fn every_crash_of_a_first_commit_and_of_a_replacement_is_settled() {
        for replacement in [false, true] {
            for renamed in [false, true] {
                let folder = tempfile::tempdir().expect("temp dir");
                let store = Disk::open(folder.path()).expect("opens");
                if replacement {
                    publish(&store, "c1", &[], &["a"]).expect("first");
                }
                let mut committing = store
                    .begin(commit("c2"), "test", Duration::ZERO)
                    .expect("begins");
                std::fs::write(committing.staging().join("b.staged"), b"x").expect("writable");
                let base_generation = committing.base_generation();
                committing.state.pending = Some(Pending {
                    commit_id: "c2".into(),
                    base_generation,
                    next: next("c2", &["b"]),
                });
                store.write_state(&committing.state).expect("pending");
                if renamed {
                    committing
                        .put_in_place(&next("c2", &["b"]))
                        .expect("renames");
                }
                drop(committing);
                drop(
                    store
                        .begin(commit("c3"), "test", Duration::ZERO)
                        .expect("recovers"),
                );
                let expected: &[&str] = match (renamed, replacement) {
                    (true, _) => &["b"],
                    (false, true) => &["a"],
                    (false, false) => &[],
                };
                assert_eq!(
                    visible(&store),
                    expected,
                    "replacement {replacement}, renamed {renamed}"
                );
                let state = store
                    .partition("links", "snapshot_date=2026-11-23")
                    .expect("readable")
                    .expect("present");
                assert_eq!(state.pending, None);
                assert_eq!(
                    file_names(&store.system("staging"))
                        .expect("listable")
                        .len(),
                    0
                );
            }
        }
    }

    /// Leaves a commit as a process does that is killed once its files are in place.
    fn cut_off_in_place(store: &Disk, id: &str) {
        let mut committing = store
            .begin(commit(id), "test", Duration::ZERO)
            .expect("begins");
        std::fs::write(committing.staging().join("b.staged"), b"x").expect("writable");
        let mut next = next(id, &["b"]);
        next.tasks.push(entry("t1"));
        let base_generation = committing.base_generation();
        committing.state.pending = Some(Pending {
            commit_id: id.into(),
            base_generation,
            next: next.clone(),
        });
        store.write_state(&committing.state).expect("pending");
        committing.put_in_place(&next).expect("renames");
    }

    fn entry(task: &str) -> TaskEntry {
        serde_json::from_value(serde_json::json!({
            "task": task, "target": "acme", "status": "complete", "rows": 1
        }))
        .expect("an entry")
    }

    #[test]
    fn a_file_of_nobody_does_not_undo_a_commit_that_is_in_place() {
        let folder = tempfile::tempdir().expect("temp dir");
        let store = Disk::open(folder.path()).expect("opens");
        publish(&store, "c1", &[], &["a"]).expect("first");
        cut_off_in_place(&store, "c2");
        let partition = store.partition_folder("links", "snapshot_date=2026-11-23");
        std::fs::write(partition.join(".DS_Store"), b"x").expect("writable");
        drop(
            store
                .begin(commit("c3"), "test", Duration::ZERO)
                .expect("recovers"),
        );
        let state = store
            .partition("links", "snapshot_date=2026-11-23")
            .expect("readable")
            .expect("present");
        assert_eq!(
            state.committed.map(|committed| committed.commit_id),
            Some("c2".to_owned())
        );
        assert_eq!(visible(&store), [".DS_Store", "b"]);
    }

    #[test]
    fn a_commit_that_failed_after_its_rows_were_in_place_did_not_fail() {
        let folder = tempfile::tempdir().expect("temp dir");
        let store = Disk::open(folder.path()).expect("opens");
        cut_off_in_place(&store, "c1");
        let failed = |task: &str| UnfinishedTask {
            task: TaskId(task.into()),
            target: "acme".into(),
            params: std::collections::BTreeMap::new(),
            status: UnfinishedStatus::Failed,
            reason: "the disk is full".into(),
            units: 0,
            run: "r1".into(),
            at: 0,
            night: None,
            due: None,
        };
        let tasks = vec![failed("t1"), failed("t2")];
        store
            .note_unfinished(
                "links",
                "snapshot_date=2026-11-23",
                tasks,
                "test",
                Duration::ZERO,
            )
            .expect("notes");
        let state = store
            .partition("links", "snapshot_date=2026-11-23")
            .expect("readable")
            .expect("present");
        assert_eq!(state.unfinished, [failed("t2")]);
        assert!(state.task(&TaskId("t1".into())).is_some());
    }

    /// Where folders cannot be exchanged, a replacement leaves a gap: whatever it is cut off by, the old partition comes
    /// back or the new one is there, and nothing is left in staging.
    #[test]
    fn every_crash_of_a_replacement_with_a_gap_is_settled() {
        for moved in [0, 1, 2] {
            let folder = tempfile::tempdir().expect("temp dir");
            let store = Disk::open(folder.path())
                .expect("opens")
                .with_replace(Replace::Gap);
            publish(&store, "c1", &[], &["a"]).expect("first");
            let mut committing = store
                .begin(commit("c2"), "test", Duration::ZERO)
                .expect("begins");
            std::fs::write(committing.staging().join("b"), b"x").expect("writable");
            let base_generation = committing.base_generation();
            committing.state.pending = Some(Pending {
                commit_id: "c2".into(),
                base_generation,
                next: next("c2", &["b"]),
            });
            store.write_state(&committing.state).expect("pending");
            let partition = store.partition_folder("links", "snapshot_date=2026-11-23");
            if moved >= 1 {
                std::fs::rename(&partition, store.replaced_path("c2")).expect("moves the old away");
            }
            if moved == 2 {
                std::fs::rename(committing.staging(), &partition).expect("moves the new in");
            }
            drop(committing);
            drop(
                store
                    .begin(commit("c3"), "test", Duration::ZERO)
                    .expect("recovers"),
            );
            assert_eq!(
                visible(&store),
                if moved == 2 { ["b"] } else { ["a"] },
                "{moved} moves"
            );
            assert_eq!(
                file_names(&store.system("staging"))
                    .expect("listable")
                    .len(),
                0,
                "{moved} moves"
            );
        }
    }

    #[test]
    fn a_gap_is_left_only_where_it_is_allowed() {
        let folder = tempfile::tempdir().expect("temp dir");
        let store = Disk::open(folder.path()).expect("opens");
        let [left, right] = ["left", "right"].map(|name| folder.path().join(name));
        for path in [&left, &right] {
            std::fs::create_dir(path).expect("creatable");
        }
        let refused = store.leave_gap("c1", &left, &right, std::io::ErrorKind::Unsupported.into());
        assert_eq!(refused.expect_err("refused").code(), Code::Destination);
        let store = store.with_replace(Replace::Gap);
        store
            .leave_gap("c1", &left, &right, std::io::ErrorKind::Unsupported.into())
            .expect("replaces");
        assert!(!left.exists() && right.exists() && store.replaced_path("c1").exists());
    }

    #[test]
    fn files_that_nobody_committed_are_never_replaced() {
        let folder = tempfile::tempdir().expect("temp dir");
        let store = Disk::open(folder.path()).expect("opens");
        let partition = store.partition_folder("links", "snapshot_date=2026-11-23");
        std::fs::create_dir_all(&partition).expect("creatable");
        std::fs::write(partition.join("theirs.parquet"), b"x").expect("writable");
        let error = publish(&store, "c1", &[], &["a"]).expect_err("refused");
        assert_eq!(error.code(), Code::Destination);
        assert_eq!(visible(&store), ["theirs.parquet"]);
    }

    #[test]
    fn a_manifest_that_names_other_files_than_staging_holds_is_refused() {
        let folder = tempfile::tempdir().expect("temp dir");
        let store = Disk::open(folder.path()).expect("opens");
        let committing = store
            .begin(commit("c1"), "test", Duration::ZERO)
            .expect("begins");
        let error = committing
            .publish(next("c1", &["absent"]))
            .expect_err("refused");
        assert_eq!(error.code(), Code::Internal);
        assert!(visible(&store).is_empty());
    }
}
