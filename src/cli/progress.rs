//! Progress for whoever watches: a line that moves on a terminal, a plain line every 30 s elsewhere.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::task::JoinHandle;

use super::arguments::{Globals, LogFormat};
use super::output;
use crate::context::progress::Progress;
use crate::context::progress::Snapshot;
use crate::report::format_count;

/// Where nobody watches, a line is worth its place in a log this often.
const PLAIN_INTERVAL: Duration = Duration::from_secs(30);
const TERMINAL_INTERVAL: Duration = Duration::from_millis(200);

/// Shows a run's progress until dropped.
pub struct Display {
    task: Option<JoinHandle<()>>,
    bar: Option<ProgressBar>,
}

impl Display {
    /// Starts to show it, unless the person wants silence or a log for machines.
    pub fn start(globals: &Globals, progress: &Arc<Progress>) -> Self {
        if globals.quiet || globals.log_format == LogFormat::Json {
            return Self {
                task: None,
                bar: None,
            };
        }
        let progress = Arc::clone(progress);
        if std::io::stderr().is_terminal() {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {msg}") {
                bar.set_style(style);
            }
            let shown = bar.clone();
            let task = tokio::spawn(async move {
                loop {
                    shown.set_message(line(progress.snapshot()));
                    shown.tick();
                    tokio::time::sleep(TERMINAL_INTERVAL).await;
                }
            });
            return Self {
                task: Some(task),
                bar: Some(bar),
            };
        }
        let task = tokio::spawn(async move {
            loop {
                tokio::time::sleep(PLAIN_INTERVAL).await;
                output::eprint_text(&format!("{}\n", line(progress.snapshot())));
            }
        });
        Self {
            task: Some(task),
            bar: None,
        }
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

fn line(snapshot: Snapshot) -> String {
    let Snapshot {
        tasks,
        tasks_done,
        rows,
        answers,
        units,
    } = snapshot;
    format!(
        "{}/{} tasks, {} rows, {} answers, {} units",
        format_count(tasks_done),
        format_count(tasks),
        format_count(rows),
        format_count(answers),
        format_count(units)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_names_every_counter() {
        let snapshot = Snapshot {
            tasks: 5,
            tasks_done: 2,
            rows: 12_345,
            answers: 7,
            units: 890,
        };
        assert_eq!(
            line(snapshot),
            "2/5 tasks, 12,345 rows, 7 answers, 890 units"
        );
    }
}
