//! Which partition a commit is for.

use serde::{Deserialize, Serialize};

use super::layout::Commit;

/// Which partition a commit is for. Written before anything of the commit, deleted when nothing of it may need recovery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Intent {
    pub report: String,
    pub partition: String,
}

impl Intent {
    pub fn of(commit: &Commit) -> Self {
        Self {
            report: commit.report.clone(),
            partition: commit.partition.clone(),
        }
    }
}
