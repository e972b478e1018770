//! One suite of behaviour for small files: on a disk, in memory and in a bucket.

use std::time::Duration;

use backhaul::store::bucket::Bucket;
use backhaul::store::{BucketFiles, DiskFiles, MemoryFiles, Remote, SmallFiles};

use super::Lab;
use super::proxy::Fault;

/// The behaviour of every implementation.
fn behaves(files: &dyn SmallFiles) {
    assert_eq!(files.list("").unwrap(), Vec::<String>::new());
    assert_eq!(files.load("a/one.json").unwrap(), None);
    files.replace("a/one.json", "1".into()).unwrap();
    files.replace("a/one.json", "2".into()).unwrap();
    assert_eq!(
        files.load("a/one.json").unwrap().as_deref(),
        Some(b"2".as_slice())
    );

    assert!(files.create_new("a/two.json", "first".into()).unwrap());
    assert!(!files.create_new("a/two.json", "second".into()).unwrap());
    assert_eq!(
        files.load("a/two.json").unwrap().as_deref(),
        Some(b"first".as_slice())
    );

    files
        .replace("a/b/deep", vec![0_u8; 100_000].into())
        .unwrap();
    files.replace("ab", "beside".into()).unwrap();
    assert_eq!(files.list("").unwrap(), ["a", "ab"]);
    assert_eq!(files.list("a").unwrap(), ["b", "one.json", "two.json"]);
    assert_eq!(files.list("a/none").unwrap(), Vec::<String>::new());

    files
        .update("a/gone", &|_| Ok(Some(b"x".to_vec())))
        .unwrap();
    files.update("a/gone", &|_| Ok(Some(Vec::new()))).unwrap();
    assert_eq!(files.load("a/gone").unwrap(), None);
    assert!(
        files.create_new("a/gone", "again".into()).unwrap(),
        "a name that was removed by an update is free"
    );
    assert_eq!(
        files.load_start("a/gone", 3).unwrap().as_deref(),
        Some(b"aga".as_slice())
    );
    files.remove("a/gone").unwrap();

    files.rename("a/one.json", "a/one.json.aside").unwrap();
    assert_eq!(files.load("a/one.json").unwrap(), None);
    assert_eq!(
        files.load("a/one.json.aside").unwrap().as_deref(),
        Some(b"2".as_slice())
    );
    assert!(files.rename("a/none", "a/other").is_err());

    let now = files.now().unwrap();
    let changed = files.changed_at("a").unwrap().expect("there are files");
    assert!(
        (now - changed).abs() < chrono::TimeDelta::minutes(1),
        "{now} and {changed} are of one clock"
    );
    assert!(files.changed_at("a/b/deep").unwrap().is_some());
    assert_eq!(files.changed_at("none").unwrap(), None);

    files.remove("a/two.json").unwrap();
    files.remove("a/two.json").unwrap();
    files.remove("never/was").unwrap();
    assert_eq!(files.list_all("a").unwrap(), ["b/deep", "one.json.aside"]);
    files.create_folder("a/empty").unwrap();
    assert!(files.list("a").unwrap().contains(&"empty".to_owned()));
    assert_eq!(files.list("a/empty").unwrap(), Vec::<String>::new());
    if let Some(listed) = files.list_with_metadata("a").unwrap() {
        let deep = listed.iter().find(|file| file.name == "b/deep").unwrap();
        assert_eq!(deep.bytes, 100_000);
    }
    files.remove_all("a").unwrap();
    files.remove_all("a").unwrap();
    assert_eq!(files.list("").unwrap(), ["ab"]);
    counts(files);
}

/// Many at once add to one file, as reservations of units do: nothing is lost, and what is named counts once.
fn counts(files: &dyn SmallFiles) {
    std::thread::scope(|scope| {
        for task in 0..8 {
            scope.spawn(move || {
                for round in 0..3 {
                    files
                        .update("count", &|before| {
                            Ok(add(before, &format!("{task}.{round}")))
                        })
                        .unwrap();
                }
            });
        }
    });
    let text = files.load("count").unwrap().expect("counted");
    assert_eq!(text.split(|byte| *byte == b' ').count(), 24, "{text:?}");
    files.update("count", &|_| Ok(None)).unwrap();
    assert_eq!(files.load("count").unwrap().expect("untouched"), text);
    files.remove("count").unwrap();
}

/// Adds a name unless it is there already: a change may be made twice.
fn add(before: Option<&[u8]>, name: &str) -> Option<Vec<u8>> {
    let text = String::from_utf8(before.unwrap_or_default().to_vec()).unwrap();
    let mut names: Vec<_> = text.split(' ').filter(|known| !known.is_empty()).collect();
    if names.contains(&name) {
        return None;
    }
    names.push(name);
    Some(names.join(" ").into_bytes())
}

fn in_bucket(bucket: &Bucket, folder: &str) -> BucketFiles {
    BucketFiles::new(Remote::new(bucket.clone()).unwrap(), folder)
}

#[test]
fn files_on_a_disk_behave() {
    let folder = tempfile::tempdir().unwrap();
    behaves(&DiskFiles::new(folder.path().join("files")));
}

#[test]
fn files_in_memory_behave_the_same() {
    behaves(&MemoryFiles::default());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_in_a_bucket_behave_the_same() {
    let lab = Lab::new().await;
    behaves(&in_bucket(&lab.bucket, "_backhaul/nights"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_in_a_bucket_behave_the_same_while_every_third_answer_is_lost() {
    let lab = Lab::new().await;
    let mut number = 0;
    lab.proxy.plan(move |_| {
        number += 1;
        (number % 3 == 0).then_some(Fault::LostAnswer)
    });
    behaves(&in_bucket(&lab.bucket, "_backhaul/nights"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_arrives_late_does_not_undo_a_later_one() {
    let lab = Lab::new().await;
    let files = in_bucket(&lab.bucket, "f");
    files.replace("ledger", "1".into()).unwrap();
    lab.proxy
        .fail("conditional", 1, Fault::Zombie(Duration::from_secs(2)));
    files.replace("ledger", "2".into()).unwrap();
    files.replace("ledger", "3".into()).unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(
        files.load("ledger").unwrap().as_deref(),
        Some(b"3".as_slice())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_process_finds_and_continues_from_what_one_saved() {
    let lab = Lab::new().await;
    let killed = in_bucket(&lab.bucket, "_backhaul/responses");
    for sequence in 0..3 {
        let name = format!("2026-11-23/t/0/{sequence:06}.response");
        let body = format!("body {sequence}");
        killed.create_new(&name, body.into()).unwrap();
    }
    // A kill between two requests: the fourth was never sent.
    let resumed = in_bucket(&lab.other(Duration::ZERO), "_backhaul/responses");
    let names = resumed.list("2026-11-23/t/0").unwrap();
    assert_eq!(names.len(), 3);
    assert_eq!(
        resumed
            .load(&format!("2026-11-23/t/0/{}", names[2]))
            .unwrap()
            .as_deref(),
        Some(b"body 2".as_slice())
    );
}
