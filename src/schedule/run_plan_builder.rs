//! Builds the plan of a run from the configuration and what the destination holds.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use crate::config::{Cadence, Report, RunConfig};
use crate::error::Result;
use crate::landing::ResponseStore;
use crate::model::{SnapshotDate, TaskId};
use crate::plan::{self, ScheduledTask, Selection, Task};
use crate::report::format_count;
use crate::schedule::history_windows::HistoryWindows;
use crate::schedule::run_plan::{
    DueTask, RunPlan, is_removed_from_config, is_resumed, known_tasks,
};
use crate::schedule::task_history::{TaskHistories, TaskHistory, load_task_history};
use crate::state::night_record::{OpenNight, load_open_nights};
use crate::state::open::{open_read_only, response_store};
use crate::state::periods::{self, is_history};
use crate::state::schema::table_schema;
use crate::state::task_state::{
    committed_entry_in, is_capped_by_max_rows, is_unfinished, partition_state_for,
};
use crate::store::Store;
use crate::table::manifest::{PartitionState, TaskEntry};

/// Plans a run: reads the destination and changes nothing. With a date in the selection only that night counts.
///
/// # Errors
/// As [`plan::tasks`]; [`crate::error::ErrorCode::Destination`] if what is known of a night cannot be read.
pub fn plan_run(
    config: &RunConfig,
    today: NaiveDate,
    selection: &Selection,
    refetch: bool,
) -> Result<RunPlan> {
    let wanted = match (selection.date, selection.between) {
        (Some(date), _) => Some(date),
        (None, Some((_, last))) => Some(last),
        (None, None) => None,
    };
    let run_plan = RunPlan {
        tonight: plan::resolve_date(wanted, today)?,
        refetch,
        is_forced: refetch && selection.names_something(),
        is_range: selection.between.is_some(),
        ..RunPlan::default()
    };
    let mut builder = RunPlanBuilder::new(config, run_plan, today)?;
    match selection.between {
        Some((first, last)) => builder.add_range(first, last, selection)?,
        None => builder.add_tonight(selection)?,
    }
    Ok(builder.finish())
}

struct RunPlanBuilder<'a> {
    config: &'a RunConfig,
    today: NaiveDate,
    store: Store,
    landing: ResponseStore,
    states: BTreeMap<(SnapshotDate, usize), Option<PartitionState>>,
    /// What earlier nights say of the tasks of a night, by report.
    task_histories: BTreeMap<usize, TaskHistories>,
    /// What complete tasks of tonight asked: other tasks that ask it get their answers.
    answered: BTreeSet<(SnapshotDate, String)>,
    histories: HistoryWindows<'a>,
    plan: RunPlan,
}

impl<'a> RunPlanBuilder<'a> {
    /// Begins with an empty plan.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`] if the destination cannot be opened.
    fn new(config: &'a RunConfig, plan: RunPlan, today: NaiveDate) -> Result<Self> {
        let store = open_read_only(config)?;
        Ok(Self {
            config,
            today,
            landing: response_store(config, &store),
            histories: HistoryWindows::of(config, &store),
            store,
            states: BTreeMap::new(),
            task_histories: BTreeMap::new(),
            answered: BTreeSet::new(),
            plan,
        })
    }

    /// Adds tonight's tasks, behind those of open nights where no date was asked for by name.
    ///
    /// # Errors
    /// As [`plan_run`].
    fn add_tonight(&mut self, selection: &Selection) -> Result<()> {
        let tonight = self.plan.tonight;
        let tasks = plan::tasks(self.config, tonight, self.today, selection)?;
        self.plan.reports = tasks.iter().map(|task| task.report).collect();
        self.check_tables()?;
        if selection.date.is_none() {
            self.add_open_nights(selection)?;
        }
        self.add_night(tonight, tasks)?;
        self.plan.notes.extend(self.plan.not_due());
        Ok(())
    }

    /// Adds nights of the past, one after another; histories are asked once for all days of the range.
    ///
    /// # Errors
    /// As [`plan_run`].
    fn add_range(
        &mut self,
        first: NaiveDate,
        last: NaiveDate,
        selection: &Selection,
    ) -> Result<()> {
        let reports = selection.reports(self.config)?;
        plan::ensure_answerable(
            self.config,
            &reports,
            SnapshotDate::new(first),
            self.today,
            false,
        )?;
        self.plan.reports = reports.into_iter().collect();
        self.check_tables()?;
        for day in first.iter_days().take_while(|day| *day <= last) {
            let night = SnapshotDate::new(day);
            let mut tasks = plan::tasks_of_any_night(self.config, night, selection)?;
            tasks.retain(|task| !self.fills_history(task));
            self.task_histories.clear();
            self.add_night(night, tasks)?;
        }
        for task in plan::tasks_of_any_night(self.config, SnapshotDate::new(last), selection)? {
            if self.fills_history(&task) {
                self.add_history_of_range(task, first, last)?;
            }
        }
        self.plan.notes.extend(self.plan.not_due());
        Ok(())
    }

    /// The plan, with what is fetched together.
    fn finish(self) -> RunPlan {
        let mut run_plan = self.plan;
        let jobs = run_plan.jobs.iter_mut();
        let tasks = jobs.map(|job| (job.night, &mut job.task));
        plan::assign_shares(self.config, tasks, self.today, &self.answered);
        run_plan
    }

    fn fills_history(&self, task: &Task) -> bool {
        match self.config.reports.get(task.report) {
            Some(report) => is_history(report),
            None => false,
        }
    }

    /// Refuses, before anything is paid for, what the tables could not take.
    fn check_tables(&self) -> Result<()> {
        for index in &self.plan.reports {
            let Some(report) = self.config.reports.get(*index) else {
                continue;
            };
            let record = self.store.table(&report.name)?;
            record.check_columns(
                &report.name,
                &report.endpoint.name,
                &table_schema(report)?.recorded_columns(),
                &self.config.partition_by(report),
            )?;
            periods::check_layout(&self.store, report, &record)?;
        }
        Ok(())
    }

    fn add_open_nights(&mut self, selection: &Selection) -> Result<()> {
        for (night, record) in load_open_nights(&self.store)? {
            if night == self.plan.tonight || night.date() > self.today {
                continue;
            }
            if is_resumed(self.config, night, self.today) {
                self.add_open_night(night, &record, selection)?;
            } else {
                let tasks = plural(record.tasks.len(), "task");
                self.plan.notes.push(format!(
                    "night {night} stays unfinished: {tasks} not complete within `resume_within`"
                ));
            }
        }
        Ok(())
    }

    fn add_open_night(
        &mut self,
        night: SnapshotDate,
        record: &OpenNight,
        selection: &Selection,
    ) -> Result<()> {
        self.note_removed_tasks(night, record)?;
        let (mut found, mut too_late) = (0, 0);
        for mut task in plan::tasks_of_any_night(self.config, night, selection)? {
            let Some(report) = self.config.reports.get(task.report) else {
                continue;
            };
            let Some(planned) = record.tasks.get(&task.id) else {
                continue;
            };
            // A changed configuration is no reason to buy an old night again.
            let entry = self.entry(night, &task)?;
            if !is_unfinished(&self.landing, night, &task.id, entry.as_ref())? {
                continue;
            }
            let latest = self.landing.latest_listed(night, &task.id)?;
            let has_begun = latest.is_some_and(|(_, has_answer)| has_answer);
            if !has_begun && !plan::can_answer_for(report, night, self.today) {
                too_late += 1;
                continue;
            }
            if is_history(report) {
                let Some(window) = planned.window else {
                    continue;
                };
                plan::set_window(self.config, &mut task, window);
            }
            self.plan.reports.insert(task.report);
            self.plan.jobs.push(ScheduledTask { night, task });
            found += 1;
        }
        if found > 0 {
            self.plan.notes.push(format!(
                "night {night} was not finished: {found} of its tasks come first"
            ));
        }
        if too_late > 0 {
            self.plan.notes.push(format!(
                "night {night}: {} never begun, and cannot be fetched any more: the operations only know the present",
                plural(too_late, "task")
            ));
        }
        Ok(())
    }

    fn note_removed_tasks(&mut self, night: SnapshotDate, record: &OpenNight) -> Result<()> {
        let known = known_tasks(self.config, night)?;
        let mut num_removed = 0;
        for (task, planned) in &record.tasks {
            if is_removed_from_config(self.config, &known, task, planned) {
                num_removed += 1;
            }
        }
        if num_removed > 0 {
            self.plan.notes.push(format!(
                "night {night}: {} not in this configuration, left unfinished",
                plural(num_removed, "unfinished task")
            ));
        }
        Ok(())
    }

    fn add_history_of_range(
        &mut self,
        mut task: Task,
        first: NaiveDate,
        last: NaiveDate,
    ) -> Result<()> {
        let Some(window) = self.histories.range(&task, first, last, self.today) else {
            return Ok(());
        };
        let night = SnapshotDate::new(last);
        let is_answered = self.histories.is_answered(&task, window)?;
        plan::set_window(self.config, &mut task, window);
        let entry = self.entry(night, &task)?;
        if !is_answered
            || self.plan.refetch
            || is_unfinished(&self.landing, night, &task.id, entry.as_ref())?
        {
            self.plan.jobs.push(ScheduledTask { night, task });
        } else {
            *self.plan.complete.entry(task.report).or_default() += 1;
        }
        Ok(())
    }

    /// Adds what a night still lacks.
    fn add_night(&mut self, night: SnapshotDate, tasks: Vec<Task>) -> Result<()> {
        self.load_task_histories(night, &tasks)?;
        let mut resumed: BTreeMap<TaskId, SnapshotDate> = BTreeMap::new();
        for job in &self.plan.jobs {
            resumed.insert(job.task.id.clone(), job.night);
        }
        let mut changed: BTreeMap<(usize, String), u64> = BTreeMap::new();
        for mut task in tasks {
            let entry = self.entry(night, &task)?;
            let is_wanted = if self.plan.refetch {
                true
            } else if let Some(entry) = &entry {
                let stale = self.stale_fields(night, &task, entry)?;
                if !stale.is_empty() {
                    *changed.entry((task.report, stale.join(", "))).or_default() += 1;
                }
                !stale.is_empty() || is_unfinished(&self.landing, night, &task.id, Some(entry))?
            } else if self.is_due(night, &task, resumed.get(&task.id).copied())? {
                true
            } else {
                continue;
            };
            if !is_wanted {
                *self.plan.complete.entry(task.report).or_default() += 1;
                let question = plan::question_fingerprint(self.config, &task);
                self.answered.insert((night, question));
                continue;
            }
            let refetch = self.plan.refetch;
            if let Some(window) = self.histories.window(night, &task, refetch)? {
                plan::set_window(self.config, &mut task, window);
            }
            self.plan.jobs.push(ScheduledTask { night, task });
        }
        for ((report, stale), number) in changed {
            self.note_changed(report, &stale, number);
        }
        Ok(())
    }

    /// What a task asks that its committed rows do not answer.
    fn stale_fields(
        &mut self,
        night: SnapshotDate,
        task: &Task,
        entry: &TaskEntry,
    ) -> Result<Vec<String>> {
        let was_capped = is_capped_by_max_rows(entry);
        let mut stale = task.spec.stale_fields(&entry.spec, was_capped);
        if stale.is_empty() && self.histories.is_missing_older_days(night, task)? {
            stale.push("since".to_owned());
        }
        Ok(stale)
    }

    fn note_changed(&mut self, report: usize, stale: &str, number: u64) {
        let Some(Report { name, .. }) = self.config.reports.get(report) else {
            return;
        };
        let (tasks, their) = if number == 1 {
            ("1 complete task".to_owned(), "it is")
        } else {
            (
                format!("{} complete tasks", format_count(number)),
                "they are",
            )
        };
        self.plan.notes.push(format!(
            "{name}: the configuration has changed since {tasks} of this night ({stale}): {their} fetched again"
        ));
    }

    /// Reads what earlier nights say, for the reports whose cadence or pace needs it.
    fn load_task_histories(&mut self, night: SnapshotDate, tasks: &[Task]) -> Result<()> {
        let with_turns = self.config.budget.pace;
        for index in self.plan.reports.clone() {
            let Some(report) = self.config.reports.get(index) else {
                continue;
            };
            if report.every == Cadence::DAY && !with_turns {
                continue;
            }
            let own = tasks.iter().filter(|task| task.report == index);
            let own = own.map(|task| &task.id).collect();
            let histories = load_task_history(&self.store, report, night, &own, with_turns)?;
            self.task_histories.insert(index, histories);
        }
        Ok(())
    }

    /// Whether a task that tonight has no rows of is due. One that an earlier night began, and that is finished first, is
    /// not fetched again for tonight before its time.
    fn is_due(
        &mut self,
        night: SnapshotDate,
        task: &Task,
        resumed: Option<SnapshotDate>,
    ) -> Result<bool> {
        let mut every = Cadence::DAY;
        if let Some(report) = self.config.reports.get(task.report) {
            every = report.every;
        }
        let mut history = TaskHistory::default();
        if let Some(histories) = self.task_histories.get_mut(&task.report) {
            history = histories.remove(&task.id).unwrap_or_default();
        }
        history.last = history.last.max(resumed);
        let key = task.cadence_key();
        let since = match plan::due(every, &key, night, history.last) {
            Some(since) if history.last.is_none() => history.waiting_since.unwrap_or(since),
            Some(since) => since,
            // Asked for tonight by name, by this run or by an earlier one that was cut off.
            None if self.plan.is_forced
                || self.landing.latest_listed(night, &task.id)?.is_some() =>
            {
                night
            }
            None => {
                let mut next = night;
                if let Some(last) = history.last {
                    next = plan::next_due(every, &key, last);
                }
                *self.plan.not_due.entry(next).or_default() += 1;
                return Ok(false);
            }
        };
        let due_task = DueTask { since, history };
        self.plan.due_tasks.insert(task.id.clone(), due_task);
        Ok(true)
    }

    fn entry(&mut self, night: SnapshotDate, task: &Task) -> Result<Option<TaskEntry>> {
        let key = (night, task.report);
        if !self.states.contains_key(&key) {
            let state = match self.config.reports.get(task.report) {
                Some(report) => partition_state_for(&self.store, night, report)?,
                None => None,
            };
            self.states.insert(key, state);
        }
        let state = self.states.get(&key).and_then(Option::as_ref);
        committed_entry_in(&self.landing, state, night, &task.id)
    }
}

/// A number of things, for notes: `1 task was`, `3 tasks were`.
fn plural(number: usize, what: &str) -> String {
    if number == 1 {
        format!("1 {what} was")
    } else {
        format!("{number} {what}s were")
    }
}
