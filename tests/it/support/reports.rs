//! Reports and targets of configurations that many tests share.

use serde_json::Value as Json;

pub const LINKS: &str = "[[report]]\nname = \"links\"\nendpoint = \"site-explorer/all-backlinks\"\naggregation = \"all\"\n\
                         columns = [\"minimal\"]\n\n";

pub const ANCHORS: &str = "[[report]]\nname = \"anchors\"\nendpoint = \"site-explorer/anchors\"\ncolumns = [\"minimal\"]\n\n";

pub const RATING: &str =
    "[[report]]\nname = \"rating\"\nendpoint = \"site-explorer/domain-rating\"\n\n";

pub const KEYWORDS: &str = "[[report]]\nname = \"keywords\"\nendpoint = \"site-explorer/organic-keywords\"\n\
                            columns = [\"minimal\"]\ncountries = [\"us\", \"gb\"]\n\n";

/// Reports of every kind of price.
pub const MANY: &str = "[[report]]\nname = \"links\"\nendpoint = \"site-explorer/all-backlinks\"\naggregation = \"all\"\n\
    columns = [\"url_from\", \"title\", \"traffic_domain\"]\n\n\
    [[report]]\nname = \"domains\"\nendpoint = \"site-explorer/refdomains\"\ncolumns = [\"standard\"]\n\n\
    [[report]]\nname = \"keywords\"\nendpoint = \"site-explorer/organic-keywords\"\ncountries = [\"us\", \"gb\"]\n\
    columns = [\"minimal\"]\n\n\
    [[report]]\nname = \"by_country\"\nendpoint = \"site-explorer/metrics-by-country\"\n\n\
    [[report]]\nname = \"rating\"\nendpoint = \"site-explorer/domain-rating\"\n\n\
    [[report]]\nname = \"few\"\nendpoint = \"site-explorer/anchors\"\nmax_rows = 1300\ncolumns = [\"standard\"]\n";

pub const TWO_TARGETS: &str = "[[target]]\nname = \"acme\"\nurl = \"acme.com\"\nlabels = { client = \"Acme\" }\n\n\
                               [[target]]\nname = \"rival\"\nurl = \"rival.org\"\n";

/// Targets `t0`, `t1` and so on.
pub fn numbered_targets(number: usize) -> String {
    let mut targets = Vec::new();
    for number in 0..number {
        targets.push(format!(
            "[[target]]\nname = \"t{number}\"\nurl = \"t{number}.example\"\n\n"
        ));
    }
    targets.concat()
}

/// A number in JSON, by its pointer; 0 if there is none.
pub fn number(json: &Json, pointer: &str) -> u64 {
    json.pointer(pointer)
        .and_then(Json::as_u64)
        .unwrap_or_default()
}
