//! What went wrong with a request to a bucket, worded for the person who has to put it right.

use std::time::Duration;

use object_store::path::Path;

use super::Bucket;
use super::options::Scheme;
use super::wire::{Class, Said};
use crate::error::{Code, Error};

/// What a request asks of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
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
    /// As it stands in a sentence.
    pub fn what(self) -> &'static str {
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
pub(super) struct Fault {
    pub class: Class,
    /// An attempt may have been carried out all the same.
    pub in_doubt: bool,
    operation: Operation,
    path: Path,
    said: Option<Said>,
    attempts: u32,
    elapsed: Duration,
    cause: String,
}

impl Fault {
    /// A failure after one attempt.
    pub fn new(
        class: Class,
        operation: Operation,
        path: &Path,
        said: Option<Said>,
        error: &object_store::Error,
    ) -> Self {
        let in_doubt = class.leaves_doubt();
        let (attempts, elapsed) = (1, Duration::ZERO);
        Self {
            class,
            in_doubt,
            operation,
            path: path.clone(),
            said,
            attempts,
            elapsed,
            cause: deepest(error),
        }
    }

    /// After so many attempts, in such a time.
    pub fn after(mut self, attempts: u32, elapsed: Duration, in_doubt: bool) -> Self {
        (self.attempts, self.elapsed, self.in_doubt) = (attempts, elapsed, in_doubt);
        self
    }

    /// The error that people see.
    pub fn into_error(self, bucket: &Bucket) -> Error {
        let place = bucket.place();
        let permission = self.operation.permission(bucket.scheme());
        let what = self.operation.what();
        let region = match &self.said {
            Some(Said::Refused(refusal)) => refusal.region.clone(),
            _ => None,
        };
        let (message, next) = match self.class {
            Class::NoCredentials => (format!("no credentials for {place}"), provide(bucket.scheme()).to_owned()),
            Class::Credentials => (
                format!("{place} does not accept the credentials"),
                format!("{}: they are wrong or were withdrawn", provide(bucket.scheme())),
            ),
            Class::Expired => (
                format!("the credentials for {place} have expired"),
                "get new ones, then run the same command again: it goes on where it stopped".to_owned(),
            ),
            Class::Clock => (
                format!("{place} says that the clock of this machine is wrong"),
                "set the clock, then run the same command again".to_owned(),
            ),
            Class::Denied => (
                format!("the credentials may not {what} in {place}"),
                format!("allow {permission}, then: backhaul check"),
            ),
            Class::NoBucket => (
                format!("there is no bucket {}", bucket.name()),
                "create it, or correct `url` in [destination]".to_owned(),
            ),
            Class::Region => (
                format!("the bucket {} lies in another region", bucket.name()),
                region.as_ref().map_or_else(
                    || "set the bucket's region in [destination], or in AWS_REGION".to_owned(),
                    |region| format!("set `region = \"{region}\"` in [destination], or AWS_REGION={region}"),
                ),
            ),
            Class::Quota => (
                format!("{place} is full"),
                "free space or raise the quota, then run the same command again: nothing that was paid for is lost"
                    .to_owned(),
            ),
            Class::Unreachable => (
                format!("{place} cannot be reached"),
                "look at the network and at `endpoint` in [destination], then run the same command again".to_owned(),
            ),
            Class::Throttled | Class::Server | Class::Broken | Class::Race => (
                format!("{place} kept failing to {what}"),
                "run the same command again: it goes on where it stopped".to_owned(),
            ),
            Class::Unsupported => (
                format!("{place} cannot {what}"),
                "use a store with conditional writes, or `writers = \"single\"` if only one process ever writes there"
                    .to_owned(),
            ),
            Class::Missing => (format!("{place} lacks an object that was there"), "backhaul verify".to_owned()),
            Class::NoUpload => {
                (format!("an upload to {place} was ended by another process"), "run the same command again".to_owned())
            }
            Class::Condition => (
                format!("an object of {place} was changed by another process"),
                "run the same command again".to_owned(),
            ),
            Class::Other => {
                (format!("{place} refused to {what}"), "look at the answer, then: backhaul check".to_owned())
            }
        };
        let code = match self.class {
            Class::NoUpload | Class::Condition => Code::Locked,
            _ => Code::Destination,
        };
        self.describe(Error::new(code, message).with_next(next))
    }

    fn describe(self, mut error: Error) -> Error {
        error = error
            .with_context("object", self.path.to_string())
            .with_context("request", self.operation.what());
        if self.attempts > 1 {
            error = error.with_context(
                "attempts",
                format!("{} in {:.1} s", self.attempts, self.elapsed.as_secs_f64()),
            );
        }
        match self.said {
            Some(Said::Refused(refusal)) => {
                let parts = [refusal.status.to_string(), refusal.code, refusal.message];
                let said = parts
                    .iter()
                    .filter(|part| !part.is_empty())
                    .map(String::as_str)
                    .collect::<Vec<_>>();
                error.with_context("answer", said.join(" "))
            }
            _ => error.with_source(self.cause),
        }
    }
}

/// Says where credentials are looked for.
fn provide(scheme: Scheme) -> &'static str {
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

/// The innermost cause: those around it repeat it, with addresses.
fn deepest(error: &object_store::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
