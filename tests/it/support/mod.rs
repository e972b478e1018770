//! What behaviour tests share: a sandbox, a configuration, the program, and rows in a form that two sources can be compared
//! in.

mod clock;
mod context;
mod oracle;
mod processes;
mod relay;
mod reports;
mod rows;
mod values;

pub use clock::{noon, now, today};
pub use context::{CLOCK, KEY, Ran, TestContext, preset, start_sandbox, unlimited};
pub use processes::{signal, start, wait_until};
pub use relay::Relay;
pub use reports::{ANCHORS, KEYWORDS, LINKS, MANY, RATING, TWO_TARGETS, number, numbered_targets};
pub use rows::{parquet_files, read_rows, size_and_hash};
pub use values::{canonical_arrow, canonical_json, is_json};
