//! `[destination]` in a bucket: its URL and the keys that only buckets have. Checks what can be checked without opening
//! it; what is accepted here, the store opens.

use toml::Spanned;
use toml::de::DeValue;

use super::source::{is_loopback, url};
use crate::config::document::{Document, Section};
use crate::config::document::{hide_keys, looks_like_a_key};
use crate::config::keys;
use crate::config::location::{BucketLocation, Encryption};
use crate::error::ErrorCode;

/// A protocol of object stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    S3,
    Gs,
    Az,
}

/// The keys that only buckets have, each with those that have it.
const OPTIONS: [(&str, &[Scheme]); 6] = [
    ("region", &[Scheme::S3]),
    ("endpoint", &[Scheme::S3, Scheme::Gs, Scheme::Az]),
    ("path_style", &[Scheme::S3]),
    ("writers", &[Scheme::S3, Scheme::Gs, Scheme::Az]),
    ("encryption", &[Scheme::S3]),
    ("account", &[Scheme::Az]),
];

/// Parts of names under which a credential is given elsewhere.
const CREDENTIALS: [&str; 7] = [
    "access_key",
    "account_key",
    "secret",
    "token",
    "password",
    "credential",
    "service_account",
];

impl Scheme {
    /// The protocol that a URL means, also in another spelling, and without slashes: nobody means a folder by it.
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

    fn start(self) -> &'static str {
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

/// Whether a credential is given under this name elsewhere.
pub(super) fn is_credential(key: &str) -> bool {
    let key = key.to_ascii_lowercase().replace('-', "_");
    key == "sas" || key.starts_with("sas_") || CREDENTIALS.iter().any(|part| key.contains(part))
}

/// Refuses credentials, whose text is never shown. To be called before anything of the section is.
pub(super) fn refuse_credentials(document: &mut Document<'_>, section: &Section<'_>) {
    let credentials: Vec<_> = section
        .table
        .iter()
        .filter(|(key, _)| is_credential(key.get_ref()))
        .collect();
    for (_, node) in &credentials {
        document.mask(node.span());
    }
    for (key, node) in credentials {
        document.fault_next(
            ErrorCode::KeySource,
            format!(
                "[destination] holds no credentials, and `{}` is one",
                hide_keys(key.get_ref())
            ),
            node.span(),
            "the text is hidden here; take it out and renew it",
            "export the provider's own variables (AWS_…, GOOGLE_…, AZURE_…), or run under a role"
                .to_owned(),
        );
    }
}

/// Refuses the keys that the destination's kind does not have. `None`: a folder.
pub(super) fn refuse_foreign_options(
    document: &mut Document<'_>,
    section: &Section<'_>,
    scheme: Option<Scheme>,
) {
    for (key, owners) in OPTIONS {
        let Some(node) = section
            .get(key)
            .filter(|_| !scheme.is_some_and(|scheme| owners.contains(&scheme)))
        else {
            continue;
        };
        let place = scheme.map_or("a folder", Scheme::start);
        let owner = if let [owner] = owners {
            owner.start()
        } else {
            "a bucket"
        };
        let message = format!("`{key}` does not apply to {place}");
        document.fault(
            ErrorCode::Config,
            message,
            node.span(),
            format!("only {owner} has it; take it out"),
        );
    }
}

/// Refuses what folders have and buckets have not.
pub(super) fn refuse_folder_options(document: &mut Document<'_>, section: &Section<'_>) {
    if let Some(node) = section.get("replace")
        && matches!(node.get_ref(), DeValue::String(word) if word == "gap")
    {
        let message = "a bucket needs no `replace = \"gap\"`";
        document.fault(
            ErrorCode::Config,
            message,
            node.span(),
            "an object is replaced at once there; take this out",
        );
    }
    if let Some(node) = section.get("partition_by")
        && let DeValue::Array(keys) = node.get_ref()
        && let Some(further) = keys.get(1)
    {
        document.fault_next(
            ErrorCode::Config,
            "in a bucket `partition_by` has no key behind `snapshot_date`".to_owned(),
            further.span(),
            "a partition is one object there, so that a night is replaced at once",
            "write partition_by = [\"snapshot_date\"]: engines find a target's rows by order and statistics".to_owned(),
        );
    }
}

/// The bucket that the section names.
pub(super) fn bucket(
    document: &mut Document<'_>,
    section: &Section<'_>,
    text: &Spanned<&str>,
    scheme: Scheme,
) -> Option<BucketLocation> {
    let url = place(document, text, scheme);
    refuse_foreign_options(document, section, Some(scheme));
    let is_s3 = scheme == Scheme::S3;
    let endpoint = endpoint(document, section, scheme);
    let writers = document.choice(section, "writers", &["shared", "single"]);
    let region = if is_s3 {
        region(document, section)
    } else {
        None
    };
    let path_style = if is_s3 {
        document
            .boolean(section, "path_style")
            .map(Spanned::into_inner)
    } else {
        None
    };
    let encryption = if is_s3 {
        encryption(document, section)
    } else {
        Encryption::Bucket
    };
    let account = if scheme == Scheme::Az {
        account(document, section)
    } else {
        None
    };
    let single_writer = writers == Some("single");
    Some(BucketLocation {
        url: url?,
        region,
        endpoint,
        path_style,
        single_writer,
        encryption,
        account,
    })
}

/// What is wrong with a URL.
#[derive(Debug, PartialEq, Eq)]
enum Wrong {
    /// It can be shown, with this behind the underline.
    Shown(String),
    /// It may hold a secret, and is never shown.
    Hidden(&'static str),
}

fn place(document: &mut Document<'_>, text: &Spanned<&str>, scheme: Scheme) -> Option<String> {
    let written = text.get_ref().trim();
    match read(written, scheme) {
        Ok(()) => Some(written.strip_suffix('/').unwrap_or(written).to_owned()),
        Err(Wrong::Shown(label)) => {
            document.fault(
                ErrorCode::Url,
                format!("`url` cannot be `{}`", hide_keys(written)),
                text.span(),
                label,
            );
            None
        }
        Err(Wrong::Hidden(label)) => {
            document.mask(text.span());
            document.fault(
                ErrorCode::Url,
                "`url` holds more than a bucket and a prefix",
                text.span(),
                label,
            );
            None
        }
    }
}

/// Checks a trimmed URL that means this protocol.
fn read(written: &str, scheme: Scheme) -> Result<(), Wrong> {
    let (word, rest) = written.split_once(':').unwrap_or_default();
    let rest = rest.trim_start_matches('/');
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    // `abfss://container@account…` is how others write it, and no secret.
    let is_account = word.starts_with("abfs") || word.starts_with("wasb");
    if rest.contains('@') && (!is_account || rest.contains(':')) {
        return Err(Wrong::Hidden(
            "take out what stands before the @: credentials come from the environment",
        ));
    }
    if rest.contains(['?', '#']) {
        return Err(Wrong::Hidden(
            "take out what begins with ? or #: credentials come from the environment",
        ));
    }
    if let Some((_, port)) = bucket.split_once(':') {
        let is_port = port.bytes().all(|byte| byte.is_ascii_digit());
        let label = "a bucket has no port; the address of a service goes into `endpoint`";
        return Err(if is_port {
            Wrong::Shown(label.to_owned())
        } else {
            Wrong::Hidden(label)
        });
    }
    let shown = |label: &str| Err(Wrong::Shown(label.to_owned()));
    if !written.starts_with(scheme.start()) {
        let account = if scheme == Scheme::Az {
            ", and the storage account as `account`"
        } else {
            ""
        };
        return shown(&format!("write {}{account}", scheme.form()));
    }
    if bucket.is_empty()
        || written
            .strip_prefix(scheme.start())
            .is_some_and(|rest| rest.starts_with('/'))
    {
        return shown(&format!("it names no bucket; write {}", scheme.form()));
    }
    let is_name = bucket.starts_with(|first: char| first.is_ascii_alphanumeric())
        && bucket
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    if !is_name {
        return shown("the name of a bucket has letters, digits, `.`, `_` and `-`");
    }
    let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
    if prefix.is_empty() {
        return if rest.ends_with("//") {
            shown("a prefix has no empty part")
        } else {
            Ok(())
        };
    }
    for part in prefix.split('/') {
        match part {
            "" => return shown("a prefix has no empty part"),
            "." | ".." => return shown("a prefix has no part `.` or `..`"),
            // Others would be encoded on the way, or mean something to an engine that reads there.
            _ if !part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.=+,!()".contains(&byte)) =>
            {
                return shown("a prefix has letters, digits and `- _ . = + , ! ( )`, divided by /");
            }
            _ => {}
        }
    }
    Ok(())
}

fn region(document: &mut Document<'_>, section: &Section<'_>) -> Option<String> {
    let text = document.text(section, "region")?;
    let region = *text.get_ref();
    let is_name = region
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if region.is_empty() || !is_name || looks_like_a_key(region) {
        let message = format!("`region` cannot be `{}`", hide_keys(region));
        document.fault(
            ErrorCode::Config,
            message,
            text.span(),
            "a name such as \"eu-central-1\"",
        );
        return None;
    }
    Some(region.to_owned())
}

fn endpoint(document: &mut Document<'_>, section: &Section<'_>, scheme: Scheme) -> Option<String> {
    let text = document.text(section, "endpoint")?;
    let url = url(document, "endpoint", &text)?;
    let shown = format!("`endpoint` cannot be `{}`", hide_keys(text.get_ref()));
    if url.query().is_some() || url.fragment().is_some() {
        document.mask(text.span());
        document.fault(
            ErrorCode::Url,
            "`endpoint` holds more than an address",
            text.span(),
            "without `?` and `#`",
        );
        return None;
    }
    match url.scheme() {
        // A signature of S3 proves knowledge of the key and gives nothing away; a bearer token is the key itself.
        "http" if scheme != Scheme::S3 && !is_loopback(&url) => {
            let label = "https, or http to 127.0.0.1 only: the token travels with every request";
            document.fault(ErrorCode::Url, shown, text.span(), label);
            None
        }
        "http" | "https" => Some(url.as_str().trim_end_matches('/').to_owned()),
        _ => {
            document.fault(
                ErrorCode::Url,
                shown,
                text.span(),
                "an address that begins with https:// or http://",
            );
            None
        }
    }
}

fn encryption(document: &mut Document<'_>, section: &Section<'_>) -> Encryption {
    let Some(node) = section.get("encryption") else {
        return Encryption::Bucket;
    };
    match node.get_ref() {
        DeValue::Table(table) => {
            let section = Section {
                name: "`encryption`".to_owned(),
                table,
                span: node.span(),
            };
            document.refuse_unknown_keys(&section, keys::ENCRYPTION);
            let bucket_key = document
                .boolean(&section, "bucket_key")
                .is_some_and(Spanned::into_inner);
            Encryption::Kms {
                key: kms_key(document, &section),
                bucket_key,
            }
        }
        DeValue::String(_) => {
            match document.choice(section, "encryption", &["bucket", "aes256", "kms"]) {
                Some("aes256") => Encryption::Aes256,
                Some("kms") => Encryption::Kms {
                    key: None,
                    bucket_key: false,
                },
                _ => Encryption::Bucket,
            }
        }
        other => {
            document.wrong_type(
                "`encryption`",
                "\"bucket\", \"aes256\", \"kms\" or a table",
                other,
                node.span(),
            );
            Encryption::Bucket
        }
    }
}

fn kms_key(document: &mut Document<'_>, section: &Section<'_>) -> Option<String> {
    let label = "write { kms = \"ID, ARN OR ALIAS\" }, or \"kms\" for the account's own key";
    let Some(node) = section.get("kms") else {
        document.fault(
            ErrorCode::Config,
            "`encryption` as a table needs `kms`",
            section.span.clone(),
            label,
        );
        return None;
    };
    let text = document.as_text(node, "`kms`")?;
    if text.get_ref().is_empty() || !text.get_ref().bytes().all(|byte| byte.is_ascii_graphic()) {
        document.fault(
            ErrorCode::Config,
            "`kms` is no key's name",
            text.span(),
            label,
        );
        return None;
    }
    Some((*text.get_ref()).to_owned())
}

/// Azure's rule for names of accounts; nothing else is shown, since an account's key may stand here.
fn account(document: &mut Document<'_>, section: &Section<'_>) -> Option<String> {
    let text = document.text(section, "account")?;
    let account = *text.get_ref();
    let is_name = account
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    if !(3..=24).contains(&account.len()) || !is_name {
        document.mask(text.span());
        let label =
            "3 to 24 lower-case letters and digits; its key goes into AZURE_STORAGE_ACCOUNT_KEY";
        document.fault(
            ErrorCode::Config,
            "`account` is no name of a storage account",
            text.span(),
            label,
        );
        return None;
    }
    Some(account.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_any(written: &str) -> Result<(), Wrong> {
        read(written, Scheme::of(written).expect("a bucket"))
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
            assert_eq!(read_any(url), Ok(()), "{url}");
        }
    }

    #[test]
    fn what_the_store_would_refuse_or_change_is_refused() {
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
            assert!(matches!(read_any(url), Err(Wrong::Shown(_))), "{url}");
        }
    }

    #[test]
    fn what_may_hold_a_secret_is_not_shown() {
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
            assert!(matches!(read_any(url), Err(Wrong::Hidden(_))), "{url}");
        }
    }

    #[test]
    fn names_of_credentials_are_told_from_names_of_options() {
        for key in [
            "access_key_id",
            "AWS_SECRET_ACCESS_KEY",
            "session_token",
            "sas",
            "sas_token",
            "account-key",
        ] {
            assert!(is_credential(key), "{key}");
        }
        assert!(!keys::DESTINATION.iter().any(|key| is_credential(key)));
    }
}
