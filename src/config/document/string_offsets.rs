//! Where a part of a TOML string is in the file, whatever its quotes and escapes.

use std::ops::Range;

/// The place within `raw`, a TOML string with its quotes, of these bytes of its `value`; `None` if the value is not that of
/// the string.
pub(super) fn locate(raw: &str, value: &str, bytes: &Range<usize>) -> Option<Range<usize>> {
    let offsets = offsets(raw, value)?;
    let start = *offsets.get(bytes.start)?;
    Some(start..(*offsets.get(bytes.end)?).max(start))
}

/// For each byte of `value`, and for its end, where it comes from.
fn offsets(raw: &str, value: &str) -> Option<Vec<usize>> {
    let quote = raw
        .chars()
        .next()
        .filter(|quote| ['"', '\''].contains(quote))?;
    let is_long = raw.len() >= 6 && raw.starts_with(quote.to_string().repeat(3).as_str());
    let mut at = if is_long { 3 } else { 1 };
    if is_long {
        // The first line break does not belong to the string.
        at += match text_from(raw, at).as_bytes() {
            [b'\r', b'\n', ..] => 2,
            [b'\n', ..] => 1,
            _ => 0,
        };
    }
    let mut offsets = Vec::with_capacity(value.len() + 1);
    for letter in value.chars() {
        if quote == '"' && is_long {
            at += folded_length(text_from(raw, at));
        }
        offsets.extend(std::iter::repeat_n(at, letter.len_utf8()));
        let written = text_from(raw, at);
        at += if quote == '"' && written.starts_with('\\') {
            escape_length(written)
        } else if written.starts_with(letter) {
            letter.len_utf8()
        } else if letter == '\n' && written.starts_with("\r\n") {
            2
        } else {
            return None;
        };
    }
    offsets.push(at);
    Some(offsets)
}

fn text_from(raw: &str, at: usize) -> &str {
    raw.get(at..).unwrap_or_default()
}

/// Bytes of an escape.
fn escape_length(written: &str) -> usize {
    match written.as_bytes().get(1) {
        Some(b'x') => 4,
        Some(b'u') => 6,
        Some(b'U') => 10,
        _ => 2,
    }
}

/// Bytes of line ends that a backslash removes, with the whitespace after them.
fn folded_length(written: &str) -> usize {
    let mut left = written;
    while let Some(after) = left.strip_prefix('\\')
        && after
            .trim_start_matches([' ', '\t', '\r'])
            .starts_with('\n')
    {
        left = after.trim_start_matches([' ', '\t', '\r', '\n']);
    }
    written.len() - left.len()
}

#[cfg(test)]
mod tests {
    use toml::de::{DeTable, DeValue};

    use super::*;

    /// The text of the file that the word of a string comes from.
    fn located(raw: &str, word: &str) -> String {
        let text = format!("k = {raw}\n");
        let table = DeTable::parse(&text).unwrap();
        let Some((_, node)) = table.get_ref().iter().next() else {
            panic!("no key")
        };
        let DeValue::String(value) = node.get_ref() else {
            panic!("not a string")
        };
        let start = value.find(word).unwrap();
        let raw = &text[node.span()];
        raw[locate(raw, value, &(start..start + word.len())).unwrap()].to_owned()
    }

    #[test]
    fn words_are_located_after_quotes_escapes_and_line_ends() {
        assert_eq!(located("'a = \"b\"'", "b"), "b");
        assert_eq!(located(r#""\"\u00e4\" = b""#, "b"), "b");
        assert_eq!(located(r#""\"\u00e4\" = b""#, "\u{e4}"), "\\u00e4");
        assert_eq!(located(r#""\U0001F600 b""#, "b"), "b");
        assert_eq!(located("\"\"\"\na\\\n   = \\\n\n  bc\"\"\"", "bc"), "bc");
        assert_eq!(located("\"\"\"\r\na\r\n = bc\"\"\"", "bc"), "bc");
        assert_eq!(located("'''\na\n = \\bc'''", "\\bc"), "\\bc");
        assert_eq!(located("\"\u{e4} = bc\"", "bc"), "bc");
        assert_eq!(located(r#""\\\\ bc""#, "bc"), "bc");
    }

    #[test]
    fn a_value_of_another_string_is_not_located() {
        assert_eq!(locate("'ab'", "ac", &(0..1)), None);
        assert_eq!(locate("12", "12", &(0..1)), None);
        assert_eq!(locate("", "", &(0..0)), None);
        assert_eq!(locate("''", "", &(0..1)), None);
    }
}
