//! Answers for many tasks at once, kept as received until they are divided among their tasks.
//!
//! ```text
//! <responses>/packs/<name>.response
//! ```

use super::{Landing, SUFFIX, Saved};
use crate::error::Result;
use crate::store::step;

/// The folder of packs: no night has this name.
const FOLDER: &str = "packs";

impl Landing {
    /// Saves an answer for many tasks durably under a name that was never used.
    ///
    /// # Errors
    /// [`crate::error::Code::Destination`]: then the answer counts as lost and nothing may build on it.
    pub fn save_pack(&self, name: &str, saved: &Saved) -> Result<()> {
        step("pack.received");
        self.files.replace(&pack(name), saved.to_bytes()?)?;
        step("pack.saved");
        Ok(())
    }

    /// Names of the answers that are not divided, or not known to be.
    ///
    /// # Errors
    /// [`crate::error::Code::Destination`].
    pub fn packs(&self) -> Result<Vec<String>> {
        let names = self.files.list(FOLDER)?.into_iter();
        Ok(names
            .filter_map(|name| Some(name.strip_suffix(SUFFIX)?.to_owned()))
            .collect())
    }

    /// Removes half-written ones, unless their writer is still at it.
    ///
    /// # Errors
    /// [`crate::error::Code::Destination`].
    pub fn sweep_packs(&self, is_being_written: impl Fn(&str) -> bool) -> Result<()> {
        self.files.remove_half_written(FOLDER, is_being_written)
    }

    /// Reads one; `None` if it is not there or does not match its checksum.
    ///
    /// # Errors
    /// [`crate::error::Code::Destination`] if the disk refuses to be read.
    pub fn load_pack(&self, name: &str) -> Result<Option<Saved>> {
        self.read(&pack(name))
    }

    /// Lets go of one whose parts are saved, durably.
    ///
    /// # Errors
    /// [`crate::error::Code::Destination`].
    pub fn remove_pack(&self, name: &str) -> Result<()> {
        self.files.remove(&pack(name))?;
        step("pack.removed");
        Ok(())
    }
}

fn pack(name: &str) -> String {
    format!("{FOLDER}/{name}{SUFFIX}")
}
