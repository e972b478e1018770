//! The command line: arguments, one file or folder a command, printing, exit status. No logic of its own: commands call the
//! other modules.

mod arguments;
pub mod catalog;
mod check;
mod compact;
mod configuration;
mod demo;
mod estimate;
mod exit;
mod forget;
mod init;
mod load;
mod logging;
mod not_implemented;
mod output;
mod parse;
mod program;
mod progress;
mod rebuild;
mod run;
mod sandbox;
mod schema;
mod signals;
mod test_overrides;
mod usage;
mod verify;

pub use program::main;
