//! Reports that are due less often than every night.

use super::support::{at_day, days_ahead, nights_of};
use crate::support::{LINKS, RATING, TestContext, numbered_targets, read_rows};

#[test]
fn a_weekly_report_comes_once_a_week_and_missed_nights_are_caught_up_once() {
    let mut context = TestContext::new(days_ahead(150));
    context.configure_with(
        &numbered_targets(3),
        &format!("{LINKS}every = \"week\"\n\n{RATING}"),
    );
    let first = at_day(&mut context, 0);
    context.run().expect(0);
    assert_eq!(
        read_rows(&context.destination().join("links")).len(),
        3 * 150,
        "what is new is due at once"
    );
    let complete =
        |report: &serde_json::Value| report["reports"][0]["tasks"]["complete"].as_u64().unwrap();
    let mut fetched = Vec::new();
    for day in 1..=17 {
        at_day(&mut context, day);
        let dry = context.backhaul(&["run", "--dry-run"]).expect(0).stdout;
        let report = context.run().expect(0).json();
        fetched.push(complete(&report));
        for text in [report["notes"].to_string(), dry] {
            assert_eq!(
                text.contains("not due; the next"),
                fetched.last() < Some(&3),
                "{text}"
            );
        }
        assert_eq!(
            report["reports"][1]["tasks"]["complete"], 3,
            "what is daily is daily: {report}"
        );
    }
    assert_eq!(
        fetched[..3],
        [0, 0, 0],
        "half a period at least: {fetched:?}"
    );
    assert!(
        (6..=9).contains(&fetched.iter().sum::<u64>()),
        "{fetched:?}"
    );
    let coverage = context.destination().join("coverage");
    assert!(
        read_rows(&coverage)
            .iter()
            .all(|row| row.contains("\"complete\"")),
        "{:?}",
        read_rows(&coverage)
    );
    at_day(&mut context, 38);
    assert_eq!(
        complete(&context.run().expect(0).json()),
        3,
        "caught up once, not thrice"
    );
    let day = at_day(&mut context, 39);
    assert_eq!(
        context.run().expect(0).json()["reports"][0]["tasks"]["complete"],
        0
    );
    // What is asked for by name is fetched all the same.
    let named = [
        "run",
        "--json",
        "--refetch",
        "--date",
        &day.to_string(),
        "--report",
        "links",
    ];
    assert_eq!(
        context.backhaul(&named).expect(0).json()["reports"][0]["tasks"]["complete"],
        3
    );
    assert!(nights_of(&context, "links").contains(&format!("snapshot_date={first}")));
    let shown = context.backhaul(&["check", "--offline"]).expect(0).stdout;
    assert!(
        shown.contains("every week: about 1 of its tasks a night"),
        "{shown}"
    );
    context.backhaul(&["verify"]).expect(0);
}

#[test]
fn a_weekly_night_that_was_stopped_is_finished_and_not_fetched_again_for_the_next() {
    let mut context = TestContext::new(days_ahead(400));
    context.configure_with(&numbered_targets(2), &format!("{LINKS}every = \"week\"\n"));
    let first = at_day(&mut context, 0);
    context
        .backhaul(&["run", "--json", "--max-units", "500"])
        .expect(4);
    at_day(&mut context, 1);
    context.run().expect(0);
    assert_eq!(
        nights_of(&context, "links"),
        [format!("snapshot_date={first}")].into()
    );
    assert_eq!(read_rows(&context.destination().join("links")).len(), 800);
}
