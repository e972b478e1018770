//! What the program exists for: under faults, caps and ties, the rows of a table equal those of one uncapped answer of a
//! source without faults, value for value and duplicate for duplicate.

use crate::support::{TestContext, preset, unlimited};
use backhaul::sandbox::{Options, Quirk};

const FAULTS: &str = "429=0.05,500=0.02,reset=0.02,truncate=0.02,html=0.02";

const REPORTS: [(&str, &str, &str); 6] = [
    ("links", "site-explorer/all-backlinks", "aggregation = \"all\""),
    ("similar", "site-explorer/all-backlinks", "aggregation = \"similar_links\""),
    ("per_domain", "site-explorer/all-backlinks", "aggregation = \"1_per_domain\""),
    ("refdomains", "site-explorer/refdomains", ""),
    ("anchors", "site-explorer/anchors", ""),
    ("keywords", "site-explorer/organic-keywords", "countries = [\"us\"]"),
];

fn configure(context: &TestContext) {
    let report = |(name, endpoint, line): &(&str, &str, &str)| {
        format!("[[report]]\nname = \"{name}\"\nendpoint = \"{endpoint}\"\ncolumns = [\"standard\"]\n{line}\n\n")
    };
    context.configure(&REPORTS.iter().map(report).collect::<String>());
}

fn oracle(context: &TestContext, name: &str, endpoint: &str) -> Vec<Vec<String>> {
    let today = chrono::Utc::now().date_naive().to_string();
    let mut query = vec![("target", "acme.com"), ("mode", "subdomains"), ("protocol", "both"), ("history", "live")];
    match name {
        "links" => query.push(("aggregation", "all")),
        "similar" => query.push(("aggregation", "similar_links")),
        "per_domain" => query.push(("aggregation", "1_per_domain")),
        "keywords" => query.extend([("country", "us"), ("date", today.as_str())]),
        _ => {}
    }
    context.oracle_rows(endpoint, &preset(endpoint, "standard"), &query)
}

fn assert_equal(context: &TestContext, name: &str, endpoint: &str) {
    let exported = context.table_rows(name, endpoint, &preset(endpoint, "standard"));
    let expected = oracle(context, name, endpoint);
    assert!(expected.len() > 100, "{name}: {} rows prove little", expected.len());
    assert_eq!(exported.len(), expected.len(), "{name}");
    for (exported, expected) in exported.iter().zip(&expected) {
        assert_eq!(exported, expected, "{name}");
    }
}

fn every_table_equals_one_uncapped_answer(options: Options) {
    let context = TestContext::new(Options { faults: FAULTS.parse().unwrap(), ..options });
    configure(&context);
    let report = context.run().expect(0).json();
    assert!(report["retries"].as_u64().unwrap() > 0, "no fault struck: {report}");
    for (table, (name, endpoint, _)) in report["reports"].as_array().unwrap().iter().zip(&REPORTS) {
        assert_eq!(table["tasks"]["complete"], 1, "{table}");
        assert_equal(&context, name, endpoint);
    }
    context.backhaul(&["verify"]).expect(0);
}

#[test]
fn rows_equal_one_uncapped_answer_behind_a_cap_of_500() {
    every_table_equals_one_uncapped_answer(Options { row_cap: Some(500), ..unlimited(50_000) });
}

#[test]
fn rows_equal_one_uncapped_answer_behind_a_cap_of_100() {
    every_table_equals_one_uncapped_answer(Options { row_cap: Some(100), ..unlimited(6_000) });
}

#[test]
fn rows_equal_one_uncapped_answer_where_400_rows_share_each_leading_key() {
    every_table_equals_one_uncapped_answer(Options { row_cap: Some(500), ties: Some(400), ..unlimited(8_000) });
}

#[test]
fn a_night_that_failed_half_way_is_finished_without_buying_a_row_twice() {
    let mut context = TestContext::new(Options { row_cap: Some(250), ..unlimited(5_000) });
    configure(&context);
    context.backhaul(&["run", "--json", "--max-units", "60000"]).expect(4);
    let first = context.stats();
    assert!(first.units > 0);
    let text = std::fs::read_to_string(context.folder.path().join("backhaul.toml")).unwrap();
    let second_report = context.run().expect(0).json();
    let total = context.stats().units;
    for (name, endpoint, _) in &REPORTS {
        assert_equal(&context, name, endpoint);
    }
    // The same night without an interruption, elsewhere.
    context.restart(Options { row_cap: Some(250), ..unlimited(5_000) });
    std::fs::remove_dir_all(context.destination()).unwrap();
    configure(&context);
    assert_ne!(text, std::fs::read_to_string(context.folder.path().join("backhaul.toml")).unwrap());
    context.run().expect(0);
    let undisturbed = context.stats().units;
    // A page that was made smaller to fit what was left of the budget reads one group again: at most one a task.
    let slack = 250 * 40 * 6;
    assert!(total <= undisturbed + slack, "{total} units in two runs, {undisturbed} in one: {second_report}");
}

/// Assumptions of paging that a quirk makes false: the outcome may be complete and right, capped and named, or an error.
/// A table that counts as complete and is wrong is never among them.
#[test]
fn a_false_assumption_never_makes_a_wrong_table() {
    for name in [
        "filter_order_is_byte_order",
        "cap_floor_100",
        "cap_after_order",
        "filter_before_group",
        "where_honoured",
        "ignored_order",
        "wide_groups",
        "round_trip",
        "null_keys",
        "where_ignored",
        "short_answers",
        "intermittent_cap",
    ] {
        let quirk: Quirk = name.parse().unwrap();
        let context = TestContext::new(Options { row_cap: Some(250), quirks: vec![quirk], ..unlimited(2_000) });
        configure(&context);
        let ran = context.run();
        assert!([0, 1, 3].contains(&ran.code), "{name}: {ran:?}");
        let report = ran.json();
        for (table, (of, endpoint, _)) in report["reports"].as_array().unwrap().iter().zip(&REPORTS) {
            let count = |status: &str| table["tasks"][status].as_u64().unwrap();
            assert_eq!(count("complete") + count("capped") + count("failed"), 1, "{name}: {table}");
            if count("complete") == 1 {
                assert_equal(&context, of, endpoint);
            }
            if count("capped") == 1 {
                let named = format!("{of} acme: capped by ");
                assert!(report["notes"].to_string().contains(&named), "{name}: {}", report["notes"]);
            }
            if count("failed") == 1 {
                assert!(ran.stderr.contains("error[BH-"), "{name}: {}", ran.stderr);
            }
        }
    }
}
