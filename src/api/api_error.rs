//! Why an attempt brought no usable response: the precise error near the wire. `hint.rs` turns it into the error that
//! users see.

use std::time::Duration;

use crate::error::{Error, ErrorCode};
use crate::limits::{BudgetReached, NotReserved};

/// Why an attempt brought no usable response.
///
/// A test holds this table to the code.
///
/// | variant | meaning | retried | units lost | exit code |
/// |---|---|---|---|---|
/// | `Unauthorized` | 401: the key is invalid | no | none | 1 |
/// | `Forbidden` | 403: no bearer key arrived, or the key may not do this | no | none | 1 |
/// | `Plan` | 403: the plan does not include the endpoint | no | none | 1 |
/// | `Units` | 403: the units are used up | no | none | 1 |
/// | `Refused` | 400 and the other 4xx: the request is wrong | no | none | 1 |
/// | `NotFound` | 404: unknown path or id | no | none | 1 |
/// | `Throttled` | 429: too many requests | yes | none | 1 |
/// | `Server` | 5xx: the server failed | yes | none | 1 |
/// | `Unexpected` | any other status, a redirect for example | no | none | 1 |
/// | `Timeout` | no complete response in time | yes | worst case | 1 |
/// | `Connect` | no connection: nothing was sent | yes | none | 1 |
/// | `Network` without headers | the connection broke before the headers | yes | worst case | 1 |
/// | `Network` with headers | the connection broke within the body | yes | as its headers say | 1 |
/// | `Body` | 200 with a damaged body | yes | as its headers say | 1 |
/// | `Unusable` | 200 that no retry would make better | no | as its headers say | of its cause |
/// | `Charged` | 200 that should have been free | no | as its headers say | 1 |
/// | `Budget` | not sent: it could exceed a budget | no | none | 2 |
/// | `Billable` | not sent: only free requests may be sent | no | none | 1 |
/// | `NotRecorded` | not sent: its units could not be recorded | no | none | of its cause |
///
/// A time-out is retried once, and no request is retried where the server asks for a longer wait than the
/// [policy](super::RetryPolicy) allows.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The key is invalid.
    #[error("the API does not accept the key (401)")]
    Unauthorized,
    /// The bearer key or a right is missing.
    #[error("the API forbids the request (403): {text}")]
    Forbidden {
        /// The API's error text.
        text: String,
    },
    /// The plan does not include the endpoint.
    #[error("the plan does not include this endpoint (403): {text}")]
    Plan {
        /// The API's error text.
        text: String,
    },
    /// The units of the workspace or of the key are used up.
    #[error("the API units are used up (403): {text}")]
    Units {
        /// The API's error text.
        text: String,
    },
    /// The request is wrong.
    #[error("the API refused the request ({status}): {text}")]
    Refused {
        /// The status.
        status: u16,
        /// The API's error text.
        text: String,
    },
    /// The path or an id is unknown.
    #[error("the API did not find what was requested (404): {text}")]
    NotFound {
        /// The API's error text.
        text: String,
    },
    /// Too many requests.
    #[error("the API throttles requests (429): {text}")]
    Throttled {
        /// The API's error text.
        text: String,
        /// The wait that the server asks for.
        retry_after: Option<Duration>,
    },
    /// The server failed.
    #[error("the API failed ({status}): {text}")]
    Server {
        /// The status.
        status: u16,
        /// The API's error text.
        text: String,
        /// The wait that the server asks for.
        retry_after: Option<Duration>,
    },
    /// A status that the API does not document.
    #[error("unexpected status {status}: {text}")]
    Unexpected {
        /// The status.
        status: u16,
        /// The API's error text.
        text: String,
    },
    /// No complete response in time.
    #[error("no complete response within {} s", .0.as_secs())]
    Timeout(Duration),
    /// No connection: nothing was sent.
    #[error("cannot connect to the API")]
    Connect(#[source] reqwest::Error),
    /// The connection broke after the request was sent.
    #[error("the connection broke before the response was complete")]
    Network {
        /// The error of the transport.
        source: reqwest::Error,
        /// Units according to the headers of the broken response, if they arrived.
        units: Option<u64>,
    },
    /// The caller's check rejected a 200; the next attempt may bring a better one.
    #[error("the response body is damaged")]
    Body(#[source] Error),
    /// A 200 that cannot be used, and every attempt would bring the same.
    #[error("the response cannot be used")]
    Unusable(#[source] Error),
    /// A request that should be free was charged.
    #[error("a request that should be free was charged {units} units")]
    Charged {
        /// What it cost.
        units: u64,
    },
    /// Not sent: it could exceed a budget.
    #[error(transparent)]
    Budget(BudgetReached),
    /// Not sent: it could be billed, and only free requests may be sent.
    #[error("the request could be billed, and only free requests may be sent")]
    Billable {
        /// What it could cost; 0 where only the request itself shows that it is not free.
        units: u64,
    },
    /// Not sent: what it could cost could not be recorded.
    #[error("the units of the request could not be recorded")]
    NotRecorded(#[source] Error),
}

impl From<NotReserved> for ApiError {
    fn from(error: NotReserved) -> Self {
        match error {
            NotReserved::Budget(reached) => Self::Budget(reached),
            NotReserved::Store(error) => Self::NotRecorded(error),
        }
    }
}

/// What an attempt without a usable response cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charge {
    /// So many units.
    Known(u64),
    /// Unknown: the request was sent and no header came back. It counts as the worst case.
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
            | Self::NotRecorded(_)
            | Self::Billable { .. }
            | Self::Charged { .. }
            | Self::Budget(_) => false,
        }
    }

    /// The wait that the server asks for.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Throttled { retry_after, .. } | Self::Server { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// What an attempt cost that ended before a whole 200 was there: the API charges neither refusals nor failures of its
    /// own. What a whole 200 cost is in its headers.
    pub fn charge(&self) -> Charge {
        match self {
            Self::Network {
                units: Some(units), ..
            } => Charge::Known(*units),
            Self::Timeout(_) | Self::Network { units: None, .. } => Charge::Unknown,
            _ => Charge::Known(0),
        }
    }

    /// The code that users see.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Unauthorized => ErrorCode::Unauthorized,
            Self::Forbidden { .. } => ErrorCode::Forbidden,
            Self::Plan { .. } => ErrorCode::Plan,
            Self::Units { .. } => ErrorCode::Units,
            Self::Refused { .. } => ErrorCode::Refused,
            Self::NotFound { .. } => ErrorCode::NotFound,
            Self::Throttled { .. } => ErrorCode::Throttled,
            Self::Server { .. } => ErrorCode::Server,
            Self::Timeout(_) => ErrorCode::Timeout,
            Self::Connect(_) | Self::Network { .. } | Self::Unexpected { .. } => ErrorCode::Network,
            Self::Body(_) => ErrorCode::Body,
            Self::Unusable(error) | Self::NotRecorded(error) => error.code(),
            Self::Budget(_) => ErrorCode::Budget,
            Self::Billable { .. } | Self::Charged { .. } => ErrorCode::NotFree,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transport_error() -> reqwest::Error {
        reqwest::Proxy::all("not a url").expect_err("no URL")
    }

    /// One error of each row of the table.
    fn samples() -> Vec<ApiError> {
        let text = String::new;
        let cause = || Error::new(ErrorCode::Value, "cause");
        vec![
            ApiError::Unauthorized,
            ApiError::Forbidden { text: text() },
            ApiError::Plan { text: text() },
            ApiError::Units { text: text() },
            ApiError::Refused {
                status: 400,
                text: text(),
            },
            ApiError::NotFound { text: text() },
            ApiError::Throttled {
                text: text(),
                retry_after: None,
            },
            ApiError::Server {
                status: 500,
                text: text(),
                retry_after: None,
            },
            ApiError::Unexpected {
                status: 302,
                text: text(),
            },
            ApiError::Timeout(Duration::from_mins(1)),
            ApiError::Connect(transport_error()),
            ApiError::Network {
                source: transport_error(),
                units: None,
            },
            ApiError::Network {
                source: transport_error(),
                units: Some(50),
            },
            ApiError::Body(cause()),
            ApiError::Unusable(cause()),
            ApiError::Charged { units: 50 },
            ApiError::Budget(BudgetReached {
                wanted: 50,
                left: 0,
                limit: 100,
                name: text(),
            }),
            ApiError::Billable { units: 50 },
            ApiError::NotRecorded(cause()),
        ]
    }

    /// The row that the table must have for an error, without the meaning.
    fn row(error: &ApiError) -> [String; 4] {
        let debug = format!("{error:?}");
        let name = debug
            .split(|c: char| !c.is_alphanumeric())
            .next()
            .unwrap_or_default();
        let mut name = format!("`{name}`");
        match error {
            ApiError::Network { units: None, .. } => name.push_str(" without headers"),
            ApiError::Network { units: Some(_), .. } => name.push_str(" with headers"),
            _ => {}
        }
        let is_after_response = matches!(
            error,
            ApiError::Body(_) | ApiError::Unusable(_) | ApiError::Charged { .. }
        );
        let units = match error.charge() {
            Charge::Unknown => "worst case",
            Charge::Known(0) if !is_after_response => "none",
            Charge::Known(_) => "as its headers say",
        };
        let exit_code = match error {
            ApiError::Unusable(_) | ApiError::NotRecorded(_) => "of its cause".to_owned(),
            _ => error.code().exit_code().to_string(),
        };
        let retried = if error.is_retryable() { "yes" } else { "no" };
        [name, retried.to_owned(), units.to_owned(), exit_code]
    }

    #[test]
    fn the_table_of_the_docs_says_what_the_code_does() {
        let table = include_str!("api_error.rs")
            .lines()
            .filter_map(|line| line.strip_prefix("/// | `"));
        let mut documented = Vec::new();
        for line in table {
            let cells: Vec<&str> = line.trim_end_matches(" |").split(" | ").collect();
            let [name, _meaning, retried, units, exit_code] = cells[..] else {
                panic!("five cells: {line}");
            };
            documented.push([
                format!("`{name}"),
                retried.to_owned(),
                units.to_owned(),
                exit_code.to_owned(),
            ]);
        }
        let actual: Vec<_> = samples().iter().map(row).collect();
        assert_eq!(documented, actual);
    }
}
