//! The errors of `check` and `run` when the store refuses: what, where, why, and what to do, once, with the exit code.

use std::fmt::Write as _;

use super::proxy::Fault;
use super::support::{ANCHORS, Night, RATING, targets};
use crate::support::unlimited;

/// Holds texts to a snapshot, without what differs from run to run.
fn snapshot(name: &str, texts: &[String]) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots");
    settings.set_prepend_module_to_snapshot(true);
    for (from, to) in [
        (r"127\.0\.0\.1:\d+", "ADDRESS"),
        (r"\d+ in \d+\.\d s", "N in S s"),
        (r"/probe/[0-9a-f]{16}", "/probe/NONCE"),
        (r"/clock/[0-9a-f]{2}", "/clock/NN"),
        (r"\d{8}T\d{6}Z-[0-9a-f]{8}", "RUN"),
        (r"-[0-9a-f]{16}\b", "-NONCE"),
        (r"\d{4}-\d{2}-\d{2}", "DAY"),
    ] {
        settings.add_filter(from, to);
    }
    settings.bind(|| insta::assert_snapshot!(name, texts.join("\n")));
}

fn night() -> Night {
    let mut night = Night::in_bucket(unlimited(50));
    night.configure(
        &targets(&["zebra", "quokka"]),
        &format!("{ANCHORS}{RATING}"),
    );
    night.context.env("BACKHAUL_TEST_PATIENCE_MS", "700");
    night
}

/// `check` and `run`: each ends with 1, and prints one error.
fn both(night: &Night) -> String {
    let mut texts = String::new();
    for command in ["check", "run"] {
        let ran = night.backhaul(&[command]);
        assert_eq!(ran.code, 1, "{command}: {ran:?}");
        assert_eq!(
            ran.stderr.matches("error[").count(),
            1,
            "{command}: {}",
            ran.stderr
        );
        let _ = writeln!(
            texts,
            "$ backhaul {command}   (exit {})\n{}",
            ran.code,
            ran.stderr.trim_end()
        );
    }
    assert_eq!(night.stats().units, 0, "nothing was bought");
    texts
}

#[test]
fn wrong_credentials_and_wrong_buckets_are_distinguished() {
    let wrong_secret = {
        let mut night = night();
        night.context.env("AWS_SECRET_ACCESS_KEY", "wrong");
        both(&night)
    };
    let unknown_key = {
        let mut night = night();
        night.context.env("AWS_ACCESS_KEY_ID", "nobody");
        both(&night)
    };
    let missing = {
        let night = night();
        night.reconfigure("s3://acme/lake", "s3://elsewhere/lake");
        both(&night)
    };
    let none = {
        let mut night = night();
        // No service answers where the instance's own credentials would be requested.
        night.context.unset("AWS_ACCESS_KEY_ID");
        night.context.unset("AWS_SECRET_ACCESS_KEY");
        night
            .context
            .env("AWS_METADATA_ENDPOINT", "http://127.0.0.1:1");
        both(&night)
    };
    let nobody = {
        let night = night();
        let endpoint = night.proxy().endpoint();
        night.reconfigure(&endpoint, "http://127.0.0.1:1");
        both(&night)
    };
    for text in [&wrong_secret, &unknown_key, &missing, &none, &nobody] {
        assert!(
            !text.contains(super::server::SECRET) && !text.contains("wrong\""),
            "{text}"
        );
    }
    snapshot(
        "wrong_places",
        &[wrong_secret, unknown_key, missing, none, nobody],
    );
}

#[test]
fn a_full_store_and_each_missing_permission_are_named() {
    let mut texts = Vec::new();
    let full = [
        (507, "InsufficientStorage"),
        (400, "QuotaExceeded"),
        (403, "XMinioStorageFull"),
    ];
    for (status, code) in full {
        let night = night();
        night.proxy().plan(move |seen| {
            ["PUT", "POST"]
                .contains(&seen.method.as_str())
                .then_some(Fault::Refuse(status, code))
        });
        texts.push(both(&night));
    }
    for operation in [
        "get",
        "put",
        "conditional",
        "list",
        "delete",
        "start",
        "part",
        "abort",
    ] {
        let night = night();
        night.proxy().plan(move |seen| {
            (seen.operation() == operation).then_some(Fault::Refuse(403, "AccessDenied"))
        });
        let ran = night.backhaul(&["check"]).expect(1);
        assert_eq!(
            ran.stderr.matches("error[").count(),
            1,
            "{operation}: {}",
            ran.stderr
        );
        texts.push(format!(
            "$ backhaul check   (exit {}, {operation} is denied)\n{}",
            ran.code, ran.stderr
        ));
    }
    snapshot("full_or_denied", &texts);
}
