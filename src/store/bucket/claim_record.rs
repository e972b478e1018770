//! The object that records who has claimed a run or a task.

use serde::{Deserialize, Serialize};

use super::versioned_record::Record;

/// Who has claimed a run or a task.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct ClaimRecord {
    pub nonce: String,
    #[serde(default)]
    pub who: String,
    #[serde(default)]
    pub token: Option<String>,
    /// Of a claim on a task: the run in whose name it is held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
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

    fn set_holder(&mut self, holder: Option<(&str, &str)>) {
        let (who, token) = holder.unzip();
        who.unwrap_or_default().clone_into(&mut self.who);
        self.token = token.map(str::to_owned);
    }
}
