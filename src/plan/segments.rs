//! Keyword lists that are longer than a URL: in which parts they go out. Pure.
//!
//! Invariants: the parts joined are the list, in its order; equal lists under equal reports have equal parts.

use super::subject::TaskSubject;
use crate::catalog::FREE_ROWS;
use crate::config::MAX_KEYWORD_BYTES;
use crate::model::percent_encode_into;

/// The parameter that takes a list of keywords.
pub(super) const KEYWORDS: &str = "keywords";

/// Keywords of each request, separated by commas; empty where a task looks up no list of keywords.
pub type Segments = Vec<String>;

/// Keywords of a request at most, where each brings one row: an answer of fewer than 100 rows ends a range whatever cap
/// a plan has, so that no request is spent on proving the end.
const MOST_KEYWORDS: usize = FREE_ROWS as usize - 1;

/// Bytes of a URL that every server and proxy on the way takes.
pub const MAX_URL_BYTES: usize = 8 * 1024;

/// What is kept free for the origin, the order, the limit and the ranges that paging asks for.
const RESERVED_BYTES: usize = 1_536;

/// The parts of the task's keyword list.
pub(super) fn of(subject: &TaskSubject<'_>, query: &[(String, String)]) -> Segments {
    let Some(keywords) = subject.keywords() else {
        return Segments::new();
    };
    let report = subject.report;
    if !report.endpoint.divisible {
        return vec![keywords.join(",")];
    }
    let filter = report
        .filter
        .as_ref()
        .map(|filter| filter.to_json().to_string())
        .unwrap_or_default();
    let columns = report.columns.join(",");
    let rest = query
        .iter()
        .map(|(name, value)| name.len() + encoded_bytes(value) + 2)
        .sum::<usize>();
    let rest = rest
        + encoded_bytes(&filter)
        + encoded_bytes(&columns)
        + report.endpoint.path.len()
        + RESERVED_BYTES;
    divide(
        keywords,
        MOST_KEYWORDS,
        MAX_KEYWORD_BYTES.min(MAX_URL_BYTES.saturating_sub(rest)),
    )
}

/// The keywords in order, in parts of at most so many and, if one keyword has not more, of at most so many encoded bytes.
fn divide(keywords: &[String], most: usize, bytes: usize) -> Segments {
    let mut segments = Segments::new();
    let (mut open, mut num_open, mut num_bytes) = (String::new(), 0, 0);
    for keyword in keywords {
        let needed = encoded_bytes(keyword) + SEPARATOR_BYTES;
        if num_open > 0 && (num_open == most || num_bytes + needed > bytes) {
            segments.push(std::mem::take(&mut open));
            (num_open, num_bytes) = (0, 0);
        }
        if num_open > 0 {
            open.push(',');
        }
        open.push_str(keyword);
        num_open += 1;
        num_bytes += needed;
    }
    segments.extend(Some(open).filter(|_| num_open > 0));
    segments
}

/// `%2C`.
const SEPARATOR_BYTES: usize = 3;

fn encoded_bytes(text: &str) -> usize {
    let mut encoded = String::new();
    percent_encode_into(&mut encoded, text);
    encoded.len()
}

/// How many keywords a segment has.
pub(super) fn num_keywords(segment: &str) -> u64 {
    u64::try_from(segment.split(',').count()).unwrap_or(u64::MAX)
}

/// Rows that a keyword brings at most, where a task has so many.
pub(super) fn rows_of_keyword(segments: &Segments, rows: u64) -> u64 {
    rows.div_ceil(
        segments
            .iter()
            .map(|segment| num_keywords(segment))
            .sum::<u64>()
            .max(1),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn nothing_is_lost_doubled_or_reordered_and_no_part_is_too_long(
            keywords in proptest::collection::vec("[a-zà-ÿ一-龥 ]{1,60}", 0..300),
            most in 1_usize..120,
            bytes in 540_usize..5_000,
        ) {
            let segments = divide(&keywords, most, bytes);
            let joined: Vec<&str> = segments.iter().flat_map(|segment| segment.split(',')).collect();
            prop_assert_eq!(&joined, &keywords);
            for (place, segment) in segments.iter().enumerate() {
                prop_assert!(encoded_bytes(segment) <= bytes);
                prop_assert!(segment.split(',').count() <= most);
                // As full as it can be.
                if let Some(next) = segments.get(place + 1) {
                    let first = next.split(',').next().unwrap_or_default();
                    let fits = encoded_bytes(segment) + encoded_bytes(first) + 2 * SEPARATOR_BYTES <= bytes;
                    prop_assert!(!fits || segment.split(',').count() == most);
                }
            }
            prop_assert_eq!(divide(&keywords, most, bytes), segments);
        }
    }

    #[test]
    fn a_keyword_that_is_longer_than_a_part_goes_alone() {
        let keywords = ["a", "bbbbbbbbbb", "c"].map(str::to_owned);
        assert_eq!(divide(&keywords, 99, 5), ["a", "bbbbbbbbbb", "c"]);
        assert_eq!(divide(&[], 99, 5), Segments::new());
    }
}
