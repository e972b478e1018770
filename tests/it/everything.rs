//! One configuration that names every operation of the catalog, run against the sandbox: every table holds the rows that the
//! source serves to who asks it directly, readers see the promised types, and a second run sends nothing.

use backhaul::catalog::{Catalog, ColumnKind, Endpoint};
use backhaul::model::Method;
use backhaul::sandbox::Options;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value as Json, json};

use crate::operations::{LIST, TARGET, needs};
use crate::support::{TestContext, canonical_json, unlimited};

/// The night of the run.
const NIGHT: &str = "2026-11-23";

/// The table of an operation.
fn table(endpoint: &Endpoint) -> String {
    endpoint.name.replace(['/', '-'], "_")
}

/// A report of each of these operations, with every column that can be selected.
fn reports<'a>(endpoints: impl IntoIterator<Item = &'a Endpoint>) -> String {
    let report = |endpoint: &Endpoint| {
        let columns = if endpoint.has_select() { "columns = [\"full\"]\n" } else { "" };
        let lines: String = needs(endpoint).into_iter().map(|need| need.of_report).collect();
        format!("[[report]]\nname = \"{}\"\nendpoint = \"{}\"\n{columns}{lines}\n", table(endpoint), endpoint.name)
    };
    endpoints.into_iter().map(report).collect()
}

/// A sandbox and the program in the night of [`NIGHT`], and a configuration of these operations.
fn configured<'a>(options: Options, endpoints: impl IntoIterator<Item = &'a Endpoint>) -> TestContext {
    let time: DateTime<Utc> = format!("{NIGHT}T02:00:00Z").parse().unwrap();
    let mut context = TestContext::new(Options { clock_offset: time - Utc::now(), ..options });
    context.env("BACKHAUL_TEST_CLOCK", &time.to_rfc3339());
    context.configure_with(&format!("{TARGET}{LIST}"), &reports(endpoints));
    context
}

#[test]
fn every_operation_is_a_table() {
    let context = configured(unlimited(120), Catalog::embedded().endpoints());
    std::fs::copy(context.folder.path().join("backhaul.toml"), "/tmp/everything.toml").unwrap();
    let ran = context.run();
    std::fs::write("/tmp/everything.out", format!("{}\n{}", ran.stdout, ran.stderr)).unwrap();
    ran.expect(0);
}
