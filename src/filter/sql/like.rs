//! `LIKE` patterns: those for which the API has an operator, and what to write instead of the others.

use crate::filter::comparison::Comparison;

/// A pattern of `LIKE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LikePattern<'a> {
    /// The API has an operator for it, with this text.
    Operator(Comparison, &'a str),
    /// The API has none.
    Unsupported(UnsupportedLike),
}

/// Why the API has no operator for a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum UnsupportedLike {
    /// It matches every value.
    Everything,
    /// Only a regular expression can express it: this one.
    Regex(String),
    /// It has a `\`, whose meaning differs between databases.
    Escaped,
}

/// Reads a pattern; `any_case` is that of `ILIKE`.
pub(super) fn read_like(pattern: &str, any_case: bool) -> LikePattern<'_> {
    if pattern.contains('\\') {
        return LikePattern::Unsupported(UnsupportedLike::Escaped);
    }
    let text = pattern.trim_matches('%');
    if text.is_empty() && !pattern.is_empty() {
        return LikePattern::Unsupported(UnsupportedLike::Everything);
    }
    let is_open = (pattern.starts_with('%'), pattern.ends_with('%'));
    if text.contains(['%', '_']) || (any_case && is_open != (true, true)) {
        let regex = regex(text, any_case, is_open);
        return LikePattern::Unsupported(UnsupportedLike::Regex(regex));
    }
    match (is_open, any_case) {
        ((true, true), true) => LikePattern::Operator(Comparison::Isubstring, text),
        ((true, true), false) => LikePattern::Operator(Comparison::Substring, text),
        ((false, true), _) => LikePattern::Operator(Comparison::Prefix, text),
        ((true, false), _) => LikePattern::Operator(Comparison::Suffix, text),
        ((false, false), _) => LikePattern::Operator(Comparison::Eq, text),
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
    fn only_patterns_with_wildcards_at_the_ends_have_an_operator() {
        let unsupported = LikePattern::Unsupported;
        let regex = |text: &str| unsupported(UnsupportedLike::Regex(text.to_owned()));
        for (pattern, any_case, expected) in [
            ("a", false, LikePattern::Operator(Comparison::Eq, "a")),
            ("", false, LikePattern::Operator(Comparison::Eq, "")),
            ("a%", false, LikePattern::Operator(Comparison::Prefix, "a")),
            ("%a", false, LikePattern::Operator(Comparison::Suffix, "a")),
            (
                "%a%",
                false,
                LikePattern::Operator(Comparison::Substring, "a"),
            ),
            (
                "%%a%%",
                false,
                LikePattern::Operator(Comparison::Substring, "a"),
            ),
            (
                "%a%",
                true,
                LikePattern::Operator(Comparison::Isubstring, "a"),
            ),
            ("%", false, unsupported(UnsupportedLike::Everything)),
            ("a.b%c", false, regex("^a\\.b.*c$")),
            ("%a_c%", false, regex("a.c")),
            ("a%", true, regex("(?i)^a")),
            ("a", true, regex("(?i)^a$")),
            ("a\\%b", false, unsupported(UnsupportedLike::Escaped)),
        ] {
            assert_eq!(read_like(pattern, any_case), expected, "{pattern}");
        }
    }
}
