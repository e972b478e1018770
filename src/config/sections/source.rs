//! `[source]` and `[source.limits]`: the API and the connection to it.

use std::net::IpAddr;

use url::Url;

use super::api_key::key_sources;
use super::urls::{is_loopback, plain_url};
use crate::config::document::{Document, Section, hide_keys};
use crate::config::environment::{AHREFS_API_KEY, Environment};
use crate::config::keys::{self, MAX_REQUESTS_PER_MINUTE};
use crate::config::resolved::Source;
use crate::error::{Error, ErrorCode};

/// The API itself.
const DEFAULT_BASE_URL: &str = "https://api.ahrefs.com/v3";

/// What the API allows each key.
const DEFAULT_REQUESTS_PER_MINUTE: u32 = 60;

pub(crate) fn source(
    document: &mut Document<'_>,
    root: &Section<'_>,
    environment: &Environment,
) -> Option<Source> {
    if root.get("source").is_none() {
        let hint = format!(
            "add to the file: [source] and below it api_key = {{ env = \"{AHREFS_API_KEY}\" }}"
        );
        let error = Error::new(ErrorCode::KeySource, "missing `[source] api_key`");
        document.push_error(error.with_hint(hint));
        return None;
    }
    let section = document.table(root, "source", "[source]")?;
    if let Some(node) = section.get("api_key") {
        document.mask(node.span());
    }
    document.refuse_unknown_keys(&section, &keys::SOURCE.names());
    let keys = key_sources(document, &section, environment);
    let base_url = base_url(document, &section);
    let requests_per_minute = requests_per_minute(document, &section);
    let proxy = proxy(document, &section);
    let local_address = local_address(document, &section);
    Some(Source {
        base_url: base_url?,
        keys: keys?,
        requests_per_minute,
        proxy,
        local_address,
    })
}

fn base_url(document: &mut Document<'_>, section: &Section<'_>) -> Option<Url> {
    if section.get("base_url").is_none() {
        return Url::parse(DEFAULT_BASE_URL).ok();
    }
    let text = document.text(section, "base_url")?;
    let mut url = plain_url(document, "base_url", &text)?;
    let is_safe = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url));
    let label = if url.query().is_some() || url.fragment().is_some() {
        "remove `?` and `#`"
    } else if !is_safe {
        "use https, or http to 127.0.0.1: the key is sent with every request"
    } else {
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        return Some(url);
    };
    let shown = hide_keys(text.get_ref());
    let message = format!("invalid value `{shown}` for `base_url`");
    document.error_at(ErrorCode::Url, message, text.span(), label);
    None
}

fn proxy(document: &mut Document<'_>, section: &Section<'_>) -> Option<Url> {
    let text = document.text(section, "proxy")?;
    let url = plain_url(document, "proxy", &text)?;
    if ["http", "https", "socks5", "socks5h"].contains(&url.scheme()) {
        return Some(url);
    }
    let message = format!("invalid scheme `{}` of `proxy`", url.scheme());
    let label = "one of: http, https, socks5, socks5h";
    document.error_at(ErrorCode::Url, message, text.span(), label);
    None
}

fn local_address(document: &mut Document<'_>, section: &Section<'_>) -> Option<IpAddr> {
    let text = document.text(section, "local_address")?;
    if let Ok(address) = text.get_ref().parse() {
        return Some(address);
    }
    let shown = hide_keys(text.get_ref());
    let message = format!("invalid value `{shown}` for `local_address`");
    let label = "use an IP address of this machine";
    document.error_at(ErrorCode::Url, message, text.span(), label);
    None
}

fn requests_per_minute(document: &mut Document<'_>, section: &Section<'_>) -> u32 {
    let Some(limits) = document.table(section, "limits", "[source.limits]") else {
        return DEFAULT_REQUESTS_PER_MINUTE;
    };
    document.refuse_unknown_keys(&limits, &keys::LIMITS.names());
    let Some(count) = document.count(&limits, "requests_per_minute") else {
        return DEFAULT_REQUESTS_PER_MINUTE;
    };
    if let Ok(number @ ..=MAX_REQUESTS_PER_MINUTE) = u32::try_from(*count.get_ref()) {
        return number;
    }
    let message = format!(
        "invalid value `{}` for `requests_per_minute`",
        count.get_ref()
    );
    let label = format!("at most {MAX_REQUESTS_PER_MINUTE}");
    document.error_at(ErrorCode::Config, message, count.span(), label);
    DEFAULT_REQUESTS_PER_MINUTE
}
