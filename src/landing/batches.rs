//! Responses for many tasks at once, kept as received until they are divided among their tasks.
//!
//! ```text
//! <responses>/packs/<name>.response
//! ```

use super::attempt::SUFFIX;
use super::response_store::ResponseStore;
use super::saved_response::SavedResponse;
use crate::error::Result;
use crate::failpoint;

/// The folder of batches: no night has this name.
const FOLDER: &str = "packs";

impl ResponseStore {
    /// Saves a response for many tasks durably under a name that was never used.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`]: then the response counts as lost and nothing may build on it.
    pub fn save_batch(&self, name: &str, response: &SavedResponse) -> Result<()> {
        failpoint::hit("pack.received");
        let bytes = response.to_bytes()?;
        self.files.replace(&batch_file(name), bytes.into())?;
        failpoint::hit("pack.saved");
        Ok(())
    }

    /// Names of the responses that are not divided, or not known to be.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`].
    pub fn batches(&self) -> Result<Vec<String>> {
        let mut batches = Vec::new();
        for name in self.files.list(FOLDER)? {
            batches.extend(name.strip_suffix(SUFFIX).map(str::to_owned));
        }
        Ok(batches)
    }

    /// Removes half-written ones, unless a live process is writing them.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`].
    pub fn sweep_batches(&self, is_being_written: impl Fn(&str) -> bool) -> Result<()> {
        self.files.remove_half_written(FOLDER, &is_being_written)
    }

    /// Reads one; `None` if there is none or if it does not match its checksum.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`] if the destination cannot be read.
    pub fn load_batch(&self, name: &str) -> Result<Option<SavedResponse>> {
        self.load_file(&batch_file(name))
    }

    /// Removes one whose parts are saved, durably.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`].
    pub fn remove_batch(&self, name: &str) -> Result<()> {
        self.files.remove(&batch_file(name))?;
        failpoint::hit("pack.removed");
        Ok(())
    }
}

fn batch_file(name: &str) -> String {
    format!("{FOLDER}/{name}{SUFFIX}")
}
