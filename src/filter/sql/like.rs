//! `LIKE` patterns: those that the API has an operator for, and what to write instead of the others.

use crate::filter::Comparison;

/// What a pattern of `LIKE` asks, or what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Like<'a> {
    /// An operator and its text.
    Is(Comparison, &'a str),
    /// Every value there is.
    Everything,
    /// A pattern that only a regular expression can say: this one.
    Regex(String),
    /// A pattern with `\`, whose meaning differs between databases.
    Escaped,
}

/// Reads a pattern; `any_case` is that of `ILIKE`.
pub(super) fn like(pattern: &str, any_case: bool) -> Like<'_> {
    if pattern.contains('\\') {
        return Like::Escaped;
    }
    let text = pattern.trim_matches('%');
    if text.is_empty() && !pattern.is_empty() {
        return Like::Everything;
    }
    let is_open = (pattern.starts_with('%'), pattern.ends_with('%'));
    if text.contains(['%', '_']) || (any_case && is_open != (true, true)) {
        return Like::Regex(regex(text, any_case, is_open));
    }
    match (is_open, any_case) {
        ((true, true), true) => Like::Is(Comparison::Isubstring, text),
        ((true, true), false) => Like::Is(Comparison::Substring, text),
        ((false, true), _) => Like::Is(Comparison::Prefix, text),
        ((true, false), _) => Like::Is(Comparison::Suffix, text),
        ((false, false), _) => Like::Is(Comparison::Eq, text),
    }
}

fn regex(text: &str, any_case: bool, (opens, closes): (bool, bool)) -> String {
    let mut regex = String::from(if any_case { "(?i)" } else { "" });
    if !opens {
        regex.push('^');
    }
    for letter in text.chars() {
        match letter {
            '%' => regex.push_str(".*"),
            '_' => regex.push('.'),
            other => regex.push_str(&regex::escape(other.encode_utf8(&mut [0; 4]))),
        }
    }
    if !closes {
        regex.push('$');
    }
    regex
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_patterns_with_blanks_at_the_ends_have_an_operator() {
        let regex = |text: &str| Like::Regex(text.to_owned());
        for (pattern, any_case, expected) in [
            ("a", false, Like::Is(Comparison::Eq, "a")),
            ("", false, Like::Is(Comparison::Eq, "")),
            ("a%", false, Like::Is(Comparison::Prefix, "a")),
            ("%a", false, Like::Is(Comparison::Suffix, "a")),
            ("%a%", false, Like::Is(Comparison::Substring, "a")),
            ("%%a%%", false, Like::Is(Comparison::Substring, "a")),
            ("%a%", true, Like::Is(Comparison::Isubstring, "a")),
            ("%", false, Like::Everything),
            ("a.b%c", false, regex("^a\\.b.*c$")),
            ("%a_c%", false, regex("a.c")),
            ("a%", true, regex("(?i)^a")),
            ("a", true, regex("(?i)^a$")),
            ("a\\%b", false, Like::Escaped),
        ] {
            assert_eq!(like(pattern, any_case), expected, "{pattern}");
        }
    }
}
