//! What is asked by several tasks of a night is bought once, and many small look-ups go in few requests: with the same
//! rows, and never twice, whatever ends the process.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::process::Stdio;

use backhaul::sandbox::{Options, Quirk};
use serde_json::Value as Json;

use crate::support::{TestContext, canonical_arrow, parquet_files, read_rows, unlimited};

const ANCHORS: &str = "[[report]]\nname = \"anchors\"\nendpoint = \"site-explorer/anchors\"\ncolumns = [\"minimal\"]\n\n";
const RATING: &str =
    "[[report]]\nname = \"rating\"\nendpoint = \"site-explorer/domain-rating\"\n\n";
const BATCH: &str = "[[report]]\nname = \"overview\"\nendpoint = \"batch-analysis/batch-analysis\"\n\
                     columns = [\"url\", \"domain_rating\", \"refdomains\"]\n\n";
const BATCH_ANALYSIS: &str = "batch-analysis/batch-analysis";
const DOMAIN_RATING: &str = "site-explorer/domain-rating";

/// Five clients who watch one competitor, each under a name of its own.
fn five_clients() -> String {
    (0..5).fold(String::new(), |mut text, client| {
        let _ = write!(
            text,
            "[[target]]\nname = \"client{client}-rival\"\nurl = \"rival.org\"\n\n"
        );
        text
    })
}

fn sites(number: usize) -> String {
    (0..number).fold(String::new(), |mut text, site| {
        let _ = write!(
            text,
            "[[target]]\nname = \"site{site}\"\nurl = \"site{site}.com\"\n\n"
        );
        text
    })
}

/// A table of the program, or a partition, as maps from column to text.
fn told(context: &TestContext, table: &str) -> Vec<BTreeMap<String, String>> {
    let mut rows = Vec::new();
    for file in parquet_files(&context.destination().join(table)) {
        for batch in backhaul::sink::read_batches(&file, None).unwrap() {
            let batch = batch.unwrap();
            for row in 0..batch.num_rows() {
                let names = batch
                    .schema()
                    .fields()
                    .iter()
                    .map(|field| field.name().clone())
                    .collect::<Vec<_>>();
                let cell =
                    |name: &String| canonical_arrow(batch.column_by_name(name).unwrap(), row);
                rows.push(
                    names
                        .iter()
                        .map(|name| (name.clone(), cell(name).trim_matches('"').to_owned()))
                        .collect(),
                );
            }
        }
    }
    rows
}

/// Units that `coverage` says the tasks cost.
fn covered_units(context: &TestContext) -> u64 {
    told(context, "coverage")
        .iter()
        .map(|row| row["units"].parse::<u64>().unwrap())
        .sum()
}

/// Requests and units that something takes.
fn bought<T>(context: &TestContext, what: impl FnOnce() -> T) -> (u64, u64) {
    let before = context.stats();
    what();
    let after = context.stats();
    (after.requests - before.requests, after.units - before.units)
}

fn requests(context: &TestContext, endpoint: &str) -> u64 {
    context
        .stats()
        .endpoints
        .get(endpoint)
        .map_or(0, |stats| stats.requests)
}

/// The values of some columns of a table, by target.
fn by_target(
    context: &TestContext,
    table: &str,
    columns: &[&str],
) -> BTreeMap<String, Vec<String>> {
    let values = |row: &BTreeMap<String, String>| {
        columns.iter().map(|column| row[*column].clone()).collect()
    };
    told(context, table)
        .iter()
        .map(|row| (row["_target"].clone(), values(row)))
        .collect()
}

fn errors(report: &Json) -> Vec<Json> {
    report["errors"].as_array().cloned().unwrap_or_default()
}

#[test]
fn a_competitor_of_five_clients_is_bought_once_and_stands_under_all_five() {
    let context = TestContext::new(Options {
        row_cap: Some(250),
        ..unlimited(1_200)
    });
    context.configure_with(
        "[[target]]\nname = \"alone\"\nurl = \"rival.org\"\n",
        ANCHORS,
    );
    context.backhaul(&["check", "--live"]).expect(0);
    let alone = bought(&context, || context.run().expect(0));
    let rows = told(&context, "anchors").len();
    std::fs::remove_dir_all(context.destination()).unwrap();
    let mut context = context;
    context.restart(Options {
        row_cap: Some(250),
        ..unlimited(1_200)
    });
    let second = ANCHORS.replace("\"anchors\"", "\"again\"");
    context.configure_with(&five_clients(), &format!("{ANCHORS}{second}"));
    context.backhaul(&["check", "--live"]).expect(0);
    assert_eq!(bought(&context, || context.run().expect(0)), alone);
    let stats = context.stats();
    assert_eq!(stats.cache_hits, 0);
    for table in ["anchors", "again"] {
        let counts = told(&context, table).iter().fold(
            BTreeMap::new(),
            |mut counts: BTreeMap<_, usize>, row| {
                *counts.entry(row["_target"].clone()).or_default() += 1;
                counts
            },
        );
        assert_eq!(counts.len(), 5);
        assert!(counts.values().all(|count| *count == rows), "{counts:?}");
    }
    assert_eq!(covered_units(&context), stats.units);
    let copied = told(&context, "coverage")
        .iter()
        .filter(|row| row["evidence"].contains("answers_of_task"))
        .count();
    assert_eq!(copied, 9);
    context.backhaul(&["verify"]).expect(0);
    context.run().expect(0);
    assert_eq!(context.stats().requests, stats.requests, "complete");
    let before = read_rows(&context.destination().join("again"));
    std::fs::remove_file(&parquet_files(&context.destination().join("again"))[0]).unwrap();
    context
        .backhaul(&["rebuild", "--report", "again"])
        .expect(0);
    assert_eq!(
        read_rows(&context.destination().join("again")),
        before,
        "from copies that lie beside it"
    );
}

#[test]
fn a_task_that_comes_later_in_the_night_gets_what_was_bought_and_refetching_buys_once() {
    let context = TestContext::new(unlimited(300));
    context.configure_with(
        "[[target]]\nname = \"first\"\nurl = \"rival.org\"\n",
        ANCHORS,
    );
    context.backhaul(&["check", "--live"]).expect(0);
    let (once, _) = bought(&context, || context.run().expect(0));
    let requests = context.stats().requests;
    context.configure_with(
        "[[target]]\nname = \"first\"\nurl = \"rival.org\"\n[[target]]\nname = \"later\"\nurl = \"rival.org\"\n",
        ANCHORS,
    );
    let estimate: Json =
        serde_json::from_str(&context.backhaul(&["estimate", "--json"]).expect(0).stdout).unwrap();
    assert_eq!(estimate["units"].as_u64(), Some(0), "{estimate}");
    let report = context.run().expect(0).json();
    assert_eq!(
        (report["units"].as_u64(), context.stats().requests),
        (Some(0), requests),
        "{report}"
    );
    assert_eq!(told(&context, "anchors").len(), 2 * 300);
    let report = context
        .backhaul(&["run", "--json", "--refetch"])
        .expect(0)
        .json();
    assert_eq!(
        report["reports"][0]["tasks"]["complete"].as_u64(),
        Some(2),
        "{report}"
    );
    assert_eq!(context.stats().requests, requests + once);
    assert_eq!(told(&context, "anchors").len(), 2 * 300);
    context.backhaul(&["verify"]).expect(0);
}

#[test]
fn ratings_of_300_sites_are_three_requests_with_the_rows_of_single_ones() {
    let context = TestContext::new(unlimited(10));
    context.configure_with(&sites(300), RATING);
    let checked = context.backhaul(&["check", "--offline"]).expect(0).stdout;
    assert!(checked.contains("at most 900 units"), "{checked}");
    let dry = context.backhaul(&["run", "--dry-run"]).expect(0).stdout;
    assert!(
        dry.contains("300 tasks would be fetched, at most 900 units"),
        "{dry}"
    );
    let estimate: Json =
        serde_json::from_str(&context.backhaul(&["estimate", "--json"]).expect(0).stdout).unwrap();
    let told_before = (
        estimate["units"].as_u64(),
        estimate["requests"].as_u64(),
        estimate["rows"].as_u64(),
    );
    assert_eq!(told_before, (Some(900), Some(3), Some(300)), "{estimate}");
    let report = context.run().expect(0).json();
    let stats = context.stats();
    assert_eq!(
        (stats.requests, stats.units, stats.rows),
        (3, 900, 300),
        "{report}"
    );
    assert_eq!(
        (
            report["units"].as_u64(),
            report["reports"][0]["units"].as_u64()
        ),
        (Some(900), Some(900))
    );
    assert_eq!(covered_units(&context), 900);
    let evidence = &told(&context, "coverage")[0]["evidence"];
    assert!(
        evidence.contains("batch-analysis/batch-analysis") && evidence.contains("100"),
        "{evidence}"
    );
    let packed = by_target(&context, "rating", &["domain_rating", "ahrefs_rank"]);
    let site = &packed["site7"];
    let answer = context.ask_oracle(
        DOMAIN_RATING,
        &[
            ("target", "site7.com"),
            ("date", &chrono::Utc::now().date_naive().to_string()),
            ("output", "json"),
        ],
    );
    let rating = &answer["domain_rating"];
    assert_eq!(
        site[0],
        format!("{:?}", rating["domain_rating"].as_f64().unwrap())
    );
    assert_eq!(
        site[1],
        rating["ahrefs_rank"]
            .as_i64()
            .map_or("null".to_owned(), |rank| rank.to_string())
    );
    context.backhaul(&["verify"]).expect(0);
    let before = read_rows(&context.destination().join("rating"));
    context.backhaul(&["rebuild"]).expect(0);
    assert_eq!(read_rows(&context.destination().join("rating")), before);
    assert_eq!(context.run().expect(0).json()["requests"].as_u64(), Some(0));
    let usage: Json =
        serde_json::from_str(&context.backhaul(&["usage", "--json"]).expect(0).stdout).unwrap();
    assert_eq!(usage["here"]["units"].as_u64(), Some(900), "{usage}");
    assert_eq!(usage["by_endpoint"][0]["name"], BATCH_ANALYSIS, "{usage}");
    // The same, where the plan has no such request.
    let mut context = context;
    std::fs::remove_dir_all(context.destination()).unwrap();
    context.restart(Options {
        quirks: vec![Quirk::PlanWithoutBatch],
        ..unlimited(10)
    });
    context.configure_with(&sites(300), RATING);
    let report = context.run().expect(0).json();
    assert_eq!(
        report["notes"]
            .to_string()
            .matches("does not include requests for many")
            .count(),
        1,
        "{report}"
    );
    assert_eq!(context.stats().units, 300 * 50);
    assert_eq!(
        by_target(&context, "rating", &["domain_rating", "ahrefs_rank"]),
        packed
    );
}

#[test]
fn what_is_bought_together_counts_once_on_every_later_night_too() {
    let context = TestContext::new(unlimited(10));
    context.configure_with(&sites(100), RATING);
    let fit = context
        .backhaul(&["estimate", "--json", "--fit", "1000"])
        .expect(0)
        .json()["fit"]
        .clone();
    assert_eq!(
        (&fit["units"], &fit["later"], &fit["fits"]),
        (&300.into(), &300.into(), &true.into()),
        "{fit}"
    );
    let second = ANCHORS.replace("\"anchors\"", "\"again\"");
    let bounded = |text: &str| text.replace("\n\n", "\nmax_rows = 200\n\n");
    context.configure_with("[[target]]\nurl = \"rival.org\"\n", &bounded(ANCHORS));
    let alone = context
        .backhaul(&["estimate", "--json", "--fit", "1"])
        .expect(0)
        .json()["fit"]
        .clone();
    context.configure_with(&five_clients(), &bounded(&format!("{ANCHORS}{second}")));
    let fit = context
        .backhaul(&["estimate", "--json", "--fit", "1"])
        .expect(0)
        .json()["fit"]
        .clone();
    assert_eq!(
        (&fit["units"], &fit["later"]),
        (&alone["units"], &alone["later"]),
        "{fit}"
    );
    // Of a history the first load is paid once.
    let history = "[[report]]\nname = \"traffic\"\nendpoint = \"site-explorer/metrics-history\"\n\
                   columns = [\"org_traffic\"]\nsince = \"2020-01-01\"\nhistory_grouping = \"daily\"\n\n";
    context.configure_with("[[target]]\nurl = \"rival.org\"\n", history);
    let fit = context
        .backhaul(&["estimate", "--json", "--fit", "1000"])
        .expect(0)
        .json()["fit"]
        .clone();
    assert!(fit["units"].as_u64().unwrap() > 20_000, "{fit}");
    assert_eq!(fit["later"], 99, "eight days and the night");
}

#[test]
fn a_report_on_batch_analysis_is_one_task_a_target_and_few_requests() {
    let context = TestContext::new(unlimited(10));
    context.configure_with(&sites(101), BATCH);
    context.run().expect(0);
    // Two halves: index 1, url 1, domain_rating 1, refdomains 5.
    assert_eq!(
        (context.stats().requests, context.stats().units),
        (2, 101 * 8)
    );
    assert_eq!(covered_units(&context), 101 * 8);
    let packed = by_target(
        &context,
        "overview",
        &["url", "domain_rating", "refdomains"],
    );
    assert_eq!(packed["site100"][0], "site100.com/");
    let one = TestContext::new(unlimited(10));
    one.configure_with(
        "[[target]]\nname = \"site100\"\nurl = \"site100.com\"\n",
        BATCH,
    );
    one.run().expect(0);
    assert_eq!((one.stats().requests, one.stats().units), (1, 50));
    assert_eq!(
        by_target(&one, "overview", &["url", "domain_rating", "refdomains"])["site100"],
        packed["site100"]
    );
}

#[test]
fn columns_that_stand_in_a_body_are_not_taken_for_removed_ones() {
    let context = TestContext::new(unlimited(10));
    let reports = [BATCH.trim_end(), "on_removed_column = \"null\"\n\n"].join("\n");
    context.configure_with(&sites(3), BATCH);
    context.run().expect(0);
    let expected = by_target(
        &context,
        "overview",
        &["url", "domain_rating", "refdomains"],
    );
    std::fs::remove_dir_all(context.destination()).unwrap();
    context.configure_with(&sites(3), &reports);
    let report = context.run().expect(0).json();
    assert_eq!(
        by_target(
            &context,
            "overview",
            &["url", "domain_rating", "refdomains"]
        ),
        expected,
        "{report}"
    );
    context.backhaul(&["rebuild"]).expect(0);
    assert_eq!(
        by_target(
            &context,
            "overview",
            &["url", "domain_rating", "refdomains"]
        ),
        expected
    );
}

#[test]
fn a_bad_target_fails_alone_whether_or_not_it_is_named() {
    for quirks in [vec![], vec![Quirk::UnnamedTarget]] {
        let is_named = quirks.is_empty();
        let context = TestContext::new(Options {
            quirks,
            ..unlimited(10)
        });
        context.configure_with(
            &format!(
                "{}[[target]]\nname = \"bad\"\nurl = \"bad.com.\"\n",
                sites(40)
            ),
            RATING,
        );
        let report = context.run().expect(3).json();
        let errors = errors(&report);
        assert_eq!(errors.len(), 1, "{report}");
        assert_eq!(
            (errors[0]["code"].as_str(), errors[0]["target"].as_str()),
            (Some("BH-REFUSED"), Some("bad"))
        );
        assert!(
            errors[0]["message"]
                .as_str()
                .unwrap()
                .contains("bad target: bad.com."),
            "{report}"
        );
        assert_eq!(told(&context, "rating").len(), 40);
        let stats = context.stats();
        if is_named {
            assert_eq!(
                (stats.units, stats.requests),
                (120, 3),
                "refused, served, and the bad one alone"
            );
        }
        assert_eq!(covered_units(&context), stats.units);
    }
}

#[test]
fn a_row_that_is_missing_fails_its_target_and_rows_that_cannot_be_told_apart_fail_all() {
    let context = TestContext::new(Options {
        quirks: vec![Quirk::MissingRow],
        ..unlimited(10)
    });
    context.configure_with(&sites(30), RATING);
    let report = context.run().expect(3).json();
    let found = errors(&report);
    assert_eq!(found.len(), 1, "{report}");
    assert_eq!(found[0]["target"], "site1");
    assert!(
        found[0]["message"]
            .as_str()
            .unwrap()
            .contains("no row of this one"),
        "{report}"
    );
    assert_eq!(told(&context, "rating").len(), 29);
    assert_eq!(covered_units(&context), context.stats().units);
    let context = TestContext::new(Options {
        quirks: vec![Quirk::RepeatedIndex],
        ..unlimited(10)
    });
    context.configure_with(&sites(30), RATING);
    let report = context.run().expect(1).json();
    assert!(
        report["errors"]
            .to_string()
            .contains("cannot be told apart"),
        "{report}"
    );
    assert!(parquet_files(&context.destination().join("rating")).is_empty());
    assert_eq!(
        report["units"].as_u64(),
        Some(context.stats().units),
        "{report}"
    );
}

#[test]
fn a_budget_too_small_for_a_pack_buys_a_smaller_one() {
    let context = TestContext::new(unlimited(10));
    context.configure_with(&sites(90), RATING);
    context
        .backhaul(&["run", "--json", "--max-units", "100"])
        .expect(4);
    assert_eq!(
        (context.stats().units, told(&context, "rating").len()),
        (99, 33)
    );
    context.run().expect(0);
    assert_eq!(
        (context.stats().units, told(&context, "rating").len()),
        (270, 90)
    );
    assert_eq!(covered_units(&context), 270);
    // A target with a budget of its own pays a request of its own.
    let context = TestContext::new(unlimited(10));
    context.configure_with(&sites(30), RATING);
    let path = context.folder.path().join("backhaul.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    context.write_configuration(
        &text.replace("[budget]\n", "[budget]\nper_target = { site3 = 49 }\n"),
    );
    let report = context.run().expect(4).json();
    assert_eq!(
        report["reports"][0]["tasks"]["stopped"].as_u64(),
        Some(1),
        "{report}"
    );
    assert_eq!(context.stats().units, 29 * 3);
}

/// Kills the run at steps of saving, dividing and copying, and again in the run that goes on: nothing is bought twice,
/// nothing is lost. One lot at a time, so that no answer is in flight when the process ends.
fn killed_at_any_step(targets: &str, reports: &str, table: &str, steps: &[&str]) {
    let start = || {
        let context = TestContext::new(unlimited(150));
        context.configure_with(targets, reports);
        context.backhaul(&["check", "--live"]).expect(0);
        context
    };
    let undisturbed = start();
    let (expected_requests, _) = bought(&undisturbed, || undisturbed.run().expect(0));
    let expected = undisturbed.stats();
    let rows = told(&undisturbed, table).len();
    for step in steps {
        let mut context = start();
        context.env("BACKHAUL_TEST_CRASH_AT", step);
        assert_eq!(context.backhaul(&["run"]).code, -1, "{step} is passed");
        context.backhaul(&["run"]);
        context.unset("BACKHAUL_TEST_CRASH_AT");
        context.run().expect(0);
        assert_eq!(context.stats(), expected, "{step}");
        assert_eq!(told(&context, table).len(), rows, "{step}");
        assert_eq!(covered_units(&context), expected.units, "{step}");
        let packs = context.destination().join("_backhaul/responses/packs");
        assert!(packs.read_dir().map_or(0, Iterator::count) == 0, "{step}");
        context.backhaul(&["verify"]).expect(0);
        let usage = context.backhaul(&["usage", "--json"]).expect(0);
        let usage: Json = serde_json::from_str(&usage.stdout).unwrap();
        assert_eq!(
            usage["here"]["requests"].as_u64(),
            Some(expected_requests),
            "{step}: {usage}"
        );
        assert_eq!(
            usage["here"]["units"].as_u64(),
            Some(expected.units),
            "{step}: {usage}"
        );
    }
}

#[test]
fn a_run_that_is_killed_while_a_pack_is_divided_buys_nothing_twice() {
    let steps = [
        "pack.saved",
        "pack.divided",
        "pack.divided:4",
        "pack.removed",
        "landing.attempt:3",
        "landing.received:2",
        "landing.saved",
        "landing.saved:5",
        "durable.renamed:9",
    ];
    let targets = format!(
        "{}[[target]]\nname = \"twin\"\nurl = \"site0.com\"\n",
        sites(6)
    );
    killed_at_any_step(&targets, RATING, "rating", &steps);
}

#[test]
fn what_a_killed_run_left_in_a_pack_is_not_estimated_as_unpaid() {
    for step in ["pack.saved", "pack.divided:2", "pack.removed"] {
        let mut context = TestContext::new(unlimited(10));
        context.configure_with(&sites(6), RATING);
        context.env("BACKHAUL_TEST_CRASH_AT", step);
        assert_eq!(context.backhaul(&["run"]).code, -1, "{step} is passed");
        context.unset("BACKHAUL_TEST_CRASH_AT");
        let estimate = context.backhaul(&["estimate", "--json"]).expect(0).json();
        assert_eq!(
            (&estimate["units"], &estimate["requests"]),
            (&0.into(), &0.into()),
            "{step}: {estimate}"
        );
        let units = context.stats().units;
        assert_eq!(
            (
                context.run().expect(0).json()["units"].as_u64(),
                context.stats().units
            ),
            (Some(0), units)
        );
    }
}

#[test]
fn a_run_that_is_killed_while_answers_are_copied_buys_nothing_twice() {
    let steps = [
        "landing.saved",
        "landing.saved:3",
        "twin.copied",
        "twin.copied:2",
        "landing.attempt:2",
        "landing.received:4",
    ];
    killed_at_any_step(&five_clients(), ANCHORS, "anchors", &steps);
}

#[test]
fn two_processes_that_ask_the_same_for_different_tables_buy_it_once() {
    let context = TestContext::new(unlimited(400));
    let second = ANCHORS.replace("\"anchors\"", "\"again\"");
    context.configure_with(&five_clients(), &format!("{ANCHORS}{second}{RATING}"));
    context.backhaul(&["check", "--live"]).expect(0);
    let start = |report: &str| {
        let mut command = context.command(&["run", "--json", "--report", report]);
        command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let running: Vec<_> = ["anchors", "again"].map(start).into();
    let codes: BTreeSet<_> = running
        .into_iter()
        .map(|child| child.wait_with_output().unwrap().status.code().unwrap())
        .collect();
    assert!(codes.iter().all(|code| [0, 5].contains(code)), "{codes:?}");
    context.run().expect(0);
    let stats = context.stats();
    let alone = TestContext::new(unlimited(400));
    alone.configure_with(
        "[[target]]\nurl = \"rival.org\"\n",
        &format!("{ANCHORS}{RATING}"),
    );
    alone.backhaul(&["check", "--live"]).expect(0);
    alone.run().expect(0);
    assert_eq!(
        (stats.cache_hits, stats.units),
        (0, alone.stats().units),
        "nothing was asked twice"
    );
    assert_eq!(
        requests(&context, DOMAIN_RATING),
        1 + 1,
        "a probe of its columns is one"
    );
    for table in ["anchors", "again"] {
        assert_eq!(told(&context, table).len(), 5 * 400);
    }
    assert_eq!(covered_units(&context), stats.units);
}

/// Files of a destination that hold a text.
fn holding(context: &TestContext, text: &str) -> Vec<std::path::PathBuf> {
    let mut left = Vec::new();
    let mut folders = vec![context.destination()];
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if String::from_utf8_lossy(&std::fs::read(&path).unwrap()).contains(text) {
                left.push(path);
            }
        }
    }
    left
}

#[test]
fn saved_answers_to_bodies_are_forgotten_though_no_record_knows_their_tasks() {
    let mut context = TestContext::new(unlimited(10));
    let overview = [BATCH.trim_end(), "countries = [\"us\", \"gb\"]\n\n"].join("\n");
    context.configure_with(&sites(3), &format!("{RATING}{overview}"));
    context.env("BACKHAUL_TEST_CRASH_AT", "pack.removed");
    assert_eq!(context.backhaul(&["run", "--report", "overview"]).code, -1);
    context.unset("BACKHAUL_TEST_CRASH_AT");
    context.backhaul(&["run", "--report", "rating"]).expect(0);
    std::fs::remove_dir_all(context.destination().join("_backhaul/nights")).unwrap();
    let two = sites(3).replace("[[target]]\nname = \"site1\"\nurl = \"site1.com\"\n\n", "");
    context.configure_with(&two, &format!("{RATING}{overview}"));
    assert!(!holding(&context, "site1.com").is_empty());
    context.backhaul(&["forget", "--target", "site1"]).expect(0);
    assert_eq!(
        holding(&context, "site1.com"),
        Vec::<std::path::PathBuf>::new()
    );
}

#[test]
fn a_target_whose_row_waits_in_a_pack_is_forgotten_with_it() {
    let mut context = TestContext::new(unlimited(10));
    context.configure_with(&sites(20), RATING);
    context.env("BACKHAUL_TEST_CRASH_AT", "pack.saved");
    context.backhaul(&["run"]);
    context.unset("BACKHAUL_TEST_CRASH_AT");
    let responses = context.destination().join("_backhaul/responses");
    assert_eq!(responses.join("packs").read_dir().unwrap().count(), 1);
    context.backhaul(&["forget", "--target", "site5"]).expect(0);
    assert!(responses.join("packs").read_dir().unwrap().next().is_none());
    let left = holding(&context, "site5.com");
    assert!(left.is_empty(), "{left:?}");
    context.configure_with(
        &sites(20).replace("[[target]]\nname = \"site5\"\nurl = \"site5.com\"\n\n", ""),
        RATING,
    );
    context.run().expect(0);
    assert_eq!(
        (
            requests(&context, BATCH_ANALYSIS),
            told(&context, "rating").len()
        ),
        (1, 19)
    );
}

#[test]
fn what_fails_for_one_of_the_clients_fails_for_all_without_being_asked_again() {
    let context = TestContext::new(Options {
        quirks: vec![Quirk::BadValue],
        ..unlimited(300)
    });
    let reports = ANCHORS.replace("[\"minimal\"]", "[\"minimal\", \"+links_to_target\"]");
    context.configure_with(&five_clients(), &format!("{reports}{RATING}"));
    let report = context.run().expect(3).json();
    assert_eq!(
        report["reports"][0]["tasks"]["failed"].as_u64(),
        Some(5),
        "{report}"
    );
    assert_eq!(
        report["reports"][1]["tasks"]["complete"].as_u64(),
        Some(5),
        "{report}"
    );
    let targets: BTreeSet<_> = errors(&report)
        .iter()
        .map(|error| error["target"].to_string())
        .collect();
    assert_eq!(targets.len(), 5, "{report}");
    assert_eq!(context.stats().cache_hits, 0);
}
