//! The text of the file and the errors found in it so far, each with a snippet.
//!
//! Invariant: no text of a masked place reaches an error.

use std::path::PathBuf;

use super::mask::{hide_keys, hide_values, names_a_key};
use super::section::Span;
use super::string_offsets;
use crate::error::{Error, ErrorCode, Errors, Snippet};

/// The file while it is read.
#[derive(Debug)]
pub(crate) struct Document<'t> {
    /// The file as the user named it.
    pub file: String,
    /// The folder that relative paths start at.
    pub folder: PathBuf,
    text: &'t str,
    masked: Vec<Span>,
    errors: Errors,
}

impl<'t> Document<'t> {
    /// A document without errors.
    pub fn new(file: String, folder: PathBuf, text: &'t str) -> Self {
        Self {
            file,
            folder,
            text,
            masked: Vec::new(),
            errors: Errors::default(),
        }
    }

    /// Keeps the text of this place out of all errors.
    pub fn mask(&mut self, span: Span) {
        self.masked.push(span);
    }

    /// Adds an error at a place; the label is what would be right there.
    pub fn error_at(
        &mut self,
        code: ErrorCode,
        message: impl Into<String>,
        span: Span,
        label: impl Into<String>,
    ) {
        let snippet = self.snippet(span, label.into());
        self.errors
            .push(Error::new(code, message).with_snippet(snippet));
    }

    /// Adds an error at a place, with a hint of its own.
    pub fn error_at_with_hint(
        &mut self,
        code: ErrorCode,
        message: impl Into<String>,
        span: Span,
        label: impl Into<String>,
        hint: impl Into<String>,
    ) {
        let snippet = self.snippet(span, label.into());
        let error = Error::new(code, message).with_snippet(snippet);
        self.errors.push(error.with_hint(hint));
    }

    /// Adds an error that has no place in this file.
    pub fn push_error(&mut self, error: Error) {
        self.errors.push(error);
    }

    /// Refuses what is planned and not implemented in this version.
    pub fn not_implemented(&mut self, feature: &str, span: Span) {
        let snippet = self.snippet(span, "remove this for now".to_owned());
        let error = Error::later(feature).with_snippet(snippet);
        self.errors
            .push(error.with_hint("remove it, then: backhaul check --offline"));
    }

    /// How many errors were found so far.
    pub fn num_errors(&self) -> usize {
        self.errors.0.len()
    }

    /// The value, if no error was found.
    ///
    /// # Errors
    /// All errors found.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, Errors> {
        if !self.errors.0.is_empty() {
            return Err(self.errors);
        }
        value.ok_or_else(|| {
            let message = "the configuration was refused without a reason";
            Error::new(ErrorCode::Internal, message).into()
        })
    }

    /// The first place of a word inside a value, or the whole value.
    pub fn find_in(&self, span: Span, word: &str) -> Span {
        let text = self.text.get(span.clone()).unwrap_or_default();
        let Some(at) = text.find(word) else {
            return span;
        };
        let start = span.start + at;
        start..start + word.len()
    }

    /// The place of a part of a string's `value`, given the place of the string; the whole string where it is not found.
    pub fn span_inside_string(&self, span: Span, value: &str, bytes: &Span) -> Span {
        let raw = self.text.get(span.clone()).unwrap_or_default();
        match string_offsets::locate(raw, value, bytes) {
            Some(part) => span.start + part.start..span.start + part.end,
            None => span,
        }
    }

    fn snippet(&self, span: Span, label: String) -> Snippet {
        let start = char_boundary_before(self.text, span.start);
        let (before, after) = self.text.split_at(start);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line_end = after.find('\n').map_or(self.text.len(), |at| start + at);
        let end = char_boundary_before(self.text, span.end).clamp(start, line_end);
        let line = self.text[line_start..line_end]
            .trim_end()
            .replace('\t', " ");
        let is_masked = self
            .masked
            .iter()
            .any(|masked| masked.start < line_end && line_start < masked.end);
        let shown = if is_masked || names_a_key(&line) {
            hide_values(&line)
        } else {
            hide_keys(&line)
        };
        Snippet {
            file: self.file.clone(),
            line: self.text[..line_start].matches('\n').count() + 1,
            column: self.text[line_start..start].chars().count() + 1,
            width: self.text[start..end].chars().count().max(1),
            text: shown,
            label,
        }
    }
}

fn char_boundary_before(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
