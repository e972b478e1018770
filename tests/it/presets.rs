//! A table keeps the columns of its presets, also with a newer catalog.

use std::path::PathBuf;

use backhaul::sandbox::Options;
use serde_json::Value as Json;

use crate::support::{TestContext, now, preset, unlimited};

const DOMAINS: &str = "[[report]]\nname = \"domains\"\nendpoint = \"site-explorer/refdomains\"\n";

fn record(context: &TestContext) -> PathBuf {
    context.destination().join("_backhaul/tables/domains.json")
}

fn presets(context: &TestContext) -> Json {
    let text = std::fs::read_to_string(record(context)).unwrap();
    serde_json::from_str::<Json>(&text).unwrap()["presets"].clone()
}

/// What the table's presets were when an older version first used them.
fn recorded_by_an_older_version(context: &TestContext, presets: &Json) {
    let mut json: Json =
        serde_json::from_str(&std::fs::read_to_string(record(context)).unwrap()).unwrap();
    json["presets"] = presets.clone();
    std::fs::write(record(context), json.to_string()).unwrap();
}

fn columns(context: &TestContext) -> Vec<String> {
    let schema = context
        .backhaul(&["schema", "domains", "--format", "arrow"])
        .expect(0)
        .stdout;
    let names = schema
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, _)| name.to_owned());
    names.filter(|name| !name.starts_with('_')).collect()
}

#[test]
fn a_preset_stays_what_it_was_when_the_table_first_used_it() {
    let standard = preset("site-explorer/refdomains", "standard");
    let context = TestContext::new(unlimited(30));
    context.configure(DOMAINS);
    assert_eq!(columns(&context), standard);
    context.run().expect(0);
    assert_eq!(presets(&context), serde_json::json!({"standard": standard}));
    let offered = context.backhaul(&["check", "--offline"]).expect(0).stdout;
    assert!(!offered.contains("newer preset"), "{offered}");

    // An older version's preset lacked the last column and held one that is full now.
    let full = preset("site-explorer/refdomains", "full");
    let (newer, kept) = standard.split_last().unwrap();
    let dropped = full.iter().find(|name| !standard.contains(name)).unwrap();
    let older: Vec<&String> = kept.iter().chain([dropped]).collect();
    recorded_by_an_older_version(
        &context,
        &serde_json::json!({"standard": older, "minimal": ["domain"]}),
    );
    assert_eq!(columns(&context).iter().collect::<Vec<_>>(), older);
    let report = context
        .backhaul(&["run", "--json", "--refetch"])
        .expect(0)
        .json();
    assert_eq!(report["reports"][0]["rows"], 30);
    assert_eq!(
        presets(&context)["standard"],
        serde_json::json!(older),
        "a run changes no recorded preset"
    );

    let checked = context.backhaul(&["check", "--offline"]).expect(0).stdout;
    let line = checked
        .lines()
        .find(|line| line.starts_with("newer preset"))
        .unwrap_or_else(|| panic!("{checked}"));
    for part in [
        "domains: the table keeps `standard` as it was first used; this version's adds ".to_owned(),
        format!("adds `{newer}` ("),
        format!("leaves out `{dropped}` ("),
        "to take that: columns = [\"first_seen\", \"domain\", ".to_owned(),
    ] {
        assert!(line.contains(&part), "{part:?} is not in {line}");
    }
    let (_, columns_line) = line.split_once("to take that: ").unwrap();
    context.configure(&format!("{DOMAINS}{columns_line}\n"));
    assert_eq!(
        columns(&context)
            .iter()
            .collect::<std::collections::BTreeSet<_>>(),
        standard.iter().collect()
    );
    let checked = context.backhaul(&["check", "--offline"]).expect(0).stdout;
    assert!(!checked.contains("newer preset"), "{checked}");
    recorded_by_an_older_version(
        &context,
        &serde_json::json!({"standard": kept, "minimal": ["domain"]}),
    );
    context.configure(DOMAINS);
    let checked = context.backhaul(&["check", "--offline"]).expect(0).stdout;
    assert!(
        checked.contains(&format!(
            "to take that: columns = [\"standard\", \"+{newer}\"]\n"
        )),
        "{checked}"
    );
    context.configure(&format!("{DOMAINS}columns = [\"minimal\", \"+{newer}\"]\n"));
    assert_eq!(columns(&context), ["domain", newer]);
}

#[test]
fn a_recorded_column_that_the_catalog_no_longer_has_is_left_out_and_stays_in_the_table() {
    let context = TestContext::new(unlimited(30));
    context.configure(DOMAINS);
    context.run().expect(0);
    recorded_by_an_older_version(
        &context,
        &serde_json::json!({"standard": ["domain", "no_longer_known"]}),
    );
    assert_eq!(columns(&context), ["domain"]);
    context.backhaul(&["run", "--refetch"]).expect(0);
}

#[test]
fn full_holds_what_compares_dates_exactly_where_a_date_is_compared_with() {
    let report = "[[report]]\nname = \"domains\"\nendpoint = \"site-explorer/organic-keywords\"\ncountries = [\"us\"]\n\
                  columns = [\"full\"]\n";
    let context = TestContext::new(unlimited(30));
    context.configure(report);
    let plain = columns(&context);
    assert!(
        plain.contains(&"volume".to_owned()) && !plain.contains(&"volume_prev".to_owned()),
        "{plain:?}"
    );
    context.configure(&format!("{report}date_compared = \"2026-01-01\"\n"));
    let compared = columns(&context);
    assert!(compared.starts_with(&plain), "{compared:?}");
    for name in [
        "volume_prev",
        "sum_traffic_merged",
        "best_position_diff",
        "status",
    ] {
        assert!(compared.contains(&name.to_owned()), "{name}");
    }
    context.configure(
        &report
            .replace("full", "standard")
            .replace("\ncolumns", "\ndate_compared = \"2026-01-01\"\ncolumns"),
    );
    assert!(!columns(&context).contains(&"volume_prev".to_owned()));
}

#[test]
#[ignore = "needs Python with DuckDB, pyarrow and Polars: make test"]
fn a_table_that_gains_columns_of_every_kind_stays_readable_with_its_old_nights() {
    let python = std::env::var("BACKHAUL_TEST_PYTHON").expect("make test sets it");
    let mut context = TestContext::new(Options {
        clock_offset: chrono::Duration::days(10),
        ..unlimited(120)
    });
    let links = "[[report]]\nname = \"links\"\nendpoint = \"site-explorer/all-backlinks\"\naggregation = \"all\"\n";
    let answers =
        "[[report]]\nname = \"answers\"\nendpoint = \"site-explorer/ai-responses-count\"\n";
    let configure = |context: &TestContext, of_links: &str, of_answers: &str| {
        context.configure(&format!(
            "{links}columns = {of_links}\n{answers}columns = {of_answers}\n"
        ));
    };
    configure(&context, "[\"minimal\"]", "[\"gemini\"]");
    context.run().expect(0);
    let tomorrow = now() + chrono::Duration::days(1);
    context.set_time(tomorrow);
    // Lists, dates, floats, booleans and structs are added, and one column is no longer fetched.
    configure(
        &context,
        "[\"full\", \"-is_dofollow\"]",
        "[\"chatgpt\", \"gemini\"]",
    );
    context.run().expect(0);

    let output = std::process::Command::new(python)
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/python/read_tables.py"
        ))
        .arg(context.destination())
        .args([
            "--table", "links", "--table", "answers", "--rows", "--grown", "--polars",
        ])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let seen: Json = serde_json::from_str(&text).unwrap();
    for (table, rows) in [("links", 240), ("answers", 2)] {
        let by_duckdb = &seen["duckdb"][table];
        assert_eq!(by_duckdb["rows"], rows, "{table}");
        let names = by_duckdb["columns"]
            .as_array()
            .unwrap()
            .iter()
            .map(|column| column[0].as_str().unwrap());
        let names: Vec<&str> = names.collect();
        assert_eq!(by_duckdb["partitions"].as_object().unwrap().len(), 2);
        let added = if table == "links" {
            "languages"
        } else {
            "chatgpt"
        };
        let index = names.iter().position(|name| *name == added).unwrap();
        let values = by_duckdb["values"].as_array().unwrap();
        let nulls = values.iter().filter(|row| row[index].is_null()).count();
        // What an assistant did not answer is null in newer nights too.
        let is_as_added = if table == "links" {
            nulls == values.len() / 2
        } else {
            nulls >= values.len() / 2
        };
        assert!(
            is_as_added,
            "{table} {added}: {nulls} nulls in {} rows",
            values.len()
        );
        for reader in ["pyarrow", "polars"] {
            assert_eq!(
                seen[reader][table]["values"], by_duckdb["values"],
                "{reader} {table}"
            );
        }
    }
}
