//! What a bucket was seen to hold of the answers of a night, so that not every task must be asked for by itself.
//!
//! A night is listed once. What the list says may be past as soon as it is told: that will do for plans, which are looked at
//! again before anything is bought. Of a task that this run has claimed nobody else saves answers: what was seen of it then,
//! and what this run has saved since, is all there is, for as long as the claim is held.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};

use super::{Attempt, Landing, SUFFIX, folder_of};
use crate::error::Result;
use crate::model::{Night, TaskId};
use crate::store::Listed;

/// What is known of the nights that were listed.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<BTreeMap<Night, BTreeMap<TaskId, Answers>>>);

/// What is known of a task.
#[derive(Debug, Clone, Default)]
struct Answers {
    /// Its attempts that were begun, with the numbers of their answers.
    attempts: BTreeMap<u32, BTreeSet<u32>>,
    /// When any of it last changed, by the store's clock.
    changed: Option<DateTime<Utc>>,
    /// Nobody else changes it.
    is_held: bool,
}

impl Answers {
    fn add(&mut self, below: &str, listed: &Listed) {
        self.changed = self.changed.max(Some(listed.changed));
        let mut parts = below.split('/');
        let Some(attempt) = parts.next().and_then(|number| number.parse().ok()) else {
            return;
        };
        let attempt = self.attempts.entry(attempt).or_default();
        let number = parts
            .next()
            .and_then(|name| name.strip_suffix(SUFFIX)?.parse::<u32>().ok());
        attempt.extend(number.filter(|_| listed.bytes > 0));
    }

    fn latest(&self) -> Option<u32> {
        self.attempts.last_key_value().map(|(number, _)| *number)
    }
}

impl Known {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Night, BTreeMap<TaskId, Answers>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of a task that is held.
    fn of_held<T>(
        &self,
        night: Night,
        task: &TaskId,
        what: impl FnOnce(&mut Answers) -> T,
    ) -> Option<T> {
        let mut nights = self.lock();
        nights
            .get_mut(&night)?
            .get_mut(task)
            .filter(|answers| answers.is_held)
            .map(what)
    }

    /// The attempts at a task, none or its latest; `None` if it is not held.
    pub fn latest_of_held(&self, night: Night, task: &TaskId) -> Option<Vec<Attempt>> {
        let attempt = |number| Attempt {
            night,
            task: task.clone(),
            number,
        };
        self.of_held(night, task, |answers| {
            answers.latest().map(attempt).into_iter().collect()
        })
    }

    /// Whether an answer is there; `None` if its task is not held.
    pub fn has(&self, attempt: &Attempt, sequence: u32) -> Option<bool> {
        self.of_held(attempt.night, &attempt.task, |answers| {
            answers
                .attempts
                .get(&attempt.number)
                .is_some_and(|numbers| numbers.contains(&sequence))
        })
    }

    /// Whether it is known that an attempt has no answer from a number on.
    pub fn has_none_from(&self, attempt: &Attempt, from: u32) -> bool {
        let none = self.of_held(attempt.night, &attempt.task, |answers| {
            answers
                .attempts
                .get(&attempt.number)
                .is_none_or(|numbers| numbers.range(from..).next().is_none())
        });
        none.unwrap_or(false)
    }

    /// Whether it is known that an attempt was begun.
    pub fn has_begun(&self, attempt: &Attempt) -> bool {
        let begun = |answers: &mut Answers| answers.attempts.contains_key(&attempt.number);
        self.of_held(attempt.night, &attempt.task, begun)
            .unwrap_or(false)
    }

    /// An attempt was begun.
    pub fn begun(&self, attempt: &Attempt) {
        self.of_held(attempt.night, &attempt.task, |answers| {
            answers.attempts.entry(attempt.number).or_default();
        });
    }

    /// An answer was saved.
    pub fn saved(&self, attempt: &Attempt, sequence: u32) {
        self.of_held(attempt.night, &attempt.task, |answers| {
            answers
                .attempts
                .entry(attempt.number)
                .or_default()
                .insert(sequence);
        });
    }

    /// Nothing is known of a task any more but what a list tells.
    pub fn forget(&self, night: Night, task: &TaskId) {
        self.of_held(night, task, |answers| answers.is_held = false);
    }
}

impl Landing {
    /// The latest attempt at a task and whether it has its first answer, for plans: in a bucket what the last list of the
    /// night says, unless the task is held.
    ///
    /// # Errors
    /// [`crate::error::Code::Destination`] if the destination refuses to be read.
    pub fn latest_seen(&self, night: Night, task: &TaskId) -> Result<Option<(Attempt, bool)>> {
        let attempt = |number| Attempt {
            night,
            task: task.clone(),
            number,
        };
        let mut nights = self.known.lock();
        if let Some(seen) = self.listed(&mut nights, night)? {
            let latest = seen
                .get(task)
                .and_then(|answers| answers.attempts.last_key_value());
            return Ok(latest.map(|(number, numbers)| (attempt(*number), numbers.contains(&0))));
        }
        drop(nights);
        let Some(latest) = self.latest(night, task)? else {
            return Ok(None);
        };
        let has_answer = self.has_answer(&latest)?;
        Ok(Some((latest, has_answer)))
    }

    /// Forgets what the list of a night said: plans after this one are made by a new list.
    pub fn look_again(&self, night: Night) {
        self.known.lock().remove(&night);
    }

    /// From now on only this run saves answers of a task: it holds the claim on it. What is known of the task is true still
    /// if nobody ever held the claim before; else it is looked at again.
    ///
    /// # Errors
    /// [`crate::error::Code::Destination`] if the destination refuses to be read.
    pub fn hold(&self, night: Night, task: &TaskId, is_first: bool) -> Result<()> {
        let mut nights = self.known.lock();
        if is_first {
            if let Some(seen) = self.listed(&mut nights, night)? {
                seen.entry(task.clone()).or_default().is_held = true;
            }
            return Ok(());
        }
        drop(nights);
        let Some(listed) = self.files.survey(&folder_of(night, task))? else {
            return Ok(());
        };
        let mut answers = Answers {
            is_held: true,
            ..Answers::default()
        };
        for one in &listed {
            answers.add(&one.name, one);
        }
        let mut nights = self.known.lock();
        if let Some(seen) = self.listed(&mut nights, night)? {
            seen.insert(task.clone(), answers);
        }
        Ok(())
    }

    /// Others may save answers of a task from now on.
    pub fn let_go(&self, night: Night, task: &TaskId) {
        self.known.forget(night, task);
    }

    /// When the answers of each task of a night last changed.
    pub(super) fn last_changes(
        &self,
        night: Night,
    ) -> Result<Vec<(TaskId, Option<DateTime<Utc>>)>> {
        if let Some(listed) = self.files.survey(&night.to_string())? {
            let seen = by_task(&listed);
            return Ok(seen
                .into_iter()
                .map(|(task, answers)| (task, answers.changed))
                .collect());
        }
        let of_task = |task: TaskId| {
            let last = self.files.changed(&folder_of(night, &task))?;
            Ok((task, last))
        };
        self.tasks(night)?.into_iter().map(of_task).collect()
    }

    /// What the list of a night says, made where there is none; `None` on a disk.
    fn listed<'a>(
        &self,
        nights: &'a mut BTreeMap<Night, BTreeMap<TaskId, Answers>>,
        night: Night,
    ) -> Result<Option<&'a mut BTreeMap<TaskId, Answers>>> {
        use std::collections::btree_map::Entry;
        match nights.entry(night) {
            Entry::Occupied(known) => Ok(Some(known.into_mut())),
            Entry::Vacant(new) => {
                let listed = self.files.survey(&night.to_string())?;
                Ok(listed.map(|listed| new.insert(by_task(&listed))))
            }
        }
    }
}

fn by_task(listed: &[Listed]) -> BTreeMap<TaskId, Answers> {
    let mut tasks: BTreeMap<TaskId, Answers> = BTreeMap::new();
    for one in listed {
        if let Some((task, below)) = one.name.split_once('/') {
            tasks
                .entry(TaskId(task.to_owned()))
                .or_default()
                .add(below, one);
        }
    }
    tasks
}
