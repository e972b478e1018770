//! `forget`: removes a target.

use std::fmt::Write as _;

use super::arguments::{ForgetArgs, Globals};
use super::configuration::load_configuration;
use super::exit::{ExitResult, report_errors};
use super::{output, test_overrides};
use crate::config::Environment;
use crate::maintain::forget::Forgotten;
use crate::report::count_noun;
use crate::table::is_system_table;

/// What follows errors.
const UNFINISHED: &str = "\
part of the target is still there
next: fix the errors above, then run the same command again
";

/// Removes a target, prints what was removed, and what has to be deleted in the warehouse.
pub(super) fn forget(globals: &Globals, command: &ForgetArgs) -> ExitResult {
    let environment = Environment::of_process();
    let clock = test_overrides::clock(&environment)?;
    let config = load_configuration(globals, &environment)?;
    let file = config.file().display().to_string();
    let target = command.target.as_str();
    let Forgotten {
        rows,
        partitions,
        responses,
        tables,
        is_configured,
        errors,
    } = crate::maintain::forget::forget(config, clock, target)?;
    let mut text = format!(
        "forgot {target}: {} in {}, {}\n",
        count_noun(rows, "row"),
        count_noun(partitions, "partition"),
        count_noun(responses, "saved response")
    );
    if !tables.is_empty() {
        text.push_str("\nin the warehouse:\n");
    }
    for table in &tables {
        let _ = writeln!(text, "{}", delete_statement(table, target));
    }
    output::print(&text);
    if is_configured {
        output::eprint_text(&format!(
            "warning: {file} still has the target {target}: the next run fetches it again, which costs units\n\
             next: remove it from the configuration\n"
        ));
    }
    let code = report_errors(&errors, true);
    if code != 0 {
        output::eprint_text(UNFINISHED);
    }
    Ok(code)
}

/// The statement that removes a target from a table of a warehouse.
fn delete_statement(table: &str, target: &str) -> String {
    let column = if is_system_table(table) {
        "target"
    } else {
        "_target"
    };
    format!(
        "DELETE FROM {table} WHERE {column} = '{}';",
        target.replace('\'', "''")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_as_in_sql() {
        assert_eq!(
            delete_statement("links", "o'hara"),
            "DELETE FROM links WHERE _target = 'o''hara';"
        );
        assert_eq!(
            delete_statement("coverage", "acme"),
            "DELETE FROM coverage WHERE target = 'acme';"
        );
    }
}
