//! Where the data files are.

use std::fmt;

/// A service that stores objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StorageService {
    /// Amazon S3, or a service with its protocol.
    S3,
    /// Google Cloud Storage.
    Google,
    /// Azure Blob Storage.
    Azure,
}

/// Where the data files are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataLocation {
    /// A folder, by its absolute path.
    Folder(String),
    /// A bucket.
    Bucket(Bucket),
}

/// A bucket, and a prefix in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// The service that has it.
    pub service: StorageService,
    /// Its name; of a container on Azure.
    pub name: String,
    /// The prefix of every object's name, without slashes at its ends; may be empty.
    pub prefix: String,
    /// Address of the service where it is not the provider's own.
    pub endpoint: Option<String>,
    /// Region of an S3 bucket, where it is known.
    pub region: Option<String>,
    /// Azure's storage account, where it is known.
    pub account: Option<String>,
}

/// What distinguishes the places where engines can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LocationKind {
    /// A folder of this machine.
    Folder,
    /// A bucket of the service.
    Bucket(StorageService),
}

impl StorageService {
    /// The scheme of URLs in the configuration.
    fn scheme(self) -> &'static str {
        match self {
            Self::S3 => "s3://",
            Self::Google => "gs://",
            Self::Azure => "az://",
        }
    }
}

impl LocationKind {
    /// All.
    pub(super) const ALL: [Self; 4] = [
        Self::Folder,
        Self::Bucket(StorageService::S3),
        Self::Bucket(StorageService::Google),
        Self::Bucket(StorageService::Azure),
    ];

    /// Any bucket.
    pub(super) const BUCKETS: [Self; 3] = [
        Self::Bucket(StorageService::S3),
        Self::Bucket(StorageService::Google),
        Self::Bucket(StorageService::Azure),
    ];

    /// As it is written in messages: `s3://`.
    fn as_str(self) -> &'static str {
        match self {
            Self::Folder => "folders",
            Self::Bucket(service) => service.scheme(),
        }
    }
}

impl LocationKind {
    /// Several: `s3://, gs:// or az://`.
    pub(super) fn list(kinds: &[Self]) -> String {
        let mut text = String::new();
        for (index, kind) in kinds.iter().enumerate() {
            if index > 0 {
                let is_last = index + 1 == kinds.len();
                text.push_str(if is_last { " or " } else { ", " });
            }
            text.push_str(kind.as_str());
        }
        text
    }
}

impl DataLocation {
    /// A bucket that shows what statements look like.
    pub(super) fn example(service: StorageService) -> Self {
        Self::Bucket(Bucket {
            service,
            name: "your-bucket".to_owned(),
            prefix: "ahrefs".to_owned(),
            endpoint: None,
            region: None,
            account: None,
        })
    }

    /// Its kind.
    pub(super) fn kind(&self) -> LocationKind {
        match self {
            Self::Folder(_) => LocationKind::Folder,
            Self::Bucket(bucket) => LocationKind::Bucket(bucket.service),
        }
    }
}

impl Bucket {
    /// The full name of an object that is named from the prefix on.
    pub(super) fn object_name(&self, name: &str) -> String {
        if self.prefix.is_empty() {
            name.to_owned()
        } else {
            format!("{}/{name}", self.prefix)
        }
    }

    /// Azure's storage account; a word to replace where it is unknown.
    pub(super) fn account_name(&self) -> &str {
        self.account.as_deref().unwrap_or("ACCOUNT")
    }
}

impl fmt::Display for DataLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(root) => f.write_str(root),
            Self::Bucket(bucket) => {
                let slash = if bucket.prefix.is_empty() { "" } else { "/" };
                let scheme = bucket.service.scheme();
                write!(f, "{scheme}{}{slash}{}", bucket.name, bucket.prefix)
            }
        }
    }
}
