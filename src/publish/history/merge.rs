//! `HistoryAnswers` of a history → one commit of each period that they reach.
//!
//! Of the rows of a day those of the latest answer stand that was asked for the day: also where it brought none. That is true
//! whatever the order in which answers are committed, and whether they are new or put together again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use chrono::NaiveDate;
use tokio_util::sync::CancellationToken;

use crate::config::Report;
use crate::context::cpu_pool::run_on_cpu_pool;
use crate::context::fetched_task::FetchedTask;
use crate::context::run_context::RunContext;
use crate::error::{Error, ErrorCode, Result};
use crate::failpoint;
use crate::fetch::body::run_blocking;
use crate::model::TaskId;
use crate::publish::history::answers::{Answer, HistoryAnswers};
use crate::publish::history::rows::{Digester, complete, days, times, unfit};
use crate::publish::partition::{Assembled, Layout, PartitionRewrite, responses_hash, summary};
use crate::publish::rewrite::{RowOwners, stretches, whole_file};
use crate::report::PartitionSummary;
use crate::sink::{IdentityCounter, PartitionWriter, TaskColumns, TaskSorter, read_batches};
use crate::state::periods::period_name;
use crate::table::manifest::{Committed, FileEntry, HistoryEntry, TaskEntry};
use crate::table::{DateRange, merge_ranges};

/// Rows that are written within seconds: an interrupt does not wait for more.
const INTERRUPTIBLE_ROWS: u64 = 200_000;

/// Merges finished tasks into the periods that they reach, oldest period first.
///
/// # Errors
/// As [`crate::publish::partition::assemble`]; periods that were committed before stay, and the next run goes on from there.
pub(crate) async fn assemble(
    context: &Arc<RunContext>,
    report: usize,
    finished: Vec<FetchedTask>,
    cancel: &CancellationToken,
) -> Result<Assembled> {
    let (partitions, added) =
        merge(context, report, finished, Layout::AsRecorded, None, cancel).await?;
    Ok(Assembled { partitions, added })
}

/// Makes one period again from what its file still holds and what was put together from saved responses.
///
/// # Errors
/// As [`assemble`].
pub(crate) async fn rebuild(
    context: &Arc<RunContext>,
    report: usize,
    finished: Vec<FetchedTask>,
    year: i32,
) -> Result<Vec<PartitionSummary>> {
    let merged = merge(
        context,
        report,
        finished,
        Layout::Anew,
        Some(year),
        &CancellationToken::new(),
    )
    .await?;
    Ok(merged.0)
}

async fn merge(
    context: &Arc<RunContext>,
    report: usize,
    finished: Vec<FetchedTask>,
    layout: Layout,
    only: Option<i32>,
    cancel: &CancellationToken,
) -> Result<(Vec<PartitionSummary>, Vec<TaskEntry>)> {
    let shared = Arc::clone(context);
    let turn = Arc::clone(&context.writing);
    let held = turn.lock().await;
    let (answers, periods) = run_on_cpu_pool(move || {
        HistoryAnswers::collect(&shared, shared.report(report)?, finished, only)
    })
    .await
    .flatten()?;
    drop(held);
    let answers = Arc::new(answers);
    let mut partitions = Vec::with_capacity(periods.len());
    for (year, sorter) in periods {
        let opening = Arc::clone(context);
        let opened = run_blocking(move || {
            PartitionRewrite::open(
                &opening,
                opening.report(report)?,
                &period_name(year),
                layout,
            )
        });
        let opened = opened.await?;
        let _turn = turn.lock().await;
        let (context, answers, cancel) =
            (Arc::clone(context), Arc::clone(&answers), cancel.clone());
        let merged = run_on_cpu_pool(move || {
            let report = context.report(report)?;
            let committed = Period::new(&context, report, &answers, year)?
                .merge(opened, sorter, layout, &cancel)?;
            Ok(summary(report, &period_name(year), &committed))
        });
        partitions.push(merged.await.flatten()?);
        failpoint::hit("history.period");
    }
    let added = answers
        .tasks
        .values()
        .flatten()
        .map(|answer| answer.entry.clone())
        .collect();
    Ok((partitions, added))
}

/// A period that is being merged into.
struct Period<'a> {
    context: &'a RunContext,
    report: &'a Report,
    answers: &'a HistoryAnswers,
    days: DateRange,
    /// The tasks of which an answer speaks for days of it.
    tasks: Vec<(&'a TaskId, &'a [Answer])>,
    /// Their places in `tasks`.
    places: BTreeMap<&'a TaskId, usize>,
    /// The same by target and parameters.
    owners: BTreeMap<(&'a str, &'a BTreeMap<String, String>), usize>,
    /// When the rows came that no answer may replace, though it speaks for their day: a later answer brought them.
    newer: BTreeMap<(usize, NaiveDate), i64>,
}

/// Rows of a task in a period.
#[derive(Debug, Clone, Copy, Default)]
struct RowCounts {
    rows: u64,
    duplicates: u64,
    identities: Option<u64>,
}

/// Fills in how many rows and identities of each task came again.
fn count_repeated(
    tallies: &mut [RowCounts],
    rows: IdentityCounter,
    identities: Option<IdentityCounter>,
) -> Result<()> {
    let rows = rows.finish()?;
    let identities = identities.map(IdentityCounter::finish).transpose()?;
    for (place, tally) in (0_u32..).zip(tallies) {
        tally.duplicates = rows.get(&place).copied().unwrap_or(0);
        tally.identities = identities
            .as_ref()
            .map(|found| found.get(&place).copied().unwrap_or(0));
    }
    Ok(())
}

impl<'a> Period<'a> {
    fn new(
        context: &'a RunContext,
        report: &'a Report,
        answers: &'a HistoryAnswers,
        year: i32,
    ) -> Result<Self> {
        let days = DateRange::of_year(year)
            .ok_or_else(|| Error::new(ErrorCode::Internal, format!("there is no year {year}")))?;
        let reaches = |answer: &Answer| answer.window.intersection(days).is_some();
        let tasks = answers
            .tasks
            .iter()
            .filter(|(_, of)| of.iter().any(reaches));
        let tasks: Vec<(&TaskId, &[Answer])> = tasks
            .map(|(task, answers)| (task, answers.as_slice()))
            .collect();
        let places = tasks
            .iter()
            .enumerate()
            .map(|(place, (task, _))| (*task, place))
            .collect();
        let of = |answers: &'a [Answer]| {
            answers
                .last()
                .map(|last| (last.columns.target.as_str(), &last.columns.parameters))
        };
        let owners = tasks
            .iter()
            .enumerate()
            .filter_map(|(place, (_, answers))| Some((of(answers)?, place)))
            .collect();
        Ok(Self {
            context,
            report,
            answers,
            days,
            tasks,
            places,
            owners,
            newer: BTreeMap::new(),
        })
    }

    /// Writes the period's rows and publishes them.
    fn merge(
        mut self,
        mut opened: PartitionRewrite,
        mut sorter: TaskSorter,
        layout: Layout,
        cancel: &CancellationToken,
    ) -> Result<Committed> {
        let before = opened.before.clone();
        let replaced: BTreeSet<TaskId> =
            self.tasks.iter().map(|(task, _)| (*task).clone()).collect();
        let hashes = self
            .tasks
            .iter()
            .flat_map(|(_, answers)| *answers)
            .map(|answer| answer.responses_hash.as_str());
        let hash = responses_hash(before.as_ref(), hashes);
        if let Some(before) = &before {
            self.take_over(&opened, before, &replaced, &mut sorter)?;
        }
        let mut writer = opened.writer(self.context, &hash, &replaced)?;
        let tallies = self.write(&mut opened, before.as_ref(), sorter, &mut writer, cancel)?;
        opened.keep_all_but(&replaced, &mut writer)?;
        let entries: Vec<TaskEntry> = self
            .tasks
            .iter()
            .zip(tallies)
            .map(|((task, answers), tally)| {
                let old = before
                    .as_ref()
                    .and_then(|before| before.tasks.iter().find(|old| old.task == **task));
                self.entry(answers, old, tally, layout)
            })
            .collect::<Result<_>>()?;
        opened.publish(writer, &replaced, &entries, hash)
    }

    /// Adds the rows that the period holds of these tasks and that no answer speaks for.
    fn take_over(
        &mut self,
        opened: &PartitionRewrite,
        before: &Committed,
        replaced: &BTreeSet<TaskId>,
        sorter: &mut TaskSorter,
    ) -> Result<()> {
        let mut digester = Digester::new(&self.answers.schema)?;
        let owners = RowOwners::of(&before.tasks);
        let committing = &opened.committing;
        for file in before.files.iter().filter(|file| file.rows > 0) {
            let is_in =
                |entry: &&TaskEntry| file.tasks.is_empty() || file.tasks.contains(&entry.task);
            if !before
                .tasks
                .iter()
                .filter(is_in)
                .any(|entry| replaced.contains(&entry.task))
            {
                continue;
            }
            let local = match whole_file(committing, file) {
                Ok(local) => local,
                // What nothing is needed of may be damaged.
                Err(error)
                    if error.code() == ErrorCode::Corrupt
                        && self.is_replaced_whole(before, file) =>
                {
                    continue;
                }
                Err(error) => return Err(error),
            };
            for batch in read_batches(local.path(), None)? {
                let batch = batch?;
                for (range, target, params) in stretches(&batch, opened.schema.parameters())? {
                    let entry = owners.expect(committing.commit(), file, &target, &params)?;
                    let Some(place) = self.places.get(&entry.task).copied() else {
                        continue;
                    };
                    let part = batch.slice(range.start, range.len());
                    let part =
                        complete(&self.answers.schema, &self.untouched(place, &part)?, None)?;
                    sorter.push(&part, &digester.digests(&part)?)?;
                }
            }
        }
        Ok(())
    }

    /// Whether nothing of a file is needed: the answers speak for every day of which it holds rows, and none came before them.
    fn is_replaced_whole(&self, before: &Committed, file: &FileEntry) -> bool {
        let mut held = before
            .tasks
            .iter()
            .filter(|entry| file.tasks.is_empty() || file.tasks.contains(&entry.task));
        held.all(|entry| {
            let place = self
                .places
                .get(&entry.task)
                .and_then(|place| self.tasks.get(*place));
            let answers = place.map_or(&[][..], |(_, answers)| *answers);
            let days = merge_ranges(answers.iter().map(|answer| answer.window));
            let is_latest = answers
                .last()
                .is_some_and(|last| last.entry.exported_at >= entry.exported_at);
            let covered = entry
                .history
                .as_ref()
                .map(|history| history.covered.as_slice())
                .unwrap_or_default();
            is_latest
                && !covered.is_empty()
                && covered
                    .iter()
                    .all(|span| days.iter().any(|days| days.covers(*span)))
        })
    }

    /// The committed rows of a task that no answer of the same time or later speaks for.
    fn untouched(&mut self, place: usize, part: &RecordBatch) -> Result<RecordBatch> {
        let answers = self
            .tasks
            .get(place)
            .map_or(&[][..], |(_, answers)| *answers);
        let mut mask = Vec::with_capacity(part.num_rows());
        for (day, came) in days(part, self.answers.dated)?
            .into_iter()
            .zip(times(part)?)
        {
            let mut speaking = answers
                .iter()
                .filter(|answer| answer.window.contains(day))
                .peekable();
            let is_spoken_for = speaking.peek().is_some();
            let stays = !speaking.any(|answer| answer.entry.exported_at >= came);
            if stays && is_spoken_for {
                self.newer.insert((place, day), came);
            }
            mask.push(stays);
        }
        filter_record_batch(part, &BooleanArray::from(mask)).map_err(unfit)
    }

    /// The rows of a task that nothing later speaks for: neither another answer nor what was committed meanwhile.
    fn current(
        &self,
        place: usize,
        old: Option<&TaskEntry>,
        part: &RecordBatch,
    ) -> Result<RecordBatch> {
        let answers = self
            .tasks
            .get(place)
            .map_or(&[][..], |(_, answers)| *answers);
        let old = old.and_then(|old| Some((old.exported_at, old.history.as_ref()?.window)));
        let later: Vec<(i64, DateRange)> = answers
            .iter()
            .map(|answer| (answer.entry.exported_at, answer.window))
            .chain(old)
            .collect();
        let mut mask = Vec::with_capacity(part.num_rows());
        for (day, came) in days(part, self.answers.dated)?
            .into_iter()
            .zip(times(part)?)
        {
            let is_outdated = later
                .iter()
                .any(|(at, window)| *at > came && window.contains(day));
            mask.push(
                !is_outdated
                    && self
                        .newer
                        .get(&(place, day))
                        .is_none_or(|newer| *newer <= came),
            );
        }
        filter_record_batch(part, &BooleanArray::from(mask)).map_err(unfit)
    }

    fn write(
        &self,
        opened: &mut PartitionRewrite,
        before: Option<&Committed>,
        sorter: TaskSorter,
        writer: &mut PartitionWriter,
        cancel: &CancellationToken,
    ) -> Result<Vec<RowCounts>> {
        let stop = sorter.num_rows() > INTERRUPTIBLE_ROWS;
        let names: Vec<String> = self
            .answers
            .schema
            .columns()
            .iter()
            .map(|column| column.name.clone())
            .collect();
        let identity = &self.report.endpoint.identity;
        let has_identity = !identity.is_empty() && identity.iter().all(|name| names.contains(name));
        let scratch = || Ok(self.context.scratch.clone());
        let mut rows = IdentityCounter::new(&names, scratch);
        let mut identities = has_identity.then(|| IdentityCounter::new(identity, scratch));
        let mut tallies = vec![RowCounts::default(); self.tasks.len()];
        let mut under_way: Option<usize> = None;
        for batch in sorter.finish()? {
            if stop && cancel.is_cancelled() {
                return Err(Error::new(
                    ErrorCode::Interrupted,
                    "interrupted before the rows were written",
                ));
            }
            let batch = batch?;
            for (range, target, params) in stretches(&batch, self.answers.schema.parameters())? {
                let place = self.owners.get(&(target.as_str(), &params)).copied();
                let place = place.ok_or_else(|| {
                    Error::new(
                        ErrorCode::Internal,
                        format!("rows of nobody: {target} {params:?}"),
                    )
                })?;
                let (Some((task, _)), Some(columns)) = (self.tasks.get(place), self.columns(place))
                else {
                    continue;
                };
                let old =
                    before.and_then(|before| before.tasks.iter().find(|old| old.task == **task));
                let part = self.current(place, old, &batch.slice(range.start, range.len()))?;
                if part.num_rows() == 0 {
                    continue;
                }
                if under_way != Some(place) {
                    let last = under_way.and_then(|last| self.columns(last));
                    if !opened.partition_by.is_empty()
                        && last.is_none_or(|last| last.folder != columns.folder)
                    {
                        writer.start_sorted_run(&opened.schema.file_order())?;
                    }
                    opened.carry_before(columns, writer)?;
                    writer.begin_task(columns.clone())?;
                    under_way = Some(place);
                }
                writer.write(&part)?;
                let group = u32::try_from(place).unwrap_or(u32::MAX);
                rows.push(group, &part)?;
                if let Some(identities) = &mut identities {
                    identities.push(group, &part)?;
                }
                if let Some(tally) = tallies.get_mut(place) {
                    tally.rows += u64::try_from(part.num_rows()).unwrap_or(u64::MAX);
                }
            }
        }
        count_repeated(&mut tallies, rows, identities)?;
        Ok(tallies)
    }

    fn columns(&self, place: usize) -> Option<&TaskColumns> {
        self.tasks
            .get(place)?
            .1
            .last()
            .map(|answer| &answer.columns)
    }

    /// What the period says of a task from now on.
    fn entry(
        &self,
        answers: &[Answer],
        old: Option<&TaskEntry>,
        tally: RowCounts,
        layout: Layout,
    ) -> Result<TaskEntry> {
        let last = answers
            .last()
            .ok_or_else(|| Error::new(ErrorCode::Internal, "a task without an answer"))?;
        let is_outrun = old.is_some_and(|old| old.exported_at > last.entry.exported_at);
        let newest = old.filter(|_| is_outrun).unwrap_or(&last.entry);
        let (job, _) = self.context.job(last.job)?;
        let held = old.and_then(|old| old.history.as_ref());
        let held = held.map(|held| held.covered.clone()).unwrap_or_default();
        let answers_the_same =
            old.is_some_and(|old| job.task.spec.stale_fields(&old.spec, false).is_empty());
        let new = answers
            .iter()
            .filter_map(|answer| answer.window.intersection(self.days));
        let covered = match (layout, answers_the_same, is_outrun) {
            // What is put together again is what was there.
            (Layout::Anew, _, _) | (Layout::AsRecorded, false, true) => held,
            (Layout::AsRecorded, true, _) => merge_ranges(held.into_iter().chain(new)),
            (Layout::AsRecorded, false, false) => merge_ranges(new),
        };
        let history = newest
            .history
            .clone()
            .map(|history| HistoryEntry { covered, ..history });
        Ok(TaskEntry {
            rows: tally.rows,
            duplicate_rows: tally.duplicates,
            duplicate_identities: tally.identities,
            history,
            ..newest.clone()
        })
    }
}
