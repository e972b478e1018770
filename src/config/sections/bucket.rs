//! The keys of `[destination]` that only buckets have, and those that only folders have.

use toml::Spanned;
use toml::de::DeValue;

use super::bucket_url::{Scheme, bucket_url};
use super::urls::{is_loopback, plain_url};
use crate::config::document::{Document, Section, hide_keys, looks_like_a_key};
use crate::config::keys::{self, ENCRYPTIONS, WRITERS};
use crate::config::location::{BucketLocation, Encryption};
use crate::error::ErrorCode;

/// The keys that only buckets have, each with the protocols that have it.
const OPTIONS: [(&str, &[Scheme]); 6] = [
    ("region", &[Scheme::S3]),
    ("endpoint", &[Scheme::S3, Scheme::Gs, Scheme::Az]),
    ("path_style", &[Scheme::S3]),
    ("writers", &[Scheme::S3, Scheme::Gs, Scheme::Az]),
    ("encryption", &[Scheme::S3]),
    ("account", &[Scheme::Az]),
];

/// Refuses the keys that the destination's kind does not have. `None`: a folder.
pub(super) fn refuse_foreign_options(
    document: &mut Document<'_>,
    section: &Section<'_>,
    scheme: Option<Scheme>,
) {
    for (key, owners) in OPTIONS {
        let Some(node) = section.get(key) else {
            continue;
        };
        if scheme.is_some_and(|scheme| owners.contains(&scheme)) {
            continue;
        }
        let location = scheme.map_or("a folder", Scheme::prefix);
        let label = match owners {
            [owner] => format!("remove this: for {} only", owner.prefix()),
            _ => "remove this: for buckets only".to_owned(),
        };
        let message = format!("`{key}` does not apply to {location}");
        document.error_at(ErrorCode::Config, message, node.span(), label);
    }
}

/// Refuses what folders have and buckets do not have.
pub(super) fn refuse_folder_options(document: &mut Document<'_>, section: &Section<'_>) {
    if let Some(node) = section.get("replace")
        && node.get_ref().as_str() == Some("gap")
    {
        let message = "`replace = \"gap\"` does not apply to a bucket";
        let label = "remove this: an object is replaced at once";
        document.error_at(ErrorCode::Config, message, node.span(), label);
    }
    if let Some(node) = section.get("partition_by")
        && let DeValue::Array(keys) = node.get_ref()
        && let Some(further) = keys.get(1)
    {
        document.error_at_with_hint(
            ErrorCode::Config,
            "in a bucket `partition_by` has no key after `snapshot_date`",
            further.span(),
            "a partition is one object there, so that a night is replaced at once",
            "write partition_by = [\"snapshot_date\"]: engines find a target's rows by order and statistics",
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
    let url = bucket_url(document, text, scheme);
    refuse_foreign_options(document, section, Some(scheme));
    let endpoint = endpoint(document, section, scheme);
    let writers = document.choice(section, "writers", WRITERS);
    let mut location = BucketLocation {
        url: String::new(),
        region: None,
        endpoint,
        path_style: None,
        single_writer: writers == Some("single"),
        encryption: Encryption::Bucket,
        account: None,
    };
    match scheme {
        Scheme::S3 => {
            location.region = region(document, section);
            location.path_style = document.boolean(section, "path_style");
            location.encryption = encryption(document, section);
        }
        Scheme::Az => location.account = account(document, section),
        Scheme::Gs => {}
    }
    location.url = url?;
    Some(location)
}

fn region(document: &mut Document<'_>, section: &Section<'_>) -> Option<String> {
    let text = document.text(section, "region")?;
    let region = *text.get_ref();
    let is_word = region
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if is_word && !region.is_empty() && !looks_like_a_key(region) {
        return Some(region.to_owned());
    }
    let message = format!("invalid value `{}` for `region`", hide_keys(region));
    let label = "a name such as \"eu-central-1\"";
    document.error_at(ErrorCode::Config, message, text.span(), label);
    None
}

fn endpoint(document: &mut Document<'_>, section: &Section<'_>, scheme: Scheme) -> Option<String> {
    let text = document.text(section, "endpoint")?;
    let url = plain_url(document, "endpoint", &text)?;
    if url.query().is_some() || url.fragment().is_some() {
        document.mask(text.span());
        let message = "`endpoint` contains more than an address";
        document.error_at(ErrorCode::Url, message, text.span(), "remove `?` and `#`");
        return None;
    }
    let label = match url.scheme() {
        // A signature of S3 proves knowledge of the key without sending it; a bearer token is the key itself.
        "http" if scheme != Scheme::S3 && !is_loopback(&url) => {
            "use https, or http to 127.0.0.1: the token is sent with every request"
        }
        "http" | "https" => return Some(url.as_str().trim_end_matches('/').to_owned()),
        _ => "use an address that begins with https:// or http://",
    };
    let shown = hide_keys(text.get_ref());
    let message = format!("invalid value `{shown}` for `endpoint`");
    document.error_at(ErrorCode::Url, message, text.span(), label);
    None
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
            document.refuse_unknown_keys(&section, &keys::ENCRYPTION.names());
            let bucket_key = document.boolean(&section, "bucket_key");
            Encryption::Kms {
                key: kms_key(document, &section),
                bucket_key: bucket_key.unwrap_or(false),
            }
        }
        DeValue::String(_) => match document.choice(section, "encryption", ENCRYPTIONS) {
            Some("aes256") => Encryption::Aes256,
            Some("kms") => Encryption::Kms {
                key: None,
                bucket_key: false,
            },
            _ => Encryption::Bucket,
        },
        _ => {
            let wanted = "\"bucket\", \"aes256\", \"kms\" or a table";
            document.wrong_type("`encryption`", wanted, node);
            Encryption::Bucket
        }
    }
}

fn kms_key(document: &mut Document<'_>, section: &Section<'_>) -> Option<String> {
    let label = "write { kms = \"ID, ARN OR ALIAS\" }, or \"kms\" for the account's own key";
    let Some(node) = section.get("kms") else {
        let message = "missing `kms` in `encryption`";
        document.error_at(ErrorCode::Config, message, section.span.clone(), label);
        return None;
    };
    let text = document.as_text(node, "`kms`")?;
    let key = *text.get_ref();
    if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        let message = "invalid key name for `kms`";
        document.error_at(ErrorCode::Config, message, text.span(), label);
        return None;
    }
    Some(key.to_owned())
}

/// Azure's rule for names of accounts; anything else is not shown, since it may be an account's key.
fn account(document: &mut Document<'_>, section: &Section<'_>) -> Option<String> {
    let text = document.text(section, "account")?;
    let account = *text.get_ref();
    let is_word = account
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    if is_word && (3..=24).contains(&account.len()) {
        return Some(account.to_owned());
    }
    document.mask(text.span());
    let label =
        "use 3 to 24 lower-case letters and digits; its key goes into AZURE_STORAGE_ACCOUNT_KEY";
    let message = "invalid storage account name for `account`";
    document.error_at(ErrorCode::Config, message, text.span(), label);
    None
}
