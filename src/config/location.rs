//! Where tables go: a folder of this machine, or a bucket. What is here was checked as far as it can be without opening it.

use std::fmt;
use std::path::PathBuf;

/// The location of a destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DestinationLocation {
    /// A local folder; it need not exist yet.
    Folder(PathBuf),
    /// A bucket of an object store.
    Bucket(BucketLocation),
}

/// A bucket, and how it is spoken to. Credentials are no part of it: they come from the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketLocation {
    /// `s3://bucket/prefix`, `gs://bucket/prefix` or `az://container/prefix` as written, without a slash at the end.
    pub url: String,
    /// Region of the bucket, on `s3://` only; `None`: what the environment says.
    pub region: Option<String>,
    /// `http://` or `https://` address of the service where it is not the provider's own, without a slash at the end;
    /// `http://` only to `s3://`, which sends no key, and to this machine.
    pub endpoint: Option<String>,
    /// Whether the bucket is in the path, not in the host name; on `s3://` only. `None`: as suits the service.
    pub path_style: Option<bool>,
    /// Promised by the user: one process at a time writes there.
    pub single_writer: bool,
    /// How the service encrypts; other than [`Encryption::Bucket`] on `s3://` only.
    pub encryption: Encryption,
    /// Storage account, on `az://` only; `None`: what the environment says.
    pub account: Option<String>,
}

/// Encryption by the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Encryption {
    /// As the bucket is set up.
    Bucket,
    /// `AES256`, with keys of S3.
    Aes256,
    /// `aws:kms`.
    Kms {
        /// Id, ARN or alias of the key; `None`: the account's own.
        key: Option<String>,
        /// Whether the bucket's key is used, which costs fewer calls of KMS.
        bucket_key: bool,
    },
}

impl DestinationLocation {
    /// A location inside this one; `folder` is one name.
    #[must_use]
    pub fn join(&self, folder: &str) -> Self {
        match self {
            Self::Folder(path) => Self::Folder(path.join(folder)),
            Self::Bucket(bucket) => Self::Bucket(BucketLocation {
                url: format!("{}/{folder}", bucket.url),
                ..bucket.clone()
            }),
        }
    }
}

/// The folder's path, or the bucket's URL.
impl fmt::Display for DestinationLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => path.display().fmt(f),
            Self::Bucket(bucket) => f.write_str(&bucket.url),
        }
    }
}

/// As the file has it, for a person.
impl fmt::Display for Encryption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bucket => f.write_str("as the bucket is set up"),
            Self::Aes256 => f.write_str("aes256"),
            Self::Kms { key, bucket_key } => {
                f.write_str("kms")?;
                if let Some(key) = key {
                    write!(f, " with the key {key}")?;
                }
                f.write_str(if *bucket_key {
                    ", through the bucket's key"
                } else {
                    ""
                })
            }
        }
    }
}
