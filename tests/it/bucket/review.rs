//! What a reviewer doubted: processes that sleep, stores that are gone for a while, answers that lie.

use std::io::Write as _;
use std::time::Duration;

use backhaul::error::{Code, Error};
use backhaul::store::bucket::{Bucket, Garbage, RunClaim, RunClaimed};
use backhaul::store::{Remote, Store};
use bytes::Bytes;

use super::proxy::Fault;
use super::server::{BUCKET, KEY, SECRET};
use super::{Lab, OBJECT, PARTITION, REPORT, commit, options, publish, visible};

async fn claimed(bucket: &Bucket, run: &str) -> RunClaim {
    match bucket.claim_run(run, "one").await.unwrap() {
        RunClaimed::Ours(claim) => claim,
        RunClaimed::Held(holder) => panic!("held by {holder}"),
    }
}

#[tokio::test]
async fn a_renewal_that_was_carried_out_unheard_is_no_loss() {
    let lab = Lab::with(|options| {
        (options.lease, options.patience) = (Duration::from_hours(1), Duration::ZERO);
    })
    .await;
    let claim = claimed(&lab.bucket, "r").await;
    // The store is gone for longer than anybody waits for it, and comes back.
    lab.proxy.fail("conditional", 1, Fault::LostAnswer);
    assert_eq!(claim.confirm().await.unwrap_err().code(), Code::Destination);
    claim.confirm().await.expect("still ours");
    assert!(!claim.is_lost());
    // One that another process took over meanwhile is lost all the same.
    lab.proxy.fail("conditional", 1, Fault::LostAnswer);
    assert_eq!(claim.confirm().await.unwrap_err().code(), Code::Destination);
    let other = claimed(&lab.other(Duration::ZERO), "r").await;
    assert_eq!(claim.confirm().await.unwrap_err().code(), Code::Locked);
    assert!(claim.is_lost());
    drop(other);
}

#[tokio::test]
async fn a_commit_whose_heart_missed_a_beat_is_published() {
    let lab = Lab::with(|options| {
        (options.lease, options.patience) = (Duration::from_secs(20), Duration::ZERO);
    })
    .await;
    let (committing, next) = super::prepare(&lab.bucket, "c1", Duration::ZERO)
        .await
        .unwrap();
    lab.proxy.take_log();
    lab.proxy.fail("conditional", 1, Fault::LostAnswer);
    while !lab
        .proxy
        .take_log()
        .iter()
        .any(|seen| seen.operation() == "conditional")
    {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    committing
        .publish(next)
        .await
        .expect("nobody else was there");
    assert_eq!(visible(&lab.bucket).await, ["c1"]);
}

/// What stands before a store says 503 of requests that the store carried out.
#[tokio::test]
async fn a_write_that_was_carried_out_and_reported_as_throttled_is_ours() {
    let lab = Lab::new().await;
    let bytes = |text: &str| Bytes::from(text.to_owned());
    let fault = Fault::Misreported(503, "ServiceUnavailable");
    lab.proxy.fail("conditional", 1, fault.clone());
    let version = lab
        .bucket
        .put_if_absent("a", bytes("1"))
        .await
        .unwrap()
        .expect("ours");
    lab.proxy.fail("conditional", 1, fault);
    lab.bucket
        .compare_and_swap("a", &version, bytes("2"))
        .await
        .unwrap()
        .expect("ours");
    // Somebody else's stays somebody else's.
    lab.proxy
        .fail("conditional", 1, Fault::Refuse(503, "SlowDown"));
    assert!(
        lab.bucket
            .put_if_absent("a", bytes("3"))
            .await
            .unwrap()
            .is_none()
    );
}

/// A process that says what it is about to commit, and has not taken the partition yet, is not dead.
#[tokio::test]
async fn what_a_live_process_is_about_to_commit_is_not_taken_for_garbage() {
    let lab = Lab::new().await;
    let intent = "_backhaul/staging/20261123T021507Z-1f3a9c04-0000.json";
    let said = format!("{{\"report\":\"{REPORT}\",\"partition\":\"{PARTITION}\"}}");
    lab.bucket.put(intent, Bytes::from(said)).await.unwrap();
    assert_eq!(
        lab.bucket.collect_garbage("gc").await.unwrap(),
        Garbage::default()
    );
    assert!(
        lab.bucket.head(intent).await.unwrap().is_some(),
        "it would not be found if its process died now"
    );
    let old = lab
        .bucket
        .collect_garbage_older_than("gc", Duration::ZERO)
        .await
        .unwrap();
    assert_eq!(
        old,
        Garbage {
            settled: 1,
            aborted: 0
        }
    );
    assert!(lab.bucket.head(intent).await.unwrap().is_none());
}

#[tokio::test]
async fn a_store_that_does_not_list_uploads_costs_no_night() {
    let lab = Lab::new().await;
    for fault in [
        Fault::Refuse(403, "AccessDenied"),
        Fault::Refuse(501, "NotImplemented"),
        Fault::Refuse(405, ""),
    ] {
        lab.proxy.fail("uploads", 9, fault);
        assert_eq!(
            lab.bucket.collect_garbage("gc").await.unwrap(),
            Garbage::default()
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_encoder_that_is_turned_away_learns_why() {
    let lab = Lab::new().await;
    let committing = lab
        .bucket
        .begin(commit("c1"), "one", Duration::ZERO)
        .await
        .unwrap();
    let mut writer = committing.writer();
    lab.proxy
        .fail("part", 99, Fault::Refuse(403, "AccessDenied"));
    let chunk = vec![b'x'; 1 << 20];
    let refused = tokio::task::spawn_blocking(move || {
        // More than is held on the way: sooner or later there is no room.
        (0..100).find_map(|_| writer.write_all(&chunk).and_then(|()| writer.flush()).err())
    });
    let refused = refused.await.unwrap().expect("refused");
    let why = refused
        .get_ref()
        .and_then(|why| why.downcast_ref::<Error>())
        .expect("an error of ours");
    assert!(why.to_string().contains("may not upload a part"), "{why}");
    assert!(why.next().contains("s3:PutObject"), "{}", why.next());
    lab.proxy.quiet();
    committing.abandon().await.unwrap();
    publish(&lab.bucket, "c2").await.unwrap();
    assert!(lab.bucket.head(OBJECT).await.unwrap().is_some());
}

/// Its heart stands still, as that of a process that is stopped: no renewal, and no word that it was taken over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_slept_through_its_lease_asks_before_it_buys() {
    let lab = Lab::with(|options| {
        (options.lease, options.patience) = (Duration::from_secs(4), Duration::from_secs(30));
    })
    .await;
    let store = Store::Bucket(Remote::new(lab.bucket.clone()).unwrap());
    let (_, hold) = store
        .run_folder("20261123T021507Z-1f3a9c04", "sleeper")
        .unwrap();
    hold.confirm().unwrap();
    // The first renewal hangs for a while; nobody else's requests do.
    lab.proxy
        .fail("conditional", 1, Fault::Late(Duration::from_secs(9)));
    let direct = format!("http://{}", lab.server.address);
    let awake = backhaul::store::bucket::BucketOptions {
        lease: Duration::from_secs(2),
        ..options(&direct, KEY, SECRET)
    };
    let awake = Bucket::open(&format!("s3://{BUCKET}/lake"), awake).unwrap();
    let _taken = claimed(&awake, "20261123T021507Z-1f3a9c04").await;
    let error = hold
        .confirm()
        .expect_err("it would buy what the other one buys");
    assert_eq!(error.code(), Code::Locked);
}
