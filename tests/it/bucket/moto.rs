//! Against moto, a server with identities and policies: permissions as a real account lacks them. Needs a Python with moto
//! in `BACKHAUL_TEST_PYTHON`.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use backhaul::store::ClaimResult;
use backhaul::store::bucket::{Bucket, BucketOptions, Fencing};

use super::proxy::{Fault, Proxy};
use super::support::{Night, RATING, targets};
use super::{options, publish, visible};
use crate::support::unlimited;

#[derive(serde::Deserialize)]
struct Account {
    endpoint: String,
    bucket: String,
    users: BTreeMap<String, User>,
}

#[derive(serde::Deserialize)]
struct User {
    key: String,
    secret: String,
}

struct Moto {
    account: Account,
    child: Child,
}

impl Moto {
    fn start() -> Self {
        let python = std::env::var("BACKHAUL_TEST_PYTHON").expect("make test sets it");
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/moto_store.py");
        let mut child = Command::new(python)
            .args(["-B", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let account = serde_json::from_str(&line).expect("moto starts: is it installed?");
        Self { account, child }
    }

    fn open(&self, user: &str, change: impl FnOnce(&mut BucketOptions)) -> Bucket {
        let user = &self.account.users[user];
        let mut options = options(&self.account.endpoint, &user.key, &user.secret);
        change(&mut options);
        Bucket::open(&format!("s3://{}/lake", self.account.bucket), options).unwrap()
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

#[tokio::test]
#[ignore = "needs BACKHAUL_TEST_PYTHON"]
async fn moto_passes_the_probe_and_each_missing_permission_is_named() {
    let moto = Moto::start();
    assert_eq!(
        moto.open("admin", |_| ()).probe().await.unwrap(),
        Fencing::UploadId
    );
    for user in moto
        .account
        .users
        .keys()
        .filter(|user| user.starts_with("s3:") && !user.contains("Uploads"))
    {
        let error = moto.open(user, |_| ()).probe().await.unwrap_err();
        assert!(
            error.hint().contains(user.as_str()),
            "{user}: {}",
            error.render()
        );
        assert_eq!(error.code().exit_code(), 1);
    }
    let bucket = moto.open("s3:ListBucketMultipartUploads", |_| ());
    publish(&bucket, "c1").await.unwrap();
    // No commit depends on it: uploads that are not recorded stay until a rule of the bucket aborts them.
    let garbage = bucket
        .collect_garbage_older_than("gc", Duration::ZERO)
        .await
        .unwrap();
    assert_eq!(garbage.num_aborted, 0);
}

#[tokio::test]
#[ignore = "needs BACKHAUL_TEST_PYTHON"]
async fn moto_distinguishes_wrong_keys_and_missing_buckets() {
    let moto = Moto::start();
    let admin = &moto.account.users["admin"];
    let probe = async |bucket: &str, key: &str, secret: &str| {
        let bucket = Bucket::open(
            &format!("s3://{bucket}"),
            options(&moto.account.endpoint, key, secret),
        )
        .unwrap();
        bucket.probe().await.unwrap_err()
    };
    for (key, secret) in [
        (admin.key.as_str(), "wrong"),
        ("nobody", admin.secret.as_str()),
    ] {
        let error = probe(&moto.account.bucket, key, secret).await;
        assert!(
            error
                .to_string()
                .contains("does not accept the credentials"),
            "{}",
            error.render()
        );
    }
    let error = probe("elsewhere", &admin.key, &admin.secret).await;
    assert!(
        error
            .to_string()
            .contains("bucket elsewhere does not exist"),
        "{}",
        error.render()
    );
}

#[tokio::test]
#[ignore = "needs BACKHAUL_TEST_PYTHON"]
async fn commits_claims_and_garbage_work_on_moto_with_faults_between() {
    let moto = Moto::start();
    let upstream = moto
        .account
        .endpoint
        .trim_start_matches("http://")
        .parse()
        .unwrap();
    let proxy = Proxy::start(upstream).await;
    let bucket = moto.open("admin", |options| options.endpoint = Some(proxy.endpoint()));
    let mut ids = Vec::new();
    for operation in ["conditional", "start", "part", "complete"] {
        for fault in [Fault::LostAnswer, Fault::Refuse(503, "SlowDown")] {
            ids.push(format!("c{}", ids.len()));
            proxy.fail(operation, 1, fault);
            publish(&bucket, ids.last().unwrap()).await.unwrap();
        }
    }
    proxy.quiet();
    assert_eq!(visible(&bucket).await, ids);
    let garbage = bucket
        .collect_garbage_older_than("gc", Duration::ZERO)
        .await
        .unwrap();
    assert_eq!(
        (garbage.num_recovered, garbage.num_aborted),
        (0, 1),
        "the start whose answer was lost"
    );
    assert_eq!(
        bucket
            .collect_garbage_older_than("gc", Duration::ZERO)
            .await
            .unwrap()
            .num_aborted,
        0
    );
    let ClaimResult::Claimed(claim) = bucket.claim_run("t", "one").await.unwrap() else {
        panic!("free")
    };
    assert!(matches!(
        bucket.claim_run("t", "two").await.unwrap(),
        ClaimResult::HeldBy(_)
    ));
    claim.release().await.unwrap();
    assert_eq!(
        bucket.commit_of(super::OBJECT).await.unwrap(),
        ids.last().cloned()
    );
}

/// The program as each of the users who lack one permission: `check` names it, and `run` ends in one error or does not need it.
#[test]
#[ignore = "needs BACKHAUL_TEST_PYTHON"]
fn the_program_names_the_permission_that_its_user_lacks() {
    let moto = Moto::start();
    let mut night = Night::in_bucket(unlimited(20));
    night.configure(&targets(&["zebra"]), RATING);
    night.reconfigure(&night.proxy().endpoint(), &moto.account.endpoint);
    night.reconfigure(
        "s3://acme/lake",
        &format!("s3://{}/program", moto.account.bucket),
    );
    let mut as_user = |name: &str| {
        let user = &moto.account.users[name];
        night.context.env("AWS_ACCESS_KEY_ID", &user.key);
        night.context.env("AWS_SECRET_ACCESS_KEY", &user.secret);
        [night.backhaul(&["check"]), night.backhaul(&["run"])]
    };
    for lacking in [
        "s3:PutObject",
        "s3:GetObject",
        "s3:ListBucket",
        "s3:DeleteObject",
        "s3:AbortMultipartUpload",
    ] {
        let [checked, ran] = as_user(lacking);
        assert_eq!(checked.code, 1, "{lacking}: {checked:?}");
        assert!(
            checked.stderr.contains(&format!("next: allow {lacking}")),
            "{lacking}: {}",
            checked.stderr
        );
        assert_eq!(
            checked.stderr.matches("error[").count(),
            1,
            "{lacking}: {}",
            checked.stderr
        );
        if ran.code != 0 {
            assert_eq!(
                (ran.code, ran.stderr.matches("error[").count()),
                (1, 1),
                "{lacking}: {ran:?}"
            );
            assert!(
                ran.stderr.contains(&format!("next: allow {lacking}")),
                "{lacking}: {}",
                ran.stderr
            );
        }
    }
    let [checked, ran] = as_user("admin");
    assert_eq!((checked.code, ran.code), (0, 0), "{checked:?} {ran:?}");
}
