//! Rebuild, compact, forget and layouts of tables by year.

use super::world::{DAILY, World, after, before, day, loaded};
use crate::support::{parquet_files, read_rows};

#[test]
fn rebuild_merges_saved_answers_into_committed_rows_and_reports_what_is_lost() {
    let mut world = loaded(&["acme", "rival"], "2025-12-20", "");
    for night in ["2025-12-27", "2026-01-02", "2026-01-09"].map(day) {
        world.at(night);
        world.run(&[]).expect(0);
        let last = if night == day("2025-12-27") {
            day("2025-12-20")
        } else if night == day("2026-01-02") {
            day("2025-12-27")
        } else {
            day("2026-01-02")
        };
        for target in ["acme", "rival"] {
            world.expect(target, before(last, 7), night, night, &DAILY);
        }
    }
    world.check();
    let before_all = read_rows(&world.table());
    let lose = |world: &World, period: &str| {
        for file in parquet_files(&world.table().join(period)) {
            std::fs::remove_file(file).unwrap();
        }
    };
    // All answers are there: a lost period comes back as it was, to the last column.
    lose(&world, "period=2025");
    let found = world.context.backhaul(&["verify"]).expect(1);
    assert!(
        found
            .stderr
            .contains("backhaul rebuild --report traffic --from 2025-01-01 --to 2025-12-31"),
        "{found:?}"
    );
    world
        .context
        .backhaul(&["rebuild", "--report", "traffic", "--date", "2025-07-01"])
        .expect(0);
    assert_eq!(read_rows(&world.table()), before_all);
    world.verify();
    // The first load's answers are gone, and those of one night: what the files hold stays.
    let responses = world.context.destination().join("_backhaul/responses");
    for night in ["2025-12-20", "2026-01-02"] {
        std::fs::remove_dir_all(responses.join(night)).unwrap();
    }
    world.context.backhaul(&["rebuild"]).expect(0);
    assert_eq!(read_rows(&world.table()), before_all);
    world.verify();
    // Without file and answer the loss is reported, and nothing changes.
    lose(&world, "period=2025");
    let failed = world.context.backhaul(&[
        "rebuild",
        "--report",
        "traffic",
        "--from",
        "2025-01-01",
        "--to",
        "2025-12-31",
    ]);
    assert_eq!(failed.code, 1, "{failed:?}");
    assert!(failed.stderr.contains("error[BH-CORRUPT]"), "{failed:?}");
    let found = world.context.backhaul(&["verify"]).expect(1);
    assert!(
        found
            .stderr
            .contains("run --refetch --report traffic --from 2025-01-01 --to 2025-12-31"),
        "{found:?}"
    );
    // Paying again heals.
    world
        .run(&[
            "--refetch",
            "--report",
            "traffic",
            "--from",
            "2025-01-01",
            "--to",
            "2025-12-31",
        ])
        .expect(0);
    for target in ["acme", "rival"] {
        world.expect(
            target,
            day("2025-01-01"),
            day("2025-12-31"),
            day("2025-12-31"),
            &DAILY,
        );
    }
    world.check();
    world.verify();
    assert_eq!(world.run(&[]).expect(0).json()["requests"], 0);
}

#[test]
fn folders_below_a_period_compacting_and_forgetting_work_as_for_nights() {
    let mut world = loaded(&["acme", "rival"], "2025-12-30", "every = \"week\"");
    for number in 1..15 {
        let night = after(day("2025-12-30"), number);
        world.at(night);
        world.run(&[]).expect(0);
    }
    // Tasks have their own nights of the week, and each its own files.
    let rows = world.rows();
    world.context.backhaul(&["compact"]).expect(0);
    assert_eq!(world.rows(), rows);
    assert_eq!(
        world.states()["period=2026"]
            .committed
            .as_ref()
            .unwrap()
            .files
            .len(),
        1
    );
    world.verify();
    world.context.partition_by("\"snapshot_date\", \"target\"");
    world.context.backhaul(&["rebuild"]).expect(0);
    assert_eq!(world.rows(), rows);
    assert!(
        parquet_files(&world.table())
            .iter()
            .all(|path| path.to_string_lossy().contains("/target="))
    );
    world.verify();
    let told = world
        .context
        .backhaul(&["forget", "--target", "rival"])
        .expect(0);
    assert!(told.stdout.contains("traffic"), "{told:?}");
    assert!(world.rows().keys().all(|(target, _)| target == "acme"));
    assert_eq!(
        world.rows().len(),
        rows.keys().filter(|(target, _)| target == "acme").count()
    );
    for row in read_rows(&world.context.destination().join("coverage")) {
        assert!(!row.contains("rival"), "{row}");
    }
    world.verify();
}

#[test]
fn a_table_partitioned_by_night_is_not_mixed_with_years() {
    let mut world = loaded(&["acme"], "2025-12-30", "");
    let record = world
        .context
        .destination()
        .join("_backhaul/tables/traffic.json");
    let text = std::fs::read_to_string(&record).unwrap();
    std::fs::write(
        &record,
        text.replace("period=2025", "snapshot_date=2025-12-29"),
    )
    .unwrap();
    let refused = world.run(&[]);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(
        refused.stderr.contains("error[BH-SCHEMA]") && refused.stderr.contains("new name"),
        "{refused:?}"
    );
}
