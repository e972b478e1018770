//! Tables by year, into which every night merges the days that it asks for.

use std::collections::BTreeSet;

use chrono::{Datelike as _, Months, NaiveDate};

use super::world::{DAILY, ROW, World, after, before, day, loaded, price};
use crate::support::read_rows;

#[test]
fn forty_nights_over_a_new_year_have_the_latest_figures_and_cost_their_window() {
    let mut world = World::new(
        &["acme", "rival"],
        "2024-02-27",
        "history_grouping = \"daily\"",
    );
    let (first, since) = (day("2025-12-12"), day("2024-02-27"));
    let mut old = None;
    for number in 0..40 {
        let night = after(first, number);
        world.at(night);
        let from = if number == 0 { since } else { before(night, 8) };
        let mut units = 0;
        for target in ["acme", "rival"] {
            units += price(world.expect(target, from, night, night, &DAILY));
        }
        let report = world.run(&[]).expect(0).json();
        assert_eq!(report["units"], units, "night {night}");
        assert_eq!(world.context.stats().units, units, "night {night}");
        assert_eq!(report["reports"][0]["tasks"]["complete"], 2);
        world.check();
        if number % 13 == 0 {
            assert_eq!(
                world.run(&[]).expect(0).json()["requests"],
                0,
                "complete costs nothing"
            );
            world.verify();
        }
        // A year that no window reaches keeps its files and its generation.
        let states = world.states();
        let now = states["period=2024"].clone();
        assert_eq!(*old.get_or_insert_with(|| now.clone()), now);
        assert_eq!(now.generation, 1);
    }
    let dates: BTreeSet<NaiveDate> = world.rows().keys().map(|(_, date)| *date).collect();
    assert!(dates.contains(&day("2024-02-29")) && dates.contains(&day("2025-12-31")));
    assert_eq!(
        world.states()["period=2025"].generation,
        28,
        "twenty nights of the year, and eight of the next that reach back"
    );
    // Every night has a row for every task.
    for number in 0..40 {
        let night = after(first, number);
        let coverage = read_rows(
            &world
                .context
                .destination()
                .join(format!("coverage/snapshot_date={night}")),
        );
        assert_eq!(coverage.len(), 2, "{night}: {coverage:?}");
        assert!(coverage.iter().all(|row| row.contains("\"complete\"")));
    }
}

#[test]
fn two_names_of_one_site_share_the_answers_of_every_night() {
    let mut world = World::new(&["acme"], "2025-12-20", "history_grouping = \"daily\"");
    let site = |name: &str| format!("[[target]]\nname = \"{name}\"\nurl = \"acme.com\"\n\n");
    for (number, night) in ["2025-12-30", "2025-12-31", "2026-01-02"]
        .map(day)
        .into_iter()
        .enumerate()
    {
        world.at(night);
        world
            .context
            .configure_with(&format!("{}{}", site("acme"), site("twin")), &world.report);
        let from = match number {
            0 => day("2025-12-20"),
            1 => before(night, 8),
            _ => before(night, 9),
        };
        let rows = world.expect("acme", from, night, night, &DAILY);
        let copies = world
            .truth
            .clone()
            .into_iter()
            .filter(|((name, _), _)| name == "acme");
        world
            .truth
            .extend(copies.map(|((_, date), row)| (("twin".to_owned(), date), row)));
        let estimate = world
            .context
            .backhaul(&["estimate", "--json"])
            .expect(0)
            .json();
        assert_eq!(estimate["units"], price(rows), "night {night}");
        let report = world.run(&[]).expect(0).json();
        assert_eq!(
            (&report["units"], world.context.stats().units),
            (&price(rows).into(), price(rows)),
            "{night}"
        );
        assert_eq!(report["reports"][0]["tasks"]["complete"], 2);
        world.check();
    }
    world.verify();
    // One that comes later in a night shares the days that were fetched, and requests only the others.
    world.context.configure_with(
        &format!("{}{}{}", site("acme"), site("twin"), site("late")),
        &world.report,
    );
    let units = world.context.stats().units;
    let report = world.run(&[]).expect(0).json();
    assert_eq!(report["units"], world.context.stats().units - units);
    assert_eq!(report["reports"][0]["tasks"]["complete"], 1);
    let whole = world
        .rows()
        .into_keys()
        .filter(|(name, _)| name == "late")
        .count();
    assert_eq!(whole, 14, "all days from the beginning");
    world.verify();
    // A report that wants fewer days does not get those before them, though an answer with them is there.
    let shorter = world
        .report
        .replace("\"traffic\"", "\"shorter\"")
        .replace("2025-12-20", "2025-12-24");
    world
        .context
        .configure_with(&site("acme"), &format!("{}{shorter}", world.report));
    world.run(&["--refetch"]).expect(0);
    assert_eq!(
        read_rows(&world.context.destination().join("shorter")).len(),
        10
    );
}

#[test]
fn weeks_begin_on_mondays_and_belong_to_the_year_of_their_date() {
    let mut world = World::new(&["acme"], "2025-11-05", "history_grouping = \"weekly\"");
    let weekly = [("history_grouping", "weekly")];
    let mut last: Option<NaiveDate> = None;
    for number in 0..30 {
        let night = after(day("2025-12-20"), number);
        world.at(night);
        let monday =
            |date: NaiveDate| before(date, u64::from(date.weekday().num_days_from_monday()));
        let from = last.map_or(day("2025-11-03"), |last| before(monday(last), 7));
        let rows = world.expect("acme", from, night, night, &weekly);
        assert_eq!(world.run(&[]).expect(0).json()["units"], price(rows));
        world.check();
        last = Some(night);
    }
    assert!(
        world
            .rows()
            .contains_key(&("acme".to_owned(), day("2025-12-29"))),
        "in the partition of 2025"
    );
    world.verify();
}

#[test]
fn months_are_asked_as_a_whole_and_missed_nights_are_caught_up() {
    let mut world = World::new(&["acme"], "2023-06-15", "every = \"week\"");
    let mut last: Option<NaiveDate> = None;
    for night in ["2024-01-20", "2024-02-29", "2024-03-08", "2024-07-01"].map(day) {
        world.at(night);
        let month = |date: NaiveDate| date.with_day(1).unwrap();
        let from = last.map_or(day("2023-06-01"), |last| month(last) - Months::new(1));
        let rows = world.expect("acme", from, night, night, &[]);
        let report = world.run(&[]).expect(0).json();
        assert_eq!(report["units"], price(rows), "{night}");
        world.check();
        last = Some(night);
    }
    assert_eq!(world.states().len(), 2);
    world.verify();
}

#[test]
fn an_earlier_since_a_new_column_and_another_question_fetch_from_the_beginning() {
    let daily = "history_grouping = \"daily\"";
    let mut world = loaded(&["acme"], "2026-01-10", "");
    // An earlier beginning, on the same night: the older part is missing, and comes with all that follows.
    world.asks("2024-12-30", "\"org_traffic\"", daily);
    world.configure();
    let rows = world.expect(
        "acme",
        day("2024-12-30"),
        day("2026-01-10"),
        day("2026-01-10"),
        &DAILY,
    );
    let report = world.run(&[]).expect(0).json();
    assert_eq!(report["units"], price(rows));
    assert!(report["notes"].to_string().contains("(since)"), "{report}");
    world.check();
    assert_eq!(world.run(&[]).expect(0).json()["requests"], 0);
    // A later beginning removes nothing and requests nothing.
    world.asks("2025-12-01", "\"org_traffic\"", daily);
    world.configure();
    assert_eq!(world.run(&[]).expect(0).json()["requests"], 0);
    world.check();
    // A new column: everything from `since` on, the next night.
    world.at(day("2026-01-11"));
    world.asks("2025-12-01", "\"org_traffic\", \"paid_traffic\"", daily);
    world.configure();
    let rows = world.expect(
        "acme",
        day("2025-12-01"),
        day("2026-01-11"),
        day("2026-01-11"),
        &DAILY,
    );
    assert_eq!(world.run(&[]).expect(0).json()["units"], rows * (ROW + 10));
    world.check();
    // Without it again: what is there answers.
    world.at(day("2026-01-12"));
    world.asks("2025-12-01", "\"org_traffic\"", daily);
    world.configure();
    let rows = world.expect(
        "acme",
        day("2026-01-04"),
        day("2026-01-12"),
        day("2026-01-12"),
        &DAILY,
    );
    assert_eq!(world.run(&[]).expect(0).json()["units"], price(rows));
    world.check();
    // Another question.
    world.asks(
        "2025-12-01",
        "\"org_traffic\"",
        &format!("{daily}\nvolume_mode = \"average\""),
    );
    world.at(day("2026-01-13"));
    let rows = world.expect(
        "acme",
        day("2025-12-01"),
        day("2026-01-13"),
        day("2026-01-13"),
        &DAILY,
    );
    assert_eq!(world.run(&[]).expect(0).json()["units"], price(rows));
    world.check();
    world.verify();
}
