//! A file of names that a configuration refers to, while it is read: its errors name file and line.

use super::file::Document;
use crate::error::{Error, ErrorCode, Snippet};

/// Errors of one file that are shown; the rest is counted.
const MAX_SHOWN_ERRORS: usize = 20;

/// A file while it is read.
pub(crate) struct ListFile<'a> {
    /// As the configuration names it.
    pub file: &'a str,
    /// Its text.
    pub text: &'a str,
    code: ErrorCode,
    num_errors: usize,
}

impl<'a> ListFile<'a> {
    /// A file without errors so far; those to come have this code.
    pub fn new(file: &'a str, text: &'a str, code: ErrorCode) -> Self {
        Self {
            file,
            text,
            code,
            num_errors: 0,
        }
    }

    /// Adds an error at a line; the label is what would be right there.
    pub fn error_at(
        &mut self,
        document: &mut Document<'_>,
        line: usize,
        message: &str,
        label: &str,
    ) {
        self.num_errors += 1;
        if self.num_errors > MAX_SHOWN_ERRORS {
            return;
        }
        let text = self.text.lines().nth(line.saturating_sub(1));
        let text = text.unwrap_or_default().to_owned();
        let snippet = Snippet {
            file: self.file.to_owned(),
            line,
            column: 1,
            width: text.chars().count().max(1),
            text,
            label: label.to_owned(),
        };
        document.push_error(Error::new(self.code, message).with_snippet(snippet));
    }

    /// Reports how many errors were not shown.
    pub fn finish(self, document: &mut Document<'_>) {
        let Some(more @ 1..) = self.num_errors.checked_sub(MAX_SHOWN_ERRORS) else {
            return;
        };
        let lines = if more == 1 { "line" } else { "lines" };
        let message = format!("{more} more invalid {lines} in {}", self.file);
        let error = Error::new(self.code, message);
        document.push_error(error.with_hint("fix the lines shown, then: backhaul check --offline"));
    }
}
