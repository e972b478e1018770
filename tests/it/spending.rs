//! Units are money: what was spent, on what, why the account says something else, and what it will be.

use backhaul::catalog::Catalog;
use backhaul::sandbox::Options;
use serde_json::Value as Json;

use crate::support::{TestContext, preset, unlimited};

const LINKS: &str = "[[report]]\nname = \"links\"\nendpoint = \"site-explorer/all-backlinks\"\naggregation = \"all\"\n\
                     columns = [\"minimal\"]\n\n";
const ANCHORS: &str = "[[report]]\nname = \"anchors\"\nendpoint = \"site-explorer/anchors\"\ncolumns = [\"minimal\"]\n\n";
const RATING: &str =
    "[[report]]\nname = \"rating\"\nendpoint = \"site-explorer/domain-rating\"\n\n";
const TWO_TARGETS: &str = "[[target]]\nname = \"acme\"\nurl = \"acme.com\"\n\n\
                           [[target]]\nname = \"rival\"\nurl = \"rival.org\"\n";

fn usage(context: &TestContext) -> Json {
    context.backhaul(&["usage", "--json"]).expect(0).json()
}

fn number(json: &Json, path: &str) -> u64 {
    json.pointer(path)
        .and_then(Json::as_u64)
        .unwrap_or_default()
}

/// Units of one kind in a list of shares, by name.
fn units_of(usage: &Json, list: &str, name: &str) -> u64 {
    let shares = usage[list].as_array().unwrap();
    shares
        .iter()
        .find(|share| share["name"] == name)
        .map_or(0, |share| number(share, "/units"))
}

#[test]
fn the_ledger_counts_what_the_account_counts_by_report_endpoint_target_and_day() {
    let context = TestContext::new(Options {
        row_cap: Some(250),
        ..unlimited(1_100)
    });
    context.configure_with(TWO_TARGETS, &format!("{LINKS}{ANCHORS}{RATING}"));
    let report = context.run().expect(0).json();
    let stats = context.stats();
    let usage = usage(&context);
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
    // Probes of what paging assumes are free and stand under no report; the question after the account is no part of it.
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
fn of_a_killed_run_the_ledger_loses_only_what_was_in_flight() {
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
        let open = usage(&context);
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
            let unknown = usage(&context);
            assert_eq!(
                number(&unknown, "/difference/set_aside"),
                spent,
                "promises cover it: {unknown}"
            );
        }
        context.run().expect(0);
        let closed = usage(&context);
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
    let told = usage(&context);
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
fn a_key_that_dies_soon_is_named_thirty_days_before() {
    let mut context = TestContext::new(unlimited(10));
    context.configure(RATING);
    let text = std::fs::read_to_string(context.folder.path().join("backhaul.toml")).unwrap();
    context.write_configuration(&text.replace("per_run = ", "per_month = "));
    for (days, warns) in [(260, false), (275, true), (310, true)] {
        let time = chrono::Utc::now() + chrono::Duration::days(days);
        context.env("BACKHAUL_TEST_CLOCK", &time.to_rfc3339());
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

/// What the estimate and the bill of the same run come to, over all reports.
fn estimated(context: &TestContext) -> Json {
    context.backhaul(&["estimate", "--json"]).expect(0).json()
}

/// Replaces the sandbox by a fresh one that has the same data and an empty cache, and lets a day pass.
fn next_day(context: &mut TestContext, day: i64, configure: impl Fn(&TestContext)) {
    let options = Options {
        clock_offset: chrono::Duration::days(20),
        ..context.options.clone()
    };
    context.restart(options);
    configure(context);
    let time = chrono::Utc::now() + chrono::Duration::days(day);
    context.env("BACKHAUL_TEST_CLOCK", &time.to_rfc3339());
}

const MANY: &str = "[[report]]\nname = \"links\"\nendpoint = \"site-explorer/all-backlinks\"\naggregation = \"all\"\n\
    columns = [\"url_from\", \"title\", \"traffic_domain\"]\n\n\
    [[report]]\nname = \"domains\"\nendpoint = \"site-explorer/refdomains\"\ncolumns = [\"standard\"]\n\n\
    [[report]]\nname = \"keywords\"\nendpoint = \"site-explorer/organic-keywords\"\ncountries = [\"us\", \"gb\"]\n\
    columns = [\"minimal\"]\n\n\
    [[report]]\nname = \"by_country\"\nendpoint = \"site-explorer/metrics-by-country\"\n\n\
    [[report]]\nname = \"rating\"\nendpoint = \"site-explorer/domain-rating\"\n\n\
    [[report]]\nname = \"few\"\nendpoint = \"site-explorer/anchors\"\nmax_rows = 1300\ncolumns = [\"standard\"]\n";

#[test]
fn an_estimate_from_the_last_run_is_within_two_percent_of_the_bill() {
    for (row_cap, ties) in [(None, None), (Some(500), Some(9)), (Some(100), None)] {
        let mut context = TestContext::new(Options {
            row_cap,
            ties,
            ..unlimited(2_600)
        });
        let configure = |context: &TestContext| context.configure_with(TWO_TARGETS, MANY);
        configure(&context);
        context.run().expect(0);
        let none = estimated(&context);
        assert_eq!(
            (number(&none, "/units"), number(&none, "/requests")),
            (0, 0),
            "tonight is complete: {none}"
        );
        next_day(&mut context, 1, configure);
        // What paging assumes is probed now, so that the run's own requests can be counted.
        context.backhaul(&["check", "--live"]).expect(0);
        let probes = context.stats().requests;
        let before = estimated(&context);
        assert_eq!(
            context.stats().requests,
            probes,
            "an estimate sends nothing"
        );
        assert_eq!(number(&before, "/own_units"), 0);
        let report = context.run().expect(0).json();
        let stats = context.stats();
        for (place, estimated) in before["reports"].as_array().unwrap().iter().enumerate() {
            let billed = &report["reports"][place];
            let (units, is) = (number(estimated, "/units"), number(billed, "/units"));
            assert!(
                units.abs_diff(is) * 50 <= is,
                "{row_cap:?} {}: {units} estimated, {is} billed",
                billed["name"]
            );
            assert_eq!(
                number(estimated, "/rows"),
                number(billed, "/rows"),
                "{}",
                billed["name"]
            );
        }
        let (units, is) = (number(&before, "/units"), stats.units);
        assert!(
            units.abs_diff(is) * 50 <= is,
            "{row_cap:?}: {units} estimated, {is} billed"
        );
        let (requests, is) = (number(&before, "/requests"), stats.requests - probes);
        assert!(
            requests.abs_diff(is) * 20 <= is,
            "{row_cap:?}: {requests} requests estimated, {is} sent"
        );
        assert_eq!(before["reports"][0]["basis"], "last run");
        assert_eq!(before["reports"][4]["basis"], "fixed size");
    }
}

#[test]
fn a_first_night_is_estimated_by_what_bounds_it_and_what_is_saved_is_not_paid_again() {
    let mut context = TestContext::new(Options {
        row_cap: Some(250),
        ..unlimited(2_600)
    });
    let bounded = format!(
        "{}max_rows = 2000\n\n{RATING}",
        LINKS.trim_end().to_owned() + "\n"
    );
    context.configure_with(TWO_TARGETS, &bounded);
    let before = estimated(&context);
    assert_eq!(before["reports"][0]["basis"], "upper bound");
    context.run().expect(0);
    let (units, is) = (number(&before, "/units"), context.stats().units);
    assert!(
        units.abs_diff(is) * 50 <= is,
        "{units} estimated, {is} billed"
    );
    // A second night stops halfway: what is saved is deducted.
    next_day(&mut context, 1, |context| {
        context.configure_with(TWO_TARGETS, &bounded);
    });
    context.backhaul(&["run", "--max-units", "9000"]).expect(4);
    let spent = context.stats().units;
    let rest = estimated(&context);
    assert!(
        rest["reports"][0]["basis"]
            .as_str()
            .unwrap()
            .contains("less what is saved"),
        "{rest}"
    );
    context.run().expect(0);
    let (units, is) = (number(&rest, "/units"), context.stats().units - spent);
    // Near the budget pages shrink to what is left of it, and small pages have more seams.
    assert!(
        units.abs_diff(is) * 10 <= is,
        "{units} estimated for the rest, {is} billed"
    );
}

#[test]
fn what_nothing_is_known_of_is_said_to_be_unknown_or_like_the_others() {
    let mut context = TestContext::new(unlimited(400));
    context.configure(ANCHORS);
    let blind = estimated(&context);
    assert_eq!(
        (number(&blind, "/unknown_tasks"), number(&blind, "/units")),
        (1, 0)
    );
    let text = context.backhaul(&["estimate"]).expect(0).stdout;
    assert!(
        text.contains("1 task was never fetched") && text.contains("max_rows"),
        "{text}"
    );
    context.run().expect(0);
    next_day(&mut context, 1, |context| {
        context.configure_with(TWO_TARGETS, ANCHORS);
    });
    let other = estimated(&context);
    assert_eq!(
        other["reports"][0]["basis"],
        "last run (1), mean of other targets (1)"
    );
    let targets = other["reports"][0]["targets"].as_array().unwrap();
    assert_eq!(number(&targets[0], "/units"), number(&targets[1], "/units"));
    let tasks = context
        .backhaul(&["estimate", "--tasks", "--json"])
        .expect(0)
        .json();
    let ids: Vec<&str> = tasks["tasks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|task| task["task"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), 2);
    assert!(
        ids.iter().all(|id| id.len() == 16) && ids[0] != ids[1],
        "{ids:?}"
    );
    let one = context
        .backhaul(&["estimate", "--target", "rival", "--json"])
        .expect(0)
        .json();
    assert_eq!(number(&one, "/units"), number(&targets[1], "/units"));
}

const COUNTED: &str = "[[report]]\nname = \"links\"\nendpoint = \"site-explorer/all-backlinks\"\naggregation = \"all\"\n\
    columns = [\"standard\"]\n\n\
    [[report]]\nname = \"domains\"\nendpoint = \"site-explorer/refdomains\"\ncolumns = [\"minimal\"]\n\n\
    [[report]]\nname = \"keywords\"\nendpoint = \"site-explorer/organic-keywords\"\ncountries = [\"us\", \"gb\"]\n\
    columns = [\"minimal\"]\n\n\
    [[report]]\nname = \"all_time\"\nendpoint = \"site-explorer/refdomains\"\nhistory = \"all_time\"\nmax_rows = 1200\n\
    columns = [\"minimal\"]\n\n";

#[test]
fn an_estimate_from_row_counts_is_within_two_percent_of_the_bill_and_counts_are_bought_once() {
    for row_cap in [None, Some(500), Some(100)] {
        let context = TestContext::new(Options {
            row_cap,
            ..unlimited(2_600)
        });
        context.configure_with(TWO_TARGETS, COUNTED);
        let blind = estimated(&context);
        assert_eq!(number(&blind, "/unknown_tasks"), 8, "{blind}");
        let probed = context
            .backhaul(&["estimate", "--probe", "--json"])
            .expect(0)
            .json();
        // Links and domains share a question: two targets, and two countries of each.
        let own = context.stats().units;
        assert_eq!((number(&probed, "/own_units"), own), (6 * 50, 6 * 50));
        assert_eq!(number(&probed, "/unknown_tasks"), 0, "{probed}");
        assert!(
            probed["reports"]
                .as_array()
                .unwrap()
                .iter()
                .all(|report| report["basis"] == "row count"),
            "{probed}"
        );
        let again = context
            .backhaul(&["estimate", "--probe", "--json"])
            .expect(0)
            .json();
        assert_eq!(
            (number(&again, "/own_units"), context.stats().units),
            (0, own)
        );
        assert_eq!(
            again["units"],
            estimated(&context)["units"],
            "what was bought tells a plain estimate too"
        );
        assert_eq!(
            number(&usage(&context), "/here/units"),
            own,
            "the ledger knows what was bought"
        );
        let report = context.run().expect(0).json();
        for (place, estimated) in probed["reports"].as_array().unwrap().iter().enumerate() {
            let billed = &report["reports"][place];
            let (units, is) = (number(estimated, "/units"), number(billed, "/units"));
            assert!(
                units.abs_diff(is) * 50 <= is,
                "{row_cap:?} {}: {units} estimated, {is} billed",
                billed["name"]
            );
        }
    }
}

#[test]
fn a_table_of_counts_tells_an_estimate_for_nothing_and_a_filter_makes_counts_worthless() {
    let counts = "[[report]]\nname = \"stats\"\nendpoint = \"site-explorer/backlinks-stats\"\n\n";
    let mut context = TestContext::new(unlimited(900));
    context.configure_with(TWO_TARGETS, counts);
    context.run().expect(0);
    let filtered = "[[report]]\nname = \"few\"\nendpoint = \"site-explorer/refdomains\"\ncolumns = [\"minimal\"]\n\
                    where_json = { field = \"domain_rating\", is = [\"gt\", 50] }\n\n";
    let reports = format!("{LINKS}{filtered}{counts}");
    next_day(&mut context, 1, |context| {
        context.configure_with(TWO_TARGETS, &reports);
    });
    let told = context
        .backhaul(&["estimate", "--probe", "--json"])
        .expect(0)
        .json();
    assert_eq!(
        (number(&told, "/own_units"), context.stats().units),
        (0, 0),
        "nothing is to be bought: {told}"
    );
    let basis = |at: usize| told["reports"][at]["basis"].as_str().unwrap().to_owned();
    assert_eq!(
        (basis(0).as_str(), basis(1).as_str()),
        ("row count", "unknown")
    );
    assert_eq!(number(&told, "/reports/0/rows"), 2 * 900);
}

#[test]
fn a_probe_keeps_to_the_budget_and_a_forgotten_target_takes_its_counts_along() {
    let context = TestContext::new(unlimited(300));
    context.configure_with(TWO_TARGETS, COUNTED);
    let path = context.folder.path().join("backhaul.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    context.write_configuration(&text.replace("per_run = 1_000_000_000", "per_run = 120"));
    let told = context
        .backhaul(&["estimate", "--probe", "--json"])
        .expect(0)
        .json();
    assert_eq!(
        (number(&told, "/own_units"), context.stats().units),
        (100, 100)
    );
    assert!(
        told["notes"]
            .to_string()
            .contains("4 counts were not bought"),
        "{told}"
    );
    context.write_configuration(&text);
    context.backhaul(&["estimate", "--probe"]).expect(0);
    assert_eq!(
        context.stats().units,
        300,
        "what was bought is not bought again"
    );
    let kept = context.destination().join("_backhaul/counts");
    assert!(kept.join("acme.json").exists() && kept.join("rival.json").exists());
    context.backhaul(&["forget", "--target", "acme"]).expect(0);
    assert!(!kept.join("acme.json").exists() && kept.join("rival.json").exists());
}

/// Puts the lines that `--fit` prints for a proposal into the configuration, as a person would.
fn paste(reports: &str, proposal: &Json) -> String {
    let mut blocks: Vec<String> = reports
        .split("[[report]]")
        .skip(1)
        .map(|block| format!("[[report]]{block}"))
        .collect();
    for change in proposal["changes"].as_array().unwrap() {
        let name = format!("name = {}", change["report"]);
        let block = blocks
            .iter_mut()
            .find(|block| block.contains(&name))
            .unwrap();
        let mut lines: Vec<String> = block.lines().map(str::to_owned).collect();
        let mut put = |key: &str, value: Option<String>| {
            if let Some(value) = value {
                lines.retain(|line| !line.starts_with(key));
                lines.push(format!("{key} = {value}"));
            }
        };
        let dropped = !change["dropped"].as_array().unwrap().is_empty();
        put("columns", dropped.then(|| change["columns"].to_string()));
        put(
            "every",
            change["every"].as_str().map(|every| format!("\"{every}\"")),
        );
        put(
            "max_rows",
            change["max_rows"].as_u64().map(|rows| rows.to_string()),
        );
        put(
            "top",
            change["top"]
                .as_array()
                .map(|top| format!("{{ by = {}, rows = {} }}", top[0], top[1])),
        );
        *block = lines.join("\n") + "\n\n";
    }
    blocks.concat()
}

fn fit_into(context: &TestContext, units: u64) -> Json {
    context
        .backhaul(&["estimate", "--json", "--fit", &units.to_string()])
        .expect(0)
        .json()["fit"]
        .clone()
}

#[test]
fn each_change_that_fit_proposes_fits_when_it_is_pasted_and_run() {
    let mut context = TestContext::new(Options {
        row_cap: Some(500),
        ..unlimited(2_000)
    });
    let top = "\n[[report]]\nname = \"ranked\"\nendpoint = \"site-explorer/refdomains\"\ncolumns = [\"standard\"]\n\
               top = { by = \"domain_rating\", rows = 1500 }\n";
    let reports = format!("{MANY}{top}");
    let configure = |context: &TestContext| context.configure_with(TWO_TARGETS, &reports);
    configure(&context);
    context.run().expect(0);
    let mut day = 0;
    for (share, loses) in [(80, "freshness"), (70, "columns"), (80, "rows")] {
        day += 1;
        next_day(&mut context, day, configure);
        let wanted = number(&estimated(&context), "/units") * share / 100;
        let fit = fit_into(&context, wanted);
        let proposals = fit["proposals"].as_array().unwrap();
        assert!(
            proposals[0]["loses"]
                .as_str()
                .unwrap()
                .starts_with("freshness"),
            "the least first: {fit}"
        );
        let text = context
            .backhaul(&["estimate", "--fit", &wanted.to_string()])
            .expect(0)
            .stdout;
        assert!(
            text.contains("what the columns cost") && text.contains("every = \""),
            "{text}"
        );
        let one = proposals
            .iter()
            .find(|one| one["loses"].as_str().unwrap().starts_with(loses))
            .unwrap();
        assert_eq!(one["fits"], true, "{share}%: {one}");
        context.configure_with(TWO_TARGETS, &paste(&reports, one));
        let after = estimated(&context);
        assert_eq!(
            number(&after, "/units"),
            number(one, "/units"),
            "{share}%: {one}"
        );
        assert!(
            number(&after, "/units") <= wanted && number(one, "/later") <= wanted,
            "{one}"
        );
        context.run().expect(0);
        let billed = context.stats().units;
        assert!(
            billed * 50 <= wanted * 51,
            "{billed} billed, {wanted} wanted at {share}%"
        );
    }
    next_day(&mut context, 5, configure);
    let fit = fit_into(&context, 10);
    assert!(
        fit["fits"] == false
            && fit["proposals"]
                .as_array()
                .unwrap()
                .iter()
                .all(|one| one["fits"] == false)
    );
}

#[test]
fn a_slower_cadence_that_fit_proposes_holds_on_every_night_and_one_that_was_never_fetched_is_told()
{
    let target = |at| format!("[[target]]\nname = \"t{at}\"\nurl = \"t{at}.com\"\n\n");
    let targets = (0..12).map(target).collect::<Vec<_>>().concat();
    let mut context = TestContext::new(unlimited(120));
    let reports = format!("{}max_rows = 120\n", LINKS.trim_end().to_owned() + "\n");
    context.configure_with(&targets, &reports);
    let whole = number(&estimated(&context), "/units");
    // Room for seven of twelve: slots that crowd a night by chance must not lead to months, of which no night is seen here.
    let wanted = whole * 3 / 5;
    let fit = fit_into(&context, wanted);
    let slower = fit["proposals"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| !one["changes"][0]["every"].is_null())
        .unwrap();
    assert_eq!(
        (&slower["fits"], number(slower, "/units")),
        (&Json::Bool(false), whole),
        "new is due at once: {fit}"
    );
    let text = context
        .backhaul(&["estimate", "--fit", &wanted.to_string()])
        .expect(0)
        .stdout;
    assert!(
        text.contains("what was never fetched is due at once"),
        "{text}"
    );
    let pasted = paste(&reports, slower);
    let mut dearest = 0;
    // Between two fetches of a monthly report lies half a month at least.
    for day in 0..32 {
        next_day(&mut context, day, |context| {
            context.configure_with(&targets, &pasted);
        });
        context.run().expect(0);
        dearest = if day == 0 {
            0
        } else {
            context.stats().units.max(dearest)
        };
    }
    assert!(
        0 < dearest && dearest <= wanted,
        "{dearest} of {wanted}: {slower}"
    );
    let told = number(slower, "/later");
    assert!(
        told.abs_diff(dearest) * 50 <= dearest,
        "{dearest}, {told} were told"
    );
    // Tomorrow nothing is new: the same change fits every run.
    next_day(&mut context, 32, |context| {
        context.configure_with(&targets, &reports);
    });
    let fit = fit_into(&context, wanted);
    assert_eq!(
        (
            &fit["proposals"][0]["fits"],
            fit["proposals"][0]["changes"][0]["every"].is_null()
        ),
        (&Json::Bool(true), false),
        "{fit}"
    );
}

#[test]
fn tasks_that_fail_alike_stop_their_report_and_are_told_once() {
    let quirks = vec!["plan".parse().unwrap()];
    let context = TestContext::new(Options {
        quirks,
        ..unlimited(50)
    });
    let target =
        |number| format!("[[target]]\nname = \"t{number}\"\nurl = \"site{number}.com\"\n\n");
    let targets = (0..20).map(target).collect::<Vec<_>>().concat();
    context.configure_with(&targets, RATING);
    let ran = context.run().expect(1);
    let report = ran.json();
    assert!(
        context.stats().requests <= 8,
        "{} requests",
        context.stats().requests
    );
    assert_eq!(
        report["errors"].as_array().unwrap().len(),
        1,
        "{}",
        report["errors"]
    );
    assert_eq!(report["errors"][0]["code"], "BH-PLAN");
    assert_eq!(number(&report, "/reports/0/tasks/failed"), 20);
    assert!(
        ran.stderr.contains("failed alike, so that"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_sample_costs_nothing_and_lies_in_a_folder_of_its_own() {
    let context = TestContext::new(Options {
        row_cap: Some(500),
        ..unlimited(700)
    });
    context.configure_with(TWO_TARGETS, MANY);
    let report = context
        .backhaul(&["run", "--sample", "--json"])
        .expect(0)
        .json();
    let stats = context.stats();
    assert_eq!((number(&report, "/units"), stats.units), (0, 0));
    assert!(number(&report, "/rows") > 100, "{report}");
    let out = context.destination();
    assert!(out.join("_sample/links").is_dir() && out.join("_sample/_backhaul").is_dir());
    assert!(!out.join("links").exists() && !out.join("_backhaul").exists());
    let targets = ["ahrefs.com", "yep.com", "firehose.com"];
    let rows = crate::support::read_rows(&out.join("_sample/links"));
    assert!(
        targets.iter().all(|target| rows
            .iter()
            .any(|row| row.contains(&format!("\"{target}\"")))),
        "{}",
        rows[0]
    );
    // A second one has nothing to do, and the night itself is not touched by it.
    assert_eq!(
        number(
            &context
                .backhaul(&["run", "--sample", "--json"])
                .expect(0)
                .json(),
            "/requests"
        ),
        0
    );
    assert!(number(&context.run().expect(0).json(), "/units") > 0);
}

#[test]
fn what_months_cost_since_a_fixed_day_is_estimated_as_it_is_charged() {
    let mut context = TestContext::new(Options {
        churn: f64::MIN_POSITIVE,
        ..unlimited(50)
    });
    let keywords = "[[keyword_list]]\nname = \"shoes\"\nkeywords = [\"acme\", \"acme shoes\", \"red shoes\"]\n\n";
    let report = "[[report]]\nname = \"volumes\"\nendpoint = \"keywords-explorer/overview\"\n\
                  keyword_lists = [\"shoes\"]\ncountries = [\"us\"]\n\
                  columns = [\"keyword\", \"volume_monthly_history\"]\nvolume_monthly_date_from = \"2016-01-01\"\n\n";
    context.configure_with(keywords, report);
    let first = number(&context.run().expect(0).json(), "/units");
    assert!(first > 3 * 200, "{first}");
    next_day(&mut context, 1, |context| {
        context.configure_with(keywords, report);
    });
    let told = context.backhaul(&["estimate", "--json"]).expect(0).json();
    assert_eq!(told["reports"][0]["basis"], "last run", "{told}");
    let report = context.run().expect(0).json();
    assert_eq!(number(&told, "/units"), number(&report, "/units"), "{told}");
}

#[test]
fn a_sample_leaves_out_what_is_not_promised_to_be_free_and_says_so() {
    let context = TestContext::new(unlimited(50));
    let overview = "[[report]]\nname = \"overview\"\nendpoint = \"batch-analysis/batch-analysis\"\n\
                    columns = [\"url\", \"domain_rating\"]\n\n";
    context.configure_with(TWO_TARGETS, &format!("{overview}{RATING}{ANCHORS}"));
    let dry = context
        .backhaul(&["run", "--sample", "--dry-run"])
        .expect(0)
        .stdout;
    assert!(
        dry.contains("overview") && dry.contains("at most 0 units"),
        "{dry}"
    );
    let report = context
        .backhaul(&["run", "--sample", "--json"])
        .expect(0)
        .json();
    assert_eq!(
        (number(&report, "/units"), context.stats().units),
        (0, 0),
        "{report}"
    );
    let notes = report["notes"].to_string();
    assert!(
        notes.contains("overview") && notes.contains("not promised to be free"),
        "{notes}"
    );
    let tables: Vec<_> = ["overview", "rating", "anchors"]
        .into_iter()
        .filter(|table| context.destination().join("_sample").join(table).is_dir())
        .collect();
    assert_eq!(tables, ["rating", "anchors"]);
}

#[test]
fn a_live_check_names_a_column_that_is_refused_or_missing_once_and_costs_nothing() {
    let reports = format!(
        "{MANY}\n[[report]]\nname = \"again\"\nendpoint = \"site-explorer/all-backlinks\"\n\
                           aggregation = \"all\"\ncolumns = [\"standard\", \"+is_dofollow\"]\n"
    );
    let context = TestContext::new(unlimited(300));
    context.configure(&reports);
    let checked = context.backhaul(&["check", "--live"]).expect(0);
    assert!(
        checked
            .stdout
            .contains("columns: ok, 7 reports were answered with every column"),
        "{}",
        checked.stdout
    );
    assert_eq!(context.stats().units, 0);
    for (quirk, what) in [
        ("removed_column", "is refused by the API"),
        ("missing_column", "is not sent by the API"),
    ] {
        let quirks = vec![quirk.parse().unwrap()];
        let context = TestContext::new(Options {
            quirks,
            ..unlimited(300)
        });
        context.configure(&reports.replace("\"traffic_domain\"", "\"is_dofollow\""));
        let checked = context.backhaul(&["check", "--live"]).expect(1);
        assert!(checked.stderr.contains(what), "{}", checked.stderr);
        let column = "site-explorer/all-backlinks: the column `is_dofollow`";
        assert_eq!(
            checked.stderr.matches(column).count(),
            1,
            "{quirk}: {}",
            checked.stderr
        );
        assert_eq!(context.stats().units, 0);
    }
}

#[test]
fn rows_that_the_api_groups_are_paged_and_estimated_though_nothing_else_is() {
    let report = "[[report]]\nname = \"links\"\nendpoint = \"site-explorer/all-backlinks\"\ncolumns = [\"url_from\"]\n";
    let mut context = TestContext::new(Options {
        row_cap: Some(250),
        ..unlimited(3_000)
    });
    let configure = |context: &TestContext| context.configure(report);
    configure(&context);
    let first = context.run().expect(0).json();
    assert_eq!(number(&first, "/reports/0/tasks/complete"), 1, "{first}");
    next_day(&mut context, 1, configure);
    let units = number(&estimated(&context), "/units");
    let is = number(&context.run().expect(0).json(), "/units");
    assert!(
        units.abs_diff(is) * 50 <= is,
        "{units} estimated, {is} billed"
    );
}
