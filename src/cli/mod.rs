//! The command line: arguments, one file per command, printing, exit codes. No logic of its own: commands call the rooms.

mod arguments;
pub mod catalog;
mod check;
mod client;
mod compact;
mod demo;
mod estimate;
mod forget;
mod init;
mod lint;
mod load;
mod logging;
mod not_implemented;
mod output;
mod progress;
mod rebuild;
mod run;
mod sandbox;
mod schema;
mod test_overrides;
mod usage;
mod verify;
mod warehouse_arguments;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _};

use self::arguments::{Arguments, Command};
use crate::config::{Environment, RunConfig, load};
use crate::error::{Code, Error, Errors};

/// How a command ended well: its exit status. Errors carry their own.
type ExitResult = Result<u8, Errors>;

/// Runs the program with the arguments of the process.
pub fn main() -> ExitCode {
    let arguments = match parse() {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    logging::start(&arguments.globals);
    raise_file_limit();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            let error = Error::new(Code::Internal, "the runtime cannot start").with_source(error);
            return fail(&error.into());
        }
    };
    let outcome = runtime.block_on(dispatch(arguments));
    // Tasks that were cut off (an interrupted request) must not hold the process.
    runtime.shutdown_background();
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(errors) => fail(&errors),
    }
}

/// Every task under way and every one that waits for its partition's commit holds a lock, which is an open file: a night of
/// thousands needs more than the usual soft limit.
fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            ..limit
        },
    ) {
        tracing::debug!(%error, "the limit of open files stays as it is");
    }
}

fn fail(errors: &Errors) -> ExitCode {
    output::eprint_text(&errors.render());
    ExitCode::from(errors.exit_code())
}

fn parse() -> Result<Arguments, ExitCode> {
    let matches = Arguments::command().try_get_matches();
    match matches.and_then(|matches| Arguments::from_arg_matches(&matches)) {
        Ok(arguments) => Ok(arguments),
        Err(error) if error.use_stderr() => Err(fail(&usage_error(&error).into())),
        // Help and version are results.
        Err(help) => {
            output::print(&help.render().to_string());
            Err(ExitCode::SUCCESS)
        }
    }
}

/// The parser's complaint in the shape of every other error.
fn usage_error(error: &clap::Error) -> Error {
    let text = error.render().to_string();
    let mut paragraphs = text.split("\n\n");
    let first = paragraphs.next().unwrap_or_default().trim();
    let first = first.strip_prefix("error: ").unwrap_or(first);
    let message = first.lines().map(str::trim).collect::<Vec<_>>().join(" ");
    let mut complaint = Error::new(Code::Usage, message).with_next("backhaul --help");
    if let Some(tip) = paragraphs.find_map(|paragraph| paragraph.trim().strip_prefix("tip: ")) {
        complaint = complaint.with_context("tip", tip.trim());
    }
    complaint
}

/// The configuration, with the columns that its presets stand for in the tables of its destination.
fn configuration(
    globals: &arguments::Globals,
    environment: &Environment,
) -> Result<RunConfig, Errors> {
    test_overrides::watch(environment)?;
    Ok(crate::state::presets::with_recorded_presets(load(
        &globals.config,
        environment,
    )?)?)
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
        Command::Verify(command) if command.lint => lint::lint(&globals, &command),
        Command::Verify(command) => verify::verify(&globals, &command),
        Command::Rebuild(command) => rebuild::rebuild(&globals, &command).await,
        Command::Compact(command) => compact::compact(&globals, &command),
        Command::Forget(command) => forget::forget(&globals, &command),
        Command::Catalog(command) => catalog::catalog(&command),
        Command::Schema(command) => schema::schema(&globals, &command),
        Command::Load(command) => load::load(&globals, &command),
        Command::Sandbox(command) => sandbox::sandbox(command).await,
        Command::Completions(command) => {
            clap_complete::generate(
                command.shell,
                &mut Arguments::command(),
                "backhaul",
                &mut std::io::stdout(),
            );
            Ok(0)
        }
        Command::History(_) | Command::Gateway(_) => Err(not_implemented::command(&command).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_complaint_of_the_parser_has_the_shape_of_every_error() {
        let error = Arguments::command()
            .try_get_matches_from(["backhaul", "rum"])
            .expect_err("unknown");
        let text = usage_error(&error).render();
        assert!(
            text.starts_with("error[BH-USAGE]: unrecognized subcommand 'rum'"),
            "{text}"
        );
        assert!(
            text.contains("tip: a similar subcommand exists: 'run'"),
            "{text}"
        );
        assert!(
            text.ends_with("cost: 0 units, nothing was sent\n"),
            "{text}"
        );
    }

    #[test]
    fn global_flags_are_taken_after_the_command_too() {
        let matches = Arguments::command()
            .try_get_matches_from(["backhaul", "check", "--offline", "-c", "x.toml", "-v"])
            .expect("parses");
        let arguments = Arguments::from_arg_matches(&matches).expect("parses");
        assert_eq!(arguments.globals.config, std::path::PathBuf::from("x.toml"));
        assert_eq!(arguments.globals.verbose, 1);
    }
}
