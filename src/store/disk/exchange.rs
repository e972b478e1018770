//! How a partition's folder gives way to a new one.

use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::Disk;
use crate::error::Result;
use crate::store::{cannot, step};

/// How a partition is replaced.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Replace {
    /// In one step, by exchanging two folders. Where the file system cannot, not at all.
    #[default]
    Exchange,
    /// In one step where the file system can; else in two, between which readers find nothing.
    Gap,
}

impl Disk {
    /// The same destination with another way of replacing partitions.
    #[must_use]
    pub fn with_replace(mut self, replace: Replace) -> Self {
        self.replace = replace;
        self
    }

    /// Puts a staged folder in the place of another, which goes to staging.
    pub(super) fn exchange(&self, commit_id: &str, staged: &Path, folder: &Path) -> Result<()> {
        match renameat_with(CWD, staged, CWD, folder, RenameFlags::EXCHANGE) {
            Ok(()) => Ok(()),
            Err(
                error @ (rustix::io::Errno::INVAL
                | rustix::io::Errno::NOSYS
                | rustix::io::Errno::OPNOTSUPP),
            ) => self.leave_gap(commit_id, staged, folder, error.into()),
            Err(error) => Err(cannot("exchange", folder, error.into())),
        }
    }

    /// The same in two steps, for a file system that cannot do it in one.
    pub(super) fn leave_gap(
        &self,
        commit_id: &str,
        staged: &Path,
        folder: &Path,
        error: std::io::Error,
    ) -> Result<()> {
        if self.replace == Replace::Exchange {
            return Err(cannot("exchange", folder, error).with_next(
                "use a local disk for the destination, or accept that readers find nothing for a moment: \
                 [destination] replace = \"gap\"",
            ));
        }
        std::fs::rename(folder, self.replaced_path(commit_id))
            .map_err(|error| cannot("move away", folder, error))?;
        step("commit.gap");
        std::fs::rename(staged, folder).map_err(|error| {
            // Readers get back what they had; where even that fails, the next start does it.
            let _ = std::fs::rename(self.replaced_path(commit_id), folder);
            cannot("put in place", folder, error)
        })
    }

    /// Where a replaced folder lies while its place is empty.
    pub(super) fn replaced_path(&self, commit_id: &str) -> PathBuf {
        self.system("staging")
            .join(format!("{commit_id}{REPLACED_SUFFIX}"))
    }
}

/// Stands behind the name of a commit's staging for the folder that it replaces.
pub(super) const REPLACED_SUFFIX: &str = ".old";
