//! Many small look-ups go in few requests, with the same rows.

use backhaul::sandbox::{Options, Quirk};
use serde_json::Value as Json;

use super::support::{
    BATCH_ANALYSIS, DOMAIN_RATING, by_target, covered_units, errors, five_clients, holding,
    killed_at_any_step, requests, sites,
};
use crate::support::{ANCHORS, RATING, TestContext, parquet_files, read_rows, today, unlimited};

const BATCH: &str = "[[report]]\nname = \"overview\"\nendpoint = \"batch-analysis/batch-analysis\"\n\
                     columns = [\"url\", \"domain_rating\", \"refdomains\"]\n\n";

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
    let evidence = &context.text_rows("coverage")[0]["evidence"];
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
            ("date", &today().to_string()),
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
fn a_batch_is_counted_once_on_every_later_night_too() {
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
    // The first load of a history is charged once.
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
fn columns_of_a_request_body_are_not_mistaken_for_removed_ones() {
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
        assert_eq!(context.text_rows("rating").len(), 40);
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
fn a_missing_row_fails_its_target_and_ambiguous_rows_fail_all() {
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
    assert_eq!(context.text_rows("rating").len(), 29);
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
            .contains("cannot be assigned to their targets"),
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
fn a_budget_too_small_for_a_batch_requests_a_smaller_one() {
    let context = TestContext::new(unlimited(10));
    context.configure_with(&sites(90), RATING);
    context
        .backhaul(&["run", "--json", "--max-units", "100"])
        .expect(4);
    assert_eq!(
        (context.stats().units, context.text_rows("rating").len()),
        (99, 33)
    );
    context.run().expect(0);
    assert_eq!(
        (context.stats().units, context.text_rows("rating").len()),
        (270, 90)
    );
    assert_eq!(covered_units(&context), 270);
    // A target with a budget of its own pays a request of its own.
    let context = TestContext::new(unlimited(10));
    context.configure_with(&sites(30), RATING);
    context.edit_configuration("[budget]\n", "[budget]\nper_target = { site3 = 49 }\n");
    let report = context.run().expect(4).json();
    assert_eq!(
        report["reports"][0]["tasks"]["stopped"].as_u64(),
        Some(1),
        "{report}"
    );
    assert_eq!(context.stats().units, 29 * 3);
}

#[test]
fn a_run_that_is_killed_while_a_batch_is_split_pays_nothing_twice() {
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
fn rows_that_a_killed_run_left_in_a_batch_are_estimated_as_free() {
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
fn saved_answers_of_batches_are_forgotten_though_no_record_names_their_tasks() {
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
fn a_target_whose_row_is_still_in_a_batch_is_forgotten_with_it() {
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
            context.text_rows("rating").len()
        ),
        (1, 19)
    );
}
