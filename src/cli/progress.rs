//! Progress on stderr: a line that is updated on a terminal, a plain line every 30 s elsewhere.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::task::JoinHandle;

use super::arguments::{Globals, LogFormat};
use super::output;
use crate::context::progress::{Progress, Snapshot};
use crate::report::{count_noun, format_count};

/// In a log a line of progress is useful this often.
const PLAIN_INTERVAL: Duration = Duration::from_secs(30);
const TERMINAL_INTERVAL: Duration = Duration::from_millis(200);

/// Shows a run's progress until it is dropped.
pub(super) struct ProgressDisplay {
    task: Option<JoinHandle<()>>,
    bar: Option<ProgressBar>,
}

impl ProgressDisplay {
    /// Starts to show it, unless stderr is to be quiet or a log in JSON.
    pub(super) fn start(globals: &Globals, progress: &Arc<Progress>) -> Self {
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
            return Self {
                task: Some(tokio::spawn(update_bar(bar.clone(), progress))),
                bar: Some(bar),
            };
        }
        Self {
            task: Some(tokio::spawn(print_lines(progress))),
            bar: None,
        }
    }
}

impl Drop for ProgressDisplay {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

async fn update_bar(bar: ProgressBar, progress: Arc<Progress>) {
    loop {
        bar.set_message(line(progress.snapshot()));
        bar.tick();
        tokio::time::sleep(TERMINAL_INTERVAL).await;
    }
}

async fn print_lines(progress: Arc<Progress>) {
    loop {
        tokio::time::sleep(PLAIN_INTERVAL).await;
        output::eprint_text(&format!("{}\n", line(progress.snapshot())));
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
        "{}/{}, {}, {}, {}",
        format_count(tasks_done),
        count_noun(tasks, "task"),
        count_noun(rows, "row"),
        count_noun(answers, "response"),
        count_noun(units, "unit")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_has_every_counter() {
        let snapshot = Snapshot {
            tasks: 5,
            tasks_done: 2,
            rows: 12_345,
            answers: 7,
            units: 890,
        };
        assert_eq!(
            line(snapshot),
            "2/5 tasks, 12,345 rows, 7 responses, 890 units"
        );
    }
}
