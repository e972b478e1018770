//! The resolved configuration: what the rest of the program gets, checked and complete. Only [`super::load()`] and
//! [`super::parse`] build it, so that no user of it needs to check it again.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::NaiveDate;
use url::Url;

use super::cadence::Cadence;
use super::key_sources::KeySources;
use super::location::DestinationLocation;
use crate::catalog::{Changes, Endpoint, Pricing};
use crate::filter::Filter;

/// A configuration in which every name resolves, every value is valid and everything is implemented.
#[derive(Debug, Clone)]
pub struct RunConfig {
    pub(super) file: PathBuf,
    /// Where the data comes from.
    pub source: Source,
    /// What may be spent.
    pub budget: Budget,
    /// Where the tables go.
    pub destination: Destination,
    /// How a run behaves.
    pub run: RunSettings,
    /// The sites, in file order, names unique; empty only where no report looks one up.
    pub targets: Vec<Target>,
    /// The keyword lists, in file order, names unique.
    pub keyword_lists: Vec<KeywordList>,
    /// The tables, in file order, names unique; never empty.
    pub reports: Vec<Report>,
}

/// `[source]`.
#[derive(Debug, Clone)]
pub struct Source {
    /// Origin and version path of the API, without a slash at the end: `https`, or `http` to loopback.
    pub base_url: Url,
    /// Where the key comes from; resolved when first needed.
    pub keys: KeySources,
    /// Requests that may begin in a minute.
    pub requests_per_minute: u32,
    /// Proxy that requests go through.
    pub proxy: Option<Url>,
    /// Address that connections leave from.
    pub local_address: Option<IpAddr>,
}

/// `[budget]`, in API units.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Budget {
    /// The most that one run may spend.
    pub per_run: Option<u64>,
    /// The most that may be spent from one reset of the workspace to the next.
    pub per_month: Option<u64>,
    /// What stays unspent of the workspace's limit.
    pub keep_free: Option<ReservedUnits>,
    /// What is left of the month is spread over its nights.
    pub pace: bool,
    /// The most that one run may spend on a report, by its name.
    pub per_report: BTreeMap<String, u64>,
    /// The most that one run may spend on a target, by its name.
    pub per_target: BTreeMap<String, u64>,
}

/// What stays unspent of the workspace's limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReservedUnits {
    /// So many units.
    Units(u64),
    /// So many hundredths of the limit, below 100.
    Percent(u8),
}

/// `[destination]`.
#[derive(Debug, Clone)]
pub struct Destination {
    /// The folder or bucket.
    pub location: DestinationLocation,
    /// Keys of partitions' folders below the night's: `target`, or parameters of tasks. A report without such a parameter
    /// goes without its folder.
    pub partition_by: Vec<String>,
    /// Whether readers may find nothing for a moment where the file system cannot exchange folders.
    pub may_leave_gaps: bool,
    /// Level of zstd, 1 to 22.
    pub zstd_level: i32,
    /// Size at which a file is closed and the next begun.
    pub file_size_bytes: u64,
    /// Folder of saved responses, if not in the destination.
    pub responses: Option<PathBuf>,
    /// How long saved responses are kept.
    pub keep_responses: Duration,
}

/// `[run]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunSettings {
    /// How long an unfinished night is resumed.
    pub resume_within: Duration,
    /// Requests of one task at most.
    pub max_requests: u64,
    /// Reports of changes begin with a base again: set by `run --base`, never by a file.
    pub new_base: bool,
}

/// A site that is looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Unique name, `[a-z0-9][a-z0-9._-]*`.
    pub name: String,
    /// Domain or URL as the API gets it; the host in ASCII.
    pub url: String,
    /// `exact`, `prefix`, `domain` or `subdomains`.
    pub mode: String,
    /// `both`, `http` or `https`.
    pub protocol: String,
    /// Labels for selections and views; they change no request.
    pub labels: BTreeMap<String, String>,
}

/// Keywords that are looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeywordList {
    /// Unique name, `[a-z0-9][a-z0-9._-]*`.
    pub name: String,
    /// The keywords in file order, each once; never empty.
    pub keywords: Vec<String>,
}

/// One table of the output and how it is filled.
#[derive(Debug, Clone)]
pub struct Report {
    /// The table's name, `[a-z][a-z0-9_]*`.
    pub name: String,
    /// The operation that fills it.
    pub endpoint: &'static Endpoint,
    /// Its columns, unique, in the order of the table; all of the operation's where it takes no `select`.
    pub columns: Vec<String>,
    /// What the columns were chosen with: presets, names, `+name`, `-name`; empty where all are always sent.
    pub column_selectors: Vec<String>,
    /// Which rows; `None`: all.
    pub filter: Option<Filter>,
    /// Query parameters that are the same in all its tasks, `history` stated where the operation has it.
    pub parameters: Vec<(String, String)>,
    /// Parameters that vary from task to task beside the target (`country`, `keyword_list`), each with its values.
    pub varying: Vec<(String, Vec<String>)>,
    /// Indices into [`RunConfig::targets`], ascending; empty where it looks up none.
    pub targets: Vec<usize>,
    /// Indices into [`RunConfig::keyword_lists`], as the report names them; empty where it looks up none.
    pub keyword_lists: Vec<usize>,
    /// Only what is new and lost since the last complete night is fetched, after a first night with all live rows.
    pub changes: Option<&'static Changes>,
    /// The ranking to fetch instead of all rows; then there is no `max_rows`, since a ranking cannot reach it.
    pub top: Option<Top>,
    /// Limit of rows: a task that reaches it is `capped`.
    pub max_rows: Option<u64>,
    /// First day of a history; set wherever the operation requires one.
    pub since: Option<NaiveDate>,
    /// How often it is fetched.
    pub every: Cadence,
    /// What happens to a value that does not fit its column.
    pub on_bad_value: OnMismatch,
    /// What happens to a column that the API refuses.
    pub on_removed_column: OnMismatch,
}

/// A ranking: the rows with the greatest values of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Top {
    /// A column that the operation can order by.
    pub by: String,
    /// Rows of a task at most, and at least one.
    pub rows: u64,
}

/// What happens where an answer does not fit its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnMismatch {
    /// The task fails and names row and column.
    Fail,
    /// Null takes its place, counted and listed.
    Null,
}

impl RunConfig {
    /// The file it came from, as the user named it.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Name of a target; empty where none is looked up.
    pub fn target_name(&self, target: Option<usize>) -> &str {
        let Some(target) = target.and_then(|at| self.targets.get(at)) else {
            return "";
        };
        &target.name
    }

    /// Keys of the folders of a report's partitions below the night's.
    pub fn partition_by(&self, report: &Report) -> Vec<String> {
        let mut keys = Vec::new();
        for key in &self.destination.partition_by {
            let has_targets = key == "target" && !report.targets.is_empty();
            if has_targets || report.varying.iter().any(|(name, _)| name == key) {
                keys.push(key.clone());
            }
        }
        keys
    }
}

impl Report {
    /// Value of a fixed query parameter: that of the report, else the API's default.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        for (known, value) in &self.parameters {
            if known == name {
                return Some(value);
            }
        }
        self.endpoint.parameter(name)?.default.as_deref()
    }

    /// The columns that the report's filter names; they add to the price of a row.
    pub fn filter_columns(&self) -> Vec<String> {
        match &self.filter {
            Some(filter) => filter.columns(),
            None => Vec::new(),
        }
    }

    /// Whether it costs no units: by its operation, or by a parameter (`prompts = "custom"`).
    pub fn is_free(&self) -> bool {
        let mut conditions = self.endpoint.free_when.iter();
        self.endpoint.pricing == Pricing::Free
            || conditions.any(|(name, value)| self.parameter(name) == Some(value))
    }
}
