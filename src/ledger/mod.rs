//! Units: reserved, spent, left.

pub(crate) mod account;
pub(crate) mod month;
pub(crate) mod recovery;
pub(crate) mod request_log;
pub(crate) mod reservations;
