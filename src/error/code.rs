//! The stable codes of errors, their exit statuses, and what to do about each.

/// What kind of thing went wrong, for people and for scripts: printed as `BH-…`, never renamed.
///
/// Each code says whether its caller may retry: a *retryable* error may be gone when the same command runs again, a
/// *permanent* one stays until something changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ErrorCode {
    /// The command line is invalid. Permanent: change the command.
    Usage,
    /// The configuration cannot be read, or is not TOML of the expected shape. Permanent: change the file.
    Config,
    /// A table of the configuration has an unknown key. Permanent: change the file.
    ConfigKey,
    /// The catalog does not have the endpoint. Permanent: change the file.
    Endpoint,
    /// The endpoint does not have the column, or the column is not allowed there. Permanent: change the file.
    Column,
    /// A query parameter is missing, unknown or of the wrong form. Permanent: change the file.
    Parameter,
    /// A filter does not match the filterable columns. Permanent: change the file.
    Filter,
    /// A target is invalid, duplicate or missing. Permanent: change the file.
    Target,
    /// A date is invalid, or the endpoint has no data for it. Permanent: choose another date.
    Date,
    /// The URL of the API or of the destination cannot be used. Permanent: change the file.
    Url,
    /// The source of the API key cannot be read, or the key itself is in the file. Permanent: change the file.
    KeySource,
    /// The destination cannot be written, read or trusted. Retry once it is repaired: what is committed stays whole.
    Destination,
    /// No budget covers the run, or a budget stopped it. Permanent until the budget is raised or its month ends.
    Budget,
    /// The contract names it and this version does not do it yet. Permanent: leave it out.
    Later,
    /// 401: the key is invalid or has expired. Permanent until the key is replaced.
    Unauthorized,
    /// 403: no bearer key arrived, or the key may not do this. Permanent until the key gets the right.
    Forbidden,
    /// 403: the plan does not include the endpoint. Permanent: leave the report out, or change the plan.
    Plan,
    /// 403: the units of the workspace or of the key are used up. Permanent until they are renewed or raised.
    Units,
    /// Only free requests may be sent, and one could be billed, or was. Permanent.
    NotFree,
    /// 400: the API refused the request. Permanent: change the report.
    Refused,
    /// 404: the API does not know the path or the id. Permanent: change the report.
    NotFound,
    /// 429 after all attempts. Retryable later.
    Throttled,
    /// 5xx after all attempts. Retryable later.
    Server,
    /// The connection failed after all attempts. Retryable later.
    Network,
    /// No response in time after all attempts. Retryable, best with a smaller request.
    Timeout,
    /// A 200 whose body is not what the catalog describes, after all attempts. Retryable; permanent if it repeats.
    Body,
    /// A value that does not fit its column. Permanent for this response.
    Value,
    /// The responses contradict an assumption that paging relies on. Retryable: the task starts again.
    Paging,
    /// A table would have to change in a way that its readers were promised it never would. Permanent: use a new name.
    Schema,
    /// Another process holds what is needed. Retryable once it has ended.
    Locked,
    /// Committed files differ from the manifest. Permanent until they are repaired: `verify` says how.
    Corrupt,
    /// The client of a warehouse failed. Retryable: a load replaces what it loaded before.
    Warehouse,
    /// An earlier night is unfinished. Retryable: the next run goes on with it.
    Unfinished,
    /// Interrupted by the user. Retryable: the next run goes on where this one stopped.
    Interrupted,
    /// A defect of this program; callers cannot handle it. The error has a backtrace if `RUST_BACKTRACE` is set.
    Internal,
}

impl ErrorCode {
    /// The code as printed, without brackets.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Usage => "BH-USAGE",
            Self::Config => "BH-CONFIG",
            Self::ConfigKey => "BH-CONFIG-KEY",
            Self::Endpoint => "BH-ENDPOINT",
            Self::Column => "BH-COLUMN",
            Self::Parameter => "BH-PARAMETER",
            Self::Filter => "BH-FILTER",
            Self::Target => "BH-TARGET",
            Self::Date => "BH-DATE",
            Self::Url => "BH-URL",
            Self::KeySource => "BH-KEY-SOURCE",
            Self::Destination => "BH-DESTINATION",
            Self::Budget => "BH-BUDGET",
            Self::Later => "BH-LATER",
            Self::Unauthorized => "BH-UNAUTHORIZED",
            Self::Forbidden => "BH-FORBIDDEN",
            Self::Plan => "BH-PLAN",
            Self::Units => "BH-UNITS",
            Self::NotFree => "BH-NOT-FREE",
            Self::Refused => "BH-REFUSED",
            Self::NotFound => "BH-NOT-FOUND",
            Self::Throttled => "BH-THROTTLED",
            Self::Server => "BH-SERVER",
            Self::Network => "BH-NETWORK",
            Self::Timeout => "BH-TIMEOUT",
            Self::Body => "BH-BODY",
            Self::Value => "BH-VALUE",
            Self::Paging => "BH-PAGING",
            Self::Schema => "BH-SCHEMA",
            Self::Locked => "BH-LOCKED",
            Self::Corrupt => "BH-CORRUPT",
            Self::Warehouse => "BH-WAREHOUSE",
            Self::Unfinished => "BH-UNFINISHED",
            Self::Interrupted => "BH-INTERRUPTED",
            Self::Internal => "BH-INTERNAL",
        }
    }

    /// Exit status of a command that ends with this error and did nothing else.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Usage
            | Self::Config
            | Self::ConfigKey
            | Self::Endpoint
            | Self::Column
            | Self::Parameter
            | Self::Filter
            | Self::Target
            | Self::Date
            | Self::Url
            | Self::KeySource
            | Self::Budget
            | Self::Schema
            | Self::Later => 2,
            Self::Locked => 5,
            Self::Interrupted => 130,
            Self::Destination
            | Self::Unauthorized
            | Self::Forbidden
            | Self::Plan
            | Self::Units
            | Self::NotFree
            | Self::Refused
            | Self::NotFound
            | Self::Throttled
            | Self::Server
            | Self::Network
            | Self::Timeout
            | Self::Body
            | Self::Value
            | Self::Paging
            | Self::Corrupt
            | Self::Warehouse
            | Self::Unfinished
            | Self::Internal => 1,
        }
    }

    /// What to do where the code that failed has no hint of its own.
    pub(super) fn default_hint(self) -> &'static str {
        match self {
            Self::Usage | Self::Later => "backhaul help",
            Self::Config
            | Self::ConfigKey
            | Self::Parameter
            | Self::Filter
            | Self::Target
            | Self::Date
            | Self::Url
            | Self::KeySource => "fix the line, then: backhaul check --offline",
            Self::Endpoint | Self::Column => "backhaul catalog",
            Self::Destination | Self::Locked | Self::Budget | Self::Units | Self::NotFree => {
                "backhaul check"
            }
            Self::Unauthorized | Self::Forbidden | Self::Plan => {
                "backhaul check, then check the key and the plan in the Ahrefs account"
            }
            Self::Refused | Self::NotFound | Self::Body | Self::Value | Self::Paging => {
                "backhaul check, and compare the message with `backhaul catalog ENDPOINT`"
            }
            Self::Throttled | Self::Server | Self::Network | Self::Timeout => {
                "run the same command again later"
            }
            Self::Schema => "give the report a new name",
            Self::Corrupt => "backhaul verify",
            Self::Warehouse | Self::Unfinished | Self::Interrupted => "run the same command again",
            Self::Internal => "report this with the lines above",
        }
    }
}
