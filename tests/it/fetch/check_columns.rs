//! `check --live` asks for every column and is free.

use backhaul::sandbox::Options;

use crate::support::{MANY, TestContext, unlimited};

#[test]
fn a_live_check_names_a_refused_or_missing_column_once_and_is_free() {
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
