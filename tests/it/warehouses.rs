//! DDL and load statements as they are printed (golden texts), the record of what a warehouse has, and layout checks.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use backhaul::catalog::Catalog;
use backhaul::table::{ColumnType, SystemColumn, TableSchema};
use backhaul::warehouse::{
    Bucket, DataFile, DataLocation, Engine, LoadMethod, PartitionChange, StorageService, Table,
    TableLoad, create_table, external_table, load_script,
};

use crate::support::{Ran, TestContext, now, today, unlimited};

/// A table with every type, a parameter, money and a score.
fn every_type() -> Table {
    let endpoint = Catalog::embedded()
        .endpoint("site-explorer/organic-keywords")
        .unwrap();
    let columns = [
        "keyword",
        "best_position",
        "cpc",
        "is_branded",
        "last_update",
        "serp_features",
    ];
    let columns: Vec<String> = columns.iter().map(|name| (*name).to_owned()).collect();
    Table::new(
        TableSchema::new("keywords", endpoint, &columns, &["country".to_owned()]).unwrap(),
        None,
    )
}

fn history() -> Table {
    let endpoint = Catalog::embedded()
        .endpoint("site-explorer/domain-rating-history")
        .unwrap();
    let columns: Vec<String> = endpoint
        .columns
        .iter()
        .map(|column| column.name.clone())
        .collect();
    let schema = TableSchema::new("rating_history", endpoint, &columns, &[]).unwrap();
    Table::new(
        schema,
        endpoint.history_column().map(|column| column.name.as_str()),
    )
}

fn targets() -> Table {
    let column = |name, kind| SystemColumn {
        name,
        kind,
        description: "",
    };
    let columns = vec![
        column("target", ColumnType::Text),
        column("labels", ColumnType::Json),
    ];
    Table::new(
        TableSchema::for_system_table("targets", columns, &["target"]),
        None,
    )
}

fn location_for(engine: Engine) -> DataLocation {
    let service = if engine == Engine::Bigquery {
        StorageService::Google
    } else {
        StorageService::S3
    };
    DataLocation::Bucket(Bucket {
        service,
        name: "acme".to_owned(),
        prefix: "seo/ahrefs".to_owned(),
        endpoint: None,
        region: Some("eu-central-1".to_owned()),
        account: None,
    })
}

fn change(table: &Table, partition: &str, rows: &[u64]) -> PartitionChange {
    let file = |(index, rows): (usize, &u64)| DataFile {
        name: format!("part-{index:05}.parquet"),
        rows: *rows,
    };
    let columns = table
        .columns()
        .iter()
        .map(|column| column.name.clone())
        .collect();
    PartitionChange {
        partition: partition.to_owned(),
        files: rows.iter().enumerate().map(file).collect(),
        columns,
    }
}

fn loads() -> Vec<TableLoad> {
    let load = |table: Table, partitions: &[(&str, &[u64])]| {
        let changes = partitions
            .iter()
            .map(|(name, rows)| change(&table, name, rows))
            .collect();
        TableLoad { table, changes }
    };
    vec![
        load(targets(), &[("all", &[2])]),
        load(
            every_type(),
            &[
                ("snapshot_date=2026-11-22", &[]),
                ("snapshot_date=2026-11-23", &[1200, 34]),
            ],
        ),
        load(history(), &[("period=2026", &[327])]),
    ]
}

#[test]
fn what_load_prints_for_each_engine() {
    for engine in Engine::ALL {
        let labels = [
            "client".to_owned(),
            "Key Account".to_owned(),
            "country".to_owned(),
        ];
        let text = load_script(
            engine,
            "seo",
            &location_for(engine),
            engine.load_methods()[0],
            &loads(),
            &labels,
        );
        insta::assert_snapshot!(format!("load_{}", engine.name()), text);
    }
}

#[test]
fn external_tables_of_each_engine() {
    let mut all = String::new();
    for engine in Engine::ALL {
        let _ = writeln!(all, "-- {}", engine.title());
        for table in [every_type(), history(), targets()] {
            let location = location_for(engine);
            all.push_str(&external_table(engine, "seo", &table, Some(&location)));
        }
    }
    all.push_str("-- Parquet Direct\n");
    all.push_str(&load_script(
        Engine::Snowflake,
        "seo",
        &location_for(Engine::Snowflake),
        LoadMethod::Direct,
        &loads()[2..],
        &[],
    ));
    insta::assert_snapshot!(all);
}

#[test]
fn every_operation_has_ddl_for_every_engine() {
    for endpoint in Catalog::embedded().endpoints() {
        let columns: Vec<String> = endpoint
            .columns
            .iter()
            .map(|column| column.name.clone())
            .collect();
        let schema = TableSchema::new("t", endpoint, &columns, &[]).unwrap();
        let table = Table::new(
            schema,
            endpoint.history_column().map(|column| column.name.as_str()),
        );
        for engine in Engine::ALL {
            let ddl = create_table(engine, "seo", &table);
            for column in table.columns() {
                let name = &column.name;
                assert!(
                    ddl.to_lowercase().contains(&name.to_lowercase()),
                    "{} {name}: {ddl}",
                    engine.title()
                );
            }
            assert!(!ddl.contains("()") || engine == Engine::Clickhouse, "{ddl}");
        }
    }
}

const REPORTS: &str = "[[report]]\nname = \"anchors\"\nendpoint = \"site-explorer/anchors\"\ncolumns = [\"minimal\"]\n\n\
                       [[report]]\nname = \"rating\"\nendpoint = \"site-explorer/domain-rating\"\n\n";

fn exported() -> TestContext {
    let context = TestContext::new(unlimited(120));
    context.configure_with("[[target]]\nname = \"zebra\"\nurl = \"acme.com\"\nlabels = { client = \"Acme\" }\n\n[[target]]\nname = \"yak\"\nurl = \"third.net\"\n", REPORTS);
    context.run().expect(0);
    context
}

/// The partitions that a script loads, by table.
fn loaded_partitions(ran: &Ran) -> BTreeMap<String, Vec<String>> {
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in ran.stdout.lines() {
        let Some((table, rest)) = line
            .strip_prefix("-- ")
            .and_then(|line| line.split_once('/'))
        else {
            continue;
        };
        let Some((partition, rows)) = rest.split_once(": ") else {
            continue;
        };
        if (rows.ends_with(" rows") || rows == "1 row") && !table.contains(' ') {
            all.entry(table.to_owned())
                .or_default()
                .push(partition.to_owned());
        }
    }
    all
}

/// The commit number after `--done` in a script.
fn commit_number(ran: &Ran) -> String {
    let line = ran
        .stdout
        .lines()
        .find(|line| line.starts_with("-- then: "))
        .unwrap();
    line.rsplit(' ').next().unwrap().to_owned()
}

fn pending(context: &TestContext) -> Ran {
    context.backhaul(&["load", "duckdb", "--pending"]).expect(0)
}

#[test]
fn what_is_pending_is_what_changed_since_it_was_acknowledged() {
    let mut context = exported();
    let tonight = today();
    let first = pending(&context);
    let partition = format!("snapshot_date={tonight}");
    let all = loaded_partitions(&first);
    assert_eq!(
        all.keys().collect::<Vec<_>>(),
        ["anchors", "coverage", "rating", "targets"]
    );
    assert_eq!(all["anchors"], [partition]);
    assert_eq!(
        pending(&context).stdout,
        first.stdout,
        "a second request changes nothing"
    );

    context
        .backhaul(&["load", "duckdb", "--done", &commit_number(&first)])
        .expect(0);
    let none = pending(&context);
    assert!(
        none.stdout.starts_with("-- DuckDB has everything"),
        "{}",
        none.stdout
    );
    assert!(
        pending_of(&context, "snowflake").contains("anchors/"),
        "each warehouse has its own record"
    );

    // A night that is rewritten is pending again, and what depends on it.
    let before = now() - chrono::Duration::days(1);
    context
        .backhaul(&["run", "--refetch", "--report", "anchors", "--target", "yak"])
        .expect(0);
    assert_eq!(
        loaded_partitions(&pending(&context))
            .keys()
            .collect::<Vec<_>>(),
        ["anchors", "coverage"]
    );
    // A number that was printed means what was committed then, not what came after.
    let printed = pending(&context);
    context.set_time(before);
    context
        .backhaul(&[
            "run",
            "--date",
            &before.date_naive().to_string(),
            "--report",
            "rating",
        ])
        .expect(0);
    context
        .backhaul(&["load", "duckdb", "--done", &commit_number(&printed)])
        .expect(0);
    let late = loaded_partitions(&pending(&context));
    assert_eq!(
        late["rating"],
        [format!("snapshot_date={}", before.date_naive())]
    );
    assert!(!late.contains_key("anchors"), "{late:?}");

    context
        .backhaul(&[
            "load",
            "duckdb",
            "--done",
            &commit_number(&pending(&context)),
        ])
        .expect(0);
    context.backhaul(&["forget", "--target", "yak"]).expect(0);
    let forgotten = loaded_partitions(&pending(&context));
    assert!(
        ["anchors", "coverage", "rating", "targets"]
            .iter()
            .all(|table| forgotten.contains_key(*table)),
        "{forgotten:?}"
    );
}

fn pending_of(context: &TestContext, engine: &str) -> String {
    context
        .backhaul(&["load", engine, "--pending"])
        .expect(0)
        .stdout
}

#[test]
fn a_selection_is_acknowledged_as_it_was_requested() {
    let context = exported();
    let selection = context
        .backhaul(&["load", "duckdb", "--pending", "--report", "anchors"])
        .expect(0);
    assert_eq!(
        loaded_partitions(&selection).keys().collect::<Vec<_>>(),
        ["anchors", "coverage", "targets"]
    );
    let command = selection
        .stdout
        .lines()
        .find_map(|line| line.strip_prefix("-- then: backhaul "))
        .unwrap();
    context
        .backhaul(&command.split(' ').collect::<Vec<_>>())
        .expect(0);
    assert_eq!(
        loaded_partitions(&pending(&context))
            .keys()
            .collect::<Vec<_>>(),
        ["rating"]
    );
}

#[test]
fn load_refuses_what_it_cannot_do_with_one_error() {
    let context = exported();
    let mut errors = String::new();
    for arguments in [
        &["load", "duckdb", "--done", "99999"][..],
        &["load", "bigquery"],
        &["load", "athena"],
        &["load", "databricks"],
        &["load", "duckdb", "--direct"],
        &["load", "redshift", "--external"],
        &["load", "duckdb", "--target", "zebra"],
        &["load", "duckdb", "--report", "anchor"],
        &["load", "duckdb", "--schema", "a;b"],
        &["load", "clickhouse", "--apply"],
        &["schema", "anchors", "--format", "json", "--external"],
        &["schema", "anchors", "--format", "redshift", "--external"],
    ] {
        let ran = context.backhaul(arguments).expect(2);
        let _ = writeln!(errors, "$ backhaul {}\n{}", arguments.join(" "), ran.stderr);
    }
    let folder = context.destination().display().to_string();
    let errors = errors.replace(&folder, "[export]");
    insta::assert_snapshot!(errors);
}

#[test]
fn lint_finds_nothing_broken_or_slow_in_what_this_program_writes() {
    let context = exported();
    let ran = context.backhaul(&["verify", "--lint"]).expect(0);
    assert!(
        ran.stdout
            .lines()
            .any(|line| line.starts_with("anchors  1 file, ")),
        "{}",
        ran.stdout
    );
    assert!(!ran.stdout.contains("broken"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("  slow"), "{}", ran.stdout);
}
