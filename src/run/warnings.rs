//! What was unusual in the answers of a run: said once for each report, and values that did not fit listed beside the
//! run's report.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::config::Report;
use crate::context::fetched_task::FetchedTask;
use crate::context::run_context::RunContext;
use crate::decode::{DecodeNotes, UnknownValues};
use crate::error::{Error, ErrorCode, Result};
use crate::state::names::{BAD_VALUES, RUNS};

/// Values that one run lists; more are only counted.
const MAX_LISTED: usize = 10_000;

/// What was unusual so far.
#[derive(Debug, Default)]
pub(crate) struct AnswerWarnings {
    by_report: BTreeMap<String, DecodeNotes>,
    listed: Vec<BadValueLine>,
}

/// A value that did not fit, and where it stood.
#[derive(Debug, Serialize)]
struct BadValueLine {
    night: String,
    report: String,
    target: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    parameters: BTreeMap<String, String>,
    page: u32,
    row: u64,
    column: String,
    value: String,
}

impl AnswerWarnings {
    /// Takes note of what finished tasks of a report had.
    pub fn add(&mut self, context: &RunContext, report: &Report, finished: &[FetchedTask]) {
        for task in finished.iter().filter(|task| !task.notes.is_empty()) {
            self.by_report
                .entry(report.name.clone())
                .or_default()
                .merge(task.notes.clone());
            let Some(job) = context.jobs.get(task.job) else {
                continue;
            };
            for bad in task
                .notes
                .bad_values
                .iter()
                .take(MAX_LISTED.saturating_sub(self.listed.len()))
            {
                self.listed.push(BadValueLine {
                    night: job.night.to_string(),
                    report: report.name.clone(),
                    target: context.target_name(&job.task).to_owned(),
                    parameters: job.task.parameters.iter().cloned().collect(),
                    page: bad.page,
                    row: bad.row,
                    column: bad.column.clone(),
                    value: bad.text.clone(),
                });
            }
        }
    }

    /// Says it, in the order of the configuration, and writes the list of bad values if there is any.
    ///
    /// # Errors
    /// [`ErrorCode::Destination`] if the list cannot be written.
    pub fn close(&self, context: &RunContext) -> Result<Vec<String>> {
        let mut out = Vec::new();
        for report in &context.config.reports {
            if let Some(notes) = self.by_report.get(&report.name) {
                say(context, report, notes, &mut out);
            }
        }
        if !self.listed.is_empty() {
            let name = format!("{}{BAD_VALUES}", context.run_id);
            context
                .store
                .files(RUNS)
                .replace(&name, self.lines()?.into())?;
            let number = self.listed.len();
            out.push(format!(
                "{number} values that did not fit are listed in _backhaul/runs/{name}"
            ));
        }
        Ok(out)
    }

    fn lines(&self) -> Result<Vec<u8>> {
        let mut lines = Vec::new();
        for listed in &self.listed {
            serde_json::to_writer(&mut lines, listed).map_err(|error| {
                Error::new(ErrorCode::Internal, "a bad value cannot be written").with_source(error)
            })?;
            lines.push(b'\n');
        }
        Ok(lines)
    }
}

fn say(context: &RunContext, report: &Report, notes: &DecodeNotes, out: &mut Vec<String>) {
    let DecodeNotes {
        unexpected_nulls,
        unknown_columns,
        missing_columns,
        unknown_values,
        bad_values: _,
        num_bad_values,
        num_duplicate_keys,
        num_lone_surrogates,
    } = notes;
    let (name, removed) = (&report.name, context.removed.of(report));
    for (column, count) in unexpected_nulls {
        out.push(format!(
            "{name}.{column}: {count} nulls where the catalog says never; kept as null"
        ));
    }
    for (column, count) in unknown_columns {
        out.push(format!(
            "{name}: the API sent `{column}`, which the catalog does not know, in {count} rows; skipped: a newer \
             backhaul may know it"
        ));
    }
    for (column, count) in missing_columns {
        if removed.contains(column) {
            out.push(format!(
                "{name}.{column}: the API refuses the column; it stays in the table and is null in {count} rows; \
                 take it out: columns = [..., \"-{column}\"]"
            ));
        } else {
            out.push(format!(
                "{name}.{column}: not sent in {count} rows; null there"
            ));
        }
    }
    for (column, UnknownValues { count, examples }) in unknown_values {
        let named = examples
            .iter()
            .map(|value| format!("`{value}`"))
            .collect::<Vec<_>>()
            .join(", ");
        out.push(format!(
            "{name}.{column}: {count} values that the catalog does not list ({named}); kept"
        ));
    }
    for (count, what) in [
        (num_bad_values, "values did not fit and are null"),
        (
            num_duplicate_keys,
            "keys stood twice in an object; the first one counted",
        ),
        (num_lone_surrogates, "unpaired surrogates became U+FFFD"),
    ] {
        if *count > 0 {
            out.push(format!("{name}: {count} {what}"));
        }
    }
}
