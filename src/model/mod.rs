//! The few types that every module shares: key values, identifiers, dates, requests and responses. Data only.

mod exchange;
mod ids;
mod page_keys;
mod snapshot_date;
mod text;
mod value;

pub use exchange::{Answer, Encoding, Method, Price, Request};
pub use ids::{RunId, TaskId};
pub use page_keys::PageKeys;
pub use snapshot_date::SnapshotDate;
pub use text::{hex, percent_encode_into};
pub use value::{Key, Value, format_time};
