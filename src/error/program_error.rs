//! The error type: built step by step where something fails, read by its code, never by its text.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::fmt;

use super::code::ErrorCode;
use super::snippet::Snippet;

/// What went wrong. Built with [`Error::new`] and the `with_…` methods.
///
/// | printed by | what it shows |
/// |---|---|
/// | `Display` | the message alone: no code, no context, no cause |
/// | `Debug` | code, message, context, every cause, and the backtrace of a defect |
/// | [`Error::one_line`] | the message and its causes, for logs and tables |
/// | [`Error::render`] | the whole shape that users see, with `next:` and `cost:` as its last lines |
///
/// ```
/// use backhaul::error::{Error, ErrorCode};
///
/// let error = Error::new(ErrorCode::Network, "connection lost")
///     .with_context("endpoint", "site-explorer/metrics")
///     .with_source(std::io::Error::other("reset by peer"));
///
/// assert_eq!(error.to_string(), "connection lost");
/// assert_eq!(error.one_line(), "connection lost: reset by peer");
/// assert_eq!(
///     format!("{error:?}"),
///     "BH-NETWORK: connection lost\n  endpoint: site-explorer/metrics\n  cause: reset by peer\n"
/// );
/// assert_eq!(
///     error.render(),
///     "error[BH-NETWORK]: connection lost\n   = endpoint: site-explorer/metrics\n   = because: reset by peer\n\
///      next: run the same command again later\ncost: 0 units\n"
/// );
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    code: ErrorCode,
    message: String,
    context: Vec<(&'static str, String)>,
    snippet: Option<Snippet>,
    hint: Option<String>,
    units: u64,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
    /// Of [`ErrorCode::Internal`] only, and only if the environment asks for backtraces.
    backtrace: Option<Backtrace>,
}

impl Error {
    /// An error with its message: lower case, no full stop, with the value that was wrong.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        let backtrace = match code {
            ErrorCode::Internal => Some(Backtrace::capture()),
            _ => None,
        };
        Self(Box::new(Inner {
            code,
            message: message.into(),
            context: Vec::new(),
            snippet: None,
            hint: None,
            units: 0,
            source: None,
            backtrace,
        }))
    }

    /// A feature that this version does not have yet, by the name that users know it by.
    pub fn later(feature: impl fmt::Display) -> Self {
        Self::new(
            ErrorCode::Later,
            format!(
                "{feature} is not implemented yet in backhaul {}",
                env!("CARGO_PKG_VERSION")
            ),
        )
    }

    /// Adds where it happened: endpoint, target, task, object path, attempt… An empty value is left out.
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

    /// Says what to do about it: a command or an edit.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Adds the units that were spent on what failed.
    #[must_use]
    pub fn with_units(mut self, units: u64) -> Self {
        self.0.units = units;
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
    pub fn code(&self) -> ErrorCode {
        self.0.code
    }

    /// Where it happened, in the order added.
    pub fn context(&self) -> &[(&'static str, String)] {
        &self.0.context
    }

    /// One context value.
    pub fn context_value(&self, key: &str) -> Option<&str> {
        let (_, value) = self.0.context.iter().find(|(name, _)| *name == key)?;
        Some(value)
    }

    /// The place in a file, if one is known.
    pub fn snippet(&self) -> Option<&Snippet> {
        self.0.snippet.as_ref()
    }

    /// What to do next; never empty.
    pub fn hint(&self) -> &str {
        match &self.0.hint {
            Some(hint) => hint,
            None => self.0.code.default_hint(),
        }
    }

    /// Units spent on what failed.
    pub fn units(&self) -> u64 {
        self.0.units
    }

    /// Where a defect was found, if the environment asks for backtraces.
    pub fn backtrace(&self) -> Option<&Backtrace> {
        let backtrace = self.0.backtrace.as_ref()?;
        (backtrace.status() == BacktraceStatus::Captured).then_some(backtrace)
    }

    /// The messages of the causes, the nearest first.
    pub fn causes(&self) -> Vec<String> {
        let mut causes = Vec::new();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            causes.push(error.to_string());
            cause = error.source();
        }
        causes
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
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {self}", self.code().as_str())?;
        for (key, value) in self.context() {
            writeln!(f, "  {key}: {value}")?;
        }
        for cause in self.causes() {
            writeln!(f, "  cause: {cause}")?;
        }
        if let Some(backtrace) = self.backtrace() {
            writeln!(f, "{backtrace}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0.source {
            Some(source) => Some(source.as_ref()),
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_defect_has_a_backtrace() {
        let defect = Error::new(ErrorCode::Internal, "impossible");
        assert!(defect.0.backtrace.is_some());
        let failure = Error::new(ErrorCode::Network, "connection lost");
        assert!(failure.0.backtrace.is_none());
    }
}
