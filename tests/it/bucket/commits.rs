//! Commits: the order of the protocol, every interruption, takeover, garbage.

use std::time::Duration;

use backhaul::error::ErrorCode;
use backhaul::store::bucket::{Bucket, Garbage};
use bytes::Bytes;

use super::proxy::Fault;
use super::{Lab, OBJECT, PARTITION, REPORT, commit, manifest, parquet, prepare, publish, visible};

const STATE: &str = "_backhaul/tables/links/snapshot_date=2026-11-23.json";

async fn state(bucket: &Bucket) -> backhaul::table::manifest::PartitionState {
    bucket
        .partition(REPORT, PARTITION)
        .await
        .unwrap()
        .expect("present")
}

/// Commits as a process for which the leases of others expire after a second or two.
async fn publish_after_lease(lab: &Lab, id: &str) {
    let (committing, next) = prepare(&lab.other(Duration::ZERO), id, Duration::from_secs(10))
        .await
        .unwrap();
    committing.publish(next).await.unwrap();
}

#[tokio::test]
async fn a_commit_appears_whole_and_a_later_one_extends_it() {
    let lab = Lab::new().await;
    publish(&lab.bucket, "c1").await.unwrap();
    publish(&lab.bucket, "c2").await.unwrap();
    assert_eq!(visible(&lab.bucket).await, ["c1", "c2"]);
    let state = state(&lab.bucket).await;
    assert_eq!(
        (state.generation, state.pending, state.owner),
        (2, None, None)
    );
    assert_eq!(lab.bucket.table(REPORT).await.unwrap().commit_number, 2);
    assert_eq!(lab.bucket.tables().await.unwrap(), [REPORT]);
    assert_eq!(lab.bucket.partitions(REPORT).await.unwrap(), [PARTITION]);
    assert_eq!(lab.server.open_uploads().len(), 0);
}

/// The order in which a commit writes: the upload's id before any part, the parts before the complete.
#[tokio::test]
async fn no_part_is_sent_before_its_upload_is_recorded_and_nothing_is_completed_before_its_parts_are()
 {
    let lab = Lab::new().await;
    let committing = lab
        .bucket
        .begin_commit(commit("c1"), "one", Duration::ZERO)
        .await
        .unwrap();
    let mut body = parquet("c1", 0, &["c1".to_owned()]);
    // Larger than two parts: the bytes before the magic bytes do not matter here.
    let large = [vec![b'x'; 11 << 20], std::mem::take(&mut body)].concat();
    for chunk in large.chunks(1 << 20) {
        assert!(committing.write(Bytes::copy_from_slice(chunk)).await);
    }
    committing.publish(manifest("c1", &large, 1)).await.unwrap();
    let log = lab.proxy.take_log();
    let relevant =
        |operation: &&str| ["start", "part", "complete", "conditional"].contains(operation);
    let order: Vec<_> = log
        .iter()
        .map(super::proxy::Seen::operation)
        .filter(relevant)
        .collect();
    let expected = [
        "conditional", // the owner
        "start",
        "conditional", // the upload's id
        "part",
        "part",
        "part",
        "conditional", // the parts: the commit point
        "complete",
        "conditional", // committed
        "conditional", // the roll-up
        "conditional", // its debt
        "conditional", // nobody's
    ];
    assert_eq!(order, expected);
    let read = lab.bucket.get(OBJECT).await.unwrap().expect("present");
    assert!(read.bytes == large, "the object is what was written");
}

#[tokio::test]
async fn lost_answers_and_refusals_anywhere_in_a_commit_do_no_harm() {
    let lab = Lab::new().await;
    let mut ids = Vec::new();
    for operation in ["conditional", "start", "part", "complete", "get", "put"] {
        for fault in [
            Fault::LostAnswer,
            Fault::LostRequest,
            Fault::Refuse(503, "SlowDown"),
            Fault::Refuse(500, ""),
        ] {
            ids.push(format!("c{:02}", ids.len()));
            // Every second one of its kind, whichever step it belongs to.
            let mut number = 0;
            lab.proxy.plan(move |seen| {
                number += usize::from(seen.operation() == operation);
                (seen.operation() == operation && number % 2 == 1).then(|| fault.clone())
            });
            publish(&lab.bucket, ids.last().unwrap()).await.unwrap();
        }
    }
    lab.proxy.quiet();
    assert_eq!(visible(&lab.bucket).await, ids);
    assert_eq!(state(&lab.bucket).await.generation, ids.len() as u64);
    let recorded = lab
        .bucket
        .collect_garbage_older_than("gc", Duration::ZERO)
        .await
        .unwrap();
    assert_eq!(recorded.num_recovered, 0);
    assert_eq!(
        lab.server.open_uploads().len(),
        0,
        "starts whose answers were lost are found by listing"
    );
}

#[tokio::test]
async fn a_store_that_stays_down_leaves_the_commit_to_the_next_start_at_every_step() {
    for (operation, skipped) in [
        ("start", 0),
        ("conditional", 1),
        ("part", 0),
        ("conditional", 2),
        ("complete", 0),
        ("conditional", 3),
    ] {
        let lab = Lab::with(|options| options.patience = Duration::from_millis(400)).await;
        publish(&lab.bucket, "c1").await.unwrap();
        let mut left = skipped;
        lab.proxy.plan(move |seen| {
            if seen.operation() != operation {
                return None;
            }
            left -= i32::from(left >= 0);
            (left < 0).then_some(Fault::Refuse(503, "SlowDown"))
        });
        let error = publish(&lab.bucket, "c2").await.unwrap_err();
        assert_eq!(
            error.code(),
            ErrorCode::Destination,
            "{operation}: {}",
            error.render()
        );
        lab.proxy.quiet();
        let before = visible(&lab.bucket).await;
        assert!(
            before == ["c1"] || before == ["c1", "c2"],
            "{operation} {skipped}: {before:?}"
        );
        publish_after_lease(&lab, "c3").await;
        let after = visible(&lab.bucket).await;
        // Past the commit point it is finished, before it undone.
        let is_past = operation == "complete" || (operation == "conditional" && skipped == 3);
        let expected: &[&str] = if is_past {
            &["c1", "c2", "c3"]
        } else {
            &["c1", "c3"]
        };
        assert_eq!(after, expected, "{operation} after {skipped}");
        lab.other(Duration::ZERO)
            .collect_garbage_older_than("gc", Duration::ZERO)
            .await
            .unwrap();
        assert_eq!(
            lab.server.open_uploads().len(),
            0,
            "{operation} after {skipped}"
        );
    }
}

#[tokio::test]
async fn a_live_holder_is_waited_for_and_named() {
    let lab = Lab::new().await;
    let (committing, next) = prepare(&lab.bucket, "c1", Duration::ZERO).await.unwrap();
    let error = publish(&lab.bucket, "c2").await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Locked);
    assert!(error.to_string().contains("is held by c1"), "{error}");
    committing.publish(next).await.unwrap();
    publish(&lab.bucket, "c2").await.unwrap();
    assert_eq!(visible(&lab.bucket).await, ["c1", "c2"]);
}

#[tokio::test]
async fn an_abandoned_commit_frees_the_partition_and_leaves_nothing() {
    let lab = Lab::new().await;
    let (committing, _) = prepare(&lab.bucket, "c1", Duration::ZERO).await.unwrap();
    committing.abandon().await.unwrap();
    assert_eq!(lab.server.open_uploads().len(), 0);
    publish(&lab.bucket, "c2").await.unwrap();
    assert_eq!(visible(&lab.bucket).await, ["c2"]);
}

#[tokio::test]
async fn a_manifest_that_does_not_describe_what_was_uploaded_is_refused_and_undone() {
    let lab = Lab::new().await;
    let (committing, mut next) = prepare(&lab.bucket, "c1", Duration::ZERO).await.unwrap();
    next.files[0].bytes += 1;
    assert_eq!(
        committing.publish(next).await.unwrap_err().code(),
        ErrorCode::Internal
    );
    assert_eq!(visible(&lab.bucket).await, Vec::<String>::new());
    publish(&lab.bucket, "c2").await.unwrap();
}

#[tokio::test]
async fn a_writer_that_slept_through_its_lease_is_fenced_off_at_every_step() {
    let lab = Lab::with(|options| options.lease = Duration::from_hours(1)).await;
    publish(&lab.bucket, "c1").await.unwrap();
    // It sleeps before its parts are recorded.
    let (sleeper, next) = prepare(&lab.bucket, "c2", Duration::ZERO).await.unwrap();
    publish_after_lease(&lab, "c3").await;
    assert_eq!(
        sleeper.publish(next).await.unwrap_err().code(),
        ErrorCode::Locked
    );
    assert_eq!(visible(&lab.bucket).await, ["c1", "c3"]);
    // It sleeps between its last part and anything else: the upload itself was aborted.
    let sleeper = lab
        .bucket
        .begin_commit(commit("c4"), "c4", Duration::ZERO)
        .await
        .unwrap();
    publish_after_lease(&lab, "c5").await;
    let body = parquet("c4", 2, &["c4".to_owned()]);
    sleeper.write(Bytes::from(body.clone())).await;
    assert_eq!(
        sleeper
            .publish(manifest("c4", &body, 1))
            .await
            .unwrap_err()
            .code(),
        ErrorCode::Locked
    );
    assert_eq!(visible(&lab.bucket).await, ["c1", "c3", "c5"]);
    assert_eq!(lab.server.open_uploads().len(), 0);
}

#[tokio::test]
async fn requests_that_arrive_after_a_takeover_change_nothing() {
    let lab = Lab::with(|options| {
        (options.lease, options.patience) = (Duration::from_hours(1), Duration::from_millis(1));
    })
    .await;
    publish(&lab.bucket, "c1").await.unwrap();
    for (number, operation) in ["complete", "conditional", "part"].into_iter().enumerate() {
        let (asleep, awake) = (format!("z{number}"), format!("a{number}"));
        let (sleeper, next) = prepare(&lab.bucket, &asleep, Duration::ZERO).await.unwrap();
        // Its requests hang in the network until long after it gave up.
        lab.proxy
            .fail(operation, 1, Fault::Zombie(Duration::from_secs(5)));
        let _ = sleeper.publish(next).await;
        lab.proxy.quiet();
        publish_after_lease(&lab, &awake).await;
        let before = (visible(&lab.bucket).await, state(&lab.bucket).await);
        tokio::time::sleep(Duration::from_secs(6)).await;
        assert_eq!(
            (visible(&lab.bucket).await, state(&lab.bucket).await),
            before,
            "a late {operation}"
        );
        assert_eq!(before.0.last(), Some(&awake));
    }
}

#[tokio::test]
async fn a_heartbeat_keeps_the_partition_of_a_slow_writer_and_notices_a_loss() {
    let lab = Lab::with(|options| options.lease = Duration::from_secs(1)).await;
    let (committing, next) = prepare(&lab.bucket, "c1", Duration::ZERO).await.unwrap();
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(
        publish(&lab.bucket, "c2").await.unwrap_err().code(),
        ErrorCode::Locked
    );
    assert!(!committing.is_lost());
    committing.publish(next).await.unwrap();
    let (committing, _) = prepare(&lab.bucket, "c3", Duration::ZERO).await.unwrap();
    // As if another process had taken it for dead.
    lab.bucket.delete(STATE).await.unwrap();
    while !committing.is_lost() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn garbage_is_what_killed_processes_left_and_nothing_of_live_ones() {
    let lab = Lab::new().await;
    let (living, next) = prepare(&lab.bucket, "c1", Duration::ZERO).await.unwrap();
    // Starts whose answers were lost leave uploads that are not recorded.
    lab.proxy.fail("start", 3, Fault::LostAnswer);
    let other = backhaul::store::Commit {
        partition: "snapshot_date=2026-11-24".into(),
        ..commit("d1")
    };
    let dead = lab
        .bucket
        .begin_commit(other, "dead", Duration::ZERO)
        .await
        .unwrap();
    drop(dead);
    assert_eq!(lab.server.open_uploads().len(), 5);
    let young = lab
        .bucket
        .collect_garbage_older_than("gc", Duration::from_hours(24))
        .await
        .unwrap();
    assert_eq!(young, Garbage::default());
    let impatient = lab.other(Duration::from_secs(30));
    assert_eq!(
        impatient
            .collect_garbage_older_than("gc", Duration::ZERO)
            .await
            .unwrap(),
        Garbage {
            num_recovered: 0,
            num_aborted: 3
        }
    );
    assert_eq!(
        lab.server.open_uploads().len(),
        2,
        "what is recorded stays while its lease may run"
    );
    living.publish(next).await.unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let collected = lab
        .other(Duration::ZERO)
        .collect_garbage_older_than("gc", Duration::ZERO)
        .await
        .unwrap();
    assert_eq!(
        collected,
        Garbage {
            num_recovered: 1,
            num_aborted: 0
        }
    );
    assert_eq!(lab.server.open_uploads().len(), 0);
    assert_eq!(visible(&lab.bucket).await, ["c1"]);
}

#[tokio::test]
async fn a_lost_roll_up_continues_above_what_its_partitions_have_seen() {
    let lab = Lab::new().await;
    for id in ["c1", "c2", "c3"] {
        publish(&lab.bucket, id).await.unwrap();
    }
    lab.bucket
        .delete("_backhaul/tables/links.json")
        .await
        .unwrap();
    publish(&lab.bucket, "c4").await.unwrap();
    assert!(lab.bucket.table(REPORT).await.unwrap().commit_number >= 4);
}

#[tokio::test]
async fn an_encoder_writes_on_a_thread_of_its_own() {
    use std::io::Write as _;
    let lab = Lab::new().await;
    let committing = lab
        .bucket
        .begin_commit(commit("c1"), "one", Duration::ZERO)
        .await
        .unwrap();
    let mut writer = committing.writer();
    let body = parquet("c1", 0, &["c1".to_owned()]);
    let written = body.clone();
    tokio::task::spawn_blocking(move || writer.write_all(&written).and_then(|()| writer.flush()))
        .await
        .unwrap()
        .unwrap();
    committing.publish(manifest("c1", &body, 1)).await.unwrap();
    assert_eq!(visible(&lab.bucket).await, ["c1"]);
    assert_eq!(
        lab.bucket.commit_of(OBJECT).await.unwrap().as_deref(),
        Some("c1")
    );
}

#[tokio::test]
async fn an_upload_holds_no_more_in_memory_than_the_parts_that_are_sent() {
    let lab = Lab::with(|options| options.concurrent_parts = 2).await;
    let committing = lab
        .bucket
        .begin_commit(commit("c1"), "one", Duration::ZERO)
        .await
        .unwrap();
    // Parts hang; the writer must stop.
    lab.proxy
        .plan(|seen| (seen.operation() == "part").then_some(Fault::Late(Duration::from_hours(1))));
    let chunk = Bytes::from(vec![b'x'; 1 << 20]);
    let mut taken = 0;
    while tokio::time::timeout(Duration::from_secs(1), committing.write(chunk.clone()))
        .await
        .is_ok()
    {
        taken += 1;
        assert!(taken < 100, "nothing holds the writer back");
    }
    // Two parts of 5 MiB are being sent, one waits, one chunk is in the channel and one with the writer.
    assert!((10..=17).contains(&taken), "{taken} MiB were taken");
}
