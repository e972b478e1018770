//! From status and body of a response to its class of error. Nothing else reads an error text of the API.

use std::time::Duration;

use super::api_error::ApiError;

/// The longest error text that is kept, in characters.
const MAX_TEXT_CHARS: usize = 300;

/// The class of a status other than 200, with the API's error text.
pub(super) fn classify(status: u16, text: String, retry_after: Option<Duration>) -> ApiError {
    match status {
        401 => ApiError::Unauthorized,
        403 if mentions(&text, &["unit", "limit"]) || mentions(&text, &["units left"]) => {
            ApiError::Units { text }
        }
        403 if mentions(&text, &["plan"]) || mentions(&text, &["subscription"]) => {
            ApiError::Plan { text }
        }
        403 => ApiError::Forbidden { text },
        404 => ApiError::NotFound { text },
        429 => ApiError::Throttled { text, retry_after },
        400..=499 => ApiError::Refused { status, text },
        500..=599 => ApiError::Server {
            status,
            text,
            retry_after,
        },
        _ => ApiError::Unexpected { status, text },
    }
}

/// Whether all the words are in a text, in whatever case.
pub(super) fn mentions(text: &str, words: &[&str]) -> bool {
    let text = text.to_ascii_lowercase();
    words.iter().all(|word| text.contains(word))
}

/// The error text in a body, on one line of at most 300 characters. The body may be an object with `error`, an array, HTML,
/// or anything else.
pub(super) fn error_text(body: &[u8]) -> String {
    let text = match serde_json::from_slice(body) {
        Ok(serde_json::Value::Object(object)) => match object.get("error") {
            Some(serde_json::Value::String(text)) => text.clone(),
            _ => String::from_utf8_lossy(body).into_owned(),
        },
        // The first element is `Error`.
        Ok(serde_json::Value::Array(parts)) => joined(parts.iter().skip(1)),
        _ => String::from_utf8_lossy(body).into_owned(),
    };
    let mut line = String::new();
    for character in text.chars().take(MAX_TEXT_CHARS) {
        line.push(if character.is_control() {
            ' '
        } else {
            character
        });
    }
    match line.trim() {
        "" => "an empty body".to_owned(),
        line => line.to_owned(),
    }
}

fn joined<'a>(parts: impl Iterator<Item = &'a serde_json::Value>) -> String {
    let texts: Vec<String> = parts.map(flat_text).collect();
    texts.join(" ")
}

fn flat_text(json: &serde_json::Value) -> String {
    match json {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Array(parts) => joined(parts.iter()),
        other => other.to_string(),
    }
}

/// `Retry-After` in seconds or as an HTTP date.
pub(super) fn parse_retry_after(
    value: &str,
    now: chrono::DateTime<chrono::Utc>,
) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let until = chrono::DateTime::parse_from_rfc2822(value).ok()?;
    (until.with_timezone(&chrono::Utc) - now).to_std().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_these_statuses_are_retried() {
        for status in 100..600 {
            let expected = status == 429 || status >= 500;
            assert_eq!(
                classify(status, String::new(), None).is_retryable(),
                expected,
                "{status}"
            );
        }
    }

    #[test]
    fn the_three_meanings_of_403_are_distinguished() {
        let units = error_text(
            br#"{"error":"API units limit reached. Expected usage: 50, API units left: 0."}"#,
        );
        assert!(matches!(classify(403, units, None), ApiError::Units { .. }));
        assert!(matches!(
            classify(403, error_text(br#"{"error":"Insufficient plan"}"#), None),
            ApiError::Plan { .. }
        ));
        assert!(matches!(
            classify(403, error_text(br#"["Error","Forbidden"]"#), None),
            ApiError::Forbidden { .. }
        ));
        let of_the_key = error_text(br#"{"error":"api key UNITS LIMIT reached"}"#);
        assert!(matches!(
            classify(403, of_the_key, None),
            ApiError::Units { .. }
        ));
        for unknown in [
            &b""[..],
            b"<html>Forbidden</html>",
            br#"{"error":{"code":7}}"#,
            b"[]",
        ] {
            assert!(
                matches!(
                    classify(403, error_text(unknown), None),
                    ApiError::Forbidden { .. }
                ),
                "{unknown:?}"
            );
        }
    }

    #[test]
    fn error_bodies_are_read_whatever_their_shape() {
        assert_eq!(
            error_text(br#"{ "error": "missing argument date" }"#),
            "missing argument date"
        );
        assert_eq!(
            error_text(br#"["Error", ["NotFound", "this route does not exist /v2/x"]]"#),
            "NotFound this route does not exist /v2/x"
        );
        assert_eq!(
            error_text(b"<html>\n<b>Bad gateway</b>"),
            "<html> <b>Bad gateway</b>"
        );
        assert_eq!(error_text(b""), "an empty body");
        assert_eq!(error_text(&[0xff, 0xfe]).chars().count(), 2);
    }

    #[test]
    fn retry_after_is_read_in_both_forms() {
        let now = chrono::DateTime::from_timestamp(1_700_000_000, 0).expect("valid");
        assert_eq!(parse_retry_after("17", now), Some(Duration::from_secs(17)));
        assert_eq!(
            parse_retry_after("Tue, 14 Nov 2023 22:14:20 GMT", now),
            Some(Duration::from_mins(1))
        );
        assert_eq!(parse_retry_after("soon", now), None);
    }
}
