//! Where the data files are, in the terms of `warehouse`.

use std::path::{Path, PathBuf};

use crate::config::{DestinationLocation, RunConfig};
use crate::error::{Error, ErrorCode, Result};
use crate::warehouse::{Bucket, DataLocation, StorageService};

/// Where the files of a configuration are.
///
/// # Errors
/// [`ErrorCode::Destination`] for a folder that a statement cannot name.
pub(in crate::cli) fn data_location(config: &RunConfig) -> Result<DataLocation> {
    let bucket = match &config.destination.location {
        DestinationLocation::Folder(path) => return folder(path),
        DestinationLocation::Bucket(bucket) => bucket,
    };
    let (scheme, rest) = bucket.url.split_once("://").unwrap_or_default();
    let (name, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let service = match scheme {
        "gs" => StorageService::Google,
        "az" => StorageService::Azure,
        _ => StorageService::S3,
    };
    Ok(DataLocation::Bucket(Bucket {
        service,
        name: name.to_owned(),
        prefix: prefix.trim_matches('/').to_owned(),
        endpoint: bucket.endpoint.clone(),
        region: bucket.region.clone(),
        account: bucket.account.clone(),
    }))
}

fn folder(path: &Path) -> Result<DataLocation> {
    let absolute = match std::path::absolute(path) {
        Ok(absolute) => absolute,
        Err(error) => {
            let message = format!("cannot find the absolute path of {}", path.display());
            return Err(Error::new(ErrorCode::Destination, message).with_source(error));
        }
    };
    // `./` and `//` would be in every statement.
    let clean: PathBuf = absolute.components().collect();
    let Some(text) = clean.to_str() else {
        let message = format!("the path {} is not UTF-8", clean.display());
        return Err(Error::new(ErrorCode::Destination, message)
            .with_hint("rename the folder: statements name it as text"));
    };
    Ok(DataLocation::Folder(text.to_owned()))
}
