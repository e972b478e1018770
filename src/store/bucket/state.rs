//! The state of a partition and the roll-up of a table in a bucket: the records of a disk, and what a bucket needs besides.

use serde::{Deserialize, Serialize};

use super::versioned_record::Record;
use crate::error::{Error, ErrorCode, Result};
use crate::store::table_record::TableRecord;
use crate::table::manifest::{MANIFEST_VERSION, PartitionState};

/// State of a partition in a bucket. A reader that knows only [`PartitionState`] reads it as one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BucketState {
    /// What is known of a partition in any destination.
    #[serde(flatten)]
    pub state: PartitionState,
    /// Different in every version of the object.
    #[serde(default)]
    pub nonce: String,
    /// Of the process that may change it now; `owner` names it for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// The upload that is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload: Option<Upload>,
    /// The last commit is not in the table's roll-up yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub owes_roll_up: bool,
}

/// A multipart upload. Recorded before its first part is sent; its parts are recorded when all of them are uploaded, which
/// is the commit point: from then on the next process completes the commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// The commit.
    pub commit_id: String,
    /// The store's name for the upload; empty on Azure, which has none.
    #[serde(rename = "upload_id")]
    pub id: String,
    /// The store's names for its parts, in order; empty until all are uploaded.
    #[serde(default)]
    pub parts: Vec<String>,
}

impl BucketState {
    /// A partition that was never written.
    pub fn new(report: &str, partition: &str) -> Self {
        Self {
            state: PartitionState::new(report, partition),
            nonce: String::new(),
            token: None,
            upload: None,
            owes_roll_up: false,
        }
    }
}

impl Record for BucketState {
    fn stamp(&mut self, nonce: String) {
        self.nonce = nonce;
    }

    fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    fn holder(&self) -> &str {
        self.state.owner.as_deref().unwrap_or_default()
    }

    fn set_holder(&mut self, holder: Option<(&str, &str)>) {
        let (who, token) = holder.unzip();
        self.state.owner = who.map(str::to_owned);
        self.token = token.map(str::to_owned);
    }

    fn check(&self) -> Result<()> {
        if self.state.version <= MANIFEST_VERSION {
            return Ok(());
        }
        let message = format!(
            "{}/{} was written by a newer backhaul",
            self.state.report, self.state.partition
        );
        Err(Error::new(ErrorCode::Destination, message)
            .with_hint("use the newest backhaul on this destination"))
    }
}

/// The roll-up of a table in a bucket.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct RollUp {
    #[serde(flatten)]
    pub record: TableRecord,
    #[serde(default)]
    pub nonce: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_of_the_local_state_understands_the_bucket_s() {
        let mut state = BucketState::new("links", "snapshot_date=2026-11-23");
        state.state.generation = 7;
        state.set_holder(Some(("host 1", "token")));
        state.upload = Some(Upload {
            commit_id: "c".into(),
            id: "u".into(),
            parts: vec!["p".into()],
        });
        state.stamp("n".into());
        let text = serde_json::to_string(&state).expect("JSON");
        let plain: PartitionState = serde_json::from_str(&text).expect("a state");
        assert_eq!(
            (plain.generation, plain.owner.as_deref()),
            (7, Some("host 1"))
        );
        let back: BucketState = serde_json::from_str(&text).expect("a state");
        assert_eq!(back, state);
        let local = serde_json::to_string(&plain).expect("JSON");
        let read: BucketState =
            serde_json::from_str(&local).expect("a local state reads as the bucket's");
        assert_eq!((read.state, read.upload), (plain, None));
    }
}
