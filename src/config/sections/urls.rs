//! URLs of the file that may not hold credentials.

use toml::Spanned;
use url::{Host, Url};

use crate::config::document::Document;
use crate::error::ErrorCode;

/// A URL with a host and without credentials.
pub(super) fn plain_url(
    document: &mut Document<'_>,
    key: &str,
    text: &Spanned<&str>,
) -> Option<Url> {
    // Also where it is not a valid URL: a password may be before the @.
    if text.get_ref().contains('@') {
        document.mask(text.span());
    }
    let (message, label) = match Url::parse(text.get_ref()) {
        Ok(url) if !url.username().is_empty() || url.password().is_some() => (
            format!("`{key}` contains credentials"),
            "remove what is before the @".to_owned(),
        ),
        Ok(url) if url.has_host() => return Some(url),
        Ok(_) => (
            format!("missing host in `{key}`"),
            "write scheme://host, then a path".to_owned(),
        ),
        Err(error) => (format!("invalid URL in `{key}`"), error.to_string()),
    };
    document.error_at(ErrorCode::Url, message, text.span(), label);
    None
}

/// Whether a URL leads to this machine itself.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}
