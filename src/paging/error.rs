//! How paging fails: loudly, naming the assumption, the value and the columns.

use thiserror::Error;

use crate::error::{Error, ErrorCode};
use crate::model::Value;

use super::assumption::Assumption;

/// Why paging of a task cannot continue. The pager that returned one must not be used again.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PagingError {
    /// The task has a filter, and filters are known to be ignored.
    #[error(
        "the filter cannot be trusted: {} is known to be false",
        Assumption::WhereHonoured
    )]
    FilterIgnored,
    /// Rows are in another order than the requested one.
    #[error("rows are not in the requested order: by {columns}, {after} follows {before}")]
    OutOfOrder {
        /// The columns of the order.
        columns: String,
        /// Key of the earlier row.
        before: String,
        /// Key of the row that should have come first.
        after: String,
    },
    /// An answer began before the bound of its filter.
    #[error(
        "{}: requested {columns} from {bound}, but the answer begins at {first}",
        Assumption::WhereHonoured
    )]
    BelowBound {
        /// The columns of the key.
        columns: String,
        /// The bound.
        bound: String,
        /// Key of the first row.
        first: String,
    },
    /// A row has a null that the filter excludes, or lacks one that it demands.
    #[error(
        "{}: a row does not match the filter on nulls in {columns}",
        Assumption::WhereHonoured
    )]
    NullFilter {
        /// The columns concerned.
        columns: String,
    },
    /// Rows with a null in the key were seen, and requests for nulls do not return them.
    #[error(
        "rows with a null in {columns} are missing from the answers to requests for nulls: {rows} of those that were seen"
    )]
    NullsLost {
        /// How many.
        rows: u64,
        /// The columns of the key.
        columns: String,
    },
    /// A request from a value that an answer showed does not return that value or its rows.
    #[error(
        "{}: requested {columns} from {value}, but rows with that value are missing",
        Assumption::RoundTrip
    )]
    RoundTrip {
        /// The columns of the key.
        columns: String,
        /// The value.
        value: String,
    },
    /// Rows that were held are missing, and no request can tell whether they changed.
    #[error(
        "rows at {columns} = {value} are missing from the next answer, and the group is too large to tell why"
    )]
    HeldRowsMissing {
        /// The columns of the key.
        columns: String,
        /// The value.
        value: String,
    },
    /// A page with an offset does not begin with the last row of the page before.
    #[error(
        "rows moved between two pages: the one at {columns} = {value} is missing from the second"
    )]
    RowsMoved {
        /// The columns of the order.
        columns: String,
        /// Key of the row.
        value: String,
    },
    /// More rows share one key than an answer holds, and no column is left to tell them apart.
    #[error("more rows share {columns} = {value} than one answer holds ({rows}), and no column is left to divide them{}", withheld_reason(*.withheld))]
    KeyExhausted {
        /// The columns of the key.
        columns: String,
        /// The shared key.
        value: String,
        /// Rows of the answer.
        rows: usize,
        /// The doubt that keeps strings out of the key.
        withheld: Option<Assumption>,
    },
    /// The request does not fit into a URL.
    #[error(
        "a request from {columns} = {value} needs {needed} bytes of URL where {available} are left"
    )]
    UrlTooLong {
        /// The columns of the key.
        columns: String,
        /// The bound.
        value: String,
        /// Bytes that it would need.
        needed: usize,
        /// Bytes that are left.
        available: usize,
    },
    /// The answer's keys are not those that were requested: a defect of the caller.
    #[error("expected an answer with keys of {wanted} columns, got {got}")]
    KeyWidth {
        /// Columns requested.
        wanted: usize,
        /// Columns received.
        got: usize,
    },
    /// There was an answer when none was awaited: a defect of the caller.
    #[error("received an answer after the last request")]
    UnexpectedAnswer,
}

impl PagingError {
    /// Whether the same answers always end like this: the same request would get the same answer.
    pub fn is_final(&self) -> bool {
        matches!(
            self,
            Self::KeyExhausted { .. } | Self::UrlTooLong { .. } | Self::FilterIgnored
        )
    }
}

fn withheld_reason(doubt: Option<Assumption>) -> String {
    match doubt {
        Some(assumption) => {
            format!(" (strings stay out of the key while {assumption} is not known to hold)")
        }
        None => String::new(),
    }
}

/// Key values as a message shows them, long strings shortened.
pub(super) fn format_key(values: &[Value]) -> String {
    const MAX_CHARACTERS: usize = 200;
    let values: Vec<String> = values.iter().map(ToString::to_string).collect();
    let text = values.join(", ");
    match text.char_indices().nth(MAX_CHARACTERS) {
        Some((end, _)) => format!("({}…)", text.get(..end).unwrap_or_default()),
        None => format!("({text})"),
    }
}

impl From<PagingError> for Error {
    fn from(error: PagingError) -> Self {
        let message = error.to_string();
        let (code, next) = match error {
            PagingError::FilterIgnored
            | PagingError::OutOfOrder { .. }
            | PagingError::BelowBound { .. }
            | PagingError::NullFilter { .. }
            | PagingError::RoundTrip { .. }
            | PagingError::KeyExhausted {
                withheld: Some(_), ..
            } => (ErrorCode::Paging, "backhaul check --live"),
            PagingError::NullsLost { .. }
            | PagingError::HeldRowsMissing { .. }
            | PagingError::RowsMoved { .. } => (
                ErrorCode::Paging,
                "the rows changed meanwhile: run the same command again",
            ),
            PagingError::KeyExhausted { withheld: None, .. } => (
                ErrorCode::Paging,
                "narrow the report with `where`, so that fewer rows share that value",
            ),
            PagingError::UrlTooLong { .. } => (
                ErrorCode::Paging,
                "shorten the report's `where`, or exclude that value with it",
            ),
            PagingError::KeyWidth { .. } | PagingError::UnexpectedAnswer => {
                (ErrorCode::Internal, "report this with the lines above")
            }
        };
        Self::new(code, message).with_hint(next)
    }
}
