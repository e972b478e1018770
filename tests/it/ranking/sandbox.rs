//! Rankings end to end, against the sandbox.

use backhaul::sandbox::{Options, Quirk};

use crate::support::{TestContext, today, unlimited};

const LINKS: &str = "site-explorer/all-backlinks";
const LINK_COLUMNS: [&str; 7] = [
    "url_from",
    "url_to",
    "domain_rating_source",
    "first_seen_link",
    "anchor",
    "link_type",
    "last_seen",
];
const LINK_ORDER: &str = "domain_rating_source:desc,first_seen_link:asc,url_from:asc,url_to:asc,anchor:asc,link_type:asc";

/// The result of a ranking.
struct Ranked {
    context: TestContext,
    report: serde_json::Value,
    evidence: serde_json::Value,
    /// Rows received, without those of probes.
    received: u64,
    requests: u64,
}

fn ranked(options: Options, endpoint: &str, columns: &[&str], top: &str, lines: &str) -> Ranked {
    let context = TestContext::new(options);
    context.configure(&format!(
        "[[report]]\nname = \"ranking\"\nendpoint = \"{endpoint}\"\ncolumns = {columns:?}\ntop = {top}\n{lines}\n"
    ));
    context.backhaul(&["check", "--live"]).expect(0);
    let before = context.stats();
    let report = context.run().expect(0).json();
    let after = context.stats();
    context.backhaul(&["verify"]).expect(0);
    let (mut states, folder) = (
        Vec::new(),
        context.destination().join("_backhaul/tables/ranking"),
    );
    for entry in std::fs::read_dir(folder).unwrap() {
        states.push(std::fs::read_to_string(entry.unwrap().path()).unwrap());
    }
    let state: serde_json::Value = serde_json::from_str(&states[0]).unwrap();
    let evidence = state["committed"]["tasks"][0]["evidence"].clone();
    let (received, requests) = (after.rows - before.rows, after.requests - before.requests);
    Ranked {
        context,
        report,
        evidence,
        received,
        requests,
    }
}

impl Ranked {
    /// The table equals the first rows of one uncapped answer in the same order.
    fn assert_equals(
        &self,
        endpoint: &str,
        columns: &[&str],
        order: &str,
        rows: &str,
        query: &[(&str, &str)],
    ) {
        let columns: Vec<String> = columns.iter().map(|name| (*name).to_owned()).collect();
        let mut all = vec![
            ("target", "acme.com"),
            ("mode", "subdomains"),
            ("protocol", "both"),
            ("order_by", order),
        ];
        all.extend(query);
        all.push(("limit", rows));
        let expected = self.context.oracle_rows(endpoint, &columns, &all);
        let exported = self.context.table_rows("ranking", endpoint, &columns);
        assert_eq!(exported.len(), expected.len(), "{}", self.report);
        assert_eq!(exported, expected);
        // Once more from what was saved.
        self.context.backhaul(&["rebuild"]).expect(0);
        assert_eq!(
            self.context.table_rows("ranking", endpoint, &columns),
            expected
        );
    }
}

#[test]
fn without_a_cap_a_ranking_is_one_request_of_its_rows() {
    let top = "{ by = \"domain_rating_source\", rows = 700 }";
    let ran = ranked(
        unlimited(5_000),
        LINKS,
        &LINK_COLUMNS,
        top,
        "aggregation = \"all\"",
    );
    assert_eq!((ran.received, ran.requests), (700, 1));
    assert_eq!(ran.evidence["status"], "complete");
    assert!(
        ran.evidence.get("best_effort").is_none(),
        "{}",
        ran.evidence
    );
    let query = [("history", "live"), ("aggregation", "all")];
    ran.assert_equals(LINKS, &LINK_COLUMNS, LINK_ORDER, "700", &query);
    let again = ran.context.run().expect(0).json();
    assert_eq!(again["requests"], 0, "{again}");
}

#[test]
fn behind_a_cap_a_ranking_continues_and_is_marked_as_best_effort() {
    let top = "{ by = \"domain_rating_source\", rows = 1000 }";
    let options = Options {
        row_cap: Some(100),
        ..unlimited(5_000)
    };
    let ran = ranked(options, LINKS, &LINK_COLUMNS, top, "aggregation = \"all\"");
    assert_eq!(ran.evidence["status"], "complete");
    assert_eq!(ran.evidence["best_effort"], "ranking_over_pages");
    assert!(
        ran.received <= 1_000 + 100,
        "{} rows were received",
        ran.received
    );
    assert_eq!(ran.report["rows"], 1_000);
    let query = [("history", "live"), ("aggregation", "all")];
    ran.assert_equals(LINKS, &LINK_COLUMNS, LINK_ORDER, "1000", &query);
}

#[test]
fn grouped_links_are_ranked_by_what_is_equal_within_a_group_and_else_capped() {
    let options = || Options {
        row_cap: Some(250),
        ..unlimited(4_000)
    };
    let columns = [
        "root_name_source",
        "domain_rating_source",
        "url_rating_source",
    ];
    let ran = ranked(
        options(),
        LINKS,
        &columns,
        "{ by = \"domain_rating_source\", rows = 600 }",
        "",
    );
    assert_eq!(ran.evidence["status"], "complete", "{}", ran.evidence);
    let order = "domain_rating_source:desc,root_name_source:asc";
    let expected = ran.context.oracle_rows(
        LINKS,
        &["domain_rating_source".to_owned()],
        &[
            ("target", "acme.com"),
            ("history", "live"),
            ("order_by", order),
            ("limit", "600"),
        ],
    );
    let mut expected: Vec<f64> = expected.iter().map(|row| row[0].parse().unwrap()).collect();
    expected.sort_by(|left, right| right.total_cmp(left));
    let exported = ran
        .context
        .table_rows("ranking", LINKS, &["domain_rating_source".to_owned()]);
    let mut exported: Vec<f64> = exported.iter().map(|row| row[0].parse().unwrap()).collect();
    exported.sort_by(|left, right| right.total_cmp(left));
    assert_eq!(exported, expected);
    let ran = ranked(
        options(),
        LINKS,
        &columns,
        "{ by = \"url_rating_source\", rows = 600 }",
        "",
    );
    assert_eq!(
        ran.evidence["status"]["capped"]["assumption"], "filter_before_group",
        "{}",
        ran.evidence
    );
    assert_eq!(ran.report["rows"], 250);
}

#[test]
fn an_operation_without_a_key_or_a_filter_is_ranked_as_far_as_possible() {
    let options = || Options {
        row_cap: Some(250),
        ..unlimited(2_000)
    };
    let competitors = "site-explorer/organic-competitors";
    let top = "{ by = \"domain_rating\", rows = 600 }";
    let columns = ["competitor_domain", "domain_rating"];
    let ran = ranked(
        options(),
        competitors,
        &columns,
        top,
        "countries = [\"us\"]",
    );
    assert_eq!(ran.evidence["status"], "complete", "{}", ran.evidence);
    assert_eq!(ran.report["rows"], 600);
    let top = "{ by = \"http_code\", rows = 600 }";
    let ran = ranked(
        options(),
        "site-explorer/crawled-pages",
        &["url", "http_code"],
        top,
        "",
    );
    assert_eq!(
        ran.evidence["status"]["capped"], "ranking_not_filterable",
        "{}",
        ran.evidence
    );
    assert_eq!(ran.report["rows"], 250);
    assert!(
        ran.report["notes"]
            .to_string()
            .contains("ranking acme: capped by ranking_not_filterable")
    );
}

#[test]
fn rows_without_a_value_rank_last() {
    let keywords = "site-explorer/organic-keywords";
    let top = "{ by = \"volume\", rows = 2000 }";
    let columns = [
        "keyword_merged",
        "volume",
        "keyword_country",
        "language",
        "words_merged",
    ];
    let options = Options {
        row_cap: Some(250),
        ..unlimited(1_000)
    };
    let ran = ranked(options, keywords, &columns, top, "countries = [\"us\"]");
    assert_eq!(ran.evidence["status"], "complete", "{}", ran.evidence);
    let today = today().to_string();
    let query = [("country", "us"), ("date", today.as_str())];
    ran.assert_equals(keywords, &columns, "volume:desc", "2000", &query);
    assert_eq!(ran.report["rows"], 1_000);
}

#[test]
fn quirks_never_make_a_wrong_ranking() {
    for quirk in Quirk::ALL {
        let context = TestContext::new(Options {
            row_cap: Some(250),
            quirks: vec![quirk],
            ..unlimited(2_000)
        });
        context.configure(&format!(
            "[[report]]\nname = \"ranking\"\nendpoint = \"{LINKS}\"\ncolumns = {LINK_COLUMNS:?}\n\
             aggregation = \"all\"\ntop = {{ by = \"domain_rating_source\", rows = 600 }}\n"
        ));
        let report = context.run().json();
        let tasks = &report["reports"][0]["tasks"];
        if tasks["complete"] == 1 {
            let columns: Vec<String> = ["domain_rating_source".to_owned()].into();
            let query = [
                ("target", "acme.com"),
                ("history", "live"),
                ("aggregation", "all"),
            ];
            let values = |rows: Vec<Vec<String>>| {
                let mut values: Vec<f64> = rows
                    .iter()
                    .map(|row| row[0].parse().unwrap_or(-1.0))
                    .collect();
                values.sort_by(|left, right| right.total_cmp(left));
                values
            };
            let expected = values(context.oracle_rows(LINKS, &columns, &query));
            assert_eq!(
                values(context.table_rows("ranking", LINKS, &columns)),
                expected[..600],
                "{quirk}"
            );
        } else {
            assert!(
                tasks["capped"] == 1 || tasks["failed"] == 1,
                "{quirk}: {report}"
            );
        }
    }
}
