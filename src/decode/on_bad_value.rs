//! The rule for values that do not fit their column.

/// What happens to a value that does not fit its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnBadValue {
    /// The page fails, naming row, column and value.
    #[default]
    Fail,
    /// The value becomes null and is noted.
    Null,
}
