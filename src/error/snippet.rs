//! A place in a file that an error points to.

/// A place in a text file, shown under the message with the wrong part underlined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snippet {
    /// The file, as the user named it.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// How many characters are underlined; 0 shows no underline.
    pub width: usize,
    /// The line's text.
    pub text: String,
    /// The text after the underline.
    pub label: String,
}
