//! Parameters of operations, of the query or of the body.

/// A query parameter.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: ParameterKind,
    /// The value that the API assumes when it is left out, as text.
    pub default: Option<String>,
    /// Whether a request without it is refused.
    pub required: bool,
}

/// Type of a query parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParameterKind {
    /// Any text.
    Text,
    /// A URL or domain.
    Url,
    /// `YYYY-MM-DD`.
    Date,
    /// `YYYY-MM-DDThh:mm:ssZ`.
    DateTime,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// true or false.
    Boolean,
    /// One of these.
    Enum(Vec<String>),
    /// A list, comma-separated in the query.
    List(Box<ParameterKind>),
    /// JSON.
    Json,
}
