//! Histories under crashes, cut-off nights, two processes and concurrent readers.

use std::collections::{BTreeMap, BTreeSet};

use super::world::{DAILY, World, after, before, day, loaded, price};

/// Killed at every step of a first load of three years and of a night that reaches into the year before.
#[test]
fn a_crash_at_every_step_costs_nothing_twice_and_ends_whole() {
    for (since, nights) in [
        ("2024-12-20", ["2026-01-03", "2026-01-03"]),
        ("2025-11-20", ["2026-01-02", "2026-01-03"]),
    ] {
        let first_load = nights[0] == nights[1];
        let begin = || {
            let mut world = World::new(&["acme", "rival"], since, "history_grouping = \"daily\"");
            if !first_load {
                world.at(day(nights[0]));
                world.run(&[]).expect(0);
                for target in ["acme", "rival"] {
                    world.expect(target, day(since), day(nights[0]), day(nights[0]), &DAILY);
                }
            }
            world.at(day(nights[1]));
            let from = if first_load {
                day(since)
            } else {
                before(day(nights[0]), 7)
            };
            for target in ["acme", "rival"] {
                world.expect(target, from, day(nights[1]), day(nights[1]), &DAILY);
            }
            world
        };
        let mut world = begin();
        let log = world.context.folder.path().join("steps.txt");
        world
            .context
            .env("BACKHAUL_TEST_STEPS", &log.to_string_lossy());
        world.run(&[]).expect(0);
        world.check();
        let undisturbed = world.context.stats().units;
        let passed = std::fs::read_to_string(&log).unwrap();
        let mut steps: BTreeMap<&str, usize> = BTreeMap::new();
        passed
            .lines()
            .for_each(|step| *steps.entry(step).or_default() += 1);
        assert_eq!(steps["history.period"], if first_load { 3 } else { 2 });
        for (step, times) in steps {
            for nth in BTreeSet::from([1, times]) {
                let mut world = begin();
                world
                    .context
                    .env("BACKHAUL_TEST_CRASH_AT", &format!("{step}:{nth}"));
                assert_eq!(world.run(&[]).code, -1, "{step}:{nth}");
                world.context.env("BACKHAUL_TEST_CRASH_AT", "");
                let ran = world.run(&[]).expect(0);
                assert_eq!(world.rows(), world.truth, "{step}:{nth} {ran:?}");
                let most = world.context.stats().units - undisturbed;
                // Before both answers are saved, those under way may be lost.
                let is_saved = step.starts_with("commit.") || step.starts_with("history.");
                let in_flight = if is_saved { 0 } else { undisturbed };
                assert!(most <= in_flight, "{step}:{nth} paid {most} twice");
                assert_eq!(
                    world.run(&[]).expect(0).json()["requests"],
                    0,
                    "{step}:{nth}"
                );
                world.verify();
            }
        }
    }
}

#[test]
fn a_night_that_was_cut_off_is_finished_under_its_date_or_overtaken_by_the_next() {
    for overtaken in [false, true] {
        let mut world = loaded(&["acme", "rival"], "2026-01-01", "");
        world.at(day("2026-01-02"));
        world
            .context
            .env("BACKHAUL_TEST_CRASH_AT", "landing.saved:2");
        assert_eq!(world.run(&[]).code, -1);
        world.context.env("BACKHAUL_TEST_CRASH_AT", "");
        world.at(day("2026-01-03"));
        let arguments: &[&str] = if overtaken {
            &["--date", "2026-01-03"]
        } else {
            &[]
        };
        world.run(arguments).expect(0);
        for target in ["acme", "rival"] {
            // The second task may have been in flight; either way the days up to the night hold the latest word.
            world.expect(
                target,
                day("2025-12-25"),
                day("2026-01-03"),
                day("2026-01-03"),
                &DAILY,
            );
        }
        world.check();
        assert_eq!(
            world.run(&[]).expect(0).json()["requests"],
            0,
            "overtaken: {overtaken}"
        );
        world.check();
        world.verify();
        assert_eq!(
            world.states()["period=2026"].generation,
            2,
            "a run commits a partition once"
        );
    }
}

#[test]
fn two_processes_share_a_night_and_pay_once() {
    let mut world = loaded(&["acme", "rival", "third", "fourth"], "2025-12-30", "");
    world.at(day("2026-01-02"));
    let mut units = 0;
    for target in ["acme", "rival", "third", "fourth"] {
        units += price(world.expect(
            target,
            day("2025-12-23"),
            day("2026-01-02"),
            day("2026-01-02"),
            &DAILY,
        ));
    }
    let mut children: Vec<_> = (0..2)
        .map(|_| {
            world
                .context
                .command(&["run"])
                .stdout(std::process::Stdio::null())
                .stderr(std::process::Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    for child in &mut children {
        let code = child.wait().unwrap().code();
        assert!(matches!(code, Some(0 | 5)), "{code:?}");
    }
    world.run(&[]).expect(0);
    world.check();
    assert_eq!(world.context.stats().units, units);
    world.verify();
}

/// `DuckDB` reads the table by glob while nights go by: one row for each key at any moment.
#[test]
#[ignore = "needs Python with DuckDB and pyarrow: make test"]
fn duckdb_sees_each_key_once_at_any_moment() {
    let python = std::env::var("BACKHAUL_TEST_PYTHON").expect("make test sets it");
    let mut world = loaded(&["acme", "rival"], "2025-12-28", "");
    let script = "import duckdb, os, sys\n\
        least, looks = 0, 0\n\
        while not os.path.exists(sys.argv[2]):\n\
        \x20   try:\n\
        \x20       rows, keys, years = duckdb.sql(f\"SELECT count(*), count(DISTINCT (_target, date)), \
        count(*) FILTER (year(date) <> period) FROM read_parquet('{sys.argv[1]}/**/*.parquet', hive_partitioning = true)\").fetchall()[0]\n\
        \x20   except duckdb.IOException:\n\
        \x20       continue\n\
        \x20   assert rows == keys and years == 0 and rows >= least, (rows, keys, years, least)\n\
        \x20   least, looks = rows, looks + 1\n\
        print(looks)\n";
    let end = world.context.folder.path().join("end");
    let reader = std::process::Command::new(python)
        .args(["-c", script])
        .arg(world.table())
        .arg(&end)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    for number in 1..25 {
        let night = after(day("2025-12-28"), number);
        world.at(night);
        world.run(&[]).expect(0);
        for target in ["acme", "rival"] {
            world.expect(target, before(night, 8), night, night, &DAILY);
        }
    }
    world.check();
    std::fs::write(end, "").unwrap();
    let output = reader.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let looks: u64 = String::from_utf8_lossy(&output.stdout)
        .trim()
        .parse()
        .unwrap();
    assert!(looks > 10, "{looks}");
}
