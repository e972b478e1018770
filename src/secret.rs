//! The API key: the only type that holds it, and that never prints it.
//!
//! ```compile_fail
//! let key = backhaul::secret::Secret::new("k".to_owned());
//! println!("{key}"); // no Display: the key cannot be printed by mistake
//! ```

use std::fmt;

/// An API key. `Debug` prints `***`; there is no `Display`, no serialisation, and the text leaves only through [`Secret::expose`].
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a key; surrounding white space (a file's last line end) is dropped.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into().trim().to_owned())
    }

    /// The text itself, only for the `Authorization` header.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text with every occurrence of the key replaced by `***`: for messages of a server.
    pub fn redact(&self, text: &str) -> String {
        if self.0.is_empty() {
            text.to_owned()
        } else {
            text.replace(&self.0, "***")
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_and_redact_hide_the_key() {
        let key = Secret::new("abc123\n");
        assert_eq!(format!("{key:?}"), "***");
        assert_eq!(key.redact("bad key abc123"), "bad key ***");
        assert_eq!(key.expose(), "abc123");
    }
}
