//! One suite of behaviour for small files, run on a disk and in a bucket.

use std::time::Duration;

use backhaul::store::Files;

use super::Lab;
use super::proxy::Fault;

/// What both must do.
async fn behaves(files: &Files) {
    assert_eq!(files.list("").await.unwrap(), Vec::<String>::new());
    assert_eq!(files.load("a/one.json").await.unwrap(), None);
    files.replace("a/one.json", "1").await.unwrap();
    files.replace("a/one.json", "2").await.unwrap();
    assert_eq!(files.load("a/one.json").await.unwrap().as_deref(), Some(b"2".as_slice()));

    assert!(files.create_new("a/two.json", "first").await.unwrap());
    assert!(!files.create_new("a/two.json", "second").await.unwrap());
    assert_eq!(files.load("a/two.json").await.unwrap().as_deref(), Some(b"first".as_slice()));

    files.replace("a/b/deep", vec![0_u8; 100_000]).await.unwrap();
    files.replace("ab", "beside").await.unwrap();
    assert_eq!(files.list("").await.unwrap(), ["a", "ab"]);
    assert_eq!(files.list("a").await.unwrap(), ["b", "one.json", "two.json"]);
    assert_eq!(files.list("a/none").await.unwrap(), Vec::<String>::new());

    files.rename("a/one.json", "a/one.json.aside").await.unwrap();
    assert_eq!(files.load("a/one.json").await.unwrap(), None);
    assert_eq!(files.load("a/one.json.aside").await.unwrap().as_deref(), Some(b"2".as_slice()));
    assert!(files.rename("a/none", "a/other").await.is_err());

    let now = files.now().await.unwrap();
    let changed = files.changed("a").await.unwrap().expect("something lies there");
    assert!((now - changed).abs() < chrono::TimeDelta::minutes(1), "{now} and {changed} are of one clock");
    assert!(files.changed("a/b/deep").await.unwrap().is_some());
    assert_eq!(files.changed("none").await.unwrap(), None);

    files.remove("a/two.json").await.unwrap();
    files.remove("a/two.json").await.unwrap();
    files.remove("never/was").await.unwrap();
    assert_eq!(files.list("a").await.unwrap(), ["b", "one.json.aside"]);
    files.remove_all("a").await.unwrap();
    files.remove_all("a").await.unwrap();
    assert_eq!(files.list("").await.unwrap(), ["ab"]);
    counts(files).await;
}

/// Many at once add to one file, as reservations of units do: nothing is lost, and what is named counts once.
async fn counts(files: &Files) {
    let adding = (0..8).map(|task| {
        let files = files.clone();
        tokio::spawn(async move {
            for round in 0..3 {
                files.change("count", move |before| Ok(add(before, &format!("{task}.{round}")))).await.unwrap();
            }
        })
    });
    for task in adding.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    let text = files.load("count").await.unwrap().expect("counted");
    assert_eq!(text.split(|byte| *byte == b' ').count(), 24, "{text:?}");
    files.change("count", |_| Ok(None)).await.unwrap();
    assert_eq!(files.load("count").await.unwrap().expect("untouched"), text);
    files.remove("count").await.unwrap();
}

/// Adds a name unless it stands there: a change may be made twice.
fn add(before: Option<&[u8]>, name: &str) -> Option<Vec<u8>> {
    let text = String::from_utf8(before.unwrap_or_default().to_vec()).unwrap();
    let mut names: Vec<_> = text.split(' ').filter(|known| !known.is_empty()).collect();
    if names.contains(&name) {
        return None;
    }
    names.push(name);
    Some(names.join(" ").into_bytes())
}

#[tokio::test]
async fn files_on_a_disk_behave() {
    let folder = tempfile::tempdir().unwrap();
    behaves(&Files::Disk(folder.path().join("files"))).await;
}

#[tokio::test]
async fn files_in_a_bucket_behave_the_same() {
    let lab = Lab::new().await;
    behaves(&Files::Bucket(lab.bucket.clone(), "_backhaul/nights".into())).await;
}

#[tokio::test]
async fn files_in_a_bucket_behave_the_same_while_every_third_answer_is_lost() {
    let lab = Lab::new().await;
    let mut number = 0;
    lab.proxy.plan(move |_| {
        number += 1;
        (number % 3 == 0).then_some(Fault::LostAnswer)
    });
    behaves(&Files::Bucket(lab.bucket.clone(), "_backhaul/nights".into())).await;
}

#[tokio::test]
async fn a_write_that_arrives_late_does_not_undo_a_later_one() {
    let lab = Lab::new().await;
    let files = Files::Bucket(lab.bucket.clone(), "f".into());
    files.replace("ledger", "1").await.unwrap();
    lab.proxy.fail("conditional", 1, Fault::Zombie(Duration::from_secs(2)));
    files.replace("ledger", "2").await.unwrap();
    files.replace("ledger", "3").await.unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(files.load("ledger").await.unwrap().as_deref(), Some(b"3".as_slice()));
}

#[tokio::test]
async fn what_one_process_saved_another_finds_and_goes_on_from() {
    let lab = Lab::new().await;
    let killed = Files::Bucket(lab.bucket.clone(), "_backhaul/responses".into());
    for sequence in 0..3 {
        killed.create_new(&format!("2026-11-23/t/0/{sequence:06}.response"), format!("body {sequence}")).await.unwrap();
    }
    // A kill between two requests: the fourth was never sent on.
    let resumed = Files::Bucket(lab.other(Duration::ZERO), "_backhaul/responses".into());
    let names = resumed.list("2026-11-23/t/0").await.unwrap();
    assert_eq!(names.len(), 3);
    assert_eq!(
        resumed.load(&format!("2026-11-23/t/0/{}", names[2])).await.unwrap().as_deref(),
        Some(b"body 2".as_slice())
    );
}
