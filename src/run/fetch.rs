//! One task: answers from disk as far as they were saved, then from the API, until paging says that it is done.
//!
//! Progress is a fold over answers. A saved answer goes through the same pager and sorter as a new one, so a task that was
//! killed goes on where it stopped, and pays for nothing twice.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;

use super::request::{quote, request, url_bytes_left};
use super::stage::Stage;
use super::workers::heavy;
use crate::api::{KeyRing, Rejected};
use crate::catalog::FREE_ROWS;
use crate::config::{OnTrouble, Report};
use crate::decode::{Decoder, Notes, OnBadValue, Page, PageSchema, decompress};
use crate::error::{Code, Error, Result};
use crate::landing::Saved;
use crate::model::{Answer, Request, hex};
use crate::paging::{Ask, Evidence, Pager, PagerLimits, PagerPlan, Paging, Step, Verdicts};
use crate::plan::Task;
use crate::sink::{SorterOptions, TaskSorter};

/// An answer that came within this time was fast: the next one may be larger.
const FAST: Duration = Duration::from_secs(5);

/// Rows in memory of one task under way; several tasks are under way at a time.
const SORT_MEMORY_BYTES: usize = 16 << 20;

/// Pages with more bytes of values than this grow no more: a page is in memory as a whole, compressed, as text and decoded.
const LARGE_PAGE_BYTES: usize = 16 << 20;

/// A task whose rows are all here.
pub struct Finished {
    /// Index into the night's tasks.
    pub task: usize,
    /// Its rows, not yet in order, on disk.
    pub rows: TaskSorter,
    /// Why they are believed to be all, or what is missing.
    pub evidence: Evidence,
    /// Units charged for its answers, those of earlier runs included.
    pub units: u64,
    /// Rows accepted.
    pub num_rows: u64,
    /// When its last answer was received, in microseconds since 1970.
    pub exported_at: i64,
    /// The run that received it.
    pub run: String,
    /// SHA-256 over its bodies as received.
    pub responses_hash: String,
    /// What was unusual in its answers.
    pub notes: Notes,
}

/// What paging was told when the task began: kept with each answer, so that a later run asks the same questions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Inputs {
    verdicts: Verdicts,
    cap: Option<u32>,
}

/// One task under way.
pub struct Fetch<'a> {
    stage: &'a Stage,
    task: &'a Task,
    report: &'a Report,
    inputs: Inputs,
    pager: Pager,
    /// Absent only while a background thread works on it.
    sorter: Option<TaskSorter>,
    decoder: Option<(Vec<String>, Arc<Mutex<Decoder>>)>,
    sequence: u32,
    /// Saved answers may still follow; false from the first new one on, since nothing saved comes behind that.
    is_replaying: bool,
    /// The last answer came from the API, and fast: the next page may be larger.
    is_fast: bool,
    units: u64,
    rows: u64,
    last: Option<(i64, String)>,
    bodies: Sha256,
    notes: Notes,
}

impl<'a> Fetch<'a> {
    /// Prepares a task: nothing is read or sent.
    ///
    /// # Errors
    /// [`Code::Destination`] if the scratch folder cannot be made.
    pub fn new(stage: &'a Stage, index: usize) -> Result<Self> {
        let (task, report) = stage.task(index)?;
        let first = stage.landing.load(stage.night, &task.id, 0)?;
        let inputs = first.and_then(|saved| inputs(&saved)).unwrap_or_else(|| stage.inputs(report));
        let schema = super::table_schema(report)?;
        let scratch = stage.scratch.join(&task.id.0);
        std::fs::create_dir_all(&scratch).map_err(|error| {
            Error::new(Code::Destination, format!("cannot create the folder {}", scratch.display())).with_source(error)
        })?;
        let page = PageSchema::new(report.endpoint, &report.columns, &[], OnBadValue::Fail)?;
        let options = SorterOptions { memory_bytes: SORT_MEMORY_BYTES, ..SorterOptions::new(scratch) };
        let sorter = TaskSorter::new(Decoder::new(page).arrow(), schema.sort_key(), options)?;
        Ok(Self {
            pager: Pager::new(pager_plan(stage, report, task, &inputs))?,
            stage,
            task,
            report,
            inputs,
            sorter: Some(sorter),
            decoder: None,
            sequence: 0,
            is_replaying: true,
            is_fast: false,
            units: 0,
            rows: 0,
            last: None,
            bodies: Sha256::new(),
            notes: Notes::default(),
        })
    }

    /// Runs the task to its end.
    ///
    /// # Errors
    /// Whatever stopped it, with report and target; [`Code::Interrupted`] if the user did. Saved answers stay.
    pub async fn run(mut self, index: usize, cancel: &CancellationToken) -> Result<Finished> {
        let evidence = loop {
            let saved = self.saved().await?;
            match self.pager.next() {
                Step::Done(evidence) => break evidence,
                Step::Ask(ask) => {
                    if let Err(error) = self.answer(&ask, saved, cancel).await {
                        return Err(error.with_units(self.units));
                    }
                }
            }
        };
        if let Some(cap) = self.pager.learned_cap() {
            self.stage.learn_cap(self.report, cap);
        }
        let mut sorter = taken(self.sorter.take())?;
        let sorter = heavy(move || sorter.park().map(|()| sorter)).await.flatten()?;
        let (exported_at, run) = self.last.unwrap_or_default();
        Ok(Finished {
            task: index,
            rows: sorter,
            evidence,
            units: self.units,
            num_rows: self.rows,
            exported_at,
            run,
            responses_hash: hex(&self.bodies.finalize()),
            notes: self.notes,
        })
    }

    /// Brings one answer: a saved one that fits, or a new one, which is saved before anything builds on it.
    async fn answer(&mut self, ask: &Ask, saved: Option<Saved>, cancel: &CancellationToken) -> Result<()> {
        let wanted = request(self.report, self.task, ask);
        let decoder = self.decoder(ask)?;
        let (saved, page) = match saved {
            Some(saved) if saved.header.request == wanted => {
                let page = decode_saved(decoder, saved.clone()).await?;
                (saved, page)
            }
            _ if cancel.is_cancelled() => return Err(Error::new(Code::Interrupted, "interrupted")),
            outdated => {
                if self.is_replaying {
                    self.forget(outdated.is_some()).await?;
                }
                match self.fetch(ask, &wanted, decoder).await? {
                    Some(fetched) => fetched,
                    None => return Ok(()),
                }
            }
        };
        self.build_on(saved, page).await
    }

    /// The saved answer that comes next, if there is one. The pager asks for as many rows as were asked for then.
    async fn saved(&mut self) -> Result<Option<Saved>> {
        if !self.is_replaying {
            return Ok(None);
        }
        let (landing, night) = (self.stage.landing.clone(), self.stage.night);
        let (task, sequence) = (self.task.id.clone(), self.sequence);
        let saved = blocking(move || landing.load(night, &task, sequence)).await?;
        if let Some(limit) = saved.as_ref().and_then(limit) {
            self.pager.at_limit(limit);
        }
        Ok(saved)
    }

    /// Ends the replay and forgets the saved answers from here on: they are damaged, or were asked for on other grounds.
    async fn forget(&mut self, outdated: bool) -> Result<()> {
        self.is_replaying = false;
        if outdated {
            let sequence = self.sequence;
            tracing::info!(task = %self.task.id, sequence, "saved responses answer another request and are not used");
        }
        let (landing, night) = (self.stage.landing.clone(), self.stage.night);
        let (task, sequence) = (self.task.id.clone(), self.sequence);
        blocking(move || landing.truncate(night, &task, sequence)).await
    }

    /// Sends a request and saves its answer; `None` if a time-out asks for a smaller page first.
    async fn fetch(
        &mut self,
        ask: &Ask,
        wanted: &Request,
        decoder: Arc<Mutex<Decoder>>,
    ) -> Result<Option<(Saved, Page)>> {
        let started = self.stage.clock.instant();
        let quote = quote(self.report, self.task, ask);
        let keys = self.stage.client.keys();
        let sent = self
            .stage
            .client
            .send(wanted, quote, |answer| decode(Arc::clone(&decoder), Arc::clone(keys), answer))
            .await;
        let sent = match sent {
            Err(error) if error.code() == Code::Budget && self.asks_for_what_is_left(ask) => return Ok(None),
            Err(error) if error.code() == Code::Timeout && self.asks_for_less(ask) => {
                tracing::warn!(task = %self.task.id, "the API was too slow: asking for fewer rows");
                return Ok(None);
            }
            Err(error) if error.code() == Code::Value => {
                return Err(error.with_context("page", (self.sequence + 1).to_string()));
            }
            other => other?,
        };
        let is_fast = self.stage.clock.instant() - started <= FAST;
        let (page, answer) = sent.value;
        let mut saved = Saved::new(self.sequence, &self.stage.run_id, wanted.clone(), answer, sent.units)?;
        saved.header.remark = serde_json::to_value(&self.inputs)
            .map_err(|error| Error::new(Code::Internal, "a remark cannot be written").with_source(error))?;
        let (landing, night, task) = (self.stage.landing.clone(), self.stage.night, self.task.id.clone());
        let saved = blocking(move || {
            landing.save(night, &task, &saved)?;
            Ok(saved)
        })
        .await?;
        self.stage.progress.answer(page.keys.len(), sent.units);
        self.is_fast = is_fast;
        Ok(Some((saved, page)))
    }

    /// Where the budget is too small for the page: whether a smaller one fits into what is left of it.
    fn asks_for_what_is_left(&mut self, ask: &Ask) -> bool {
        let (Some(limit), Some(left)) = (ask.limit, self.stage.client.meter().left()) else { return false };
        let most = quote(self.report, self.task, &Ask { limit: Some(u32::MAX), ..ask.clone() }).worst;
        let per_row = (most / u64::from(u32::MAX)).max(1);
        let rows = u32::try_from(left / per_row).unwrap_or(u32::MAX);
        let smaller = quote(self.report, self.task, &Ask { limit: Some(rows), ..ask.clone() }).worst;
        if rows == 0 || rows >= limit || smaller > left {
            return false;
        }
        self.pager.at_limit(rows);
        matches!(self.pager.next(), Step::Ask(next) if next.limit < ask.limit)
    }

    /// After a time-out: whether a smaller page can be asked for.
    fn asks_for_less(&mut self, ask: &Ask) -> bool {
        self.pager.slower();
        matches!(self.pager.next(), Step::Ask(smaller) if smaller.limit < ask.limit)
    }

    /// Lets the pager judge an answer and takes the rows that it accepts.
    async fn build_on(&mut self, saved: Saved, page: Page) -> Result<()> {
        let emit = match self.pager.answer(&page.keys) {
            Ok(emit) => emit,
            Err(error) => {
                // The answers contradict each other; asked again from the start, a source that was changing may not.
                self.stage.landing.truncate(self.stage.night, &self.task.id, 0)?;
                return Err(Error::from(error));
            }
        };
        if std::mem::take(&mut self.is_fast) && page.bytes() <= LARGE_PAGE_BYTES {
            self.pager.faster();
        }
        self.sequence += 1;
        self.units += saved.header.units;
        self.bodies.update(saved.header.body_sha256.as_bytes());
        self.last = Some((saved.header.received_at, saved.header.run));
        self.rows += u64::try_from(emit.num_rows()).unwrap_or(u64::MAX);
        let Page { batch, keys, notes } = page;
        self.notes.merge(notes);
        let mut sorter = taken(self.sorter.take())?;
        let sorter = heavy(move || {
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

    fn decoder(&mut self, ask: &Ask) -> Result<Arc<Mutex<Decoder>>> {
        match &self.decoder {
            Some((columns, decoder)) if *columns == ask.key_columns => Ok(Arc::clone(decoder)),
            _ => {
                let on_bad_value = match self.report.on_bad_value {
                    OnTrouble::Fail => OnBadValue::Fail,
                    OnTrouble::Null => OnBadValue::Null,
                };
                let schema =
                    PageSchema::new(self.report.endpoint, &self.report.columns, &ask.key_columns, on_bad_value)?;
                let decoder = Arc::new(Mutex::new(Decoder::new(schema)));
                self.decoder = Some((ask.key_columns.clone(), Arc::clone(&decoder)));
                Ok(decoder)
            }
        }
    }
}

/// A sorter that a background thread has given back.
fn taken(sorter: Option<TaskSorter>) -> Result<TaskSorter> {
    sorter.ok_or_else(|| Error::new(Code::Internal, "the rows of a task are still at work elsewhere"))
}

/// What paging was told when a saved answer was asked for.
fn inputs(saved: &Saved) -> Option<Inputs> {
    serde_json::from_value(saved.header.remark.clone()).ok()
}

/// Rows that a saved request asked for.
fn limit(saved: &Saved) -> Option<u32> {
    let (_, limit) = saved.header.request.query.iter().find(|(name, _)| name == "limit")?;
    limit.parse().ok()
}

fn pager_plan(stage: &Stage, report: &Report, task: &Task, inputs: &Inputs) -> PagerPlan {
    let mut limits = PagerLimits {
        cap: inputs.cap,
        max_rows: report.max_rows,
        max_requests: stage.config.run.max_requests,
        url_bytes: url_bytes_left(&stage.config.source.base_url, report, task),
        ..PagerLimits::default()
    };
    if task.is_free_target {
        limits.start = FREE_ROWS;
        limits.most = FREE_ROWS;
    }
    PagerPlan {
        paging: Paging::of(report.endpoint, &report.columns, report.parameter("aggregation")),
        base: report.filter.clone(),
        verdicts: inputs.verdicts,
        limits,
    }
}

impl Stage {
    fn inputs(&self, report: &Report) -> Inputs {
        let (verdicts, cap) = self.known(&report.endpoint.name);
        Inputs { verdicts, cap }
    }
}

/// The check of a new answer: a body that cannot be read may come whole the next time, one that does not fit will not.
pub(super) async fn decode(
    decoder: Arc<Mutex<Decoder>>,
    keys: Arc<KeyRing>,
    answer: Answer,
) -> std::result::Result<(Page, Answer), Rejected> {
    let decoded = heavy(move || {
        let body = plain_body(&answer, &keys)?;
        let page = decoder.lock().unwrap_or_else(PoisonError::into_inner).decode(&body);
        drop(body);
        match page {
            Ok(page) => Ok((page, answer)),
            Err(error) if error.is_damage() => Err(Rejected::Damaged(error.into())),
            Err(error) => Err(Rejected::Unusable(error.into())),
        }
    });
    match decoded.await {
        Ok(outcome) => outcome,
        Err(error) => Err(Rejected::Unusable(error)),
    }
}

async fn decode_saved(decoder: Arc<Mutex<Decoder>>, saved: Saved) -> Result<Page> {
    heavy(move || {
        let body = decompress(&saved.body, saved.header.encoding)?;
        Ok(decoder.lock().unwrap_or_else(PoisonError::into_inner).decode(&body)?)
    })
    .await
    .flatten()
}

/// A new body without its compression. One that repeats the key is refused before anything of it is quoted or saved.
pub(super) fn plain_body<'a>(answer: &'a Answer, keys: &KeyRing) -> std::result::Result<Cow<'a, [u8]>, Rejected> {
    let body = decompress(&answer.body, answer.encoding).map_err(|error| Rejected::Damaged(error.into()))?;
    if keys.appear_in(&body) {
        let error = Error::new(Code::Body, "the answer repeats the API key (***) and is not used")
            .with_next("check [source] base_url and proxy: something on the way sends requests back");
        return Err(Rejected::Unusable(error));
    }
    Ok(body)
}

/// Runs work that would hold up other tasks on a thread of its own.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(error) => Err(Error::new(Code::Internal, "a background task was cut off").with_source(error)),
    }
}
