//! The operators of the API's filters: their names, and which of them are equivalent.

/// An operator that compares a column, or an item of a list, with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// Equal.
    Eq,
    /// Not equal.
    Neq,
    /// Greater.
    Gt,
    /// Greater or equal.
    Gte,
    /// Less.
    Lt,
    /// Less or equal.
    Lte,
    /// Contains the text.
    Substring,
    /// The same, whatever the case.
    Isubstring,
    /// Contains the text as whole words.
    PhraseMatch,
    /// The same, whatever the case.
    IphraseMatch,
    /// Begins with the text.
    Prefix,
    /// Ends with the text.
    Suffix,
    /// A regular expression matches somewhere.
    Regex,
}

impl Comparison {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Eq,
        Self::Neq,
        Self::Gt,
        Self::Gte,
        Self::Lt,
        Self::Lte,
        Self::Substring,
        Self::Isubstring,
        Self::PhraseMatch,
        Self::IphraseMatch,
        Self::Prefix,
        Self::Suffix,
        Self::Regex,
    ];

    /// The API's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Eq => "eq",
            Self::Neq => "neq",
            Self::Gt => "gt",
            Self::Gte => "gte",
            Self::Lt => "lt",
            Self::Lte => "lte",
            Self::Substring => "substring",
            Self::Isubstring => "isubstring",
            Self::PhraseMatch => "phrase_match",
            Self::IphraseMatch => "iphrase_match",
            Self::Prefix => "prefix",
            Self::Suffix => "suffix",
            Self::Regex => "regex",
        }
    }

    /// The operator of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|comparison| comparison.as_str() == name)
    }

    /// Whether it asks for equality, which every type has.
    pub fn is_equality(self) -> bool {
        matches!(self, Self::Eq | Self::Neq)
    }

    /// Whether it searches in text.
    pub fn is_textual(self) -> bool {
        !self.is_equality() && !matches!(self, Self::Gt | Self::Gte | Self::Lt | Self::Lte)
    }

    /// The operator that holds for a value exactly where this one does not; those that search in text have none.
    pub fn negated(self) -> Option<Self> {
        Some(match self {
            Self::Eq => Self::Neq,
            Self::Neq => Self::Eq,
            Self::Gt => Self::Lte,
            Self::Gte => Self::Lt,
            Self::Lt => Self::Gte,
            Self::Lte => Self::Gt,
            _ => return None,
        })
    }

    /// The equivalent operator with its sides swapped: `1 < x` is `x > 1`.
    #[must_use]
    pub fn swapped(self) -> Self {
        match self {
            Self::Gt => Self::Lt,
            Self::Gte => Self::Lte,
            Self::Lt => Self::Gt,
            Self::Lte => Self::Gte,
            same => same,
        }
    }
}
