//! `forget`: a client goes.

use std::fmt::Write as _;

use super::arguments::{Forget, Globals};
use super::{ExitResult, output, test_overrides};
use crate::config::Environment;
use crate::maintain::forget::Forgotten;
use crate::report::format_count;
use crate::table::is_system_table;

/// Removes a target, says what went, and prints what the warehouse has to delete.
pub fn forget(globals: &Globals, command: &Forget) -> ExitResult {
    let environment = Environment::of_process();
    let clock = test_overrides::clock(&environment)?;
    let config = super::configuration(globals, &environment)?;
    let file = config.file().display().to_string();
    let target = command.target.as_str();
    let forgotten = crate::maintain::forget::forget(config, clock, target)?;
    let Forgotten {
        rows,
        partitions,
        responses,
        tables,
        is_configured,
        errors,
    } = forgotten;
    let (rows, partitions, responses) = (
        format_count(rows),
        format_count(partitions),
        format_count(responses),
    );
    let mut text = format!(
        "forgot {target}: {rows} rows in {partitions} partitions, {responses} saved responses\n"
    );
    if !tables.is_empty() {
        text.push_str("\nin the warehouse:\n");
    }
    for table in &tables {
        let _ = writeln!(text, "{}", delete(table, target));
    }
    output::print(&text);
    if is_configured {
        output::eprint_text(&format!(
            "warning: {file} still names {target}: the next run fetches it again and pays for it\nnext: take it out of \
             the configuration\n"
        ));
    }
    if errors.0.is_empty() {
        return Ok(0);
    }
    output::eprint_text(&errors.render());
    output::eprint_text(
        "part of it is still there\nnext: mend what is said above, then run the same command again\n",
    );
    Ok(3)
}

/// The statement that removes a target from a warehouse's table.
fn delete(table: &str, target: &str) -> String {
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
    fn names_are_quoted_as_sql_has_it() {
        assert_eq!(
            delete("links", "o'hara"),
            "DELETE FROM links WHERE _target = 'o''hara';"
        );
        assert_eq!(
            delete("coverage", "acme"),
            "DELETE FROM coverage WHERE target = 'acme';"
        );
    }
}
