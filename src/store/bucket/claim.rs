//! Claims: which runs live, and what each is at work on.
//!
//! A run renews one lease, its own. Everything else it claims in its name, by create-if-absent or compare-and-swap, and
//! such a mark is worth nothing once the run is dead: its lease has run out, and whoever finds that out takes the run over
//! first, so that the run itself learns of it. A claim that is given back is not deleted but given to nobody: a delete that
//! was lost on the way and arrives late would take it away from the next one who holds it. Old marks go with their night.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::Bucket;
use super::lease::{CLOCK_STEP, Heartbeat, Record, Taken, Tracked, take};
use crate::error::Result;
use crate::model::Night;
use crate::store::SYSTEM_FOLDER;

/// Between two looks at a run that may be dead.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// Marks of old nights that no run of today can hold: none lives so long.
const OLD: Duration = Duration::from_hours(48);

/// A run that was not heard of for so many leases is not waited for any more, whether or not somebody wants what it has.
pub(super) const LONG_DEAD: u32 = 10;

/// What became of asking for a run's life.
#[derive(Debug)]
pub enum RunClaimed {
    /// It is ours until closed or lost.
    Ours(RunClaim),
    /// The run lives; its holder.
    Held(String),
}

/// The life of a run, renewed until it is dropped. Dropped without [`RunClaim::close`], it runs out.
#[derive(Debug)]
pub struct RunClaim {
    record: Arc<Mutex<Tracked<ClaimRecord>>>,
    heartbeat: Heartbeat,
}

/// What became of asking for a claim.
#[derive(Debug)]
pub enum Marked {
    /// It is ours until given back, or our run is lost.
    Ours(Mark),
    /// It is held; by whom.
    Held(String),
}

/// A claim in the name of a run.
#[derive(Debug)]
pub struct Mark {
    tracked: Box<Tracked<ClaimRecord>>,
    is_first: bool,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct ClaimRecord {
    nonce: String,
    #[serde(default)]
    who: String,
    #[serde(default)]
    token: Option<String>,
    /// Of a mark: the run in whose name it is held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    run: Option<String>,
}

impl Record for ClaimRecord {
    fn stamp(&mut self, nonce: String) {
        self.nonce = nonce;
    }

    fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    fn holder(&self) -> &str {
        &self.who
    }

    fn give(&mut self, to: Option<(&str, &str)>) {
        let (who, token) = to.unzip();
        who.unwrap_or_default().clone_into(&mut self.who);
        self.token = token.map(str::to_owned);
    }
}

impl Bucket {
    /// Asks for the life of a run: of our own, or of one that may be dead. Waits until it is known which.
    ///
    /// # Errors
    /// [`crate::error::Code::Destination`].
    pub async fn claim_run(&self, run: &str, who: &str) -> Result<RunClaimed> {
        let name = run_name(run);
        loop {
            match take(self, &name, ClaimRecord::default, who).await? {
                Taken::Ours(tracked) => {
                    let record = Arc::new(Mutex::new(tracked));
                    let heartbeat = Heartbeat::start(Arc::clone(&record), self.options().lease);
                    return Ok(RunClaimed::Ours(RunClaim { record, heartbeat }));
                }
                Taken::Held(holder) if self.was_seen_alive(run) => {
                    return Ok(RunClaimed::Held(holder));
                }
                Taken::Held(_) => self.watch(run).await?,
            }
        }
    }

    /// Claims something in the name of a run of ours, for example `2026-11-23/<task>`.
    ///
    /// # Errors
    /// [`crate::error::Code::Destination`].
    pub async fn mark(&self, name: &str, run: &str, who: &str) -> Result<Marked> {
        let name = format!("{SYSTEM_FOLDER}/claims/{name}.json");
        let ours = ClaimRecord {
            who: who.to_owned(),
            token: Some(super::nonce()),
            run: Some(run.to_owned()),
            ..ClaimRecord::default()
        };
        // What is claimed was mostly never claimed before; a folder that all take in turn was.
        if !name.contains("/_folders/")
            && let Some(tracked) = Tracked::create(self, &name, ours.clone()).await?
        {
            return Ok(Marked::Ours(Mark {
                tracked: Box::new(tracked),
                is_first: true,
            }));
        }
        loop {
            let Some(mut tracked) = Tracked::<ClaimRecord>::load(self, &name).await? else {
                match Tracked::create(self, &name, ours.clone()).await? {
                    Some(tracked) => {
                        return Ok(Marked::Ours(Mark {
                            tracked: Box::new(tracked),
                            is_first: false,
                        }));
                    }
                    None => continue,
                }
            };
            if let (Some(_), Some(holder)) = (tracked.value.token(), tracked.value.run.clone())
                && (holder == run || !self.is_dead(&holder, who).await?)
            {
                return Ok(Marked::Held(tracked.value.holder().to_owned()));
            }
            if tracked.try_change(|value| *value = ours.clone()).await? {
                return Ok(Marked::Ours(Mark {
                    tracked: Box::new(tracked),
                    is_first: false,
                }));
            }
        }
    }

    /// Removes the marks of nights before this one, and what is left of their records; those of a live run stay.
    ///
    /// # Errors
    /// [`crate::error::Code::Destination`].
    pub async fn sweep_marks(&self, before: Night) -> Result<()> {
        let is_old = |name: &str| name.parse::<Night>().is_ok_and(|night| night < before);
        let claims = format!("{SYSTEM_FOLDER}/claims");
        let mut old = Vec::new();
        for night in self
            .children(&claims)
            .await?
            .1
            .iter()
            .filter(|name| is_old(name))
        {
            old.extend(self.list(&format!("{claims}/{night}")).await?);
        }
        let nights = self
            .list(&format!("{SYSTEM_FOLDER}/nights"))
            .await?
            .into_iter();
        old.extend(nights.filter(|listed| {
            let night = listed
                .name
                .rsplit('/')
                .next()
                .and_then(|name| name.strip_suffix(".json"));
            listed.bytes == 0 && night.is_some_and(is_old)
        }));
        if old.is_empty() {
            return Ok(());
        }
        let now = self.now().await?;
        for listed in old {
            // By its age, as nobody asks for these nights any more: a run of two days does not exist.
            if (now - listed.changed).to_std().is_ok_and(|age| age > OLD) {
                self.delete(&listed.name).await?;
            }
        }
        Ok(())
    }

    /// Removes the records of runs that died long ago. Marks in their names are worth nothing without them.
    ///
    /// # Errors
    /// [`crate::error::Code::Destination`].
    pub async fn sweep_runs(&self, who: &str) -> Result<()> {
        let runs = self.list(&format!("{SYSTEM_FOLDER}/claims/_runs")).await?;
        if runs.len() <= 1 {
            // Our own.
            return Ok(());
        }
        let now = self.now().await?;
        let is_old = |since: DateTime<Utc>| {
            (now - since)
                .to_std()
                .is_ok_and(|age| age > self.options().lease * LONG_DEAD + CLOCK_STEP)
        };
        for listed in runs.into_iter().filter(|listed| is_old(listed.changed)) {
            // Taken over first, so that one who only slept learns of it.
            if let Taken::Ours(mut ours) =
                take(self, &listed.name, ClaimRecord::default, who).await?
                && ours.try_change(|record| record.give(None)).await?
            {
                self.delete(&listed.name).await?;
            }
        }
        Ok(())
    }

    /// Whether a run is dead. One whose lease has run out is taken over, so that it learns of it.
    async fn is_dead(&self, run: &str, who: &str) -> Result<bool> {
        let name = run_name(run);
        if Tracked::<ClaimRecord>::load(self, &name)
            .await?
            .is_none_or(|run| run.value.token().is_none())
        {
            return Ok(true);
        }
        match self.claim_run(run, who).await? {
            RunClaimed::Held(_) => Ok(false),
            RunClaimed::Ours(claim) => {
                // What it has promised is still to be settled by whoever does that: its record stays, as nobody's.
                claim.give_back().await?;
                Ok(true)
            }
        }
    }

    /// Whether a run was seen to renew its lease a moment ago.
    fn was_seen_alive(&self, run: &str) -> bool {
        let alive = self.alive.lock().unwrap_or_else(PoisonError::into_inner);
        alive
            .get(run)
            .is_some_and(|seen| seen.elapsed() < self.options().lease)
    }

    /// Watches a run until it renews its lease, or its lease has run out, or it ends.
    async fn watch(&self, run: &str) -> Result<()> {
        let name = run_name(run);
        let Some((first, version)) = self.head(&name).await? else {
            return Ok(());
        };
        loop {
            tokio::time::sleep(LOOK_AGAIN.min(self.options().lease / 4)).await;
            match self.head(&name).await? {
                None => return Ok(()),
                Some((_, now)) if now != version => {
                    let mut alive = self.alive.lock().unwrap_or_else(PoisonError::into_inner);
                    alive.insert(run.to_owned(), Instant::now());
                    return Ok(());
                }
                Some(_) => {}
            }
            if self.has_run_out(first.changed).await? {
                return Ok(());
            }
        }
    }
}

impl RunClaim {
    /// Whether another process has taken the run over.
    pub fn is_lost(&self) -> bool {
        self.heartbeat.is_lost()
    }

    /// Whether it was not renewed for so long that only [`RunClaim::confirm`] can tell whether it is still ours.
    pub fn is_in_doubt(&self) -> bool {
        self.heartbeat.is_in_doubt()
    }

    /// Makes sure, now, that it is still ours, and renews it.
    ///
    /// # Errors
    /// [`crate::error::Code::Locked`] if another process has it, [`crate::error::Code::Destination`] if nobody can tell.
    pub async fn confirm(&self) -> Result<()> {
        self.heartbeat.confirm(&self.record).await
    }

    /// Gives it back, so that the next one need not wait for the lease to run out.
    ///
    /// # Errors
    /// As [`RunClaim::confirm`].
    pub async fn give_back(self) -> Result<()> {
        self.record
            .lock()
            .await
            .change(|record| record.give(None))
            .await
    }

    /// Gives it back for good: no run has this name again.
    ///
    /// # Errors
    /// As [`RunClaim::confirm`].
    pub async fn close(self) -> Result<()> {
        let mut record = self.record.lock().await;
        record.change(|record| record.give(None)).await?;
        record.bucket.delete(&record.name).await
    }
}

impl Mark {
    /// Whether nobody ever had it before.
    pub fn is_first(&self) -> bool {
        self.is_first
    }

    /// Gives it back. One that another has taken since, as our run was taken for dead, is theirs.
    ///
    /// # Errors
    /// [`crate::error::Code::Destination`].
    pub async fn give_back(mut self) -> Result<()> {
        self.tracked
            .try_change(|record| *record = ClaimRecord::default())
            .await
            .map(drop)
    }
}

fn run_name(run: &str) -> String {
    format!("{SYSTEM_FOLDER}/claims/_runs/{run}.json")
}
