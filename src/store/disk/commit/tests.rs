//! Commits on a disk, and what is left of them after a crash at each step.

use super::*;
use crate::model::{RunId, TaskId};
use crate::store::disk::layout::Replace;
use crate::table::manifest::{FileEntry, TaskEntry, UnfinishedStatus, UnfinishedTask};

const PARTITION: &str = "snapshot_date=2026-11-23";

fn commit(id: &str) -> Commit {
    Commit {
        report: "links".into(),
        partition: PARTITION.into(),
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

fn begin(disk: &Disk, id: &str) -> DiskCommit {
    disk.begin_commit(commit(id), "test", Duration::ZERO)
        .expect("begins")
}

fn publish(disk: &Disk, id: &str, kept: &[&str], new: &[&str]) -> Result<Committed> {
    let begun = begin(disk, id);
    for name in kept {
        begun.link_existing(name)?;
    }
    for name in new {
        std::fs::write(begun.staged_file(name), b"x").expect("writable");
    }
    begun.publish(next(id, &[kept, new].concat()))
}

/// Writes the pending state of a commit, as the protocol does before the files get their final names.
fn write_pending(begun: &mut DiskCommit, next: &Committed) {
    begun.state.pending = Some(Pending {
        commit_id: begun.commit.id.clone(),
        base_generation: begun.base_generation(),
        next: next.clone(),
    });
    begun.disk.write_state(&begun.state).expect("pending");
}

fn visible(disk: &Disk) -> Vec<String> {
    let folder = disk.partition_folder("links", PARTITION);
    file_names(&folder).expect("listable").into_iter().collect()
}

fn num_staged(disk: &Disk) -> usize {
    file_names(&disk.system("staging")).expect("listable").len()
}

fn state(disk: &Disk) -> PartitionState {
    disk.partition("links", PARTITION)
        .expect("readable")
        .expect("present")
}

#[test]
fn a_partition_appears_whole_and_a_later_commit_extends_it() {
    let folder = tempfile::tempdir().expect("temp dir");
    let disk = Disk::open(folder.path()).expect("opens");
    publish(&disk, "c1", &[], &["a"]).expect("first");
    publish(&disk, "c2", &["a"], &["b"]).expect("second");
    assert_eq!(visible(&disk), ["a", "b"]);
    let state = state(&disk);
    assert_eq!((state.generation, state.pending), (2, None));
    assert_eq!(disk.table("links").expect("readable").commit_number, 2);
    assert_eq!(num_staged(&disk), 0);
}

#[test]
fn a_commit_that_was_not_published_leaves_nothing() {
    let folder = tempfile::tempdir().expect("temp dir");
    let disk = Disk::open(folder.path()).expect("opens");
    let begun = begin(&disk, "c1");
    std::fs::write(begun.staging().join("a"), b"x").expect("writable");
    drop(begun);
    assert!(visible(&disk).is_empty());
    assert_eq!(num_staged(&disk), 0);
}

/// A crash after each step of the protocol, played by hand: the next start must end in the old or the new state.
#[test]
fn every_crash_of_a_first_commit_and_of_a_replacement_is_recovered() {
    for replacement in [false, true] {
        for renamed in [false, true] {
            let folder = tempfile::tempdir().expect("temp dir");
            let disk = Disk::open(folder.path()).expect("opens");
            if replacement {
                publish(&disk, "c1", &[], &["a"]).expect("first");
            }
            let mut begun = begin(&disk, "c2");
            std::fs::write(begun.staged_file("b"), b"x").expect("writable");
            let next = next("c2", &["b"]);
            write_pending(&mut begun, &next);
            if renamed {
                begun.replace_folder(&next).expect("renames");
            }
            drop(begun);
            drop(begin(&disk, "c3"));
            let expected: &[&str] = match (renamed, replacement) {
                (true, _) => &["b"],
                (false, true) => &["a"],
                (false, false) => &[],
            };
            assert_eq!(
                visible(&disk),
                expected,
                "replacement {replacement}, renamed {renamed}"
            );
            assert_eq!(state(&disk).pending, None);
            assert_eq!(num_staged(&disk), 0);
        }
    }
}

/// Leaves a commit as a process does that is killed once its files are in place.
fn interrupt_in_place(disk: &Disk, id: &str) {
    let mut begun = begin(disk, id);
    std::fs::write(begun.staged_file("b"), b"x").expect("writable");
    let mut next = next(id, &["b"]);
    next.tasks.push(entry("t1"));
    write_pending(&mut begun, &next);
    begun.replace_folder(&next).expect("renames");
}

fn entry(task: &str) -> TaskEntry {
    serde_json::from_value(serde_json::json!({
        "task": task, "target": "acme", "status": "complete", "rows": 1
    }))
    .expect("an entry")
}

#[test]
fn a_foreign_file_does_not_undo_a_commit_that_is_in_place() {
    let folder = tempfile::tempdir().expect("temp dir");
    let disk = Disk::open(folder.path()).expect("opens");
    publish(&disk, "c1", &[], &["a"]).expect("first");
    interrupt_in_place(&disk, "c2");
    let partition = disk.partition_folder("links", PARTITION);
    std::fs::write(partition.join(".DS_Store"), b"x").expect("writable");
    drop(begin(&disk, "c3"));
    assert_eq!(
        state(&disk).committed.map(|committed| committed.commit_id),
        Some("c2".to_owned())
    );
    assert_eq!(visible(&disk), [".DS_Store", "b"]);
}

#[test]
fn a_commit_that_failed_after_its_rows_were_in_place_did_not_fail() {
    let folder = tempfile::tempdir().expect("temp dir");
    let disk = Disk::open(folder.path()).expect("opens");
    interrupt_in_place(&disk, "c1");
    let failed = |task: &str| UnfinishedTask {
        task: TaskId::new(task),
        target: "acme".into(),
        params: std::collections::BTreeMap::new(),
        status: UnfinishedStatus::Failed,
        reason: "the disk is full".into(),
        units: 0,
        run: RunId::new("r1"),
        at: 0,
        night: None,
        due: None,
    };
    let tasks = vec![failed("t1"), failed("t2")];
    disk.record_unfinished("links", PARTITION, tasks, "test", Duration::ZERO)
        .expect("records");
    let state = state(&disk);
    assert_eq!(state.unfinished, [failed("t2")]);
    assert!(state.task(&TaskId::new("t1")).is_some());
}

/// Where folders cannot be exchanged, a replacement leaves a gap: wherever it is interrupted, the old partition comes back
/// or the new one is there, and nothing is left in staging.
#[test]
fn every_crash_of_a_replacement_with_a_gap_is_recovered() {
    for moved in [0, 1, 2] {
        let folder = tempfile::tempdir().expect("temp dir");
        let disk = Disk::open(folder.path())
            .expect("opens")
            .with_replace(Replace::Gap);
        publish(&disk, "c1", &[], &["a"]).expect("first");
        let mut begun = begin(&disk, "c2");
        std::fs::write(begun.staging().join("b"), b"x").expect("writable");
        write_pending(&mut begun, &next("c2", &["b"]));
        let partition = disk.partition_folder("links", PARTITION);
        if moved >= 1 {
            std::fs::rename(&partition, disk.replaced_path("c2")).expect("moves the old away");
        }
        if moved == 2 {
            std::fs::rename(begun.staging(), &partition).expect("moves the new in");
        }
        drop(begun);
        drop(begin(&disk, "c3"));
        let expected = if moved == 2 { ["b"] } else { ["a"] };
        assert_eq!(visible(&disk), expected, "{moved} moves");
        assert_eq!(num_staged(&disk), 0, "{moved} moves");
    }
}

#[test]
fn files_that_were_not_committed_are_never_replaced() {
    let folder = tempfile::tempdir().expect("temp dir");
    let disk = Disk::open(folder.path()).expect("opens");
    let partition = disk.partition_folder("links", PARTITION);
    std::fs::create_dir_all(&partition).expect("creatable");
    std::fs::write(partition.join("theirs.parquet"), b"x").expect("writable");
    let error = publish(&disk, "c1", &[], &["a"]).expect_err("refused");
    assert_eq!(error.code(), ErrorCode::Destination);
    assert_eq!(visible(&disk), ["theirs.parquet"]);
}

#[test]
fn a_manifest_that_names_other_files_than_staging_holds_is_refused() {
    let folder = tempfile::tempdir().expect("temp dir");
    let disk = Disk::open(folder.path()).expect("opens");
    let begun = begin(&disk, "c1");
    let error = begun.publish(next("c1", &["absent"])).expect_err("refused");
    assert_eq!(error.code(), ErrorCode::Internal);
    assert!(visible(&disk).is_empty());
}
