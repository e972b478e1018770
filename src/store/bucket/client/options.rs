//! How a bucket is opened: endpoint, region, encryption, credentials, limits.

use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use object_store::aws::AwsCredentialProvider;

/// How long a process that does not renew its lease keeps what it holds.
const LEASE: Duration = Duration::from_mins(1);

/// Longest time that one operation is tried: a store that is moved or restarted is back by then.
const PATIENCE: Duration = Duration::from_mins(3);

/// Another length of leases, for tests that wait for their end.
static LEASE_OVERRIDE: OnceLock<Duration> = OnceLock::new();

/// Another patience with a store that fails, for tests of the final error.
static PATIENCE_OVERRIDE: OnceLock<Duration> = OnceLock::new();

/// Sets the length of the leases of this process. The first call counts.
pub fn set_lease(lease: Duration) {
    let _ = LEASE_OVERRIDE.set(lease);
}

/// Sets how long operations of this process are tried. The first call counts.
pub fn set_patience(patience: Duration) {
    let _ = PATIENCE_OVERRIDE.set(patience);
}

/// How a bucket is opened. The defaults suit AWS, Google and Azure.
#[derive(Debug, Clone)]
pub struct BucketOptions {
    /// Address of the service where it is not the provider's own: an S3-compatible service, an emulator.
    pub endpoint: Option<String>,
    /// Region of the bucket; `None`: `AWS_REGION`, else `us-east-1`.
    pub region: Option<String>,
    /// Whether the bucket is named in the path, not in the host's name. `None`: in the path, which every service accepts.
    pub path_style: Option<bool>,
    /// How the service encrypts what it stores.
    pub encryption: Encryption,
    /// Storage account of an Azure container; `None`: `AZURE_STORAGE_ACCOUNT_NAME`.
    pub account: Option<String>,
    /// Where the credentials come from.
    pub credentials: Credentials,
    /// Who else writes there.
    pub writers: Writers,
    /// Longest time that one operation is tried, waits included.
    pub patience: Duration,
    /// Longest time that one request may take.
    pub request_timeout: Duration,
    /// Bytes of a part of an upload; at most 10,000 parts make an object.
    pub part_bytes: usize,
    /// Parts that are sent at a time. With the one being filled they are all that an upload holds in memory.
    pub concurrent_parts: usize,
    /// How long a process that does not renew its lease keeps a partition or a task.
    pub lease: Duration,
}

impl Default for BucketOptions {
    fn default() -> Self {
        Self {
            endpoint: None,
            region: None,
            path_style: None,
            encryption: Encryption::Default,
            account: None,
            credentials: Credentials::Chain,
            writers: Writers::Shared,
            patience: PATIENCE_OVERRIDE.get().copied().unwrap_or(PATIENCE),
            request_timeout: Duration::from_mins(2),
            part_bytes: 16 << 20,
            concurrent_parts: 4,
            lease: LEASE_OVERRIDE.get().copied().unwrap_or(LEASE),
        }
    }
}

/// Encryption by the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Encryption {
    /// As the bucket is configured.
    Default,
    /// `AES256`, with keys of S3.
    S3,
    /// `aws:kms`.
    Kms {
        /// The key; `None`: the account's own.
        key: Option<String>,
        /// Whether the bucket's key is used, which costs fewer calls of KMS.
        bucket_key: bool,
    },
}

/// Where the credentials come from.
#[derive(Clone)]
pub enum Credentials {
    /// The provider's usual chain: environment, workload identity, the instance's or container's own.
    Chain,
    /// A source of credentials for S3.
    S3(AwsCredentialProvider),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Chain => "Chain",
            Self::S3(_) => "S3(***)",
        })
    }
}

/// Who writes into a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writers {
    /// Any number of processes: needs create-if-absent and compare-and-swap of the store.
    Shared,
    /// One process at a time, as the user promises: for stores without conditional writes. Nothing prevents a second.
    Single,
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn credentials_are_not_printed() {
        let credential = object_store::aws::AwsCredential {
            key_id: "id".into(),
            secret_key: "hush".into(),
            token: None,
        };
        let provider = object_store::StaticCredentialProvider::new(credential);
        let options = BucketOptions {
            credentials: Credentials::S3(Arc::new(provider)),
            ..BucketOptions::default()
        };
        assert!(!format!("{options:?}").contains("hush"));
    }
}
