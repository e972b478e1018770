//! Which commit an object is of, by its Parquet footer: decides about a complete whose answer was lost.

use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};

use super::client::{Bucket, Version};
use crate::error::{Error, ErrorCode, Result};

/// Most footers are smaller; larger ones take a second request.
const TAIL_BYTES: u64 = 64 << 10;

/// The footer's name for the commit.
const COMMIT_ID: &str = "backhaul.commit_id";

impl Bucket {
    /// The commit that wrote an object; `None` if it does not exist, or was not written by a commit.
    ///
    /// # Errors
    /// [`ErrorCode::Destination`] if the store does not answer.
    pub async fn commit_of(&self, name: &str) -> Result<Option<String>> {
        let Some((metadata, version)) = self.head(name).await? else {
            return Ok(None);
        };
        let Some(footer) = self.footer(name, metadata.bytes, &version).await? else {
            return Ok(None);
        };
        let Some(pairs) = footer.file_metadata().key_value_metadata() else {
            return Ok(None);
        };
        let pair = pairs.iter().find(|pair| pair.key == COMMIT_ID);
        Ok(pair.and_then(|pair| pair.value.clone()))
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
                // Not Parquet: no commit wrote it.
                Err(_) => return Ok(None),
            }
        }
    }
}

fn unreadable(error: ParquetError) -> Error {
    Error::new(ErrorCode::Internal, "a parsed Parquet footer is missing").with_source(error)
}
