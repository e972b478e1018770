//! A file of names that a configuration refers to, while it is read: its faults name file and line.

use super::file::Document;
use crate::error::{Error, ErrorCode, Snippet};

/// Faults of one file that are told; the rest is counted.
const MOST_FAULTS: usize = 20;

/// A file while it is read.
pub(crate) struct ListedFile<'a> {
    /// As the configuration names it.
    pub file: &'a str,
    /// Its text.
    pub text: &'a str,
    code: ErrorCode,
    num_faults: usize,
}

impl<'a> ListedFile<'a> {
    /// A file without faults so far, which are of this kind.
    pub fn new(file: &'a str, text: &'a str, code: ErrorCode) -> Self {
        Self {
            file,
            text,
            code,
            num_faults: 0,
        }
    }

    /// Tells what is wrong with a line, and what would be right.
    pub fn fault(&mut self, document: &mut Document<'_>, line: usize, message: &str, label: &str) {
        self.num_faults += 1;
        if self.num_faults <= MOST_FAULTS {
            let text = self
                .text
                .lines()
                .nth(line.saturating_sub(1))
                .unwrap_or_default()
                .to_owned();
            let width = text.chars().count().max(1);
            let (file, label) = (self.file.to_owned(), label.to_owned());
            let snippet = Snippet {
                file,
                line,
                column: 1,
                width,
                text,
                label,
            };
            document.push(Error::new(self.code, message).with_snippet(snippet));
        }
    }

    /// Says how many faults were not told.
    pub fn close(self, document: &mut Document<'_>) {
        if let Some(more @ 1..) = self.num_faults.checked_sub(MOST_FAULTS) {
            let message = format!("{} has {more} more lines that are wrong", self.file);
            document.push(
                Error::new(self.code, message)
                    .with_hint("mend those that are shown, then: backhaul check --offline"),
            );
        }
    }
}
