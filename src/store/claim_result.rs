//! The outcome of a claim that does not wait.

/// The outcome of claiming something that one process at a time may have.
#[derive(Debug)]
pub enum ClaimResult<T> {
    /// It is ours until released.
    Claimed(T),
    /// Another process has it: its description, for people.
    HeldBy(String),
}

impl<T> ClaimResult<T> {
    /// What was claimed; `None` if another process has it.
    pub fn claimed(self) -> Option<T> {
        match self {
            Self::Claimed(claimed) => Some(claimed),
            Self::HeldBy(_) => None,
        }
    }

    /// The same result with another representation of what was claimed.
    pub fn map<U>(self, convert: impl FnOnce(T) -> U) -> ClaimResult<U> {
        match self {
            Self::Claimed(claimed) => ClaimResult::Claimed(convert(claimed)),
            Self::HeldBy(holder) => ClaimResult::HeldBy(holder),
        }
    }
}
