//! What the table of keys says of a key.

/// One key of the configuration.
#[derive(Debug)]
pub struct Key {
    /// Where it is: `destination.encryption.kms`.
    pub path: &'static str,
    /// The type of its value.
    pub kind: Kind,
    /// Its value where it is not set.
    pub default: DefaultValue,
    /// Version of the program that first had it.
    pub since: &'static str,
    /// What it means, in one or two sentences.
    pub doc: &'static str,
    /// A line of the file that sets it.
    pub example: &'static str,
}

impl Key {
    /// The last part of the path.
    pub fn name(&self) -> &'static str {
        match self.path.rsplit_once('.') {
            Some((_, name)) => name,
            None => self.path,
        }
    }
}

/// What holds where a key is not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DefaultValue {
    /// It must be set.
    Required,
    /// Nothing, or what its documentation says.
    Unset,
    /// This value, as TOML and JSON write it.
    Value(&'static str),
}

/// The type of a key's value.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// A string.
    Text,
    /// A string that is not empty.
    NonEmptyText,
    /// A string that matches a regular expression.
    Pattern(&'static str),
    /// The name of a report: a string that matches a regular expression and is none of these words.
    ReportName {
        /// The regular expression.
        pattern: &'static str,
        /// Names that are taken.
        reserved: &'static [&'static str],
    },
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A duration such as `3d` or `12 h`.
    Duration,
    /// A day of the calendar.
    Date,
    /// `true` or `false`.
    Boolean,
    /// A whole number from 1.
    Count,
    /// A whole number from 1 to this.
    CountUpTo(u32),
    /// Units, or a share of a limit.
    UnitsOrPercent,
    /// A list of strings.
    Texts,
    /// A list of strings, each once.
    DistinctTexts,
    /// A list of whole numbers, each once.
    DistinctIntegers,
    /// A table from any name to units.
    UnitsByName,
    /// A table from any name to a string.
    TextByName,
    /// JSON in a string, or a table.
    TextOrTable,
    /// A list of names, and of tables of labels.
    TargetSelectors,
    /// A table.
    Table(&'static Table),
    /// An array of tables.
    Tables(&'static Table),
    /// A table, or a list of such tables.
    TableOrTables(&'static Table),
    /// One of these words, or a table.
    ChoiceOrTable(&'static [&'static str], &'static Table),
}

/// A table of the file.
#[derive(Debug)]
pub struct Table {
    /// The path that its keys begin with; empty for the file itself.
    pub path: &'static str,
    /// Its name among the definitions of the JSON Schema.
    pub definition: &'static str,
    /// How the file writes it.
    pub heading: &'static str,
    /// What it is for.
    pub doc: &'static str,
    /// Its keys, in the order of the documentation.
    pub keys: &'static [Key],
    /// What its keys must fulfil together.
    pub rule: Rule,
}

impl Table {
    /// The names of its keys.
    pub fn names(&self) -> Vec<&'static str> {
        self.keys.iter().map(Key::name).collect()
    }
}

/// What the keys of a table must fulfil together.
#[derive(Debug, Clone, Copy)]
pub enum Rule {
    /// Nothing.
    Free,
    /// Exactly one key is set.
    OneKey,
    /// Exactly one of these keys is set.
    OneOf(&'static [&'static str]),
    /// Further keys are query parameters of an operation.
    QueryParameters,
}
