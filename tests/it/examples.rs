//! The examples and the demo, run as their readers would, and read back with the readers' own tools.

use crate::support::{TestContext, unlimited};

/// Runs an example with the sandbox's port and a higher limit of requests, and then again: nothing is sent.
/// Gives the number of complete tasks of each table.
fn completes(name: &str) -> Vec<(String, u64)> {
    let context = TestContext::new(unlimited(600));
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples")
        .join(name);
    let text = std::fs::read_to_string(path).unwrap();
    assert!(
        text.contains("http://127.0.0.1:7070/v3") && text.contains("requests_per_minute = 60 ")
    );
    let text = text.replace("http://127.0.0.1:7070/v3", &context.url());
    context.write_configuration(
        &text.replace("requests_per_minute = 60 ", "requests_per_minute = 60000 "),
    );
    let report = context
        .backhaul(&["run", "--max-units", "1000000", "--json"])
        .expect(0)
        .json();
    assert_eq!(report["status"], "done");
    let tables = report["reports"].as_array().unwrap();
    for table in tables {
        assert!(table["rows"].as_u64().unwrap() > 0, "{table}");
    }
    let before = context.stats().requests;
    assert!(before > 0);
    let again = context
        .backhaul(&["run", "--max-units", "1000000", "--json"])
        .expect(0)
        .json();
    assert_eq!(
        (again["requests"].as_u64(), again["units"].as_u64()),
        (Some(0), Some(0))
    );
    assert_eq!(context.stats().requests, before);
    let complete = |table: &serde_json::Value| table["tasks"]["complete"].as_u64().unwrap();
    tables
        .iter()
        .map(|table| (table["name"].as_str().unwrap().to_owned(), complete(table)))
        .collect()
}

#[test]
fn the_first_night_runs_unchanged_and_a_second_run_sends_nothing() {
    let tables = [
        ("backlinks", 2),
        ("referring_domains", 2),
        ("organic_keywords", 2),
    ];
    assert_eq!(
        completes("first-night.toml"),
        tables.map(|(name, tasks)| (name.to_owned(), tasks))
    );
}

#[test]
fn keywords_and_history_run_unchanged_and_a_second_run_sends_nothing() {
    let tables = [
        ("keywords", 2),
        ("questions", 1),
        ("ratings", 2),
        ("rating_history", 2),
        ("positions", 2),
    ];
    assert_eq!(
        completes("keywords-and-history.toml"),
        tables.map(|(name, tasks)| (name.to_owned(), tasks))
    );
}

#[test]
#[ignore = "needs Python with DuckDB and pyarrow: make test"]
fn duckdb_and_pyarrow_read_the_demo_as_hive_partitioned_tables() {
    let python = std::env::var("BACKHAUL_TEST_PYTHON").expect("make test sets it");
    let context = TestContext::new(unlimited(1));
    context.backhaul(&["demo", "--out", "demo"]).expect(0);
    let output = std::process::Command::new(python)
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/python/read_tables.py"
        ))
        .arg(context.folder.path().join("demo"))
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let seen: serde_json::Value = serde_json::from_str(&text).unwrap();
    let files = |table: &str| -> Vec<serde_json::Value> {
        let folder = context
            .folder
            .path()
            .join("demo/_backhaul/tables")
            .join(table);
        let states = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
        let states =
            states.map(|state| serde_json::from_slice::<serde_json::Value>(&state).unwrap());
        states
            .flat_map(|state| state["committed"]["files"].as_array().unwrap().clone())
            .collect()
    };
    let tables = seen["duckdb"].as_object().unwrap();
    assert!(tables.len() >= 5, "{tables:?}");
    for (table, by_duckdb) in tables {
        let rows: u64 = files(table)
            .iter()
            .map(|file| file["rows"].as_u64().unwrap())
            .sum();
        assert_eq!(by_duckdb["rows"].as_u64(), Some(rows), "{table}");
        assert_eq!(
            seen["pyarrow"][table]["rows"].as_u64(),
            Some(rows),
            "{table}"
        );
        let key = by_duckdb["columns"]
            .as_array()
            .unwrap()
            .iter()
            .any(|column| column[0] == "snapshot_date" || column[0] == "period");
        assert_eq!(
            key,
            table != "targets",
            "the hive key is a column of {table}, where the table has partitions"
        );
    }
}

#[test]
fn the_demo_prints_the_cost_runs_twice_and_refuses_other_folders() {
    let context = TestContext::new(unlimited(1));
    let ran = context.backhaul(&["demo", "--out", "demo"]).expect(0);
    assert!(
        ran.stdout.contains("Cost: the real API would have charged"),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.contains("read_parquet("), "{}", ran.stdout);
    context.backhaul(&["demo", "--out", "demo"]).expect(0);
    std::fs::create_dir(context.folder.path().join("mine")).unwrap();
    std::fs::write(context.folder.path().join("mine/thesis.txt"), "x").unwrap();
    let refused = context.backhaul(&["demo", "--out", "mine"]).expect(2);
    assert!(
        refused.stderr.contains("has files that no demo wrote"),
        "{}",
        refused.stderr
    );
    assert!(context.folder.path().join("mine/thesis.txt").exists());
}

/// The rows of the sandbox's data are removed one by one after its newest day; what probes need must not run out.
#[test]
fn the_demo_completes_years_after_the_newest_day_of_its_data() {
    let mut context = TestContext::new(unlimited(1));
    context.set_time("2029-06-01T12:00:00Z".parse().unwrap());
    let ran = context.backhaul(&["demo", "--out", "demo"]).expect(0);
    assert!(!ran.stdout.contains("capped"), "{}", ran.stdout);
}
