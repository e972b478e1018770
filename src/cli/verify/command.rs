//! The command `verify`.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::cli::arguments::{Globals, VerifyArgs};
use crate::cli::configuration::load_configuration;
use crate::cli::exit::ExitResult;
use crate::cli::{output, test_overrides};
use crate::config::Environment;
use crate::error::{Error, ErrorCode};
use crate::report::count_noun;

/// Reads everything that was committed. Findings end with status 1.
pub(in crate::cli) fn verify(globals: &Globals, command: &VerifyArgs) -> ExitResult {
    let environment = Environment::of_process();
    let clock = test_overrides::clock(&environment)?;
    let config = load_configuration(globals, &environment)?;
    let selection = command.selection.resolve()?;
    let verified = crate::maintain::verify::verify(&config, &clock, &selection)?;
    let mut text = format!(
        "read {} in {} of {}\n",
        count_noun(verified.rows, "row"),
        count_noun(verified.files, "file"),
        count_noun(verified.partitions, "partition")
    );
    let mut remedies = BTreeSet::new();
    let mut num_findings = 0;
    for problem in &verified.problems {
        num_findings += 1;
        let _ = writeln!(text, "{}: {}", problem.path, problem.description);
        remedies.insert(problem.remedy.as_str());
    }
    if verified.problems.is_empty() {
        text.push_str("everything matches the manifest\n");
        output::print(&text);
        return Ok(0);
    }
    let hint = describe_remedies(&mut text, &remedies);
    output::print(&text);
    let findings = count_noun(num_findings, "finding");
    let message = format!("{findings} in {}", config.destination.location);
    Err(Error::new(ErrorCode::Corrupt, message)
        .with_hint(hint)
        .into())
}

/// Lists remedies where there are several. Gives the hint of the error.
fn describe_remedies(text: &mut String, remedies: &BTreeSet<&str>) -> String {
    if let (1, Some(only)) = (remedies.len(), remedies.first()) {
        return (*only).to_owned();
    }
    text.push_str("\nremedies:\n");
    for remedy in remedies {
        let _ = writeln!(text, "  {remedy}");
    }
    format!(
        "run the {} remedies above, then: backhaul verify",
        remedies.len()
    )
}
