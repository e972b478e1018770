//! Objects: conditions, lost answers, refusals and their errors.

use std::time::Duration;

use backhaul::error::ErrorCode;
use backhaul::store::ClaimResult;
use backhaul::store::bucket::{Bucket, BucketOptions, Fencing, Writers};
use bytes::Bytes;

use super::proxy::Fault;
use super::server::{BUCKET, KEY, SECRET};
use super::{Lab, options};

fn bytes(text: &str) -> Bytes {
    Bytes::from(text.to_owned())
}

#[tokio::test]
async fn a_store_with_conditional_writes_passes_the_probe_and_keeps_nothing_of_it() {
    let lab = Lab::new().await;
    assert_eq!(lab.bucket.probe().await.unwrap(), Fencing::UploadId);
    assert_eq!(lab.bucket.list("").await.unwrap(), []);
    assert_eq!(lab.server.open_uploads().len(), 0);
}

#[tokio::test]
async fn conditions_hold_and_versions_change() {
    let lab = Lab::new().await;
    let bucket = &lab.bucket;
    let first = bucket
        .put_if_absent("a/b", bytes("one"))
        .await
        .unwrap()
        .expect("created");
    assert!(
        bucket
            .put_if_absent("a/b", bytes("two"))
            .await
            .unwrap()
            .is_none()
    );
    let second = bucket
        .compare_and_swap("a/b", &first, bytes("two"))
        .await
        .unwrap()
        .expect("swapped");
    assert!(
        bucket
            .compare_and_swap("a/b", &first, bytes("three"))
            .await
            .unwrap()
            .is_none()
    );
    assert!(
        bucket
            .compare_and_swap("absent", &first, bytes("three"))
            .await
            .unwrap()
            .is_none()
    );
    let read = bucket.get("a/b").await.unwrap().expect("present");
    assert_eq!((read.bytes, read.version), (bytes("two"), second.clone()));
    assert_eq!(
        bucket.get_range("a/b", 1..3, Some(&second)).await.unwrap(),
        bytes("wo")
    );
    assert!(bucket.get_range("a/b", 1..3, Some(&first)).await.is_err());
    bucket.delete("a/b").await.unwrap();
    bucket.delete("a/b").await.unwrap();
    assert!(bucket.get("a/b").await.unwrap().is_none());
}

#[tokio::test]
async fn a_list_is_whole_and_of_one_folder() {
    let lab = Lab::new().await;
    for number in 0..25 {
        lab.bucket
            .put(&format!("few/{number:02}"), bytes("x"))
            .await
            .unwrap();
    }
    lab.bucket.put("fewer/0", bytes("x")).await.unwrap();
    lab.proxy.fail("list", 1, Fault::Refuse(503, "SlowDown"));
    let names: Vec<_> = lab
        .bucket
        .list("few")
        .await
        .unwrap()
        .into_iter()
        .map(|listed| listed.name)
        .collect();
    assert_eq!(names.len(), 25);
    assert_eq!(names.first().map(String::as_str), Some("few/00"));
    let (objects, folders) = lab.bucket.children("").await.unwrap();
    assert_eq!(
        (objects, folders),
        (vec![], vec!["few".to_owned(), "fewer".to_owned()])
    );
}

#[tokio::test]
async fn transient_failures_of_every_class_are_retried() {
    let lab = Lab::new().await;
    let faults = [
        Fault::Refuse(503, "SlowDown"),
        Fault::Refuse(500, "InternalError"),
        Fault::Refuse(409, "ConditionalRequestConflict"),
        Fault::LostRequest,
        Fault::LostAnswer,
        Fault::Late(Duration::from_millis(50)),
    ];
    for (number, fault) in faults.into_iter().enumerate() {
        let name = format!("n{number}");
        lab.proxy.fail("conditional", 2, fault.clone());
        let version = lab
            .bucket
            .put_if_absent(&name, bytes(&name))
            .await
            .unwrap()
            .expect("ours, though unheard");
        lab.proxy.fail("conditional", 2, fault.clone());
        let next = bytes(&format!("{name} again"));
        let later = lab
            .bucket
            .compare_and_swap(&name, &version, next.clone())
            .await
            .unwrap();
        lab.proxy.fail("get", 2, fault);
        let read = lab.bucket.get(&name).await.unwrap().expect("present");
        assert_eq!((Some(read.version), read.bytes), (later, next));
    }
}

#[tokio::test]
async fn a_lost_answer_to_a_condition_that_fails_is_not_taken_for_a_success() {
    let lab = Lab::new().await;
    let version = lab
        .bucket
        .put_if_absent("a", bytes("theirs"))
        .await
        .unwrap()
        .expect("created");
    lab.bucket
        .compare_and_swap("a", &version, bytes("theirs again"))
        .await
        .unwrap()
        .expect("swapped");
    lab.proxy.fail("conditional", 1, Fault::LostAnswer);
    assert!(
        lab.bucket
            .put_if_absent("a", bytes("mine"))
            .await
            .unwrap()
            .is_none()
    );
    lab.proxy.fail("conditional", 1, Fault::LostAnswer);
    assert!(
        lab.bucket
            .compare_and_swap("a", &version, bytes("mine"))
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(
        lab.bucket.get("a").await.unwrap().expect("present").bytes,
        bytes("theirs again")
    );
}

#[tokio::test]
async fn a_store_that_stays_down_ends_in_one_error_with_the_number_of_attempts() {
    let lab = Lab::with(|options| options.patience = Duration::from_secs(2)).await;
    lab.proxy.fail("put", 1000, Fault::Refuse(503, "SlowDown"));
    let error = lab.bucket.put("a", bytes("x")).await.unwrap_err();
    let text = error.render();
    assert_eq!(error.code(), ErrorCode::Destination);
    for part in [
        "s3://acme/lake kept failing to write an object",
        "attempts: ",
        "503 SlowDown",
        "next: run the same",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

/// The error of each refusal: fault, a part of the message, a part of the hint.
#[tokio::test]
async fn every_refusal_has_a_hint_and_is_not_retried() {
    let lab = Lab::new().await;
    let refusals = [
        (
            403,
            "AccessDenied",
            "may not write an object in s3://acme/lake",
            "allow s3:PutObject",
        ),
        (
            403,
            "InvalidAccessKeyId",
            "does not accept the credentials",
            "AWS_ACCESS_KEY_ID",
        ),
        (
            403,
            "SignatureDoesNotMatch",
            "does not accept the credentials",
            "AWS_SECRET_ACCESS_KEY",
        ),
        (
            403,
            "RequestTimeTooSkewed",
            "clock of this machine is wrong",
            "set the clock",
        ),
        (
            404,
            "NoSuchBucket",
            "bucket acme does not exist",
            "create it",
        ),
        (
            301,
            "PermanentRedirect",
            "is in another region",
            "AWS_REGION",
        ),
        (
            507,
            "XMinioStorageFull",
            "s3://acme/lake is full",
            "raise the quota",
        ),
        (
            403,
            "QuotaExceeded",
            "s3://acme/lake is full",
            "raise the quota",
        ),
        (
            501,
            "NotImplemented",
            "cannot write an object",
            "writers = \"single\"",
        ),
    ];
    for (status, code, message, next) in refusals {
        lab.proxy.fail("put", 1000, Fault::Refuse(status, code));
        lab.proxy.take_log();
        let error = lab.bucket.put("a", bytes("x")).await.unwrap_err();
        assert_eq!(lab.proxy.take_log().len(), 1, "{code} is final");
        assert_eq!(
            (error.code(), error.code().exit_code()),
            (ErrorCode::Destination, 1)
        );
        assert!(error.to_string().contains(message), "{code}: {error}");
        assert!(error.hint().contains(next), "{code}: {}", error.hint());
        assert!(!error.render().contains(SECRET));
    }
}

#[tokio::test]
async fn expired_credentials_are_requested_again_and_then_given_up() {
    let lab = Lab::new().await;
    lab.proxy.fail("put", 2, Fault::Refuse(400, "ExpiredToken"));
    lab.bucket
        .put("a", bytes("x"))
        .await
        .expect("renewed in time");
    lab.proxy
        .fail("put", 1000, Fault::Refuse(400, "ExpiredToken"));
    let error = lab.bucket.put("a", bytes("x")).await.unwrap_err();
    assert!(error.to_string().contains("have expired"), "{error}");
    assert!(
        error.hint().contains("continues where it stopped"),
        "{}",
        error.hint()
    );
}

#[tokio::test]
async fn wrong_keys_missing_buckets_and_dead_endpoints_are_distinguished_by_a_real_server() {
    let lab = Lab::new().await;
    let endpoint = lab.proxy.endpoint();
    let open = |bucket: &str, options: BucketOptions| {
        Bucket::open(&format!("s3://{bucket}/lake"), options).unwrap()
    };
    let error = open(BUCKET, options(&endpoint, KEY, "wrong"))
        .probe()
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("does not accept the credentials"),
        "{}",
        error.render()
    );
    let error = open(BUCKET, options(&endpoint, "nobody", SECRET))
        .probe()
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("does not accept the credentials"),
        "{}",
        error.render()
    );
    let error = open("elsewhere", options(&endpoint, KEY, SECRET))
        .probe()
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("bucket elsewhere does not exist"),
        "{}",
        error.render()
    );
    let nobody = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let dead = BucketOptions {
        patience: Duration::from_secs(1),
        ..options(&format!("http://{nobody}"), KEY, SECRET)
    };
    let error = open(BUCKET, dead).probe().await.unwrap_err();
    assert!(
        error.to_string().contains("cannot be reached"),
        "{}",
        error.render()
    );
    assert!(error.render().contains("refused"), "{}", error.render());
}

#[tokio::test]
async fn a_missing_permission_is_named_by_the_probe() {
    let lab = Lab::new().await;
    let permissions = [
        ("put", "s3:PutObject"),
        ("conditional", "s3:PutObject"),
        ("get", "s3:GetObject"),
        ("list", "s3:ListBucket"),
        ("delete", "s3:DeleteObject"),
        ("start", "s3:PutObject"),
        ("part", "s3:PutObject"),
        ("abort", "s3:AbortMultipartUpload"),
    ];
    for (operation, permission) in permissions {
        lab.proxy
            .fail(operation, 1000, Fault::Refuse(403, "AccessDenied"));
        let error = lab.bucket.probe().await.unwrap_err();
        assert!(
            error.hint().contains(permission),
            "{operation}: {}",
            error.render()
        );
    }
}

#[tokio::test]
async fn a_store_that_ignores_conditions_is_refused_unless_one_process_alone_writes() {
    let lab = Lab::new().await;
    lab.server.ignore_conditions();
    let error = lab.bucket.probe().await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("cannot be trusted to create an object only if there is none"),
        "{error}"
    );
    assert!(
        error.hint().contains("writers = \"single\""),
        "{}",
        error.hint()
    );
    let single = BucketOptions {
        writers: Writers::Single,
        ..options(&lab.proxy.endpoint(), KEY, SECRET)
    };
    let single = Bucket::open(&format!("s3://{BUCKET}/lake"), single).unwrap();
    assert_eq!(single.probe().await.unwrap(), Fencing::Nothing);
    lab.proxy
        .fail("conditional", 1000, Fault::Refuse(501, "NotImplemented"));
    let error = lab.bucket.probe().await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("cannot create an object only if there is none"),
        "{error}"
    );
}

#[tokio::test]
async fn a_claim_belongs_to_one_process_until_released_or_expired() {
    let lab = Lab::new().await;
    let ClaimResult::Claimed(claim) = lab.bucket.claim_run("r1", "one").await.unwrap() else {
        panic!("free")
    };
    let held = lab.bucket.claim_run("r1", "two").await.unwrap();
    assert!(
        matches!(&held, ClaimResult::HeldBy(who) if who == "one"),
        "{held:?}"
    );
    claim.ensure_held().await.unwrap();
    claim.release().await.unwrap();
    let ClaimResult::Claimed(claim) = lab.bucket.claim_run("r1", "two").await.unwrap() else {
        panic!("given back")
    };
    let impatient = lab.other(Duration::ZERO);
    let mut taken = impatient.claim_run("r1", "three").await.unwrap();
    while matches!(taken, ClaimResult::HeldBy(_)) {
        tokio::time::sleep(Duration::from_millis(200)).await;
        taken = impatient.claim_run("r1", "three").await.unwrap();
    }
    assert_eq!(
        claim.ensure_held().await.unwrap_err().code(),
        ErrorCode::Locked
    );
    assert_eq!(claim.release().await.unwrap_err().code(), ErrorCode::Locked);
}

#[tokio::test]
async fn one_of_many_processes_gets_a_claim_though_answers_are_lost() {
    let lab = Lab::new().await;
    let mut number = 0;
    lab.proxy.plan(move |seen| {
        number += usize::from(seen.operation() == "conditional");
        (seen.operation() == "conditional" && number % 2 == 0).then_some(Fault::LostAnswer)
    });
    let asking = (0..8).map(|number| {
        let bucket = lab.bucket.clone();
        tokio::spawn(async move { bucket.claim_run("c", &format!("{number}")).await.unwrap() })
    });
    let mut ours = Vec::new();
    for asked in asking.collect::<Vec<_>>() {
        if let ClaimResult::Claimed(claim) = asked.await.unwrap() {
            ours.push(claim);
        }
    }
    assert_eq!(ours.len(), 1);
}
