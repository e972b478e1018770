//! What the contract names and this version does not do: refused by name, never ignored.

use super::arguments::{Command, Run};
use crate::error::{Error, Result};

/// The refusal of a whole command.
pub fn command(command: &Command) -> Error {
    Error::later(match command {
        Command::History(_) => "the command `history`",
        Command::Gateway(_) => "the command `gateway`",
        Command::Demo(_)
        | Command::Init(_)
        | Command::Check(_)
        | Command::Run(_)
        | Command::Estimate(_)
        | Command::Usage(_)
        | Command::Verify(_)
        | Command::Rebuild(_)
        | Command::Compact(_)
        | Command::Forget(_)
        | Command::Catalog(_)
        | Command::Schema(_)
        | Command::Load(_)
        | Command::Sandbox(_)
        | Command::Completions(_) => "that command",
    })
}

/// Refuses flags of `run`.
pub fn run(run: &Run) -> Result<()> {
    refuse(run.shard.is_some(), "`run --shard`")
}

fn refuse(asked: bool, what: &str) -> Result<()> {
    if asked {
        Err(Error::later(what))
    } else {
        Ok(())
    }
}
