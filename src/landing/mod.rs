//! Saved responses: bodies that were paid for, kept so that they need not be bought again.
//!
//! One file an answer, written whole and synced before anything builds on it. There is no second record: what a task has
//! fetched, spent and proven is a fold over the answers of an attempt, in order. A new attempt begins where the answers of
//! the one before cannot be built on any more, or are to be paid for again; its answers stay until they are old. Knows
//! files, never rows.
//!
//! ```text
//! <responses>/<night>/<task>/<attempt>/000000.response     a checksum, one line of JSON, then the body
//! <responses>/packs/<name>.response                        the same, for many tasks, until it is divided
//! ```

mod packs;
mod saved;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};

pub use saved::{Header, Saved, Source};

use crate::error::{Code, Error, Result};
use crate::model::{Night, TaskId};
use crate::store::{create_folder, names, remove_tree, replace, step, sync_dir};

const SUFFIX: &str = ".response";

/// Stands behind the name of an answer that nothing builds on: damaged, or an answer to what is no longer asked.
const ASIDE_SUFFIX: &str = ".aside";

/// The folder of saved responses.
#[derive(Debug, Clone)]
pub struct Landing {
    root: PathBuf,
}

/// Where the answers of one attempt at a task of a night lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The night.
    pub night: Night,
    /// The task.
    pub task: TaskId,
    /// Number of the attempt, from 0.
    pub number: u32,
}

impl Landing {
    /// Saved responses under `root`; the folder is made when the first is saved.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The latest attempt at a task; `None` if nothing of it was ever saved.
    ///
    /// # Errors
    /// [`Code::Destination`] if the disk refuses to be read.
    pub fn latest(&self, night: Night, task: &TaskId) -> Result<Option<Attempt>> {
        let folder = self.root.join(night.to_string()).join(&task.0);
        let numbers = names(&folder)?.into_iter().filter_map(|name| name.parse::<u32>().ok());
        Ok(numbers.max().map(|number| Attempt { night, task: task.clone(), number }))
    }

    /// Whether an attempt has its first answer.
    pub fn has_answer(&self, attempt: &Attempt) -> bool {
        self.path(attempt, 0).is_file()
    }

    /// Begins an attempt, durably: from now on it is the latest.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub fn begin(&self, attempt: &Attempt) -> Result<()> {
        let folder = self.folder(attempt);
        create_folder(&folder)?;
        step("landing.attempt");
        Ok(())
    }

    /// Saves an answer durably under its number in the attempt.
    ///
    /// # Errors
    /// [`Code::Destination`]: then the answer counts as lost and nothing may build on it.
    pub fn save(&self, attempt: &Attempt, saved: &Saved) -> Result<()> {
        step("landing.received");
        replace(&self.path(attempt, saved.header.sequence), &saved.to_bytes()?)?;
        step("landing.saved");
        Ok(())
    }

    /// Reads an answer; `None` if it is not there or does not match its checksum: a torn or damaged one was never paid for
    /// as far as anything may build on it.
    ///
    /// # Errors
    /// [`Code::Destination`] if the disk refuses to be read.
    pub fn load(&self, attempt: &Attempt, sequence: u32) -> Result<Option<Saved>> {
        read(&self.path(attempt, sequence))
    }

    /// Sets aside the answers of an attempt from a number on: what follows a damaged or outdated answer proves nothing.
    /// Half-written ones go.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub fn set_aside(&self, attempt: &Attempt, from: u32) -> Result<()> {
        let folder = self.folder(attempt);
        let mut later = Vec::new();
        for name in names(&folder)? {
            let number = name.strip_suffix(SUFFIX).and_then(|number| number.parse::<u32>().ok());
            if number.is_some_and(|number| number >= from) {
                later.push(name);
            } else if number.is_none() && !name.ends_with(ASIDE_SUFFIX) {
                let path = folder.join(name);
                std::fs::remove_file(&path).map_err(|error| fault(&path, error))?;
            }
        }
        // From the last one down, so that a crash leaves no gap.
        later.sort_unstable_by(|left, right| right.cmp(left));
        for name in later {
            let path = folder.join(&name);
            let aside = folder.join(format!("{name}.{:08x}{ASIDE_SUFFIX}", fastrand::u32(..)));
            std::fs::rename(&path, aside).map_err(|error| fault(&path, error))?;
        }
        if folder.exists() { sync_dir(&folder) } else { Ok(()) }
    }

    /// Tasks of a night of which answers are saved.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub fn tasks(&self, night: Night) -> Result<BTreeSet<TaskId>> {
        Ok(names(&self.root.join(night.to_string()))?.into_iter().map(TaskId).collect())
    }

    /// Removes the answers of every task that got its last one longer than `keep` ago, while `guard` gives something to
    /// hold meanwhile; where it gives nothing, they stay. `done` gets it back. Says how many tasks' answers went.
    ///
    /// # Errors
    /// [`Code::Destination`], or what `guard` and `done` say.
    pub fn expire<G>(
        &self,
        now: DateTime<Utc>,
        keep: Duration,
        guard: impl Fn(Night, &TaskId) -> Result<Option<G>>,
        done: impl Fn(G) -> Result<()>,
    ) -> Result<u64> {
        let mut expired = 0;
        for name in names(&self.root)? {
            let Ok(night) = name.parse::<Night>() else { continue };
            // No answer is older than its night, so most nights need not be looked into.
            let days = u64::try_from((now.date_naive() - night).num_days()).unwrap_or(0);
            if (days + 1) * 24 * 3600 <= keep.as_secs() {
                continue;
            }
            let folder = self.root.join(&name);
            for task in names(&folder)?.into_iter().map(TaskId) {
                let path = folder.join(&task.0);
                let is_old = age(&path, now.into())?.is_some_and(|age| age > keep);
                if is_old && let Some(held) = guard(night, &task)? {
                    remove_tree(&path)?;
                    step("landing.expired");
                    done(held)?;
                    expired += 1;
                }
            }
            // Fails where something is left, or where another process has begun a task a moment ago: then it stays.
            let _ = std::fs::remove_dir(&folder);
        }
        Ok(expired)
    }

    /// Removes every saved answer of a task, durably. Says how many there were.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub fn forget(&self, night: Night, task: &TaskId) -> Result<u64> {
        let night = self.root.join(night.to_string());
        let folder = night.join(&task.0);
        let mut number = 0;
        for attempt in names(&folder)? {
            number += names(&folder.join(attempt))?.len();
        }
        remove_tree(&folder)?;
        // Another task may have begun a moment ago: then the night's folder stays.
        let left = if std::fs::remove_dir(&night).is_ok() { &self.root } else { &night };
        if left.exists() {
            sync_dir(left)?;
        }
        Ok(u64::try_from(number).unwrap_or(u64::MAX))
    }

    /// What is kept of any one answer of a task, also of one that was set aside; `None` if none of them can be read.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub fn any_header(&self, night: Night, task: &TaskId) -> Result<Option<Header>> {
        let folder = self.root.join(night.to_string()).join(&task.0);
        for attempt in names(&folder)? {
            for name in names(&folder.join(&attempt))? {
                let path = folder.join(&attempt).join(name);
                let bytes = std::fs::read(&path).map_err(|error| fault(&path, error))?;
                if let Some(saved) = Saved::from_bytes(&bytes) {
                    return Ok(Some(saved.header));
                }
            }
        }
        Ok(None)
    }

    /// Nights of which answers are saved, in order.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub fn nights(&self) -> Result<BTreeSet<Night>> {
        Ok(names(&self.root)?.into_iter().filter_map(|name| name.parse().ok()).collect())
    }

    /// What is kept beside the bodies of an attempt's answers, in no order; without those that were set aside.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub fn headers(&self, attempt: &Attempt) -> Result<Vec<Header>> {
        let folder = self.folder(attempt);
        let names = names(&folder)?.into_iter().filter(|name| name.ends_with(SUFFIX));
        Ok(names.filter_map(|name| saved::header(&folder.join(name))).collect())
    }

    /// What is kept beside the bodies of all answers of the nights from one on, set aside or not.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub fn headers_from(&self, first: Night) -> Result<Vec<(TaskId, Header)>> {
        let mut headers = Vec::new();
        for night in self.nights()?.range(first..).copied() {
            for task in self.tasks(night)? {
                let folder = self.root.join(night.to_string()).join(&task.0);
                for attempt in names(&folder)? {
                    let folder = folder.join(attempt);
                    for name in names(&folder)? {
                        headers.extend(saved::header(&folder.join(name)).map(|header| (task.clone(), header)));
                    }
                }
            }
        }
        Ok(headers)
    }

    fn folder(&self, attempt: &Attempt) -> PathBuf {
        self.root.join(attempt.night.to_string()).join(&attempt.task.0).join(attempt.number.to_string())
    }

    fn path(&self, attempt: &Attempt, sequence: u32) -> PathBuf {
        self.folder(attempt).join(format!("{sequence:06}{SUFFIX}"))
    }

    /// The folder that holds them all.
    pub fn root(&self) -> &Path {
        &self.root
    }
}

/// Time since a task's last answer: a folder changes when a file in it is put in place. `None` if it lies in the future.
fn age(task: &Path, now: SystemTime) -> Result<Option<Duration>> {
    let mut newest = SystemTime::UNIX_EPOCH;
    for attempt in names(task)? {
        let path = task.join(attempt);
        match std::fs::metadata(&path).and_then(|metadata| metadata.modified()) {
            Ok(changed) => newest = newest.max(changed),
            // Another process lets go of the same answers.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(fault(&path, error)),
        }
    }
    Ok(now.duration_since(newest).ok())
}

/// A file's answer; `None` if there is no file, or if it is damaged.
fn read(path: &Path) -> Result<Option<Saved>> {
    match std::fs::read(path) {
        Ok(bytes) => {
            let saved = Saved::from_bytes(&bytes);
            if saved.is_none() {
                tracing::warn!(path = %path.display(), "a saved response is damaged and does not count");
            }
            Ok(saved)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(fault(path, error)),
    }
}

fn fault(path: &Path, error: std::io::Error) -> Error {
    Error::new(Code::Destination, format!("cannot use the saved responses in {}", path.display())).with_source(error)
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

    fn landing() -> (tempfile::TempDir, Landing, Attempt) {
        let folder = tempfile::tempdir().expect("temp dir");
        let landing = Landing::new(folder.path().join("responses"));
        let night = "2026-11-23".parse().expect("a date");
        (folder, landing, Attempt { night, task: TaskId("00ff".into()), number: 0 })
    }

    fn save(landing: &Landing, attempt: &Attempt, sequence: u32, body: &'static [u8], encoding: Encoding) {
        let saved = Saved::new(sequence, "run", request(), answer(body, encoding), 50).expect("builds");
        landing.save(attempt, &saved).expect("saves");
    }

    fn saved_numbers(landing: &Landing, attempt: &Attempt) -> Vec<u32> {
        (0..10).filter(|sequence| landing.load(attempt, *sequence).expect("readable").is_some()).collect()
    }

    #[test]
    fn an_answer_reads_back_as_received_whatever_its_compression() {
        let (_folder, landing, attempt) = landing();
        for (sequence, encoding) in [(0, Encoding::Identity), (1, Encoding::Gzip)] {
            save(&landing, &attempt, sequence, b"\x1f\x8bbody", encoding);
        }
        let first = landing.load(&attempt, 0).expect("readable").expect("present");
        assert_eq!(first.header.encoding, Encoding::Zstd, "an uncompressed body is compressed");
        assert_eq!(zstd::decode_all(first.body.as_ref()).expect("zstd"), b"\x1f\x8bbody");
        let second = landing.load(&attempt, 1).expect("readable").expect("present");
        assert_eq!((second.header.encoding, second.body.as_ref()), (Encoding::Gzip, b"\x1f\x8bbody".as_ref()));
        assert_eq!(first.header.body_sha256, second.header.body_sha256, "the hash is of the body as received");
    }

    #[test]
    fn a_flipped_bit_anywhere_makes_it_count_as_absent() {
        let (_folder, landing, attempt) = landing();
        save(&landing, &attempt, 0, b"{\"rows\":[]}", Encoding::Gzip);
        let path = landing.path(&attempt, 0);
        let whole = std::fs::read(&path).expect("readable");
        for index in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[index] ^= 1;
            std::fs::write(&path, &bytes).expect("writable");
            let loaded = landing.load(&attempt, 0).expect("readable");
            assert!(loaded.is_none(), "byte {index}");
        }
        for length in 0..whole.len() {
            std::fs::write(&path, &whole[..length]).expect("writable");
            assert!(landing.load(&attempt, 0).expect("readable").is_none(), "length {length}");
        }
    }

    #[test]
    fn what_is_set_aside_is_not_built_on_and_not_deleted() {
        let (_folder, landing, attempt) = landing();
        for sequence in 0..4 {
            save(&landing, &attempt, sequence, b"{}", Encoding::Identity);
        }
        std::fs::write(landing.folder(&attempt).join(".000004.response.tmp"), b"half").expect("writable");
        landing.set_aside(&attempt, 2).expect("sets aside");
        assert_eq!(saved_numbers(&landing, &attempt), [0, 1]);
        // A gap hides nothing behind it, and a number can be set aside twice.
        for sequence in [2, 7] {
            save(&landing, &attempt, sequence, b"{}", Encoding::Identity);
        }
        landing.set_aside(&attempt, 2).expect("sets aside");
        assert_eq!(saved_numbers(&landing, &attempt), [0, 1]);
        let names = names(&landing.folder(&attempt)).expect("listable");
        assert_eq!(names.len(), 2 + 4, "{names:?}");
    }

    #[test]
    fn the_latest_attempt_is_the_one_begun_last_even_without_an_answer() {
        let (_folder, landing, attempt) = landing();
        assert_eq!(landing.latest(attempt.night, &attempt.task).expect("readable"), None);
        save(&landing, &attempt, 0, b"{}", Encoding::Identity);
        assert_eq!(landing.latest(attempt.night, &attempt.task).expect("readable"), Some(attempt.clone()));
        let second = Attempt { number: 10, ..attempt.clone() };
        landing.begin(&second).expect("begins");
        assert_eq!(landing.latest(attempt.night, &attempt.task).expect("readable"), Some(second));
        assert_eq!(saved_numbers(&landing, &attempt), [0]);
    }

    #[test]
    fn answers_go_when_they_are_old_and_nobody_needs_them() {
        let (_folder, landing, attempt) = landing();
        let needed = Attempt { task: TaskId("needed".into()), ..attempt.clone() };
        for attempt in [&attempt, &needed] {
            save(&landing, attempt, 0, b"{}", Encoding::Identity);
        }
        let keep = Duration::from_hours(24);
        let now = Utc::now();
        let later = now + Duration::from_hours(25);
        let guard = |_: Night, task: &TaskId| Ok((task.0 != "needed").then_some(()));
        assert_eq!(landing.expire(now, keep, guard, Ok).expect("expires"), 0, "too young");
        assert_eq!(landing.expire(later, keep, guard, Ok).expect("expires"), 1);
        assert_eq!(landing.tasks(attempt.night).expect("listable"), BTreeSet::from([needed.task]));
        assert_eq!(landing.expire(later, keep, |_, _| Ok(Some(())), Ok).expect("expires"), 1);
        assert_eq!(landing.nights().expect("listable"), BTreeSet::new());
    }
}
