//! How a partition's folder is replaced by a new one.

use std::path::Path;

use super::durable::{Exchange, exchange_folders, rename_entry};
use super::layout::{Disk, Replace};
use crate::error::Result;
use crate::failpoint;
use crate::store::io_error::io_error;

impl Disk {
    /// Gives a staged folder the name of another, which moves to staging.
    pub(super) fn exchange(&self, commit_id: &str, staged: &Path, folder: &Path) -> Result<()> {
        match exchange_folders(staged, folder)? {
            Exchange::Done => Ok(()),
            Exchange::Unsupported(error) => self.replace_with_gap(commit_id, staged, folder, error),
        }
    }

    /// The same in two steps, for a file system that cannot do it in one, as `error` says.
    fn replace_with_gap(
        &self,
        commit_id: &str,
        staged: &Path,
        folder: &Path,
        error: std::io::Error,
    ) -> Result<()> {
        if self.replace() == Replace::Exchange {
            return Err(io_error("exchange", folder, error).with_hint(
                "use a local disk for the destination, or accept that readers find nothing for a moment: \
                 [destination] replace = \"gap\"",
            ));
        }
        let replaced = self.replaced_path(commit_id);
        rename_entry(folder, &replaced)?;
        failpoint::hit("commit.gap");
        rename_entry(staged, folder).inspect_err(|_| {
            // Readers get the old folder again; where even that fails, the next start does it.
            let _ = rename_entry(&replaced, folder);
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorCode;

    #[test]
    fn a_gap_is_left_only_where_it_is_allowed() {
        let folder = tempfile::tempdir().expect("temp dir");
        let disk = Disk::open(folder.path()).expect("opens");
        let [left, right] = ["left", "right"].map(|name| folder.path().join(name));
        for path in [&left, &right] {
            std::fs::create_dir(path).expect("creatable");
        }
        let unsupported = || std::io::ErrorKind::Unsupported.into();
        let refused = disk.replace_with_gap("c1", &left, &right, unsupported());
        assert_eq!(refused.expect_err("refused").code(), ErrorCode::Destination);
        let disk = disk.with_replace(Replace::Gap);
        disk.replace_with_gap("c1", &left, &right, unsupported())
            .expect("replaces");
        assert!(!left.exists() && right.exists() && disk.replaced_path("c1").exists());
    }
}
