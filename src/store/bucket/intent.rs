//! Which partitions a run is about to change, so that what a killed one left is found without looking at every partition.

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::client::Bucket;
use super::versioned_record::parse_object;
use crate::error::Result;
use crate::store::intent::Intent;
use crate::store::json::to_json;
use crate::store::layout::{Commit, SYSTEM_FOLDER};

const FOLDER: &str = "staging";

impl Bucket {
    /// Writes which partition a commit is for, before the partition is taken.
    pub(super) async fn write_intent(&self, commit: &Commit) -> Result<()> {
        let bytes = Bytes::from(to_json(&Intent::of(commit))?);
        self.put(&intent_name(&commit.id), bytes).await.map(drop)
    }

    /// Removes the intent of a commit of which nothing may need recovery. Ids of commits are never used again, so that a
    /// late removal does no harm.
    pub(super) async fn clear_intent(&self, commit_id: &str) -> Result<()> {
        self.delete(&intent_name(commit_id)).await
    }

    /// Commits that are under way, or were interrupted, with what each is for and since when.
    pub(super) async fn intents(&self) -> Result<Vec<(String, Intent, DateTime<Utc>)>> {
        let (names, _) = self.children(&format!("{SYSTEM_FOLDER}/{FOLDER}")).await?;
        let mut intents = Vec::new();
        for commit_id in names.iter().filter_map(|name| name.strip_suffix(".json")) {
            let name = intent_name(commit_id);
            if let Some(object) = self.get(&name).await? {
                let intent = parse_object(self, &name, &object.bytes)?;
                intents.push((commit_id.to_owned(), intent, object.changed_at));
            }
        }
        Ok(intents)
    }
}

fn intent_name(commit_id: &str) -> String {
    format!("{SYSTEM_FOLDER}/{FOLDER}/{commit_id}.json")
}
