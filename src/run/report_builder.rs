//! What a night has come to so far: counts, notes and errors, and the report that they end in.

use std::collections::BTreeMap;

use crate::config::Report;
use crate::context::fetched_task::FetchedTask;
use crate::context::run_context::RunContext;
use crate::error::{Error, ErrorCode, Errors};
use crate::fetch::circuit_breaker::FailureSignature;
use crate::ledger::reservations::ReservationLog;
use crate::model::SnapshotDate;
use crate::plan::ScheduledTask;
use crate::plan::task_label;
use crate::publish::partition::Assembled;
use crate::report::{ErrorEntry, ReportSummary, RunReport, RunStatus, UnitOverhead};
use crate::run::warnings::AnswerWarnings;
use crate::schedule::pacing::DeferredTask;
use crate::schedule::run_plan::RunPlan;
use crate::state::names::RUNS;
use crate::state::periods;
use crate::table::manifest::{TaskStatus, UnfinishedStatus, UnfinishedTask};

/// Tasks that did not end in a commit, by night and table.
pub(crate) type Unfinished = BTreeMap<(SnapshotDate, String), Vec<UnfinishedTask>>;

/// What the run has come to so far.
pub(crate) struct RunReportBuilder {
    pub report: RunReport,
    pub errors: Errors,
    /// By table; they go into the report, in the order of the configuration, when it is closed.
    tables: BTreeMap<String, ReportSummary>,
    unfinished: Unfinished,
    unusual: AnswerWarnings,
}

impl RunReportBuilder {
    pub fn new(context: &RunContext, run_plan: &RunPlan) -> Self {
        let report = RunReport {
            run: context.run_id.clone(),
            night: run_plan.tonight.to_string(),
            status: RunStatus::Done,
            rows: 0,
            requests: 0,
            retries: 0,
            units: 0,
            units_lost: 0,
            wasted: UnitOverhead::default(),
            month: None,
            seconds: 0.0,
            peak_memory_bytes: 0,
            reports: Vec::new(),
            errors: Vec::new(),
            notes: run_plan.notes.clone(),
        };
        let mut report_builder = Self {
            report,
            errors: Errors::default(),
            tables: BTreeMap::new(),
            unfinished: BTreeMap::new(),
            unusual: AnswerWarnings::default(),
        };
        for (index, report) in context.config.reports.iter().enumerate() {
            if run_plan.reports.contains(&index) {
                report_builder.summary(report).tasks.skipped =
                    run_plan.complete.get(&index).copied().unwrap_or(0);
            }
        }
        report_builder
    }

    pub fn summary(&mut self, report: &Report) -> &mut ReportSummary {
        self.tables
            .entry(report.name.clone())
            .or_insert_with(|| ReportSummary {
                name: report.name.clone(),
                endpoint: report.endpoint.name.clone(),
                ..ReportSummary::default()
            })
    }

    /// Keeps in mind what is to be said of a task that did not end in a commit.
    pub fn unfinished(
        &mut self,
        context: &RunContext,
        job: &ScheduledTask,
        report: &Report,
        status: UnfinishedStatus,
        reason: &str,
        units: u64,
    ) {
        self.unfinished
            .entry((job.night, report.name.clone()))
            .or_default()
            .push(UnfinishedTask {
                task: job.task.id.clone(),
                target: context.target_name(&job.task).to_owned(),
                params: job.task.parameters.iter().cloned().collect(),
                status,
                reason: reason.to_owned(),
                units,
                run: context.run_id.clone(),
                at: context.clock.now().timestamp_micros(),
                night: periods::is_history(report).then_some(job.night),
                due: None,
            });
    }

    /// A task is deferred to a later night, as planned.
    pub fn record_deferred(
        &mut self,
        context: &RunContext,
        DeferredTask {
            job, due, reason, ..
        }: &DeferredTask,
    ) {
        let Some(report) = context.config.reports.get(job.task.report) else {
            return;
        };
        self.summary(report).tasks.deferred += 1;
        self.unfinished(context, job, report, UnfinishedStatus::Deferred, reason, 0);
        let tasks = self.unfinished.get_mut(&(job.night, report.name.clone()));
        tasks
            .and_then(|tasks| tasks.last_mut())
            .into_iter()
            .for_each(|task| task.due = Some(*due));
    }

    pub fn take_unfinished(&mut self) -> Unfinished {
        std::mem::take(&mut self.unfinished)
    }

    pub fn record_failure(
        &mut self,
        context: &RunContext,
        job: &ScheduledTask,
        report: &Report,
        error: Error,
    ) {
        let status = match error.code() {
            ErrorCode::Budget | ErrorCode::Interrupted => UnfinishedStatus::Stopped,
            _ => UnfinishedStatus::Failed,
        };
        self.unfinished(
            context,
            job,
            report,
            status,
            &error.one_line(),
            error.units(),
        );
        let summary = self.summary(report);
        summary.units += error.units();
        match status {
            UnfinishedStatus::Stopped => summary.tasks.stopped += 1,
            _ => summary.tasks.failed += 1,
        }
        if error.code() == ErrorCode::Interrupted {
            return;
        }
        let mut error = error.with_context("report", &report.name);
        let target = context.target_name(&job.task);
        if error.context_value("target").is_none() && !target.is_empty() {
            error = error.with_context("target", target);
        }
        if !job.task.parameters.is_empty() {
            error = error.with_context("task", context.task_name(report, &job.task));
        }
        self.errors.push(error);
    }

    /// A task that was not tried, since its report's tasks all fail alike. Its error has been told by others.
    pub fn not_tried(
        &mut self,
        context: &RunContext,
        job: &ScheduledTask,
        report: &Report,
        reason: &FailureSignature,
    ) {
        let code = reason.code.as_str();
        let why = format!(
            "not tried: tasks of the report fail alike ({code}: {})",
            reason.message
        );
        self.unfinished(context, job, report, UnfinishedStatus::Failed, &why, 0);
        self.summary(report).tasks.failed += 1;
    }

    /// One error in the place of all those with which the tasks of a report failed alike.
    pub fn merge_alike_errors(&mut self, report: &str, reason: &FailureSignature, not_tried: u64) {
        let is_alike = |error: &Error| {
            error.context_value("report") == Some(report) && FailureSignature::of(error) == *reason
        };
        let (alike, others): (Vec<_>, Vec<_>) = std::mem::take(&mut self.errors.0)
            .into_iter()
            .partition(is_alike);
        let (number, units) = (alike.len(), alike.iter().map(Error::units).sum());
        self.errors.0 = others;
        let told = match not_tried {
            0 => format!("{number} failed alike"),
            _ => format!("{number} failed alike, so that {not_tried} more were not tried"),
        };
        self.errors.0.extend(
            alike
                .into_iter()
                .next()
                .map(|error| error.with_context("tasks", told).with_units(units)),
        );
    }

    /// One error in the place of all those with which one and the same budget stopped the tasks of a report: the last, which
    /// tells what was left at the end.
    fn merge_budget_errors(&mut self) {
        // What is to be raised, without the number.
        let budget = |error: &Error| {
            error
                .hint()
                .split(" to ")
                .next()
                .unwrap_or_default()
                .to_owned()
        };
        let mut stops: BTreeMap<(String, String), Vec<Error>> = BTreeMap::new();
        for error in std::mem::take(&mut self.errors.0) {
            match error
                .context_value("report")
                .filter(|_| error.code() == ErrorCode::Budget)
                .map(str::to_owned)
            {
                Some(report) => stops
                    .entry((report, budget(&error)))
                    .or_default()
                    .push(error),
                None => self.errors.0.push(error),
            }
        }
        for mut alike in stops.into_values() {
            let (number, units) = (alike.len(), alike.iter().map(Error::units).sum());
            let last = alike.pop().map(|error| error.with_units(units));
            let told =
                |error: Error| error.with_context("tasks", format!("{number} stopped alike"));
            self.errors
                .0
                .extend(if number > 1 { last.map(told) } else { last });
        }
    }

    /// The finished tasks of a partition could not be committed: their saved answers are there for the next run.
    pub fn not_committed(
        &mut self,
        context: &RunContext,
        report: &Report,
        ended: &[(usize, u64)],
        error: Error,
    ) -> Result<(), Errors> {
        let status = match error.code() {
            ErrorCode::Interrupted => UnfinishedStatus::Stopped,
            _ => UnfinishedStatus::Failed,
        };
        for (index, units) in ended {
            let (job, _) = context.job(*index)?;
            self.unfinished(context, job, report, status, &error.one_line(), *units);
            let summary = self.summary(report);
            summary.units += units;
            match status {
                UnfinishedStatus::Stopped => summary.tasks.stopped += 1,
                _ => summary.tasks.failed += 1,
            }
        }
        if status == UnfinishedStatus::Failed {
            let units = ended.iter().map(|(_, units)| units).sum();
            self.errors
                .push(error.with_context("report", &report.name).with_units(units));
        }
        Ok(())
    }

    pub fn committed(&mut self, report: &Report, assembled: Assembled, units: u64) {
        let Assembled { partitions, added } = assembled;
        let mut capped = Vec::new();
        let summary = self.summary(report);
        for entry in &added {
            match entry.status {
                TaskStatus::Complete => summary.tasks.complete += 1,
                TaskStatus::Capped => {
                    summary.tasks.capped += 1;
                    let name = task_label(&report.name, &entry.target, &entry.params);
                    capped.push(format!("{name}: capped by {}", shortfall(&entry.evidence)));
                }
            }
            summary.rows += entry.rows;
        }
        summary.units += units;
        summary.partitions.extend(partitions);
        self.report.notes.extend(capped);
    }

    /// Takes note of what was unusual in the answers.
    pub fn record_warnings(
        &mut self,
        context: &RunContext,
        report: &Report,
        finished: &[FetchedTask],
    ) {
        self.unusual.add(context, report, finished);
    }

    /// Sums up and keeps the report.
    pub fn close(
        mut self,
        context: &RunContext,
        ledger: &ReservationLog,
        seconds: f64,
        interrupted: bool,
    ) -> Result<(RunReport, Errors), Errors> {
        self.merge_budget_errors();
        let statistics = context.client()?.statistics();
        let meter = context.client()?.meter();
        match self.unusual.close(context) {
            Ok(notes) => self.report.notes.extend(notes),
            Err(error) => self.errors.push(error),
        }
        let report = &mut self.report;
        report.reports = context
            .config
            .reports
            .iter()
            .filter_map(|of| self.tables.remove(&of.name))
            .collect();
        report.requests = statistics.requests;
        report.retries = statistics.retries;
        report.units_lost = statistics.units_lost;
        report.units = meter.spent().saturating_add(meter.assumed());
        ledger.settle(report.units)?;
        if let Some(month) = &mut report.month {
            month.left = month.left.saturating_sub(report.units);
        }
        for (item, spent) in context.spending.totals() {
            report.wasted += spent.wasted;
            if let Some(summary) = report
                .reports
                .iter_mut()
                .find(|summary| summary.name == item.report)
            {
                summary.wasted += spent.wasted;
            }
        }
        context.spending.close()?;
        report.rows = report.reports.iter().map(|summary| summary.rows).sum();
        report.seconds = seconds;
        report.peak_memory_bytes = peak_memory_bytes();
        report.errors = self.errors.0.iter().map(ErrorEntry::new).collect();
        report.status = status(report, interrupted);
        let bytes = serde_json::to_vec_pretty(&self.report).map_err(|error| {
            Error::new(ErrorCode::Internal, "the report cannot be written as JSON")
                .with_source(error)
        })?;
        context
            .store
            .files(RUNS)
            .replace(&format!("{}.json", self.report.run), bytes.into())?;
        context.close()?;
        Ok((self.report, self.errors))
    }
}

fn status(report: &RunReport, interrupted: bool) -> RunStatus {
    let mut counts = crate::report::TaskCounts::default();
    for summary in &report.reports {
        counts.complete += summary.tasks.complete;
        counts.capped += summary.tasks.capped;
        counts.stopped += summary.tasks.stopped;
        counts.failed += summary.tasks.failed;
        counts.skipped += summary.tasks.skipped;
    }
    let there = counts.complete + counts.capped + counts.skipped > 0;
    match (
        interrupted && counts.stopped > 0,
        counts.failed,
        counts.stopped,
    ) {
        (true, _, _) => RunStatus::Interrupted,
        (false, 0, 0) => RunStatus::Done,
        (false, 0, _) => RunStatus::Stopped,
        (false, _, _) if there => RunStatus::Partial,
        (false, _, _) => RunStatus::Failed,
    }
}

fn shortfall(evidence: &serde_json::Value) -> String {
    match evidence.pointer("/status/capped") {
        Some(serde_json::Value::String(name)) => name.clone(),
        Some(other) => other
            .pointer("/assumption")
            .and_then(serde_json::Value::as_str)
            .unwrap_or("?")
            .to_owned(),
        None => "?".to_owned(),
    }
}

/// Largest resident memory of this process so far, in bytes; 0 where the system does not tell.
fn peak_memory_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line
        .and_then(|line| line.trim().strip_suffix("kB"))
        .and_then(|kib| kib.trim().parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}
