//! One task: answers from disk as far as they were saved, then from the API, until paging says that it is done.
//!
//! Progress is a fold over answers. A saved answer goes through the same pager and sorter as a new one, so a task that was
//! killed goes on where it stopped, and pays for nothing twice.

use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;

use crate::api::Quote;
use crate::config::Report;
use crate::context::cpu_pool::run_on_cpu_pool;
use crate::context::fetched_task::{
    FetchedTask, interrupted_error, responses_missing, sorter_in_use,
};
use crate::context::run_context::RunContext;
use crate::decode::{DecodeNotes, Decoder, OnBadValue, Page, PageSchema};
use crate::error::{Error, ErrorCode, Result};
use crate::fetch::body::{decode, decode_saved, on_bad_value, run_blocking, with_interrupt_grace};
use crate::fetch::pager_plan::{AnswerSource, AttemptInputs, inputs};
use crate::fetch::removed_columns::{learn_from_saved, tolerates, with_parameter_context};
use crate::fetch::request::{is_answered_by, limit, overhead_units, quote, request};
use crate::fetch::resume::{ResumePoint, find_resume_point};
use crate::fetch::task_pager::TaskPager;
use crate::landing::{AnswerOrigin, Attempt, SavedResponse};
use crate::ledger::request_log::RequestLabels;
use crate::model::{Request, hex};
use crate::paging::{NextStep, PageRequest};
use crate::plan::ScheduledTask;
use crate::sink::{SorterOptions, TaskSorter};
use crate::state::tombstone::is_forgotten;
use crate::table::TaskSpec;
use crate::table::manifest::TaskEntry;

/// An answer that came within this time was fast: the next one may be larger.
const FAST: Duration = Duration::from_secs(5);

/// Rows in memory of one task under way; several tasks are under way at a time.
const SORT_MEMORY_BYTES: usize = 16 << 20;

/// Pages with more bytes of values than this grow no more: a page is in memory as a whole, compressed, as text and decoded.
const LARGE_PAGE_BYTES: usize = 16 << 20;

/// One task under way.
pub struct TaskFetcher<'a> {
    context: &'a RunContext,
    job: &'a ScheduledTask,
    report: &'a Report,
    from: AnswerSource,
    attempt: Attempt,
    inputs: AttemptInputs,
    /// What the rows answer once they are all here.
    spec: TaskSpec,
    /// The columns of the table that answers are decoded into.
    columns: Vec<String>,
    /// What comes next, of the job's task as it is asked: changes since a day show lost rows too.
    pager: TaskPager<'a>,
    /// Absent only while a background thread works on it.
    sorter: Option<TaskSorter>,
    decoder: Option<(Vec<String>, Arc<Mutex<Decoder>>)>,
    sequence: u32,
    /// Saved answers may still follow; false from the first new one on, since nothing saved comes behind that.
    is_replaying: bool,
    /// The last answer came from the API, and fast: the next page may be larger.
    is_fast: bool,
    units: u64,
    new_units: u64,
    rows: u64,
    started_at: Option<i64>,
    last: Option<(i64, String)>,
    source: Option<AnswerOrigin>,
    bodies: Sha256,
    notes: DecodeNotes,
}

/// The first question of a task that has no answer yet.
#[derive(Debug, Clone)]
pub struct FirstRequest {
    /// The attempt that its answer belongs to; begun.
    pub(crate) attempt: Attempt,
    /// What it would send.
    pub(crate) request: Request,
    /// What is kept with the first answer.
    pub(crate) inputs: AttemptInputs,
}

impl<'a> TaskFetcher<'a> {
    /// Prepares a task: goes on with the latest attempt at it unless that is committed, or answers what is no longer
    /// asked. Nothing is sent.
    ///
    /// # Errors
    /// [`ErrorCode::Destination`] if saved responses cannot be read or the scratch folder cannot be made.
    pub fn new(
        context: &'a RunContext,
        index: usize,
        committed: Option<&TaskEntry>,
    ) -> Result<Self> {
        let (job, report) = context.job(index)?;
        let ResumePoint { attempt, inputs } = find_resume_point(context, job, report, committed)?;
        let inputs = inputs.map_or_else(|| context.inputs(report, job), Ok)?;
        let (columns, spec) = (report.columns.clone(), job.task.spec.clone());
        Self::with(
            context,
            index,
            AnswerSource::ApiOrSaved,
            attempt,
            inputs,
            columns,
            spec,
        )
    }

    /// Prepares a committed task for being put together again from its saved responses, as it was asked then.
    ///
    /// # Errors
    /// [`ErrorCode::Unfinished`] if they are gone, or hold a column that the catalog no longer knows;
    /// [`ErrorCode::Destination`] if they cannot be read.
    pub fn replay(context: &'a RunContext, index: usize, entry: &TaskEntry) -> Result<Self> {
        let (job, report) = context.job(index)?;
        let attempt = Attempt {
            night: job.night,
            task: job.task.id.clone(),
            number: entry.attempt,
        };
        let saved = context.landing.load(&attempt, 0)?;
        let saved = if is_forgotten(
            &context.store,
            context.target_name(&job.task),
            saved.as_ref(),
        )? {
            None
        } else {
            saved
        };
        let inputs = saved
            .and_then(|saved| inputs(&saved))
            .ok_or_else(responses_missing)?;
        let columns = entry.spec.columns.clone();
        if columns
            .iter()
            .any(|name| report.endpoint.column(name).is_none())
        {
            return Err(responses_missing());
        }
        Self::with(
            context,
            index,
            AnswerSource::SavedOnly,
            attempt,
            inputs,
            columns,
            entry.spec.clone(),
        )
    }

    fn with(
        context: &'a RunContext,
        index: usize,
        from: AnswerSource,
        attempt: Attempt,
        inputs: AttemptInputs,
        columns: Vec<String>,
        spec: TaskSpec,
    ) -> Result<Self> {
        let (job, report) = context.job(index)?;
        let scratch = context
            .scratch
            .join(format!("{}-{}", job.night, job.task.id.as_str()));
        std::fs::create_dir_all(&scratch).map_err(|error| {
            Error::new(
                ErrorCode::Destination,
                format!("cannot create the folder {}", scratch.display()),
            )
            .with_source(error)
        })?;
        let sort_key = crate::state::layouts::table_schema_of(report, &columns)?
            .sort_key()
            .to_vec();
        let page = PageSchema::new(report.endpoint, &columns, &[], OnBadValue::Fail)?;
        let options = SorterOptions {
            memory_bytes: SORT_MEMORY_BYTES,
            ..SorterOptions::new(scratch)
        };
        let sorter = TaskSorter::new(Decoder::new(page).arrow(), &sort_key, options)?;
        // The days that changes or a history are asked for are those of the task's beginning.
        let spec = inputs.with_since(spec);
        let task = inputs.task(&context.config, &job.task);
        Ok(Self {
            pager: TaskPager::new(context, report, task, &inputs, &spec)?,
            context,
            job,
            report,
            from,
            attempt,
            inputs,
            spec,
            columns,
            sorter: Some(sorter),
            decoder: None,
            sequence: 0,
            is_replaying: true,
            is_fast: false,
            units: 0,
            new_units: 0,
            rows: 0,
            started_at: None,
            last: None,
            source: None,
            bodies: Sha256::new(),
            notes: DecodeNotes::default(),
        })
    }

    /// Runs the task to its end.
    ///
    /// # Errors
    /// Whatever stopped it, with report and target; [`ErrorCode::Interrupted`] if the user did. Saved answers stay.
    pub async fn run(mut self, index: usize, cancel: &CancellationToken) -> Result<FetchedTask> {
        let evidence = loop {
            let saved = self.saved().await?;
            match self.pager.next() {
                NextStep::Done(evidence) => break evidence,
                NextStep::Request(ask) => {
                    if let Err(error) = self.answer(&ask, saved, cancel).await {
                        return Err(error.with_units(self.new_units));
                    }
                }
            }
        };
        if let Some(cap) = self.pager.learned_cap() {
            self.context.remember_row_cap(self.report, cap);
        }
        let mut sorter = sorter_in_use(self.sorter.take())?;
        let sorter = run_on_cpu_pool(move || sorter.spill_all().map(|()| sorter))
            .await
            .flatten()?;
        // A column that was fetched and is no longer wanted is no surprise.
        let fetched = &self.inputs.spec.columns;
        self.notes
            .unknown_columns
            .retain(|name, _| !fetched.contains(name));
        let (exported_at, run) = self.last.unwrap_or_default();
        Ok(FetchedTask {
            job: index,
            rows: sorter,
            evidence,
            units: self.units,
            new_units: self.new_units,
            num_rows: self.rows,
            started_at: self.started_at.unwrap_or(exported_at),
            exported_at,
            run,
            attempt: self.attempt.number,
            spec: self.spec,
            window: self.inputs.window,
            responses_hash: hex(&self.bodies.finalize()),
            notes: self.notes,
            source: self.source,
        })
    }

    /// What the task would ask first, for those who ask for many at once; nothing where an answer to it is saved. What is
    /// saved and answers something else is set aside.
    ///
    /// # Errors
    /// [`ErrorCode::Destination`] if saved responses cannot be read or set aside.
    pub async fn first_question(mut self) -> Result<Option<FirstRequest>> {
        let saved = self.saved().await?;
        let NextStep::Request(ask) = self.pager.next() else {
            return Ok(None);
        };
        let request = request(self.report, self.pager.task(), &self.columns, &ask);
        match &saved {
            Some(saved) if is_answered_by(&saved.header.request, &request) => return Ok(None),
            outdated => self.end_replay(outdated.is_some()).await?,
        }
        Ok(Some(FirstRequest {
            attempt: self.attempt,
            request,
            inputs: self.inputs,
        }))
    }

    /// Brings one answer: a saved one that fits, or a new one, which is saved before anything builds on it.
    async fn answer(
        &mut self,
        ask: &PageRequest,
        saved: Option<SavedResponse>,
        cancel: &CancellationToken,
    ) -> Result<()> {
        learn_from_saved(
            &self.context.removed,
            self.report,
            &self.inputs.spec,
            saved.as_ref(),
        );
        let columns = self.context.removed.remaining(self.report, &self.columns);
        let wanted = request(self.report, self.pager.task(), &columns, ask);
        let decoder = self.decoder(ask)?;
        let (saved, page) = match saved {
            Some(saved)
                if self.from == AnswerSource::SavedOnly
                    || is_answered_by(&saved.header.request, &wanted) =>
            {
                let page = decode_saved(decoder, saved.clone()).await?;
                (saved, page)
            }
            _ if self.from == AnswerSource::SavedOnly => return Err(responses_missing()),
            _ if cancel.is_cancelled() => return Err(interrupted_error()),
            outdated => {
                if self.is_replaying {
                    self.end_replay(outdated.is_some()).await?;
                }
                self.context.ensure_lease_held()?;
                match self.fetch_unless(cancel, ask, &wanted, decoder).await? {
                    Some(fetched) => fetched,
                    None => return Ok(()),
                }
            }
        };
        self.build_on(ask, saved, page).await
    }

    /// Fetches, and gives up on an answer that takes long after an interrupt: it counts as charged.
    async fn fetch_unless(
        &mut self,
        cancel: &CancellationToken,
        ask: &PageRequest,
        wanted: &Request,
        decoder: Arc<Mutex<Decoder>>,
    ) -> Result<Option<(SavedResponse, Page)>> {
        let clock = Arc::clone(&self.context.clock);
        with_interrupt_grace(&clock, cancel, self.fetch(ask, wanted, decoder)).await
    }

    /// The saved answer that comes next, if there is one. The pager asks for as many rows as were asked for then.
    async fn saved(&mut self) -> Result<Option<SavedResponse>> {
        if !self.is_replaying {
            return Ok(None);
        }
        let (landing, attempt, sequence) = (
            self.context.landing.clone(),
            self.attempt.clone(),
            self.sequence,
        );
        let saved = run_blocking(move || landing.load(&attempt, sequence)).await?;
        if let Some(limit) = saved
            .as_ref()
            .and_then(|saved| limit(&saved.header.request))
        {
            self.pager.set_page_limit(limit);
        }
        Ok(saved)
    }

    /// Ends the replay and sets the saved answers from here on aside: they are damaged, or were asked for on other grounds.
    async fn end_replay(&mut self, is_outdated: bool) -> Result<()> {
        self.is_replaying = false;
        if is_outdated {
            let sequence = self.sequence;
            tracing::info!(task = %self.job.task.id, sequence, "saved responses answer another request and are not used");
        }
        let (landing, attempt, sequence) = (
            self.context.landing.clone(),
            self.attempt.clone(),
            self.sequence,
        );
        run_blocking(move || {
            landing.begin(&attempt)?;
            landing.set_aside(&attempt, sequence)
        })
        .await
    }

    /// Sends a request and saves its answer; `None` if a time-out asks for a smaller page first.
    async fn fetch(
        &mut self,
        ask: &PageRequest,
        wanted: &Request,
        decoder: Arc<Mutex<Decoder>>,
    ) -> Result<Option<(SavedResponse, Page)>> {
        let started = self.context.clock.instant();
        let shares = self.context.shares(self.job);
        let quote = Quote {
            shares,
            ..quote(self.report, self.pager.task(), ask)
        };
        let client = self.context.client()?;
        let keys = client.keys();
        let account = RequestLabels::of(&self.context.config, self.job, self.report);
        let note = |attempted| self.context.note(&account, attempted);
        let sent = client
            .send_recorded(wanted, quote, &note, |answer| {
                decode(Arc::clone(&decoder), Arc::clone(keys), answer)
            })
            .await;
        let sent = match sent {
            Err(error) if error.code() == ErrorCode::Budget && self.asks_for_what_is_left(ask) => {
                return Ok(None);
            }
            Err(error) if error.code() == ErrorCode::Timeout && self.asks_for_less(ask) => {
                tracing::warn!(task = %self.job.task.id, "the API was too slow: asking for fewer rows");
                return Ok(None);
            }
            Err(error) if error.code() == ErrorCode::Value => {
                return Err(error.with_context("page", (self.sequence + 1).to_string()));
            }
            Err(error) if tolerates(&self.context.removed, self.report, wanted, ask, &error) => {
                return Ok(None);
            }
            other => other.map_err(|error| with_parameter_context(error, wanted))?,
        };
        let is_fast = self.context.clock.instant() - started <= FAST;
        let (page, answer) = sent.value;
        let (run, sequence) = (self.context.run_id.clone(), self.sequence);
        let inputs = (sequence == 0).then(|| self.inputs.clone());
        let (landing, attempt, wanted) = (
            self.context.landing.clone(),
            self.attempt.clone(),
            wanted.clone(),
        );
        let saved = run_blocking(move || {
            let mut saved = SavedResponse::new(sequence, &run, wanted, answer, sent.units)?;
            if let Some(inputs) = inputs {
                saved.header.inputs = serde_json::to_value(&inputs).map_err(|error| {
                    Error::new(ErrorCode::Internal, "a remark cannot be written").with_source(error)
                })?;
            }
            landing.save(&attempt, &saved)?;
            Ok(saved)
        })
        .await?;
        self.new_units += sent.units;
        self.context.progress.answer(page.keys.len(), sent.units);
        self.is_fast = is_fast;
        Ok(Some((saved, page)))
    }

    /// Where the budget is too small for the page: whether a smaller one fits into what is left of it. What others have set
    /// aside may come back: the smaller page waits for it, and is made smaller again if it does not.
    fn asks_for_what_is_left(&mut self, ask: &PageRequest) -> bool {
        let left = self
            .context
            .client()
            .ok()
            .and_then(|client| client.meter().obtainable(self.context.shares(self.job)));
        let (Some(limit), Some(left)) = (ask.limit, left) else {
            return false;
        };
        let most = quote(
            self.report,
            self.pager.task(),
            &PageRequest {
                limit: Some(u32::MAX),
                ..ask.clone()
            },
        )
        .worst;
        let per_row = (most / u64::from(u32::MAX)).max(1);
        let rows = u32::try_from(left / per_row).unwrap_or(u32::MAX);
        let smaller = quote(
            self.report,
            self.pager.task(),
            &PageRequest {
                limit: Some(rows),
                ..ask.clone()
            },
        )
        .worst;
        if rows < self.pager.min_page_limit() || rows >= limit || smaller > left {
            return false;
        }
        self.pager.set_page_limit(rows);
        self.pager.ask().is_some_and(|next| next.limit < ask.limit)
    }

    /// After a time-out: whether a smaller page can be asked for.
    fn asks_for_less(&mut self, ask: &PageRequest) -> bool {
        self.pager.shrink_page();
        self.pager
            .ask()
            .is_some_and(|smaller| smaller.limit < ask.limit)
    }

    /// Lets the pager judge an answer and takes the rows that it accepts.
    async fn build_on(
        &mut self,
        ask: &PageRequest,
        saved: SavedResponse,
        page: Page,
    ) -> Result<()> {
        let emit = match self.pager.answer(&page.keys) {
            Ok(emit) => emit,
            Err(error) => {
                // The answers contradict each other; asked again from the start, a source that was changing may not.
                if self.from == AnswerSource::ApiOrSaved && !error.is_final() {
                    let number = self.attempt.number + 1;
                    self.context.landing.begin(&Attempt {
                        number,
                        ..self.attempt.clone()
                    })?;
                }
                return Err(Error::from(error));
            }
        };
        if !self.is_replaying {
            let wasted = overhead_units(
                self.report,
                ask,
                saved.header.units,
                page.keys.len(),
                emit.num_rows(),
            );
            let account = RequestLabels::of(&self.context.config, self.job, self.report);
            self.context
                .spending
                .record_overhead(&account, saved.header.received_at, wasted);
        }
        if std::mem::take(&mut self.is_fast) && page.bytes() <= LARGE_PAGE_BYTES {
            self.pager.grow_page();
        }
        self.sequence += 1;
        self.units += saved.header.units;
        self.bodies.update(saved.header.body_sha256.as_bytes());
        self.started_at.get_or_insert(saved.header.received_at);
        self.last = Some((saved.header.received_at, saved.header.run));
        self.source = saved.header.origin;
        self.rows += u64::try_from(emit.num_rows()).unwrap_or(u64::MAX);
        let Page { batch, keys, notes } = page;
        self.notes.merge(notes.of_page(self.sequence));
        let mut sorter = sorter_in_use(self.sorter.take())?;
        let sorter = run_on_cpu_pool(move || {
            for Range { start, end } in emit.ranges {
                let digests = keys.digests.get(start..end).unwrap_or_default();
                sorter.push(&batch.slice(start, end - start), digests)?;
            }
            Ok(sorter)
        })
        .await
        .flatten()?;
        self.sorter = Some(sorter);
        Ok(())
    }

    fn decoder(&mut self, ask: &PageRequest) -> Result<Arc<Mutex<Decoder>>> {
        match &self.decoder {
            Some((columns, decoder)) if *columns == ask.key_columns => Ok(Arc::clone(decoder)),
            _ => {
                let (endpoint, on_bad_value) = (self.report.endpoint, on_bad_value(self.report));
                let schema =
                    PageSchema::new(endpoint, &self.columns, &ask.key_columns, on_bad_value)?;
                let decoder = Arc::new(Mutex::new(Decoder::new(schema)));
                self.decoder = Some((ask.key_columns.clone(), Arc::clone(&decoder)));
                Ok(decoder)
            }
        }
    }
}
