//! Which commit an object is of, by the footer of its Parquet: the judge of a complete whose answer says nothing.

use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};

use super::Bucket;
use super::objects::Version;
use crate::error::{Code, Error, Result};

/// Most footers are smaller; larger ones take a second request.
const TAIL_BYTES: u64 = 64 << 10;

/// The footer's name for the commit.
const COMMIT_ID: &str = "backhaul.commit_id";

impl Bucket {
    /// The commit whose object lies there; `None` if none lies there, or one that no commit wrote.
    ///
    /// # Errors
    /// [`Code::Destination`] if the store does not say.
    pub async fn commit_of(&self, name: &str) -> Result<Option<String>> {
        let Some((listed, version)) = self.head(name).await? else {
            return Ok(None);
        };
        let Some(metadata) = self.footer(name, listed.bytes, &version).await? else {
            return Ok(None);
        };
        let pairs = metadata
            .file_metadata()
            .key_value_metadata()
            .map(Vec::as_slice)
            .unwrap_or_default();
        Ok(pairs
            .iter()
            .find(|pair| pair.key == COMMIT_ID)
            .and_then(|pair| pair.value.clone()))
    }

    async fn footer(
        &self,
        name: &str,
        size: u64,
        version: &Version,
    ) -> Result<Option<ParquetMetaData>> {
        let mut tail = TAIL_BYTES;
        loop {
            let start = size.saturating_sub(tail);
            let bytes: Bytes = self.get_range(name, start..size, Some(version)).await?;
            let mut reader = ParquetMetaDataReader::new();
            match reader.try_parse_sized(&bytes, size) {
                Ok(()) => return reader.finish().map(Some).map_err(unreadable),
                Err(ParquetError::NeedMoreData(needed)) if start > 0 => {
                    tail = u64::try_from(needed).unwrap_or(u64::MAX).max(tail + 1);
                }
                // No Parquet at all: nobody's commit.
                Err(_) => return Ok(None),
            }
        }
    }
}

fn unreadable(error: ParquetError) -> Error {
    Error::new(Code::Internal, "a footer that was parsed is not there").with_source(error)
}
