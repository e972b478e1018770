//! How a run comes to the API: where its key is read, which key is tried next, and the way that requests take.

use crate::support::{KEY, RATING, Ran, Relay, TestContext, unlimited};

/// A context whose `[source]` has these lines in the place of its own.
fn with_source(context: &TestContext, source: &str) -> Ran {
    context.configure(RATING);
    let text = std::fs::read_to_string(context.configuration()).unwrap();
    let rest = text.split_once("[source.limits]").unwrap().1;
    context.write_configuration(&format!("[source]\n{source}\n\n[source.limits]{rest}"));
    context.backhaul(&["run", "--json"])
}

fn at(context: &TestContext, key: &str) -> String {
    format!("base_url = \"{}\"\napi_key = {key}", context.url())
}

#[test]
fn a_key_comes_from_a_variable_a_file_or_a_command() {
    for key in [
        "{ env = \"MY_KEY\" }",
        "{ file = \"key.txt\" }",
        "{ command = [\"cat\", \"key.txt\"] }",
    ] {
        let mut context = TestContext::new(unlimited(10));
        context.unset("AHREFS_API_KEY");
        context.env("MY_KEY", KEY);
        context.env("PATH", &std::env::var("PATH").unwrap());
        std::fs::write(context.folder.path().join("key.txt"), format!("{KEY}\n")).unwrap();
        let ran = with_source(&context, &at(&context, key)).expect(0);
        assert_eq!(
            context.stats().endpoints["site-explorer/domain-rating"].requests,
            1,
            "{key}"
        );
        assert!(
            !ran.stdout.contains(KEY) && !ran.stderr.contains(KEY),
            "{ran:?}"
        );
    }
}

#[cfg(unix)]
#[test]
fn a_key_file_that_others_can_read_is_warned_of() {
    use std::os::unix::fs::PermissionsExt as _;
    for (mode, warns) in [(0o600, false), (0o644, true)] {
        let context = TestContext::new(unlimited(10));
        let file = context.folder.path().join("key.txt");
        std::fs::write(&file, KEY).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        let ran = with_source(&context, &at(&context, "{ file = \"key.txt\" }")).expect(0);
        assert_eq!(
            ran.stderr.contains("key.txt") && ran.stderr.contains("chmod 600"),
            warns,
            "{}",
            ran.stderr
        );
    }
}

#[test]
fn the_next_key_of_a_list_is_tried_after_a_refusal_and_the_last_refusal_is_final() {
    let mut context = TestContext::new(unlimited(10));
    context.env("OLD_KEY", "expired-key-1");
    let ran = with_source(
        &context,
        &at(
            &context,
            "[{ env = \"OLD_KEY\" }, { env = \"AHREFS_API_KEY\" }]",
        ),
    )
    .expect(0);
    assert_eq!(ran.json()["reports"][0]["tasks"]["complete"], 1);
    assert_eq!(
        ran.json()["units"],
        context.stats().units,
        "a refusal costs nothing"
    );
    let mut context = TestContext::new(unlimited(10));
    context.env("OLD_KEY", "expired-key-1");
    context.env("OTHER_KEY", "expired-key-2");
    let ran = with_source(
        &context,
        &at(&context, "[{ env = \"OLD_KEY\" }, { env = \"OTHER_KEY\" }]"),
    )
    .expect(1);
    assert!(
        ran.stderr.contains("BH-UNAUTHORIZED") && !ran.stderr.contains("expired-key"),
        "{}",
        ran.stderr
    );
    assert_eq!(context.stats().units, 0);
}

#[test]
fn requests_go_through_the_proxy_and_from_the_local_address_that_are_configured() {
    let context = TestContext::new(unlimited(10));
    let proxy = Relay::start(&context.url(), None);
    let key = at(&context, "{ env = \"AHREFS_API_KEY\" }");
    with_source(&context, &format!("{key}\nproxy = \"{}\"", proxy.origin())).expect(0);
    let seen = proxy.seen();
    assert!(
        !seen.is_empty() && seen.iter().all(|(_, line)| line.contains(&context.url())),
        "{seen:?}"
    );
    assert_eq!(
        seen.len() as u64,
        context.stats().requests,
        "nothing goes past it"
    );

    // Every address of 127/8 is this machine's own where the system is Linux.
    let source = if cfg!(target_os = "linux") {
        "127.0.0.2"
    } else {
        "127.0.0.1"
    };
    let context = TestContext::new(unlimited(10));
    let relay = Relay::start(&context.url(), None);
    let lines = format!(
        "base_url = \"{}\"\napi_key = {{ env = \"AHREFS_API_KEY\" }}\nlocal_address = \"{source}\"",
        relay.url()
    );
    with_source(&context, &lines).expect(0);
    let seen = relay.seen();
    assert!(
        !seen.is_empty() && seen.iter().all(|(from, _)| from.to_string() == source),
        "{seen:?}"
    );
}
