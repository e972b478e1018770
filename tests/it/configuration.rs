//! Tests of configuration: what a file means, and how each fault of one is shown.

use std::collections::BTreeSet;
use std::path::Path;

use backhaul::config::{self, DestinationLocation, Environment, RunConfig};
use backhaul::error::{Code, Errors};
use backhaul::plan::{self, Selection, Task};
use backhaul::table::FetchMode;
use chrono::NaiveDate;
use proptest::prelude::*;
use serde_json::Value as Json;

/// Looks like a real key, and must never be shown.
const KEY: &str = "kQ7tZ2pWm9Xb4RvY8sLc3DfG6hJ1nA5e";

/// A configuration that is correct.
const SOUND: &str = r#"
[source]
api_key = { env = "AHREFS_API_KEY" }

[destination]
url = "data"

[[target]]
url = "acme.com"
labels = { role = "own" }

[[report]]
name = "rating"
endpoint = "site-explorer/domain-rating"
"#;

fn environment() -> Environment {
    [("AHREFS_API_KEY", KEY)].into_iter().collect()
}

fn parse(text: &str) -> Result<RunConfig, Errors> {
    config::parse(text, Path::new("backhaul.toml"), &environment())
}

fn sound(text: &str) -> RunConfig {
    parse(text).unwrap_or_else(|errors| panic!("{}", errors.render()))
}

fn faults(text: &str) -> String {
    parse(text).expect_err("faults").render()
}

fn report(lines: &str) -> String {
    format!("{SOUND}\n[[report]]\n{lines}\n")
}

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

fn planned(config: &RunConfig) -> Vec<Task> {
    plan::tasks(
        config,
        day("2026-11-23"),
        day("2026-11-23"),
        &Selection::default(),
    )
    .expect("a plan")
}

#[test]
fn a_small_file_is_enough_and_the_defaults_spend_least() {
    let config = sound(&report(
        "name = \"links\"\nendpoint = \"site-explorer/all-backlinks\"",
    ));
    assert_eq!(config.source.base_url.as_str(), "https://api.ahrefs.com/v3");
    assert_eq!(config.source.requests_per_minute, 60);
    assert_eq!(config.budget.per_run, None);
    assert_eq!(
        config.destination.location,
        DestinationLocation::Folder("data".into())
    );
    assert_eq!(
        (
            config.destination.zstd_level,
            config.destination.file_size_bytes
        ),
        (3, 128 << 20)
    );
    assert_eq!(config.run.resume_within.as_secs(), 3 * 86_400);
    let links = &config.reports[1];
    assert_eq!(
        links.parameters,
        [("history".to_owned(), "live".to_owned())]
    );
    assert_eq!(config.targets[0].name, "acme.com");
    assert_eq!(config.targets[0].mode, "subdomains");
    assert!(!links.columns.is_empty());
}

#[test]
fn a_wrong_column_is_underlined_with_the_nearest_name_and_its_price() {
    let text = report(
        "name = \"keywords\"\nendpoint = \"site-explorer/organic-keywords\"\ncountries = [\"us\"]\ncolumns = [\"keyword\", \"traffic\"]",
    );
    insta::assert_snapshot!(faults(&text), @r#"
    error[BH-COLUMN]: site-explorer/organic-keywords has no column `traffic`
      --> backhaul.toml:20:23
       | columns = ["keyword", "traffic"]
       |                       ^^^^^^^^^ did you mean `sum_traffic` (10 units a row)?
    next: backhaul catalog site-explorer/organic-keywords
    cost: 0 units, nothing was sent
    "#);
}

#[test]
fn unknown_keys_are_refused_with_the_nearest_known_name() {
    let text = SOUND.replace("url = \"data\"", "url = \"data\"\ncompresion = \"zstd(3)\"")
        + "\n[[report]]\nname = \"links\"\nendpoint = \"site-explorer/all-backlinks\"\nagregation = \"all\"\n\n[sources]\n";
    insta::assert_snapshot!(faults(&text), @r#"
    error[BH-CONFIG-KEY]: the configuration has no key `sources`
      --> backhaul.toml:22:2
       | [sources]
       |  ^^^^^^^ did you mean `source`?
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent

    error[BH-CONFIG-KEY]: [destination] has no key `compresion`
      --> backhaul.toml:7:1
       | compresion = "zstd(3)"
       | ^^^^^^^^^^ did you mean `compression`?
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent

    error[BH-CONFIG-KEY]: the report `links` has no key `agregation`, nor has site-explorer/all-backlinks
      --> backhaul.toml:20:1
       | agregation = "all"
       | ^^^^^^^^^^ did you mean `aggregation`?
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent
    "#);
}

#[test]
fn a_wrong_filter_underlines_the_word_in_the_json() {
    let text = report(
        "name = \"links\"\nendpoint = \"site-explorer/all-backlinks\"\nwhere_json = '{\"field\": \"domain_rating\", \"is\": [\"gte\", 30]}'",
    );
    insta::assert_snapshot!(faults(&text), @r#"
    error[BH-FILTER]: site-explorer/all-backlinks has no column `domain_rating` to filter by
      --> backhaul.toml:19:26
       | where_json = '{"field": "domain_rating", "is": ["gte", 30]}'
       |                          ^^^^^^^^^^^^^ did you mean `domain_rating_target`?
    next: backhaul catalog site-explorer/all-backlinks
    cost: 0 units, nothing was sent
    "#);
}

#[test]
fn filters_may_be_json_text_or_a_table() {
    let links = "name = \"links\"\nendpoint = \"site-explorer/all-backlinks\"\nwhere_json = ";
    let text = sound(&report(&format!(
        "{links}'{{\"field\": \"is_dofollow\", \"is\": [\"eq\", true]}}'"
    )));
    let table = sound(&report(&format!(
        "{links}{{ field = \"is_dofollow\", is = [\"eq\", true] }}"
    )));
    assert!(text.reports[1].filter.is_some());
    assert_eq!(text.reports[1].filter, table.reports[1].filter);
    assert_eq!(planned(&text), planned(&table));
}

#[test]
fn wrong_targets_and_selectors_are_refused() {
    let text = SOUND.replace("acme.com", "acme com")
        + "\n[[target]]\nname = \"Acme\"\nurl = \"https://acme.com\"\n[[target]]\nurl = \"b.com\"\nmode = \"domains\"\n\n[[report]]\nname = \"links\"\nendpoint = \"site-explorer/all-backlinks\"\ntargets = [\"b.con\", { role = \"rival\" }]\n";
    insta::assert_snapshot!(faults(&text), @r#"
    error[BH-TARGET]: `acme com` is no site
      --> backhaul.toml:9:7
       | url = "acme com"
       |       ^^^^^^^^^^ a site has no blanks
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent

    error[BH-TARGET]: `Acme` is no name for a target
      --> backhaul.toml:17:8
       | name = "Acme"
       |        ^^^^^^ lower-case letters, digits, `.`, `_` and `-`, beginning with a letter or digit
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent

    error[BH-CONFIG]: `mode` cannot be `domains`
      --> backhaul.toml:21:8
       | mode = "domains"
       |        ^^^^^^^^^ one of: exact, prefix, domain, subdomains
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent

    error[BH-TARGET]: no target is named `b.con`
      --> backhaul.toml:26:12
       | targets = ["b.con", { role = "rival" }]
       |            ^^^^^^^ did you mean `b.com`?
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent

    error[BH-TARGET]: no target is labelled role = "rival"
      --> backhaul.toml:26:21
       | targets = ["b.con", { role = "rival" }]
       |                     ^^^^^^^^^^^^^^^^^^ no [[target]] fits it
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent
    "#);
}

#[test]
fn duplicate_names_are_refused() {
    let text = report("name = \"rating\"\nendpoint = \"site-explorer/metrics\"")
        + "[[report]]\nname = \"coverage\"\nendpoint = \"site-explorer/metrics\"\n[[target]]\nname = \"acme.com\"\nurl = \"acme.org\"\n";
    insta::assert_snapshot!(faults(&text), @r#"
    error[BH-TARGET]: two targets have the name `acme.com`
      --> backhaul.toml:23:8
       | name = "acme.com"
       |        ^^^^^^^^^^ the first is in backhaul.toml; give this one a `name`
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent

    error[BH-CONFIG]: two reports have the name `rating`
      --> backhaul.toml:17:8
       | name = "rating"
       |        ^^^^^^^^ each report is a table of its own
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent

    error[BH-CONFIG]: the name `coverage` is reserved
      --> backhaul.toml:20:8
       | name = "coverage"
       |        ^^^^^^^^^^ the program fills a table of that name itself
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent
    "#);
}

#[test]
fn dates_are_days_of_the_calendar_and_never_in_the_future() {
    let text = report(
        "name = \"history\"\nendpoint = \"site-explorer/domain-rating-history\"\nsince = \"2024-02-30\"",
    );
    insta::assert_snapshot!(faults(&text), @r#"
    error[BH-DATE]: `since` cannot be `2024-02-30`
      --> backhaul.toml:19:9
       | since = "2024-02-30"
       |         ^^^^^^^^^^^^ a day of the calendar, such as "2024-01-31"
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent
    "#);
    let late =
        plan::resolve_date(Some(day("2026-11-24")), day("2026-11-23")).expect_err("the future");
    insta::assert_snapshot!(late.render(), @r#"
    error[BH-DATE]: the night 2026-11-24 lies in the future
       = today: 2026-11-23 (UTC)
    next: give a day up to today, or none
    cost: 0 units, nothing was sent
    "#);
    assert_eq!(
        plan::resolve_date(None, day("2026-11-23")).expect("today"),
        day("2026-11-23")
    );
}

#[test]
fn an_operation_without_a_date_answers_for_the_last_days_only() {
    let config = sound(&report(
        "name = \"links\"\nendpoint = \"site-explorer/all-backlinks\"",
    ));
    let plan = |night| {
        plan::tasks(
            &config,
            day(night),
            day("2026-11-23"),
            &Selection::default(),
        )
    };
    assert!(plan("2026-11-21").is_ok());
    let late = plan("2026-11-20").expect_err("too late");
    insta::assert_snapshot!(late.render(), @r#"
    error[BH-DATE]: site-explorer/all-backlinks only knows the present, not the night 2026-11-20: it takes no date
       = report: links
    next: choose nights from 2026-11-21 on, or only reports that can: --report rating
    cost: 0 units, nothing was sent
    "#);
    let dated = Selection {
        reports: vec!["rating".to_owned()],
        ..Selection::default()
    };
    assert!(plan::tasks(&config, day("2026-11-20"), day("2026-11-23"), &dated).is_ok());
}

#[test]
fn a_base_url_that_would_leak_the_key_is_refused() {
    for url in [
        "http://api.ahrefs.com/v3",
        "http://10.0.0.1/v3",
        "https://a:b@c.com/v3",
        "https://c.com/v3?x=1",
        "c.com",
    ] {
        let text = SOUND.replace(
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
            [Code::Url],
            "{url}"
        );
    }
    for url in [
        "http://127.0.0.1:7070/v3/",
        "http://[::1]:7070/v3",
        "http://localhost:1/v3",
        "https://gateway.acme.com/x/v3",
    ] {
        let config = sound(&SOUND.replace(
            "[destination]",
            &format!("base_url = \"{url}\"\n[destination]"),
        ));
        assert_eq!(config.source.base_url.as_str(), url.trim_end_matches('/'));
    }
    let text = SOUND.replace(
        "[destination]",
        "base_url = \"http://api.ahrefs.com/v3\"\n[destination]",
    );
    insta::assert_snapshot!(faults(&text), @r#"
    error[BH-URL]: `base_url` cannot be `http://api.ahrefs.com/v3`
      --> backhaul.toml:5:12
       | base_url = "http://api.ahrefs.com/v3"
       |            ^^^^^^^^^^^^^^^^^^^^^^^^^^ https, or http to 127.0.0.1 only: the key travels with every request
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent
    "#);
}

#[test]
fn a_destination_that_is_a_file_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("backhaul.toml");
    std::fs::write(folder.path().join("data"), "a file").expect("written");
    std::fs::write(&path, SOUND).expect("written");
    let errors = config::load(&path, &environment()).expect_err("a fault");
    let shown = errors
        .render()
        .replace(&folder.path().display().to_string(), "DIR");
    insta::assert_snapshot!(shown, @r#"
    error[BH-URL]: `url` cannot be `data`
      --> DIR/backhaul.toml:6:7
       | url = "data"
       |       ^^^^^^ a file stands in the way; name a folder
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
        let text = SOUND.replace("api_key = { env = \"AHREFS_API_KEY\" }", &source);
        let errors = parse(&text).expect_err(&source);
        let shown = format!("{}{errors:?}", errors.render());
        assert!(
            !shown.contains(KEY) && !shown.contains("\"short\""),
            "{shown}"
        );
    }
    let text = SOUND.replace("{ env = \"AHREFS_API_KEY\" }", &format!("\"{KEY}\""));
    insta::assert_snapshot!(faults(&text), @r#"
    error[BH-KEY-SOURCE]: `api_key` must name where the key is, never hold it
      --> backhaul.toml:3:11
       | api_key = "********************************"
       |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ the text is hidden here; if it was a key, take it out and renew it
    next: write api_key = { env = "AHREFS_API_KEY" } and export the variable
    cost: 0 units, nothing was sent
    "#);
}

#[tokio::test]
async fn key_sources_are_tried_in_their_order_when_they_are_needed() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("key.txt"), "from-file\n").expect("written");
    let sources = "[{ env = \"MISSING\" }, { file = \"key.txt\" }, { command = [\"echo\", \"from-command\"] }, { command = [\"false\"] }]";
    let text = SOUND.replace("{ env = \"AHREFS_API_KEY\" }", sources);
    let config =
        config::parse(&text, &folder.path().join("backhaul.toml"), &environment()).expect("sound");
    let keys = &config.source.keys;
    let missing = keys.resolve(0).await.expect_err("not set");
    insta::assert_snapshot!(missing.render(), @r#"
    error[BH-KEY-SOURCE]: the variable MISSING is not set, or blank
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
        Code::KeySource
    );
    assert_eq!(
        keys.resolve(4).await.expect_err("no further").code(),
        Code::KeySource
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
    let text = SOUND.replace("{ env = \"AHREFS_API_KEY\" }", "{ file = \"key.txt\" }");
    let config =
        config::parse(&text, &folder.path().join("backhaul.toml"), &environment()).expect("sound");
    for (mode, warns) in [(0o644, true), (0o600, false)] {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).expect("set");
        let key = config.source.keys.resolve(0).await.expect("a key");
        assert_eq!(key.warning.is_some(), warns, "{mode:o}");
    }
}

fn with_csv(csv: &str) -> Result<RunConfig, Errors> {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("sites.csv"), csv).expect("written");
    let text =
        format!("{SOUND}\n[[target]]\nfile = \"sites.csv\"\nlabels = {{ role = \"rival\" }}\n");
    config::parse(&text, &folder.path().join("backhaul.toml"), &environment())
}

#[test]
fn targets_come_from_a_csv_file_with_labels() {
    let config = with_csv("name,url,mode,client\nb,b.com,domain,\"B, Inc.\"\n,https://c.com/x,,\n")
        .expect("sound");
    let [_, b, c] = config.targets.as_slice() else {
        panic!("three targets")
    };
    assert_eq!(
        (
            b.name.as_str(),
            b.mode.as_str(),
            b.labels["client"].as_str()
        ),
        ("b", "domain", "B, Inc.")
    );
    assert_eq!(
        (c.name.as_str(), c.mode.as_str(), c.labels["role"].as_str()),
        ("c.com-x", "subdomains", "rival")
    );
    assert!(!c.labels.contains_key("client"));
}

#[test]
fn faults_of_a_csv_file_name_its_line() {
    let errors =
        with_csv("name,url,mode\nb,b.com,domain\nb,c.com,\nd,d com,\ne,e.com,all\nf,f.com\n")
            .expect_err("faults");
    insta::assert_snapshot!(errors.render(), @r#"
    error[BH-TARGET]: two targets have the name `b`
      --> sites.csv:3:1
       | b,c.com,
       | ^^^^^^^^ the first is in sites.csv:2; give this one another name
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent

    error[BH-TARGET]: `d com` is no site
      --> sites.csv:4:1
       | d,d com,
       | ^^^^^^^^ a site has no blanks
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent

    error[BH-TARGET]: `mode` cannot be `all`
      --> sites.csv:5:1
       | e,e.com,all
       | ^^^^^^^^^^^ one of: exact, prefix, domain, subdomains
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent

    error[BH-TARGET]: a line with 2 fields under 3 columns
      --> sites.csv:6:1
       | f,f.com
       | ^^^^^^^ quote fields that hold commas
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent
    "#);
    let errors = with_csv("name,site\nb,b.com\n").expect_err("a fault");
    insta::assert_snapshot!(errors.render(), @r#"
    error[BH-TARGET]: sites.csv has no column `url`
      --> sites.csv:1:1
       | name,site
       | ^^^^^^^^^ the header is name,url,mode
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent
    "#);
    let errors = with_csv("name,url\nb,\"b.com\n").expect_err("a fault");
    insta::assert_snapshot!(errors.render(), @r#"
    error[BH-TARGET]: sites.csv is no CSV
      --> sites.csv:2:1
       | b,"b.com
       | ^^^^^^^^ a quote opens here and never closes
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent
    "#);
}

#[test]
fn a_missing_required_parameter_says_what_to_add() {
    let text = report("name = \"rivals\"\nendpoint = \"site-explorer/organic-competitors\"")
        + "[[report]]\nname = \"history\"\nendpoint = \"site-explorer/pages-history\"\n";
    insta::assert_snapshot!(faults(&text), @r#"
    error[BH-PARAMETER]: site-explorer/organic-competitors needs `countries`
      --> backhaul.toml:16:1
       | [[report]]
       | ^^^^^^^^^^ this report lacks it
    next: add to the report: countries = ["us"]
    cost: 0 units, nothing was sent

    error[BH-PARAMETER]: site-explorer/pages-history needs `since`
      --> backhaul.toml:19:1
       | [[report]]
       | ^^^^^^^^^^ the first day is missing
    next: add to the report: since = "2024-01-01"
    cost: 0 units, nothing was sent
    "#);
}

#[test]
fn parameters_that_are_ours_or_do_not_fit_are_refused() {
    let text = report(
        "name = \"links\"\nendpoint = \"site-explorer/all-backlinks\"\nlimit = 5\naggregation = \"none\"\ncountries = [\"us\"]\nhistory = true",
    );
    insta::assert_snapshot!(faults(&text), @r#"
    error[BH-PARAMETER]: `limit` is not set in a report
      --> backhaul.toml:19:1
       | limit = 5
       | ^^^^^ write `max_rows`
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent

    error[BH-PARAMETER]: `aggregation` cannot be `none`
      --> backhaul.toml:20:15
       | aggregation = "none"
       |               ^^^^^^ one of: similar_links, 1_per_domain, all
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent

    error[BH-PARAMETER]: `history` cannot be true or false
      --> backhaul.toml:22:11
       | history = true
       |           ^^^^ a string
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent

    error[BH-PARAMETER]: site-explorer/all-backlinks does not vary by country
      --> backhaul.toml:21:13
       | countries = ["us"]
       |             ^^^^^^ take this out
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent
    "#);
}

#[test]
fn a_column_that_does_not_exist_under_a_parameter_is_refused_by_name_and_left_out_of_presets() {
    let links = "name = \"links\"\nendpoint = \"site-explorer/all-backlinks\"\naggregation = \"all\"\ncolumns = ";
    insta::assert_snapshot!(faults(&report(&format!("{links}[\"url_from\", \"link_group_count\"]"))), @r#"
    error[BH-COLUMN]: site-explorer/all-backlinks has no `link_group_count` with `aggregation = "all"`
      --> backhaul.toml:20:24
       | columns = ["url_from", "link_group_count"]
       |                        ^^^^^^^^^^^^^^^^^^ take the column out, or change the parameter
    next: backhaul catalog
    cost: 0 units, nothing was sent
    "#);
    let config = sound(&report(&format!("{links}[\"full\"]")));
    assert!(
        !config.reports[1]
            .columns
            .contains(&"link_group_count".to_owned())
    );
}

#[test]
fn columns_are_added_and_taken_away_in_order() {
    let links = "name = \"links\"\nendpoint = \"site-explorer/all-backlinks\"\ncolumns = ";
    let config = sound(&report(&format!(
        "{links}[\"url_from\", \"url_to\", \"+title\", \"-url_to\", \"title\"]"
    )));
    assert_eq!(config.reports[1].columns, ["url_from", "title"]);
    for wrong in [
        "[]",
        "[\"+title\"]",
        "[\"title\", \"-url_to\"]",
        "[\"title\", \"-title\"]",
        "\"title\"",
        "[1]",
    ] {
        assert!(
            parse(&report(&format!("{links}{wrong}"))).is_err(),
            "{wrong}"
        );
    }
}

#[test]
fn a_file_that_is_no_toml_is_refused_at_its_place() {
    insta::assert_snapshot!(faults("[source\napi_key = 1\n"), @r#"
    error[BH-CONFIG]: the file is no TOML
      --> backhaul.toml:1:8
       | [source
       |        ^ unclosed table, expected `]`
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent
    "#);
}

/// The example of the contract, with everything that it names.
const EXAMPLE: &str = r#"
[source]
api_key = { env = "AHREFS_API_KEY" }

[source.limits]
requests_per_minute = 60

[budget]
per_run = 60_000
per_month = 1_800_000
keep_free = "10%"
pace = true

[destination]
url = "s3://acme-seo/ahrefs"
partition_by = ["snapshot_date"]
file_size = "128 MiB"
compression = "zstd(3)"
keep_responses = "35d"

[[target]]
name = "acme"
url = "acme.com"
mode = "subdomains"
labels = { client = "Acme", role = "own" }

[[target]]
file = "competitors.csv"

[[keyword_list]]
name = "brand"
keywords = ["acme", "acme shoes"]

[[report]]
name = "backlinks"
endpoint = "site-explorer/all-backlinks"
columns = ["standard", "+title"]
where = "domain_rating_source >= 30 AND is_dofollow"
targets = ["acme", { role = "competitor" }]
every = "week"
top = { by = "domain_rating_source", rows = 1000 }
max_rows = 50_000

[[report]]
name = "organic_keywords"
endpoint = "site-explorer/organic-keywords"
countries = ["us", "gb"]
every = "week"

[[report]]
name = "link_changes"
endpoint = "site-explorer/all-backlinks"
mode = "changes"

[[report]]
name = "rating_history"
endpoint = "site-explorer/domain-rating-history"
since = "2024-01-01"
every = "week"
"#;

#[test]
fn the_example_of_the_contract_resolves() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(
        folder.path().join("competitors.csv"),
        "name,url,mode,role\nb,b.com,,competitor\n",
    )
    .expect("written");
    let path = folder.path().join("backhaul.toml");
    let config = config::parse(EXAMPLE, &path, &environment()).expect("a configuration");
    assert_eq!(
        config.destination.location.to_string(),
        "s3://acme-seo/ahrefs"
    );
}

#[test]
fn the_starter_loads_and_teaches_the_main_keys() {
    for targets in [
        vec![],
        vec!["acme.com".to_owned(), "https://b.com/\u{e4}".to_owned()],
    ] {
        let text = config::starter(&targets);
        let config = sound(&text);
        assert_eq!(config.targets.len(), targets.len().max(1));
        assert!(text.lines().count() <= 60, "{text}");
        for key in [
            "api_key",
            "per_run",
            "per_month",
            "pace",
            "every",
            "url",
            "columns",
            "max_rows",
            "endpoint",
            "countries",
            "where",
            "file",
        ] {
            assert!(text.contains(key), "{key}");
        }
        plan::require_budget(&planned(&config), config.budget.per_run)
            .expect("the starter has a budget");
    }
    let uncommented = config::starter(&[]).replace("# [[", "[[");
    let uncommented = [
        "name",
        "endpoint",
        "countries",
        "where",
        "base_url",
        "keywords",
    ]
    .iter()
    .fold(uncommented, |text, key| {
        text.replace(&format!("\n# {key}"), &format!("\n{key}"))
    });
    assert_eq!(
        sound(&uncommented).reports.len(),
        3,
        "what is commented out is correct too"
    );
}

#[test]
fn the_json_schema_knows_exactly_the_keys_of_the_program() {
    let schema: Json =
        serde_json::from_str(include_str!("../../schemas/config.schema.json")).expect("JSON");
    let keys = |object: &Json| -> BTreeSet<String> {
        object["properties"]
            .as_object()
            .expect("properties")
            .keys()
            .cloned()
            .collect()
    };
    for (table, known) in config::TABLES {
        let object = if table.is_empty() {
            &schema
        } else {
            &schema["$defs"][table]
        };
        let known: BTreeSet<String> = known.iter().map(|key| (*key).to_owned()).collect();
        assert_eq!(keys(object), known, "{table}");
        assert_eq!(
            object["additionalProperties"] == Json::Bool(false),
            table != "report",
            "{table}"
        );
    }
    assert_eq!(
        schema["$defs"].as_object().expect("definitions").len() + 1,
        config::TABLES.len()
    );
}

#[test]
fn tasks_are_reports_times_targets_times_countries_with_ids_that_last() {
    let text = report(
        "name = \"keywords\"\nendpoint = \"site-explorer/organic-keywords\"\ncountries = [\"US\", \"gb\"]",
    );
    let config = sound(&text);
    let tasks = planned(&config);
    assert_eq!(tasks.len(), 3);
    assert_eq!(
        tasks[2].parameters,
        [("country".to_owned(), "gb".to_owned())]
    );
    for pair in [
        ("target", "acme.com"),
        ("country", "gb"),
        ("date", "2026-11-23"),
        ("mode", "subdomains"),
    ] {
        assert!(
            tasks[2]
                .query
                .contains(&(pair.0.to_owned(), pair.1.to_owned())),
            "{pair:?}"
        );
    }
    assert!(
        tasks[2]
            .query
            .iter()
            .all(|(name, _)| !["select", "where", "order_by", "limit"].contains(&name.as_str()))
    );
    let ids: BTreeSet<_> = tasks.iter().map(|task| task.id.clone()).collect();
    assert_eq!(ids.len(), 3);

    let relabelled = sound(&text.replace("role = \"own\"", "role = \"other\""));
    assert_eq!(planned(&relabelled), tasks);
    let renamed = sound(&text.replace("url = \"acme.com\"", "url = \"acme.com\"\nname = \"acme\""));
    assert!(planned(&renamed).iter().all(|task| !ids.contains(&task.id)));
}

#[test]
fn every_operation_of_site_explorer_can_be_a_report_with_all_its_required_parameters() {
    let catalog = backhaul::catalog::Catalog::embedded();
    let endpoints: Vec<_> = catalog
        .endpoints()
        .filter(|endpoint| endpoint.section() == "site-explorer")
        .collect();
    assert!(endpoints.len() > 20);
    for endpoint in endpoints {
        let needs = |name: &str| {
            endpoint
                .parameter(name)
                .is_some_and(|parameter| parameter.required)
        };
        let since = if needs("date_from") {
            "since = \"2026-01-01\"\n"
        } else {
            ""
        };
        let countries = if needs("country") {
            "countries = [\"us\"]\n"
        } else {
            ""
        };
        let text = report(&format!(
            "name = \"one\"\nendpoint = \"{}\"\n{since}{countries}",
            endpoint.name
        ));
        let config = sound(&text);
        let task = planned(&config).pop().expect("a task");
        assert!(!config.reports[1].columns.is_empty(), "{}", endpoint.name);
        for parameter in endpoint
            .parameters
            .iter()
            .filter(|parameter| parameter.required && parameter.name != "select")
        {
            let is_sent = task
                .query
                .iter()
                .any(|(name, value)| *name == parameter.name && !value.is_empty());
            assert!(is_sent, "{} lacks {}", endpoint.name, parameter.name);
        }
        assert!(
            task.query
                .iter()
                .all(|(name, _)| endpoint.parameter(name).is_some()),
            "{}",
            endpoint.name
        );
        let is_list = endpoint.parameter("limit").is_some();
        assert_eq!(
            task.bound_units.is_none(),
            is_list,
            "{}: only lists are unbounded",
            endpoint.name
        );
    }
}

#[test]
fn endpoints_are_named_as_the_catalog_has_them() {
    let text = report("name = \"a\"\nendpoint = \"site-explorer/backlinks\"")
        + "[[report]]\nname = \"b\"\nendpoint = \"best-by-external-links\"\n[[report]]\nname = \"d\"\n";
    insta::assert_snapshot!(faults(&text), @r#"
    error[BH-ENDPOINT]: the API has no endpoint `site-explorer/backlinks`
      --> backhaul.toml:18:12
       | endpoint = "site-explorer/backlinks"
       |            ^^^^^^^^^^^^^^^^^^^^^^^^^ did you mean `site-explorer/backlinks-stats`?
    next: backhaul catalog
    cost: 0 units, nothing was sent

    error[BH-ENDPOINT]: the API has no endpoint `best-by-external-links`
      --> backhaul.toml:21:12
       | endpoint = "best-by-external-links"
       |            ^^^^^^^^^^^^^^^^^^^^^^^^ did you mean `site-explorer/pages-by-backlinks`?
    next: backhaul catalog
    cost: 0 units, nothing was sent

    error[BH-ENDPOINT]: the report `d` has no `endpoint`
      --> backhaul.toml:22:1
       | [[report]]
       | ^^^^^^^^^^ add one; see: backhaul catalog
    next: backhaul catalog
    cost: 0 units, nothing was sent
    "#);
}

#[test]
fn a_missing_file_says_how_to_begin() {
    let folder = tempfile::tempdir().expect("a folder");
    let errors =
        config::load(&folder.path().join("none.toml"), &environment()).expect_err("no file");
    assert_eq!(errors.exit_code(), 2);
    assert!(
        errors.render().contains("next: backhaul init"),
        "{}",
        errors.render()
    );
}

#[test]
fn an_empty_file_is_told_all_that_it_lacks() {
    insta::assert_snapshot!(faults(""), @r#"
    error[BH-KEY-SOURCE]: the configuration says nothing of where the API key comes from
    next: add to the file: [source] and below it api_key = { env = "AHREFS_API_KEY" }
    cost: 0 units, nothing was sent

    error[BH-URL]: the configuration says nothing of where the tables go
    next: add to the file: [destination] and below it url = "./data"
    cost: 0 units, nothing was sent

    error[BH-TARGET]: the configuration names no target
    next: add to the file: [[target]] and below it url = "example.com"
    cost: 0 units, nothing was sent

    error[BH-CONFIG]: the configuration names no report
    next: add to the file: [[report]] with a name and an endpoint; see: backhaul catalog
    cost: 0 units, nothing was sent
    "#);
}

#[test]
fn a_selection_narrows_the_plan_and_refuses_what_it_does_not_find() {
    let config = sound(
        &(report("name = \"links\"\nendpoint = \"site-explorer/anchors\"")
            + "[[target]]\nurl = \"b.com\"\n"),
    );
    let select = |reports: &[&str], targets: &[&str]| {
        let own = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let selection = Selection {
            reports: own(reports),
            targets: own(targets),
            ..Selection::default()
        };
        plan::tasks(&config, day("2026-11-23"), day("2026-11-23"), &selection)
            .map(|tasks| tasks.len())
    };
    assert_eq!(select(&[], &[]).expect("all"), 4);
    assert_eq!(select(&["links"], &["b.com"]).expect("one"), 1);
    assert_eq!(select(&[], &["role=own"]).expect("by label"), 2);
    assert_eq!(
        select(&["link"], &[]).expect_err("unknown").code(),
        Code::Usage
    );
    assert_eq!(
        select(&[], &["c.com"]).expect_err("unknown").code(),
        Code::Target
    );
}

#[test]
fn an_unbounded_run_needs_a_budget() {
    let links = report(
        "name = \"links\"\nendpoint = \"site-explorer/all-backlinks\"\ncolumns = [\"url_from\"]",
    );
    let tasks = planned(&sound(&links));
    insta::assert_snapshot!(plan::require_budget(&tasks, None).expect_err("no budget").render(), @r#"
    error[BH-BUDGET]: the run has no upper bound: without `top` or `max_rows` all rows are fetched, and no budget covers more than 10000 units
    next: add under [budget]: per_run = 60000   or give --max-units 60000
    cost: 0 units, nothing was sent
    "#);
    plan::require_budget(&tasks, Some(1)).expect("the budget is kept while the run spends");
    let small = planned(&sound(&format!("{links}max_rows = 1000\n")));
    plan::require_budget(&small, None).expect("bounded");
    let large = planned(&sound(&format!("{links}max_rows = 100000\n")));
    assert_eq!(
        plan::require_budget(&large, None)
            .expect_err("too large")
            .code(),
        Code::Budget
    );
}

#[test]
fn free_targets_cost_nothing_up_to_a_hundred_rows() {
    let links = "name = \"links\"\nendpoint = \"site-explorer/all-backlinks\"\ncolumns = [\"url_from\"]\nmax_rows = ";
    let bounds = |rows: u64| -> Vec<_> {
        let text = report(&format!("{links}{rows}")).replace("acme.com", "ahrefs.com");
        planned(&sound(&text))
            .iter()
            .map(|task| task.bound_units)
            .collect()
    };
    assert_eq!(bounds(100), [Some(0), Some(0)]);
    assert!(bounds(101)[1] > Some(100));
}

#[test]
fn what_will_be_exported_is_described_with_history_stated() {
    let text = report(
        "name = \"links\"\nendpoint = \"site-explorer/all-backlinks\"\ncolumns = [\"url_from\", \"url_to\"]\nmax_rows = 1000",
    );
    let config = sound(&text);
    let shown = plan::describe(&config, &planned(&config));
    // The catalog chooses what paging adds; everything else is fixed here.
    let shown: String = shown
        .lines()
        .map(|line| {
            if line.contains("units a row;") || line.contains("for paging") {
                "  (a price)"
            } else {
                line
            }
        })
        .collect::<Vec<_>>()
        .join("\n");
    insta::assert_snapshot!(shown, @r#"
    configuration backhaul.toml: correct
    source        https://api.ahrefs.com/v3 with the key from the variable AHREFS_API_KEY
    destination   data
    targets       1

    rating  (site-explorer/domain-rating)
      2 columns, 1 targets, 1 tasks
      (a price)

    links  (site-explorer/all-backlinks)
      2 columns, 1 targets, 1 tasks
      (a price)
      history = live  (the API's own default is all_time, which costs more)
      at most 1000 rows a task; reaching it is reported as capped

    2 tasks a night, at most 3100 units; no budget is set, so at most 10000 units would run
    "#);
    assert!(!shown.contains(KEY));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_loader_never_panics_and_never_shows_a_key(
        at in 0_usize..4_000,
        cut in 0_usize..60,
        insert in "[\\x00-\\x7f]{0,6}|[\"'\\[\\]{}=,.#\n ]{1,6}|\\PC{0,3}",
    ) {
        let text = EXAMPLE.replace("{ env = \"AHREFS_API_KEY\" }", &format!("\"{KEY}\""));
        let characters: Vec<char> = text.chars().collect();
        let at = at % characters.len();
        let rest = (at + cut).min(characters.len());
        let mutated: String = characters[..at].iter().copied().chain(insert.chars()).chain(characters[rest..].iter().copied()).collect();
        if let Err(errors) = parse(&mutated) {
            let shown = errors.render();
            prop_assert!(shown.contains("next: ") && shown.contains("cost: 0 units"));
            prop_assert!(!shown.contains(KEY));
        }
    }
}

#[test]
fn a_ranking_names_a_column_that_the_operation_can_order_by() {
    let links = |top: &str| {
        report(&format!(
            "name = \"links\"\nendpoint = \"site-explorer/all-backlinks\"\ncolumns = [\"url_from\"]\n{top}"
        ))
    };
    let config = sound(&links(
        "top = { by = \"domain_rating_source\", rows = 100 }\nmax_rows = 100",
    ));
    let top = config.reports[1].top.clone().expect("a ranking");
    assert_eq!(
        (top.by.as_str(), top.rows, config.reports[1].max_rows),
        ("domain_rating_source", 100, None)
    );
    let task = planned(&config).pop().expect("a task");
    // url_from, the column that ranks, and the column by which similar links are grouped.
    assert_eq!(
        (task.units_per_row, task.surcharge_per_row, task.bound_rows),
        (3, 2, Some(100))
    );
    assert_eq!(task.order_key[0], "domain_rating_source");
    let top = FetchMode::Top {
        by: "domain_rating_source".to_owned(),
        rows: 100,
    };
    assert_eq!(task.spec.mode, top);
    let shown = plan::describe(&config, &planned(&config));
    assert!(
        shown.contains(
            "3 units a row, 2 of them for ranking by domain_rating_source, root_name_source"
        ),
        "{shown}"
    );
    assert!(
        shown.contains("the 100 rows of a task with the greatest domain_rating_source"),
        "{shown}"
    );
    let whole = sound(&links(""));
    assert_ne!(planned(&whole), planned(&config));
    let rating = "name = \"ranks\"\nendpoint = \"site-explorer/domain-rating\"\ntop = { by = \"ahrefs_rank\", rows = 1 }";
    let wrong = [
        links("top = { by = \"domain_rating\", rows = 10 }"),
        links("top = { by = \"link_group_count\", rows = 10 }"),
        links("top = { by = \"traffic\" }"),
        links("top = { by = \"traffic\", rows = 10 }\nmax_rows = 5"),
        report(rating),
    ];
    insta::assert_snapshot!(wrong.iter().map(|text| faults(text)).collect::<Vec<_>>().join("\n"), @r#"
    error[BH-COLUMN]: site-explorer/all-backlinks has no column `domain_rating`
      --> backhaul.toml:20:14
       | top = { by = "domain_rating", rows = 10 }
       |              ^^^^^^^^^^^^^^^ did you mean `domain_rating_target`?
    next: backhaul catalog site-explorer/all-backlinks
    cost: 0 units, nothing was sent

    error[BH-COLUMN]: site-explorer/all-backlinks cannot order its rows by `link_group_count`
      --> backhaul.toml:20:14
       | top = { by = "link_group_count", rows = 10 }
       |              ^^^^^^^^^^^^^^^^^^ no column that it can order by is near it in spelling
    next: backhaul catalog site-explorer/all-backlinks
    cost: 0 units, nothing was sent

    error[BH-CONFIG]: `top` has no `rows`
      --> backhaul.toml:20:7
       | top = { by = "traffic" }
       |       ^^^^^^^^^^^^^^^^^^ for example: top = { by = "domain_rating_source", rows = 1000 }
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent

    error[BH-CONFIG]: `max_rows` would cut the ranking of 10 rows short, and call it `capped`
      --> backhaul.toml:21:12
       | max_rows = 5
       |            ^ take this out: a ranking fetches the rows that it names and no more
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent

    error[BH-PARAMETER]: site-explorer/domain-rating cannot be ranked: it takes no order, or always answers whole
      --> backhaul.toml:19:7
       | top = { by = "ahrefs_rank", rows = 1 }
       |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ take `top` out
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent
    "#);
}

#[test]
fn a_report_of_changes_has_what_identifies_and_dates_a_row() {
    let links = |lines: &str| {
        report(&format!(
            "name = \"links\"\nendpoint = \"site-explorer/all-backlinks\"\ncolumns = [\"title\"]\nmode = \"changes\"\n{lines}"
        ))
    };
    let config = sound(&links(""));
    let columns = [
        "title",
        "url_from",
        "url_to",
        "anchor",
        "link_type",
        "first_seen_link",
        "last_seen",
    ];
    assert_eq!(config.reports[1].columns, columns);
    assert_eq!(config.reports[1].parameter("aggregation"), Some("all"));
    let task = planned(&config).pop().expect("a task");
    assert_eq!(task.spec.mode, FetchMode::Changes { since: None });
    let shown = plan::describe(&config, &planned(&config));
    assert!(
        shown.contains(
            "all live rows the first night, then what came or went since the last complete one"
        ),
        "{shown}"
    );
    assert_eq!((task.units_per_row, task.surcharge_per_row), (7, 0));
    let schema = backhaul::state::layouts::table_schema(&config.reports[1]).expect("a schema");
    let names: Vec<_> = schema
        .columns()
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    assert_eq!(
        names[..6],
        [
            "_target",
            "_snapshot_date",
            "_exported_at",
            "_run_id",
            "_change",
            "title"
        ]
    );
    let snapshot = sound(&links("").replace("changes", "snapshot"));
    assert_ne!(planned(&snapshot), planned(&config));
    let wrong = [
        links("aggregation = \"similar_links\""),
        links("history = \"all_time\""),
        links("top = { by = \"traffic\", rows = 10 }"),
        links("").replace("changes", "changed"),
        links("")
            .replace("all-backlinks", "refdomains")
            .replace("title", "domain"),
    ];
    insta::assert_snapshot!(wrong.iter().map(|text| faults(text)).collect::<Vec<_>>().join("\n"), @r#"
    error[BH-PARAMETER]: `aggregation` does not go with `mode = "changes"`
      --> backhaul.toml:21:15
       | aggregation = "similar_links"
       |               ^^^^^^^^^^^^^^^ changes are of links, each on its own: `all`, or take this out
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent

    error[BH-PARAMETER]: `history` does not go with `mode = "changes"`
      --> backhaul.toml:21:11
       | history = "all_time"
       |           ^^^^^^^^^^ each night asks since the last complete one: take this out
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent

    error[BH-PARAMETER]: `top` does not go with `mode = "changes"`
      --> backhaul.toml:21:7
       | top = { by = "traffic", rows = 10 }
       |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ a ranking is read anew each night, changes are added up: take one of them out
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent

    error[BH-CONFIG]: a report's `mode` cannot be `changed`
      --> backhaul.toml:20:8
       | mode = "changed"
       |        ^^^^^^^^^ `snapshot` or `changes`; how much of a site is meant is the target's `mode`
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent

    error[BH-PARAMETER]: site-explorer/refdomains cannot tell changes
      --> backhaul.toml:20:8
       | mode = "changes"
       |        ^^^^^^^^^ only site-explorer/all-backlinks dates both the coming and the going of a row
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent
    "#);
}
