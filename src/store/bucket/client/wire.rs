//! Failures of requests, sorted into classes, which decide what is retried. Nothing depends on the text of an error.
//!
//! `object_store` hides the status and the code of a refusal behind its error, so its HTTP client is wrapped: within
//! [`capture_wire_failure`], the last thing that went wrong on the wire is kept beside the error.

use std::cell::RefCell;
use std::pin::Pin;
use std::time::Duration;

use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
    ReqwestConnector,
};

/// A body that explains a refusal is a few hundred bytes.
const EXPLANATION_BYTES: usize = 64 << 10;

tokio::task_local! {
    static LAST: RefCell<Option<WireFailure>>;
}

/// The last thing that went wrong on the wire.
#[derive(Debug, Clone)]
pub(crate) enum WireFailure {
    /// The store answered, and refused.
    Refused(Refusal),
    /// No whole answer came.
    Broken(HttpErrorKind),
}

/// An unsuccessful answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// The store's own code, for example `AccessDenied`; empty if it gave none.
    pub code: String,
    /// Its text for people; may be empty.
    pub message: String,
    /// The bucket's region, if the store names it.
    pub region: Option<String>,
    /// How long it asks to wait.
    pub retry_after: Option<Duration>,
}

/// Kinds of failure, by what can be done about them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FailureClass {
    /// The object does not exist. Not retried.
    Missing,
    /// The multipart upload is over: completed or aborted. Not retried.
    NoUpload,
    /// A condition of the request does not hold: another process was faster, or an earlier attempt of ours was carried out.
    /// Not retried.
    Condition,
    /// Two conditional writes met; neither is known to have won. Retried.
    Race,
    /// Asked to slow down. Retried.
    Throttled,
    /// The store failed; the request may have been carried out. Retried.
    Server,
    /// The connection broke; the request may have been carried out. Retried.
    Broken,
    /// No connection: nothing was sent. Retried.
    Unreachable,
    /// No credentials were found. Retried a few times, with new ones.
    NoCredentials,
    /// The credentials were valid and are not any more. Retried a few times, with new ones.
    Expired,
    /// The credentials are wrong. Not retried.
    Credentials,
    /// The credentials do not allow the request. Not retried.
    Denied,
    /// The bucket does not exist. Not retried.
    NoBucket,
    /// The bucket is in another region. Not retried.
    Region,
    /// The clock of this machine is wrong. Not retried.
    Clock,
    /// The bucket or account is full. Not retried.
    Quota,
    /// The store does not support the request. Not retried.
    Unsupported,
    /// Anything else: a defect of ours or of the store. Not retried.
    Other,
}

impl FailureClass {
    /// Whether the same request may succeed a moment later.
    pub fn is_transient(self) -> bool {
        self.may_have_happened() || matches!(self, Self::Unreachable)
    }

    /// Whether the request may have been carried out: of all that is retried, only what was never sent was not. A 503 may
    /// also come from a proxy, after the store carried the request out.
    pub fn may_have_happened(self) -> bool {
        matches!(
            self,
            Self::Server | Self::Broken | Self::Throttled | Self::Race
        )
    }

    /// Whether requesting the credentials again may help.
    pub fn may_renew(self) -> bool {
        matches!(self, Self::Expired | Self::NoCredentials)
    }
}

/// Runs a request and keeps the last failure on the wire.
pub(crate) async fn capture_wire_failure<T>(
    request: impl Future<Output = T>,
) -> (T, Option<WireFailure>) {
    LAST.scope(RefCell::new(None), async {
        let outcome = request.await;
        (outcome, LAST.with(RefCell::take))
    })
    .await
}

/// The class of a failure.
pub(crate) fn classify(
    error: &object_store::Error,
    wire_failure: Option<&WireFailure>,
) -> FailureClass {
    match wire_failure {
        Some(WireFailure::Refused(refusal)) => refusal.class(),
        Some(WireFailure::Broken(HttpErrorKind::Connect)) => FailureClass::Unreachable,
        Some(WireFailure::Broken(_)) => FailureClass::Broken,
        // Refusals in the body of a 200, bodies cut off, answers that do not parse: an answer that did not arrive whole.
        None => match error {
            object_store::Error::NotFound { .. } => FailureClass::Missing,
            object_store::Error::AlreadyExists { .. }
            | object_store::Error::Precondition { .. }
            | object_store::Error::NotModified { .. } => FailureClass::Condition,
            object_store::Error::NotImplemented { .. }
            | object_store::Error::NotSupported { .. } => FailureClass::Unsupported,
            object_store::Error::Generic { .. } => FailureClass::Broken,
            _ => FailureClass::Other,
        },
    }
}

impl Refusal {
    /// The class by the store's code, which takes precedence, or by the status.
    fn class(&self) -> FailureClass {
        class_of_code(&self.code).unwrap_or_else(|| class_of_status(self.status))
    }
}

fn class_of_code(code: &str) -> Option<FailureClass> {
    let class = match code {
        "NoSuchBucket" | "ContainerNotFound" => FailureClass::NoBucket,
        // Parts that were recorded and are missing: the upload can never be completed.
        "NoSuchUpload" | "InvalidPart" | "InvalidBlockList" => FailureClass::NoUpload,
        "NoSuchKey" | "BlobNotFound" => FailureClass::Missing,
        "BlobAlreadyExists" | "ConditionNotMet" | "PreconditionFailed" => FailureClass::Condition,
        "ExpiredToken" | "TokenRefreshRequired" | "ExpiredTokenException" => FailureClass::Expired,
        "InvalidAccessKeyId"
        | "SignatureDoesNotMatch"
        | "InvalidToken"
        | "NotSignedUp"
        | "InvalidClientTokenId"
        | "AuthenticationFailed"
        | "InvalidAuthenticationInfo" => FailureClass::Credentials,
        "RequestTimeTooSkewed" => FailureClass::Clock,
        "PermanentRedirect"
        | "AuthorizationHeaderMalformed"
        | "IllegalLocationConstraintException" => FailureClass::Region,
        "QuotaExceeded"
        | "ServiceQuotaExceeded"
        | "XMinioStorageFull"
        | "EntityQuotaExceeded"
        | "InsufficientStorage"
        | "AccountQuotaExceeded" => FailureClass::Quota,
        "SlowDown" | "ServerBusy" | "TooManyRequests" | "RequestLimitExceeded" => {
            FailureClass::Throttled
        }
        "NotImplemented" | "FeatureNotSupportedByNotEnabled" => FailureClass::Unsupported,
        "RequestTimeout" | "IncompleteBody" => FailureClass::Broken,
        _ => return None,
    };
    Some(class)
}

fn class_of_status(status: u16) -> FailureClass {
    match status {
        301 | 307 => FailureClass::Region,
        304 | 412 => FailureClass::Condition,
        401 => FailureClass::Credentials,
        403 => FailureClass::Denied,
        404 => FailureClass::Missing,
        408 => FailureClass::Broken,
        409 => FailureClass::Race,
        501 => FailureClass::Unsupported,
        507 => FailureClass::Quota,
        429 | 503 => FailureClass::Throttled,
        500..=599 => FailureClass::Server,
        _ => FailureClass::Other,
    }
}

/// Makes HTTP clients whose failures are captured.
#[derive(Debug, Default)]
pub(crate) struct CapturingConnector(ReqwestConnector);

impl HttpConnector for CapturingConnector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        crate::tls::install_provider();
        Ok(HttpClient::new(CapturingService(self.0.connect(options)?)))
    }
}

#[derive(Debug)]
struct CapturingService(HttpClient);

impl HttpService for CapturingService {
    fn call<'own, 'future>(
        &'own self,
        request: HttpRequest,
    ) -> Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'future>>
    where
        'own: 'future,
        Self: 'future,
    {
        Box::pin(async move {
            let response = match self.0.execute(request).await {
                Ok(response) => response,
                Err(error) => {
                    keep(WireFailure::Broken(error.kind()));
                    return Err(error);
                }
            };
            if response.status().is_success() {
                return Ok(response);
            }
            let mut refusal = Refusal::from_headers(&response);
            let (parts, body) = response.into_parts();
            let body = body.bytes().await.unwrap_or_default();
            refusal.add_explanation(&body);
            keep(WireFailure::Refused(refusal));
            Ok(HttpResponse::from_parts(parts, body.into()))
        })
    }
}

impl Refusal {
    fn from_headers(response: &HttpResponse) -> Self {
        let retry_after = header(response, "retry-after").and_then(|value| value.parse().ok());
        Self {
            status: response.status().as_u16(),
            code: header(response, "x-ms-error-code").unwrap_or_default(),
            message: String::new(),
            region: header(response, "x-amz-bucket-region"),
            retry_after: retry_after.map(Duration::from_secs),
        }
    }

    /// Adds what the body says, if it is the XML that explains a refusal.
    fn add_explanation(&mut self, body: &[u8]) {
        let explanation = body.get(..body.len().min(EXPLANATION_BYTES));
        let text = String::from_utf8_lossy(explanation.unwrap_or_default());
        if let Some(code) = element(&text, "Code") {
            self.code = code;
        }
        if let Some(message) = element(&text, "Message") {
            self.message = message;
        }
        if self.region.is_none() {
            self.region = element(&text, "Region");
        }
    }
}

fn header(response: &HttpResponse, name: &str) -> Option<String> {
    let value = response.headers().get(name)?;
    value.to_str().ok().map(str::to_owned)
}

fn keep(failure: WireFailure) {
    // Outside `capture_wire_failure` nothing reads it.
    let _ = LAST.try_with(|last| last.replace(Some(failure)));
}

/// The text of the first element of this name in a small XML document.
pub(crate) fn element(text: &str, name: &str) -> Option<String> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let (value, _) = rest.split_once(&format!("</{name}>"))?;
    Some(value.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(status: u16, code: &str) -> FailureClass {
        Refusal {
            status,
            code: code.to_owned(),
            ..Refusal::default()
        }
        .class()
    }

    #[test]
    fn every_status_has_its_class_and_the_code_takes_precedence() {
        let expected = |status: u16| match status {
            301 | 307 => FailureClass::Region,
            304 | 412 => FailureClass::Condition,
            401 => FailureClass::Credentials,
            403 => FailureClass::Denied,
            404 => FailureClass::Missing,
            408 => FailureClass::Broken,
            409 => FailureClass::Race,
            429 | 503 => FailureClass::Throttled,
            501 => FailureClass::Unsupported,
            507 => FailureClass::Quota,
            500..=599 => FailureClass::Server,
            _ => FailureClass::Other,
        };
        for status in 300..600 {
            assert_eq!(class(status, ""), expected(status), "{status}");
        }
        assert_eq!(class(404, "NoSuchUpload"), FailureClass::NoUpload);
        assert_eq!(class(404, "NoSuchBucket"), FailureClass::NoBucket);
        assert_eq!(class(409, "BlobAlreadyExists"), FailureClass::Condition);
        assert_eq!(class(409, "ConditionalRequestConflict"), FailureClass::Race);
        assert_eq!(class(400, "ExpiredToken"), FailureClass::Expired);
        assert_eq!(
            class(403, "SignatureDoesNotMatch"),
            FailureClass::Credentials
        );
        assert_eq!(class(403, "AccessDenied"), FailureClass::Denied);
    }

    #[test]
    fn what_may_have_happened_is_always_retried_and_a_refusal_never() {
        let all = [
            (FailureClass::Server, true, true),
            (FailureClass::Broken, true, true),
            (FailureClass::Throttled, true, true),
            (FailureClass::Race, true, true),
            (FailureClass::Unreachable, true, false),
            (FailureClass::Condition, false, false),
            (FailureClass::Denied, false, false),
            (FailureClass::NoBucket, false, false),
            (FailureClass::Quota, false, false),
            (FailureClass::Credentials, false, false),
        ];
        for (class, is_transient, may_have_happened) in all {
            assert_eq!(
                (class.is_transient(), class.may_have_happened()),
                (is_transient, may_have_happened),
                "{class:?}"
            );
        }
    }

    #[test]
    fn the_code_is_read_from_the_explanation() {
        let text = "<?xml version=\"1.0\"?><Error><Code>SlowDown</Code><Message>Reduce your rate.</Message></Error>";
        assert_eq!(element(text, "Code").as_deref(), Some("SlowDown"));
        assert_eq!(element(text, "Region"), None);
        assert_eq!(element("<Code>half", "Code"), None);
    }
}
