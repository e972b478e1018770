//! The cryptography of TLS, for the client of the source and that of buckets.

/// Installs it for the process; reqwest is built without one of its own.
pub(crate) fn install_provider() {
    // Where another thread was faster, its provider is the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
