//! `verify`: committed files against the manifest.

use std::fmt::Write as _;

use super::arguments::{Globals, Verify};
use super::{Outcome, later, output};
use crate::config::{Environment, load};
use crate::error::{Code, Error};
use crate::report::count;
use crate::run;

/// Reads everything that was committed; findings end with status 1.
pub fn verify(globals: &Globals, command: &Verify) -> Outcome {
    later::verify(command)?;
    let config = load(&globals.config, &Environment::of_process())?;
    let selection = super::run::selection(&command.selection)?;
    if !selection.targets.is_empty() {
        return Err(Error::later("`verify --target`").into());
    }
    let verified = run::verify(&config.destination.path, &selection.reports, selection.date)?;
    let mut text = format!(
        "read {} rows in {} files of {} partitions\n",
        count(verified.rows),
        count(verified.files),
        count(verified.partitions)
    );
    for finding in &verified.findings {
        let file = finding.file.as_deref().map(|file| format!("/{file}")).unwrap_or_default();
        let _ = writeln!(text, "{}/{}{file}: {}", finding.report, finding.partition, finding.problem);
    }
    if verified.findings.is_empty() {
        text.push_str("everything is as the manifest says\n");
        output::print(&text);
        return Ok(0);
    }
    output::print(&text);
    let count = verified.findings.len();
    Err(Error::new(Code::Corrupt, format!("{count} findings in {}", config.destination.path.display()))
        .with_next("move the damaged partition's folder and its state away, then run its night again")
        .into())
}
