//! Typed values of a section: each reader adds an error for a value of another type and returns nothing.

use toml::Spanned;
use toml::de::DeValue;

use super::file::Document;
use super::mask::hide_keys;
use super::section::{Node, Section, Span, type_of};
use crate::catalog::nearest;
use crate::error::ErrorCode;

/// "did you mean …?" with the nearest of the candidates, or the other text if none is near.
pub(crate) fn did_you_mean<'c>(
    wanted: &str,
    candidates: impl IntoIterator<Item = &'c str>,
    otherwise: &str,
) -> String {
    match nearest(wanted, candidates) {
        Some(near) => format!("did you mean `{near}`?"),
        None => otherwise.to_owned(),
    }
}

impl Document<'_> {
    /// Refuses the keys of a table that are not known, each with the nearest that is.
    pub fn refuse_unknown_keys(&mut self, section: &Section<'_>, known: &[&str]) {
        for key in section.table.keys() {
            let name: &str = key.get_ref();
            if !known.contains(&name) {
                self.refuse_key(section, name, key.span(), known);
            }
        }
    }

    /// Refuses one key.
    pub fn refuse_key(&mut self, section: &Section<'_>, name: &str, span: Span, known: &[&str]) {
        let all = format!("known keys: {}", known.join(", "));
        let label = did_you_mean(name, known.iter().copied(), &all);
        let message = format!("unknown key `{}` in {}", hide_keys(name), section.name);
        self.error_at(ErrorCode::ConfigKey, message, span, label);
    }

    /// Refuses an empty list.
    pub fn refuse_empty_list(&mut self, key: &str, span: Span) {
        let message = format!("empty list `{key}`");
        let label = "name at least one, or remove the key";
        self.error_at(ErrorCode::Config, message, span, label);
    }

    /// Refuses a value of the wrong type, without its text.
    pub fn wrong_type(&mut self, what: &str, wanted: &str, found: &Node<'_>) {
        let message = format!("{what} must be {wanted}, not {}", type_of(found.get_ref()));
        let label = format!("write {wanted}");
        self.error_at(ErrorCode::Config, message, found.span(), label);
    }

    /// Refuses the text of a value.
    pub fn invalid_value(&mut self, key: &str, text: &Spanned<&str>, label: impl Into<String>) {
        let message = format!("invalid value `{}` for `{key}`", text.get_ref());
        self.error_at(ErrorCode::Config, message, text.span(), label);
    }

    /// A table under a key.
    pub fn table<'a>(
        &mut self,
        section: &Section<'a>,
        key: &str,
        name: &str,
    ) -> Option<Section<'a>> {
        let node = section.get(key)?;
        self.as_section(node, name)
    }

    /// A value that is a table.
    pub fn as_section<'a>(&mut self, node: &'a Node<'a>, name: &str) -> Option<Section<'a>> {
        let DeValue::Table(table) = node.get_ref() else {
            self.wrong_type(name, "a table", node);
            return None;
        };
        Some(Section {
            name: name.to_owned(),
            table,
            span: node.span(),
        })
    }

    /// An array of tables under a key (`[[target]]`); a missing key is an empty array.
    pub fn tables<'a>(&mut self, section: &Section<'a>, key: &str) -> Vec<Section<'a>> {
        let Some(node) = section.get(key) else {
            return Vec::new();
        };
        let heading = format!("[[{key}]]");
        let DeValue::Array(nodes) = node.get_ref() else {
            let found = type_of(node.get_ref());
            let message = format!("`{key}` must be an array of tables, not {found}");
            let label = format!("write {heading}, once for each");
            self.error_at(ErrorCode::Config, message, node.span(), label);
            return Vec::new();
        };
        let mut sections = Vec::new();
        for node in nodes {
            sections.extend(self.as_section(node, &heading));
        }
        sections
    }

    /// A string under a key.
    pub fn text<'a>(&mut self, section: &Section<'a>, key: &str) -> Option<Spanned<&'a str>> {
        let node = section.get(key)?;
        self.as_text(node, &format!("`{key}`"))
    }

    /// A value that is a string.
    pub fn as_text<'a>(&mut self, node: &'a Node<'a>, what: &str) -> Option<Spanned<&'a str>> {
        let DeValue::String(text) = node.get_ref() else {
            self.wrong_type(what, "a string", node);
            return None;
        };
        Some(Spanned::new(node.span(), text.as_ref()))
    }

    /// A list of strings under a key, which is not empty.
    pub fn texts<'a>(&mut self, section: &Section<'a>, key: &str) -> Option<Vec<Spanned<&'a str>>> {
        let node = section.get(key)?;
        let DeValue::Array(nodes) = node.get_ref() else {
            self.wrong_type(&format!("`{key}`"), "a list of strings", node);
            return None;
        };
        if nodes.is_empty() {
            self.refuse_empty_list(key, node.span());
            return None;
        }
        let mut texts = Vec::new();
        for node in nodes {
            texts.extend(self.as_text(node, &format!("an entry of `{key}`")));
        }
        (texts.len() == nodes.len()).then_some(texts)
    }

    /// A whole number of at least 1 under a key.
    pub fn count(&mut self, section: &Section<'_>, key: &str) -> Option<Spanned<u64>> {
        let node = section.get(key)?;
        let DeValue::Integer(integer) = node.get_ref() else {
            self.wrong_type(&format!("`{key}`"), "an integer", node);
            return None;
        };
        if let Ok(count @ 1..) = u64::from_str_radix(integer.as_str(), integer.radix()) {
            return Some(Spanned::new(node.span(), count));
        }
        let message = format!("invalid value `{integer}` for `{key}`");
        let label = "an integer of at least 1";
        self.error_at(ErrorCode::Config, message, node.span(), label);
        None
    }

    /// true or false under a key.
    pub fn boolean(&mut self, section: &Section<'_>, key: &str) -> Option<bool> {
        let node = section.get(key)?;
        let DeValue::Boolean(value) = node.get_ref() else {
            self.wrong_type(&format!("`{key}`"), "true or false", node);
            return None;
        };
        Some(*value)
    }

    /// A string under a key, parsed; the parser's error says what would be right.
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
                self.invalid_value(key, &text, help);
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
        self.invalid_value(key, &text, format!("one of: {}", choices.join(", ")));
        None
    }
}
