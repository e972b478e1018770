//! Running statements with an engine's own client, which keeps its own credentials: no secret stands in an argument.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::error::{Code, Error, Result};
use crate::warehouse::Engine;

/// `DuckDB`'s file where none is named.
const DUCKDB_FILE: &str = "backhaul.duckdb";

/// Gives a script to the engine's client on its standard input; what the client prints goes where ours goes.
///
/// # Errors
/// [`Code::Usage`] for an engine without a client that takes scripts, or one that is not installed; [`Code::Warehouse`] if
/// the client fails.
pub fn apply(engine: Engine, database: Option<&str>, script: &str) -> Result<()> {
    let (program, arguments, install) = invocation(engine, database)?;
    let mut child = match Command::new(program)
        .args(&arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
    {
        Ok(child) => child,
        Err(error) => {
            return Err(Error::new(
                Code::Usage,
                format!("cannot start `{program}`, the client of {}", engine.title()),
            )
            .with_source(error)
            .with_next(format!(
                "{install}, or paste what is printed without --apply"
            )));
        }
    };
    let written = child
        .stdin
        .take()
        .map(|mut input| input.write_all(script.as_bytes()));
    let failed = |what: String| {
        Error::new(Code::Warehouse, what).with_next(format!(
            "mend what the client says above, then run the same command again: what is loaded already is only replaced; or paste: backhaul load {}",
            engine.name()
        ))
    };
    let status = child
        .wait()
        .map_err(|error| failed(format!("`{program}` cannot be waited for")).with_source(error))?;
    if !status.success() {
        return Err(failed(format!("`{program}` failed: {status}")));
    }
    match written {
        Some(Err(error)) => {
            Err(failed(format!("`{program}` did not read all statements")).with_source(error))
        }
        _ => Ok(()),
    }
}

fn invocation(
    engine: Engine,
    database: Option<&str>,
) -> Result<(&'static str, Vec<String>, &'static str)> {
    let words = |words: &[&str]| {
        words
            .iter()
            .map(|word| (*word).to_owned())
            .collect::<Vec<_>>()
    };
    Ok(match engine {
        Engine::Duckdb => (
            "duckdb",
            words(&["-bail", database.unwrap_or(DUCKDB_FILE)]),
            "pip install duckdb-cli",
        ),
        Engine::Snowflake => {
            let mut arguments = words(&["sql", "--stdin"]);
            arguments.extend(
                database
                    .into_iter()
                    .flat_map(|name| words(&["--database", name])),
            );
            ("snow", arguments, "pip install snowflake-cli")
        }
        Engine::Bigquery => {
            let mut arguments = words(&["query", "--use_legacy_sql=false", "--quiet"]);
            arguments.extend(database.map(|project| format!("--project_id={project}")));
            ("bq", arguments, "install the Google Cloud CLI")
        }
        Engine::Redshift
        | Engine::Databricks
        | Engine::Spark
        | Engine::Clickhouse
        | Engine::Athena => {
            let message = format!(
                "--apply runs duckdb, snow and bq; there is no such client of {}",
                engine.title()
            );
            return Err(Error::new(Code::Usage, message).with_next(format!(
                "paste what this prints: backhaul load {}",
                engine.name()
            )));
        }
    })
}
