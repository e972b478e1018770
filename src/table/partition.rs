//! Spelling of a partition's folder: `key=value`, the value percent-encoded by RFC 3986.

use crate::model::percent_encode_into;

/// Hive's spelling of a missing value.
const MISSING: &str = "__HIVE_DEFAULT_PARTITION__";

/// One path segment: `snapshot_date=2026-11-23`. All but unreserved characters of the value are percent-encoded, so that
/// no value can leave its segment; an empty one is spelled as Hive spells it.
pub fn segment(key: &str, value: &str) -> String {
    let mut text = format!("{key}=");
    if value.is_empty() {
        text.push_str(MISSING);
    }
    percent_encode_into(&mut text, value);
    text
}

/// Key and value of a segment that [`segment`] wrote; `None` for anything else.
pub fn parse_segment(segment: &str) -> Option<(String, String)> {
    let (key, encoded) = segment.split_once('=')?;
    if encoded == MISSING {
        return Some((key.to_owned(), String::new()));
    }
    let mut value = Vec::with_capacity(encoded.len());
    let mut bytes = encoded.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let high = char::from(bytes.next()?).to_digit(16)?;
            let low = char::from(bytes.next()?).to_digit(16)?;
            value.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            value.push(byte);
        }
    }
    Some((key.to_owned(), String::from_utf8(value).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_kept_and_reserved_characters_are_encoded() {
        assert_eq!(
            segment("snapshot_date", "2026-11-23"),
            "snapshot_date=2026-11-23"
        );
        assert_eq!(segment("target", "a b/ä%"), "target=a%20b%2F%C3%A4%25");
        assert_eq!(segment("target", ""), "target=__HIVE_DEFAULT_PARTITION__");
    }

    proptest::proptest! {
        #[test]
        fn every_value_reads_back(value in ".*") {
            let segment = segment("k", &value);
            proptest::prop_assert!(!segment.contains('/'));
            proptest::prop_assert_eq!(parse_segment(&segment), Some(("k".to_owned(), value)));
        }
    }
}
