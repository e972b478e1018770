//! What is known of a workspace beyond any one night: verdicts on the assumptions of paging, and row caps that were found.
//!
//! Kept beside the manifests, one file an origin: a destination is filled from one workspace, and the sandbox or a
//! gateway is another than the real API. Losing the file costs a few free requests.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use url::Url;

use super::month::KnownMonth;
use crate::error::{Code, Error, Result};
use crate::paging::Finding;
use crate::store::{Store, replace};

/// What is remembered.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Workspace {
    /// The latest verdicts, with their date.
    #[serde(default)]
    pub finding: Option<Finding>,
    /// Rows a request at most, by endpoint, where an answer showed it.
    #[serde(default)]
    pub row_caps: BTreeMap<String, u32>,
    /// When its usage starts again at zero, and its limit.
    #[serde(default)]
    pub month: KnownMonth,
}

impl Workspace {
    /// Reads what is remembered of an origin. A damaged file counts as nothing remembered: all of it can be asked again.
    pub fn load(store: &Store, origin: &Url) -> Self {
        let path = path(store, origin);
        match std::fs::read(&path).map(|bytes| serde_json::from_slice(&bytes)) {
            Ok(Ok(workspace)) => workspace,
            Ok(Err(error)) => {
                tracing::warn!(path = %path.display(), %error, "what was known of the workspace is damaged and asked again");
                Self::default()
            }
            Err(_absent) => Self::default(),
        }
    }

    /// Remembers it.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub fn save(&self, store: &Store, origin: &Url, who: &str) -> Result<()> {
        let _lock = store.lock_folder("workspace", who)?;
        let bytes = serde_json::to_vec_pretty(self).map_err(|error| {
            Error::new(Code::Internal, "what is known of the workspace cannot be written").with_source(error)
        })?;
        replace(&path(store, origin), &bytes)
    }
}

/// `https://api.ahrefs.com/v3` → `workspace/https-api.ahrefs.com-443.json`.
fn path(store: &Store, origin: &Url) -> PathBuf {
    let host = origin.host_str().unwrap_or("unknown").replace(|c: char| !c.is_ascii_alphanumeric() && c != '.', "-");
    let port = origin.port_or_known_default().unwrap_or(0);
    store.system("workspace").join(format!("{}-{host}-{port}.json", origin.scheme()))
}
