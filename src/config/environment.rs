//! The environment as a value: read once at the start, passed in, never read elsewhere.

use std::collections::BTreeMap;
use std::fmt;

/// The variable that the starter configuration takes the key from. Read only where a configuration names it.
pub(super) const AHREFS_API_KEY: &str = "AHREFS_API_KEY";

/// Environment variables, as they were when the program started. `Debug` shows names only: values may be keys.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// The environment of this process. Variables that are not UTF-8 are left out.
    pub fn of_process() -> Self {
        let mut variables = BTreeMap::new();
        for (name, value) in std::env::vars_os() {
            if let (Ok(name), Ok(value)) = (name.into_string(), value.into_string()) {
                variables.insert(name, value);
            }
        }
        Self(variables)
    }

    /// The value of a variable, unless it is missing or blank.
    pub fn get(&self, name: &str) -> Option<&str> {
        let value = self.0.get(name)?;
        (!value.trim().is_empty()).then_some(value.as_str())
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let mut variables = BTreeMap::new();
        for (name, value) in pairs {
            variables.insert(name.into(), value.into());
        }
        Self(variables)
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
