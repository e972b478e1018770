//! What a store said, sorted into classes. Decides what is tried again; nobody matches on the text of an error.
//!
//! `object_store` hides the status and the code of a refusal behind its error, so its HTTP client is listened to: within
//! [`heard`], the last thing that went wrong on the wire is kept beside the error.

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
    static LAST: RefCell<Option<Said>>;
}

/// The last thing that went wrong on the wire.
#[derive(Debug, Clone)]
pub(super) enum Said {
    /// The store answered, and refused.
    Refused(Refusal),
    /// No whole answer came.
    Broken(HttpErrorKind),
}

impl Said {
    /// How long the store asks to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused(refusal) => refusal.retry_after,
            Self::Broken(_) => None,
        }
    }
}

/// An answer that is no success.
#[derive(Debug, Clone, Default)]
pub(super) struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// The store's own word for it, for example `AccessDenied`; empty if it gave none.
    pub code: String,
    /// What it said for people; may be empty.
    pub message: String,
    /// Where the bucket lies, as far as the store says.
    pub region: Option<String>,
    /// How long it asks to be left alone.
    pub retry_after: Option<Duration>,
}

/// Kinds of failure, by what can be done about them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// Nothing lies there.
    Missing,
    /// The multipart upload is over: completed or aborted.
    NoUpload,
    /// A condition of the request does not hold: somebody else was faster, or we were, unheard.
    Condition,
    /// Two conditional writes met; neither is said to have won.
    Race,
    /// Asked to slow down.
    Throttled,
    /// The store failed; what was asked may have happened.
    Server,
    /// The connection broke; what was asked may have happened.
    Broken,
    /// No connection: nothing was sent.
    Unreachable,
    /// No credentials were found.
    NoCredentials,
    /// They were good and are not any more.
    Expired,
    /// They are wrong.
    Credentials,
    /// They may not do this.
    Denied,
    /// There is no such bucket.
    NoBucket,
    /// The bucket lies in another region.
    Region,
    /// The clock of this machine is wrong.
    Clock,
    /// The bucket or account is full.
    Quota,
    /// The store cannot do this at all.
    Unsupported,
    /// Anything else: a defect of ours or of the store.
    Other,
}

impl Class {
    /// Whether the same request may succeed a moment later.
    pub fn is_transient(self) -> bool {
        self.leaves_doubt() || matches!(self, Self::Unreachable)
    }

    /// Whether the request may have been carried out: of all that is tried again only what was never sent was not. A 503
    /// also comes from what stands before a store, after the store did what was asked.
    pub fn leaves_doubt(self) -> bool {
        matches!(
            self,
            Self::Server | Self::Broken | Self::Throttled | Self::Race
        )
    }

    /// Whether asking for the credentials anew may help: then a few times, since mostly nobody renews them.
    pub fn may_renew(self) -> bool {
        matches!(self, Self::Expired | Self::NoCredentials)
    }
}

/// Runs a request and keeps what the wire said last.
pub(super) async fn heard<T>(request: impl Future<Output = T>) -> (T, Option<Said>) {
    LAST.scope(RefCell::new(None), async {
        let outcome = request.await;
        (outcome, LAST.with(RefCell::take))
    })
    .await
}

/// The class of a failure.
pub(super) fn classify(error: &object_store::Error, said: Option<&Said>) -> Class {
    match said {
        Some(Said::Refused(refusal)) => refusal.class(),
        Some(Said::Broken(HttpErrorKind::Connect)) => Class::Unreachable,
        Some(Said::Broken(_)) => Class::Broken,
        // Refusals in the body of a 200, bodies cut off, answers that do not parse: the store meant something and it did
        // not arrive.
        None => match error {
            object_store::Error::NotFound { .. } => Class::Missing,
            object_store::Error::AlreadyExists { .. }
            | object_store::Error::Precondition { .. }
            | object_store::Error::NotModified { .. } => Class::Condition,
            object_store::Error::NotImplemented { .. }
            | object_store::Error::NotSupported { .. } => Class::Unsupported,
            object_store::Error::Generic { .. } => Class::Broken,
            _ => Class::Other,
        },
    }
}

impl Refusal {
    fn class(&self) -> Class {
        match self.code.as_str() {
            "NoSuchBucket" | "ContainerNotFound" => return Class::NoBucket,
            // Parts that were recorded and are gone: the upload can never be completed.
            "NoSuchUpload" | "InvalidPart" | "InvalidBlockList" => return Class::NoUpload,
            "NoSuchKey" | "BlobNotFound" => return Class::Missing,
            "BlobAlreadyExists" | "ConditionNotMet" | "PreconditionFailed" => {
                return Class::Condition;
            }
            "ExpiredToken" | "TokenRefreshRequired" | "ExpiredTokenException" => {
                return Class::Expired;
            }
            "InvalidAccessKeyId"
            | "SignatureDoesNotMatch"
            | "InvalidToken"
            | "NotSignedUp"
            | "InvalidClientTokenId"
            | "AuthenticationFailed"
            | "InvalidAuthenticationInfo" => return Class::Credentials,
            "RequestTimeTooSkewed" => return Class::Clock,
            "PermanentRedirect"
            | "AuthorizationHeaderMalformed"
            | "IllegalLocationConstraintException" => {
                return Class::Region;
            }
            "QuotaExceeded"
            | "ServiceQuotaExceeded"
            | "XMinioStorageFull"
            | "EntityQuotaExceeded"
            | "InsufficientStorage"
            | "AccountQuotaExceeded" => return Class::Quota,
            "SlowDown" | "ServerBusy" | "TooManyRequests" | "RequestLimitExceeded" => {
                return Class::Throttled;
            }
            "NotImplemented" | "FeatureNotSupportedByNotEnabled" => return Class::Unsupported,
            "RequestTimeout" | "IncompleteBody" => return Class::Broken,
            _ => {}
        }
        match self.status {
            301 | 307 => Class::Region,
            304 | 412 => Class::Condition,
            401 => Class::Credentials,
            403 => Class::Denied,
            404 => Class::Missing,
            408 => Class::Broken,
            409 => Class::Race,
            501 => Class::Unsupported,
            507 => Class::Quota,
            429 | 503 => Class::Throttled,
            500..=599 => Class::Server,
            _ => Class::Other,
        }
    }
}

/// Makes HTTP clients that are listened to.
#[derive(Debug, Default)]
pub(super) struct Listening(ReqwestConnector);

impl HttpConnector for Listening {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        crate::tls::install_provider();
        Ok(HttpClient::new(Listener(self.0.connect(options)?)))
    }
}

#[derive(Debug)]
struct Listener(HttpClient);

impl HttpService for Listener {
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
                    keep(Said::Broken(error.kind()));
                    return Err(error);
                }
            };
            if response.status().is_success() {
                return Ok(response);
            }
            let (parts, body) = response.into_parts();
            let body = body.bytes().await.unwrap_or_default();
            let header = |name: &str| {
                parts
                    .headers
                    .get(name)
                    .and_then(|value| value.to_str().ok())
                    .map(str::to_owned)
            };
            let text = String::from_utf8_lossy(
                body.get(..body.len().min(EXPLANATION_BYTES))
                    .unwrap_or_default(),
            );
            let code = element(&text, "Code").or_else(|| header("x-ms-error-code"));
            keep(Said::Refused(Refusal {
                status: parts.status.as_u16(),
                code: code.unwrap_or_default(),
                message: element(&text, "Message").unwrap_or_default(),
                region: header("x-amz-bucket-region").or_else(|| element(&text, "Region")),
                retry_after: header("retry-after")
                    .and_then(|value| value.parse().ok())
                    .map(Duration::from_secs),
            }));
            Ok(HttpResponse::from_parts(parts, body.into()))
        })
    }
}

fn keep(said: Said) {
    // Outside `heard` nobody asks.
    let _ = LAST.try_with(|last| last.replace(Some(said)));
}

/// The text of the first element of this name in a small XML document.
pub(super) fn element(text: &str, name: &str) -> Option<String> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let (value, _) = rest.split_once(&format!("</{name}>"))?;
    Some(value.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(status: u16, code: &str) -> Class {
        Refusal {
            status,
            code: code.to_owned(),
            ..Refusal::default()
        }
        .class()
    }

    #[test]
    fn every_status_has_its_class_and_the_code_has_the_first_word() {
        let expected = |status: u16| match status {
            301 | 307 => Class::Region,
            304 | 412 => Class::Condition,
            401 => Class::Credentials,
            403 => Class::Denied,
            404 => Class::Missing,
            408 => Class::Broken,
            409 => Class::Race,
            429 | 503 => Class::Throttled,
            501 => Class::Unsupported,
            507 => Class::Quota,
            500..=599 => Class::Server,
            _ => Class::Other,
        };
        for status in 300..600 {
            assert_eq!(class(status, ""), expected(status), "{status}");
        }
        assert_eq!(class(404, "NoSuchUpload"), Class::NoUpload);
        assert_eq!(class(404, "NoSuchBucket"), Class::NoBucket);
        assert_eq!(class(409, "BlobAlreadyExists"), Class::Condition);
        assert_eq!(class(409, "ConditionalRequestConflict"), Class::Race);
        assert_eq!(class(400, "ExpiredToken"), Class::Expired);
        assert_eq!(class(403, "SignatureDoesNotMatch"), Class::Credentials);
        assert_eq!(class(403, "AccessDenied"), Class::Denied);
    }

    #[test]
    fn what_may_have_happened_is_always_tried_again_and_a_refusal_never() {
        let all = [
            (Class::Server, true, true),
            (Class::Broken, true, true),
            (Class::Throttled, true, true),
            (Class::Race, true, true),
            (Class::Unreachable, true, false),
            (Class::Condition, false, false),
            (Class::Denied, false, false),
            (Class::NoBucket, false, false),
            (Class::Quota, false, false),
            (Class::Credentials, false, false),
        ];
        for (class, is_transient, leaves_doubt) in all {
            assert_eq!(
                (class.is_transient(), class.leaves_doubt()),
                (is_transient, leaves_doubt),
                "{class:?}"
            );
        }
    }

    #[test]
    fn the_code_is_read_out_of_the_explanation() {
        let text = "<?xml version=\"1.0\"?><Error><Code>SlowDown</Code><Message>Reduce your rate.</Message></Error>";
        assert_eq!(element(text, "Code").as_deref(), Some("SlowDown"));
        assert_eq!(element(text, "Region"), None);
        assert_eq!(element("<Code>half", "Code"), None);
    }
}
