//! From an error near the wire to the error that users see: its code, its context, and what to do about it.

use super::api_error::ApiError;
use super::classify::mentions;
use super::schema_drift::SchemaDrift;
use crate::error::Error;
use crate::limits::BudgetReached;

impl ApiError {
    /// The error that users see.
    pub fn into_error(self, endpoint: &str) -> Error {
        let error = Error::new(self.code(), self.to_string()).with_hint(self.hint(endpoint));
        let error = match self {
            Self::Unusable(source) | Self::NotRecorded(source) => source,
            Self::Connect(source) | Self::Network { source, .. } => {
                error.with_source(source.without_url())
            }
            Self::Body(source) => error.with_source(source),
            Self::Refused { text, .. } => with_refusal_context(error, &text),
            Self::Unauthorized
            | Self::Forbidden { .. }
            | Self::Plan { .. }
            | Self::Units { .. }
            | Self::NotFound { .. }
            | Self::Throttled { .. }
            | Self::Server { .. }
            | Self::Unexpected { .. }
            | Self::Timeout(_)
            | Self::Billable { .. }
            | Self::Charged { .. }
            | Self::Budget(_) => error,
        };
        error.with_context("endpoint", endpoint)
    }

    /// What to do about it.
    fn hint(&self, endpoint: &str) -> String {
        let hint = match self {
            Self::Plan { .. } => {
                return format!(
                    "remove the reports on {endpoint}, or move to a plan that includes it"
                );
            }
            Self::Refused { text, .. } => return refusal_hint(endpoint, text),
            Self::NotFound { text } => return not_found_hint(endpoint, text),
            Self::Budget(reached) => return budget_hint(reached),
            Self::Unusable(error) | Self::NotRecorded(error) => error.hint(),
            Self::Unauthorized => {
                "backhaul check, then put a valid key where [source] api_key points to (keys are valid for one year)"
            }
            Self::Forbidden { .. } => {
                "backhaul check: the key must arrive as a bearer key, and may be limited to other sections"
            }
            Self::Units { .. } => {
                "wait for the reset date of the workspace or raise its limit, then run the same command again"
            }
            Self::Throttled { .. } => {
                "lower [source.limits] requests_per_minute, or run again later"
            }
            Self::Unexpected { .. } => {
                "check [source] base_url and proxy: redirects are not followed, so that the key stays with its origin"
            }
            Self::Server { .. }
            | Self::Timeout(_)
            | Self::Connect(_)
            | Self::Network { .. }
            | Self::Body(_) => "run the same command again later; what was committed is kept",
            Self::Billable { .. } => {
                "leave the report out with --report, or run without --sample and with a budget"
            }
            Self::Charged { .. } => {
                "send no more requests of this kind: the API no longer answers them free of charge; report this"
            }
        };
        hint.to_owned()
    }
}

fn not_found_hint(endpoint: &str, text: &str) -> String {
    if mentions(text, &["route"]) {
        format!(
            "check [source] base_url; `backhaul catalog {endpoint}` shows the path of the request"
        )
    } else {
        "check that the ids in the report exist in the workspace of the key; else check [source] base_url".to_owned()
    }
}

fn budget_hint(reached: &BudgetReached) -> String {
    let used = reached.limit.saturating_sub(reached.left);
    format!(
        "raise {} to {} or more, then run the same command again",
        reached.name,
        used.saturating_add(reached.wanted)
    )
}

fn refusal_hint(endpoint: &str, text: &str) -> String {
    if let Some(drift) = SchemaDrift::parse(text) {
        drift.hint(endpoint)
    } else if text.starts_with("bad target") {
        "fix the target's url in the configuration".to_owned()
    } else if text.starts_with("bad where") {
        format!(
            "fix the report's filter (backhaul catalog {endpoint} lists the filterable columns)"
        )
    } else {
        format!("compare the report with `backhaul catalog {endpoint}`")
    }
}

fn with_refusal_context(error: Error, text: &str) -> Error {
    let error = match text.strip_prefix("bad target") {
        Some(target) => error.with_context("bad target", target.trim_start_matches(':').trim()),
        None => error,
    };
    match SchemaDrift::parse(text) {
        Some(drift) => {
            let (name, value) = drift.context();
            error.with_context(name, value)
        }
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::super::classify::{classify, error_text};
    use super::*;
    use crate::error::ErrorCode;

    const ENDPOINT: &str = "site-explorer/domain-rating";

    fn error(status: u16, body: &[u8]) -> ApiError {
        classify(status, error_text(body), None)
    }

    #[test]
    fn captured_refusals_name_what_to_fix() {
        let filter = error(
            400,
            include_bytes!("../../tests/it/samples/error-400-bad-where--adobe-spacecat.json"),
        );
        assert_eq!(
            filter.to_string(),
            "the API refused the request (400): bad where: invalid filter expression"
        );
        assert!(filter.hint(ENDPOINT).starts_with("fix the report's filter"));
        let argument = error(
            400,
            include_bytes!(
                "../../tests/it/samples/error-400-missing-argument--aminemat-ahrefs-cli.json"
            ),
        );
        assert_eq!(
            argument.to_string(),
            "the API refused the request (400): missing argument date"
        );
        assert!(
            argument
                .hint(ENDPOINT)
                .starts_with("add `date = …` to the report")
        );
    }

    #[test]
    fn captured_errors_of_key_units_and_path_are_recognised() {
        let key = error(
            401,
            include_bytes!("../../tests/it/samples/error-401-bad-key--w6w-probe-2026-10.json"),
        );
        assert!(matches!(key, ApiError::Unauthorized));
        let units = error(
            403,
            include_bytes!("../../tests/it/samples/error-403-units-exhausted.json"),
        );
        let text = "the API units are used up (403): API units limit reached. Expected usage: 50, API units left: 0.";
        assert_eq!(
            (units.code(), units.to_string().as_str()),
            (ErrorCode::Units, text)
        );
        let path = error(
            404,
            include_bytes!("../../tests/it/samples/error-404-unknown-route--probe-2025-12.json"),
        );
        let text = "the API did not find what was requested (404): NotFound this route does not exist \
            /v2/site-explorer/domain-rating";
        assert_eq!(
            (path.code(), path.to_string().as_str()),
            (ErrorCode::NotFound, text)
        );
        assert!(
            path.hint(ENDPOINT).contains("base_url; `backhaul catalog"),
            "{path}"
        );
        let id = error(404, br#"{"error":"project 9999 not found"}"#);
        assert!(
            id.hint("gsc/keywords")
                .starts_with("check that the ids in the report exist"),
            "{id}"
        );
    }

    #[test]
    fn the_context_of_an_error_ends_with_the_endpoint() {
        let error = error(400, br#"{"error":"bad target: x"}"#).into_error(ENDPOINT);
        assert_eq!(
            error.context(),
            [
                ("bad target", "x".to_owned()),
                ("endpoint", ENDPOINT.to_owned())
            ]
        );
    }
}
