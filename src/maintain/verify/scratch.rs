//! The folder of a verification for digests that do not fit in memory.

use std::path::PathBuf;
use std::sync::OnceLock;

use crate::error::Result;
use crate::model::RunId;
use crate::store::{Lease, Store};

/// A folder that is created when it is first needed.
pub(crate) struct ScratchFolder<'a> {
    store: &'a Store,
    run: RunId,
    folder: OnceLock<(PathBuf, Lease)>,
}

impl<'a> ScratchFolder<'a> {
    /// The folder of a verification, not created yet.
    pub fn new(store: &'a Store, run: RunId) -> Self {
        Self {
            store,
            run,
            folder: OnceLock::new(),
        }
    }

    /// The folder's path; the first call creates it.
    pub fn path(&self) -> Result<PathBuf> {
        if let Some((folder, _)) = self.folder.get() {
            return Ok(folder.clone());
        }
        let who = format!("verify {} (process {})", self.run, std::process::id());
        let (folder, lease) = self.store.run_folder(self.run.as_str(), &who)?;
        let path = folder.clone();
        let _ = self.folder.set((folder, lease));
        Ok(path)
    }

    /// Removes the folder, if it was created.
    pub fn close(self) -> Result<()> {
        match self.folder.into_inner() {
            Some((_, lease)) => self.store.close_run(self.run.as_str(), lease),
            None => Ok(()),
        }
    }
}
