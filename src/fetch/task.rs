//! Fetches one task: its saved answers first, then answers from the API, until paging has all rows.
//!
//! Progress is a fold over answers. A saved answer goes through the same pager and sorter as a new one, so a task that was
//! killed resumes where it stopped, and no answer is charged twice.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use sha2::Digest as _;
use tokio_util::sync::CancellationToken;

use crate::api::Quote;
use crate::config::Report;
use crate::context::fetched_task::{FetchedTask, interrupted_error, responses_missing};
use crate::context::run_context::RunContext;
use crate::decode::{Decoder, Page, PageSchema};
use crate::error::{Error, ErrorCode, Result};
use crate::fetch::attempt_answers::AttemptAnswers;
use crate::fetch::body::{decode, decode_saved, on_bad_value, with_interrupt_grace};
use crate::fetch::collected_rows::CollectedRows;
use crate::fetch::page_size::{shrink_page_after_timeout, shrink_page_to_budget};
use crate::fetch::pager_plan::{AnswerSource, AttemptInputs, inputs};
use crate::fetch::removed_columns::{learn_from_saved, tolerates, with_parameter_context};
use crate::fetch::request::{is_answered_by, limit, overhead_units, quote, request};
use crate::fetch::resume::{ResumePoint, find_resume_point};
use crate::fetch::task_pager::TaskPager;
use crate::landing::{Attempt, SavedResponse};
use crate::ledger::request_log::RequestLabels;
use crate::model::{Request, hex};
use crate::paging::{NextStep, PageRequest};
use crate::plan::ScheduledTask;
use crate::state::tombstone::is_forgotten;
use crate::table::TaskSpec;
use crate::table::manifest::TaskEntry;

/// An answer within this time was fast: the next page may be larger.
const FAST: Duration = Duration::from_secs(5);

/// Pages with more bytes of values than this grow no more: a page is in memory as a whole, compressed, as text and decoded.
const LARGE_PAGE_BYTES: usize = 16 << 20;

/// Fetches one task.
pub struct TaskFetcher<'a> {
    context: &'a RunContext,
    job: &'a ScheduledTask,
    report: &'a Report,
    source: AnswerSource,
    inputs: AttemptInputs,
    /// What the rows answer once they are all here.
    spec: TaskSpec,
    /// The columns of the table that answers are decoded into.
    columns: Vec<String>,
    /// The requests, of the job's task as it is requested: changes since a day show lost rows too.
    pager: TaskPager<'a>,
    /// The latest decoder, with the key columns that it decodes.
    decoder: Option<(Vec<String>, Arc<Mutex<Decoder>>)>,
    answers: AttemptAnswers,
    rows: CollectedRows,
    /// The last answer came from the API, and fast: the next page may be larger.
    is_fast: bool,
    /// Units charged by this run.
    new_units: u64,
}

/// The first request of a task that has no answer yet.
#[derive(Debug, Clone)]
pub struct FirstRequest {
    /// The attempt that its answer belongs to; begun.
    pub(crate) attempt: Attempt,
    /// What it would send.
    pub(crate) request: Request,
    /// What is saved with the first answer.
    pub(crate) inputs: AttemptInputs,
}

impl<'a> TaskFetcher<'a> {
    /// Prepares a task: resumes the latest attempt at it unless that is committed, or answers another request by now.
    /// Nothing is sent.
    ///
    /// # Errors
    /// [`ErrorCode::Destination`] if saved responses cannot be read or the scratch folder cannot be created.
    pub fn new(
        context: &'a RunContext,
        index: usize,
        committed: Option<&TaskEntry>,
    ) -> Result<Self> {
        let (job, report) = context.job(index)?;
        let ResumePoint { attempt, inputs } = find_resume_point(context, job, report, committed)?;
        let inputs = match inputs {
            Some(inputs) => inputs,
            None => context.inputs(report, job)?,
        };
        Self::prepare(
            context,
            index,
            AnswerSource::ApiOrSaved,
            attempt,
            inputs,
            report.columns.clone(),
            job.task.spec.clone(),
        )
    }

    /// Prepares a committed task for being rebuilt from its saved responses, as it was requested then.
    ///
    /// # Errors
    /// [`ErrorCode::Unfinished`] if they are missing, or hold a column that the catalog no longer knows;
    /// [`ErrorCode::Destination`] if they cannot be read.
    pub fn replay(context: &'a RunContext, index: usize, entry: &TaskEntry) -> Result<Self> {
        let (job, report) = context.job(index)?;
        let attempt = Attempt {
            night: job.night,
            task: job.task.id.clone(),
            number: entry.attempt,
        };
        let Some(saved) = context.landing.load(&attempt, 0)? else {
            return Err(responses_missing());
        };
        let target = context.target_name(&job.task);
        if is_forgotten(&context.store, target, Some(&saved))? {
            return Err(responses_missing());
        }
        let inputs = inputs(&saved).ok_or_else(responses_missing)?;
        let columns = entry.spec.columns.clone();
        for name in &columns {
            if report.endpoint.column(name).is_none() {
                return Err(responses_missing());
            }
        }
        Self::prepare(
            context,
            index,
            AnswerSource::SavedOnly,
            attempt,
            inputs,
            columns,
            entry.spec.clone(),
        )
    }

    fn prepare(
        context: &'a RunContext,
        index: usize,
        source: AnswerSource,
        attempt: Attempt,
        inputs: AttemptInputs,
        columns: Vec<String>,
        spec: TaskSpec,
    ) -> Result<Self> {
        let (job, report) = context.job(index)?;
        let folder = format!("{}-{}", job.night, job.task.id.as_str());
        let rows = CollectedRows::new(report, &columns, context.scratch.join(folder))?;
        // The days of changes or of a history are those that were requested when the attempt began.
        let spec = inputs.with_since(spec);
        let task = inputs.task(&context.config, &job.task);
        Ok(Self {
            pager: TaskPager::new(context, report, task, &inputs, &spec)?,
            context,
            job,
            report,
            source,
            inputs,
            spec,
            columns,
            decoder: None,
            answers: AttemptAnswers::new(context.landing.clone(), attempt),
            rows,
            is_fast: false,
            new_units: 0,
        })
    }

    /// Fetches the task until all rows are here.
    ///
    /// # Errors
    /// Whatever stopped it, with report and target; [`ErrorCode::Interrupted`] if the user did. Saved answers stay.
    pub async fn run(mut self, index: usize, cancel: &CancellationToken) -> Result<FetchedTask> {
        let evidence = loop {
            let saved = self.next_saved().await?;
            match self.pager.next() {
                NextStep::Done(evidence) => break evidence,
                NextStep::Request(ask) => {
                    if let Err(error) = self.next_answer(&ask, saved, cancel).await {
                        return Err(error.with_units(self.new_units));
                    }
                }
            }
        };
        if let Some(cap) = self.pager.learned_cap() {
            self.context.remember_row_cap(self.report, cap);
        }
        let sorter = self.rows.spill().await?;
        let mut rows = self.rows;
        // A column that was requested and removed from the report since is expected.
        let requested = &self.inputs.spec.columns;
        rows.notes
            .unknown_columns
            .retain(|name, _| !requested.contains(name));
        let (exported_at, run) = rows.last.unwrap_or_default();
        Ok(FetchedTask {
            job: index,
            rows: sorter,
            evidence,
            units: rows.units,
            new_units: self.new_units,
            num_rows: rows.num_rows,
            started_at: rows.started_at.unwrap_or(exported_at),
            exported_at,
            run,
            attempt: self.answers.attempt().number,
            spec: self.spec,
            window: self.inputs.window,
            responses_hash: hex(&rows.bodies.finalize()),
            notes: rows.notes,
            source: rows.origin,
        })
    }

    /// The first request of the task, for a batch; `None` where an answer to it is saved. Saved answers to another request
    /// are set aside.
    ///
    /// # Errors
    /// [`ErrorCode::Destination`] if saved responses cannot be read or set aside.
    pub async fn first_request(mut self) -> Result<Option<FirstRequest>> {
        let saved = self.next_saved().await?;
        let NextStep::Request(ask) = self.pager.next() else {
            return Ok(None);
        };
        let request = request(self.report, self.pager.segment(), &self.columns, &ask);
        match &saved {
            Some(saved) if is_answered_by(&saved.header.request, &request) => return Ok(None),
            outdated => self.answers.end_replay(outdated.is_some()).await?,
        }
        Ok(Some(FirstRequest {
            attempt: self.answers.attempt().clone(),
            request,
            inputs: self.inputs,
        }))
    }

    /// The saved answer that comes next, if there is one. The pager requests as many rows as were requested then.
    async fn next_saved(&mut self) -> Result<Option<SavedResponse>> {
        let saved = self.answers.load_next().await?;
        if let Some(saved) = &saved
            && let Some(limit) = limit(&saved.header.request)
        {
            self.pager.set_page_limit(limit);
        }
        Ok(saved)
    }

    /// Gets one answer: the saved one if it fits, or a new one, which is saved before anything builds on it.
    async fn next_answer(
        &mut self,
        ask: &PageRequest,
        saved: Option<SavedResponse>,
        cancel: &CancellationToken,
    ) -> Result<()> {
        let context = self.context;
        let requested = &self.inputs.spec;
        learn_from_saved(&context.removed, self.report, requested, saved.as_ref());
        let columns = context.removed.remaining(self.report, &self.columns);
        let request = request(self.report, self.pager.segment(), &columns, ask);
        let decoder = self.decoder(ask)?;
        let is_saved_only = self.source == AnswerSource::SavedOnly;
        let is_outdated = saved.is_some();
        if let Some(saved) = saved
            && (is_saved_only || is_answered_by(&saved.header.request, &request))
        {
            let page = decode_saved(decoder, saved.clone()).await?;
            return self.accept_answer(ask, saved, page).await;
        }
        if is_saved_only {
            return Err(responses_missing());
        }
        if cancel.is_cancelled() {
            return Err(interrupted_error());
        }
        if self.answers.is_replaying() {
            self.answers.end_replay(is_outdated).await?;
        }
        context.ensure_lease_held()?;
        let fetch = self.send(ask, &request, decoder);
        match with_interrupt_grace(&context.clock, cancel, fetch).await? {
            Some((saved, page)) => self.accept_answer(ask, saved, page).await,
            None => Ok(()),
        }
    }

    /// Sends a request and saves its answer; `None` if another request has to be sent instead.
    async fn send(
        &mut self,
        ask: &PageRequest,
        request: &Request,
        decoder: Arc<Mutex<Decoder>>,
    ) -> Result<Option<(SavedResponse, Page)>> {
        let context = self.context;
        let started = context.clock.instant();
        let quote = Quote {
            shares: context.shares(self.job),
            ..quote(self.report, self.pager.segment(), ask)
        };
        let client = context.client()?;
        let labels = RequestLabels::of(&context.config, self.job, self.report);
        let sent = client
            .send_recorded(
                request,
                quote,
                &|attempted| context.note(&labels, attempted),
                |answer| decode(Arc::clone(&decoder), Arc::clone(client.keys()), answer),
            )
            .await;
        let sent = match sent {
            Ok(sent) => sent,
            Err(error) => {
                self.change_request(ask, request, error)?;
                return Ok(None);
            }
        };
        let is_fast = context.clock.instant() - started <= FAST;
        let (page, answer) = sent.value;
        let saved = self
            .answers
            .save(&context.run_id, request, answer, sent.units, &self.inputs)
            .await?;
        self.new_units += sent.units;
        context.progress.answer(page.keys.len(), sent.units);
        self.is_fast = is_fast;
        Ok(Some((saved, page)))
    }

    /// After a failure: requests fewer rows or columns the next time, or fails where that does not help.
    fn change_request(&mut self, ask: &PageRequest, sent: &Request, error: Error) -> Result<()> {
        let (context, job, report) = (self.context, self.job, self.report);
        match error.code() {
            ErrorCode::Budget
                if shrink_page_to_budget(context, job, report, &mut self.pager, ask) =>
            {
                Ok(())
            }
            ErrorCode::Timeout if shrink_page_after_timeout(&mut self.pager, ask) => {
                tracing::warn!(task = %job.task.id, "the API was too slow: requesting fewer rows");
                Ok(())
            }
            ErrorCode::Value => {
                let page = self.answers.sequence() + 1;
                Err(error.with_context("page", page.to_string()))
            }
            _ if tolerates(&context.removed, report, sent, ask, &error) => Ok(()),
            _ => Err(with_parameter_context(error, sent)),
        }
    }

    /// Passes an answer to the pager and adds the rows that it accepts.
    async fn accept_answer(
        &mut self,
        ask: &PageRequest,
        saved: SavedResponse,
        page: Page,
    ) -> Result<()> {
        let accepted = match self.pager.accept(&page.keys) {
            Ok(accepted) => accepted,
            Err(error) => {
                // The answers contradict each other; from the start, those of a source that was changing may not.
                if self.source == AnswerSource::ApiOrSaved && !error.is_final() {
                    self.answers.begin_next_attempt()?;
                }
                return Err(Error::from(error));
            }
        };
        if !self.answers.is_replaying() {
            let units = saved.header.units;
            let received = page.keys.len();
            let overhead = overhead_units(self.report, ask, units, received, accepted.num_rows());
            let labels = RequestLabels::of(&self.context.config, self.job, self.report);
            self.context
                .spending
                .record_overhead(&labels, saved.header.received_at, overhead);
        }
        if std::mem::take(&mut self.is_fast) && page.bytes() <= LARGE_PAGE_BYTES {
            self.pager.grow_page();
        }
        self.answers.advance();
        let page_number = self.answers.sequence();
        self.rows.add(saved, page, accepted, page_number).await
    }

    /// The decoder for the key columns of a request.
    fn decoder(&mut self, ask: &PageRequest) -> Result<Arc<Mutex<Decoder>>> {
        if let Some((key_columns, decoder)) = &self.decoder
            && *key_columns == ask.key_columns
        {
            return Ok(Arc::clone(decoder));
        }
        let on_bad_value = on_bad_value(self.report);
        let endpoint = self.report.endpoint;
        let schema = PageSchema::new(endpoint, &self.columns, &ask.key_columns, on_bad_value)?;
        let decoder = Arc::new(Mutex::new(Decoder::new(schema)));
        self.decoder = Some((ask.key_columns.clone(), Arc::clone(&decoder)));
        Ok(decoder)
    }
}
