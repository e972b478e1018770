//! Several errors of one kind of work.

use super::program_error::Error;

/// Several errors, for example every one in a configuration file. Never empty when returned as an error.
#[derive(Debug, Default)]
pub struct Errors(pub Vec<Error>);

impl Errors {
    /// The errors so far, or the value if there are none.
    ///
    /// # Errors
    /// Itself, if it is not empty.
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

    /// Exit status: 2 if any of them has it, which means that nothing was sent; else the largest.
    pub fn exit_code(&self) -> u8 {
        let mut largest = 0;
        for error in &self.0 {
            match error.code().exit_code() {
                2 => return 2,
                code => largest = largest.max(code),
            }
        }
        largest
    }

    /// All of them, rendered, with an empty line between.
    pub fn render(&self) -> String {
        let rendered: Vec<String> = self.0.iter().map(Error::render).collect();
        rendered.join("\n")
    }
}

impl From<Error> for Errors {
    fn from(error: Error) -> Self {
        Self(vec![error])
    }
}
