//! The progress of a run: counters that the stages increment and the command line shows.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters of one run. Shared; each only grows.
#[derive(Debug, Default)]
pub struct Progress {
    tasks: AtomicU64,
    tasks_done: AtomicU64,
    rows: AtomicU64,
    answers: AtomicU64,
    units: AtomicU64,
}

/// The counters at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Tasks that are due.
    pub tasks: u64,
    /// Of these, tasks that have a result of any kind.
    pub tasks_done: u64,
    /// Rows accepted from answers.
    pub rows: u64,
    /// Answers received.
    pub answers: u64,
    /// Units charged.
    pub units: u64,
}

impl Progress {
    pub(crate) fn expect_tasks(&self, number: usize) {
        self.tasks
            .fetch_add(u64::try_from(number).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(crate) fn task_ended(&self) {
        self.tasks_done.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn answer(&self, rows: usize, units: u64) {
        self.rows
            .fetch_add(u64::try_from(rows).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.answers.fetch_add(1, Ordering::Relaxed);
        self.units.fetch_add(units, Ordering::Relaxed);
    }

    /// The counters now.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            tasks: self.tasks.load(Ordering::Relaxed),
            tasks_done: self.tasks_done.load(Ordering::Relaxed),
            rows: self.rows.load(Ordering::Relaxed),
            answers: self.answers.load(Ordering::Relaxed),
            units: self.units.load(Ordering::Relaxed),
        }
    }
}
