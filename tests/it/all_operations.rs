//! One configuration that names every operation of the catalog, run against the sandbox: every table holds the rows that the
//! source serves to who asks it directly, readers see the promised types, and a second run sends nothing.

use std::collections::BTreeMap;

use backhaul::catalog::{Catalog, Column, ColumnKind, Endpoint, Shape};
use backhaul::sandbox::Options;
use chrono::{DateTime, Utc};
use serde_json::Value as Json;

use crate::operations::{ExpectedRequest, LIST, TARGET, expected_requests, required_inputs};
use crate::support::{TestContext, canonical_json, is_json, now, unlimited};

/// The night of the run.
const NIGHT: &str = "2026-11-23";

/// The table of an operation.
fn table(endpoint: &Endpoint) -> String {
    endpoint.name.replace(['/', '-'], "_")
}

/// Every column, more than any preset holds: none of them is refused where a report sets no further parameter.
fn columns(endpoint: &Endpoint) -> Vec<String> {
    endpoint
        .columns
        .iter()
        .map(|column| column.name.clone())
        .collect()
}

/// What a report needs beyond what its operation requires, once it has every column: a line, and what is then sent.
fn more(endpoint: &Endpoint) -> Option<(&'static str, &'static str, &'static str)> {
    let has_months = endpoint.column("volume_monthly_history").is_some();
    has_months.then_some((
        "volume_monthly_date_from = \"-12mo\"\n",
        "volume_monthly_date_from",
        "2025-11-23",
    ))
}

/// A report of each of these operations, with every column.
fn reports<'a>(endpoints: impl IntoIterator<Item = &'a Endpoint>) -> String {
    let report = |endpoint: &Endpoint| {
        let columns = format!("columns = {:?}\n", columns(endpoint));
        let columns = if endpoint.has_select() {
            columns.as_str()
        } else {
            ""
        };
        let lines: String = required_inputs(endpoint)
            .into_iter()
            .map(|need| need.of_report)
            .collect();
        let more = more(endpoint).map_or("", |(line, ..)| line);
        format!(
            "[[report]]\nname = \"{}\"\nendpoint = \"{}\"\n{columns}{lines}{more}\n",
            table(endpoint),
            endpoint.name
        )
    };
    endpoints.into_iter().map(report).collect()
}

/// A sandbox and the program in the night of [`NIGHT`], and a configuration of these operations.
fn configured<'a>(
    options: Options,
    endpoints: impl IntoIterator<Item = &'a Endpoint>,
) -> TestContext {
    let time: DateTime<Utc> = format!("{NIGHT}T02:00:00Z").parse().unwrap();
    let mut context = TestContext::new(Options {
        clock_offset: time - now(),
        ..options
    });
    context.set_time(time);
    context.configure_with(&format!("{TARGET}{LIST}"), &reports(endpoints));
    context
}

/// Whether a column has another value at each request: what was used so far, and a year from the start of the sandbox.
fn moves(endpoint: &Endpoint, column: &str) -> bool {
    endpoint.section() == "subscription-info"
        && (column.starts_with("units_usage_") || column == "api_key_expiration_date")
}

/// The columns of a table's rows that can be foretold: by whom and when they were asked for, and all that the source sends.
fn foretold(endpoint: &Endpoint) -> Vec<String> {
    let request = expected_requests(endpoint, NIGHT.parse().unwrap(), &[]).remove(0);
    let varying = request
        .varying
        .into_iter()
        .map(|(name, _)| format!("_{name}"));
    let own = ["_target", "_snapshot_date"].map(str::to_owned);
    let still = columns(endpoint)
        .into_iter()
        .filter(|column| !moves(endpoint, column));
    own.into_iter().chain(varying).chain(still).collect()
}

/// The rows that the source serves for each operation, as the [`foretold`] columns; canonical and sorted.
fn served(
    context: &TestContext,
    endpoints: &[&'static Endpoint],
) -> BTreeMap<String, Vec<Vec<String>>> {
    let night = NIGHT.parse().unwrap();
    let (mut asked, mut begins) = (Vec::new(), Vec::new());
    for endpoint in endpoints {
        for ExpectedRequest {
            varying,
            mut parameters,
        } in expected_requests(endpoint, night, &columns(endpoint))
        {
            parameters.extend(
                more(endpoint).map(|(_, name, value)| (name.to_owned(), Json::from(value))),
            );
            let looks_up = ["target", "targets"]
                .iter()
                .any(|name| parameters.contains_key(*name));
            let target = if looks_up { "\"acme.com\"" } else { "null" };
            let varying = varying.into_iter().map(|(_, value)| format!("{value:?}"));
            begins.push(
                [target.to_owned(), NIGHT.to_owned()]
                    .into_iter()
                    .chain(varying)
                    .collect::<Vec<_>>(),
            );
            asked.push((*endpoint, parameters));
        }
    }
    let mut tables: BTreeMap<String, Vec<Vec<String>>> = BTreeMap::new();
    for (((endpoint, _), begin), body) in
        asked.iter().zip(begins).zip(context.ask_oracle_all(&asked))
    {
        let rows = match (endpoint.shape, &body[&endpoint.response_key]) {
            (Shape::Record, record @ Json::Object(_)) => vec![record.clone()],
            (Shape::Rows | Shape::Scalars, Json::Array(rows)) => rows.clone(),
            (_, other) => panic!("{}: {other}", endpoint.name),
        };
        let cells = |row: &Json| -> Vec<String> {
            let value = |column: &Column| {
                if endpoint.shape == Shape::Scalars {
                    row
                } else {
                    &row[&column.name]
                }
            };
            let cell = |column: &Column| canonical_json(&column.kind, value(column));
            let still = endpoint
                .columns
                .iter()
                .filter(|column| !moves(endpoint, &column.name));
            begin.iter().cloned().chain(still.map(cell)).collect()
        };
        tables
            .entry(table(endpoint))
            .or_default()
            .extend(rows.iter().map(cells));
    }
    for rows in tables.values_mut() {
        rows.sort();
    }
    tables
}

/// Operations of which one answer is all that can be asked for and which may not show whether it is all that there is: they
/// take a `limit`, but no filter or order that pages could be made with.
const ONE_ANSWER: [&str; 11] = [
    "brand-radar/ai-responses",
    "brand-radar/cited-domains",
    "brand-radar/cited-pages",
    "gsc/pages",
    "keywords-explorer/volume-by-country",
    "site-explorer/crawled-pages",
    "site-explorer/organic-competitors",
    "web-analytics/countries",
    "web-analytics/entry-pages",
    "web-analytics/exit-pages",
    "web-analytics/top-pages",
];

/// The operation that skips rows under an order in which rows may be equal: behind its first page none proves that it is all.
const NO_TOTAL_ORDER: &str = "social-media/posts";

/// Why the table of an operation is called capped, if it is, where answers may hold more than 100 rows.
fn shortfall(endpoint: &Endpoint, answers: usize, rows: usize) -> Option<&'static str> {
    if ONE_ANSWER.contains(&endpoint.name.as_str()) {
        (rows >= 100 * answers).then_some("no_order_key")
    } else {
        (endpoint.name == NO_TOTAL_ORDER && rows > 50).then_some("no_total_order")
    }
}

/// Holds a table to the rows that the source serves.
#[track_caller]
fn holds(context: &TestContext, endpoint: &Endpoint, expected: &[Vec<String>]) {
    let rows = context.table_rows(&table(endpoint), &endpoint.name, &foretold(endpoint));
    assert_eq!(rows.len(), expected.len(), "{}", endpoint.name);
    for (row, expected) in rows.iter().zip(expected) {
        assert_eq!(row, expected, "{}", endpoint.name);
    }
}

/// Holds a run to what became of the tasks of a table: all are capped by this, or complete.
#[track_caller]
fn ended(report: &Json, endpoint: &Endpoint, shortfall: Option<&str>) {
    let told = report["reports"]
        .as_array()
        .unwrap()
        .iter()
        .find(|told| told["endpoint"] == endpoint.name)
        .unwrap();
    let tasks = expected_requests(endpoint, NIGHT.parse().unwrap(), &[]).len();
    let notes: Vec<&str> = report["notes"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Json::as_str)
        .collect();
    let of_it = |note: &&&str| {
        note.starts_with(&format!("{} ", table(endpoint))) && note.contains(": capped by ")
    };
    let reasons: Vec<&str> = notes
        .iter()
        .filter(of_it)
        .filter_map(|note| note.split(": capped by ").nth(1))
        .collect();
    let (complete, capped) = if shortfall.is_some() {
        (0, tasks)
    } else {
        (tasks, 0)
    };
    assert_eq!(
        (&told["tasks"]["complete"], &told["tasks"]["capped"]),
        (&complete.into(), &capped.into()),
        "{told} {notes:?}"
    );
    assert_eq!(
        reasons,
        vec![shortfall.unwrap_or_default(); capped],
        "{}",
        endpoint.name
    );
}

#[test]
fn every_operation_is_a_table() {
    let endpoints: Vec<&Endpoint> = Catalog::embedded().endpoints().collect();
    assert_eq!(endpoints.len(), 121);
    let context = configured(unlimited(120), endpoints.iter().copied());
    let report = context.run().expect(0).json();
    let served = served(&context, &endpoints);
    assert_eq!(report["reports"].as_array().unwrap().len(), endpoints.len());
    for (endpoint, told) in endpoints.iter().zip(report["reports"].as_array().unwrap()) {
        let expected = &served[&table(endpoint)];
        assert_eq!(told["endpoint"], endpoint.name);
        assert_eq!(told["rows"], expected.len(), "{}", endpoint.name);
        assert!(!expected.is_empty(), "{} proves nothing", endpoint.name);
        holds(&context, endpoint, expected);
        let answers = expected_requests(endpoint, NIGHT.parse().unwrap(), &[]).len();
        ended(
            &report,
            endpoint,
            shortfall(endpoint, answers, expected.len()),
        );
    }
    context.backhaul(&["verify"]).expect(0);
    let before = context.stats().requests;
    let again = context.run().expect(0).json();
    assert_eq!(
        (&again["requests"], &again["units"], &again["rows"]),
        (&Json::from(0), &Json::from(0), &Json::from(0))
    );
    assert_eq!(context.stats().requests, before);
}

/// How an operation is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// By ranges of its key.
    Keyed,
    /// By skipping rows.
    Skipping,
    /// In one answer that holds all.
    Whole,
    /// In one answer that may not.
    OneAnswer,
}

fn of_kind(kind: Kind) -> Vec<&'static Endpoint> {
    let kind_of = |endpoint: &Endpoint| match endpoint.parameter("limit") {
        None => Kind::Whole,
        Some(_) if endpoint.parameter("offset").is_some() => Kind::Skipping,
        Some(_) if endpoint.order_key.is_empty() => Kind::OneAnswer,
        Some(_) => Kind::Keyed,
    };
    Catalog::embedded()
        .endpoints()
        .filter(|endpoint| kind_of(endpoint) == kind)
        .collect()
}

/// The rows of each table, as text.
type Rows = BTreeMap<String, Vec<Vec<String>>>;

/// The operations of a kind, exported from a source that gives at most 100 rows an answer and in which rows share keys.
fn behind_a_cap(kind: Kind) -> (TestContext, Vec<&'static Endpoint>, Json, Rows) {
    let endpoints = of_kind(kind);
    let options = Options {
        row_cap: Some(100),
        ties: Some(30),
        ..unlimited(260)
    };
    let context = configured(options, endpoints.iter().copied());
    let report = context.run().expect(0).json();
    let served = served(&context, &endpoints);
    (context, endpoints, report, served)
}

#[test]
fn what_has_a_key_is_complete_behind_a_cap_of_100_rows() {
    let (context, endpoints, report, served) = behind_a_cap(Kind::Keyed);
    assert!(endpoints.len() > 20, "{}", endpoints.len());
    let mut paged = 0;
    for endpoint in endpoints {
        let expected = &served[&table(endpoint)];
        holds(&context, endpoint, expected);
        ended(&report, endpoint, None);
        paged += usize::from(expected.len() > 100);
    }
    assert!(paged > 15, "{paged} of them needed pages");
}

#[test]
fn what_can_skip_rows_is_complete_behind_a_cap_only_under_a_total_order() {
    let (context, endpoints, report, served) = behind_a_cap(Kind::Skipping);
    assert_eq!(endpoints.len(), 2);
    for endpoint in endpoints {
        let expected = &served[&table(endpoint)];
        assert!(expected.len() > 100, "{} {}", endpoint.name, expected.len());
        holds(&context, endpoint, expected);
        ended(
            &report,
            endpoint,
            (endpoint.name == NO_TOTAL_ORDER).then_some("no_total_order"),
        );
    }
}

#[test]
fn what_takes_no_limit_is_whole_behind_a_cap() {
    let (context, endpoints, report, served) = behind_a_cap(Kind::Whole);
    assert!(endpoints.len() > 60, "{}", endpoints.len());
    for endpoint in endpoints {
        holds(&context, endpoint, &served[&table(endpoint)]);
        ended(&report, endpoint, None);
    }
}

#[test]
fn operations_without_key_and_offset_are_one_answer_and_report_it() {
    let (context, endpoints, report, served) = behind_a_cap(Kind::OneAnswer);
    for endpoint in &endpoints {
        let rows = context.table_rows(&table(endpoint), &endpoint.name, &foretold(endpoint));
        let (mut left, answers) = (
            served[&table(endpoint)].clone(),
            expected_requests(endpoint, NIGHT.parse().unwrap(), &[]).len(),
        );
        let is_capped = left.len() >= 100 * answers;
        assert_eq!(
            rows.len(),
            left.len().min(100 * answers),
            "{}",
            endpoint.name
        );
        for row in rows {
            let place = left.iter().position(|known| *known == row);
            left.swap_remove(
                place.unwrap_or_else(|| panic!("{}: never served: {row:?}", endpoint.name)),
            );
        }
        ended(&report, endpoint, is_capped.then_some("no_order_key"));
        assert!(
            is_capped || !ONE_ANSWER.contains(&endpoint.name.as_str()),
            "{}",
            endpoint.name
        );
    }
    assert!(
        ONE_ANSWER
            .iter()
            .all(|name| endpoints.iter().any(|endpoint| endpoint.name == *name))
    );
}

/// Each of two answers might be larger than the budget. The one takes all of it at first, and what it gives back is enough
/// for the other.
#[test]
fn a_task_waits_for_what_another_set_aside_instead_of_stopping() {
    let endpoint = Catalog::embedded()
        .endpoint("keywords-explorer/volume-by-country")
        .unwrap();
    let context = configured(unlimited(120), [endpoint]);
    let report = context
        .backhaul(&["run", "--json", "--max-units", "100000"])
        .expect(0)
        .json();
    let expected = &served(&context, &[endpoint])[&table(endpoint)];
    ended(&report, endpoint, Some("no_order_key"));
    holds(&context, endpoint, expected);
}

/// What `DuckDB`, pyarrow and Polars call the type of a column.
fn types(kind: &ColumnKind) -> [String; 3] {
    let named = |names: [&str; 3]| names.map(str::to_owned);
    match kind {
        kind if is_json(kind) => types(&ColumnKind::Text),
        ColumnKind::Integer => named(["BIGINT", "int64", "Int64"]),
        ColumnKind::Float => named(["DOUBLE", "double", "Float64"]),
        ColumnKind::Boolean => named(["BOOLEAN", "bool", "Boolean"]),
        ColumnKind::Date => named(["DATE", "date32[day]", "Date"]),
        ColumnKind::DateTime => named([
            "TIMESTAMP WITH TIME ZONE",
            "timestamp[us, tz=UTC]",
            "Datetime(time_unit='us', time_zone='UTC')",
        ]),
        ColumnKind::Text | ColumnKind::Json => named(["VARCHAR", "string", "String"]),
        ColumnKind::List(item) => {
            let [duckdb, pyarrow, polars] = types(item);
            [
                format!("{duckdb}[]"),
                format!("list<element: {pyarrow}>"),
                format!("List({polars})"),
            ]
        }
        ColumnKind::Struct(fields) => {
            let joined = |reader: usize, shown: &dyn Fn(&str, &str) -> String| {
                let field = |(name, kind): &(String, ColumnKind)| shown(name, &types(kind)[reader]);
                fields.iter().map(field).collect::<Vec<_>>().join(", ")
            };
            [
                format!(
                    "STRUCT({})",
                    joined(0, &|name, kind| format!("{name} {kind}"))
                ),
                format!(
                    "struct<{}>",
                    joined(1, &|name, kind| format!("{name}: {kind}"))
                ),
                format!(
                    "Struct({{{}}})",
                    joined(2, &|name, kind| format!("'{name}': {kind}"))
                ),
            ]
        }
    }
}

/// Every column of a table with its type, without the partition's key, in order: but for what varies, which has the order that
/// a reader saw.
fn typed(endpoint: &Endpoint, seen: &Json) -> Vec<(String, ColumnKind)> {
    let mut varying = expected_requests(endpoint, NIGHT.parse().unwrap(), &[])
        .remove(0)
        .varying;
    let seen = seen["columns"].as_array().unwrap();
    varying.sort_by_key(|(name, _)| {
        seen.iter()
            .position(|column| column[0] == format!("_{name}"))
    });
    let own = [
        ("_target", ColumnKind::Text),
        ("_snapshot_date", ColumnKind::Date),
        ("_exported_at", ColumnKind::DateTime),
        ("_run_id", ColumnKind::Text),
    ];
    let own = own.into_iter().map(|(name, kind)| (name.to_owned(), kind));
    let varying = varying
        .into_iter()
        .map(|(name, _)| (format!("_{name}"), ColumnKind::Text));
    let sent = endpoint
        .columns
        .iter()
        .map(|column| (column.name.clone(), column.kind.clone()));
    own.chain(varying).chain(sent).collect()
}

/// A value that a reader saw, with JSON text parsed.
fn parsed(kind: &ColumnKind, value: &Json) -> Json {
    match (kind, value) {
        (kind, Json::String(text)) if is_json(kind) => serde_json::from_str(text).unwrap(),
        (ColumnKind::List(item), Json::Array(items)) => {
            items.iter().map(|value| parsed(item, value)).collect()
        }
        (ColumnKind::Struct(fields), Json::Object(object)) => fields
            .iter()
            .map(|(name, kind)| (name.clone(), parsed(kind, &object[name])))
            .collect(),
        _ => value.clone(),
    }
}

/// Each reader sees the promised types, and in them the rows that the source served.
#[test]
#[ignore = "needs Python with DuckDB, pyarrow and Polars: make test"]
fn every_reader_sees_the_promised_types_and_the_rows_that_were_served() {
    let python = std::env::var("BACKHAUL_TEST_PYTHON").expect("make test sets it");
    let endpoints: Vec<&Endpoint> = Catalog::embedded().endpoints().collect();
    let context = configured(unlimited(60), endpoints.iter().copied());
    context.run().expect(0);
    let output = std::process::Command::new(python)
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/python/read_tables.py"
        ))
        .arg(context.destination())
        .args(["--rows", "--polars"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let seen: Json = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    for reader in ["duckdb", "pyarrow", "polars"] {
        for (table, seen) in seen[reader].as_object().unwrap() {
            assert_eq!(seen["error"], Json::Null, "{reader} {table}");
        }
    }
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let served = served(&context, &endpoints);
    for endpoint in endpoints {
        let name = table(endpoint);
        let typed = typed(endpoint, &seen["duckdb"][&name]);
        // Without the partition's key, which one reader takes for a number and others for text.
        let own_values = |reader: &str| -> BTreeMap<String, usize> {
            let rows = seen[reader][&name]["values"].as_array().unwrap();
            let own = |row: &Json| {
                Json::from(row.as_array().unwrap()[..typed.len()].to_vec()).to_string()
            };
            rows.iter().fold(BTreeMap::new(), |mut counted, row| {
                *counted.entry(own(row)).or_default() += 1;
                counted
            })
        };
        let by_duckdb = own_values("duckdb");
        for (place, reader) in ["duckdb", "pyarrow", "polars"].into_iter().enumerate() {
            let seen = &seen[reader][&name];
            let columns = seen["columns"].as_array().unwrap();
            assert_eq!(
                columns.len(),
                typed.len() + 1,
                "{reader} {name}: {columns:?}"
            );
            for (column, (known, kind)) in columns.iter().zip(&typed) {
                assert_eq!(column[0], *known, "{reader} {name}");
                // `DuckDB` quotes the fields whose names are words of SQL.
                let told = column[1].as_str().unwrap().replace('"', "");
                assert_eq!(told, types(kind)[place], "{reader} {name}.{known}");
            }
            assert_eq!(seen["rows"], served[&name].len(), "{reader} {name}");
            assert!(
                own_values(reader) == by_duckdb,
                "{reader} and DuckDB see other values of {name}"
            );
        }
        let foretold = foretold(endpoint);
        let cells = |row: &Json| -> Vec<String> {
            let cell = |name: &String| {
                let place = typed.iter().position(|(known, _)| known == name).unwrap();
                canonical_json(&typed[place].1, &parsed(&typed[place].1, &row[place]))
            };
            foretold.iter().map(cell).collect()
        };
        let values = seen["duckdb"][&name]["values"].as_array().unwrap();
        let mut rows: Vec<Vec<String>> = values.iter().map(cells).collect();
        rows.sort();
        assert!(
            rows == served[&name],
            "the readers see other rows of {name} than were served"
        );
    }
}
