//! Answers for many tasks at once, kept as received until they are divided among their tasks.
//!
//! ```text
//! <responses>/packs/<name>.response
//! ```

use super::{Landing, SUFFIX, Saved};
use crate::error::Result;
use crate::store::{create_folder, names, remove, replace, step};

/// The folder of packs: no night has this name.
const FOLDER: &str = "packs";

impl Landing {
    /// Saves an answer for many tasks durably under a name that was never used.
    ///
    /// # Errors
    /// [`crate::error::Code::Destination`]: then the answer counts as lost and nothing may build on it.
    pub fn save_pack(&self, name: &str, saved: &Saved) -> Result<()> {
        step("pack.received");
        create_folder(&self.root.join(FOLDER))?;
        replace(&self.pack(name), &saved.to_bytes()?)?;
        step("pack.saved");
        Ok(())
    }

    /// Names of the answers that are not divided, or not known to be.
    ///
    /// # Errors
    /// [`crate::error::Code::Destination`].
    pub fn packs(&self) -> Result<Vec<String>> {
        let names = names(&self.root.join(FOLDER))?.into_iter();
        Ok(names
            .filter(|name| !name.starts_with('.'))
            .filter_map(|name| Some(name.strip_suffix(SUFFIX)?.to_owned()))
            .collect())
    }

    /// Removes half-written ones, unless their writer is still at it.
    ///
    /// # Errors
    /// [`crate::error::Code::Destination`].
    pub fn sweep_packs(&self, is_being_written: impl Fn(&str) -> bool) -> Result<()> {
        let folder = self.root.join(FOLDER);
        for name in names(&folder)?.into_iter().filter(|name| name.starts_with('.') && !is_being_written(name)) {
            remove(&folder.join(name))?;
        }
        Ok(())
    }

    /// Reads one; `None` if it is not there or does not match its checksum.
    ///
    /// # Errors
    /// [`crate::error::Code::Destination`] if the disk refuses to be read.
    pub fn load_pack(&self, name: &str) -> Result<Option<Saved>> {
        super::read(&self.pack(name))
    }

    /// Lets go of one whose parts are saved, durably.
    ///
    /// # Errors
    /// [`crate::error::Code::Destination`].
    pub fn remove_pack(&self, name: &str) -> Result<()> {
        remove(&self.pack(name))?;
        step("pack.removed");
        Ok(())
    }

    fn pack(&self, name: &str) -> std::path::PathBuf {
        self.root.join(FOLDER).join(format!("{name}{SUFFIX}"))
    }
}
