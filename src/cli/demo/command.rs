//! The command `demo`.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::configuration::{BUDGET_UNITS, HEADER, demo_configuration};
use crate::cli::arguments::DemoArgs;
use crate::cli::exit::ExitResult;
use crate::cli::{output, test_overrides};
use crate::clock::{SharedClock, ShiftedClock};
use crate::config::{DEFAULT_FILE, Environment, RunConfig, parse};
use crate::context::progress::Progress;
use crate::error::{Error, ErrorCode, Errors, Result};
use crate::plan::Selection;
use crate::report::{RunReport, RunStatus, count_noun, format_bytes, run_summary};
use crate::run::ExportRun;
use crate::sandbox::{Options, start};
use crate::schedule::plan_run;
use crate::store::{remove_folder, replace_file};

/// Rows of each target and list: enough for pages, few enough for seconds.
const ROWS: u64 = 3_000;

/// Rows of a response at most, as with a small plan, so that the demo needs paging.
const ROW_CAP: u32 = 500;

const KEY: &str = "demo-key";

/// Runs the demo: last night and tonight, so that some rows are new and some are gone.
pub(in crate::cli) async fn demo(command: DemoArgs) -> ExitResult {
    let folder = command.out;
    prepare_folder(&folder)?;
    let environment = Environment::of_process();
    let now = test_overrides::clock(&environment)?.now();
    let clock_offset = test_overrides::clock_offset(&environment)?;
    let mut port = 0;
    let mut last = None;
    for days_ago in [1, 0] {
        let offset = chrono::Duration::days(-days_ago);
        let sandbox = start(sandbox_options(port, clock_offset + offset)).await?;
        // The second night has the same port, as the configuration is the same.
        port = sandbox.port();
        let clock = Arc::new(ShiftedClock::starting_at(now + offset));
        let result = export(&folder, &sandbox.url(), clock).await;
        sandbox.stop().await;
        let (config, report, errors) = result?;
        if report.status != RunStatus::Done {
            output::print(&run_summary(&report));
            return Err(errors);
        }
        last = Some((config, report));
    }
    if let Some((config, report)) = last {
        output::print(&run_summary(&report));
        output::print(&describe_result(&folder, &config, &report)?);
    }
    Ok(0)
}

fn sandbox_options(port: u16, clock_offset: chrono::Duration) -> Options {
    Options {
        port,
        rows: ROWS,
        row_cap: Some(ROW_CAP),
        key: KEY.to_owned(),
        units: None,
        requests_per_minute: None,
        daily_churn: true,
        clock_offset,
        ..Options::default()
    }
}

/// Writes the configuration and runs one night.
async fn export(
    folder: &Path,
    url: &str,
    clock: SharedClock,
) -> Result<(RunConfig, RunReport, Errors), Errors> {
    let text = demo_configuration(url);
    let path = folder.join(DEFAULT_FILE);
    replace_file(&path, text.as_bytes())?;
    let environment: Environment = [("AHREFS_API_KEY", KEY)].into_iter().collect();
    let config = parse(&text, &path, &environment)?;
    let run_plan = plan_run(&config, clock.today(), &Selection::default(), false)?;
    let export = ExportRun::new(config.clone(), run_plan, BUDGET_UNITS, clock);
    let (report, errors) = export
        .run(Arc::new(Progress::default()), CancellationToken::new())
        .await?;
    Ok((config, report, errors))
}

/// The folder is new, empty, or has an earlier demo, whose tables are removed.
fn prepare_folder(folder: &Path) -> Result<()> {
    let names = list_folder(folder).map_err(|error| {
        let message = format!("cannot use {}", folder.display());
        Error::new(ErrorCode::Destination, message).with_source(error)
    })?;
    let is_demo =
        fs::read_to_string(folder.join(DEFAULT_FILE)).is_ok_and(|text| text.starts_with(HEADER));
    if !is_demo && !names.is_empty() {
        let message = format!("{} has files that no demo wrote", folder.display());
        return Err(
            Error::new(ErrorCode::Usage, message).with_hint("backhaul demo --out OTHER-FOLDER")
        );
    }
    for path in names {
        if path.is_dir() {
            remove_folder(&path)?;
        }
    }
    Ok(())
}

/// Creates the folder if it does not exist, and lists it.
fn list_folder(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    fs::create_dir_all(folder)?;
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        paths.push(entry?.path());
    }
    Ok(paths)
}

fn committed_bytes(report: &RunReport) -> u64 {
    let mut bytes = 0;
    for table in &report.reports {
        for partition in &table.partitions {
            bytes += partition.bytes;
        }
    }
    bytes
}

/// Verifies the tables, and prints the cost and a query to paste.
fn describe_result(folder: &Path, config: &RunConfig, report: &RunReport) -> Result<String> {
    let clock = test_overrides::clock(&Environment::of_process())?;
    let verified = crate::maintain::verify::verify(config, &clock, &Selection::default())?;
    if let Some(problem) = verified.problems.first() {
        let message = format!("{}: {}", problem.path, problem.description);
        return Err(Error::new(ErrorCode::Corrupt, message));
    }
    let bytes = committed_bytes(report);
    let units_per_row = report.units.checked_div(report.rows).unwrap_or(0);
    let files = folder.join("backlinks/*/*.parquet");
    let files = files.display();
    let configuration = folder.join(DEFAULT_FILE);
    let configuration = configuration.display();
    let mut out = String::new();
    let _ = writeln!(
        out,
        "\nVerified: {} in {}, {}; every checksum, schema and row count matches the manifest.",
        count_noun(verified.rows, "row"),
        count_noun(verified.files, "file"),
        format_bytes(bytes)
    );
    let _ = writeln!(
        out,
        "Cost: the real API would have charged {} for tonight ({} a row on average).",
        count_noun(report.units, "unit"),
        count_noun(units_per_row, "unit")
    );
    let _ = writeln!(
        out,
        "\nPaste into DuckDB:\n  SELECT _target, count(*) AS links, count(DISTINCT root_name_source) AS domains\n  \
         FROM read_parquet('{files}', hive_partitioning = true) WHERE snapshot_date = current_date GROUP BY _target;"
    );
    let _ = writeln!(
        out,
        "\nOr load everything, with views: backhaul -c {configuration} load duckdb | duckdb demo.duckdb"
    );
    let _ = writeln!(out, "\nThe configuration of the demo: {configuration}");
    Ok(out)
}
