//! Which tasks: the same flags for every command that works on tasks.

use chrono::NaiveDate;
use clap::Args;

use crate::error::{Error, ErrorCode, Result};
use crate::plan::Selection;

/// Flags that select tasks.
#[derive(Debug, Clone, Default, Args)]
pub(in crate::cli) struct SelectionArgs {
    /// Only this report; may be repeated
    #[arg(long = "report", value_name = "NAME")]
    pub(in crate::cli) reports: Vec<String>,
    /// Only this target, by name, URL or label; may be repeated
    #[arg(long = "target", value_name = "NAME|URL|label=value")]
    pub(in crate::cli) targets: Vec<String>,
    /// Date of the snapshot in UTC; default: today
    #[arg(long, value_name = "D", conflicts_with_all = ["from", "to"])]
    pub(in crate::cli) date: Option<NaiveDate>,
    /// First date of several, or first day of histories
    #[arg(long, value_name = "D", requires = "to")]
    pub(in crate::cli) from: Option<NaiveDate>,
    /// Last date of several, or last day of histories
    #[arg(long, value_name = "D", requires = "from")]
    pub(in crate::cli) to: Option<NaiveDate>,
}

impl SelectionArgs {
    /// What is selected.
    ///
    /// # Errors
    /// [`ErrorCode::Usage`] for a range of dates that ends before it begins.
    pub(in crate::cli) fn resolve(&self) -> Result<Selection> {
        let between = match (self.from, self.to) {
            (Some(from), Some(to)) if from > to => {
                let message = format!("--from {from} is after --to {to}");
                return Err(Error::new(ErrorCode::Usage, message));
            }
            (Some(from), Some(to)) => Some((from, to)),
            _ => None,
        };
        Ok(Selection {
            reports: self.reports.clone(),
            targets: self.targets.clone(),
            date: self.date,
            between,
        })
    }
}
