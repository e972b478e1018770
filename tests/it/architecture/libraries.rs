//! Libraries that belong to some modules only, and modules of pure logic.

use regex::Regex;

use super::source::{Source, assert_none, production_sources};

/// Libraries (or parts of `std`) that belong to some modules only, with those modules.
const OWNED_LIBRARIES: &[(&str, &[&str])] = &[
    ("reqwest", &["api", "gateway"]),
    ("rustls", &["tls"]),
    ("axum", &["sandbox", "gateway"]),
    (
        "arrow",
        &[
            "table",
            "decode",
            "sink",
            "store",
            "run",
            "state",
            "context",
            "fetch",
            "publish",
            "schedule",
            "maintain",
            "costs",
            "warehouse",
            "cli",
        ],
    ),
    (
        "parquet",
        &[
            "table", "sink", "store", "run", "state", "publish", "maintain", "cli",
        ],
    ),
    ("clap", &["cli"]),
    ("indicatif", &["cli"]),
];

/// Modules of pure logic: no runtime, disk, environment, clock or chance of their own.
const PURE_MODULES: &[&str] = &[
    "error", "model", "catalog", "filter", "table", "plan", "paging", "decode", "report",
];

/// What a pure module may not name.
const IMPURE: &[&str] = &[
    "tokio",
    "fastrand",
    "std::fs",
    "std::env",
    "std::net",
    "std::process",
    "SystemTime::now",
    "Instant::now",
    "Utc::now",
];

fn library_faults(source: &Source) -> Vec<String> {
    let module = source.module();
    let names = |library: &str| {
        Regex::new(&format!(r"\b{library}\b(?:::|;| as )"))
            .unwrap()
            .is_match(&source.code)
    };
    let owned = OWNED_LIBRARIES
        .iter()
        .filter(|(library, owners)| !owners.contains(&module) && names(library))
        .map(|(library, owners)| format!("{}: `{library}` belongs to {owners:?}", source.path));
    let named_purely = |name: &str| {
        Regex::new(&format!(r"\b{name}\b"))
            .unwrap()
            .is_match(&source.code)
    };
    let impure = IMPURE
        .iter()
        .filter(|name| PURE_MODULES.contains(&module) && named_purely(name))
        .map(|name| {
            format!(
                "{}: `{module}` is pure logic and may not name `{name}`",
                source.path
            )
        });
    owned.chain(impure).collect()
}

#[test]
fn libraries_are_refused_outside_their_modules() {
    let faults = |path: &str, text: &str| library_faults(&Source::new(path, text)).len();
    assert_eq!(faults("api/mod.rs", "use arrow::array::Int64Array;"), 1);
    assert_eq!(
        faults(
            "decode/mod.rs",
            "use tokio::fs; fn f(c: reqwest::Client) {}"
        ),
        2
    );
    assert_eq!(
        faults("paging/mod.rs", "let now = std::time::Instant::now();"),
        1
    );
    assert_eq!(
        faults(
            "decode/mod.rs",
            "use arrow::array::Int64Array; let arrow = 1;"
        ),
        0
    );
    assert_eq!(faults("api/mod.rs", "let arrow_head = parquet_floor();"), 0);
}

#[test]
fn libraries_stay_in_their_modules() {
    assert_none(production_sources().iter().flat_map(library_faults));
}
