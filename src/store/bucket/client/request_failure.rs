//! A request to a bucket that failed, as an error for people: what went wrong, and what to do about it.

use std::time::Duration;

use object_store::path::Path;

use super::address::Scheme;
use super::bucket::Bucket;
use super::wire::{FailureClass, WireFailure};
use crate::error::{Error, ErrorCode};

/// What a request asks of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Read,
    Write,
    Create,
    Swap,
    List,
    Delete,
    StartUpload,
    UploadPart,
    CompleteUpload,
    AbortUpload,
    ListUploads,
}

impl Operation {
    /// Completes a sentence, as in `cannot …`.
    pub fn phrase(self) -> &'static str {
        match self {
            Self::Read => "read an object",
            Self::Write => "write an object",
            Self::Create => "create an object only if there is none",
            Self::Swap => "replace an object only if it is unchanged",
            Self::List => "list objects",
            Self::Delete => "delete an object",
            Self::StartUpload => "start a multipart upload",
            Self::UploadPart => "upload a part",
            Self::CompleteUpload => "complete a multipart upload",
            Self::AbortUpload => "abort a multipart upload",
            Self::ListUploads => "list multipart uploads",
        }
    }

    /// The permission that it needs, by the provider's name for it.
    pub fn permission(self, scheme: Scheme) -> &'static str {
        match (scheme, self) {
            (Scheme::Az, _) => "the role `Storage Blob Data Contributor`",
            (Scheme::S3, Self::Read) => "s3:GetObject",
            (Scheme::S3, Self::List) => "s3:ListBucket",
            (Scheme::S3, Self::Delete) => "s3:DeleteObject",
            (Scheme::S3, Self::AbortUpload) => "s3:AbortMultipartUpload",
            (Scheme::S3, Self::ListUploads) => "s3:ListBucketMultipartUploads",
            (Scheme::S3, _) => "s3:PutObject",
            (Scheme::Gs, Self::Read) => "storage.objects.get",
            (Scheme::Gs, Self::List) => "storage.objects.list",
            (Scheme::Gs, Self::Delete) => "storage.objects.delete",
            (Scheme::Gs, Self::AbortUpload) => "storage.multipartUploads.abort",
            (Scheme::Gs, Self::ListUploads) => "storage.multipartUploads.list",
            // Replacing an object deletes the one before.
            (Scheme::Gs, Self::Write | Self::Swap | Self::CompleteUpload) => {
                "storage.objects.create and storage.objects.delete"
            }
            (Scheme::Gs, _) => "storage.objects.create",
        }
    }
}

/// A request that failed for good.
#[derive(Debug)]
pub(crate) struct RequestFailure {
    pub class: FailureClass,
    /// An attempt may have been carried out all the same.
    pub may_have_happened: bool,
    pub operation: Operation,
    pub path: Path,
    pub wire_failure: Option<WireFailure>,
    pub attempts: u32,
    pub elapsed: Duration,
    pub cause: String,
}

impl RequestFailure {
    /// The error that people see.
    pub fn into_error(self, bucket: &Bucket) -> Error {
        let code = match self.class {
            FailureClass::NoUpload | FailureClass::Condition => ErrorCode::Locked,
            _ => ErrorCode::Destination,
        };
        let mut error = Error::new(code, self.message(bucket))
            .with_hint(self.hint(bucket.scheme()))
            .with_context("object", self.path.to_string())
            .with_context("request", self.operation.phrase());
        if self.attempts > 1 {
            error = error.with_context(
                "attempts",
                format!("{} in {:.1} s", self.attempts, self.elapsed.as_secs_f64()),
            );
        }
        match self.wire_failure {
            Some(WireFailure::Refused(refusal)) => {
                let mut parts = vec![refusal.status.to_string(), refusal.code, refusal.message];
                parts.retain(|part| !part.is_empty());
                error.with_context("answer", parts.join(" "))
            }
            _ => error.with_source(self.cause),
        }
    }

    fn message(&self, bucket: &Bucket) -> String {
        let location = bucket.location();
        let phrase = self.operation.phrase();
        match self.class {
            FailureClass::NoCredentials => format!("no credentials for {location}"),
            FailureClass::Credentials => format!("{location} does not accept the credentials"),
            FailureClass::Expired => format!("the credentials for {location} have expired"),
            FailureClass::Clock => {
                format!("{location} reports that the clock of this machine is wrong")
            }
            FailureClass::Denied => format!("the credentials may not {phrase} in {location}"),
            FailureClass::NoBucket => format!("bucket {} does not exist", bucket.name()),
            FailureClass::Region => format!("the bucket {} is in another region", bucket.name()),
            FailureClass::Quota => format!("{location} is full"),
            FailureClass::Unreachable => format!("{location} cannot be reached"),
            FailureClass::Throttled
            | FailureClass::Server
            | FailureClass::Broken
            | FailureClass::Race => format!("{location} kept failing to {phrase}"),
            FailureClass::Unsupported => format!("{location} cannot {phrase}"),
            FailureClass::Missing => format!("{location} lacks an object that was there"),
            FailureClass::NoUpload => {
                format!("an upload to {location} was ended by another process")
            }
            FailureClass::Condition => {
                format!("an object of {location} was changed by another process")
            }
            FailureClass::Other => format!("{location} refused to {phrase}"),
        }
    }

    fn hint(&self, scheme: Scheme) -> String {
        let hint = match self.class {
            FailureClass::NoCredentials => credentials_hint(scheme),
            FailureClass::Credentials => {
                return format!(
                    "{}: they are wrong or were withdrawn",
                    credentials_hint(scheme)
                );
            }
            FailureClass::Expired => {
                "get new ones, then run the same command again: it continues where it stopped"
            }
            FailureClass::Clock => "set the clock, then run the same command again",
            FailureClass::Denied => {
                let permission = self.operation.permission(scheme);
                return format!("allow {permission}, then: backhaul check");
            }
            FailureClass::NoBucket => "create it, or correct `url` in [destination]",
            FailureClass::Region => return self.region_hint(),
            FailureClass::Quota => {
                "free space or raise the quota, then run the same command again: nothing that was paid for is lost"
            }
            FailureClass::Unreachable => {
                "look at the network and at `endpoint` in [destination], then run the same command again"
            }
            FailureClass::Throttled
            | FailureClass::Server
            | FailureClass::Broken
            | FailureClass::Race => "run the same command again: it continues where it stopped",
            FailureClass::Unsupported => {
                "use a store with conditional writes, or `writers = \"single\"` if only one process ever writes there"
            }
            FailureClass::Missing => "backhaul verify",
            FailureClass::NoUpload | FailureClass::Condition => "run the same command again",
            FailureClass::Other => "look at the answer, then: backhaul check",
        };
        hint.to_owned()
    }

    fn region_hint(&self) -> String {
        if let Some(WireFailure::Refused(refusal)) = &self.wire_failure
            && let Some(region) = &refusal.region
        {
            format!("set `region = \"{region}\"` in [destination], or AWS_REGION={region}")
        } else {
            "set the bucket's region in [destination], or in AWS_REGION".to_owned()
        }
    }
}

/// How to provide credentials.
fn credentials_hint(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::S3 => {
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run under a role (instance, container, web identity)"
        }
        Scheme::Gs => {
            "set GOOGLE_APPLICATION_CREDENTIALS, or run under a service account (instance, workload identity)"
        }
        Scheme::Az => {
            "set AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY, or run under a managed identity"
        }
    }
}
