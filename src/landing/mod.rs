//! Saved responses: bodies that were paid for, kept so that they need not be bought again.
//!
//! One file an answer, written whole and durably before anything builds on it. There is no second record: what a task has
//! fetched, spent and proven is a fold over the answers of an attempt, in order. A new attempt begins where the answers of
//! the one before cannot be built on any more, or are to be paid for again; its answers stay until they are old. Knows
//! files, never rows.
//!
//! ```text
//! <responses>/<night>/<task>/<attempt>/000000.response     a checksum, one line of JSON, then the body
//! <responses>/packs/<name>.response                        the same, for many tasks, until it is divided
//! ```

mod known;
mod packs;
mod saved;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};

pub use saved::{Header, Saved, Source};

use self::known::Known;
use crate::error::{Code, Error, Result};
use crate::model::{Night, TaskId};
use crate::store::{Files, step};

const SUFFIX: &str = ".response";

/// Stands behind the name of an answer that nothing builds on: damaged, or an answer to what is no longer asked.
const ASIDE_SUFFIX: &str = ".aside";

/// Bytes in which a header is found, unless what was asked is very long.
const HEADER_BYTES: usize = 16 << 10;

/// The folder of saved responses.
#[derive(Debug, Clone)]
pub struct Landing {
    files: Files,
    known: Arc<Known>,
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
    /// Saved responses in a folder, which is made when the first is saved.
    pub fn new(files: Files) -> Self {
        Self {
            files,
            known: Arc::default(),
        }
    }

    /// The latest attempt at a task; `None` if nothing of it was ever saved.
    ///
    /// # Errors
    /// [`Code::Destination`] if the destination refuses to be read.
    pub fn latest(&self, night: Night, task: &TaskId) -> Result<Option<Attempt>> {
        if let Some(latest) = self.known.latest_of_held(night, task) {
            return Ok(latest.into_iter().next());
        }
        let numbers = self
            .files
            .list(&folder_of(night, task))?
            .into_iter()
            .filter_map(|name| name.parse::<u32>().ok());
        Ok(numbers.max().map(|number| Attempt {
            night,
            task: task.clone(),
            number,
        }))
    }

    /// Whether an attempt has its first answer.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub fn has_answer(&self, attempt: &Attempt) -> Result<bool> {
        match self.known.has(attempt, 0) {
            Some(has) => Ok(has),
            None => Ok(self.files.load_start(&path(attempt, 0), 1)?.is_some()),
        }
    }

    /// Begins an attempt, durably: from now on it is the latest.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub fn begin(&self, attempt: &Attempt) -> Result<()> {
        if !self.known.has_begun(attempt) {
            self.files.make_folder(&folder(attempt))?;
            self.known.begun(attempt);
        }
        step("landing.attempt");
        Ok(())
    }

    /// Saves an answer durably under its number in the attempt. In a bucket, where a run that was taken for dead may come
    /// back, it does not replace what another process saved there.
    ///
    /// # Errors
    /// [`Code::Destination`]: then the answer counts as lost and nothing may build on it; [`Code::Locked`] if another
    /// process is at the task.
    pub fn save(&self, attempt: &Attempt, saved: &Saved) -> Result<()> {
        step("landing.received");
        let (path, bytes) = (
            path(attempt, saved.header.sequence),
            Bytes::from(saved.to_bytes()?),
        );
        match &self.files {
            Files::Disk(_) => self.files.replace(&path, bytes)?,
            Files::Bucket(..) => {
                if !self.files.create_new(&path, bytes.clone())? && !self.replaces(&path, bytes)? {
                    return Err(Error::new(Code::Locked, "another process has saved an answer of the same task")
                        .with_context("answer", self.files.place_of(&path))
                        .with_next(
                            "run the same command again: this process was not heard of for longer than its lease",
                        ));
                }
            }
        }
        self.known.saved(attempt, saved.header.sequence);
        step("landing.saved");
        Ok(())
    }

    /// Replaces what is damaged, or is the same answer; says whether it was that.
    fn replaces(&self, path: &str, bytes: Bytes) -> Result<bool> {
        let known = self.files.load(path)?;
        if known.as_ref().is_some_and(|known| *known == bytes) {
            return Ok(true);
        }
        if known.is_some_and(|known| Saved::from_bytes(&known).is_some()) {
            return Ok(false);
        }
        self.files.replace(path, bytes).map(|()| true)
    }

    /// Reads an answer; `None` if it is not there or does not match its checksum: a torn or damaged one was never paid for
    /// as far as anything may build on it.
    ///
    /// # Errors
    /// [`Code::Destination`] if the destination refuses to be read.
    pub fn load(&self, attempt: &Attempt, sequence: u32) -> Result<Option<Saved>> {
        match self.known.has(attempt, sequence) {
            Some(false) => Ok(None),
            _ => self.read(&path(attempt, sequence)),
        }
    }

    /// Sets aside the answers of an attempt from a number on: what follows a damaged or outdated answer proves nothing.
    /// Half-written ones go.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub fn set_aside(&self, attempt: &Attempt, from: u32) -> Result<()> {
        if self.known.has_none_from(attempt, from) {
            return Ok(());
        }
        self.known.forget(attempt.night, &attempt.task);
        let folder = folder(attempt);
        self.files.remove_half_written(&folder, |_| false)?;
        let number = |name: &String| {
            name.strip_suffix(SUFFIX)
                .and_then(|number| number.parse::<u32>().ok())
        };
        let mut later = self.files.list(&folder)?;
        later.retain(|name| number(name).is_some_and(|number| number >= from));
        // From the last one down, so that a crash leaves no gap.
        later.sort_unstable_by(|left, right| right.cmp(left));
        for name in later {
            let path = format!("{folder}/{name}");
            // One that was set aside before is only a name by now.
            if self.files.load_start(&path, 1)?.is_some() {
                self.files.rename(
                    &path,
                    &format!("{path}.{:08x}{ASIDE_SUFFIX}", fastrand::u32(..)),
                )?;
            }
        }
        Ok(())
    }

    /// Tasks of a night of which answers are saved.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub fn tasks(&self, night: Night) -> Result<BTreeSet<TaskId>> {
        Ok(self
            .files
            .list(&night.to_string())?
            .into_iter()
            .map(TaskId)
            .collect())
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
        let (mut now, mut is_by_store) = (now, matches!(self.files, Files::Disk(_)));
        for night in self.nights()? {
            // No answer is older than its night, so most nights need not be looked into.
            let days = u64::try_from((now.date_naive() - night).num_days()).unwrap_or(0);
            if (days + 1) * 24 * 3600 <= keep.as_secs() {
                continue;
            }
            if !std::mem::replace(&mut is_by_store, true) {
                // Both clocks must say that they are old: a machine whose clock is wrong must not cost what was paid.
                now = now.min(self.files.now()?);
            }
            for (task, last) in self.last_changes(night)? {
                let is_old =
                    last.is_some_and(|last| (now - last).to_std().is_ok_and(|age| age > keep));
                if is_old && let Some(held) = guard(night, &task)? {
                    self.known.forget(night, &task);
                    self.files.remove_all(&folder_of(night, &task))?;
                    step("landing.expired");
                    done(held)?;
                    expired += 1;
                }
            }
            self.files.remove_folder_if_empty(&night.to_string());
        }
        Ok(expired)
    }

    /// Removes every saved answer of a task, durably. Says how many there were.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub fn forget(&self, night: Night, task: &TaskId) -> Result<u64> {
        self.known.forget(night, task);
        let folder = folder_of(night, task);
        let number = self.files.list_all(&folder)?.len();
        self.files.remove_all(&folder)?;
        self.files.remove_folder_if_empty(&night.to_string());
        Ok(u64::try_from(number).unwrap_or(u64::MAX))
    }

    /// What is kept of any one answer of a task, also of one that was set aside; `None` if none of them can be read.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub fn any_header(&self, night: Night, task: &TaskId) -> Result<Option<Header>> {
        let folder = folder_of(night, task);
        for name in self.files.list_all(&folder)? {
            let bytes = self.files.load(&format!("{folder}/{name}"))?;
            if let Some(saved) = bytes.and_then(|bytes| Saved::from_bytes(&bytes)) {
                return Ok(Some(saved.header));
            }
        }
        Ok(None)
    }

    /// Nights of which answers are saved, in order.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub fn nights(&self) -> Result<BTreeSet<Night>> {
        Ok(self
            .files
            .list("")?
            .into_iter()
            .filter_map(|name| name.parse().ok())
            .collect())
    }

    /// What is kept beside the bodies of an attempt's answers, in no order; without those that were set aside.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub fn headers(&self, attempt: &Attempt) -> Result<Vec<Header>> {
        let folder = folder(attempt);
        let mut headers = Vec::new();
        for name in self
            .files
            .list(&folder)?
            .into_iter()
            .filter(|name| name.ends_with(SUFFIX))
        {
            headers.extend(self.header(&format!("{folder}/{name}"))?);
        }
        Ok(headers)
    }

    /// What is kept beside the bodies of all answers of the nights from one on, set aside or not.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub fn headers_from(&self, first: Night) -> Result<Vec<(TaskId, Header)>> {
        let mut headers = Vec::new();
        for night in self.nights()?.range(first..) {
            let night = night.to_string();
            for name in self.files.list_all(&night)? {
                let task = name.split('/').next().unwrap_or_default();
                let header = self.header(&format!("{night}/{name}"))?;
                headers.extend(header.map(|header| (TaskId(task.to_owned()), header)));
            }
        }
        Ok(headers)
    }

    fn read(&self, path: &str) -> Result<Option<Saved>> {
        let Some(bytes) = self.files.load(path)? else {
            return Ok(None);
        };
        let saved = Saved::from_bytes(&bytes);
        if saved.is_none() {
            tracing::warn!(
                path = self.files.place_of(path),
                "a saved response is damaged and does not count"
            );
        }
        Ok(saved)
    }

    /// The header of a file; `None` where there is none. The checksum is over the body too and is not looked at: a file has
    /// its name only once it is whole.
    fn header(&self, path: &str) -> Result<Option<Header>> {
        let Some(start) = self.files.load_start(path, HEADER_BYTES)? else {
            return Ok(None);
        };
        match saved::header(&start) {
            None if start.len() >= HEADER_BYTES => Ok(self
                .files
                .load(path)?
                .and_then(|bytes| saved::header(&bytes))),
            header => Ok(header),
        }
    }

    /// Where an attempt's answers lie, for people.
    pub fn place(&self, attempt: &Attempt) -> String {
        self.files.place_of(&folder(attempt))
    }
}

fn folder_of(night: Night, task: &TaskId) -> String {
    format!("{night}/{}", task.0)
}

fn folder(attempt: &Attempt) -> String {
    format!(
        "{}/{}",
        folder_of(attempt.night, &attempt.task),
        attempt.number
    )
}

fn path(attempt: &Attempt, sequence: u32) -> String {
    format!("{}/{sequence:06}{SUFFIX}", folder(attempt))
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
            price: Price {
                units_actual: Some(50),
                ..Price::default()
            },
            received_at: chrono::DateTime::from_timestamp(1_700_000_000, 0).expect("valid"),
            attempts: 1,
        }
    }

    fn request() -> Request {
        Request {
            endpoint: "site-explorer/anchors".into(),
            method: Method::Get,
            query: Vec::new(),
            body: None,
        }
    }

    fn landing() -> (tempfile::TempDir, Landing, Attempt) {
        let folder = tempfile::tempdir().expect("temp dir");
        let landing = Landing::new(Files::Disk(folder.path().join("responses")));
        let night = "2026-11-23".parse().expect("a date");
        (
            folder,
            landing,
            Attempt {
                night,
                task: TaskId("00ff".into()),
                number: 0,
            },
        )
    }

    fn save(
        landing: &Landing,
        attempt: &Attempt,
        sequence: u32,
        body: &'static [u8],
        encoding: Encoding,
    ) {
        let saved =
            Saved::new(sequence, "run", request(), answer(body, encoding), 50).expect("builds");
        landing.save(attempt, &saved).expect("saves");
    }

    fn saved_numbers(landing: &Landing, attempt: &Attempt) -> Vec<u32> {
        (0..10)
            .filter(|sequence| {
                landing
                    .load(attempt, *sequence)
                    .expect("readable")
                    .is_some()
            })
            .collect()
    }

    #[test]
    fn an_answer_reads_back_as_received_whatever_its_compression() {
        let (_folder, landing, attempt) = landing();
        for (sequence, encoding) in [(0, Encoding::Identity), (1, Encoding::Gzip)] {
            save(&landing, &attempt, sequence, b"\x1f\x8bbody", encoding);
        }
        let first = landing
            .load(&attempt, 0)
            .expect("readable")
            .expect("present");
        assert_eq!(
            first.header.encoding,
            Encoding::Zstd,
            "an uncompressed body is compressed"
        );
        assert_eq!(
            zstd::decode_all(first.body.as_ref()).expect("zstd"),
            b"\x1f\x8bbody"
        );
        let second = landing
            .load(&attempt, 1)
            .expect("readable")
            .expect("present");
        assert_eq!(
            (second.header.encoding, second.body.as_ref()),
            (Encoding::Gzip, b"\x1f\x8bbody".as_ref())
        );
        assert_eq!(
            first.header.body_sha256, second.header.body_sha256,
            "the hash is of the body as received"
        );
    }

    #[test]
    fn a_flipped_bit_anywhere_makes_it_count_as_absent() {
        let (_folder, landing, attempt) = landing();
        save(&landing, &attempt, 0, b"{\"rows\":[]}", Encoding::Gzip);
        let path = landing.files.place_of(&path(&attempt, 0));
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
            assert!(
                landing.load(&attempt, 0).expect("readable").is_none(),
                "length {length}"
            );
        }
    }

    #[test]
    fn what_is_set_aside_is_not_built_on_and_not_deleted() {
        let (_folder, landing, attempt) = landing();
        for sequence in 0..4 {
            save(&landing, &attempt, sequence, b"{}", Encoding::Identity);
        }
        std::fs::write(
            format!("{}/.000004.response.tmp", landing.place(&attempt)),
            b"half",
        )
        .expect("writable");
        landing.set_aside(&attempt, 2).expect("sets aside");
        assert_eq!(saved_numbers(&landing, &attempt), [0, 1]);
        // A gap hides nothing behind it, and a number can be set aside twice.
        for sequence in [2, 7] {
            save(&landing, &attempt, sequence, b"{}", Encoding::Identity);
        }
        landing.set_aside(&attempt, 2).expect("sets aside");
        assert_eq!(saved_numbers(&landing, &attempt), [0, 1]);
        let names =
            crate::store::names(std::path::Path::new(&landing.place(&attempt))).expect("listable");
        assert_eq!(names.len(), 2 + 4, "{names:?}");
    }

    #[test]
    fn the_latest_attempt_is_the_one_begun_last_even_without_an_answer() {
        let (_folder, landing, attempt) = landing();
        assert_eq!(
            landing
                .latest(attempt.night, &attempt.task)
                .expect("readable"),
            None
        );
        save(&landing, &attempt, 0, b"{}", Encoding::Identity);
        assert_eq!(
            landing
                .latest(attempt.night, &attempt.task)
                .expect("readable"),
            Some(attempt.clone())
        );
        let second = Attempt {
            number: 10,
            ..attempt.clone()
        };
        landing.begin(&second).expect("begins");
        assert_eq!(
            landing
                .latest(attempt.night, &attempt.task)
                .expect("readable"),
            Some(second)
        );
        assert_eq!(saved_numbers(&landing, &attempt), [0]);
    }

    #[test]
    fn answers_go_when_they_are_old_and_nobody_needs_them() {
        let (_folder, landing, attempt) = landing();
        let needed = Attempt {
            task: TaskId("needed".into()),
            ..attempt.clone()
        };
        for attempt in [&attempt, &needed] {
            save(&landing, attempt, 0, b"{}", Encoding::Identity);
        }
        let keep = Duration::from_hours(24);
        let now = Utc::now();
        let later = now + Duration::from_hours(25);
        let guard = |_: Night, task: &TaskId| Ok((task.0 != "needed").then_some(()));
        assert_eq!(
            landing.expire(now, keep, guard, Ok).expect("expires"),
            0,
            "too young"
        );
        assert_eq!(landing.expire(later, keep, guard, Ok).expect("expires"), 1);
        assert_eq!(
            landing.tasks(attempt.night).expect("listable"),
            BTreeSet::from([needed.task])
        );
        assert_eq!(
            landing
                .expire(later, keep, |_, _| Ok(Some(())), Ok)
                .expect("expires"),
            1
        );
        assert_eq!(landing.nights().expect("listable"), BTreeSet::new());
    }
}
