//! The configuration of the demo.

/// Enough for the demo; a real night needs a budget too.
pub(super) const BUDGET_UNITS: u64 = 1_000_000;

/// First line of the configuration, by which an earlier demo is recognized.
pub(super) const HEADER: &str = "# Written by `backhaul demo`";

const TEMPLATE: &str = r#"# For the real API: remove base_url, replace the targets by your sites, then
#   export AHREFS_API_KEY=…  &&  backhaul check  &&  backhaul run

[source]
base_url = "URL"
api_key = { env = "AHREFS_API_KEY" }

[source.limits]
requests_per_minute = 6000

[budget]
per_run = BUDGET
per_month = 10_000_000

[destination]
url = "."

[[target]]
url = "acme.com"
labels = { client = "Acme", role = "own" }

[[target]]
url = "rival.org"
labels = { client = "Acme", role = "competitor" }

[[report]]
name = "domain_rating"
endpoint = "site-explorer/domain-rating"

[[report]]
name = "backlinks"
endpoint = "site-explorer/all-backlinks"
columns = ["standard"]

[[report]]
name = "refdomains"
endpoint = "site-explorer/refdomains"
columns = ["standard"]

[[report]]
name = "anchors"
endpoint = "site-explorer/anchors"
columns = ["standard"]

[[report]]
name = "organic_keywords"
endpoint = "site-explorer/organic-keywords"
columns = ["standard"]
countries = ["us", "gb"]

[[report]]
name = "rating_history"
endpoint = "site-explorer/domain-rating-history"
since = "2025-01-01"
history_grouping = "weekly"

[[report]]
name = "metrics_history"
endpoint = "site-explorer/metrics-history"
since = "2025-01-01"
history_grouping = "weekly"
"#;

/// The configuration, with the sandbox's URL.
pub(super) fn demo_configuration(url: &str) -> String {
    let rest = TEMPLATE
        .replace("URL", url)
        .replace("BUDGET", &BUDGET_UNITS.to_string());
    format!("{HEADER}, which exports from the built-in API sandbox.\n{rest}")
}
