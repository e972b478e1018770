//! The command `load`.

use std::fmt::Write as _;

use super::data_location::data_location;
use super::engine_client;
use crate::cli::arguments::{Globals, LoadArgs};
use crate::cli::configuration::load_configuration;
use crate::cli::exit::ExitResult;
use crate::cli::output;
use crate::config::Environment;
use crate::error::{Error, ErrorCode, Result};
use crate::plan::Selection;
use crate::report::count_noun;
use crate::state::committed::{CommittedTable, committed};
use crate::state::selection::is_selected;
use crate::store::Store;
use crate::table::TARGETS;
use crate::warehouse::{
    Acknowledged, CommitSnapshot, Engine, LoadMethod, PartitionChange, Table, TableLoad,
    check_location, check_schema_name, load_script,
};

/// Prints the statements, runs them, or records that they were run.
pub(in crate::cli) fn load(globals: &Globals, command: &LoadArgs) -> ExitResult {
    let engine = command.warehouse;
    let method = check_arguments(engine, command)?;
    let config = load_configuration(globals, &Environment::of_process())?;
    let selection = command.selection.resolve()?;
    let location = data_location(&config)?;
    check_location(engine, &location, method)?;
    let (store, tables, labels) = committed(&config, &selection)?;
    let selected = SelectedPartitions::new(&selection, &tables);
    if let Some(number) = command.done {
        return acknowledge(&store, engine, number, &selected);
    }
    let snapshot = CommitSnapshot::read(&store)?;
    let acknowledged = read_acknowledged(&store, engine, command)?;
    let loads = table_loads(tables, &snapshot, acknowledged.as_ref(), &selected);
    if loads.is_empty() {
        let (title, number) = (engine.title(), snapshot.number);
        output::print(&format!(
            "-- {title} has everything that is committed: commit {number}\n"
        ));
        return Ok(0);
    }
    let script = load_script(engine, &command.schema, &location, method, &loads, &labels);
    let summary = describe_load(engine, method, &snapshot, &loads);
    if command.apply {
        engine_client::run_script(engine, command.database.as_deref(), &script)?;
        snapshot.save(&store, engine)?;
        record(&store, engine, snapshot.number, &selected)?;
        output::print(&format!("{summary}\n"));
        return Ok(0);
    }
    if command.pending {
        snapshot.save(&store, engine)?;
    }
    let header = header(engine, method, command, snapshot.number, &store);
    output::print(&format!("-- {summary}\n{header}\n{script}"));
    Ok(0)
}

/// The tables and partitions that the command line selects.
struct SelectedPartitions<'a> {
    selection: &'a Selection,
    tables: Vec<String>,
}

impl<'a> SelectedPartitions<'a> {
    fn new(selection: &'a Selection, tables: &[CommittedTable]) -> Self {
        let names = tables.iter().map(|table| table.schema.name().to_owned());
        Self {
            selection,
            tables: names.collect(),
        }
    }

    fn contains(&self, table: &str, partition: &str) -> bool {
        let has_table =
            self.selection.reports.is_empty() || self.tables.iter().any(|name| name == table);
        // The table of targets belongs to every night.
        has_table && (table == TARGETS || is_selected(self.selection, partition))
    }
}

/// What the warehouse has, if only what it lacks is to be loaded.
fn read_acknowledged(
    store: &Store,
    engine: Engine,
    command: &LoadArgs,
) -> Result<Option<Acknowledged>> {
    if command.pending {
        Acknowledged::load(store, engine).map(Some)
    } else {
        Ok(None)
    }
}

/// `load --done`.
fn acknowledge(
    store: &Store,
    engine: Engine,
    number: u64,
    selected: &SelectedPartitions<'_>,
) -> ExitResult {
    let recorded = record(store, engine, number, selected)?.number;
    let title = engine.title();
    output::print(&format!(
        "{title} has what was committed up to {recorded}\n"
    ));
    Ok(0)
}

/// Records that the warehouse has what was committed up to a number.
fn record(
    store: &Store,
    engine: Engine,
    number: u64,
    selected: &SelectedPartitions<'_>,
) -> Result<Acknowledged> {
    let is_selected = |table: &str, partition: &str| selected.contains(table, partition);
    Acknowledged::acknowledge(store, engine, number, is_selected)
}

/// Checks what needs no configuration. Gives how the warehouse gets its tables.
fn check_arguments(engine: Engine, command: &LoadArgs) -> Result<LoadMethod> {
    let method = load_method(engine, command)?;
    check_schema_name(engine, &command.schema)?;
    if command.selection.targets.is_empty() {
        return Ok(method);
    }
    let message = "`load` does not accept --target: a partition holds the rows of all targets";
    Err(Error::new(ErrorCode::Usage, message)
        .with_hint("omit --target; --report and --date select partitions"))
}

fn load_method(engine: Engine, command: &LoadArgs) -> Result<LoadMethod> {
    let methods = engine.load_methods();
    let title = engine.title();
    if command.direct {
        if methods.contains(&LoadMethod::Direct) {
            return Ok(LoadMethod::Direct);
        }
        let message = format!("--direct is for Snowflake only, not for {title}");
        return Err(Error::new(ErrorCode::Usage, message)
            .with_hint(format!("backhaul load {} --external", engine.name())));
    }
    if command.external {
        if methods.contains(&LoadMethod::External) {
            return Ok(LoadMethod::External);
        }
        let message = format!(
            "{title} reads files in place only through an external schema, which you have to create"
        );
        return Err(Error::new(ErrorCode::Usage, message).with_hint(format!(
            "backhaul schema NAME --format {} --external   prints a table for it; to copy rows: omit --external",
            engine.name()
        )));
    }
    Ok(methods.first().copied().unwrap_or(LoadMethod::Copy))
}

/// What is to be loaded: everything, or what a warehouse does not have as it is now.
fn table_loads(
    tables: Vec<CommittedTable>,
    snapshot: &CommitSnapshot,
    acknowledged: Option<&Acknowledged>,
    selected: &SelectedPartitions<'_>,
) -> Vec<TableLoad> {
    let mut loads = Vec::with_capacity(tables.len());
    for table in tables {
        let load = match acknowledged {
            Some(acknowledged) => {
                let pending = snapshot.pending(table.schema.name(), acknowledged);
                pending_load(table, pending, selected)
            }
            None => full_load(table),
        };
        if acknowledged.is_none() || !load.changes.is_empty() {
            loads.push(load);
        }
    }
    loads
}

fn full_load(table: CommittedTable) -> TableLoad {
    let mut changes = Vec::with_capacity(table.states.len());
    for state in table.states {
        changes.extend(PartitionChange::committed(state));
    }
    changes.sort_by(|left, right| left.partition.cmp(&right.partition));
    TableLoad {
        table: Table::new(table.schema, table.history_column.as_deref()),
        changes,
    }
}

/// The partitions that changed, and those that were removed.
fn pending_load(
    mut table: CommittedTable,
    pending: Vec<String>,
    selected: &SelectedPartitions<'_>,
) -> TableLoad {
    table
        .states
        .retain(|state| pending.contains(&state.partition));
    let mut load = full_load(table);
    for partition in pending {
        let is_committed = load
            .changes
            .iter()
            .any(|change| change.partition == partition);
        if !is_committed && selected.contains(load.table.name(), &partition) {
            load.changes.push(PartitionChange::removed(partition));
        }
    }
    load.changes
        .sort_by(|left, right| left.partition.cmp(&right.partition));
    load
}

/// Comments on top of a script, after its summary.
fn header(
    engine: Engine,
    method: LoadMethod,
    command: &LoadArgs,
    number: u64,
    store: &Store,
) -> String {
    let mut text = format!("-- from {}\n", store.location());
    if method == LoadMethod::Copy {
        text.push_str(
            "-- run all of it: each partition is replaced and counted, so it may be run again\n",
        );
    }
    if command.pending {
        let _ = writeln!(
            text,
            "-- then: backhaul load {}{} --done {number}",
            engine.name(),
            selection_flags(command)
        );
    }
    text
}

/// The flags that select the same partitions again.
fn selection_flags(command: &LoadArgs) -> String {
    let selection = &command.selection;
    let mut flags = String::new();
    for report in &selection.reports {
        let _ = write!(flags, " --report {report}");
    }
    for (flag, day) in [
        ("date", selection.date),
        ("from", selection.from),
        ("to", selection.to),
    ] {
        if let Some(day) = day {
            let _ = write!(flags, " --{flag} {day}");
        }
    }
    flags
}

/// One line on what a script does.
fn describe_load(
    engine: Engine,
    method: LoadMethod,
    snapshot: &CommitSnapshot,
    loads: &[TableLoad],
) -> String {
    let mut rows = 0;
    let mut partitions = 0;
    for load in loads {
        for change in &load.changes {
            rows += change.rows();
            partitions += 1;
        }
    }
    let tables = count_noun(u64::try_from(loads.len()).unwrap_or(u64::MAX), "table");
    let what = match method {
        LoadMethod::Copy => format!(
            "{} in {} of {tables}",
            count_noun(rows, "row"),
            count_noun(partitions, "partition")
        ),
        LoadMethod::External | LoadMethod::Direct => format!("{tables} over the files in place"),
    };
    format!("{} at commit {}: {what}", engine.title(), snapshot.number)
}
