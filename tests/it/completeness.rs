//! The purpose of the program: under faults, caps and ties, the rows of a table equal those of one uncapped answer of a
//! source without faults, value for value and duplicate for duplicate.

use crate::support::{TestContext, preset, today, unlimited};
use backhaul::sandbox::{Options, Quirk};

const FAULTS: &str = "429=0.05,500=0.02,reset=0.02,truncate=0.02,html=0.02";

const REPORTS: [(&str, &str, &str); 6] = [
    (
        "links",
        "site-explorer/all-backlinks",
        "aggregation = \"all\"",
    ),
    (
        "similar",
        "site-explorer/all-backlinks",
        "aggregation = \"similar_links\"",
    ),
    (
        "per_domain",
        "site-explorer/all-backlinks",
        "aggregation = \"1_per_domain\"",
    ),
    ("refdomains", "site-explorer/refdomains", ""),
    ("anchors", "site-explorer/anchors", ""),
    (
        "keywords",
        "site-explorer/organic-keywords",
        "countries = [\"us\"]",
    ),
];

fn configure(context: &TestContext) {
    let report = |(name, endpoint, line): &(&str, &str, &str)| {
        format!(
            "[[report]]\nname = \"{name}\"\nendpoint = \"{endpoint}\"\ncolumns = [\"standard\"]\n{line}\n\n"
        )
    };
    context.configure(&REPORTS.iter().map(report).collect::<String>());
}

fn oracle(context: &TestContext, name: &str, endpoint: &str) -> Vec<Vec<String>> {
    let today = today().to_string();
    let mut query = vec![
        ("target", "acme.com"),
        ("mode", "subdomains"),
        ("protocol", "both"),
        ("history", "live"),
    ];
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
    assert!(
        expected.len() > 100,
        "{name}: {} rows prove little",
        expected.len()
    );
    assert_eq!(exported.len(), expected.len(), "{name}");
    for (exported, expected) in exported.iter().zip(&expected) {
        assert_eq!(exported, expected, "{name}");
    }
}

fn every_table_equals_one_uncapped_answer(options: Options) {
    let context = TestContext::new(Options {
        faults: FAULTS.parse().unwrap(),
        ..options
    });
    configure(&context);
    let report = context.run().expect(0).json();
    assert!(
        report["retries"].as_u64().unwrap() > 0,
        "no fault occurred: {report}"
    );
    for (table, (name, endpoint, _)) in report["reports"].as_array().unwrap().iter().zip(&REPORTS) {
        assert_eq!(table["tasks"]["complete"], 1, "{table}");
        assert_equal(&context, name, endpoint);
    }
    context.backhaul(&["verify"]).expect(0);
}

#[test]
fn rows_equal_one_uncapped_answer_behind_a_cap_of_500() {
    every_table_equals_one_uncapped_answer(Options {
        row_cap: Some(500),
        ..unlimited(50_000)
    });
}

#[test]
fn rows_equal_one_uncapped_answer_behind_a_cap_of_100() {
    every_table_equals_one_uncapped_answer(Options {
        row_cap: Some(100),
        ..unlimited(6_000)
    });
}

#[test]
fn rows_equal_one_uncapped_answer_where_400_rows_share_each_leading_key() {
    every_table_equals_one_uncapped_answer(Options {
        row_cap: Some(500),
        ties: Some(400),
        ..unlimited(8_000)
    });
}

#[test]
fn a_night_that_failed_half_way_is_finished_without_fetching_a_row_twice() {
    let mut context = TestContext::new(Options {
        row_cap: Some(250),
        ..unlimited(5_000)
    });
    configure(&context);
    context
        .backhaul(&["run", "--json", "--max-units", "60000"])
        .expect(4);
    let first = context.stats();
    assert!(first.units > 0);
    let text = std::fs::read_to_string(context.folder.path().join("backhaul.toml")).unwrap();
    let second_report = context.run().expect(0).json();
    let total = context.stats().units;
    for (name, endpoint, _) in &REPORTS {
        assert_equal(&context, name, endpoint);
    }
    // The same night without an interruption, elsewhere.
    context.restart(Options {
        row_cap: Some(250),
        ..unlimited(5_000)
    });
    std::fs::remove_dir_all(context.destination()).unwrap();
    configure(&context);
    assert_ne!(
        text,
        std::fs::read_to_string(context.folder.path().join("backhaul.toml")).unwrap()
    );
    context.run().expect(0);
    let undisturbed = context.stats().units;
    // A page that was made smaller to fit what was left of the budget reads one group again: at most one a task.
    let slack = 250 * 40 * 6;
    assert!(
        total <= undisturbed + slack,
        "{total} units in two runs, {undisturbed} in one: {second_report}"
    );
}

/// The outcome for each table, in the order of [`REPORTS`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Outcome {
    /// Complete, and equal to the oracle.
    Right,
    /// Capped, and the note names this.
    Capped(&'static str),
    /// Failed, and the error has this code and contains this text.
    Failed(&'static str, &'static str),
}

/// The outcome of every quirk. A new quirk does not compile until it is listed here.
fn expected(quirk: Quirk) -> [Outcome; 6] {
    use Outcome::{Capped, Failed, Right};
    // Without strings, tables with a date-time in their key are paged by it; grouped rows have none, and the number of
    // words that is left of a keyword's key is shared by more rows than any answer holds.
    let without_strings = |why| {
        [
            Right,
            Capped(why),
            Capped(why),
            Right,
            Right,
            Failed("BH-PAGING", "words_merged"),
        ]
    };
    match quirk {
        Quirk::FilterOrderIsByteOrder | Quirk::RoundTrip => without_strings("filter_order_is_byte_order"),
        Quirk::CapFloor100 => [Capped("cap_floor_100"); 6],
        // `missing_column` removes a column that the probe reads: nothing is known then, and nothing is paged.
        Quirk::CapAfterOrder | Quirk::IgnoredOrder | Quirk::MissingColumn => [Capped("cap_after_order"); 6],
        Quirk::WhereHonoured | Quirk::WhereIgnored => [Capped("where_honoured"); 6],
        Quirk::FilterBeforeGroup
        | Quirk::NullKeys
        | Quirk::ShortAnswers
        | Quirk::IntermittentCap
        | Quirk::UnknownColumn
        | Quirk::NullInNonNullable
        | Quirk::WideGroups
        // About requests for many targets, of which these reports send none.
        | Quirk::PlanWithoutBatch
        | Quirk::MissingRow
        | Quirk::RepeatedIndex
        | Quirk::UnnamedTarget => [Right; 6],
        Quirk::RemovedColumn => {
            let (links, others) = ("column 'is_dofollow' not found", "column 'dofollow_links' not found");
            let [link, other] = [links, others].map(|text| Failed("BH-REFUSED", text));
            [link, link, link, other, other, Right]
        }
        Quirk::BadValue => {
            let [link, other] = ["links_external", "links_to_target"].map(|column| Failed("BH-VALUE", column));
            [link, link, link, other, other, Failed("BH-VALUE", "best_position")]
        }
        Quirk::Plan => [Failed("BH-PLAN", "Insufficient plan"); 6],
    }
}

/// No quirk leads to a table that counts as complete and is wrong, and what is capped names the assumption that is
/// false: pinned for every quirk and table, so that neither a silent error nor needless caution passes.
#[test]
fn every_quirk_ends_in_a_right_table_or_names_what_is_wrong() {
    for quirk in Quirk::ALL {
        let context = TestContext::new(Options {
            row_cap: Some(250),
            quirks: vec![quirk],
            ..unlimited(3_000)
        });
        configure(&context);
        let ran = context.run();
        let report = ran.json();
        let notes = report["notes"].to_string();
        let expected = expected(quirk);
        let right = expected
            .iter()
            .filter(|outcome| **outcome == Outcome::Right)
            .count();
        let failed = expected
            .iter()
            .filter(|outcome| matches!(outcome, Outcome::Failed(..)))
            .count();
        let code = if failed == 0 {
            0
        } else if failed == expected.len() {
            1
        } else {
            3
        };
        assert_eq!(ran.code, code, "{quirk}: {ran:?}");
        for ((table, (name, endpoint, _)), outcome) in report["reports"]
            .as_array()
            .unwrap()
            .iter()
            .zip(&REPORTS)
            .zip(expected)
        {
            let tasks = &table["tasks"];
            match outcome {
                Outcome::Right => {
                    assert_eq!(tasks["complete"], 1, "{quirk} {table} {notes}");
                    assert_equal(&context, name, endpoint);
                }
                Outcome::Capped(why) => {
                    assert_eq!(tasks["capped"], 1, "{quirk} {table} {notes}");
                    let mut notes_of_run = report["notes"]
                        .as_array()
                        .unwrap()
                        .iter()
                        .map(|note| note.as_str().unwrap());
                    let (of, by) = (format!("{name} acme"), format!(": capped by {why}"));
                    assert!(
                        notes_of_run.any(|note| note.starts_with(&of) && note.ends_with(&by)),
                        "{quirk} {name}: {notes}"
                    );
                }
                Outcome::Failed(code, text) => {
                    assert_eq!(tasks["failed"], 1, "{quirk} {table} {notes}");
                    let errors = report["errors"].as_array().unwrap();
                    let error = errors
                        .iter()
                        .find(|error| error["report"] == *name)
                        .unwrap();
                    assert_eq!(error["code"], code, "{quirk} {name}");
                    assert!(
                        error["message"].as_str().unwrap().contains(text),
                        "{quirk} {name}: {error}"
                    );
                }
            }
        }
        match quirk {
            Quirk::UnknownColumn => assert!(notes.contains("sent `surprise`"), "{notes}"),
            Quirk::MissingColumn => assert!(notes.contains("not sent in"), "{notes}"),
            Quirk::NullInNonNullable | Quirk::NullKeys => {
                assert!(notes.contains("kept as null"), "{notes}");
            }
            _ => assert!(
                right + failed > 0 || notes.contains("capped by"),
                "{quirk}: the quirk had no effect"
            ),
        }
    }
}
