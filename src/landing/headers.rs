//! The headers of saved responses, read without their bodies.

use super::attempt::{Attempt, SUFFIX, task_folder};
use super::response_store::ResponseStore;
use super::saved_response::{ResponseHeader, SavedResponse, parse_header};
use crate::error::Result;
use crate::model::{SnapshotDate, TaskId};

/// Bytes in which a header is found, unless the request is very long.
const HEADER_BYTES: usize = 16 << 10;

impl ResponseStore {
    /// The header of any one response of a task, also of one that was set aside; `None` if none of them can be read.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`].
    pub fn any_header(&self, night: SnapshotDate, task: &TaskId) -> Result<Option<ResponseHeader>> {
        let folder = task_folder(night, task);
        for name in self.files.list_all(&folder)? {
            if let Some(bytes) = self.files.load(&format!("{folder}/{name}"))?
                && let Some(response) = SavedResponse::from_bytes(&bytes)
            {
                return Ok(Some(response.header));
            }
        }
        Ok(None)
    }

    /// The headers of an attempt's responses, in no order; without those that were set aside.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`].
    pub fn headers(&self, attempt: &Attempt) -> Result<Vec<ResponseHeader>> {
        let folder = attempt.folder();
        let mut headers = Vec::new();
        for name in self.files.list(&folder)? {
            if name.ends_with(SUFFIX) {
                headers.extend(self.load_header(&format!("{folder}/{name}"))?);
            }
        }
        Ok(headers)
    }

    /// The headers of all responses of the nights from one on, set aside or not.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`].
    pub fn headers_from(&self, first: SnapshotDate) -> Result<Vec<(TaskId, ResponseHeader)>> {
        let mut headers = Vec::new();
        for night in self.nights()?.range(first..) {
            let night = night.to_string();
            for name in self.files.list_all(&night)? {
                let task = name.split('/').next().unwrap_or_default();
                if let Some(header) = self.load_header(&format!("{night}/{name}"))? {
                    headers.push((TaskId::new(task), header));
                }
            }
        }
        Ok(headers)
    }

    /// The header of a file; `None` where there is none. The checksum covers the body too and is not checked: a file has
    /// its name only once it is whole.
    fn load_header(&self, name: &str) -> Result<Option<ResponseHeader>> {
        let Some(start) = self.files.load_start(name, HEADER_BYTES)? else {
            return Ok(None);
        };
        let header = parse_header(&start);
        if header.is_some() || start.len() < HEADER_BYTES {
            return Ok(header);
        }
        match self.files.load(name)? {
            Some(bytes) => Ok(parse_header(&bytes)),
            None => Ok(None),
        }
    }
}
