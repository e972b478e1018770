//! Where a part of a TOML string stands in the file, whatever its quotes and escapes.

use std::ops::Range;

/// The place within `raw`, a TOML string with its quotes, of these bytes of its `value`; nothing if the two do not belong
/// together.
pub(super) fn place(raw: &str, value: &str, bytes: &Range<usize>) -> Option<Range<usize>> {
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
        // The first line break is no part of the string.
        at += ["\r\n", "\n"]
            .iter()
            .find(|end| rest(raw, at).starts_with(**end))
            .map_or(0, |end| end.len());
    }
    let mut offsets = Vec::with_capacity(value.len() + 1);
    for letter in value.chars() {
        if quote == '"' && is_long {
            at += folded(rest(raw, at));
        }
        offsets.extend(std::iter::repeat_n(at, letter.len_utf8()));
        let written = rest(raw, at);
        at += if quote == '"' && written.starts_with('\\') {
            escape(written)
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

fn rest(raw: &str, at: usize) -> &str {
    raw.get(at..).unwrap_or_default()
}

/// Bytes of an escape.
fn escape(written: &str) -> usize {
    match written.as_bytes().get(1) {
        Some(b'x') => 4,
        Some(b'u') => 6,
        Some(b'U') => 10,
        _ => 2,
    }
}

/// Bytes of line ends that a backslash takes out, with the blanks behind them.
fn folded(written: &str) -> usize {
    let mut left = written;
    while let Some(behind) = left.strip_prefix('\\')
        && behind
            .trim_start_matches([' ', '\t', '\r'])
            .starts_with('\n')
    {
        left = behind.trim_start_matches([' ', '\t', '\r', '\n']);
    }
    written.len() - left.len()
}

#[cfg(test)]
mod tests {
    use toml::de::{DeTable, DeValue};

    use super::*;

    /// The text of the file that the word of a string comes from.
    fn found(raw: &str, word: &str) -> String {
        let text = format!("k = {raw}\n");
        let table = DeTable::parse(&text).unwrap();
        let Some((_, node)) = table.get_ref().iter().next() else {
            panic!("no key")
        };
        let DeValue::String(value) = node.get_ref() else {
            panic!("no string")
        };
        let start = value.find(word).unwrap();
        let raw = &text[node.span()];
        raw[place(raw, value, &(start..start + word.len())).unwrap()].to_owned()
    }

    #[test]
    fn words_are_found_behind_quotes_escapes_and_line_ends() {
        assert_eq!(found("'a = \"b\"'", "b"), "b");
        assert_eq!(found(r#""\"\u00e4\" = b""#, "b"), "b");
        assert_eq!(found(r#""\"\u00e4\" = b""#, "\u{e4}"), "\\u00e4");
        assert_eq!(found(r#""\U0001F600 b""#, "b"), "b");
        assert_eq!(found("\"\"\"\na\\\n   = \\\n\n  bc\"\"\"", "bc"), "bc");
        assert_eq!(found("\"\"\"\r\na\r\n = bc\"\"\"", "bc"), "bc");
        assert_eq!(found("'''\na\n = \\bc'''", "\\bc"), "\\bc");
        assert_eq!(found("\"\u{e4} = bc\"", "bc"), "bc");
        assert_eq!(found(r#""\\\\ bc""#, "bc"), "bc");
    }

    #[test]
    fn what_does_not_belong_together_has_no_place() {
        assert_eq!(place("'ab'", "ac", &(0..1)), None);
        assert_eq!(place("12", "12", &(0..1)), None);
        assert_eq!(place("", "", &(0..0)), None);
        assert_eq!(place("''", "", &(0..1)), None);
    }
}
