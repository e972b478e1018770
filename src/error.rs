//! The one error of the program: a stable code, what happened, where, why, what to do next and what it cost.
//!
//! Near the wire a room keeps a precise error of its own and converts it once, at its edge. Nobody matches on text:
//! [`Code`] decides the exit status, and the printer walks [`std::error::Error::source`], which `Display` never repeats.

use std::fmt;

/// Result of every fallible function of the program.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Stable code of an error, printed as `BH-…`. A code says what kind of thing went wrong, for people and for scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Code {
    /// The command line does not parse or contradicts itself.
    Usage,
    /// The configuration file cannot be read or is not TOML of the expected shape.
    Config,
    /// A table of the configuration has a key that does not exist.
    ConfigKey,
    /// An endpoint that the catalog does not know.
    Endpoint,
    /// A column that the endpoint does not have, or that cannot stand where it was written.
    Column,
    /// A query parameter that the operation lacks, needs, or does not take in that form.
    Parameter,
    /// A filter that does not fit the filterable columns.
    Filter,
    /// A target that is no site, or is named twice or not at all.
    Target,
    /// A date that is none, or lies where the endpoint has no data.
    Date,
    /// A URL (of the API or of the destination) that cannot be used.
    Url,
    /// The source of the API key cannot be read, or the key is written into the file.
    KeySource,
    /// The destination cannot be written, read or trusted.
    Destination,
    /// No budget covers the run, or a budget stopped it.
    Budget,
    /// The contract names it and this version does not do it yet.
    Later,
    /// 401: the key is wrong or has expired.
    Unauthorized,
    /// 403: no bearer key arrived, or the key may not do this.
    Forbidden,
    /// 403: the plan lacks the endpoint.
    Plan,
    /// 403: the workspace's or the key's units are used up.
    Units,
    /// Only free requests may be sent, and one could be billed, or was.
    NotFree,
    /// 400: the API refused the request.
    Refused,
    /// 404: the API does not know the path.
    NotFound,
    /// 429 to the end of patience.
    Throttled,
    /// 5xx to the end of patience.
    Server,
    /// The connection failed to the end of patience.
    Network,
    /// No answer in time, to the end of patience.
    Timeout,
    /// A 200 whose body is not what the catalog describes.
    Body,
    /// A value that does not fit its column.
    Value,
    /// The answers contradict an assumption that paging rests on.
    Paging,
    /// A table would have to change in a way that its readers were promised it never would.
    Schema,
    /// Somebody else holds what is needed.
    Locked,
    /// Committed files differ from what the manifest says.
    Corrupt,
    /// The client of a warehouse failed.
    Warehouse,
    /// An earlier night is unfinished.
    Unfinished,
    /// Interrupted by the user.
    Interrupted,
    /// A defect of this program.
    Internal,
}

impl Code {
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

    /// What to do next where the place that failed knew nothing better.
    fn default_next(self) -> &'static str {
        match self {
            Self::Usage | Self::Later => "backhaul help",
            Self::Config
            | Self::ConfigKey
            | Self::Parameter
            | Self::Filter
            | Self::Target
            | Self::Date
            | Self::Url
            | Self::KeySource => "mend the line, then: backhaul check --offline",
            Self::Endpoint | Self::Column => "backhaul catalog",
            Self::Destination | Self::Locked | Self::Budget | Self::Units | Self::NotFree => {
                "backhaul check"
            }
            Self::Unauthorized | Self::Forbidden | Self::Plan => {
                "backhaul check, then look at the key and the plan in the Ahrefs account"
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

/// A place in a text file, shown under the message with the wrong words underlined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snippet {
    /// The file as the user named it.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// How many characters are underlined; 0 shows no underline.
    pub width: usize,
    /// The line's text.
    pub text: String,
    /// What stands behind the underline.
    pub label: String,
}

/// What went wrong. Built with [`Error::new`] and the `with_…` methods.
///
/// `Display` gives the message alone; [`Error::render`] gives the whole shape that users see.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    code: Code,
    message: String,
    context: Vec<(&'static str, String)>,
    snippet: Option<Snippet>,
    next: Option<String>,
    units: Option<u64>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error with its message: lower case, no full stop, with the value that was wrong.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            code,
            message: message.into(),
            context: Vec::new(),
            snippet: None,
            next: None,
            units: None,
            source: None,
        }))
    }

    /// What this version leaves to a later one, by the name that users know it by.
    pub fn later(what: impl fmt::Display) -> Self {
        Self::new(
            Code::Later,
            format!(
                "{what} is not built yet in backhaul {}",
                env!("CARGO_PKG_VERSION")
            ),
        )
    }

    /// Adds where it happened: endpoint, target, task, object path, attempt… An empty value says nothing and is left out.
    #[must_use]
    pub fn with_context(mut self, key: &'static str, value: impl Into<String>) -> Self {
        let value = value.into();
        if !value.is_empty() {
            self.0.context.push((key, value));
        }
        self
    }

    /// Adds the place in a file.
    #[must_use]
    pub fn with_snippet(mut self, snippet: Snippet) -> Self {
        self.0.snippet = Some(snippet);
        self
    }

    /// Says how to get out: a command or an edit.
    #[must_use]
    pub fn with_next(mut self, next: impl Into<String>) -> Self {
        self.0.next = Some(next.into());
        self
    }

    /// Adds the units that were spent on what failed.
    #[must_use]
    pub fn with_units(mut self, units: u64) -> Self {
        self.0.units = Some(units);
        self
    }

    /// Keeps the cause.
    #[must_use]
    pub fn with_source(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The stable code.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// Where it happened, in the order added.
    pub fn context(&self) -> &[(&'static str, String)] {
        &self.0.context
    }

    /// One context value.
    pub fn context_value(&self, key: &str) -> Option<&str> {
        self.0
            .context
            .iter()
            .find(|(name, _)| *name == key)
            .map(|(_, value)| value.as_str())
    }

    /// The place in a file, if one is known.
    pub fn snippet(&self) -> Option<&Snippet> {
        self.0.snippet.as_ref()
    }

    /// What to do next; never empty.
    pub fn next(&self) -> &str {
        self.0
            .next
            .as_deref()
            .unwrap_or_else(|| self.0.code.default_next())
    }

    /// Units spent on what failed.
    pub fn units(&self) -> u64 {
        self.0.units.unwrap_or(0)
    }

    /// Message and causes on one line, for logs and tables.
    pub fn one_line(&self) -> String {
        let mut line = self.0.message.clone();
        for cause in self.causes() {
            line.push_str(": ");
            line.push_str(&cause);
        }
        line
    }

    /// The whole error as users see it. The `next:` and `cost:` lines always come last.
    pub fn render(&self) -> String {
        use std::fmt::Write as _;
        let inner = &*self.0;
        let mut out = format!("error[{}]: {}\n", inner.code.as_str(), inner.message);
        if let Some(snippet) = &inner.snippet {
            let _ = writeln!(
                out,
                "  --> {}:{}:{}",
                snippet.file, snippet.line, snippet.column
            );
            let _ = writeln!(out, "   | {}", snippet.text);
            if snippet.width > 0 {
                let pad = " ".repeat(snippet.column.saturating_sub(1));
                let _ = writeln!(
                    out,
                    "   | {pad}{} {}",
                    "^".repeat(snippet.width),
                    snippet.label
                );
            } else if !snippet.label.is_empty() {
                let _ = writeln!(out, "   = {}", snippet.label);
            }
        }
        for (key, value) in &inner.context {
            let _ = writeln!(out, "   = {key}: {value}");
        }
        for cause in self.causes() {
            let _ = writeln!(out, "   = because: {cause}");
        }
        let _ = writeln!(out, "next: {}", self.next());
        match inner.units {
            None | Some(0) if inner.code.exit_code() == 2 => {
                out.push_str("cost: 0 units, nothing was sent\n")
            }
            None | Some(0) => out.push_str("cost: 0 units\n"),
            Some(units) => {
                let _ = writeln!(out, "cost: {units} units");
            }
        }
        out
    }

    fn causes(&self) -> Vec<String> {
        let mut causes = Vec::new();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            causes.push(error.to_string());
            cause = error.source();
        }
        causes
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// Several errors of one kind of work, for example every fault of a configuration file. Never empty when returned as an error.
#[derive(Debug, Default)]
pub struct Errors(pub Vec<Error>);

impl Errors {
    /// The errors so far, or the value if there are none.
    pub fn or<T>(self, value: T) -> Result<T, Self> {
        if self.0.is_empty() {
            Ok(value)
        } else {
            Err(self)
        }
    }

    /// Adds one.
    pub fn push(&mut self, error: Error) {
        self.0.push(error);
    }

    /// Exit status: the largest claim of any of them, configuration errors (2) before others.
    pub fn exit_code(&self) -> u8 {
        let codes = self.0.iter().map(|error| error.code().exit_code());
        if codes.clone().any(|code| code == 2) {
            2
        } else {
            codes.max().unwrap_or(0)
        }
    }

    /// All of them, rendered, with an empty line between.
    pub fn render(&self) -> String {
        self.0
            .iter()
            .map(Error::render)
            .collect::<Vec<_>>()
            .join("\n")
    }
}

impl From<Error> for Errors {
    fn from(error: Error) -> Self {
        Self(vec![error])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn next_and_cost_come_last_even_when_nothing_was_added() {
        let text = Error::new(Code::Column, "no column `traffic`").render();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines.first(),
            Some(&"error[BH-COLUMN]: no column `traffic`")
        );
        assert_eq!(lines.get(1), Some(&"next: backhaul catalog"));
        assert_eq!(lines.get(2), Some(&"cost: 0 units, nothing was sent"));
    }

    #[test]
    fn display_never_repeats_the_cause_and_render_prints_it_once() {
        let error = Error::new(Code::Network, "connection lost")
            .with_source(std::io::Error::other("reset by peer"));
        assert_eq!(error.to_string(), "connection lost");
        assert_eq!(error.render().matches("reset by peer").count(), 1);
    }
}
