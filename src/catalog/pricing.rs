//! How requests are priced, and which are free.

/// Smallest cost of a billed request, in units.
pub const MIN_UNITS_PER_REQUEST: u64 = 50;

/// Targets whose queries are free, with at most [`FREE_ROWS`] rows a request.
pub const FREE_TARGETS: [&str; 3] = ["ahrefs.com", "yep.com", "firehose.com"];

/// Keywords whose queries are free.
pub const FREE_KEYWORDS: [&str; 3] = ["ahrefs", "yep", "firehose"];

/// Maximum rows of a free query; also the smallest row cap of any plan.
pub const FREE_ROWS: u32 = 100;

/// How requests of an operation are priced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pricing {
    /// They cost nothing.
    Free,
    /// Each costs this many units.
    Fixed(u64),
    /// `max(50, rows × units per row)`.
    PerRow,
}
