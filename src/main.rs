//! The program: parse, run, print one error chain, return an exit code. Everything else lives in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    backhaul::cli::main()
}
