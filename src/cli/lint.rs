//! `verify --lint`: whether tables are laid out as each engine likes it.

use std::fmt::Write as _;

use super::arguments::{Globals, Verify};
use super::{ExitResult, output};
use crate::config::Environment;
use crate::error::{Code, Error};
use crate::report::{format_bytes, format_count};
use crate::warehouse::{Advice, Engine, PlacedFile, Table, Weight, judge};

/// Prints what each table could have otherwise; what an engine cannot read ends with status 1.
pub fn lint(globals: &Globals, command: &Verify) -> ExitResult {
    let config = super::configuration(globals, &Environment::of_process())?;
    let selection = super::run::selection(&command.selection)?;
    let mut text = String::new();
    let mut broken = 0;
    for crate::state::layouts::TableLayout { table, files } in
        crate::state::layouts::layouts(&config, &selection)?
    {
        let table = Table::new(table.schema, table.history_column.as_deref());
        let size = files.iter().map(|(_, _, layout)| layout.bytes).sum();
        let rows = files.iter().map(|(_, _, layout)| layout.rows).sum();
        let placed = |(partition, name, layout)| PlacedFile {
            partition,
            name,
            layout,
        };
        let files: Vec<PlacedFile> = files.into_iter().map(placed).collect();
        let advice = judge(&table, &files);
        broken += advice
            .iter()
            .filter(|advice| advice.weight == Weight::Broken)
            .count();
        let verdict = if advice.is_empty() {
            ": as every engine likes it"
        } else {
            ""
        };
        let (number, rows, size) = (files.len(), format_count(rows), format_bytes(size));
        let noun = if number == 1 { "file" } else { "files" };
        let _ = writeln!(
            text,
            "{}  {number} {noun}, {rows} rows, {size}{verdict}",
            table.schema().name()
        );
        for advice in &advice {
            let _ = writeln!(
                text,
                "  {:<7}{}: {}",
                advice.weight.as_str(),
                engines(advice),
                advice.what
            );
            let _ = writeln!(text, "         {}", advice.change);
        }
    }
    output::print(&text);
    if broken == 0 {
        return Ok(0);
    }
    let noun = if broken == 1 { "thing" } else { "things" };
    Err(Error::new(
        Code::Corrupt,
        format!("{broken} {noun} that an engine cannot read"),
    )
    .with_next("what stands below each, above")
    .into())
}

fn engines(advice: &Advice) -> String {
    if advice.engines.is_empty() {
        return "all".to_owned();
    }
    advice
        .engines
        .iter()
        .map(|engine: &Engine| engine.title())
        .collect::<Vec<_>>()
        .join(", ")
}
