//! How paging fails: loudly, naming the assumption, the value and the columns.

use thiserror::Error;

use crate::error::{Code, Error};
use crate::model::Value;

use super::Assumption;

impl PagingError {
    /// Whether the same answers will always end so, whatever the source says: asking again would buy the same.
    pub fn is_final(&self) -> bool {
        matches!(
            self,
            Self::Exhausted { .. } | Self::TooLong { .. } | Self::FilterIgnored
        )
    }
}

/// Why a task cannot be paged on. The pager that returned one must not be used again.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PagingError {
    /// The task has a filter, and filters are known to be ignored.
    #[error(
        "the filter cannot be trusted: {} is known to be false",
        Assumption::WhereHonoured
    )]
    FilterIgnored,
    /// Rows came in another order than asked.
    #[error("rows are not in the order asked for: by {columns}, {after} came after {before}")]
    Order {
        /// The columns of the order.
        columns: String,
        /// Key of the earlier row.
        before: String,
        /// Key of the row that should have come first.
        after: String,
    },
    /// An answer began before the bound of its filter.
    #[error(
        "{}: asked for {columns} from {bound}, the answer begins at {first}",
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
    /// A row came with a null that the filter excludes, or without one that it demands.
    #[error(
        "{}: a row does not fit the filter on nulls in {columns}",
        Assumption::WhereHonoured
    )]
    NullFilter {
        /// The columns concerned.
        columns: String,
    },
    /// Rows with a null in the key were seen and did not come again.
    #[error(
        "{rows} rows with a null in {columns} were seen and did not come again when asked for by null"
    )]
    NullsLost {
        /// How many.
        rows: u64,
        /// The columns of the key.
        columns: String,
    },
    /// Asked from a value that an answer showed, the API did not find that value or its rows.
    #[error(
        "{}: asked for {columns} from {value}, rows with that value are missing",
        Assumption::RoundTrip
    )]
    RoundTrip {
        /// The columns of the key.
        columns: String,
        /// The value.
        value: String,
    },
    /// Rows that were held did not come again, and no request can tell whether they changed.
    #[error(
        "rows at {columns} = {value} did not come again, and the group is too large to tell why"
    )]
    Unjudged {
        /// The columns of the key.
        columns: String,
        /// The value.
        value: String,
    },
    /// A page that skips rows does not begin with the last row of the one before.
    #[error("rows moved between two pages: the one at {columns} = {value} did not come again")]
    Moved {
        /// The columns of the order.
        columns: String,
        /// Key of the row.
        value: String,
    },
    /// More rows share one key than an answer holds, and no column is left to tell them apart.
    #[error("more rows share {columns} = {value} than one answer holds ({rows}), and no column is left to divide them{}", kept_out(*.withheld))]
    Exhausted {
        /// The columns of the key.
        columns: String,
        /// The shared key.
        value: String,
        /// Rows of the answer.
        rows: usize,
        /// The doubt that keeps strings out of the key.
        withheld: Option<Assumption>,
    },
    /// The request would not fit into a URL.
    #[error(
        "a request from {columns} = {value} needs {needed} bytes of URL where {available} are left"
    )]
    TooLong {
        /// The columns of the key.
        columns: String,
        /// The bound.
        value: String,
        /// Bytes that it would need.
        needed: usize,
        /// Bytes that are left.
        available: usize,
    },
    /// The answer's keys are not those that were asked for: a defect of the caller.
    #[error("an answer with keys of {got} columns came for a request with {wanted}")]
    Width {
        /// Columns asked for.
        wanted: usize,
        /// Columns received.
        got: usize,
    },
    /// An answer came when none was awaited: a defect of the caller.
    #[error("an answer came after the last request")]
    NotAwaited,
}

fn kept_out(doubt: Option<Assumption>) -> String {
    doubt.map_or_else(String::new, |assumption| {
        format!(" (strings stay out of the key while {assumption} is not known to hold)")
    })
}

/// Values as a message shows them, long strings shortened.
pub(super) fn shown(values: &[Value]) -> String {
    const MOST: usize = 200;
    let text = values
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ");
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("({}…)", text.get(..end).unwrap_or_default()),
        None => format!("({text})"),
    }
}

impl From<PagingError> for Error {
    fn from(error: PagingError) -> Self {
        let message = error.to_string();
        let (code, next) = match error {
            PagingError::FilterIgnored
            | PagingError::Order { .. }
            | PagingError::BelowBound { .. }
            | PagingError::NullFilter { .. }
            | PagingError::RoundTrip { .. }
            | PagingError::Exhausted {
                withheld: Some(_), ..
            } => (Code::Paging, "backhaul check --live"),
            PagingError::NullsLost { .. }
            | PagingError::Unjudged { .. }
            | PagingError::Moved { .. } => (
                Code::Paging,
                "the rows changed meanwhile: run the same command again",
            ),
            PagingError::Exhausted { withheld: None, .. } => (
                Code::Paging,
                "narrow the report with `where`, so that fewer rows share that value",
            ),
            PagingError::TooLong { .. } => (
                Code::Paging,
                "shorten the report's `where`, or exclude that value with it",
            ),
            PagingError::Width { .. } | PagingError::NotAwaited => {
                (Code::Internal, "report this with the lines above")
            }
        };
        Self::new(code, message).with_next(next)
    }
}
