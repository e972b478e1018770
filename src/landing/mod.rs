//! Saved responses: bodies that were paid for, kept so that they need not be bought again.
//!
//! One file an answer, written whole and synced before anything builds on it. There is no second record: what a task has
//! fetched, spent and proven is a fold over its answers in order. Knows files, never rows.
//!
//! ```text
//! <responses>/<night>/<task>/000000.response     one line of JSON, then the body
//! ```

mod saved;

use std::path::{Path, PathBuf};

pub use saved::{Header, Saved};

use crate::error::{Code, Error, Result};
use crate::model::{Night, TaskId};
use crate::store::{remove_tree, replace};

const SUFFIX: &str = ".response";

/// The folder of saved responses.
#[derive(Debug, Clone)]
pub struct Landing {
    root: PathBuf,
}

impl Landing {
    /// Saved responses under `root`; the folder is made when the first is saved.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Saves an answer durably under its number in the task.
    ///
    /// # Errors
    /// [`Code::Destination`]: then the answer counts as lost and nothing may build on it.
    pub fn save(&self, night: Night, task: &TaskId, saved: &Saved) -> Result<()> {
        replace(&self.path(night, task, saved.header.sequence), &saved.to_bytes()?)
    }

    /// Reads an answer; `None` if it is not there or does not match its checksum: a torn or damaged one was never paid for
    /// as far as anything may build on it.
    ///
    /// # Errors
    /// [`Code::Destination`] if the disk refuses to be read.
    pub fn load(&self, night: Night, task: &TaskId, sequence: u32) -> Result<Option<Saved>> {
        let path = self.path(night, task, sequence);
        match std::fs::read(&path) {
            Ok(bytes) => {
                let saved = Saved::from_bytes(&bytes);
                if saved.is_none() {
                    tracing::warn!(path = %path.display(), "a saved response is damaged and does not count");
                }
                Ok(saved)
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.fault(night, task, error)),
        }
    }

    /// Forgets the answers of a task from a number on: what follows a damaged or outdated answer proves nothing.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub fn truncate(&self, night: Night, task: &TaskId, from: u32) -> Result<()> {
        if from == 0 {
            return remove_tree(&self.folder(night, task));
        }
        let mut later: Vec<u32> =
            self.sequences(night, task)?.into_iter().filter(|sequence| *sequence >= from).collect();
        // From the last one down, so that a crash leaves no gap.
        later.sort_unstable_by(|left, right| right.cmp(left));
        for sequence in later {
            let path = self.path(night, task, sequence);
            std::fs::remove_file(&path).map_err(|error| self.fault(night, task, error))?;
        }
        Ok(())
    }

    /// Numbers of the answers that lie in a task's folder, in no order.
    fn sequences(&self, night: Night, task: &TaskId) -> Result<Vec<u32>> {
        let entries = match std::fs::read_dir(self.folder(night, task)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(self.fault(night, task, error)),
        };
        let mut sequences = Vec::new();
        for entry in entries {
            let name = entry.map_err(|error| self.fault(night, task, error))?.file_name();
            let number: Option<u32> =
                name.to_str().and_then(|name| name.strip_suffix(SUFFIX)).and_then(|number| number.parse().ok());
            sequences.extend(number);
        }
        Ok(sequences)
    }

    fn folder(&self, night: Night, task: &TaskId) -> PathBuf {
        self.root.join(night.to_string()).join(&task.0)
    }

    fn path(&self, night: Night, task: &TaskId, sequence: u32) -> PathBuf {
        self.folder(night, task).join(format!("{sequence:06}{SUFFIX}"))
    }

    fn fault(&self, night: Night, task: &TaskId, error: std::io::Error) -> Error {
        let folder = self.folder(night, task);
        Error::new(Code::Destination, format!("cannot use the saved responses in {}", folder.display()))
            .with_source(error)
    }

    /// The folder that holds them all.
    pub fn root(&self) -> &Path {
        &self.root
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::model::{Answer, Encoding, Method, Price, Request};

    fn answer(body: &'static [u8], encoding: Encoding) -> Answer {
        Answer {
            body: Bytes::from_static(body),
            encoding,
            price: Price { units_actual: Some(50), ..Price::default() },
            received_at: chrono::DateTime::from_timestamp(1_700_000_000, 0).expect("valid"),
            attempts: 1,
        }
    }

    fn request() -> Request {
        Request { endpoint: "site-explorer/anchors".into(), method: Method::Get, query: Vec::new(), body: None }
    }

    fn landing() -> (tempfile::TempDir, Landing, Night, TaskId) {
        let folder = tempfile::tempdir().expect("temp dir");
        let landing = Landing::new(folder.path().join("responses"));
        (folder, landing, "2026-11-23".parse().expect("a date"), TaskId("00ff".into()))
    }

    #[test]
    fn an_answer_reads_back_as_received_whatever_its_compression() {
        let (_folder, landing, night, task) = landing();
        for (sequence, encoding) in [(0, Encoding::Identity), (1, Encoding::Gzip)] {
            let saved = Saved::new(sequence, "run", request(), answer(b"\x1f\x8bbody", encoding), 50).expect("builds");
            landing.save(night, &task, &saved).expect("saves");
        }
        assert_eq!(landing.sequences(night, &task).expect("listable").len(), 2);
        let first = landing.load(night, &task, 0).expect("readable").expect("present");
        assert_eq!(first.header.encoding, Encoding::Zstd, "an uncompressed body is compressed");
        assert_eq!(zstd::decode_all(first.body.as_ref()).expect("zstd"), b"\x1f\x8bbody");
        let second = landing.load(night, &task, 1).expect("readable").expect("present");
        assert_eq!((second.header.encoding, second.body.as_ref()), (Encoding::Gzip, b"\x1f\x8bbody".as_ref()));
        assert_eq!(first.header.body_sha256, second.header.body_sha256, "the hash is of the body as received");
    }

    #[test]
    fn a_flipped_bit_anywhere_makes_it_count_as_absent() {
        let (_folder, landing, night, task) = landing();
        let saved = Saved::new(0, "run", request(), answer(b"{\"rows\":[]}", Encoding::Gzip), 50).expect("builds");
        landing.save(night, &task, &saved).expect("saves");
        let path = landing.path(night, &task, 0);
        let whole = std::fs::read(&path).expect("readable");
        for index in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[index] ^= 1;
            std::fs::write(&path, &bytes).expect("writable");
            let loaded = landing.load(night, &task, 0).expect("readable");
            assert!(loaded.is_none(), "byte {index}");
        }
        for length in 0..whole.len() {
            std::fs::write(&path, &whole[..length]).expect("writable");
            assert!(landing.load(night, &task, 0).expect("readable").is_none(), "length {length}");
        }
    }

    #[test]
    fn truncation_forgets_from_there_on() {
        let (_folder, landing, night, task) = landing();
        for sequence in 0..4 {
            let saved = Saved::new(sequence, "run", request(), answer(b"{}", Encoding::Identity), 50).expect("builds");
            landing.save(night, &task, &saved).expect("saves");
        }
        landing.truncate(night, &task, 2).expect("truncates");
        assert_eq!(landing.sequences(night, &task).expect("listable").len(), 2);
        // A gap hides nothing behind it.
        let saved = Saved::new(7, "run", request(), answer(b"{}", Encoding::Identity), 50).expect("builds");
        landing.save(night, &task, &saved).expect("saves");
        landing.truncate(night, &task, 2).expect("truncates");
        assert_eq!(landing.sequences(night, &task).expect("listable").len(), 2);
        landing.truncate(night, &task, 0).expect("truncates");
        assert_eq!(landing.sequences(night, &task).expect("listable").len(), 0);
    }
}
