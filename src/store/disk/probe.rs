//! Tries every operation that a commit on a disk needs: write, create if absent, read, exchange, lock, delete.

use std::path::Path;

use super::durable::{create_file, remove_folder, replace_file};
use super::layout::Disk;
use super::lock::FileLock;
use crate::error::{Error, ErrorCode, Result};
use crate::store::claim_result::ClaimResult;
use crate::store::io_error::io_error;

impl Disk {
    /// As [`crate::store::Store::probe`].
    pub(in crate::store) fn probe(&self) -> Result<()> {
        let probe = format!("probe-{:08x}", fastrand::u32(..));
        let (folder, lock) = self.run_folder(&probe, "a check of the destination")?;
        let outcome = self.try_operations(&folder);
        self.remove_run_folder(&probe)?;
        lock.remove(&self.run_lock(&probe))?;
        outcome
    }

    fn try_operations(&self, folder: &Path) -> Result<()> {
        let file = folder.join("file");
        replace_file(&file, b"probe")?;
        if create_file(&file, b"other")? {
            return Err(unusable("the destination lets a file be created twice"));
        }
        let read = std::fs::read(&file).map_err(|error| io_error("read", &file, error))?;
        if read != b"probe" {
            return Err(unusable("the destination does not return what was written"));
        }
        let (left, right) = (folder.join("left"), folder.join("right"));
        for path in [&left, &right] {
            std::fs::create_dir(path)
                .map_err(|error| io_error("create the folder", path, error))?;
        }
        self.exchange("probe", &left, &right)?;
        remove_folder(&self.replaced_path("probe"))?;
        match FileLock::try_acquire(&folder.join("lock"), "probe")? {
            ClaimResult::Claimed(_) => Ok(()),
            ClaimResult::HeldBy(holder) => {
                Err(unusable(format!("a new lock is already held by {holder}")))
            }
        }
    }
}

fn unusable(message: impl Into<String>) -> Error {
    Error::new(ErrorCode::Destination, message)
}
