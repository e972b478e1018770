//! A plan that a month's budget can never complete is refused with changes that make it fit.

use crate::schedule::support::configure;
use crate::support::{LINKS, RATING, TestContext, numbered_targets, unlimited};

#[test]
fn a_plan_that_can_never_complete_is_refused_with_what_would_make_it_fit() {
    let context = TestContext::new(unlimited(10));
    configure(
        &context,
        "per_month = 10_000\n",
        &numbered_targets(10),
        &format!("{LINKS}\n{RATING}"),
    );
    let ran = context.backhaul(&["check", "--offline"]).expect(2);
    insta::assert_snapshot!(ran.stderr, @r#"
    error[BH-BUDGET]: the plan can never complete: it needs at least 16500 units in 30 nights, and per_month allows 10000
    next: set every = "2d" on the report `links`, or keep 6 of the 10 targets, or raise per_month to 16500
    cost: 0 units, nothing was sent
    "#);
    let told = ran.stdout.split("\nunits a month").nth(1).unwrap();
    let links = "at least 15,000: the minimum of one request a task, since without `max_rows` all rows are fetched";
    let lines = [
        " (30 nights, at this cadence): at least 16,500, with no upper bound",
        &format!("  links (every day): {links}"),
        "  rating (every day): at most 1,500",
        "",
    ];
    assert_eq!(told, lines.join("\n"));
    for budget in [
        "per_run = 40\n",
        "per_run = 1000\nper_target = { t3 = 60 }\n",
        "per_run = 1000\nper_report = { rating = 40 }\n",
    ] {
        configure(
            &context,
            budget,
            &numbered_targets(10),
            &format!("{LINKS}\n{RATING}"),
        );
        let ran = context.backhaul(&["check", "--offline"]).expect(2);
        assert!(
            ran.stderr
                .contains("error[BH-BUDGET]: the plan can never complete"),
            "{}",
            ran.stderr
        );
    }
    configure(
        &context,
        "per_month = 10_000\n",
        &numbered_targets(10),
        &format!("{LINKS}every = \"10d\"\n\n{RATING}every = \"week\"\n"),
    );
    context.backhaul(&["check", "--offline"]).expect(0);
}

#[test]
fn each_proposed_change_makes_the_plan_fit() {
    let context = TestContext::new(unlimited(10));
    let reports = |links: &str, rating: &str| {
        format!(
            "{LINKS}{links}\n[[report]]\nname = \"rating\"\nendpoint = \"site-explorer/domain-rating\"\n{rating}\n"
        )
    };
    for limit in [700, 3_000, 9_000, 15_500, 16_499] {
        configure(
            &context,
            &format!("per_month = {limit}\n"),
            &numbered_targets(10),
            &reports("", ""),
        );
        let said = context.backhaul(&["check", "--offline"]).expect(2).stderr;
        let next = said
            .lines()
            .find_map(|line| line.strip_prefix("next: "))
            .unwrap()
            .to_owned();
        for way in next.split(", or ") {
            let word = |before: &str| {
                way.split(before)
                    .nth(1)
                    .map(|rest| rest.split([' ', '"']).next().unwrap().to_owned())
            };
            let (mut budget, mut number, mut links, mut rating) =
                (limit, 10, String::new(), String::new());
            if let Some(units) = word("raise per_month to ") {
                budget = units.parse().unwrap();
            } else if let Some(kept) = word("keep ") {
                number = kept.parse().unwrap();
            } else {
                let every = format!("every = \"{}\"\n", word("every = \"").unwrap());
                links = if way.contains("`links`") || way.contains("all reports") {
                    every.clone()
                } else {
                    links
                };
                rating = if way.contains("`rating`") || way.contains("all reports") {
                    every
                } else {
                    rating
                };
            }
            configure(
                &context,
                &format!("per_month = {budget}\n"),
                &numbered_targets(number),
                &reports(&links, &rating),
            );
            let ran = context.backhaul(&["check", "--offline"]);
            assert_eq!(ran.code, 0, "{limit}: {way}: {}", ran.stderr);
        }
    }
}
