//! A table of constants: the keys of `[[target]]` and `[[keyword_list]]`.

use super::key::{DefaultValue, Key, Kind, Rule, Table};

/// How much of a site a target covers, as the API spells it.
pub(crate) const MODES: &[&str] = &["exact", "prefix", "domain", "subdomains"];

/// Protocols of a target, as the API spells them.
pub(crate) const PROTOCOLS: &[&str] = &["both", "http", "https"];

const NAME: Kind = Kind::Pattern("^[a-z0-9][a-z0-9._-]*$");

pub(crate) static TARGET: Table = Table {
    path: "target",
    definition: "target",
    heading: "[[target]]",
    doc: "A site that is looked up, or a file with many.",
    rule: Rule::OneOf(&["url", "file"]),
    keys: &[
        Key {
            path: "target.name",
            kind: NAME,
            default: DefaultValue::Unset,
            since: "0.1.0",
            doc: "Unique name; by default from the url.",
            example: "name = \"acme\"",
        },
        Key {
            path: "target.url",
            kind: Kind::Text,
            default: DefaultValue::Unset,
            since: "0.1.0",
            doc: "Domain or URL.",
            example: "url = \"example.com\"",
        },
        Key {
            path: "target.mode",
            kind: Kind::Choice(MODES),
            default: DefaultValue::Value("\"subdomains\""),
            since: "0.1.0",
            doc: "How much of the site is meant: one URL, a path and all below it, the domain, or the domain with its subdomains.",
            example: "mode = \"domain\"",
        },
        Key {
            path: "target.protocol",
            kind: Kind::Choice(PROTOCOLS),
            default: DefaultValue::Value("\"both\""),
            since: "0.1.0",
            doc: "Which protocol is meant.",
            example: "protocol = \"https\"",
        },
        Key {
            path: "target.labels",
            kind: Kind::TextByName,
            default: DefaultValue::Unset,
            since: "0.1.0",
            doc: "Labels for selections and views.",
            example: "labels = { client = \"Acme\", role = \"own\" }",
        },
        Key {
            path: "target.file",
            kind: Kind::Text,
            default: DefaultValue::Unset,
            since: "0.1.0",
            doc: "CSV file with the header name,url,mode; further columns are labels.",
            example: "file = \"sites.csv\"",
        },
    ],
};

pub(crate) static KEYWORD_LIST: Table = Table {
    path: "keyword_list",
    definition: "keyword_list",
    heading: "[[keyword_list]]",
    doc: "Keywords that are looked up, listed here or in a file.",
    rule: Rule::OneOf(&["keywords", "file"]),
    keys: &[
        Key {
            path: "keyword_list.name",
            kind: NAME,
            default: DefaultValue::Required,
            since: "0.1.0",
            doc: "Unique name.",
            example: "name = \"products\"",
        },
        Key {
            path: "keyword_list.keywords",
            kind: Kind::Texts,
            default: DefaultValue::Unset,
            since: "0.1.0",
            doc: "The keywords.",
            example: "keywords = [\"acme\", \"acme shoes\"]",
        },
        Key {
            path: "keyword_list.file",
            kind: Kind::Text,
            default: DefaultValue::Unset,
            since: "0.1.0",
            doc: "File with one keyword a line, or CSV with a column `keyword`.",
            example: "file = \"keywords.txt\"",
        },
    ],
};
