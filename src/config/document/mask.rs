//! Hides what may be an API key before a line of the file is shown. Rather too much than too little: a hidden word can be
//! looked up in the file, a key that was shown must be renewed.

/// Whether a line may hold a key, judged by the names and URLs in it.
pub(crate) fn names_a_key(line: &str) -> bool {
    // An option of encryption, which is not a key.
    let line = line.to_ascii_lowercase().replace("bucket_key", "");
    let names = [
        "key =", "key=", "sig=", "token", "secret", "bearer", "password",
    ];
    names.iter().any(|word| line.contains(word)) || has_password(&line)
}

/// Whether a URL in the line has a password: `scheme://user:password@host`.
fn has_password(line: &str) -> bool {
    let Some((_, rest)) = line.split_once("://") else {
        return false;
    };
    match rest.split_once('@') {
        Some((user, _)) => user.contains(':'),
        None => false,
    }
}

/// Replaces every word after the first `=` by asterisks, except the words of a key source and the name of a variable.
pub(crate) fn hide_values(line: &str) -> String {
    let (head, tail) = line.split_at(line.find('=').unwrap_or(0));
    let mut is_after_env = false;
    let values = replace_words(tail, |word| {
        let is_structure =
            ["env", "file", "command"].contains(&word) || (is_after_env && is_variable(word));
        is_after_env = word == "env";
        !is_structure
    });
    hide_keys(head) + &values
}

/// Replaces every word that looks like a key by asterisks.
pub(crate) fn hide_keys(text: &str) -> String {
    replace_words(text, looks_like_a_key)
}

fn is_variable(word: &str) -> bool {
    word.contains('_')
        && word
            .chars()
            .all(|character| character == '_' || character.is_ascii_uppercase())
}

/// A long word in which letters and digits alternate, as in generated keys and seldom in names.
pub(crate) fn looks_like_a_key(word: &str) -> bool {
    let bytes = word.as_bytes();
    let is_word = bytes
        .iter()
        .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(byte));
    let num_changes = bytes.windows(2).filter(|pair| changes_kind(pair)).count();
    is_word && bytes.len() >= 20 && num_changes >= 3
}

/// Whether one of the two bytes is a letter and the other a digit.
fn changes_kind(pair: &[u8]) -> bool {
    let [left, right] = pair else {
        return false;
    };
    (left.is_ascii_digit() && right.is_ascii_alphabetic())
        || (left.is_ascii_alphabetic() && right.is_ascii_digit())
}

fn replace_words(text: &str, mut hide: impl FnMut(&str) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_word) {
        let (before, from) = rest.split_at(start);
        let end = from.find(|character| !is_word(character));
        let (word, after) = from.split_at(end.unwrap_or(from.len()));
        out.push_str(before);
        if hide(word) {
            out.push_str(&"*".repeat(word.chars().count()));
        } else {
            out.push_str(word);
        }
        rest = after;
    }
    out + rest
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_keys_are_hidden_and_names_are_not() {
        assert_eq!(
            hide_keys("a = \"kQ7tZ2pWm9Xb4RvY8sLc3DfG\""),
            "a = \"************************\""
        );
        for shown in [
            "endpoint = \"site-explorer/linked-anchors-external\"",
            "since = \"2024-01-01\"",
            "file = \"keys/ahrefs-2024-key-of-team-7\"",
        ] {
            assert_eq!(hide_keys(shown), shown);
        }
    }

    #[test]
    fn a_password_or_a_signature_in_a_url_is_a_key() {
        assert!(
            names_a_key("url = \"s3://me:hush@acme")
                && names_a_key("url = \"https://acme.com/lake?sig=hush")
        );
        assert!(
            !names_a_key("url = \"https://acme.com/@me\"")
                && !names_a_key("url = \"abfss://lake@acme\"")
        );
    }

    #[test]
    fn an_option_with_key_in_its_name_is_not_a_key() {
        assert!(
            names_a_key("api_key = \"abc\"")
                && names_a_key("x = { bucket_key = true, key = \"abc\" }")
        );
        assert!(!names_a_key(
            "encryption = { kms = \"alias/lake\", bucket_key = true }"
        ));
    }

    #[test]
    fn values_of_a_masked_line_are_hidden_but_its_structure_is_not() {
        assert_eq!(
            hide_values("api_key = { env = \"MY_KEY\", x = \"abc\" }"),
            "api_key = { env = \"MY_KEY\", * = \"***\" }"
        );
        assert_eq!(hide_values("\"abc\"]"), "\"***\"]");
        assert_eq!(
            hide_values("url = \"s3://me:MY_WORD@a\""),
            "url = \"**://**:*******@*\""
        );
    }
}
