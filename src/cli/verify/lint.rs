//! `verify --lint`: whether tables are laid out well for each engine.

use std::fmt::Write as _;

use crate::cli::arguments::{Globals, VerifyArgs};
use crate::cli::configuration::load_configuration;
use crate::cli::exit::ExitResult;
use crate::cli::output;
use crate::config::Environment;
use crate::error::{Error, ErrorCode};
use crate::report::{count_noun, format_bytes};
use crate::state::layouts::{TableLayout, layouts};
use crate::warehouse::{LintFinding, LocatedFile, Severity, Table, lint_table};

/// Prints what could be better about each table. Findings that an engine cannot read end with status 1.
pub(in crate::cli) fn lint(globals: &Globals, command: &VerifyArgs) -> ExitResult {
    let config = load_configuration(globals, &Environment::of_process())?;
    let selection = command.selection.resolve()?;
    let mut text = String::new();
    let mut broken = 0;
    for TableLayout { table, files } in layouts(&config, &selection)? {
        let table = Table::new(table.schema, table.history_column.as_deref());
        let mut located = Vec::with_capacity(files.len());
        for (partition, name, layout) in files {
            located.push(LocatedFile {
                partition,
                name,
                layout,
            });
        }
        let findings = lint_table(&table, &located);
        for finding in &findings {
            if finding.severity == Severity::Broken {
                broken += 1;
            }
        }
        text.push_str(&table_line(&table, &located, findings.is_empty()));
        write_findings(&mut text, &findings);
    }
    output::print(&text);
    if broken == 0 {
        return Ok(0);
    }
    let message = format!(
        "{} that an engine cannot read",
        count_noun(broken, "layout")
    );
    Err(Error::new(ErrorCode::Corrupt, message)
        .with_hint("apply the fix below each finding")
        .into())
}

fn table_line(table: &Table, files: &[LocatedFile], is_good: bool) -> String {
    let (mut rows, mut bytes) = (0, 0);
    for file in files {
        rows += file.layout.rows;
        bytes += file.layout.bytes;
    }
    let verdict = if is_good {
        ": good for every engine"
    } else {
        ""
    };
    format!(
        "{}  {}, {}, {}{verdict}\n",
        table.name(),
        count_noun(u64::try_from(files.len()).unwrap_or(u64::MAX), "file"),
        count_noun(rows, "row"),
        format_bytes(bytes)
    )
}

fn write_findings(text: &mut String, findings: &[LintFinding]) {
    for finding in findings {
        let LintFinding {
            severity,
            engines,
            problem,
            fix,
        } = finding;
        let titles: Vec<&str> = engines.iter().map(|engine| engine.title()).collect();
        let affected = if titles.is_empty() {
            "all".to_owned()
        } else {
            titles.join(", ")
        };
        let _ = writeln!(text, "  {:<7}{affected}: {problem}", severity.as_str());
        let _ = writeln!(text, "         {fix}");
    }
}
