//! HTTP around the server: reading requests, writing answers, and breaking connections where a fault asks for it.

mod faulty_connection;
mod response;
mod router;

pub(crate) use faulty_connection::{ConnectionFault, FaultyListener};
pub(crate) use router::router;
