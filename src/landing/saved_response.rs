//! One saved response: a line with the checksum, a line of JSON with the header, then the body.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::error::{Error, ErrorCode, Result};
use crate::model::{Answer, Encoding, Price, Request, RunId, TaskId, hex};

/// First line: the name of the format and its version, then a CRC-32 of everything after the line.
const MAGIC: &str = "backhaul-response-1 ";

/// Fast: a body is compressed once and read once or never.
const ZSTD_LEVEL: i32 = 1;

/// What is kept of a response beside its body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResponseHeader {
    /// Number of the response within its attempt, from 0.
    pub sequence: u32,
    /// The run that paid for it.
    pub run: RunId,
    /// The request.
    pub request: Request,
    /// The price by the HTTP headers.
    pub price: Price,
    /// Units charged.
    pub units: u64,
    /// Compression of the body as saved.
    pub encoding: Encoding,
    /// SHA-256 of the body as received, in hexadecimal.
    pub body_sha256: String,
    /// When the last byte arrived, in microseconds since 1970-01-01T00:00:00Z.
    pub received_at: i64,
    /// Attempts that it took.
    pub attempts: u32,
    /// What the paging of its attempt was given, which is needed to build on it again.
    #[serde(default, rename = "remark")]
    pub inputs: serde_json::Value,
    /// Where it comes from, if it was not received for this task alone.
    #[serde(default, rename = "source", skip_serializing_if = "Option::is_none")]
    pub origin: Option<AnswerOrigin>,
}

/// Where a response comes from that was not received for its task alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerOrigin {
    /// It was received for another task of the night, which sends the same request and paid for it.
    SameAs(TaskId),
    /// It is a part of a response for many targets.
    Batch {
        /// The operation of the request.
        operation: String,
        /// Targets of the request.
        targets: u32,
        /// Whether the request is counted here: it is counted at one of them.
        is_counted: bool,
    },
}

/// A response with its header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedResponse {
    /// Everything but the body.
    pub header: ResponseHeader,
    /// The body, compressed as the header says.
    pub body: Bytes,
}

/// The header at the start of a file; `None` where there is none, or where it continues beyond these bytes.
pub(super) fn parse_header(start: &[u8]) -> Option<ResponseHeader> {
    let rest = start.strip_prefix(MAGIC.as_bytes())?;
    let mut lines = rest.splitn(3, |byte| *byte == b'\n');
    let (_checksum, header, _body) = (lines.next()?, lines.next()?, lines.next()?);
    serde_json::from_slice(header).ok()
}

impl SavedResponse {
    /// Prepares a response for saving: compressed bodies stay as received, others are compressed fast.
    ///
    /// # Errors
    /// [`ErrorCode::Internal`] if the compressor fails.
    pub fn new(
        sequence: u32,
        run: &RunId,
        request: Request,
        answer: Answer,
        units: u64,
    ) -> Result<Self> {
        let body_sha256 = hex(&Sha256::digest(&answer.body));
        let (encoding, body) = match answer.encoding {
            Encoding::Identity => {
                let body = zstd::bulk::compress(&answer.body, ZSTD_LEVEL).map_err(|error| {
                    Error::new(ErrorCode::Internal, "a response cannot be compressed")
                        .with_source(error)
                })?;
                (Encoding::Zstd, Bytes::from(body))
            }
            encoding @ (Encoding::Gzip | Encoding::Zstd) => (encoding, answer.body),
        };
        let header = ResponseHeader {
            sequence,
            run: run.clone(),
            request,
            price: answer.price,
            units,
            encoding,
            body_sha256,
            received_at: answer.received_at.timestamp_micros(),
            attempts: answer.attempts,
            inputs: serde_json::Value::Null,
            origin: None,
        };
        Ok(Self { header, body })
    }

    /// The file's content.
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>> {
        let header = serde_json::to_vec(&self.header).map_err(|error| {
            Error::new(ErrorCode::Internal, "a response's header cannot be written")
                .with_source(error)
        })?;
        let mut checksum = crc32fast::Hasher::new();
        for part in [&header[..], b"\n", &self.body] {
            checksum.update(part);
        }
        let mut bytes = format!("{MAGIC}{:08x}\n", checksum.finalize()).into_bytes();
        bytes.extend_from_slice(&header);
        bytes.push(b'\n');
        bytes.extend_from_slice(&self.body);
        Ok(bytes)
    }

    /// Reads a file's content; `None` for anything but what [`SavedResponse::to_bytes`] wrote, to the last bit.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(MAGIC.as_bytes())?;
        let (checksum, rest) = rest.split_at_checked(8)?;
        let checksum = std::str::from_utf8(checksum).ok()?;
        let rest = rest.strip_prefix(b"\n")?;
        // Compared as text: a checksum in upper case is damage too.
        if format!("{:08x}", crc32fast::hash(rest)) != checksum {
            return None;
        }
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        let (header, body) = rest.split_at_checked(end)?;
        let header = serde_json::from_slice(header).ok()?;
        Some(Self {
            header,
            body: Bytes::copy_from_slice(body.strip_prefix(b"\n")?),
        })
    }
}
