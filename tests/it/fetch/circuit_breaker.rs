//! Tasks that fail alike stop their report.

use backhaul::sandbox::Options;

use crate::support::{RATING, TestContext, number, unlimited};

#[test]
fn tasks_that_fail_alike_stop_their_report_and_are_reported_once() {
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
