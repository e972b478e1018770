//! Leases at their limits: processes that sleep, stores that do not answer for a while, misleading answers.

use std::io::Write as _;
use std::time::Duration;

use backhaul::error::{Error, ErrorCode};
use backhaul::store::ClaimResult;
use backhaul::store::bucket::{Bucket, Garbage, RunClaim};
use backhaul::store::{Remote, Store};
use bytes::Bytes;

use super::proxy::Fault;
use super::server::{BUCKET, KEY, SECRET};
use super::{Lab, OBJECT, PARTITION, REPORT, commit, options, publish, visible};

async fn claimed(bucket: &Bucket, run: &str) -> RunClaim {
    match bucket.claim_run(run, "one").await.unwrap() {
        ClaimResult::Claimed(claim) => claim,
        ClaimResult::HeldBy(holder) => panic!("held by {holder}"),
    }
}

#[tokio::test]
async fn a_renewal_whose_answer_was_lost_does_not_lose_the_lease() {
    let lab = Lab::with(|options| {
        (options.lease, options.patience) = (Duration::from_hours(1), Duration::ZERO);
    })
    .await;
    let claim = claimed(&lab.bucket, "r").await;
    // The store does not answer for longer than requests are retried, and comes back.
    lab.proxy.fail("conditional", 1, Fault::LostAnswer);
    assert_eq!(
        claim.ensure_held().await.unwrap_err().code(),
        ErrorCode::Destination
    );
    claim.ensure_held().await.expect("still ours");
    assert!(!claim.is_lost());
    // One that another process took over meanwhile is lost all the same.
    lab.proxy.fail("conditional", 1, Fault::LostAnswer);
    assert_eq!(
        claim.ensure_held().await.unwrap_err().code(),
        ErrorCode::Destination
    );
    let other = claimed(&lab.other(Duration::ZERO), "r").await;
    assert_eq!(
        claim.ensure_held().await.unwrap_err().code(),
        ErrorCode::Locked
    );
    assert!(claim.is_lost());
    drop(other);
}

#[tokio::test]
async fn a_commit_with_a_missed_renewal_is_published() {
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

/// A proxy before a store answers 503 to requests that the store carried out.
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
    // A write of another process is not taken for ours.
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

/// A process that has written its intent, and has not taken the partition yet, is not dead.
#[tokio::test]
async fn the_intent_of_a_live_process_is_not_garbage() {
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
            num_recovered: 1,
            num_aborted: 0
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
async fn a_rejected_encoder_gets_the_error() {
    let lab = Lab::new().await;
    let committing = lab
        .bucket
        .begin_commit(commit("c1"), "one", Duration::ZERO)
        .await
        .unwrap();
    let mut writer = committing.writer();
    lab.proxy
        .fail("part", 99, Fault::Refuse(403, "AccessDenied"));
    let chunk = vec![b'x'; 1 << 20];
    let refused = tokio::task::spawn_blocking(move || {
        // More than is buffered: sooner or later the writer must wait.
        (0..100).find_map(|_| writer.write_all(&chunk).and_then(|()| writer.flush()).err())
    });
    let refused = refused.await.unwrap().expect("refused");
    let why = refused
        .get_ref()
        .and_then(|why| why.downcast_ref::<Error>())
        .expect("an error of ours");
    assert!(why.to_string().contains("may not upload a part"), "{why}");
    assert!(why.hint().contains("s3:PutObject"), "{}", why.hint());
    lab.proxy.quiet();
    committing.abandon().await.unwrap();
    publish(&lab.bucket, "c2").await.unwrap();
    assert!(lab.bucket.head(OBJECT).await.unwrap().is_some());
}

/// Its lease is not renewed, as that of a process that is stopped, and it does not know that it was taken over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_slept_through_its_lease_checks_it_before_it_pays() {
    let lab = Lab::with(|options| {
        (options.lease, options.patience) = (Duration::from_secs(4), Duration::from_secs(30));
    })
    .await;
    let store = Store::Bucket(Remote::new(lab.bucket.clone()).unwrap());
    let (_, hold) = store
        .run_folder("20261123T021507Z-1f3a9c04", "sleeper")
        .unwrap();
    hold.ensure_held().unwrap();
    // The first renewal hangs for a while; other requests do not.
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
        .ensure_held()
        .expect_err("it would buy what the other one buys");
    assert_eq!(error.code(), ErrorCode::Locked);
}
