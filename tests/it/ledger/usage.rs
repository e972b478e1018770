//! What was spent, on what, and why the account differs.

use backhaul::catalog::Catalog;
use backhaul::sandbox::Options;
use serde_json::Value as Json;

use crate::support::{
    ANCHORS, LINKS, RATING, TWO_TARGETS, TestContext, now, number, preset, unlimited,
};

/// Units of one kind in a list of shares, by name.
fn units_of(usage: &Json, list: &str, name: &str) -> u64 {
    let shares = usage[list].as_array().unwrap();
    shares
        .iter()
        .find(|share| share["name"] == name)
        .map_or(0, |share| number(share, "/units"))
}

#[test]
fn usage_equals_the_account_by_report_endpoint_target_and_day() {
    let context = TestContext::new(Options {
        row_cap: Some(250),
        ..unlimited(1_100)
    });
    context.configure_with(TWO_TARGETS, &format!("{LINKS}{ANCHORS}{RATING}"));
    let report = context.run().expect(0).json();
    let stats = context.stats();
    let usage = context.usage();
    assert_eq!(number(&usage, "/here/units"), stats.units);
    assert_eq!(number(&usage, "/workspace/used"), stats.units);
    assert_eq!(
        number(&usage, "/difference/elsewhere") + number(&usage, "/difference/not_shown"),
        0,
        "{usage}"
    );
    for (report, endpoint) in [
        ("links", "all-backlinks"),
        ("anchors", "anchors"),
        ("rating", "domain-rating"),
    ] {
        let endpoint = format!("site-explorer/{endpoint}");
        // The ratings of both targets came in one request of another operation.
        let asked = if report == "rating" {
            "batch-analysis/batch-analysis"
        } else {
            &endpoint
        };
        let billed = stats.endpoints[asked].units;
        assert_eq!(units_of(&usage, "by_report", report), billed, "{report}");
        assert_eq!(units_of(&usage, "by_endpoint", asked), billed, "{endpoint}");
    }
    assert_eq!(
        units_of(&usage, "by_target", "acme") + units_of(&usage, "by_target", "rival"),
        stats.units
    );
    assert_eq!(usage["by_day"].as_array().unwrap().len(), 1);
    // Probes of assumptions are free and belong to no report; the request for account limits is not counted.
    assert!(number(&usage, "/here/free") > 0);
    assert_eq!(
        number(&usage, "/here/requests"),
        number(&report, "/requests")
    );
    let text = context.backhaul(&["usage"]).expect(0).stdout;
    for part in [
        "units are reset to zero on",
        "difference none",
        "by report",
        "rival",
        "estimate --fit",
        "it expires on",
    ] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
}

#[test]
fn every_unit_went_into_a_row_or_is_named_as_waste() {
    for row_cap in [None, Some(100)] {
        let context = TestContext::new(Options {
            row_cap,
            ties: Some(7),
            ..unlimited(900)
        });
        // Without a column of K, so that paging adds one.
        let links = LINKS.replace("\"minimal\"", "\"url_from\", \"url_to\"");
        context.configure(&format!("{links}{ANCHORS}{RATING}"));
        let ran = context.run().expect(0).json();
        for (place, endpoint) in ["all-backlinks", "anchors", "domain-rating"]
            .iter()
            .enumerate()
        {
            let endpoint = Catalog::embedded()
                .endpoint(&format!("site-explorer/{endpoint}"))
                .unwrap();
            let columns = if place == 0 {
                vec!["url_from".to_owned(), "url_to".to_owned()]
            } else if endpoint.has_select() {
                preset(&endpoint.name, "minimal")
            } else {
                endpoint
                    .columns
                    .iter()
                    .map(|column| column.name.clone())
                    .collect()
            };
            let own = endpoint.units_per_row(columns.iter().map(String::as_str));
            let report = &ran["reports"][place];
            let wasted: u64 = report["wasted"]
                .as_object()
                .unwrap()
                .values()
                .map(|units| units.as_u64().unwrap())
                .sum();
            assert_eq!(
                number(report, "/rows") * own + wasted,
                number(report, "/units"),
                "{}: {report}",
                endpoint.name
            );
            assert_eq!(
                number(report, "/units"),
                context.stats().endpoints[&endpoint.name].units
            );
        }
        assert!(
            number(&ran, "/wasted/surcharge") > 0 && number(&ran, "/wasted/minimums") > 0,
            "{ran}"
        );
        assert!(number(&ran, "/wasted/reread") > 0, "{ran}");
        let summary = context.backhaul(&["run", "--refetch"]).expect(0).stdout;
        assert!(
            summary.contains("rows in 0") || summary.contains("0 units in"),
            "a cached answer wastes nothing: {summary}"
        );
    }
}

#[test]
fn the_log_of_a_killed_run_lacks_only_requests_in_flight() {
    for (step, forgotten) in [
        ("landing.saved", false),
        ("landing.received", false),
        ("landing.saved", true),
    ] {
        let mut context = TestContext::new(Options {
            row_cap: Some(250),
            ..unlimited(1_500)
        });
        context.configure(LINKS);
        context.env("BACKHAUL_TEST_CRASH_AT", &format!("{step}:4"));
        context.run();
        context.env("BACKHAUL_TEST_CRASH_AT", "no.such.step");
        let spent = context.stats().units;
        let open = context.usage();
        assert_eq!(
            number(&open, "/here/units"),
            spent,
            "{step}: lines tell of what was answered"
        );
        if forgotten {
            // As after a power cut: lines are not synced, saved answers are.
            for entry in
                std::fs::read_dir(context.destination().join("_backhaul/units/spent")).unwrap()
            {
                std::fs::remove_file(entry.unwrap().path()).unwrap();
            }
            let unknown = context.usage();
            assert_eq!(
                number(&unknown, "/difference/set_aside"),
                spent,
                "promises cover it: {unknown}"
            );
        }
        context.run().expect(0);
        let closed = context.usage();
        assert_eq!(
            number(&closed, "/here/units"),
            context.stats().units,
            "{step} {forgotten}: {closed}"
        );
        assert_eq!(number(&closed, "/difference/elsewhere"), 0);
        assert_eq!(
            units_of(&closed, "by_report", "links"),
            context.stats().units
        );
        let left = std::fs::read_dir(context.destination().join("_backhaul/units/spent")).unwrap();
        let names: Vec<_> = left
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        assert!(
            !names.iter().any(|name| name.contains(".jsonl")),
            "{names:?}"
        );
    }
}

#[test]
fn answers_that_were_lost_are_named_as_such_and_explain_the_difference() {
    let faults = "lost=0.2,truncate=0.1,reset=0.1,429=0.1".parse().unwrap();
    let context = TestContext::new(Options {
        row_cap: Some(250),
        faults,
        ..unlimited(1_500)
    });
    context.configure(&format!("{LINKS}{ANCHORS}"));
    let report = context.run().expect(0).json();
    let lost = context.stats().units_lost;
    assert!(lost > 0);
    assert_eq!(
        number(&report, "/wasted/lost"),
        number(&report, "/units_lost")
    );
    assert!(number(&report, "/wasted/lost") >= lost, "{report}");
    let told = context.usage();
    assert_eq!(number(&told, "/difference/elsewhere"), 0, "{told}");
    assert_eq!(number(&told, "/difference/not_shown"), 0, "{told}");
    assert!(
        number(&told, "/here/unknown") > 0 && number(&told, "/here/refused") > 0,
        "{told}"
    );
    let text = context.backhaul(&["usage"]).expect(0).stdout;
    assert!(text.contains("lost responses"), "{text}");
}

#[test]
fn a_key_that_expires_is_named_thirty_days_before() {
    let mut context = TestContext::new(unlimited(10));
    context.configure(RATING);
    context.edit_configuration("per_run = ", "per_month = ");
    for (days, warns) in [(260, false), (275, true), (310, true)] {
        let time = now() + chrono::Duration::days(days);
        context.set_time(time);
        // The sandbox knows nothing of that day and refuses it; the account is asked all the same.
        let notes = context.backhaul(&["run", "--json"]).json()["notes"].to_string();
        assert_eq!(
            notes.contains("put it behind the old one"),
            warns,
            "run after {days} days: {notes}"
        );
        for command in ["usage", "check"] {
            let text = context.backhaul(&[command]).expect(0).stdout;
            assert_eq!(
                text.contains("put it behind the old one"),
                warns,
                "{command} after {days} days:\n{text}"
            );
        }
    }
}
