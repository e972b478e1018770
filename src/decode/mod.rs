//! Module `decode`: bytes → record batches of a known schema, and the keys that paging needs.
//!
//! ```text
//! body ─▶ decompress ─▶ UTF-8 check ─▶ scanner ─▶ column builders ─▶ RecordBatch ─▶ digests
//!                                                              └──▶ keys
//! ```
//! A pull scanner walks the text once and writes each value straight into the builder of its column; there is no tree of
//! values and no allocation per row. Pure and synchronous; it knows nothing of files, requests or time.
//!
//! Invariants: a page is decoded whole or not at all; what was unusual but readable is counted in [`DecodeNotes`], never
//! silent. The rules:
//! - Keys are expected in the order requested; any other order is read as well. Of a key that an object repeats the first
//!   value counts, the others are skipped and counted.
//! - `26.0` and `2.6e1` are integers in an integer column, `26` is a float in a float column; an integer beyond 64 bits, a
//!   fraction in an integer column, or a float beyond range does not fit.
//! - A date may carry a time of midnight UTC; a date-time may be a date alone (midnight), lack its zone (UTC), carry an
//!   offset (converted), or a fraction (digits beyond microseconds are cut off).
//! - An array whose positions are named fields is read as an object: missing positions are null and counted as missing,
//!   further ones are skipped and counted by index.
//! - A value that the catalog does not list for an enum is kept and counted, the first of them with their names.
//! - Unpaired surrogates become U+FFFD and are counted; `\u0000` is kept; raw control characters are invalid JSON.

mod column;
mod compression;
mod decoder;
mod digest;
mod enum_values;
mod error;
mod json_text;
mod keys;
mod notes;
mod number;
mod object_reader;
mod on_bad_value;
mod page;
mod page_schema;
mod plain_text;
mod scanner;
mod time;
mod value_column;

pub use compression::decompress;
pub use decoder::Decoder;
pub use digest::row_digests;
pub use enum_values::UnknownValues;
pub use error::DecodeError;
pub use notes::{BadValue, DecodeNotes};
pub use on_bad_value::OnBadValue;
pub use page::Page;
pub use page_schema::PageSchema;
