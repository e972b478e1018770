//! The destination that a configuration names, opened.

use std::sync::Arc;

use crate::config::{BucketLocation, DestinationLocation, Encryption, RunConfig};
use crate::error::Result;
use crate::landing::ResponseStore;
use crate::store::bucket::{self, BucketOptions, Writers};
use crate::store::{Disk, DiskFiles, Remote, Replace, Store};

/// A configuration's destination, to be read: nothing is created.
///
/// # Errors
/// What keeps a bucket from being opened: [`crate::error::ErrorCode::Url`], [`crate::error::ErrorCode::Config`].
pub(crate) fn open_read_only(config: &RunConfig) -> Result<Store> {
    match &config.destination.location {
        DestinationLocation::Folder(path) => Ok(Store::open_read_only(path)),
        DestinationLocation::Bucket(place) => remote(place),
    }
}

/// The same, to be written: a folder's own folders are created.
///
/// # Errors
/// As [`open_read_only`], and [`crate::error::ErrorCode::Destination`].
pub(crate) fn open_for_writing(config: &RunConfig) -> Result<Store> {
    match &config.destination.location {
        DestinationLocation::Folder(path) => {
            let replace = if config.destination.may_leave_gaps {
                Replace::Gap
            } else {
                Replace::Exchange
            };
            Ok(Store::Disk(Disk::open(path)?.with_replace(replace)))
        }
        DestinationLocation::Bucket(place) => remote(place),
    }
}

fn remote(place: &BucketLocation) -> Result<Store> {
    let options = BucketOptions {
        endpoint: place.endpoint.clone(),
        region: place.region.clone(),
        path_style: place.path_style,
        account: place.account.clone(),
        encryption: match place.encryption.clone() {
            Encryption::Bucket => bucket::Encryption::Default,
            Encryption::Aes256 => bucket::Encryption::S3,
            Encryption::Kms { key, bucket_key } => bucket::Encryption::Kms { key, bucket_key },
        },
        writers: if place.single_writer {
            Writers::Single
        } else {
            Writers::Shared
        },
        ..BucketOptions::default()
    };
    Remote::open(&place.url, options).map(Store::Bucket)
}

/// The store of a configuration's saved responses.
pub(crate) fn response_store(config: &RunConfig, store: &Store) -> ResponseStore {
    let folder = config.destination.responses.clone();
    match folder {
        Some(folder) => ResponseStore::new(Arc::new(DiskFiles::new(folder))),
        None => ResponseStore::new(store.files("responses")),
    }
}
