//! The file as a whole: what is enough, what is missing, what does not parse.

use backhaul::config::{self, DestinationLocation};
use proptest::prelude::*;

use super::{KEY, VALID, environment, errors_of, parse, report, valid};

#[test]
fn a_small_file_is_enough_and_the_defaults_spend_least() {
    let config = valid(&report(
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
fn unknown_keys_are_refused_with_the_nearest_known_name() {
    let text = VALID.replace("url = \"data\"", "url = \"data\"\ncompresion = \"zstd(3)\"")
        + "\n[[report]]\nname = \"links\"\nendpoint = \"site-explorer/all-backlinks\"\nagregation = \"all\"\n\n[sources]\n";
    insta::assert_snapshot!(errors_of(&text), @r#"
    error[BH-CONFIG-KEY]: unknown key `sources` in the configuration
      --> backhaul.toml:22:2
       | [sources]
       |  ^^^^^^^ did you mean `source`?
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent

    error[BH-CONFIG-KEY]: unknown key `compresion` in [destination]
      --> backhaul.toml:7:1
       | compresion = "zstd(3)"
       | ^^^^^^^^^^ did you mean `compression`?
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent

    error[BH-CONFIG-KEY]: unknown key `agregation` in the report `links` of site-explorer/all-backlinks
      --> backhaul.toml:20:1
       | agregation = "all"
       | ^^^^^^^^^^ did you mean `aggregation`?
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent
    "#);
}

#[test]
fn a_file_that_is_no_toml_is_refused_at_its_place() {
    insta::assert_snapshot!(errors_of("[source\napi_key = 1\n"), @r#"
    error[BH-CONFIG]: invalid TOML
      --> backhaul.toml:1:8
       | [source
       |        ^ unclosed table, expected `]`
    next: fix the line, then: backhaul check --offline
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
    insta::assert_snapshot!(errors_of(""), @r#"
    error[BH-KEY-SOURCE]: missing `[source] api_key`
    next: add to the file: [source] and below it api_key = { env = "AHREFS_API_KEY" }
    cost: 0 units, nothing was sent

    error[BH-URL]: missing `[destination] url`
    next: add to the file: [destination] and below it url = "./data"
    cost: 0 units, nothing was sent

    error[BH-TARGET]: missing `[[target]]`
    next: add to the file: [[target]] and below it url = "example.com"
    cost: 0 units, nothing was sent

    error[BH-CONFIG]: missing `[[report]]`
    next: add to the file: [[report]] with a name and an endpoint; see: backhaul catalog
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
fn a_destination_that_is_a_file_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("backhaul.toml");
    std::fs::write(folder.path().join("data"), "a file").expect("written");
    std::fs::write(&path, VALID).expect("written");
    let errors = config::load(&path, &environment()).expect_err("an error");
    let shown = errors
        .render()
        .replace(&folder.path().display().to_string(), "DIR");
    insta::assert_snapshot!(shown, @r#"
    error[BH-URL]: invalid value `data` for `url`
      --> DIR/backhaul.toml:6:7
       | url = "data"
       |       ^^^^^^ a file is in the way: name a folder
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent
    "#);
}
