//! `demo`: the whole job against the sandbox inside the process: no key, no network, no other program.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::arguments::Demo;
use super::{ExitResult, output, test_overrides};
use crate::clock::{SharedClock, ShiftedClock};
use crate::config::{DEFAULT_FILE, Environment, RunConfig, parse};
use crate::context::progress::Progress;
use crate::error::{Code, Error, Errors, Result};
use crate::plan::Selection;
use crate::report::{RunReport, RunStatus, format_bytes, format_count, run_summary};
use crate::run::ExportRun;
use crate::sandbox::{Options, start};
use crate::store::{remove_folder, replace_file};

/// Rows of each target and list: enough for pages, few enough for seconds.
const ROWS: u64 = 3_000;

/// Rows a request at most, as a small plan has it: the demo shows paging.
const ROW_CAP: u32 = 500;

/// Ample for the demo; a real night has a budget too.
const BUDGET: u64 = 1_000_000;

const KEY: &str = "demo-key";
const MARK: &str = "# Written by `backhaul demo`";

/// Runs the demo: last night and tonight, so that something came and something went.
pub async fn demo(command: Demo) -> ExitResult {
    let folder = command.out;
    prepare(&folder)?;
    let environment = Environment::of_process();
    let now = test_overrides::clock(&environment)?.now();
    let ahead = test_overrides::clock_offset(&environment)?;
    let mut port = 0;
    let mut last = None;
    for days_ago in [1, 0] {
        let offset = chrono::Duration::days(-days_ago);
        let sandbox = start(options(port, ahead + offset)).await?;
        port = sandbox.port();
        let text = configuration(&sandbox.url());
        let path = folder.join(DEFAULT_FILE);
        replace_file(&path, text.as_bytes())?;
        let environment: Environment = [("AHREFS_API_KEY", KEY)].into_iter().collect();
        let config = parse(&text, &path, &environment)?;
        let outcome = export(
            config.clone(),
            Arc::new(ShiftedClock::starting_at(now + offset)),
        )
        .await;
        sandbox.stop().await;
        let (report, errors) = outcome?;
        if report.status != RunStatus::Done {
            output::print(&run_summary(&report));
            return Err(errors);
        }
        last = Some((config, report));
    }
    if let Some((config, report)) = last {
        output::print(&run_summary(&report));
        output::print(&epilogue(&folder, &config, &report)?);
    }
    Ok(0)
}

fn options(port: u16, clock_offset: chrono::Duration) -> Options {
    Options {
        port,
        rows: ROWS,
        row_cap: Some(ROW_CAP),
        key: KEY.to_owned(),
        units: None,
        requests_per_minute: None,
        living: true,
        clock_offset,
        ..Options::default()
    }
}

async fn export(config: RunConfig, clock: SharedClock) -> Result<(RunReport, Errors), Errors> {
    let run_plan = crate::schedule::plan_run(&config, clock.today(), &Selection::default(), false)?;
    let night = ExportRun::new(config, run_plan, BUDGET, clock);
    night
        .run(Arc::new(Progress::default()), CancellationToken::new())
        .await
}

/// Makes room: the folder is new, empty, or holds an earlier demo, whose tables go.
fn prepare(folder: &Path) -> Result<()> {
    let fault = |error: std::io::Error| {
        Error::new(
            Code::Destination,
            format!("cannot use {}", folder.display()),
        )
        .with_source(error)
    };
    std::fs::create_dir_all(folder).map_err(fault)?;
    let earlier =
        std::fs::read_to_string(folder.join(DEFAULT_FILE)).is_ok_and(|text| text.starts_with(MARK));
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(fault)? {
        names.push(entry.map_err(fault)?.path());
    }
    if !earlier && !names.is_empty() {
        return Err(Error::new(
            Code::Usage,
            format!("{} holds files that no demo wrote", folder.display()),
        )
        .with_next("backhaul demo --out ANOTHER-FOLDER"));
    }
    names
        .iter()
        .filter(|path| path.is_dir())
        .try_for_each(|path| remove_folder(path))
}

fn configuration(url: &str) -> String {
    format!(
        r#"{MARK} against its built-in imitation of the API.
# For the real API: take base_url away, put your sites into the targets, then
#   export AHREFS_API_KEY=…  &&  backhaul check  &&  backhaul run

[source]
base_url = "{url}"
api_key = {{ env = "AHREFS_API_KEY" }}

[source.limits]
requests_per_minute = 6000

[budget]
per_run = {BUDGET}
per_month = 10_000_000

[destination]
url = "."

[[target]]
url = "acme.com"
labels = {{ client = "Acme", role = "own" }}

[[target]]
url = "rival.org"
labels = {{ client = "Acme", role = "competitor" }}

[[report]]
name = "domain_rating"
endpoint = "site-explorer/domain-rating"

[[report]]
name = "backlinks"
endpoint = "site-explorer/all-backlinks"
columns = ["standard"]

[[report]]
name = "refdomains"
endpoint = "site-explorer/refdomains"
columns = ["standard"]

[[report]]
name = "anchors"
endpoint = "site-explorer/anchors"
columns = ["standard"]

[[report]]
name = "organic_keywords"
endpoint = "site-explorer/organic-keywords"
columns = ["standard"]
countries = ["us", "gb"]

[[report]]
name = "rating_history"
endpoint = "site-explorer/domain-rating-history"
since = "2025-01-01"
history_grouping = "weekly"

[[report]]
name = "metrics_history"
endpoint = "site-explorer/metrics-history"
since = "2025-01-01"
history_grouping = "weekly"
"#
    )
}

/// Reads everything back, tells the bill, and leaves a query to paste.
fn epilogue(folder: &Path, config: &RunConfig, report: &RunReport) -> Result<String> {
    let clock = test_overrides::clock(&Environment::of_process())?;
    let verified = crate::maintain::verify::verify(config, &clock, &Selection::default())?;
    if let Some(fault) = verified.faults.first() {
        let message = format!("{}: {}", fault.place, fault.problem);
        return Err(Error::new(Code::Corrupt, message));
    }
    let size: u64 = report
        .reports
        .iter()
        .flat_map(|table| &table.partitions)
        .map(|partition| partition.bytes)
        .sum();
    let mut out = String::new();
    let _ = writeln!(
        out,
        "\nRead back: {} rows in {} files, {}; every checksum, schema and count is as the manifest says.",
        format_count(verified.rows),
        format_count(verified.files),
        format_bytes(size)
    );
    let _ = writeln!(
        out,
        "Bill: the real API would have charged {} units for tonight ({} units a row on average).",
        format_count(report.units),
        report.units.checked_div(report.rows).unwrap_or(0)
    );
    let path = folder.join("backlinks/*/*.parquet");
    let _ = writeln!(
        out,
        "\nPaste into DuckDB:\n  SELECT _target, count(*) AS links, count(DISTINCT root_name_source) AS domains\n  \
         FROM read_parquet('{}', hive_partitioning = true) WHERE snapshot_date = current_date GROUP BY _target;",
        path.display()
    );
    let file = folder.join(DEFAULT_FILE);
    let _ = writeln!(
        out,
        "\nOr load all of it, with views: backhaul -c {} load duckdb | duckdb demo.duckdb",
        file.display()
    );
    let _ = writeln!(
        out,
        "\nThe configuration that did this: {}",
        folder.join(DEFAULT_FILE).display()
    );
    Ok(out)
}
