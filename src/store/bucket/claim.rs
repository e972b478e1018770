//! Claims: who is at work on a task.
//!
//! A claim that is given back is not deleted but given to nobody: a delete that was lost on the way and arrives late would
//! take the claim away from the next one who holds it. Old claims go with their night.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::Bucket;
use super::lease::{Heartbeat, Record, Taken, Tracked, take};
use crate::error::Result;
use crate::store::SYSTEM_FOLDER;

/// What became of asking for a claim.
#[derive(Debug)]
pub enum Claimed {
    /// It is ours until given back, dropped or lost.
    Ours(Claim),
    /// It is held; by whom.
    Held(String),
}

/// A claim of this process, renewed until it is dropped. Dropped without [`Claim::give_back`], it runs out.
#[derive(Debug)]
pub struct Claim {
    record: Arc<Mutex<Tracked<ClaimRecord>>>,
    heartbeat: Heartbeat,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct ClaimRecord {
    nonce: String,
    #[serde(default)]
    who: String,
    #[serde(default)]
    token: Option<String>,
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
    /// Asks for a claim, for example `2026-11-23/<task>`. One whose holder is not heard of for longer than the lease is
    /// taken over.
    ///
    /// # Errors
    /// [`crate::error::Code::Destination`].
    pub async fn claim(&self, name: &str, who: &str) -> Result<Claimed> {
        let name = format!("{SYSTEM_FOLDER}/claims/{name}.json");
        let fresh = || ClaimRecord { nonce: String::new(), who: String::new(), token: None };
        match take(self, &name, fresh, who).await? {
            Taken::Held(holder) => Ok(Claimed::Held(holder)),
            Taken::Ours(tracked) => {
                let record = Arc::new(Mutex::new(tracked));
                let heartbeat = Heartbeat::start(Arc::clone(&record), self.options().lease);
                Ok(Claimed::Ours(Claim { record, heartbeat }))
            }
        }
    }
}

impl Claim {
    /// Whether another process has it now: what is not committed yet is that one's to do.
    pub fn is_lost(&self) -> bool {
        self.heartbeat.is_lost()
    }

    /// Makes sure, now, that it is still ours, and renews it.
    ///
    /// # Errors
    /// [`crate::error::Code::Locked`] if another process has it, [`crate::error::Code::Destination`] if nobody can tell.
    pub async fn confirm(&self) -> Result<()> {
        self.record.lock().await.change(|_| ()).await
    }

    /// Gives it back, so that the next one need not wait for the lease to run out.
    ///
    /// # Errors
    /// As [`Claim::confirm`].
    pub async fn give_back(self) -> Result<()> {
        self.record.lock().await.change(|record| record.give(None)).await
    }
}
