//! Backfill of past days (`--from`, `--to`) and of past nights.

use backhaul::store::Store;

use super::world::{DAILY, day, loaded, price};
use crate::support::read_rows;

#[test]
fn a_range_of_days_is_requested_once_and_answered_days_are_free() {
    let mut world = loaded(&["acme"], "2026-01-10", "");
    let range = ["--from", "2023-12-20", "--to", "2024-03-01"];
    let estimated = world
        .context
        .backhaul(&[&["estimate", "--json"], &range[..]].concat())
        .expect(0)
        .json();
    let rows = world.expect(
        "acme",
        day("2023-12-20"),
        day("2024-03-01"),
        day("2024-03-01"),
        &DAILY,
    );
    let report = world.run(&range).expect(0).json();
    assert_eq!(
        (report["units"].clone(), report["requests"].clone()),
        (price(rows).into(), 1.into())
    );
    assert_eq!(estimated["units"], report["units"]);
    world.check();
    assert_eq!(world.run(&range).expect(0).json()["requests"], 0);
    assert_eq!(
        world
            .run(&["--from", "2024-02-29", "--to", "2024-02-29"])
            .expect(0)
            .json()["requests"],
        0
    );
    // A part that is not answered yet.
    let rows = world.expect(
        "acme",
        day("2024-02-20"),
        day("2024-03-31"),
        day("2024-03-31"),
        &DAILY,
    );
    let report = world
        .run(&["--from", "2024-02-20", "--to", "2024-03-31"])
        .expect(0)
        .json();
    assert_eq!(report["units"], price(rows));
    world.check();
    // The nights go on from where they were, and the days apart stay.
    world.at(day("2026-01-11"));
    let rows = world.expect(
        "acme",
        day("2026-01-03"),
        day("2026-01-11"),
        day("2026-01-11"),
        &DAILY,
    );
    let estimated = world
        .context
        .backhaul(&["estimate", "--json"])
        .expect(0)
        .json();
    assert_eq!(estimated["units"], price(rows), "{estimated}");
    assert_eq!(world.run(&[]).expect(0).json()["units"], price(rows));
    world.check();
    // Answered days are fetched again on demand only.
    let rows = world.expect(
        "acme",
        day("2025-12-30"),
        day("2026-01-02"),
        day("2026-01-02"),
        &DAILY,
    );
    let again = ["--refetch", "--from", "2025-12-30", "--to", "2026-01-02"];
    assert_eq!(world.run(&again).expect(0).json()["units"], price(rows));
    world.check();
    world.verify();
    let checked = world.context.backhaul(&[
        "verify",
        "--from",
        "2025-12-31",
        "--to",
        "2026-01-01",
        "--report",
        "traffic",
    ]);
    assert!(checked.stdout.contains("2 partitions"), "{checked:?}");
}

#[test]
fn a_range_of_nights_runs_each_night_and_refuses_what_only_knows_the_present() {
    let mut world = loaded(&["acme"], "2026-01-10", "");
    world.report += "[[report]]\nname = \"rating\"\nendpoint = \"site-explorer/domain-rating\"\n\n\
                     [[report]]\nname = \"links\"\nendpoint = \"site-explorer/all-backlinks\"\nmax_rows = 10\n\n\
                     [[report]]\nname = \"anchors\"\nendpoint = \"site-explorer/anchors\"\nmax_rows = 10\n";
    world.configure();
    let range = ["--from", "2025-12-30", "--to", "2026-01-02"];
    let sent = world.context.stats().requests;
    for command in [["run"].as_slice(), &["estimate"]] {
        let refused = world
            .context
            .backhaul(&[command, &range[..]].concat())
            .expect(2);
        assert!(refused.stderr.contains("error[BH-DATE]"), "{refused:?}");
        assert!(
            refused.stderr.contains("reports: links, anchors"),
            "{refused:?}"
        );
        assert!(
            refused.stderr.contains("--report traffic --report rating"),
            "{refused:?}"
        );
    }
    assert_eq!(world.context.stats().requests, sent);
    let able = [&range[..], &["--report", "rating", "--report", "traffic"]].concat();
    let report = world.run(&able).expect(0).json();
    assert_eq!(
        report["units"],
        4 * 50,
        "a request for each night; the history's days are answered"
    );
    let nights: Vec<String> = ["2025-12-30", "2025-12-31", "2026-01-01", "2026-01-02"]
        .map(str::to_owned)
        .into();
    assert_eq!(
        Store::open_read_only(world.context.destination())
            .partitions("rating")
            .unwrap(),
        nights
            .iter()
            .map(|night| format!("snapshot_date={night}"))
            .collect::<Vec<_>>()
    );
    for night in nights {
        assert_eq!(
            read_rows(
                &world
                    .context
                    .destination()
                    .join(format!("coverage/snapshot_date={night}"))
            )
            .len(),
            1
        );
    }
    assert_eq!(world.run(&able).expect(0).json()["requests"], 0);
    // Nights of these days are there for all.
    let recent = world
        .run(&["--from", "2026-01-09", "--to", "2026-01-10"])
        .expect(0)
        .json();
    assert_eq!(recent["errors"], serde_json::json!([]));
    assert_eq!(
        Store::open_read_only(world.context.destination())
            .partitions("links")
            .unwrap()
            .len(),
        2
    );
    world
        .context
        .backhaul(&["run", "--from", "2026-01-10", "--to", "2026-01-11"])
        .expect(2);
    world
        .context
        .backhaul(&["run", "--from", "2026-01-10", "--to", "2026-01-09"])
        .expect(2);
    world.check();
}
