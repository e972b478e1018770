//! `init`: a starter configuration; it never overwrites a file.

use std::fs::File;
use std::io::{ErrorKind, Write as _};

use super::arguments::InitArgs;
use super::exit::ExitResult;
use super::output;
use crate::error::{Error, ErrorCode};

/// Writes the starter configuration.
pub(super) fn init(command: &InitArgs) -> ExitResult {
    let text = crate::config::starter(&command.targets);
    let file = command.out.display();
    let written =
        File::create_new(&command.out).and_then(|mut file| file.write_all(text.as_bytes()));
    if let Err(error) = written {
        let message = if error.kind() == ErrorKind::AlreadyExists {
            format!("{file} already exists and is not overwritten")
        } else {
            format!("cannot write {file}")
        };
        return Err(Error::new(ErrorCode::Usage, message)
            .with_source(error)
            .with_hint("backhaul init --out ANOTHER.toml")
            .into());
    }
    output::print(&format!(
        "wrote {file}\nnext: export AHREFS_API_KEY=…, review {file}, then:\n  backhaul -c {file} check\n  \
         backhaul -c {file} run\n"
    ));
    Ok(0)
}
