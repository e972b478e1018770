//! Which partitions a run is about to change: so that what a dead one left is found without asking every partition.

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::Bucket;
use crate::error::Result;
use crate::store::listing::to_json;
use crate::store::record::Intent;
use crate::store::{Commit, SYSTEM_FOLDER};

const FOLDER: &str = "staging";

impl Bucket {
    /// Says which partition a commit is for, before the partition is taken.
    pub(super) async fn intend(&self, commit: &Commit) -> Result<()> {
        let intent = Intent {
            report: commit.report.clone(),
            partition: commit.partition.clone(),
        };
        self.put(&intent_name(&commit.id), Bytes::from(to_json(&intent)?))
            .await
            .map(drop)
    }

    /// Nothing is left to be settled of a commit. Ids of commits are never used again, so that a late removal does no harm.
    pub(super) async fn settled(&self, commit_id: &str) -> Result<()> {
        self.delete(&intent_name(commit_id)).await
    }

    /// Commits that are under way, or were cut off, with what each is for and since when.
    pub(super) async fn intents(&self) -> Result<Vec<(String, Intent, DateTime<Utc>)>> {
        let (names, _) = self.children(&format!("{SYSTEM_FOLDER}/{FOLDER}")).await?;
        let mut intents = Vec::new();
        for commit_id in names.iter().filter_map(|name| name.strip_suffix(".json")) {
            let name = intent_name(commit_id);
            if let Some(object) = self.get(&name).await? {
                let intent = super::lease::parse(self, &name, &object.bytes)?;
                intents.push((commit_id.to_owned(), intent, object.changed));
            }
        }
        Ok(intents)
    }
}

fn intent_name(commit_id: &str) -> String {
    format!("{SYSTEM_FOLDER}/{FOLDER}/{commit_id}.json")
}
