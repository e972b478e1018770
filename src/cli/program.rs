//! The program from its arguments to its exit status.

use std::process::ExitCode;

use clap::CommandFactory as _;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::arguments::{Arguments, Command};
use super::exit::ExitResult;
use super::parse::{Parsed, parse};
use super::{
    catalog, check, compact, demo, estimate, forget, init, load, logging, not_implemented, output,
    rebuild, run, sandbox, schema, usage, verify,
};
use crate::error::{Error, ErrorCode, Errors};

/// Runs the program with the arguments of the process.
pub fn main() -> ExitCode {
    let arguments = match parse(std::env::args_os()) {
        Ok(Parsed::Command(arguments)) => *arguments,
        Ok(Parsed::Text(text)) => {
            output::print(&text);
            return ExitCode::SUCCESS;
        }
        Err(error) => return fail(&error.into()),
    };
    logging::start(&arguments.globals);
    raise_file_limit();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            let error =
                Error::new(ErrorCode::Internal, "cannot start the runtime").with_source(error);
            return fail(&error.into());
        }
    };
    let result = runtime.block_on(dispatch(arguments));
    // Tasks that were cancelled (an interrupted request) must not keep the process alive.
    runtime.shutdown_background();
    match result {
        Ok(code) => ExitCode::from(code),
        Err(errors) => fail(&errors),
    }
}

/// Every task under way and every one that waits for its partition's commit holds a lock, which is an open file: a night of
/// thousands needs more than the usual soft limit.
fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::debug!(%error, "cannot raise the limit of open files");
    }
}

fn fail(errors: &Errors) -> ExitCode {
    output::eprint_text(&errors.render());
    ExitCode::from(errors.exit_code())
}

async fn dispatch(arguments: Arguments) -> ExitResult {
    let Arguments { globals, command } = arguments;
    match command {
        Command::Demo(command) => demo::demo(command).await,
        Command::Init(command) => init::init(&command),
        Command::Check(command) => check::check(&globals, &command).await,
        Command::Run(command) => run::run(&globals, command).await,
        Command::Estimate(command) => estimate::estimate(&globals, &command).await,
        Command::Usage(command) => usage::usage(&globals, &command).await,
        Command::Verify(command) if command.lint => verify::lint(&globals, &command),
        Command::Verify(command) => verify::verify(&globals, &command),
        Command::Rebuild(command) => rebuild::rebuild(&globals, &command).await,
        Command::Compact(command) => compact::compact(&globals, &command),
        Command::Forget(command) => forget::forget(&globals, &command),
        Command::Catalog(command) => catalog::catalog(&command),
        Command::Schema(command) => schema::schema(&globals, &command),
        Command::Load(command) => load::load(&globals, &command),
        Command::Sandbox(command) => sandbox::sandbox(command).await,
        Command::Completions(command) => {
            let mut parser = Arguments::command();
            clap_complete::generate(
                command.shell,
                &mut parser,
                "backhaul",
                &mut std::io::stdout(),
            );
            Ok(0)
        }
        Command::History(_) => Err(not_implemented::command("history").into()),
        Command::Gateway(_) => Err(not_implemented::command("gateway").into()),
    }
}
