//! `load`: SQL that brings a warehouse to what is committed.

mod command;
mod data_location;
mod engine_client;

pub(super) use command::load;
pub(super) use data_location::data_location;
