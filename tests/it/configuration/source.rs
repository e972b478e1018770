//! `[source]`: the API key and the address of the API.

use backhaul::config;
use backhaul::error::ErrorCode;

use super::{KEY, VALID, environment, errors_of, parse, valid};

#[test]
fn a_base_url_that_would_leak_the_key_is_refused() {
    for url in [
        "http://api.ahrefs.com/v3",
        "http://10.0.0.1/v3",
        "https://a:b@c.com/v3",
        "https://c.com/v3?x=1",
        "c.com",
    ] {
        let text = VALID.replace(
            "[destination]",
            &format!("base_url = \"{url}\"\n[destination]"),
        );
        let errors = parse(&text).expect_err(url);
        assert_eq!(
            errors
                .0
                .iter()
                .map(backhaul::error::Error::code)
                .collect::<Vec<_>>(),
            [ErrorCode::Url],
            "{url}"
        );
    }
    for url in [
        "http://127.0.0.1:7070/v3/",
        "http://[::1]:7070/v3",
        "http://localhost:1/v3",
        "https://gateway.acme.com/x/v3",
    ] {
        let config = valid(&VALID.replace(
            "[destination]",
            &format!("base_url = \"{url}\"\n[destination]"),
        ));
        assert_eq!(config.source.base_url.as_str(), url.trim_end_matches('/'));
    }
    let text = VALID.replace(
        "[destination]",
        "base_url = \"http://api.ahrefs.com/v3\"\n[destination]",
    );
    insta::assert_snapshot!(errors_of(&text), @r#"
    error[BH-URL]: invalid value `http://api.ahrefs.com/v3` for `base_url`
      --> backhaul.toml:5:12
       | base_url = "http://api.ahrefs.com/v3"
       |            ^^^^^^^^^^^^^^^^^^^^^^^^^^ use https, or http to 127.0.0.1: the key is sent with every request
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent
    "#);
}

#[test]
fn a_key_in_the_file_is_refused_and_never_shown() {
    for source in [
        format!("api_key = \"{KEY}\""),
        format!("api_key = '''\n{KEY}'''"),
        format!("api_key = [\n\"{KEY}\"]"),
        format!("api_key = {{ env = \"{KEY}\" }}"),
        format!("api_key = {{ file = \"{KEY}\" }}"),
        format!("api_key = {{ key = \"{KEY}\" }}"),
        format!("api_key = {KEY}"),
        format!("key = \"{KEY}\""),
        format!("proxy = \"http://me:{KEY}@proxy.acme.com\""),
        format!("api_key = {{ env = \"A\" }} # {KEY}\nnonsense = 1"),
        format!("{KEY} = 1"),
        "api_key = \"short\"".to_owned(),
    ] {
        let text = VALID.replace("api_key = { env = \"AHREFS_API_KEY\" }", &source);
        let errors = parse(&text).expect_err(&source);
        let shown = format!("{}{errors:?}", errors.render());
        assert!(
            !shown.contains(KEY) && !shown.contains("\"short\""),
            "{shown}"
        );
    }
    let text = VALID.replace("{ env = \"AHREFS_API_KEY\" }", &format!("\"{KEY}\""));
    insta::assert_snapshot!(errors_of(&text), @r#"
    error[BH-KEY-SOURCE]: `api_key` must name the key's source, not contain the key
      --> backhaul.toml:3:11
       | api_key = "********************************"
       |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ the text is hidden here: if it was a key, remove it from the file and renew it
    next: write api_key = { env = "AHREFS_API_KEY" } and export the variable
    cost: 0 units, nothing was sent
    "#);
}

#[tokio::test]
async fn key_sources_are_tried_in_their_order_when_they_are_needed() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("key.txt"), "from-file\n").expect("written");
    let sources = "[{ env = \"MISSING\" }, { file = \"key.txt\" }, { command = [\"echo\", \"from-command\"] }, { command = [\"false\"] }]";
    let text = VALID.replace("{ env = \"AHREFS_API_KEY\" }", sources);
    let config = config::parse(&text, &folder.path().join("backhaul.toml"), &environment())
        .expect("a configuration");
    let keys = &config.source.keys;
    let missing = keys.resolve(0).await.expect_err("not set");
    insta::assert_snapshot!(missing.render(), @r#"
    error[BH-KEY-SOURCE]: the environment variable MISSING is not set, or blank
    next: export MISSING=… with the key, then: backhaul check
    cost: 0 units, nothing was sent
    "#);
    assert_eq!(
        keys.resolve(1).await.expect("a key").secret.expose(),
        "from-file"
    );
    assert_eq!(
        keys.resolve(2).await.expect("a key").secret.expose(),
        "from-command"
    );
    assert_eq!(
        keys.resolve(3).await.expect_err("fails").code(),
        ErrorCode::KeySource
    );
    assert_eq!(
        keys.resolve(4).await.expect_err("no further").code(),
        ErrorCode::KeySource
    );
    assert!(!format!("{config:?}").contains(KEY));
}

#[cfg(unix)]
#[tokio::test]
async fn a_key_file_that_others_can_read_is_warned_of() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("key.txt");
    std::fs::write(&file, "the-key").expect("written");
    let text = VALID.replace("{ env = \"AHREFS_API_KEY\" }", "{ file = \"key.txt\" }");
    let config = config::parse(&text, &folder.path().join("backhaul.toml"), &environment())
        .expect("a configuration");
    for (mode, warns) in [(0o644, true), (0o600, false)] {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).expect("set");
        let key = config.source.keys.resolve(0).await.expect("a key");
        assert_eq!(key.warning.is_some(), warns, "{mode:o}");
    }
}
