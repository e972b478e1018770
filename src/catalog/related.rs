//! Other operations that return numbers of the same operation: of many targets at once, or of its rows.

use std::collections::BTreeMap;

/// A number of another operation that counts an operation's rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowCount {
    /// The parameters under which it does.
    pub when: Vec<(String, String)>,
    /// The operation that returns it, one row for a target.
    pub endpoint: String,
    /// Its column.
    pub column: String,
}

/// An operation that returns the same numbers of many targets in one request. Marked only where the vendor's own words leave no doubt:
/// Domain Rating and Ahrefs Rank are numbers of a domain today, in any account. Counts of links, domains, keywords and traffic
/// are not marked: other operations return them by date, history or country, and nothing shows that they agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The operation, which has present values only.
    pub operation: String,
    /// Its columns, by the name that they have here.
    pub columns: BTreeMap<String, String>,
    /// Columns here that are null where the other operation, which has no nulls, may return 0: no domain has rank 0.
    pub zero_is_null: Vec<String>,
}
