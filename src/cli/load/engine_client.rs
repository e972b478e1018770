//! Runs statements with an engine's own client, which keeps its own credentials: no secret is in an argument.

use std::io::Write as _;
use std::process::{Child, Command, Stdio};

use crate::error::{Error, ErrorCode, Result};
use crate::warehouse::{ClientCommand, Engine};

/// Gives a script to the engine's client on its standard input. The client's errors go to standard error.
///
/// # Errors
/// [`ErrorCode::Usage`] for an engine without a client that reads scripts, or if the client is not installed;
/// [`ErrorCode::Warehouse`] if the client fails.
pub(super) fn run_script(engine: Engine, database: Option<&str>, script: &str) -> Result<()> {
    let Some(client) = engine.client(database) else {
        return Err(no_client(engine));
    };
    let mut child = start(engine, &client)?;
    let mut written = Ok(());
    if let Some(mut input) = child.stdin.take() {
        written = input.write_all(script.as_bytes());
    }
    let program = client.program;
    let status = child.wait().map_err(|error| {
        client_error(engine, format!("cannot wait for `{program}`")).with_source(error)
    })?;
    if !status.success() {
        return Err(client_error(
            engine,
            format!("`{program}` failed: {status}"),
        ));
    }
    written.map_err(|error| {
        client_error(engine, format!("`{program}` did not read all statements")).with_source(error)
    })
}

fn start(engine: Engine, client: &ClientCommand) -> Result<Child> {
    let started = Command::new(client.program)
        .args(&client.arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn();
    started.map_err(|error| {
        let message = format!(
            "cannot start `{}`, the client of {}",
            client.program,
            engine.title()
        );
        Error::new(ErrorCode::Usage, message)
            .with_source(error)
            .with_hint(format!(
                "{}, or paste what is printed without --apply",
                client.install_hint
            ))
    })
}

fn client_error(engine: Engine, message: String) -> Error {
    Error::new(ErrorCode::Warehouse, message).with_hint(format!(
        "fix the error that the client printed, then run the same command again: what is already loaded is only replaced; \
         or paste: backhaul load {}",
        engine.name()
    ))
}

fn no_client(engine: Engine) -> Error {
    let mut programs = Vec::new();
    for engine in Engine::ALL {
        if let Some(client) = engine.client(None) {
            programs.push(client.program);
        }
    }
    let message = format!(
        "--apply is not available for {}: it runs the clients {}",
        engine.title(),
        programs.join(", ")
    );
    Error::new(ErrorCode::Usage, message).with_hint(format!(
        "paste what this prints: backhaul load {}",
        engine.name()
    ))
}
