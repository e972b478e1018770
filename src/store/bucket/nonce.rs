//! Random marks that distinguish what each writer writes.

/// Sixteen random hexadecimal digits.
pub(super) fn nonce() -> String {
    format!("{:016x}", fastrand::u64(..))
}
