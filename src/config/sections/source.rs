//! `[source]`, `[source.limits]` and `[run]`.

use std::net::IpAddr;
use std::time::Duration;

use toml::Spanned;
use toml::de::DeValue;
use url::{Host, Url};

use crate::config::document::{Document, Node, Section};
use crate::config::document::{hide_keys, looks_like_a_key};
use crate::config::environment::{AHREFS_API_KEY, Environment};
use crate::config::key_sources::{KeySource, KeySources};
use crate::config::keys;
use crate::config::resolved::{RunSettings, Source};
use crate::config::values;
use crate::error::{Error, ErrorCode};

/// The API itself.
const DEFAULT_BASE_URL: &str = "https://api.ahrefs.com/v3";

/// What the API allows each key.
const DEFAULT_REQUESTS_PER_MINUTE: u32 = 60;

/// Far above what the API allows, for the sandbox and gateways: one request a millisecond.
const MAX_REQUESTS_PER_MINUTE: u32 = 60_000;

/// A night that is older is not worth its units.
const DEFAULT_RESUME_WITHIN: Duration = Duration::from_hours(3 * 24);

/// A bound on churn: no list of the API takes as many pages.
const DEFAULT_MAX_REQUESTS: u64 = 100_000;

pub(in crate::config) fn source(
    document: &mut Document<'_>,
    root: &Section<'_>,
    environment: &Environment,
) -> Option<Source> {
    let Some(section) = document.table(root, "source", "[source]") else {
        if root.get("source").is_none() {
            document.push(no_key_source());
        }
        return None;
    };
    if let Some(node) = section.get("api_key") {
        document.mask(node.span());
    }
    document.refuse_unknown_keys(&section, keys::SOURCE);
    let keys = keys(document, &section, environment);
    let base_url = base_url(document, &section);
    Some(Source {
        base_url: base_url?,
        keys: keys?,
        requests_per_minute: requests_per_minute(document, &section),
        proxy: proxy(document, &section),
        local_address: local_address(document, &section),
    })
}

fn no_key_source() -> Error {
    Error::new(
        ErrorCode::KeySource,
        "the configuration says nothing of where the API key comes from",
    )
    .with_hint(format!(
        "add to the file: [source] and below it api_key = {{ env = \"{AHREFS_API_KEY}\" }}"
    ))
}

fn keys(
    document: &mut Document<'_>,
    section: &Section<'_>,
    environment: &Environment,
) -> Option<KeySources> {
    let Some(node) = section.get("api_key") else {
        let next = format!("add below it: api_key = {{ env = \"{AHREFS_API_KEY}\" }}");
        let message = "[source] has no `api_key`".to_owned();
        document.fault_next(
            ErrorCode::KeySource,
            message,
            section.span.clone(),
            "the key's source is missing",
            next,
        );
        return None;
    };
    let nodes = match node.get_ref() {
        DeValue::Array(nodes) if nodes.is_empty() => {
            document.fault(
                ErrorCode::KeySource,
                "`api_key` names no source",
                node.span(),
                "an empty list",
            );
            return None;
        }
        DeValue::Array(nodes) => nodes.iter().collect(),
        _ => vec![node],
    };
    let sources: Vec<_> = nodes
        .iter()
        .filter_map(|node| key_source(document, node, environment))
        .collect();
    (sources.len() == nodes.len()).then(|| KeySources::new(sources))
}

fn key_source(
    document: &mut Document<'_>,
    node: &Node<'_>,
    environment: &Environment,
) -> Option<KeySource> {
    let DeValue::Table(table) = node.get_ref() else {
        refuse_key(document, node);
        return None;
    };
    let section = Section {
        name: "`api_key`".to_owned(),
        table,
        span: node.span(),
    };
    document.refuse_unknown_keys(&section, keys::KEY_SOURCE);
    let mut entries = table.iter();
    match (
        entries
            .next()
            .map(|(name, value)| (name.get_ref().as_ref(), value)),
        entries.next(),
    ) {
        (Some(("env", value)), None) => variable(document, value, environment),
        (Some(("file", value)), None) => {
            let path = document.as_text(value, "`file`")?;
            if looks_like_a_key(path.get_ref()) {
                refuse_key(document, value);
                return None;
            }
            Some(KeySource::File(document.folder.join(path.get_ref())))
        }
        (Some(("command", _)), None) => {
            let words = document.texts(&section, "command")?;
            Some(KeySource::Command(
                words
                    .into_iter()
                    .map(|word| word.into_inner().to_owned())
                    .collect(),
            ))
        }
        (Some((name, _)), None) if !keys::KEY_SOURCE.contains(&name) => None,
        _ => {
            let label = "one of { env = … }, { file = … }, { command = [ … ] }, or a list of these";
            document.fault(
                ErrorCode::KeySource,
                "a key source names exactly one place",
                node.span(),
                label,
            );
            None
        }
    }
}

fn variable(
    document: &mut Document<'_>,
    value: &Node<'_>,
    environment: &Environment,
) -> Option<KeySource> {
    let name = document.as_text(value, "`env`")?;
    let is_start = |character: char| character.is_ascii_alphabetic() || character == '_';
    let is_name = name.get_ref().starts_with(is_start)
        && name
            .get_ref()
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || character == '_');
    if !is_name || looks_like_a_key(name.get_ref()) {
        refuse_key(document, value);
        return None;
    }
    Some(KeySource::variable(name.get_ref(), environment))
}

fn refuse_key(document: &mut Document<'_>, node: &Node<'_>) {
    document.mask(node.span());
    document.fault_next(
        ErrorCode::KeySource,
        "`api_key` must name where the key is, never hold it".to_owned(),
        node.span(),
        "the text is hidden here; if it was a key, take it out and renew it",
        format!("write api_key = {{ env = \"{AHREFS_API_KEY}\" }} and export the variable"),
    );
}

fn base_url(document: &mut Document<'_>, section: &Section<'_>) -> Option<Url> {
    if section.get("base_url").is_none() {
        return Url::parse(DEFAULT_BASE_URL).ok();
    }
    let text = document.text(section, "base_url")?;
    let url = url(document, "base_url", &text)?;
    let fault = if url.query().is_some() || url.fragment().is_some() {
        Some("without `?` and `#`")
    } else if url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url)) {
        None
    } else {
        Some("https, or http to 127.0.0.1 only: the key travels with every request")
    };
    if let Some(label) = fault {
        let message = format!("`base_url` cannot be `{}`", hide_keys(text.get_ref()));
        document.fault(ErrorCode::Url, message, text.span(), label);
        return None;
    }
    let mut url = url;
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Some(url)
}

/// Whether a URL leads to this machine itself.
pub(in crate::config) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// A URL with a host and without credentials.
pub(in crate::config) fn url(
    document: &mut Document<'_>,
    key: &str,
    text: &Spanned<&str>,
) -> Option<Url> {
    // Also where it is no URL after all: a password may stand before the @.
    if text.get_ref().contains('@') {
        document.mask(text.span());
    }
    match Url::parse(text.get_ref()) {
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            let label = "take out what stands before the @";
            document.fault(
                ErrorCode::Url,
                format!("`{key}` holds credentials"),
                text.span(),
                label,
            );
            None
        }
        Ok(url) if url.has_host() => Some(url),
        Ok(_) => {
            document.fault(
                ErrorCode::Url,
                format!("`{key}` names no host"),
                text.span(),
                "scheme://host, then a path",
            );
            None
        }
        Err(error) => {
            document.fault(
                ErrorCode::Url,
                format!("`{key}` is no URL"),
                text.span(),
                error.to_string(),
            );
            None
        }
    }
}

fn proxy(document: &mut Document<'_>, section: &Section<'_>) -> Option<Url> {
    let text = document.text(section, "proxy")?;
    let url = url(document, "proxy", &text)?;
    if ["http", "https", "socks5", "socks5h"].contains(&url.scheme()) {
        return Some(url);
    }
    let message = format!("`proxy` cannot have the scheme `{}`", url.scheme());
    document.fault(
        ErrorCode::Url,
        message,
        text.span(),
        "one of: http, https, socks5, socks5h",
    );
    None
}

fn local_address(document: &mut Document<'_>, section: &Section<'_>) -> Option<IpAddr> {
    let text = document.text(section, "local_address")?;
    let address = text.get_ref().parse().ok();
    if address.is_none() {
        let message = format!("`local_address` cannot be `{}`", hide_keys(text.get_ref()));
        document.fault(
            ErrorCode::Url,
            message,
            text.span(),
            "an IP address of this machine",
        );
    }
    address
}

fn requests_per_minute(document: &mut Document<'_>, section: &Section<'_>) -> u32 {
    let count = document
        .table(section, "limits", "[source.limits]")
        .and_then(|limits| {
            document.refuse_unknown_keys(&limits, keys::LIMITS);
            document.count(&limits, "requests_per_minute")
        });
    let Some(count) = count else {
        return DEFAULT_REQUESTS_PER_MINUTE;
    };
    match u32::try_from(*count.get_ref()) {
        Ok(number) if number <= MAX_REQUESTS_PER_MINUTE => number,
        _ => {
            let message = format!("`requests_per_minute` is {}", count.get_ref());
            document.fault(
                ErrorCode::Config,
                message,
                count.span(),
                format!("at most {MAX_REQUESTS_PER_MINUTE}"),
            );
            DEFAULT_REQUESTS_PER_MINUTE
        }
    }
}

pub(in crate::config) fn run(document: &mut Document<'_>, root: &Section<'_>) -> RunSettings {
    let defaults = RunSettings {
        resume_within: DEFAULT_RESUME_WITHIN,
        max_requests: DEFAULT_MAX_REQUESTS,
        new_base: false,
    };
    let Some(section) = document.table(root, "run", "[run]") else {
        return defaults;
    };
    document.refuse_unknown_keys(&section, keys::RUN);
    let resume_within = document.parsed(&section, "resume_within", values::duration);
    let max_requests = document
        .count(&section, "max_requests")
        .map(Spanned::into_inner);
    RunSettings {
        resume_within: resume_within.unwrap_or(defaults.resume_within),
        max_requests: max_requests.unwrap_or(defaults.max_requests),
        new_base: false,
    }
}
