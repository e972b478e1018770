//! What the program reports when the API refuses, fails or answers wrongly, and that it never shows the key.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::support::{KEY, RATING, TestContext, unlimited};
use backhaul::sandbox::Options;

const LINKS: &str = "[[report]]\nname = \"links\"\nendpoint = \"site-explorer/refdomains\"\ncolumns = [\"standard\"]\n";

/// Status, headers (each with its line end) and body; `{authorization}` in the body is replaced by what the client sent.
type Answer = (&'static str, &'static str, &'static str);

/// A server that gives one answer after the other, the last one always, and keeps what was sent.
struct Canned {
    url: String,
    requests: Arc<AtomicUsize>,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Canned {
    fn start(status: &'static str, headers: &'static str, body: &'static str) -> Self {
        Self::sequence(vec![(status, headers, body)])
    }

    fn sequence(answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/v3", listener.local_addr().unwrap());
        let requests = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&requests);
        let heads = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&heads);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut head = Vec::new();
                let mut buffer = [0; 4096];
                while !head.windows(4).any(|window| window == b"\r\n\r\n") {
                    let read = stream.read(&mut buffer).unwrap_or(0);
                    if read == 0 {
                        break;
                    }
                    head.extend_from_slice(&buffer[..read]);
                }
                let number = count.fetch_add(1, Ordering::SeqCst);
                let (status, headers, body) = answers[number.min(answers.len() - 1)];
                let head = String::from_utf8_lossy(&head).into_owned();
                kept.lock().unwrap().push(head.clone());
                let sent = head
                    .lines()
                    .find(|line| line.to_lowercase().starts_with("authorization"))
                    .unwrap_or("");
                let body = body.replace("{authorization}", sent);
                let length = body.len();
                let text = format!(
                    "HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
                );
                let _ = stream.write_all(text.as_bytes());
            }
        });
        Self {
            url,
            requests,
            heads,
        }
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

fn against(context: &TestContext, url: &str, keys: &str) {
    context.write_configuration(&format!(
        "[source]\nbase_url = \"{url}\"\napi_key = {keys}\n[source.limits]\nrequests_per_minute = 60000\n[budget]\n\
         per_run = 10_000_000\n[destination]\nurl = \"out\"\n[[target]]\nurl = \"acme.com\"\n{RATING}"
    ));
}

#[test]
fn each_error_of_the_table_has_request_answer_and_remedy() {
    let context = TestContext::new(unlimited(10));
    // Status, headers, body, code, requests that it takes, what the message must hold.
    let table: [(&str, &str, &str, &str, usize, &str); 14] = [
        (
            "400 Bad Request",
            "",
            r#"{"error":"missing argument date"}"#,
            "BH-REFUSED",
            1,
            "missing argument date",
        ),
        (
            "400 Bad Request",
            "",
            r#"{"error":"bad where: invalid JSON syntax"}"#,
            "BH-REFUSED",
            1,
            "bad where",
        ),
        (
            "400 Bad Request",
            "",
            r#"{"error":"column 'domain' not found"}"#,
            "BH-REFUSED",
            1,
            "`domain`",
        ),
        (
            "400 Bad Request",
            "",
            r#"{"error":"bad value latest for type enum"}"#,
            "BH-REFUSED",
            1,
            "bad value latest",
        ),
        (
            "400 Bad Request",
            "",
            r#"{"error":"bad target: x"}"#,
            "BH-REFUSED",
            1,
            "fix the target",
        ),
        (
            "401 Unauthorized",
            "",
            r#"["Error","Unauthorized"]"#,
            "BH-UNAUTHORIZED",
            1,
            "valid key",
        ),
        (
            "403 Forbidden",
            "",
            r#"["Error","Forbidden"]"#,
            "BH-FORBIDDEN",
            1,
            "Forbidden",
        ),
        (
            "403 Forbidden",
            "",
            r#"{"error":"Insufficient plan"}"#,
            "BH-PLAN",
            1,
            "Insufficient plan",
        ),
        (
            "403 Forbidden",
            "",
            r#"{"error":"API units limit reached. Expected usage: 50, API units left: 0."}"#,
            "BH-UNITS",
            1,
            "API units left: 0",
        ),
        (
            "404 Not Found",
            "",
            r#"["Error",["NotFound","this route does not exist /v3/x"]]"#,
            "BH-NOT-FOUND",
            1,
            "does not exist",
        ),
        (
            "429 Too Many Requests",
            "",
            "slow down",
            "BH-THROTTLED",
            8,
            "slow down",
        ),
        (
            "500 Internal Server Error",
            "",
            r#"{"error":"oops"}"#,
            "BH-SERVER",
            8,
            "oops",
        ),
        (
            "502 Bad Gateway",
            "",
            "<html><b>Bad gateway</b></html>",
            "BH-SERVER",
            8,
            "Bad gateway",
        ),
        (
            "302 Found",
            "location: http://127.0.0.1:9/\r\n",
            "",
            "BH-NETWORK",
            1,
            "302",
        ),
    ];
    for (status, headers, body, code, requests, said) in table {
        let server = Canned::start(status, headers, body);
        against(&context, &server.url, "{ env = \"AHREFS_API_KEY\" }");
        let ran = context.run().expect(1);
        assert!(
            ran.stderr.contains(&format!("error[{code}]")),
            "{status}: {}",
            ran.stderr
        );
        for part in [
            said,
            "endpoint: site-explorer/domain-rating",
            "target: acme.com",
        ] {
            assert!(
                ran.stderr.contains(part),
                "{status} lacks {part:?}: {}",
                ran.stderr
            );
        }
        let mut last = ran.stderr.trim_end().lines().rev();
        assert!(
            last.next().unwrap().starts_with("cost: 0 units"),
            "{status}: {}",
            ran.stderr
        );
        assert!(
            last.next().unwrap().starts_with("next: "),
            "{status}: {}",
            ran.stderr
        );
        assert_eq!(server.requests(), requests, "{status}: requests sent");
        assert_eq!(ran.json()["errors"][0]["code"], code);
    }
}

#[test]
fn a_wait_that_the_server_asks_for_is_kept_in_full_or_named() {
    let context = TestContext::new(unlimited(10));
    let throttled: Answer = ("429 Too Many Requests", "retry-after: 2\r\n", "later");
    let server = Canned::sequence(vec![throttled, ("401 Unauthorized", "", "[]")]);
    against(&context, &server.url, "{ env = \"AHREFS_API_KEY\" }");
    let started = std::time::Instant::now();
    context.run().expect(1);
    // Waits of the program's own are scaled down in tests; this one must not be.
    assert!(
        started.elapsed().as_secs_f64() >= 2.0,
        "came back after {:?}",
        started.elapsed()
    );
    assert_eq!(server.requests(), 2);

    let server = Canned::start(
        "429 Too Many Requests",
        "retry-after: 86400\r\n",
        "tomorrow",
    );
    against(&context, &server.url, "{ env = \"AHREFS_API_KEY\" }");
    let ran = context.run().expect(1);
    assert_eq!(server.requests(), 1);
    assert!(
        ran.stderr.contains("86400 s, longer than the client waits"),
        "{}",
        ran.stderr
    );
}

#[test]
fn where_only_free_requests_may_be_sent_one_that_was_charged_fails_loudly() {
    let context = TestContext::new(unlimited(10));
    let body = r#"{"domain_rating":{"domain_rating":91.0,"ahrefs_rank":1}}"#;
    let server = Canned::start("200 OK", "x-api-units-cost-total-actual: 50\r\n", body);
    against(&context, &server.url, "{ env = \"AHREFS_API_KEY\" }");
    let ran = context.backhaul(&["run", "--sample", "--json"]).expect(1);
    assert!(
        ran.stderr
            .contains("error[BH-NOT-FREE]: a request that should be free was charged 50"),
        "{}",
        ran.stderr
    );
    assert!(!context.destination().join("_sample/rating").exists());
    let units = ran.json()["units"].as_u64().unwrap();
    assert_eq!(
        units,
        50 * u64::try_from(server.requests()).unwrap(),
        "and it is counted"
    );
    assert!(server.requests() <= 3, "nothing follows what was under way");
    // Anything but a charge leaves the sample as it is.
    let server = Canned::start("200 OK", "x-api-units-cost-total-actual: 0\r\n", body);
    against(&context, &server.url, "{ env = \"AHREFS_API_KEY\" }");
    assert_eq!(
        context
            .backhaul(&["run", "--sample", "--json"])
            .expect(0)
            .json()["rows"],
        3
    );
}

#[test]
fn a_redirect_is_not_followed() {
    let context = TestContext::new(unlimited(10));
    let elsewhere = Canned::start("200 OK", "", "{}");
    let headers: &'static str =
        Box::leak(format!("location: {}/x\r\n", elsewhere.url).into_boxed_str());
    let server = Canned::start("307 Temporary Redirect", headers, "");
    against(&context, &server.url, "{ env = \"AHREFS_API_KEY\" }");
    context.run().expect(1);
    assert_eq!((server.requests(), elsewhere.requests()), (1, 0));
}

#[test]
fn two_revoked_keys_are_tried_in_order_and_once_each() {
    let mut context = TestContext::new(unlimited(10));
    context.env("OLD_KEY", "a-dead-key");
    let server = Canned::start("401 Unauthorized", "", r#"["Error","Unauthorized"]"#);
    against(
        &context,
        &server.url,
        "[{ env = \"OLD_KEY\" }, { env = \"AHREFS_API_KEY\" }]",
    );
    let ran = context.run().expect(1);
    assert!(
        ran.stderr.contains("error[BH-UNAUTHORIZED]"),
        "{}",
        ran.stderr
    );
    let heads = server.heads.lock().unwrap();
    assert_eq!(heads.len(), 2);
    assert!(
        heads[0].contains("Bearer a-dead-key") && heads[1].contains(&format!("Bearer {KEY}")),
        "{heads:?}"
    );
}

#[test]
fn a_second_key_is_tried_where_the_first_is_revoked() {
    let mut context = TestContext::new(unlimited(10));
    context.env("OLD_KEY", "a-dead-key");
    let url = context.url();
    against(
        &context,
        &url,
        "[{ env = \"OLD_KEY\" }, { env = \"AHREFS_API_KEY\" }]",
    );
    let report = context.run().expect(0).json();
    assert_eq!(report["rows"], 1);
}

#[test]
fn what_is_wrong_before_the_first_request_sends_none() {
    let context = TestContext::new(unlimited(10));
    std::fs::write(context.folder.path().join("file"), "x").unwrap();
    let good = |report: &str| {
        context.configure(report);
        std::fs::read_to_string(context.configuration()).unwrap()
    };
    let cases: [(String, &str); 10] = [
        (good(&LINKS.replace("standard", "domian")), "BH-COLUMN"),
        (
            good(&format!(
                "{LINKS}where_json = '{{\"field\":\"domian\",\"is\":[\"eq\",\"x\"]}}'\n"
            )),
            "BH-FILTER",
        ),
        (good(&format!("{LINKS}where = \"is_spm\"\n")), "BH-FILTER"),
        (
            good(LINKS).replace("url = \"out\"", "url = \"out\"\nlayout = \"files\""),
            "BH-LATER",
        ),
        (
            good(&format!("{LINKS}targets = [\"nobody\"]\n")),
            "BH-TARGET",
        ),
        (good(LINKS).replace("acme.com", "not a site"), "BH-TARGET"),
        (
            good(LINKS).replace(&context.url(), "http://api.example.com/v3"),
            "BH-URL",
        ),
        (
            good(LINKS).replace("AHREFS_API_KEY", "NO_SUCH_VARIABLE"),
            "BH-KEY-SOURCE",
        ),
        (
            good(LINKS).replace("url = \"out\"", "url = \"file/out\""),
            "BH-URL",
        ),
        (
            good(LINKS).replace("per_run = 1_000_000_000", ""),
            "BH-BUDGET",
        ),
    ];
    for (text, code) in cases {
        context.write_configuration(&text);
        let ran = context.backhaul(&["run"]).expect(2);
        assert!(
            ran.stderr.contains(&format!("error[{code}]")),
            "{code}: {}",
            ran.stderr
        );
        assert!(
            ran.stderr
                .trim_end()
                .lines()
                .last()
                .unwrap()
                .starts_with("cost: 0 units"),
            "{}",
            ran.stderr
        );
    }
    context.configure(LINKS);
    for (arguments, code) in [
        (["run", "--date", "2999-01-01"].as_slice(), "BH-DATE"),
        (&["run", "--report", "linsk"], "BH-USAGE"),
        (&["run", "--shard", "1/2"], "BH-LATER"),
        (&["estimate", "--report", "linsk"], "BH-USAGE"),
        (&["load", "bigquery"], "BH-USAGE"),
        (&["history"], "BH-LATER"),
        (&["rum"], "BH-USAGE"),
    ] {
        let ran = context.backhaul(arguments).expect(2);
        assert!(
            ran.stderr.contains(&format!("error[{code}]")),
            "{arguments:?}: {}",
            ran.stderr
        );
    }
    assert_eq!(context.stats().requests, 0);
}

#[test]
fn a_value_that_does_not_fit_is_named_and_can_be_kept_as_null() {
    let quirks = vec!["bad_value".parse().unwrap()];
    let context = TestContext::new(Options {
        quirks,
        ..unlimited(50)
    });
    let report = "[[report]]\nname = \"links\"\nendpoint = \"site-explorer/all-backlinks\"\ncolumns = [\"full\"]\n";
    context.configure(report);
    let ran = context.run().expect(1);
    assert!(
        ran.stderr.contains("error[BH-VALUE]: row "),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("   = page: 1\n"), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("on_bad_value = \"null\""),
        "{}",
        ran.stderr
    );
    context.configure(&format!("{report}on_bad_value = \"null\"\n"));
    let kept = context.run().expect(0).json();
    assert!(
        kept["notes"]
            .to_string()
            .contains("values did not fit and are null"),
        "{}",
        kept["notes"]
    );
}

#[test]
fn the_key_is_in_no_output_and_no_file_under_any_fault() {
    for fault in [
        "429", "500", "502", "503", "html", "reset", "truncate", "garbage", "lost", "hang", "slow",
    ] {
        let faults = format!("{fault}=0.3").parse().unwrap();
        let mut context = TestContext::new(Options {
            faults,
            row_cap: Some(250),
            ..unlimited(600)
        });
        context.env("BACKHAUL_TEST_TIMEOUT_MS", "400");
        context.configure(&format!("{RATING}{LINKS}"));
        let mut retried = false;
        for arguments in [
            ["run", "-vv", "--json"].as_slice(),
            &["run", "--log-format", "json"],
            &["check"],
            &["verify"],
        ] {
            let ran = context.backhaul(arguments);
            assert!(
                !ran.stdout.contains(KEY) && !ran.stderr.contains(KEY),
                "{fault}: {arguments:?}"
            );
            retried |= ran.stderr.contains("retrying");
        }
        let (files, responses) = search(context.folder.path(), KEY.as_bytes());
        assert!(
            files > 5 && responses > 0,
            "{fault}: only {files} files, {responses} responses, were searched"
        );
        // A slow answer is no failed attempt.
        assert!(retried || fault == "slow", "{fault} never struck");
    }
}

#[test]
fn a_server_that_repeats_the_key_is_not_repeated() {
    let context = TestContext::new(unlimited(10));
    for (status, body) in [
        ("400 Bad Request", r#"{"error":"you sent {authorization}"}"#),
        ("502 Bad Gateway", "<html>you sent {authorization}</html>"),
        ("200 OK", r#"{"error":"you sent {authorization}"}"#),
        ("200 OK", "{authorization}"),
        (
            "200 OK",
            r#"{"domain_rating":{"domain_rating":"{authorization}","ahrefs_rank":1}}"#,
        ),
    ] {
        let server = Canned::start(status, "", body);
        against(&context, &server.url, "{ env = \"AHREFS_API_KEY\" }");
        for arguments in [
            ["run", "-vv", "--json"].as_slice(),
            &["run", "-vv", "--log-format", "json"],
        ] {
            let ran = context.backhaul(arguments).expect(1);
            assert!(
                !ran.stderr.contains(KEY) && !ran.stdout.contains(KEY),
                "{status} {body}: {}",
                ran.stderr
            );
            assert!(
                ran.stderr.contains("***"),
                "{status} {body}: {}",
                ran.stderr
            );
        }
        assert!(search(context.folder.path(), KEY.as_bytes()).0 > 1);
    }
}

/// Searches every file below a folder, saved responses unpacked too; gives the numbers of files and of responses.
fn search(folder: &Path, needle: &[u8]) -> (usize, usize) {
    let (mut files, mut responses) = (0, 0);
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let below = search(&path, needle);
            files += below.0;
            responses += below.1;
            continue;
        }
        files += 1;
        let bytes = std::fs::read(&path).unwrap();
        let mut texts = vec![bytes.clone()];
        if path
            .extension()
            .is_some_and(|extension| extension == "response")
        {
            responses += 1;
            let body = bytes.splitn(3, |byte| *byte == b'\n').nth(2).unwrap();
            let mut plain = Vec::new();
            let unpacked = flate2::read::GzDecoder::new(body)
                .read_to_end(&mut plain)
                .is_ok();
            texts.push(if unpacked {
                plain
            } else {
                zstd::decode_all(body).unwrap()
            });
        }
        for text in texts {
            assert!(
                !text.windows(needle.len()).any(|window| window == needle),
                "the key is in {}",
                path.display()
            );
        }
    }
    (files, responses)
}
