//! What is wrong with a filter, and where in its text.

use std::ops::Range;

/// What is wrong with a filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FilterError {
    /// What is wrong, with the word or value.
    pub message: String,
    /// What would be right.
    pub help: String,
    /// What to underline; `None`: all of it.
    pub location: Option<ErrorLocation>,
}

/// A part of a filter's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErrorLocation {
    /// The first occurrence of this word.
    Word(String),
    /// These bytes.
    Bytes(Range<usize>),
}

impl FilterError {
    /// An error of the filter as a whole.
    pub(super) fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: help.into(),
            location: None,
        }
    }

    /// The same error, at this word.
    pub(super) fn at_word(mut self, word: &str) -> Self {
        self.location = Some(ErrorLocation::Word(word.to_owned()));
        self
    }

    /// The same error, at these bytes.
    pub(super) fn at_bytes(mut self, bytes: Range<usize>) -> Self {
        self.location = Some(ErrorLocation::Bytes(bytes));
        self
    }
}
