//! What a destination must be able to do, tried out: write, create if absent, list, read, exchange, lock, delete.

use super::durable::{create_new, remove_tree, replace};
use super::{Disk, FileLock};
use crate::error::{Code, Error, Result};
use crate::store::cannot;

impl Disk {
    /// Tries every operation that a commit needs, in a folder of its own, and leaves nothing behind.
    ///
    /// # Errors
    /// [`Code::Destination`] naming the first operation that failed.
    pub fn probe(&self) -> Result<()> {
        let probe = format!("probe-{:08x}", fastrand::u32(..));
        let (folder, lock) = self.run_folder(&probe, "a check of the destination")?;
        let outcome = self.try_operations(&folder);
        self.remove_run_folder(&probe)?;
        lock.remove(&self.run_lock(&probe))?;
        outcome
    }

    fn try_operations(&self, folder: &std::path::Path) -> Result<()> {
        let file = folder.join("file");
        replace(&file, b"probe")?;
        if create_new(&file, b"other")? {
            return Err(Error::new(
                Code::Destination,
                "the destination lets a file be created twice",
            ));
        }
        let read = std::fs::read(&file).map_err(|error| cannot("read", &file, error))?;
        if read != b"probe" {
            return Err(Error::new(
                Code::Destination,
                "the destination does not return what was written",
            ));
        }
        let (left, right) = (folder.join("left"), folder.join("right"));
        for path in [&left, &right] {
            std::fs::create_dir(path).map_err(|error| cannot("create the folder", path, error))?;
        }
        self.exchange("probe", &left, &right)?;
        remove_tree(&self.replaced_path("probe"))?;
        FileLock::try_acquire(&folder.join("lock"), "probe")?
            .map(drop)
            .map_err(|holder| {
                Error::new(
                    Code::Destination,
                    format!("a lock that nobody can hold is held by {holder}"),
                )
            })
    }
}
