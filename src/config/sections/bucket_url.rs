//! URLs of buckets. Checks what can be checked without opening a bucket; the store opens every URL accepted here.

use toml::Spanned;
use toml::de::DeValue;

use crate::config::document::{Document, Section, hide_keys};
use crate::error::ErrorCode;

/// A protocol of object stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    S3,
    Gs,
    Az,
}

impl Scheme {
    /// The protocol that a URL means, also in another spelling, and without slashes: a folder of that name is unlikely.
    pub fn of(written: &str) -> Option<Self> {
        match written.trim().split_once(':')?.0 {
            "s3" | "s3a" | "s3n" => Some(Self::S3),
            "gs" | "gcs" => Some(Self::Gs),
            "az" | "azure" | "abfs" | "abfss" | "wasb" | "wasbs" => Some(Self::Az),
            _ => None,
        }
    }

    /// The protocol of the destination, if it is a bucket.
    pub fn of_destination(section: &Section<'_>) -> Option<Self> {
        match section.get("url")?.get_ref() {
            DeValue::String(written) => Self::of(written),
            _ => None,
        }
    }

    /// What its URLs begin with.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::S3 => "s3://",
            Self::Gs => "gs://",
            Self::Az => "az://",
        }
    }

    fn form(self) -> &'static str {
        match self {
            Self::S3 => "s3://bucket/prefix",
            Self::Gs => "gs://bucket/prefix",
            Self::Az => "az://container/prefix",
        }
    }
}

/// What is wrong with a URL.
#[derive(Debug, PartialEq, Eq)]
enum UrlError {
    /// The URL can be shown, with this label.
    Shown(String),
    /// The URL may hold a secret and is never shown.
    Hidden(&'static str),
}

impl UrlError {
    fn shown<T>(label: &str) -> Result<T, Self> {
        Err(Self::Shown(label.to_owned()))
    }
}

/// The URL of a bucket, without a slash at its end.
pub(super) fn bucket_url(
    document: &mut Document<'_>,
    text: &Spanned<&str>,
    scheme: Scheme,
) -> Option<String> {
    let written = text.get_ref().trim();
    match check_url(written, scheme) {
        Ok(()) => return Some(written.strip_suffix('/').unwrap_or(written).to_owned()),
        Err(UrlError::Shown(label)) => {
            let message = format!("invalid value `{}` for `url`", hide_keys(written));
            document.error_at(ErrorCode::Url, message, text.span(), label);
        }
        Err(UrlError::Hidden(label)) => {
            document.mask(text.span());
            let message = "`url` contains more than a bucket and a prefix";
            document.error_at(ErrorCode::Url, message, text.span(), label);
        }
    }
    None
}

/// Checks a trimmed URL of this protocol.
fn check_url(written: &str, scheme: Scheme) -> Result<(), UrlError> {
    let (word, rest) = written.split_once(':').unwrap_or_default();
    let rest = rest.trim_start_matches('/');
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    check_secrets(word, rest, bucket)?;
    if !written.starts_with(scheme.prefix()) {
        let account = if scheme == Scheme::Az {
            ", and the storage account as `account`"
        } else {
            ""
        };
        return UrlError::shown(&format!("write {}{account}", scheme.form()));
    }
    let has_empty_bucket = written
        .strip_prefix(scheme.prefix())
        .is_none_or(|rest| rest.is_empty() || rest.starts_with('/'));
    if has_empty_bucket {
        return UrlError::shown(&format!("missing bucket: write {}", scheme.form()));
    }
    if !is_bucket_name(bucket) {
        return UrlError::shown("use letters, digits, `.`, `_` and `-` in the name of a bucket");
    }
    if prefix.is_empty() {
        return Ok(());
    }
    for part in prefix.strip_suffix('/').unwrap_or(prefix).split('/') {
        check_prefix_part(part)?;
    }
    Ok(())
}

/// Refuses what may be a secret: what others write before an `@`, in a query, or as a port.
fn check_secrets(word: &str, rest: &str, bucket: &str) -> Result<(), UrlError> {
    // `abfss://container@account…` is how others write it: the account is not a secret.
    let is_account = word.starts_with("abfs") || word.starts_with("wasb");
    if rest.contains('@') && (!is_account || rest.contains(':')) {
        return Err(UrlError::Hidden(
            "remove what is before the @: credentials come from the environment",
        ));
    }
    if rest.contains(['?', '#']) {
        return Err(UrlError::Hidden(
            "remove what begins with ? or #: credentials come from the environment",
        ));
    }
    if let Some((_, port)) = bucket.split_once(':') {
        let label = "a bucket has no port: set the address of a service as `endpoint`";
        return if port.bytes().all(|byte| byte.is_ascii_digit()) {
            UrlError::shown(label)
        } else {
            Err(UrlError::Hidden(label))
        };
    }
    Ok(())
}

fn is_bucket_name(bucket: &str) -> bool {
    let is_word = bucket
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    is_word && bucket.starts_with(|first: char| first.is_ascii_alphanumeric())
}

fn check_prefix_part(part: &str) -> Result<(), UrlError> {
    // Others would be encoded on the way, or mean something to an engine that reads there.
    let is_plain = part
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-_.=+,!()".contains(&byte));
    match part {
        "" => UrlError::shown("remove the empty part of the prefix"),
        "." | ".." => UrlError::shown("remove the part `.` or `..` of the prefix"),
        _ if is_plain => Ok(()),
        _ => UrlError::shown("use letters, digits, `- _ . = + , ! ( )` and / in a prefix"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_any(written: &str) -> Result<(), UrlError> {
        check_url(written, Scheme::of(written).expect("a bucket"))
    }

    #[test]
    fn a_bucket_and_a_plain_prefix_are_accepted() {
        for url in [
            "s3://acme",
            "s3://acme/",
            "gs://acme_seo.x/a",
            "az://lake/a/b=c/d+e,f/",
            "s3://a/x(1)!/..a/b.",
        ] {
            assert_eq!(check_any(url), Ok(()), "{url}");
        }
    }

    #[test]
    fn urls_that_the_store_would_refuse_or_change_are_refused() {
        for url in [
            "s3:",
            "s3:/",
            "s3://",
            "s3:///a",
            "s3:acme",
            "s3:/acme/a",
            "s3:////acme",
            "s3://acme//",
            "s3://acme//a",
            "s3://acme/a//",
            "s3://acme/a//b",
            "s3://acme/./b",
            "s3://acme/a/..",
            "s3://acme/a b",
            "s3://acme/a%20b",
            "s3://acme/ä",
            "s3://acme/a\u{7}",
            "s3://acme/a\\b",
            "s3://acme/*",
            "s3://acme:9000/a",
            "s3://-acme/a",
            "s3://ac me/a",
            "s3a://acme/a",
            "gcs://acme/a",
            "azure://lake/a",
            "abfss://lake@acme.dfs.core.windows.net/a",
        ] {
            assert!(matches!(check_any(url), Err(UrlError::Shown(_))), "{url}");
        }
    }

    #[test]
    fn urls_that_may_hold_a_secret_are_not_shown() {
        for url in [
            "s3://user:hush@acme/a",
            "s3://hush@acme",
            "s3://user:hu/sh@acme",
            "s3://user:hush",
            "s3a://user:hush@acme",
            "s3:user:hush@acme",
            "abfss://user:hush@acme",
            "az://lake/a?sig=hush",
            "s3://acme/a#hush",
        ] {
            assert!(matches!(check_any(url), Err(UrlError::Hidden(_))), "{url}");
        }
    }
}
