//! Room `decode`: bytes → record batches of a known schema, and the keys that paging needs.
//!
//! ```text
//! body ─▶ decompress ─▶ UTF-8 check ─▶ scanner ─▶ column builders ─▶ RecordBatch ─▶ digests
//!                                                              └──▶ keys
//! ```
//! A pull scanner walks the text once and writes each value straight into the builder of its column; there is no tree of
//! values and no allocation per row. Pure and synchronous; it knows nothing of files, requests or time.
//!
//! Invariants: a page comes whole or as an error; what was unusual but readable is counted in [`Notes`], never silent.
//! What counts as what:
//! - Keys are expected in the order asked; any other order is read as well. A key that stands twice in an object: the
//!   first one counts, the others are skipped and counted.
//! - `26.0` and `2.6e1` are integers in an integer column, `26` is a float in a float column; a whole number beyond 64
//!   bits, a fraction in an integer column, or a float beyond range does not fit.
//! - A date may carry a time of midnight UTC; a date-time may be a date alone (midnight), lack its zone (UTC), carry an
//!   offset (converted), or a fraction (digits beyond microseconds are cut off).
//! - An array for an object whose places have names fills its fields by place: places that are missing are null and counted
//!   as missing, further ones are skipped and counted by number.
//! - A value that the catalog does not list for an enum is kept and counted, with the first of them by name.
//! - Unpaired surrogates become U+FFFD and are counted; `\u0000` is kept; raw control characters are no JSON.

mod column;
mod compression;
mod decoder;
mod digest;
mod error;
mod fields;
mod json_text;
mod keys;
mod notes;
mod number;
mod page;
mod scanner;
mod time;
mod vocabulary;

pub use compression::{MAX_BODY_BYTES, decompress};
pub use decoder::{Decoder, Page};
pub use error::DecodeError;
pub use notes::{BadValue, Notes};
pub use page::{OnBadValue, PageSchema};
pub use scanner::MAX_DEPTH;
pub use vocabulary::UnknownValues;
