//! `verify`: committed files against the manifest.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::arguments::{Globals, Verify};
use super::{ExitResult, output, test_overrides};
use crate::config::Environment;
use crate::error::{Code, Error};
use crate::report::format_count;

/// Reads everything that was committed; findings end with status 1.
pub fn verify(globals: &Globals, command: &Verify) -> ExitResult {
    let environment = Environment::of_process();
    let clock = test_overrides::clock(&environment)?;
    let config = super::configuration(globals, &environment)?;
    let selection = super::run::selection(&command.selection)?;
    let verified = crate::maintain::verify::verify(&config, &clock, &selection)?;
    let mut text = format!(
        "read {} rows in {} files of {} partitions\n",
        format_count(verified.rows),
        format_count(verified.files),
        format_count(verified.partitions)
    );
    for fault in &verified.faults {
        let _ = writeln!(text, "{}: {}", fault.place, fault.problem);
    }
    if verified.faults.is_empty() {
        text.push_str("everything is as the manifest says\n");
        output::print(&text);
        return Ok(0);
    }
    let remedies: BTreeSet<&str> = verified
        .faults
        .iter()
        .map(|fault| fault.remedy.as_str())
        .collect();
    let next = match remedies.len() {
        0 | 1 => remedies
            .first()
            .copied()
            .unwrap_or("backhaul rebuild")
            .to_owned(),
        several => {
            text.push_str("\nwhat helps:\n");
            for remedy in &remedies {
                let _ = writeln!(text, "  {remedy}");
            }
            format!("the {several} remedies above, then: backhaul verify")
        }
    };
    output::print(&text);
    let (number, root) = (verified.faults.len(), &config.destination.location);
    let noun = if number == 1 { "finding" } else { "findings" };
    Err(
        Error::new(Code::Corrupt, format!("{number} {noun} in {root}"))
            .with_next(next)
            .into(),
    )
}
