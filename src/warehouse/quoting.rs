//! Ways to quote names and texts that several engines share.

/// `"name"`, as the SQL standard has it.
pub(super) fn double_quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// `` `name` ``, where a backtick is doubled.
pub(super) fn backtick_doubled(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// `` `name` ``, where a backtick is escaped with a backslash.
pub(super) fn backtick_escaped(name: &str) -> String {
    format!("`{}`", name.replace('\\', "\\\\").replace('`', "\\`"))
}

/// `'text'` as the SQL standard has it: a quote is doubled, a backslash is an ordinary character.
pub(super) fn standard_text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

/// `'text'` where a quote is doubled and a backslash escapes.
pub(super) fn backslash_text(value: &str) -> String {
    standard_text(&value.replace('\\', "\\\\"))
}

/// `'text'` where quotes, backslashes and line ends are escaped with a backslash.
pub(super) fn escaped_text(value: &str) -> String {
    let backslashes = value.replace('\\', "\\\\");
    format!(
        "'{}'",
        backslashes.replace('\'', "\\'").replace('\n', "\\n")
    )
}

/// Whether a name needs no quotes: lower case letters, digits and `_`, not starting with a digit.
pub(super) fn is_plain(name: &str) -> bool {
    !name.starts_with(|first: char| first.is_ascii_digit())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// The path of a key in a JSON object: `$.client`; other than plain names are quoted.
pub(super) fn json_path(key: &str) -> String {
    if is_plain(key) {
        format!("$.{key}")
    } else {
        format!("$.\"{}\"", key.replace('"', "\\\""))
    }
}
