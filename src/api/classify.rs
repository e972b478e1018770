//! Status and body → what it means. Nobody else reads an error text of the API.

use std::time::Duration;

use super::drift::Drift;
use crate::error::{Code, Error};
use crate::limits::{BudgetReached, NotReserved};

/// Why an attempt brought no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// 401.
    #[error("the API does not accept the key (401)")]
    Unauthorized,
    /// 403 for want of a bearer header or a right.
    #[error("the API forbids the request (403): {said}")]
    Forbidden {
        /// What it said.
        said: String,
    },
    /// 403: the plan lacks the endpoint.
    #[error("the plan does not include this endpoint (403): {said}")]
    Plan {
        /// What it said.
        said: String,
    },
    /// 403: units used up.
    #[error("the API units are used up (403): {said}")]
    Units {
        /// What it said.
        said: String,
    },
    /// 400 and other refusals of the request itself.
    #[error("the API refused the request ({status}): {said}")]
    Refused {
        /// The status.
        status: u16,
        /// What it said.
        said: String,
    },
    /// 404.
    #[error("the API does not know what was asked for (404): {said}")]
    NotFound {
        /// What it said.
        said: String,
    },
    /// 429.
    #[error("the API throttles (429): {said}")]
    Throttled {
        /// What it said.
        said: String,
        /// How long it wants silence.
        retry_after: Option<Duration>,
    },
    /// 5xx.
    #[error("the API failed ({status}): {said}")]
    Server {
        /// The status.
        status: u16,
        /// What it said.
        said: String,
        /// How long it wants silence.
        retry_after: Option<Duration>,
    },
    /// A status that no page documents: a redirect, for example.
    #[error("unexpected status {status}: {said}")]
    Unexpected {
        /// The status.
        status: u16,
        /// What it said.
        said: String,
    },
    /// No answer in time.
    #[error("no complete answer within {} s", .0.as_secs())]
    Timeout(Duration),
    /// The connection could not be made: nothing was sent.
    #[error("cannot connect to the API")]
    Connect(#[source] reqwest::Error),
    /// The connection broke after sending.
    #[error("the connection broke before the answer was complete")]
    Network {
        /// What the transport said.
        source: reqwest::Error,
        /// What the headers of the broken answer said that it cost, if they came through.
        units: Option<u64>,
    },
    /// A 200 that the caller's check rejected, and that may be better the next time.
    #[error("the body of the answer is damaged")]
    Body(#[source] Error),
    /// A 200 that the caller's check rejected for good.
    #[error("the answer cannot be used")]
    Unusable(#[source] Error),
    /// Sending it could exceed a budget.
    #[error(transparent)]
    Budget(BudgetReached),
    /// Not sent: it could be billed, and only what is free may be sent.
    #[error("the request could be billed, and only free ones may be sent")]
    Billable {
        /// What it could cost; 0 where nothing but the request itself shows that it is not free.
        units: u64,
    },
    /// A request that is promised to be free was charged.
    #[error("a request that should be free was charged {units} units")]
    Charged {
        /// What it cost.
        units: u64,
    },
    /// What it could cost could not be written down.
    #[error("the units of the request could not be written down")]
    Ledger(#[source] Error),
}

impl From<NotReserved> for ApiError {
    fn from(error: NotReserved) -> Self {
        match error {
            NotReserved::Budget(reached) => Self::Budget(reached),
            NotReserved::Ledger(error) => Self::Ledger(error),
        }
    }
}

/// What an attempt without a usable answer cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charge {
    /// So many units.
    Known(u64),
    /// Nobody knows: the request left and no header came back. It counts as the worst case.
    Unknown,
}

impl ApiError {
    /// Whether the same request may succeed later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Throttled { .. }
            | Self::Server { .. }
            | Self::Timeout(_)
            | Self::Connect(_)
            | Self::Network { .. }
            | Self::Body(_) => true,
            Self::Unauthorized
            | Self::Forbidden { .. }
            | Self::Plan { .. }
            | Self::Units { .. }
            | Self::Refused { .. }
            | Self::NotFound { .. }
            | Self::Unexpected { .. }
            | Self::Unusable(_)
            | Self::Ledger(_)
            | Self::Billable { .. }
            | Self::Charged { .. }
            | Self::Budget(_) => false,
        }
    }

    /// The silence that the server asked for.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Throttled { retry_after, .. } | Self::Server { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// What a failed attempt cost: the API charges neither refusals nor failures of its own.
    pub fn charge(&self) -> Charge {
        match self {
            Self::Network {
                units: Some(units), ..
            } => Charge::Known(*units),
            Self::Timeout(_) | Self::Network { units: None, .. } => Charge::Unknown,
            _ => Charge::Known(0),
        }
    }

    fn code(&self) -> Code {
        match self {
            Self::Unauthorized => Code::Unauthorized,
            Self::Forbidden { .. } => Code::Forbidden,
            Self::Plan { .. } => Code::Plan,
            Self::Units { .. } => Code::Units,
            Self::Refused { .. } => Code::Refused,
            Self::NotFound { .. } => Code::NotFound,
            Self::Throttled { .. } => Code::Throttled,
            Self::Server { .. } => Code::Server,
            Self::Timeout(_) => Code::Timeout,
            Self::Connect(_) | Self::Network { .. } | Self::Unexpected { .. } => Code::Network,
            Self::Body(_) => Code::Body,
            Self::Unusable(error) | Self::Ledger(error) => error.code(),
            Self::Budget(_) => Code::Budget,
            Self::Billable { .. } | Self::Charged { .. } => Code::NotFree,
        }
    }

    /// What to do about it.
    fn next(&self, endpoint: &str) -> String {
        match self {
            Self::Unauthorized => {
                "backhaul check, then put a valid key where [source] api_key points to (keys live one year)".into()
            }
            Self::Forbidden { .. } => {
                "backhaul check: the key must arrive as a bearer key, and may be limited to other sections".into()
            }
            Self::Plan { .. } => format!("remove the reports on {endpoint}, or move to a plan that includes it"),
            Self::Units { .. } => {
                "wait for the reset date of the workspace or raise its limit, then run the same command again".into()
            }
            Self::Refused { said, .. } => refused_next(endpoint, said),
            Self::NotFound { said } if mentions(said, &["route"]) => {
                format!("check [source] base_url; `backhaul catalog {endpoint}` shows the path that was asked")
            }
            Self::NotFound { .. } => {
                "check the ids that the report asks with, and that the key's workspace has them; else [source] base_url"
                    .into()
            }
            Self::Throttled { .. } => "lower [source.limits] requests_per_minute, or run again later".into(),
            Self::Unexpected { .. } => {
                "check [source] base_url and proxy: redirects are not followed, so that the key stays with its origin"
                    .into()
            }
            Self::Server { .. } | Self::Timeout(_) | Self::Connect(_) | Self::Network { .. } | Self::Body(_) => {
                "run the same command again later; nothing that was committed is lost".into()
            }
            Self::Unusable(error) | Self::Ledger(error) => error.next().to_owned(),
            Self::Billable { .. } => "leave the report out with --report, or run without --sample and a budget".into(),
            Self::Charged { .. } => {
                "send nothing more of this kind: what the API answers for nothing has changed; report this".into()
            }
            Self::Budget(reached) => format!(
                "raise {} to {} or more, then run the same command again",
                reached.name,
                reached.limit.saturating_sub(reached.left).saturating_add(reached.wanted)
            ),
        }
    }

    /// The error that users see.
    pub fn into_error(self, endpoint: &str) -> Error {
        let next = self.next(endpoint);
        let refused_target = match &self {
            Self::Refused { said, .. } => refused_target(said).map(str::to_owned),
            _ => None,
        };
        let drift = match &self {
            Self::Refused { said, .. } => Drift::of(said).map(Drift::context),
            _ => None,
        };
        let drift = drift.map(|(name, value)| (name, value.to_owned()));
        let code = self.code();
        let message = self.to_string();
        let error = match self {
            Self::Connect(source) | Self::Network { source, .. } => {
                Error::new(code, message).with_source(source.without_url())
            }
            Self::Body(source) => Error::new(code, message).with_source(source),
            Self::Unusable(source) | Self::Ledger(source) => {
                return source.with_context("endpoint", endpoint);
            }
            Self::Unauthorized
            | Self::Forbidden { .. }
            | Self::Plan { .. }
            | Self::Units { .. }
            | Self::Refused { .. }
            | Self::NotFound { .. }
            | Self::Throttled { .. }
            | Self::Server { .. }
            | Self::Unexpected { .. }
            | Self::Timeout(_)
            | Self::Billable { .. }
            | Self::Charged { .. }
            | Self::Budget(_) => Error::new(code, message),
        };
        let error = match refused_target {
            Some(target) => error.with_context("bad target", target),
            None => error,
        };
        let error = match drift {
            Some((name, value)) => error.with_context(name, value),
            None => error,
        };
        error.with_context("endpoint", endpoint).with_next(next)
    }
}

fn refused_next(endpoint: &str, said: &str) -> String {
    if let Some(drift) = Drift::of(said) {
        drift.next(endpoint)
    } else if said.starts_with("bad target") {
        "mend the target's url in the configuration".to_owned()
    } else if said.starts_with("bad where") {
        format!(
            "mend the report's filter (backhaul catalog {endpoint} lists the filterable columns)"
        )
    } else {
        format!("compare the report with `backhaul catalog {endpoint}`")
    }
}

/// The target that a refusal names.
fn refused_target(said: &str) -> Option<&str> {
    Some(
        said.strip_prefix("bad target")?
            .trim_start_matches(':')
            .trim(),
    )
}

/// Sorts a status other than 200, with what the body said, into a kind.
pub fn classify(status: u16, said: String, retry_after: Option<Duration>) -> ApiError {
    match status {
        401 => ApiError::Unauthorized,
        403 if mentions(&said, &["unit", "limit"]) || mentions(&said, &["units left"]) => {
            ApiError::Units { said }
        }
        403 if mentions(&said, &["plan"]) || mentions(&said, &["subscription"]) => {
            ApiError::Plan { said }
        }
        403 => ApiError::Forbidden { said },
        404 => ApiError::NotFound { said },
        429 => ApiError::Throttled { said, retry_after },
        400..=499 => ApiError::Refused { status, said },
        500..=599 => ApiError::Server {
            status,
            said,
            retry_after,
        },
        _ => ApiError::Unexpected { status, said },
    }
}

/// Whether all the words stand in what was said, in whatever case.
fn mentions(said: &str, words: &[&str]) -> bool {
    let said = said.to_ascii_lowercase();
    words.iter().all(|word| said.contains(word))
}

/// What an error body says, on one line of at most 300 characters: an object with `error`, an array, HTML, or anything else.
pub fn said(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let text = match serde_json::from_slice::<serde_json::Value>(body) {
        Ok(serde_json::Value::Object(object)) => match object.get("error") {
            Some(serde_json::Value::String(text)) => text.clone(),
            _ => text.into_owned(),
        },
        Ok(serde_json::Value::Array(parts)) => parts
            .iter()
            .skip(1)
            .map(flatten)
            .collect::<Vec<_>>()
            .join(" "),
        _ => text.into_owned(),
    };
    let line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(300)
        .collect();
    let line = line.trim();
    if line.is_empty() {
        "an empty body".to_owned()
    } else {
        line.to_owned()
    }
}

fn flatten(json: &serde_json::Value) -> String {
    match json {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Array(parts) => parts.iter().map(flatten).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

/// `Retry-After` in seconds or as an HTTP date.
pub fn parse_retry_after(value: &str, now: chrono::DateTime<chrono::Utc>) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let until = chrono::DateTime::parse_from_rfc2822(value.trim()).ok()?;
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
    fn the_three_meanings_of_403_are_told_apart() {
        let units =
            said(br#"{"error":"API units limit reached. Expected usage: 50, API units left: 0."}"#);
        assert!(matches!(classify(403, units, None), ApiError::Units { .. }));
        assert!(matches!(
            classify(403, said(br#"{"error":"Insufficient plan"}"#), None),
            ApiError::Plan { .. }
        ));
        assert!(matches!(
            classify(403, said(br#"["Error","Forbidden"]"#), None),
            ApiError::Forbidden { .. }
        ));
        let of_the_key = said(br#"{"error":"api key UNITS LIMIT reached"}"#);
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
                    classify(403, said(unknown), None),
                    ApiError::Forbidden { .. }
                ),
                "{unknown:?}"
            );
        }
    }

    #[test]
    fn bodies_of_errors_are_read_whatever_their_shape() {
        assert_eq!(
            said(br#"{ "error": "missing argument date" }"#),
            "missing argument date"
        );
        assert_eq!(
            said(br#"["Error", ["NotFound", "this route does not exist /v2/x"]]"#),
            "NotFound this route does not exist /v2/x"
        );
        assert_eq!(
            said(b"<html>\n<b>Bad gateway</b>"),
            "<html> <b>Bad gateway</b>"
        );
        assert_eq!(said(b""), "an empty body");
        assert_eq!(said(&[0xff, 0xfe]).chars().count(), 2);
    }

    #[test]
    fn every_error_that_was_captured_is_sorted_by_status_and_body() {
        let next = |error: &ApiError| error.next("site-explorer/domain-rating");
        let error = |status, body: &[u8]| classify(status, said(body), None);
        let sample = error(
            400,
            include_bytes!("../../tests/it/samples/error-400-bad-where--adobe-spacecat.json"),
        );
        assert_eq!(
            sample.to_string(),
            "the API refused the request (400): bad where: invalid filter expression"
        );
        assert!(next(&sample).starts_with("mend the report's filter"));
        let sample = error(
            400,
            include_bytes!(
                "../../tests/it/samples/error-400-missing-argument--aminemat-ahrefs-cli.json"
            ),
        );
        assert_eq!(
            sample.to_string(),
            "the API refused the request (400): missing argument date"
        );
        assert!(next(&sample).starts_with("add `date = …` to the report"));
        let sample = error(
            401,
            include_bytes!("../../tests/it/samples/error-401-bad-key--w6w-probe-2026-10.json"),
        );
        assert!(matches!(sample, ApiError::Unauthorized));
        let sample = error(
            403,
            include_bytes!("../../tests/it/samples/error-403-units-exhausted.json"),
        );
        let text = "the API units are used up (403): API units limit reached. Expected usage: 50, API units left: 0.";
        assert_eq!(
            (sample.code(), sample.to_string().as_str()),
            (Code::Units, text)
        );
        let sample = error(
            404,
            include_bytes!("../../tests/it/samples/error-404-unknown-route--probe-2025-12.json"),
        );
        let text = "the API does not know what was asked for (404): NotFound this route does not exist \
            /v2/site-explorer/domain-rating";
        assert_eq!(
            (sample.code(), sample.to_string().as_str()),
            (Code::NotFound, text)
        );
        assert!(
            sample
                .next("site-explorer/domain-rating")
                .contains("base_url; `backhaul catalog"),
            "{sample}"
        );
        let unknown = error(404, br#"{"error":"project 9999 not found"}"#);
        assert!(
            unknown
                .next("gsc/keywords")
                .starts_with("check the ids that the report asks with"),
            "{unknown}"
        );
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
