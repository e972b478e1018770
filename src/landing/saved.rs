//! One saved response: a line with the checksum, a line of JSON, then the body.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::error::{Code, Error, Result};
use crate::model::{Answer, Encoding, Price, Request, TaskId, hex};

/// First line: a word that names the format and its version, then a CRC-32 of everything behind the line.
const MAGIC: &str = "backhaul-response-1 ";

/// Fast: a body is compressed once and read once or never.
const ZSTD_LEVEL: i32 = 1;

/// What is kept of an answer beside its body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Number of the answer within its task, from 0.
    pub sequence: u32,
    /// The run that paid for it.
    pub run: String,
    /// What was asked.
    pub request: Request,
    /// What the headers said of the price.
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
    /// Whatever the one who saved it needs in order to build on it again.
    #[serde(default)]
    pub remark: serde_json::Value,
    /// Where it comes from, if it was not received for this task alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
}

/// Where an answer comes from that was not received for its task alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// It was received for another task of the night, which asks the same and paid for it.
    SameAs(TaskId),
    /// It is a part of an answer for many targets.
    Batch {
        /// The operation that was asked.
        operation: String,
        /// Targets that were asked about.
        targets: u32,
        /// Whether the request is counted here: it is at one of them.
        is_counted: bool,
    },
}

/// An answer with all that is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    /// All but the body.
    pub header: Header,
    /// The body, compressed as the header says.
    pub body: Bytes,
}

/// The header at the start of a file; `None` where there is none, or where it goes on beyond these bytes.
pub(super) fn header(start: &[u8]) -> Option<Header> {
    let rest = start.strip_prefix(MAGIC.as_bytes())?;
    let mut lines = rest.splitn(3, |byte| *byte == b'\n');
    let (_checksum, header, _body) = (lines.next()?, lines.next()?, lines.next()?);
    serde_json::from_slice(header).ok()
}

impl Saved {
    /// Prepares an answer for saving: compressed bodies stay as received, others are compressed fast.
    ///
    /// # Errors
    /// [`Code::Internal`] if the compressor fails.
    pub fn new(
        sequence: u32,
        run: &str,
        request: Request,
        answer: Answer,
        units: u64,
    ) -> Result<Self> {
        let body_sha256 = hex(&Sha256::digest(&answer.body));
        let (encoding, body) = match answer.encoding {
            Encoding::Identity => {
                let body = zstd::bulk::compress(&answer.body, ZSTD_LEVEL).map_err(|error| {
                    Error::new(Code::Internal, "a response cannot be compressed").with_source(error)
                })?;
                (Encoding::Zstd, Bytes::from(body))
            }
            encoding @ (Encoding::Gzip | Encoding::Zstd) => (encoding, answer.body),
        };
        let header = Header {
            sequence,
            run: run.to_owned(),
            request,
            price: answer.price,
            units,
            encoding,
            body_sha256,
            received_at: answer.received_at.timestamp_micros(),
            attempts: answer.attempts,
            remark: serde_json::Value::Null,
            source: None,
        };
        Ok(Self { header, body })
    }

    /// The file's content.
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>> {
        let header = serde_json::to_vec(&self.header).map_err(|error| {
            Error::new(Code::Internal, "a response's header cannot be written").with_source(error)
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

    /// Reads a file's content; `None` for anything but what [`Saved::to_bytes`] wrote, to the last bit.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(MAGIC.as_bytes())?;
        let (checksum, rest) = rest.split_at_checked(8)?;
        let checksum = std::str::from_utf8(checksum).ok()?;
        let rest = rest.strip_prefix(b"\n")?;
        // Compared as text: a checksum in other letters is another text, hence damage.
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
