//! `load`: SQL that brings a warehouse to what was committed.

use std::fmt::Write as _;
use std::path::Path;

use super::arguments::Globals;
use super::warehouse_arguments::Load;
use super::{ExitResult, client, output};
use crate::config::{self, Environment, RunConfig};
use crate::error::{Code, Error, Result};
use crate::report::format_count;
use crate::state::committed::CommittedTable;
use crate::store::Store;
use crate::table::TARGETS;
use crate::table::manifest::PartitionState;
use crate::warehouse::{
    Acknowledged, Change, Engine, File, Loading, Manner, Place, Plan, Service, Table, script,
};

/// Prints the statements, runs them, or takes note that they were run.
pub fn load(globals: &Globals, command: &Load) -> ExitResult {
    let engine = command.warehouse.engine();
    let manner = manner(engine, command)?;
    check_schema(engine, &command.schema)?;
    if !command.selection.targets.is_empty() {
        return Err(Error::new(
            Code::Usage,
            "`load` takes no --target: a partition holds the rows of all targets",
        )
        .with_next("leave --target out; --report and --date choose partitions")
        .into());
    }
    let config = super::configuration(globals, &Environment::of_process())?;
    let selection = super::run::selection(&command.selection)?;
    let place = place(&config)?;
    match manner {
        Manner::Copy => place.check(engine)?,
        Manner::External | Manner::Direct => place.check_in_place(engine)?,
    }
    let (store, tables, labels) = crate::state::committed::committed(&config, &selection)?;
    let reports = &selection.reports;
    let names: Vec<String> = tables
        .iter()
        .map(|table| table.schema.name().to_owned())
        .collect();
    // The targets belong to every night.
    let is_meant = |table: &str, partition: &str| {
        (reports.is_empty() || names.iter().any(|name| name == table))
            && (table == TARGETS || crate::state::selection::is_selected(&selection, partition))
    };
    if let Some(number) = command.done {
        let has = Acknowledged::acknowledge(&store, engine, number, is_meant)?;
        output::print(&format!(
            "{} has what was committed up to {}\n",
            engine.title(),
            has.number
        ));
        return Ok(0);
    }
    let plan = Plan::of(&store)?;
    let has = if command.pending {
        Some(Acknowledged::load(&store, engine)?)
    } else {
        None
    };
    let loadings: Vec<Loading> = tables
        .into_iter()
        .map(|table| loading(table, &plan, has.as_ref(), &is_meant))
        .filter(|loading| has.is_none() || !loading.changes.is_empty())
        .collect();
    if loadings.is_empty() {
        output::print(&format!(
            "-- {} has everything that is committed: commit {}\n",
            engine.title(),
            plan.number
        ));
        return Ok(0);
    }
    let text = script(engine, &command.schema, &place, manner, &loadings, &labels);
    if command.apply {
        client::apply(engine, command.database.as_deref(), &text)?;
        plan.keep(&store, engine)?;
        Acknowledged::acknowledge(&store, engine, plan.number, is_meant)?;
        output::print(&format!(
            "{}\n",
            describe_load(engine, manner, &plan, &loadings)
        ));
        return Ok(0);
    }
    if command.pending {
        plan.keep(&store, engine)?;
    }
    output::print(&format!(
        "{}{text}",
        header(engine, manner, command, &plan, &loadings, &store)
    ));
    Ok(0)
}

fn manner(engine: Engine, command: &Load) -> Result<Manner> {
    match (command.external, command.direct) {
        (_, true) if engine != Engine::Snowflake => {
            Err(Error::new(Code::Usage, format!("--direct is of Snowflake only, and this is {}", engine.title()))
                .with_next(format!("backhaul load {} --external", engine.name())))
        }
        (_, true) => Ok(Manner::Direct),
        (true, false) if engine == Engine::Redshift => Err(Error::new(
            Code::Usage,
            "Redshift reads files where they lie through an external schema only, which is yours to create",
        )
        .with_next("backhaul schema NAME --format redshift --external   prints a table for it; or load copies: leave --external out")),
        (true, false) => Ok(Manner::External),
        (false, false) => Ok(Manner::Copy),
    }
}

/// A schema's name stands in every statement unquoted.
pub(super) fn check_schema(engine: Engine, schema: &str) -> Result<()> {
    let is_word = |word: &str| {
        word.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && word
                .chars()
                .all(|char| char.is_ascii_alphanumeric() || char == '_')
    };
    let is_project = |word: &str| {
        !word.is_empty()
            && word
                .chars()
                .all(|char| char.is_ascii_alphanumeric() || "-_".contains(char))
    };
    let is_name = match schema.split_once('.') {
        None => is_word(schema),
        Some((project, rest)) if engine == Engine::Bigquery => is_project(project) && is_word(rest),
        Some((database, rest)) => is_word(database) && is_word(rest),
    };
    if is_name {
        return Ok(());
    }
    Err(
        Error::new(Code::Usage, format!("`{schema}` is no name for a schema"))
            .with_next("give --schema letters, digits and `_`, for example: --schema seo"),
    )
}

/// Where the configuration's files lie, as a warehouse is told.
pub(super) fn place(config: &RunConfig) -> Result<Place> {
    let bucket = match &config.destination.location {
        config::DestinationLocation::Folder(path) => return folder(path),
        config::DestinationLocation::Bucket(bucket) => bucket,
    };
    let (scheme, rest) = bucket.url.split_once("://").unwrap_or_default();
    let (name, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let service = match scheme {
        "gs" => Service::Google,
        "az" => Service::Azure,
        _ => Service::S3,
    };
    Ok(Place::Bucket {
        service,
        bucket: name.to_owned(),
        prefix: prefix.trim_matches('/').to_owned(),
        endpoint: bucket.endpoint.clone(),
        region: bucket.region.clone(),
        account: bucket.account.clone(),
    })
}

fn folder(path: &Path) -> Result<Place> {
    let absolute = std::path::absolute(path).map_err(|error| {
        Error::new(
            Code::Destination,
            format!("cannot find out where {} lies", path.display()),
        )
        .with_source(error)
    })?;
    // `./` and `//` would stand in every statement.
    let clean: std::path::PathBuf = absolute.components().collect();
    let text = clean.to_str().ok_or_else(|| {
        Error::new(
            Code::Destination,
            format!("{} is no text, and a statement is", clean.display()),
        )
        .with_next("give the folder a name in UTF-8")
    })?;
    Ok(Place::Folder(text.to_owned()))
}

fn loading(
    table: CommittedTable,
    plan: &Plan,
    has: Option<&Acknowledged>,
    is_meant: &impl Fn(&str, &str) -> bool,
) -> Loading {
    let CommittedTable {
        schema,
        history_column,
        states,
    } = table;
    let name = schema.name().to_owned();
    let mut changes: Vec<Change> = Vec::new();
    let pending = has.map(|has| plan.pending(&name, has));
    let is_pending = |partition: &str| {
        pending
            .as_ref()
            .is_none_or(|names| names.iter().any(|name| name == partition))
    };
    for state in states
        .into_iter()
        .filter(|state| is_pending(&state.partition))
    {
        changes.extend(change(state));
    }
    for gone in pending.into_iter().flatten() {
        if is_meant(&name, &gone) && !changes.iter().any(|change| change.partition == gone) {
            changes.push(Change {
                partition: gone,
                files: Vec::new(),
                columns: Vec::new(),
            });
        }
    }
    changes.sort_by(|left, right| left.partition.cmp(&right.partition));
    Loading {
        table: Table::new(schema, history_column.as_deref()),
        changes,
    }
}

/// What readers see of a partition; nothing of one that was never committed.
fn change(state: PartitionState) -> Option<Change> {
    let committed = state.committed?;
    let files = committed
        .files
        .into_iter()
        .map(|file| File {
            name: file.name,
            rows: file.rows,
        })
        .collect();
    let columns = committed
        .columns
        .into_iter()
        .map(|column| column.name)
        .collect();
    Some(Change {
        partition: state.partition,
        files,
        columns,
    })
}

fn header(
    engine: Engine,
    manner: Manner,
    command: &Load,
    plan: &Plan,
    loadings: &[Loading],
    store: &Store,
) -> String {
    let mut text = format!(
        "-- {}\n-- from {}\n",
        describe_load(engine, manner, plan, loadings),
        store.location()
    );
    if manner == Manner::Copy && engine != Engine::Athena {
        text.push_str(
            "-- run all of it; each partition is replaced and counted, so that running it again changes nothing\n",
        );
    }
    if command.pending {
        let mut selection = String::new();
        for report in &command.selection.reports {
            let _ = write!(selection, " --report {report}");
        }
        for (flag, day) in [
            ("date", command.selection.date),
            ("from", command.selection.from),
            ("to", command.selection.to),
        ] {
            if let Some(day) = day {
                let _ = write!(selection, " --{flag} {day}");
            }
        }
        let _ = writeln!(
            text,
            "-- then: backhaul load {}{selection} --done {}",
            engine.name(),
            plan.number
        );
    }
    text.push('\n');
    text
}

fn describe_load(engine: Engine, manner: Manner, plan: &Plan, loadings: &[Loading]) -> String {
    let partitions: usize = loadings.iter().map(|loading| loading.changes.len()).sum();
    let rows: u64 = loadings
        .iter()
        .flat_map(|loading| &loading.changes)
        .map(Change::rows)
        .sum();
    let tables = loadings.len();
    let (rows, number) = (format_count(rows), plan.number);
    let what = match manner {
        Manner::Copy if engine != Engine::Athena => {
            format!("{rows} rows in {partitions} partitions of {tables} tables")
        }
        _ => format!("{tables} tables over the files"),
    };
    format!("{} at commit {number}: {what}", engine.title())
}
