//! Saved responses on a disk and in memory.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::Utc;

use super::*;
use crate::model::{Answer, Encoding, Method, Price, Request, RunId, SnapshotDate, TaskId};
use crate::store::{DiskFiles, MemoryFiles};

fn answer(body: &'static [u8], encoding: Encoding) -> Answer {
    Answer {
        body: Bytes::from_static(body),
        encoding,
        price: Price {
            units_actual: Some(50),
            ..Price::default()
        },
        received_at: chrono::DateTime::from_timestamp(1_700_000_000, 0).expect("valid"),
        attempts: 1,
    }
}

fn request() -> Request {
    Request {
        endpoint: "site-explorer/anchors".into(),
        method: Method::Get,
        query: Vec::new(),
        body: None,
    }
}

fn attempt() -> Attempt {
    Attempt {
        night: "2026-11-23".parse().expect("a date"),
        task: TaskId::new("00ff"),
        number: 0,
    }
}

fn on_disk(folder: &Path) -> ResponseStore {
    ResponseStore::new(Arc::new(DiskFiles::new(folder)))
}

fn in_memory() -> ResponseStore {
    ResponseStore::new(Arc::new(MemoryFiles::default()))
}

fn save(
    responses: &ResponseStore,
    attempt: &Attempt,
    sequence: u32,
    body: &'static [u8],
    encoding: Encoding,
) {
    let saved = SavedResponse::new(
        sequence,
        &RunId::new("run"),
        request(),
        answer(body, encoding),
        50,
    )
    .expect("builds");
    responses.save(attempt, &saved).expect("saves");
}

fn saved_numbers(responses: &ResponseStore, attempt: &Attempt) -> Vec<u32> {
    (0..10)
        .filter(|sequence| {
            responses
                .load(attempt, *sequence)
                .expect("readable")
                .is_some()
        })
        .collect()
}

#[test]
fn a_response_reads_back_as_received_whatever_its_compression() {
    let (responses, attempt) = (in_memory(), attempt());
    for (sequence, encoding) in [(0, Encoding::Identity), (1, Encoding::Gzip)] {
        save(&responses, &attempt, sequence, b"\x1f\x8bbody", encoding);
    }
    let first = responses
        .load(&attempt, 0)
        .expect("readable")
        .expect("present");
    assert_eq!(
        first.header.encoding,
        Encoding::Zstd,
        "an uncompressed body is compressed"
    );
    assert_eq!(
        zstd::decode_all(first.body.as_ref()).expect("zstd"),
        b"\x1f\x8bbody"
    );
    let second = responses
        .load(&attempt, 1)
        .expect("readable")
        .expect("present");
    assert_eq!(
        (second.header.encoding, second.body.as_ref()),
        (Encoding::Gzip, b"\x1f\x8bbody".as_ref())
    );
    assert_eq!(
        first.header.body_sha256, second.header.body_sha256,
        "the hash is of the body as received"
    );
}

#[test]
fn a_flipped_bit_anywhere_makes_it_count_as_absent() {
    let (responses, attempt) = (in_memory(), attempt());
    save(&responses, &attempt, 0, b"{\"rows\":[]}", Encoding::Gzip);
    let name = attempt.file(0);
    let whole = responses.files.load(&name).expect("readable");
    let whole = whole.expect("present");
    for index in 0..whole.len() {
        let mut bytes = whole.to_vec();
        bytes[index] ^= 1;
        responses
            .files
            .replace(&name, bytes.into())
            .expect("writable");
        let loaded = responses.load(&attempt, 0).expect("readable");
        assert!(loaded.is_none(), "byte {index}");
    }
    for length in 0..whole.len() {
        responses
            .files
            .replace(&name, whole.slice(..length))
            .expect("writable");
        assert!(
            responses.load(&attempt, 0).expect("readable").is_none(),
            "length {length}"
        );
    }
}

#[test]
fn what_is_set_aside_is_not_built_on_and_not_deleted() {
    let folder = tempfile::tempdir().expect("temp dir");
    for responses in [on_disk(folder.path()), in_memory()] {
        let attempt = attempt();
        for sequence in 0..4 {
            save(&responses, &attempt, sequence, b"{}", Encoding::Identity);
        }
        if let Some(folder) = responses.files.local_folder() {
            let half_written = folder.join(attempt.folder()).join(".000004.response.tmp");
            std::fs::write(half_written, b"half").expect("writable");
        }
        responses.set_aside(&attempt, 2).expect("sets aside");
        assert_eq!(saved_numbers(&responses, &attempt), [0, 1]);
        // A gap hides nothing behind it, and a number can be set aside twice.
        for sequence in [2, 7] {
            save(&responses, &attempt, sequence, b"{}", Encoding::Identity);
        }
        responses.set_aside(&attempt, 2).expect("sets aside");
        assert_eq!(saved_numbers(&responses, &attempt), [0, 1]);
        let names = responses.files.list_all("").expect("listable");
        assert_eq!(names.len(), 2 + 4, "{names:?}");
    }
    let attempt_folder = folder.path().join(attempt().folder());
    let num_entries = std::fs::read_dir(attempt_folder).expect("listable").count();
    assert_eq!(num_entries, 2 + 4, "half-written files are removed");
}

#[test]
fn the_latest_attempt_is_the_one_begun_last_even_without_a_response() {
    let (responses, attempt) = (in_memory(), attempt());
    assert_eq!(
        responses
            .latest(attempt.night, &attempt.task)
            .expect("readable"),
        None
    );
    save(&responses, &attempt, 0, b"{}", Encoding::Identity);
    assert_eq!(
        responses
            .latest(attempt.night, &attempt.task)
            .expect("readable"),
        Some(attempt.clone())
    );
    let second = Attempt {
        number: 10,
        ..attempt.clone()
    };
    responses.begin(&second).expect("begins");
    assert_eq!(
        responses
            .latest(attempt.night, &attempt.task)
            .expect("readable"),
        Some(second)
    );
    assert_eq!(saved_numbers(&responses, &attempt), [0]);
}

#[test]
fn responses_are_removed_when_they_are_old_and_not_needed() {
    let folder = tempfile::tempdir().expect("temp dir");
    let (responses, attempt) = (on_disk(folder.path()), attempt());
    let needed = Attempt {
        task: TaskId::new("needed"),
        ..attempt.clone()
    };
    for attempt in [&attempt, &needed] {
        save(&responses, attempt, 0, b"{}", Encoding::Identity);
    }
    let keep = Duration::from_hours(24);
    let now = Utc::now();
    let later = now + Duration::from_hours(25);
    let guard = |_: SnapshotDate, task: &TaskId| Ok((task.as_str() != "needed").then_some(()));
    assert_eq!(
        responses.expire(now, keep, guard, Ok).expect("expires"),
        0,
        "too young"
    );
    assert_eq!(
        responses.expire(later, keep, guard, Ok).expect("expires"),
        1
    );
    assert_eq!(
        responses.tasks(attempt.night).expect("listable"),
        BTreeSet::from([needed.task])
    );
    assert_eq!(
        responses
            .expire(later, keep, |_, _| Ok(Some(())), Ok)
            .expect("expires"),
        1
    );
    assert_eq!(responses.nights().expect("listable"), BTreeSet::new());
}
