//! Commands on what a destination holds already: rebuild, compact, verify, forget.

pub(crate) mod compact;
pub(crate) mod forget;
pub(crate) mod rebuild;
pub(crate) mod verify;
