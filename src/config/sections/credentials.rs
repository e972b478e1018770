//! Credentials of buckets never belong into the file.

use crate::config::document::{Document, Section, hide_keys};
use crate::error::ErrorCode;

/// Parts of the names that credentials have elsewhere.
const CREDENTIALS: [&str; 7] = [
    "access_key",
    "account_key",
    "secret",
    "token",
    "password",
    "credential",
    "service_account",
];

/// Whether other programs read a credential from a key of this name.
pub(super) fn is_credential(key: &str) -> bool {
    let key = key.to_ascii_lowercase().replace('-', "_");
    key == "sas" || key.starts_with("sas_") || CREDENTIALS.iter().any(|part| key.contains(part))
}

/// Refuses credentials, whose text is never shown. To be called before any other error of the section is added.
pub(super) fn refuse_credentials(document: &mut Document<'_>, section: &Section<'_>) {
    for (key, node) in section.table {
        if is_credential(key.get_ref()) {
            document.mask(node.span());
        }
    }
    for (key, node) in section.table {
        if !is_credential(key.get_ref()) {
            continue;
        }
        let shown = hide_keys(key.get_ref());
        document.error_at_with_hint(
            ErrorCode::KeySource,
            format!("credential `{shown}` in [destination]"),
            node.span(),
            "the text is hidden here: remove it from the file and renew it",
            "export the provider's own variables (AWS_…, GOOGLE_…, AZURE_…), or run under a role",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::keys;

    #[test]
    fn names_of_credentials_are_distinct_from_names_of_options() {
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
        let options = keys::DESTINATION.names();
        assert!(!options.iter().any(|key| is_credential(key)));
    }
}
