//! `init`: a starter configuration that never overwrites.

use super::arguments::Init;
use super::{ExitResult, output};
use crate::error::{Code, Error};

/// Writes the starter configuration.
pub fn init(command: &Init) -> ExitResult {
    let text = crate::config::starter(&command.targets);
    let path = &command.out;
    let written = std::fs::File::create_new(path).and_then(|mut file| {
        use std::io::Write as _;
        file.write_all(text.as_bytes())
    });
    written.map_err(|error| {
        let message = if error.kind() == std::io::ErrorKind::AlreadyExists {
            format!("{} exists already and is not overwritten", path.display())
        } else {
            format!("cannot write {}", path.display())
        };
        Error::new(Code::Usage, message)
            .with_source(error)
            .with_next("backhaul init --out ANOTHER.toml")
    })?;
    let file = path.display();
    output::print(&format!(
        "wrote {file}\nnext: export AHREFS_API_KEY=…, look through {file}, then:\n  backhaul -c {file} check\n  backhaul -c {file} run\n"
    ));
    Ok(0)
}
