//! Estimates from row counts, which are purchased once or read from a table.

use backhaul::sandbox::Options;

use super::support::{estimated, next_day};
use crate::support::{LINKS, TWO_TARGETS, TestContext, number, unlimited};

const COUNTED: &str = "[[report]]\nname = \"links\"\nendpoint = \"site-explorer/all-backlinks\"\naggregation = \"all\"\n\
    columns = [\"standard\"]\n\n\
    [[report]]\nname = \"domains\"\nendpoint = \"site-explorer/refdomains\"\ncolumns = [\"minimal\"]\n\n\
    [[report]]\nname = \"keywords\"\nendpoint = \"site-explorer/organic-keywords\"\ncountries = [\"us\", \"gb\"]\n\
    columns = [\"minimal\"]\n\n\
    [[report]]\nname = \"all_time\"\nendpoint = \"site-explorer/refdomains\"\nhistory = \"all_time\"\nmax_rows = 1200\n\
    columns = [\"minimal\"]\n\n";

#[test]
fn an_estimate_from_row_counts_is_within_two_percent_and_counts_are_purchased_once() {
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
            number(&context.usage(), "/here/units"),
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
fn a_table_of_counts_makes_estimates_free_and_a_filter_makes_counts_worthless() {
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
    context.edit_configuration("per_run = 1_000_000_000", "per_run = 120");
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
    context.edit_configuration("per_run = 120", "per_run = 1_000_000_000");
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
