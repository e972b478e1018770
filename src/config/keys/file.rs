//! A table of constants: the keys of the file, of `[source]`, `[budget]` and `[run]`.

use super::destination::DESTINATION;
use super::key::{DefaultValue, Key, Kind, Rule, Table};
use super::lookups::{KEYWORD_LIST, TARGET};
use super::report::REPORT;

/// Far above what the API allows, for the sandbox and gateways: one request a millisecond.
pub(crate) const MAX_REQUESTS_PER_MINUTE: u32 = 60_000;

pub(crate) static FILE: Table = Table {
    path: "",
    definition: "",
    heading: "The file",
    doc: "The file `backhaul.toml`. Relative paths start at the file.",
    rule: Rule::Free,
    keys: &[
        Key {
            path: "source",
            kind: Kind::Table(&SOURCE),
            default: DefaultValue::Required,
            since: "0.1.0",
            doc: "Where the data comes from.",
            example: "source.api_key = { env = \"AHREFS_API_KEY\" }",
        },
        Key {
            path: "budget",
            kind: Kind::Table(&BUDGET),
            default: DefaultValue::Unset,
            since: "0.1.0",
            doc: "How many API units may be spent.",
            example: "budget.per_run = 60_000",
        },
        Key {
            path: "run",
            kind: Kind::Table(&RUN),
            default: DefaultValue::Unset,
            since: "0.1.0",
            doc: "How a run behaves.",
            example: "run.resume_within = \"3d\"",
        },
        Key {
            path: "destination",
            kind: Kind::Table(&DESTINATION),
            default: DefaultValue::Required,
            since: "0.1.0",
            doc: "Where the tables are written.",
            example: "destination.url = \"./data\"",
        },
        Key {
            path: "target",
            kind: Kind::Tables(&TARGET),
            default: DefaultValue::Required,
            since: "0.1.0",
            doc: "Sites that are looked up; not needed where no report looks one up.",
            example: "target = [{ url = \"example.com\" }]",
        },
        Key {
            path: "keyword_list",
            kind: Kind::Tables(&KEYWORD_LIST),
            default: DefaultValue::Unset,
            since: "0.1.0",
            doc: "Named lists of keywords.",
            example: "keyword_list = [{ name = \"brand\", keywords = [\"acme\"] }]",
        },
        Key {
            path: "report",
            kind: Kind::Tables(&REPORT),
            default: DefaultValue::Required,
            since: "0.1.0",
            doc: "Tables and how they are filled.",
            example: "report = [{ name = \"rating\", endpoint = \"site-explorer/domain-rating\" }]",
        },
    ],
};

pub(crate) static SOURCE: Table = Table {
    path: "source",
    definition: "source",
    heading: "[source]",
    doc: "The API, the key and the connection.",
    rule: Rule::Free,
    keys: &[
        Key {
            path: "source.api_key",
            kind: Kind::TableOrTables(&KEY_SOURCE),
            default: DefaultValue::Required,
            since: "0.1.0",
            doc: "Where the key comes from. In a list, the next source is tried when a key is refused.",
            example: "api_key = { env = \"AHREFS_API_KEY\" }",
        },
        Key {
            path: "source.base_url",
            kind: Kind::Text,
            default: DefaultValue::Value("\"https://api.ahrefs.com/v3\""),
            since: "0.1.0",
            doc: "Origin and version path of the API: https, or http to this machine.",
            example: "base_url = \"http://127.0.0.1:7070/v3\"",
        },
        Key {
            path: "source.proxy",
            kind: Kind::Text,
            default: DefaultValue::Unset,
            since: "0.1.0",
            doc: "Proxy that requests go through: http, https, socks5 or socks5h, without credentials.",
            example: "proxy = \"http://proxy.example.com:3128\"",
        },
        Key {
            path: "source.local_address",
            kind: Kind::Text,
            default: DefaultValue::Unset,
            since: "0.1.0",
            doc: "IP address that connections leave from.",
            example: "local_address = \"192.0.2.10\"",
        },
        Key {
            path: "source.limits",
            kind: Kind::Table(&LIMITS),
            default: DefaultValue::Unset,
            since: "0.1.0",
            doc: "Limits of the key.",
            example: "limits.requests_per_minute = 60",
        },
    ],
};

pub(crate) static KEY_SOURCE: Table = Table {
    path: "source.api_key",
    definition: "key_source",
    heading: "api_key = { … } in [source]",
    doc: "One source of the API key. The file never contains the key itself.",
    rule: Rule::OneKey,
    keys: &[
        Key {
            path: "source.api_key.env",
            kind: Kind::Pattern("^[A-Za-z_][A-Za-z0-9_]*$"),
            default: DefaultValue::Unset,
            since: "0.1.0",
            doc: "Name of an environment variable.",
            example: "env = \"AHREFS_API_KEY\"",
        },
        Key {
            path: "source.api_key.file",
            kind: Kind::Text,
            default: DefaultValue::Unset,
            since: "0.1.0",
            doc: "File that contains the key alone.",
            example: "file = \"ahrefs.key\"",
        },
        Key {
            path: "source.api_key.command",
            kind: Kind::Texts,
            default: DefaultValue::Unset,
            since: "0.1.0",
            doc: "Program and arguments; the first line that it prints is the key.",
            example: "command = [\"pass\", \"show\", \"ahrefs\"]",
        },
    ],
};

pub(crate) static LIMITS: Table = Table {
    path: "source.limits",
    definition: "limits",
    heading: "[source.limits]",
    doc: "Limits of the key.",
    rule: Rule::Free,
    keys: &[Key {
        path: "source.limits.requests_per_minute",
        kind: Kind::CountUpTo(MAX_REQUESTS_PER_MINUTE),
        default: DefaultValue::Value("60"),
        since: "0.1.0",
        doc: "Requests that may begin in a minute.",
        example: "requests_per_minute = 60",
    }],
};

pub(crate) static BUDGET: Table = Table {
    path: "budget",
    definition: "budget",
    heading: "[budget]",
    doc: "Limits of what is spent, in API units.",
    rule: Rule::Free,
    keys: &[
        Key {
            path: "budget.per_run",
            kind: Kind::Count,
            default: DefaultValue::Unset,
            since: "0.1.0",
            doc: "API units that one run may spend.",
            example: "per_run = 60_000",
        },
        Key {
            path: "budget.per_month",
            kind: Kind::Count,
            default: DefaultValue::Unset,
            since: "0.1.0",
            doc: "API units from one reset of the workspace to the next.",
            example: "per_month = 1_800_000",
        },
        Key {
            path: "budget.keep_free",
            kind: Kind::UnitsOrPercent,
            default: DefaultValue::Unset,
            since: "0.1.0",
            doc: "What stays unspent: units, or a share of the workspace's limit.",
            example: "keep_free = \"10%\"",
        },
        Key {
            path: "budget.pace",
            kind: Kind::Boolean,
            default: DefaultValue::Value("false"),
            since: "0.1.0",
            doc: "Spread what is left over the nights until the reset.",
            example: "pace = true",
        },
        Key {
            path: "budget.per_report",
            kind: Kind::UnitsByName,
            default: DefaultValue::Unset,
            since: "0.1.0",
            doc: "API units that one run may spend on a report, by its name.",
            example: "per_report = { rating = 5_000 }",
        },
        Key {
            path: "budget.per_target",
            kind: Kind::UnitsByName,
            default: DefaultValue::Unset,
            since: "0.1.0",
            doc: "API units that one run may spend on a target, by its name.",
            example: "per_target = { \"example.com\" = 20_000 }",
        },
    ],
};

pub(crate) static RUN: Table = Table {
    path: "run",
    definition: "run",
    heading: "[run]",
    doc: "How a run behaves.",
    rule: Rule::Free,
    keys: &[
        Key {
            path: "run.resume_within",
            kind: Kind::Duration,
            default: DefaultValue::Value("\"3d\""),
            since: "0.1.0",
            doc: "How long an unfinished night is resumed.",
            example: "resume_within = \"3d\"",
        },
        Key {
            path: "run.max_requests",
            kind: Kind::Count,
            default: DefaultValue::Value("100000"),
            since: "0.1.0",
            doc: "Requests of one task at most.",
            example: "max_requests = 100_000",
        },
    ],
};
