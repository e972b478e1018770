//! What a run has to do: what is left of nights that were begun, oldest first, then what tonight still lacks.
//!
//! Reads the destination and changes nothing, so that it can be shown and priced before anything is spent.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use crate::config::{Every, RunConfig};
use crate::error::Result;
use crate::landing::Landing;
use crate::model::{Night, TaskId};
use crate::plan::ScheduledTask;
use crate::plan::{self, Selection, Task};
use crate::report::count;
use crate::schedule::history_windows::HistoryWindows;
use crate::schedule::task_history::{TaskHistory, load_task_history};
use crate::state::night_record;
use crate::state::night_record::{OpenNight, PlannedTask};
use crate::state::open::response_store;
use crate::state::periods;
use crate::state::task_state::{self, is_capped_by_max_rows, is_unfinished, partition_state_for};
use crate::store::Store;
use crate::table::manifest::{PartitionState, TaskEntry};

/// What a run has to do, and what it found out on the way.
#[derive(Debug, Clone, Default)]
pub struct RunPlan {
    /// The night that the run is for.
    pub tonight: Night,
    /// Pay again for what is complete.
    pub refetch: bool,
    /// What is to be done, in order.
    pub(crate) jobs: Vec<ScheduledTask>,
    /// Tasks of tonight that are complete, by report.
    pub(crate) complete: BTreeMap<usize, u64>,
    /// Reports that the selection names.
    pub(crate) reports: BTreeSet<usize>,
    /// What was asked for by name is fetched whatever cadence and pace say.
    pub(crate) is_forced: bool,
    /// Nights or days of the past were asked for by name: nothing of them is put off.
    pub(crate) is_range: bool,
    /// Since when tasks of tonight are due, and what is known of them.
    pub(crate) due_tasks: BTreeMap<TaskId, DueTask>,
    /// Tasks that are not due tonight, by the night on which they are.
    not_due: BTreeMap<Night, u64>,
    /// What is worth knowing of it.
    pub notes: Vec<String>,
}

impl RunPlan {
    /// Reads the destination and makes the agenda. With a date in the selection only that night counts.
    ///
    /// # Errors
    /// As [`plan::tasks`]; [`crate::error::Code::Destination`] if what is known of a night cannot be read.
    pub fn make(
        config: &RunConfig,
        today: NaiveDate,
        selection: &Selection,
        refetch: bool,
    ) -> Result<Self> {
        let tonight = plan::resolve_date(
            selection.date.or(selection.between.map(|(_, last)| last)),
            today,
        )?;
        let store = crate::state::open::open_read_only(config)?;
        let mut maker = RunPlanBuilder {
            config,
            landing: response_store(config, &store),
            histories: HistoryWindows::of(config, &store),
            store,
            states: BTreeMap::new(),
            pasts: BTreeMap::new(),
            answered: BTreeSet::new(),
            run_plan: Self {
                tonight,
                refetch,
                is_forced: refetch && selection.names_something(),
                ..Self::default()
            },
        };
        if let Some((first, last)) = selection.between {
            maker.run_plan.is_range = true;
            maker.range(first, last, today, selection)?;
            return Ok(maker.shared(today));
        }
        let tasks = plan::tasks(config, tonight, today, selection)?;
        maker.run_plan.reports = tasks.iter().map(|task| task.report).collect();
        maker.check_tables()?;
        if selection.date.is_none() {
            maker.open_nights(today, selection)?;
        }
        maker.night(tonight, tasks)?;
        maker.run_plan.notes.extend(maker.run_plan.not_due());
        Ok(maker.shared(today))
    }

    /// The tasks that are due, for their price.
    pub fn tasks(&self) -> Vec<Task> {
        self.jobs.iter().map(|job| job.task.clone()).collect()
    }

    /// Takes out, for a [sample](RunConfig::sample), what the source does not promise to answer for nothing, with a note for
    /// each of its reports.
    pub fn retain_free_tasks(&mut self, config: &RunConfig) {
        let (free, billed): (Vec<_>, Vec<_>) = std::mem::take(&mut self.jobs)
            .into_iter()
            .partition(|job| job.task.costs_nothing());
        self.jobs = free;
        let reports: BTreeSet<usize> = billed.iter().map(|job| job.task.report).collect();
        for report in reports
            .iter()
            .filter_map(|index| config.reports.get(*index))
        {
            self.notes.push(format!(
                "{}: left out of the sample, since answers of {} are not promised to be free",
                report.name, report.endpoint.name
            ));
        }
    }

    /// Tasks of tonight that are complete: they cost nothing.
    pub fn num_complete(&self) -> u64 {
        self.complete.values().sum()
    }

    /// How many tasks are not due, and when the next are; `None` where all are due.
    pub fn not_due(&self) -> Option<String> {
        let (next, first) = self.not_due.first_key_value()?;
        let number: u64 = self.not_due.values().sum();
        let (tasks, are) = if number == 1 {
            ("task", "is")
        } else {
            ("tasks", "are")
        };
        Some(format!(
            "{} {tasks} {are} not due; the next {} on {next}",
            count(number),
            count(*first)
        ))
    }
}

/// A task that is due.
#[derive(Debug, Clone, Default)]
pub(crate) struct DueTask {
    /// Since when.
    pub since: Night,
    /// What earlier nights know of it.
    pub seen: TaskHistory,
}

struct RunPlanBuilder<'a> {
    config: &'a RunConfig,
    store: Store,
    landing: Landing,
    states: BTreeMap<(Night, usize), Option<PartitionState>>,
    pasts: BTreeMap<usize, BTreeMap<TaskId, TaskHistory>>,
    /// What complete tasks of tonight asked: whoever asks it too gets their answers.
    answered: BTreeSet<(Night, String)>,
    histories: HistoryWindows<'a>,
    run_plan: RunPlan,
}

impl RunPlanBuilder<'_> {
    /// Refuses, before anything is paid for, what the tables could not take.
    fn check_tables(&self) -> Result<()> {
        for report in self
            .run_plan
            .reports
            .iter()
            .filter_map(|index| self.config.reports.get(*index))
        {
            let record = self.store.table(&report.name)?;
            let wanted = crate::state::layouts::table_schema(report)?.recorded_columns();
            record.admits(
                &report.name,
                &report.endpoint.name,
                &wanted,
                &self.config.partition_by(report),
            )?;
            periods::check_layout(&self.store, report, &record)?;
        }
        Ok(())
    }

    fn open_nights(&mut self, today: NaiveDate, selection: &Selection) -> Result<()> {
        for (night, record) in night_record::load_open_nights(&self.store)? {
            if night == self.run_plan.tonight || night > today {
                continue;
            }
            if !is_resumed(self.config, night, today) {
                let number = record.tasks.len();
                self.run_plan.notes.push(format!(
                    "night {night} stays unfinished: {number} of its tasks were not complete within `resume_within`"
                ));
                continue;
            }
            self.open_night(night, &record, today, selection)?;
        }
        Ok(())
    }

    fn open_night(
        &mut self,
        night: Night,
        record: &OpenNight,
        today: NaiveDate,
        selection: &Selection,
    ) -> Result<()> {
        let known = known_tasks(self.config, night)?;
        let is_gone = |(task, planned): &(&TaskId, &PlannedTask)| {
            is_removed_from_config(self.config, &known, task, planned)
        };
        let gone = record.tasks.iter().filter(is_gone).count();
        if gone > 0 {
            self.run_plan.notes.push(format!(
                "night {night}: {gone} unfinished tasks are not in this configuration and are left alone"
            ));
        }
        let (mut found, mut too_late) = (0_u64, 0_u64);
        for mut task in plan::tasks_of_any_night(self.config, night, selection)? {
            let Some(report) = self.config.reports.get(task.report) else {
                continue;
            };
            let Some(planned) = record.tasks.get(&task.id) else {
                continue;
            };
            if !self.is_open(night, &task)? {
                continue;
            }
            let has_begun = self
                .landing
                .latest_seen(night, &task.id)?
                .is_some_and(|(_, has_answer)| has_answer);
            if !has_begun && !plan::can_answer_for(report, night, today) {
                too_late += 1;
                continue;
            }
            if periods::is_history(report) {
                let Some(window) = planned.window else {
                    continue;
                };
                plan::set_window(self.config, &mut task, window);
            }
            self.run_plan.reports.insert(task.report);
            self.run_plan.jobs.push(ScheduledTask { night, task });
            found += 1;
        }
        if found > 0 {
            self.run_plan.notes.push(format!(
                "night {night} was not finished: {found} of its tasks come first"
            ));
        }
        if too_late > 0 {
            self.run_plan.notes.push(format!(
                "night {night}: {too_late} tasks were never begun, and their operations only know the present by now"
            ));
        }
        Ok(())
    }

    /// Whether a task of an earlier night is unfinished. A changed configuration is no reason to buy an old night again.
    fn is_open(&mut self, night: Night, task: &Task) -> Result<bool> {
        let entry = self.entry(night, task)?;
        is_unfinished(&self.landing, night, &task.id, entry.as_ref())
    }

    /// Nights of the past, one after another; histories are asked once for all days of the range.
    fn range(
        &mut self,
        first: Night,
        last: Night,
        today: NaiveDate,
        selection: &Selection,
    ) -> Result<()> {
        let reports = selection.reports(self.config)?;
        plan::ensure_answerable(self.config, &reports, first, today, false)?;
        self.run_plan.reports = reports.into_iter().collect();
        self.check_tables()?;
        let is_history = |task: &Task| {
            self.config
                .reports
                .get(task.report)
                .is_some_and(periods::is_history)
        };
        for night in first.iter_days().take_while(|night| *night <= last) {
            let mut tasks = plan::tasks_of_any_night(self.config, night, selection)?;
            tasks.retain(|task| !is_history(task));
            self.pasts.clear();
            self.night(night, tasks)?;
        }
        let mut tasks = plan::tasks_of_any_night(self.config, last, selection)?;
        tasks.retain(is_history);
        for mut task in tasks {
            let Some(window) = self.histories.range(&task, first, last, today) else {
                continue;
            };
            let is_answered = self.histories.is_answered(&task, window)?;
            plan::set_window(self.config, &mut task, window);
            let entry = self.entry(last, &task)?;
            if !is_answered
                || self.run_plan.refetch
                || is_unfinished(&self.landing, last, &task.id, entry.as_ref())?
            {
                self.run_plan.jobs.push(ScheduledTask { night: last, task });
            } else {
                *self.run_plan.complete.entry(task.report).or_default() += 1;
            }
        }
        self.run_plan.notes.extend(self.run_plan.not_due());
        Ok(())
    }

    /// What a night still lacks.
    fn night(&mut self, night: Night, tasks: Vec<Task>) -> Result<()> {
        self.read_pasts(night, &tasks)?;
        let resumed: BTreeMap<TaskId, Night> = self
            .run_plan
            .jobs
            .iter()
            .map(|job| (job.task.id.clone(), job.night))
            .collect();
        let mut changed: BTreeMap<(usize, String), u64> = BTreeMap::new();
        for mut task in tasks {
            let entry = self.entry(night, &task)?;
            let lacks_older = self.histories.lacks_older_days(night, &task)?;
            let is_due = match &entry {
                _ if self.run_plan.refetch => true,
                Some(entry) => {
                    let mut why = task
                        .spec
                        .stale_fields(&entry.spec, is_capped_by_max_rows(entry));
                    if why.is_empty() && lacks_older {
                        why.push("since".to_owned());
                    }
                    let differs = !why.is_empty();
                    if differs {
                        *changed.entry((task.report, why.join(", "))).or_default() += 1;
                    }
                    differs || is_unfinished(&self.landing, night, &task.id, Some(entry))?
                }
                None if self.is_due(night, &task, resumed.get(&task.id).copied())? => true,
                None => continue,
            };
            if is_due {
                if let Some(window) = self.histories.window(night, &task, self.run_plan.refetch)? {
                    plan::set_window(self.config, &mut task, window);
                }
                self.run_plan.jobs.push(ScheduledTask { night, task });
            } else {
                *self.run_plan.complete.entry(task.report).or_default() += 1;
                self.answered
                    .insert((night, plan::question_fingerprint(self.config, &task)));
            }
        }
        for ((report, why), number) in changed {
            let name = self
                .config
                .reports
                .get(report)
                .map_or("", |report| report.name.as_str());
            self.run_plan.notes.push(format!(
                "{name}: the configuration asks something else than {number} complete tasks of this night answer \
                 ({why}): they are fetched again"
            ));
        }
        Ok(())
    }

    /// Reads what earlier nights came to, for the reports whose cadence or pace needs it.
    fn read_pasts(&mut self, night: Night, tasks: &[Task]) -> Result<()> {
        let pace = self.config.budget.pace;
        for index in self.run_plan.reports.clone() {
            let Some(report) = self.config.reports.get(index) else {
                continue;
            };
            if report.every == Every::DAY && !pace {
                continue;
            }
            let own = tasks
                .iter()
                .filter(|task| task.report == index)
                .map(|task| &task.id)
                .collect();
            let past = load_task_history(&self.store, report, night, &own, pace)?;
            self.pasts.insert(index, past);
        }
        Ok(())
    }

    /// Whether a task that tonight has no rows of is due. One that an earlier night began, and that is finished first, is
    /// not fetched again for tonight before its time.
    fn is_due(&mut self, night: Night, task: &Task, resumed: Option<Night>) -> Result<bool> {
        let every = self
            .config
            .reports
            .get(task.report)
            .map_or(Every::DAY, |report| report.every);
        let mut seen = self
            .pasts
            .get_mut(&task.report)
            .and_then(|past| past.remove(&task.id))
            .unwrap_or_default();
        seen.last = seen.last.max(resumed);
        let since = match plan::due(every, &task.cadence_key(), night, seen.last) {
            Some(since) if seen.last.is_none() => seen.waiting_since.unwrap_or(since),
            Some(since) => since,
            // Asked for tonight by name, by this run or by an earlier one that was cut off.
            None if self.run_plan.is_forced
                || self.landing.latest_seen(night, &task.id)?.is_some() =>
            {
                night
            }
            None => {
                let next = seen.last.map_or(night, |last| {
                    plan::next_due(every, &task.cadence_key(), last)
                });
                *self.run_plan.not_due.entry(next).or_default() += 1;
                return Ok(false);
            }
        };
        self.run_plan
            .due_tasks
            .insert(task.id.clone(), DueTask { since, seen });
        Ok(true)
    }

    /// The agenda, with what is bought together.
    fn shared(self, today: NaiveDate) -> RunPlan {
        let Self {
            config,
            mut run_plan,
            answered,
            ..
        } = self;
        plan::assign_shares(
            config,
            run_plan
                .jobs
                .iter_mut()
                .map(|job| (job.night, &mut job.task)),
            today,
            &answered,
        );
        run_plan
    }

    fn entry(&mut self, night: Night, task: &Task) -> Result<Option<TaskEntry>> {
        let key = (night, task.report);
        if !self.states.contains_key(&key) {
            let state = match self.config.reports.get(task.report) {
                Some(report) => partition_state_for(&self.store, night, report)?,
                None => None,
            };
            self.states.insert(key, state);
        }
        task_state::committed_entry_in(
            &self.landing,
            self.states.get(&key).and_then(Option::as_ref),
            night,
            &task.id,
        )
    }
}

/// Whether what is left of a night is still to be done.
pub(crate) fn is_resumed(config: &RunConfig, night: Night, today: NaiveDate) -> bool {
    let age = u64::try_from((today - night).num_days()).unwrap_or(0);
    age * 24 * 3600 <= config.run.resume_within.as_secs()
}

/// The tasks that the configuration knows.
pub(crate) fn known_tasks(config: &RunConfig, night: Night) -> Result<BTreeSet<TaskId>> {
    let tasks = plan::tasks_of_any_night(config, night, &Selection::default())?;
    Ok(tasks.into_iter().map(|task| task.id).collect())
}

/// Whether a task was taken out of the configuration. A report that it does not have may belong to another configuration
/// that fills the same destination.
pub(crate) fn is_removed_from_config(
    config: &RunConfig,
    known: &BTreeSet<TaskId>,
    task: &TaskId,
    planned: &PlannedTask,
) -> bool {
    config
        .reports
        .iter()
        .any(|report| report.name == planned.report)
        && !known.contains(task)
}
