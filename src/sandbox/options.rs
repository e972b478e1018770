//! What a sandbox serves and how it misbehaves.

use super::faults::Faults;
use super::quirks::Quirk;

/// What a sandbox serves and how it misbehaves.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Port on 127.0.0.1; 0 picks a free one.
    pub port: u16,
    /// Live rows per target and list operation.
    pub rows: u64,
    /// The same seed gives the same data everywhere.
    pub seed: u64,
    /// The key that requests must carry.
    pub key: String,
    /// Units of the workspace; `None`: no limit.
    pub units: Option<u64>,
    /// Requests that may be made in any minute; `None`: no limit.
    pub requests_per_minute: Option<u32>,
    /// Rows at which an answer is silently cut; `None`: no cap.
    pub row_cap: Option<u32>,
    /// Rows that share each leading key; `None`: a few, at random.
    pub ties: Option<u32>,
    /// Probability that the requested table changes before a request is answered.
    pub churn: f64,
    /// Whether links, domains and anchors come and go, and the last periods of a history are corrected, from day to day, as
    /// a function of seed and date.
    pub daily_churn: bool,
    /// Assumptions made false.
    pub quirks: Vec<Quirk>,
    /// What goes wrong, and how often.
    pub faults: Faults,
    /// How far its clock is ahead of the machine's.
    pub clock_offset: chrono::Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 7070,
            rows: 20_000,
            seed: 1,
            key: "sandbox-key".to_owned(),
            units: Some(1_000_000),
            requests_per_minute: Some(60),
            row_cap: None,
            ties: None,
            churn: 0.0,
            daily_churn: false,
            quirks: Vec::new(),
            faults: Faults::default(),
            clock_offset: chrono::Duration::zero(),
        }
    }
}

impl Options {
    /// Live rows of a list, as the number of a row.
    pub(crate) fn num_rows(&self) -> u32 {
        u32::try_from(self.rows).unwrap_or(u32::MAX)
    }

    /// Whether an assumption is made false.
    pub(crate) fn has(&self, quirk: Quirk) -> bool {
        self.quirks.contains(&quirk)
    }
}
