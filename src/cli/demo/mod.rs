//! `demo`: a whole export from the sandbox inside the process: no key, no network, no other program.

mod command;
mod configuration;

pub(super) use command::demo;
