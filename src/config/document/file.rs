//! The file as read: TOML values with their places, faults with snippets, and the masking of anything that may be a key.
//!
//! Knows TOML and how errors are shown; knows no key of the configuration. Invariant: no text of a value that stands in
//! a masked place reaches a fault.

use std::ops::Range;
use std::path::PathBuf;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::mask::{hide_keys, hide_values, names_a_key};
use super::string_offsets;
use crate::catalog::nearest;
use crate::error::{Error, ErrorCode, Errors, Snippet};

/// A value with its place in the file.
pub(crate) type Node<'a> = Spanned<DeValue<'a>>;

/// A byte range of the file.
pub(crate) type Span = Range<usize>;

/// The file while it is read: its text for snippets, and the faults found so far.
#[derive(Debug)]
pub(crate) struct Document<'t> {
    /// The file as the user named it.
    pub file: String,
    /// The folder that relative paths start at.
    pub folder: PathBuf,
    text: &'t str,
    masked: Vec<Span>,
    faults: Errors,
}

/// A table of the file, with the name it has for people.
#[derive(Debug, Clone)]
pub(crate) struct Section<'a> {
    /// `[source]`, `[[report]] backlinks`…
    pub name: String,
    /// Its entries.
    pub table: &'a DeTable<'a>,
    /// Where it stands.
    pub span: Span,
}

impl<'a> Section<'a> {
    /// One entry.
    pub fn get(&self, key: &str) -> Option<&'a Node<'a>> {
        self.table.get(key)
    }
}

impl<'t> Document<'t> {
    /// A document without faults.
    pub fn new(file: String, folder: PathBuf, text: &'t str) -> Self {
        Self {
            file,
            folder,
            text,
            masked: Vec::new(),
            faults: Errors::default(),
        }
    }

    /// Never shows the text of this place.
    pub fn mask(&mut self, span: Span) {
        self.masked.push(span);
    }

    /// Adds a fault with its place and what stands behind the underline.
    pub fn fault(
        &mut self,
        code: ErrorCode,
        message: impl Into<String>,
        span: Span,
        label: impl Into<String>,
    ) {
        let error = Error::new(code, message).with_snippet(self.snippet(span, label.into()));
        self.faults.push(error);
    }

    /// Adds a fault that knows what to do next.
    pub fn fault_next(
        &mut self,
        code: ErrorCode,
        message: String,
        span: Span,
        label: &str,
        next: String,
    ) {
        let error = Error::new(code, message)
            .with_snippet(self.snippet(span, label.to_owned()))
            .with_hint(next);
        self.faults.push(error);
    }

    /// Adds a fault that has no place in this file.
    pub fn push(&mut self, error: Error) {
        self.faults.push(error);
    }

    /// Refuses what the contract names and this version does not do.
    pub fn later(&mut self, what: &str, span: Span) {
        self.later_with(what, span, "take this out for now");
    }

    /// Refuses what this version does not do, and says what it does instead.
    pub fn later_with(&mut self, what: &str, span: Span, instead: &str) {
        let error = Error::later(what).with_snippet(self.snippet(span, instead.to_owned()));
        self.faults
            .push(error.with_hint("take it out, then: backhaul check --offline"));
    }

    /// How many faults were found so far.
    pub fn num_faults(&self) -> usize {
        self.faults.0.len()
    }

    /// The faults, or the value if there are none.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, Errors> {
        match value {
            Some(value) => self.faults.or(value),
            None if self.faults.0.is_empty() => Err(Error::new(
                ErrorCode::Internal,
                "the configuration was refused without a reason",
            )
            .into()),
            None => Err(self.faults),
        }
    }

    /// Refuses the keys of a table that are not known, each with the nearest that is.
    pub fn refuse_unknown_keys(&mut self, section: &Section<'_>, known: &[&str]) {
        for key in section.table.keys() {
            let name: &str = key.get_ref();
            if !known.contains(&name) {
                self.unknown_key(section, name, key.span(), known);
            }
        }
    }

    /// Refuses one key.
    pub fn unknown_key(&mut self, section: &Section<'_>, name: &str, span: Span, known: &[&str]) {
        let label = match nearest(name, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known keys: {}", known.join(", ")),
        };
        let message = format!("{} has no key `{}`", section.name, hide_keys(name));
        self.fault(ErrorCode::ConfigKey, message, span, label);
    }

    /// A table under a key, or the fault that it is none.
    pub fn table<'a>(
        &mut self,
        section: &Section<'a>,
        key: &str,
        name: &str,
    ) -> Option<Section<'a>> {
        let node = section.get(key)?;
        self.as_section(node, name)
    }

    /// A node as a table, or the fault that it is none.
    pub fn as_section<'a>(&mut self, node: &'a Node<'a>, name: &str) -> Option<Section<'a>> {
        match node.get_ref() {
            DeValue::Table(table) => Some(Section {
                name: name.to_owned(),
                table,
                span: node.span(),
            }),
            other => {
                self.wrong_type(name, "a table", other, node.span());
                None
            }
        }
    }

    /// An array of tables under a key (`[[target]]`); a missing key is an empty array.
    pub fn tables<'a>(&mut self, section: &Section<'a>, key: &str) -> Vec<Section<'a>> {
        let name = format!("[[{key}]]");
        match section.get(key).map(|node| (node.get_ref(), node.span())) {
            None => Vec::new(),
            Some((DeValue::Array(nodes), _)) => nodes
                .iter()
                .filter_map(|node| self.as_section(node, &name))
                .collect(),
            Some((other, span)) => {
                let message = format!("`{key}` must be tables, not {}", type_of(other));
                self.fault(
                    ErrorCode::Config,
                    message,
                    span,
                    format!("write {name}, once for each"),
                );
                Vec::new()
            }
        }
    }

    /// A string under a key.
    pub fn text<'a>(&mut self, section: &Section<'a>, key: &str) -> Option<Spanned<&'a str>> {
        let node = section.get(key)?;
        self.as_text(node, &format!("`{key}`"))
    }

    /// A node as a string.
    pub fn as_text<'a>(&mut self, node: &'a Node<'a>, what: &str) -> Option<Spanned<&'a str>> {
        match node.get_ref() {
            DeValue::String(text) => Some(Spanned::new(node.span(), text.as_ref())),
            other => {
                self.wrong_type(what, "a string", other, node.span());
                None
            }
        }
    }

    /// A list of strings under a key; the fault of an empty one is raised here.
    pub fn texts<'a>(&mut self, section: &Section<'a>, key: &str) -> Option<Vec<Spanned<&'a str>>> {
        let node = section.get(key)?;
        let what = format!("`{key}`");
        let DeValue::Array(nodes) = node.get_ref() else {
            self.wrong_type(&what, "a list of strings", node.get_ref(), node.span());
            return None;
        };
        if nodes.is_empty() {
            self.fault(
                ErrorCode::Config,
                format!("{what} is empty"),
                node.span(),
                "name at least one, or take the key out",
            );
            return None;
        }
        let texts: Vec<_> = nodes
            .iter()
            .filter_map(|node| self.as_text(node, &format!("an entry of {what}")))
            .collect();
        (texts.len() == nodes.len()).then_some(texts)
    }

    /// A whole number of at least 1 under a key.
    pub fn count(&mut self, section: &Section<'_>, key: &str) -> Option<Spanned<u64>> {
        let node = section.get(key)?;
        let span = node.span();
        let DeValue::Integer(integer) = node.get_ref() else {
            self.wrong_type(&format!("`{key}`"), "a whole number", node.get_ref(), span);
            return None;
        };
        match u64::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(count) if count > 0 => Some(Spanned::new(span, count)),
            _ => {
                self.fault(
                    ErrorCode::Config,
                    format!("`{key}` is {integer}"),
                    span,
                    "a whole number of at least 1",
                );
                None
            }
        }
    }

    /// true or false under a key.
    pub fn boolean(&mut self, section: &Section<'_>, key: &str) -> Option<Spanned<bool>> {
        let node = section.get(key)?;
        if let DeValue::Boolean(value) = node.get_ref() {
            return Some(Spanned::new(node.span(), *value));
        }
        self.wrong_type(
            &format!("`{key}`"),
            "true or false",
            node.get_ref(),
            node.span(),
        );
        None
    }

    /// A string under a key, read by one of the small parsers of `values`.
    pub fn parsed<T>(
        &mut self,
        section: &Section<'_>,
        key: &str,
        parse: impl Fn(&str) -> Result<T, &'static str>,
    ) -> Option<T> {
        let text = self.text(section, key)?;
        match parse(text.get_ref()) {
            Ok(value) => Some(value),
            Err(help) => {
                self.fault(
                    ErrorCode::Config,
                    format!("`{key}` cannot be `{}`", text.get_ref()),
                    text.span(),
                    help,
                );
                None
            }
        }
    }

    /// One of a few words under a key.
    pub fn choice<'a>(
        &mut self,
        section: &Section<'a>,
        key: &str,
        choices: &[&str],
    ) -> Option<&'a str> {
        let text = self.text(section, key)?;
        if choices.contains(text.get_ref()) {
            return Some(text.into_inner());
        }
        let message = format!("`{key}` cannot be `{}`", text.get_ref());
        self.fault(
            ErrorCode::Config,
            message,
            text.span(),
            format!("one of: {}", choices.join(", ")),
        );
        None
    }

    /// Refuses a value of the wrong type, without its text.
    pub fn wrong_type(&mut self, what: &str, wanted: &str, found: &DeValue<'_>, span: Span) {
        self.fault(
            ErrorCode::Config,
            format!("{what} must be {wanted}, not {}", type_of(found)),
            span,
            format!("write {wanted}"),
        );
    }

    /// The first place of `word` in quotes inside a value, or the whole value.
    pub fn find(&self, span: Span, word: &str) -> Span {
        let found = self
            .text
            .get(span.clone())
            .and_then(|text| text.find(word))
            .map(|at| span.start + at);
        found.map_or(span, |start| start..start + word.len())
    }

    /// The place of a part of a string's `value`, given the place of the string; the whole string where it is not found.
    pub fn inside(&self, span: Span, value: &str, bytes: Span) -> Span {
        let raw = self.text.get(span.clone()).unwrap_or_default();
        string_offsets::place(raw, value, &bytes).map_or(span.clone(), |place| {
            span.start + place.start..span.start + place.end
        })
    }

    fn snippet(&self, span: Span, label: String) -> Snippet {
        let start = floor(self.text, span.start);
        let line_start = self.text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = self.text[start..]
            .find('\n')
            .map_or(self.text.len(), |at| start + at);
        let end = floor(self.text, span.end).clamp(start, line_end);
        let characters = |range: Range<usize>| self.text[range].chars().count();
        let line = self.text[line_start..line_end]
            .trim_end()
            .replace('\t', " ");
        let is_masked = self
            .masked
            .iter()
            .any(|masked| masked.start < line_end && line_start < masked.end);
        Snippet {
            file: self.file.clone(),
            line: self.text[..line_start].matches('\n').count() + 1,
            column: characters(line_start..start) + 1,
            width: characters(start..end).max(1),
            text: if is_masked || names_a_key(&line) {
                hide_values(&line)
            } else {
                hide_keys(&line)
            },
            label,
        }
    }
}

fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// What a TOML value is, in words.
pub(crate) fn type_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
