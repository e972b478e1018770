//! The commented configuration that `backhaul init` writes. A test loads it.

/// Site of the starter where none was given.
const PLACEHOLDER: &str = "example.com";

/// A starter configuration for these targets, which loads as it is. Without targets it names a placeholder.
pub fn starter(targets: &[String]) -> String {
    let mut sections = Vec::new();
    for url in targets {
        sections.push(target_section(url));
    }
    if sections.is_empty() {
        sections.push(target_section(PLACEHOLDER));
    }
    TEXT.replace("TARGETS", &sections.join("\n"))
}

fn target_section(url: &str) -> String {
    let quoted = toml::Value::String(url.to_owned());
    format!("[[target]]\nurl = {quoted}\n")
}

const TEXT: &str = r#"# Backhaul: exports Ahrefs API v3 into Parquet, nightly.
# Check this file:  backhaul check --offline     See prices:  backhaul catalog site-explorer/refdomains

[source]
api_key = { env = "AHREFS_API_KEY" }    # or { file = "…" }, or { command = ["pass", "show", "ahrefs"] }
# base_url = "http://127.0.0.1:7070/v3" # the local imitation of the API: backhaul sandbox

[budget]
per_run = 10_000                        # API units that one run may spend at most
# per_month = 300_000                   # and all runs together, up to the workspace's own reset
# pace = true                           # spread what is left of the month over its nights

[destination]
url = "./data"                          # a folder (relative paths start at this file), or s3://bucket/prefix, gs://…, az://…

# Sites. `mode` is exact, prefix, domain or subdomains (the default); labels are yours.
# A list can also be in a file with the header name,url,mode:  file = "sites.csv"
TARGETS
# Reports: each is a table, each night a partition of it, with a row set per target.
[[report]]
name = "domain_rating"
endpoint = "site-explorer/domain-rating"

[[report]]
name = "referring_domains"
endpoint = "site-explorer/refdomains"
every = "week"                          # day (the default), week, month or "10d": spread over the nights
columns = ["minimal"]                   # presets minimal | standard | full, then "+column" and "-column"
max_rows = 1_000                        # a limit per site: reaching it is reported

# [[report]]
# name = "organic_keywords"
# endpoint = "site-explorer/organic-keywords"
# countries = ["us", "gb"]              # one task per site and country
# where = "volume >= 100 AND keyword LIKE '%shoes%'"

# Keywords are looked up by list; every operation of the API can be a report: backhaul catalog
# [[keyword_list]]
# name = "brand"
# keywords = ["acme", "acme shoes"]     # or a file with one a line: file = "keywords.txt"
"#;
