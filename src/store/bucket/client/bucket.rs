//! An opened bucket, and how names map to its objects.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use object_store::ObjectStore;
use object_store::aws::AmazonS3;
use object_store::azure::MicrosoftAzure;
use object_store::gcp::GoogleCloudStorage;
use object_store::multipart::MultipartStore;
use object_store::path::Path;

use super::address::{Address, Scheme};
use super::options::BucketOptions;
use super::s3::S3Extra;
use crate::error::{Error, ErrorCode, Result};

/// A bucket, opened. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Bucket {
    pub(crate) backend: Backend,
    pub(crate) address: Arc<Address>,
    pub(crate) options: Arc<BucketOptions>,
    /// When each run of another process was last seen to renew its lease.
    pub(crate) seen_alive: Arc<Mutex<BTreeMap<String, Instant>>>,
}

#[derive(Debug, Clone)]
pub(crate) enum Backend {
    S3(Arc<AmazonS3>, Arc<S3Extra>),
    Gs(Arc<GoogleCloudStorage>),
    Az(Arc<MicrosoftAzure>),
}

impl Bucket {
    pub(crate) fn objects(&self) -> &dyn ObjectStore {
        match &self.backend {
            Backend::S3(store, _) => &**store,
            Backend::Gs(store) => &**store,
            Backend::Az(store) => &**store,
        }
    }

    pub(crate) fn multipart(&self) -> &dyn MultipartStore {
        match &self.backend {
            Backend::S3(store, _) => &**store,
            Backend::Gs(store) => &**store,
            Backend::Az(store) => &**store,
        }
    }

    /// Makes sure that there are credentials, and renews those that are about to expire.
    pub(crate) async fn ensure_credentials(&self) -> object_store::Result<()> {
        match &self.backend {
            Backend::S3(store, _) => store.credentials().get_credential().await.map(drop),
            Backend::Gs(store) => store.credentials().get_credential().await.map(drop),
            Backend::Az(store) => store.credentials().get_credential().await.map(drop),
        }
    }

    pub(crate) fn scheme(&self) -> Scheme {
        self.address.scheme
    }

    /// The same bucket, with one attempt for each request.
    pub(crate) fn without_retries(&self) -> Self {
        let options = BucketOptions {
            patience: Duration::ZERO,
            ..(*self.options).clone()
        };
        Self {
            options: Arc::new(options),
            ..self.clone()
        }
    }

    /// The options that it was opened with.
    pub fn options(&self) -> &BucketOptions {
        &self.options
    }

    /// The bucket and prefix, as people write it.
    pub fn location(&self) -> String {
        let scheme = match self.scheme() {
            Scheme::S3 => "s3",
            Scheme::Gs => "gs",
            Scheme::Az => "az",
        };
        let address = &self.address;
        match address.prefix.as_ref() {
            "" => format!("{scheme}://{}", address.bucket),
            prefix => format!("{scheme}://{}/{prefix}", address.bucket),
        }
    }

    /// The bucket's name.
    pub(crate) fn name(&self) -> &str {
        &self.address.bucket
    }

    /// Path of an object, by its name below the prefix.
    pub(crate) fn path(&self, name: &str) -> Result<Path> {
        let prefix = self.address.prefix.as_ref();
        let path = if prefix.is_empty() {
            name.to_owned()
        } else {
            format!("{prefix}/{name}")
        };
        Path::parse(path.trim_end_matches('/')).map_err(|error| {
            Error::new(ErrorCode::Internal, format!("invalid object name `{name}`"))
                .with_source(error)
        })
    }

    /// The name below the prefix; `None` for what is not below it.
    pub(crate) fn name_of(&self, path: &Path) -> Option<String> {
        let prefix = self.address.prefix.as_ref();
        let name = path.as_ref().strip_prefix(prefix)?;
        if prefix.is_empty() {
            Some(name.to_owned())
        } else {
            name.strip_prefix('/').map(str::to_owned)
        }
    }
}
