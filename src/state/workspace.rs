//! What is known of a workspace beyond any one night: verdicts on the assumptions of paging, and row caps that were found.
//!
//! Kept beside the manifests, one file an origin: a destination is filled from one workspace, and the sandbox or a
//! gateway is another than the real API. Losing the file costs a few free requests.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::error::Result;
use crate::paging::ProbeResult;
use crate::store::{Store, to_json};

/// Folder of the files below `_backhaul/`.
const FOLDER: &str = "workspace";

/// What is remembered.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Workspace {
    /// The latest verdicts, with their date.
    #[serde(default)]
    pub finding: Option<ProbeResult>,
    /// Rows a request at most, by endpoint, where an answer showed it.
    #[serde(default)]
    pub row_caps: BTreeMap<String, u32>,
    /// When its usage starts again at zero, and its limit.
    #[serde(default)]
    pub month: RememberedUsage,
}

impl Workspace {
    /// Reads what is remembered of an origin. A damaged file counts as nothing remembered: all of it can be asked again.
    pub fn load(store: &Store, origin: &Url) -> Self {
        match store.files(FOLDER).load_json(&file(origin)) {
            Ok(workspace) => workspace.unwrap_or_default(),
            Err(error) => {
                tracing::warn!(error = %error.one_line(), "what was known of the workspace is asked again");
                Self::default()
            }
        }
    }

    /// Remembers it.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`].
    pub fn save(&self, store: &Store, origin: &Url) -> Result<()> {
        let bytes = to_json(self)?;
        store
            .files(FOLDER)
            .update(&file(origin), &|_| Ok(Some(bytes.clone())))
    }
}

/// `https://api.ahrefs.com/v3` → `workspace/https-api.ahrefs.com-443.json`.
fn file(origin: &Url) -> String {
    let host = origin
        .host_str()
        .unwrap_or("unknown")
        .replace(|c: char| !c.is_ascii_alphanumeric() && c != '.', "-");
    let port = origin.port_or_known_default().unwrap_or(0);
    format!("{}-{host}-{port}.json", origin.scheme())
}

/// What is remembered of the workspace's month, for a night on which it cannot be asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RememberedUsage {
    /// A day on which usage starts again at zero, where it was reported.
    #[serde(default)]
    pub reset: Option<NaiveDate>,
    /// Units a month; `None` if usage is unlimited.
    #[serde(default)]
    pub limit: Option<u64>,
    /// The day on which it was last reported.
    #[serde(default, rename = "told")]
    pub reported_on: Option<NaiveDate>,
    /// Units that had been spent in the workspace by then, and are in no file of the ledger.
    #[serde(default)]
    pub foreign: u64,
}
