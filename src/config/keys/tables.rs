//! The keys of every table of the file, once: for refusing unknown ones, and for the test that holds the JSON Schema to
//! them.

pub(crate) const ROOT: &[&str] = &[
    "source",
    "budget",
    "run",
    "destination",
    "target",
    "keyword_list",
    "report",
];
pub(crate) const SOURCE: &[&str] = &["api_key", "base_url", "proxy", "local_address", "limits"];
pub(crate) const KEY_SOURCE: &[&str] = &["env", "file", "command"];
pub(crate) const LIMITS: &[&str] = &["requests_per_minute"];
pub(crate) const BUDGET: &[&str] = &[
    "per_run",
    "per_month",
    "keep_free",
    "pace",
    "per_report",
    "per_target",
];
pub(crate) const RUN: &[&str] = &["resume_within", "max_requests"];
pub(crate) const DESTINATION: &[&str] = &[
    "url",
    "region",
    "endpoint",
    "path_style",
    "writers",
    "encryption",
    "account",
    "partition_by",
    "file_size",
    "compression",
    "keep_responses",
    "responses",
    "layout",
    "replace",
];
pub(crate) const ENCRYPTION: &[&str] = &["kms", "bucket_key"];
pub(crate) const TARGET: &[&str] = &["name", "url", "mode", "protocol", "labels", "file"];
pub(crate) const KEYWORD_LIST: &[&str] = &["name", "keywords", "file"];
pub(crate) const REPORT: &[&str] = &[
    "name",
    "endpoint",
    "columns",
    "where",
    "where_json",
    "targets",
    "keyword_lists",
    "keyword_list_ids",
    "projects",
    "portfolios",
    "report_ids",
    "channels",
    "post_ids",
    "external_post_ids",
    "target_urls",
    "issue_ids",
    "location_ids",
    "language_codes",
    "country_codes",
    "countries",
    "devices",
    "data_sources",
    "search_types",
    "utm_params",
    "statuses",
    "every",
    "top",
    "max_rows",
    "mode",
    "since",
    "on_bad_value",
    "on_removed_column",
];
pub(crate) const TOP: &[&str] = &["by", "rows"];

/// Every table of the file with its keys, by the path that the JSON Schema's definitions use. A report takes the query
/// parameters of its operation as further keys.
pub const TABLES: [(&str, &[&str]); 12] = [
    ("", ROOT),
    ("source", SOURCE),
    ("key_source", KEY_SOURCE),
    ("limits", LIMITS),
    ("budget", BUDGET),
    ("run", RUN),
    ("destination", DESTINATION),
    ("encryption", ENCRYPTION),
    ("target", TARGET),
    ("keyword_list", KEYWORD_LIST),
    ("report", REPORT),
    ("top", TOP),
];
