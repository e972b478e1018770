//! Where the API key comes from. The configuration names sources; a key is read when it is first needed and lives only
//! in [`Secret`]. No message of this module contains what a source returned.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use super::environment::Environment;
use crate::error::{Error, ErrorCode, Result};
use crate::secret::Secret;

/// How long a key command may take: long enough for a password manager, short enough for a nightly job.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);

/// The sources of `api_key`, in the order in which they are tried; never empty.
#[derive(Debug, Clone)]
pub struct KeySources(Vec<KeySource>);

/// One source of a key.
#[derive(Debug, Clone)]
pub enum KeySource {
    /// `{ env = "NAME" }`: a variable, with its value at the start of the program.
    Variable {
        /// Name of the variable.
        name: String,
        /// Its value, if it was set and not blank.
        value: Option<Secret>,
    },
    /// `{ file = "…" }`: the text of a file.
    File(PathBuf),
    /// `{ command = ["program", "argument"] }`: the first line that a program prints.
    Command(Vec<String>),
}

/// A key that a source gave.
#[derive(Debug, Clone)]
pub struct ResolvedKey {
    /// The key.
    pub secret: Secret,
    /// The source in words, for messages.
    pub origin: String,
    /// What the user should know of the source: a file that others can read.
    pub warning: Option<String>,
}

impl KeySources {
    pub(super) fn new(sources: Vec<KeySource>) -> Self {
        Self(sources)
    }

    /// The sources, in the order in which they are tried.
    pub fn iter(&self) -> std::slice::Iter<'_, KeySource> {
        self.0.iter()
    }

    /// The key of the source at `position`, from 0. After a 401 the caller asks for the next position.
    ///
    /// # Errors
    /// [`ErrorCode::KeySource`]: the source has no key, or there is no further source.
    pub async fn resolve(&self, position: usize) -> Result<ResolvedKey> {
        match self.0.get(position) {
            Some(source) => source.resolve().await,
            None => Err(Error::new(
                ErrorCode::KeySource,
                format!("none of the {} key sources is left to try", self.0.len()),
            )
            .with_hint("renew the key in the Ahrefs account, or add a source to `api_key`")),
        }
    }
}

impl<'a> IntoIterator for &'a KeySources {
    type Item = &'a KeySource;
    type IntoIter = std::slice::Iter<'a, KeySource>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable { name, .. } => write!(f, "the variable {name}"),
            Self::File(path) => write!(f, "the file {}", path.display()),
            Self::Command(words) => write!(
                f,
                "the command `{}`",
                words.first().map_or("", String::as_str)
            ),
        }
    }
}

impl KeySource {
    pub(super) fn variable(name: &str, environment: &Environment) -> Self {
        Self::Variable {
            name: name.to_owned(),
            value: environment.get(name).map(Secret::new),
        }
    }

    /// Reads the key.
    ///
    /// # Errors
    /// [`ErrorCode::KeySource`]: the variable is not set, the file cannot be read, the command fails or takes over 30
    /// seconds, or what came is no key.
    pub async fn resolve(&self) -> Result<ResolvedKey> {
        let (secret, warning) = match self {
            Self::Variable { name, value } => (value.clone().ok_or_else(|| not_set(name))?, None),
            Self::File(path) => (read(path)?, readable_by_others(path)),
            Self::Command(words) => (self.run(words).await?, None),
        };
        let is_key =
            !secret.is_empty() && secret.expose().bytes().all(|byte| byte.is_ascii_graphic());
        if !is_key {
            let message = format!(
                "{self} gives no key: it is empty, or holds blanks or characters outside ASCII"
            );
            return Err(Error::new(ErrorCode::KeySource, message)
                .with_hint("put the key alone there, on one line"));
        }
        Ok(ResolvedKey {
            secret,
            origin: self.to_string(),
            warning,
        })
    }

    async fn run(&self, words: &[String]) -> Result<Secret> {
        let fault = |what: String| {
            let next = "run the command by hand, then: backhaul check";
            Error::new(ErrorCode::KeySource, format!("{self} {what}")).with_hint(next)
        };
        let (program, arguments) = words
            .split_first()
            .ok_or_else(|| fault("is empty".to_owned()))?;
        let mut command = Command::new(program);
        command
            .args(arguments)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        let output = tokio::time::timeout(COMMAND_TIMEOUT, command.output())
            .await
            .map_err(|elapsed| {
                fault(format!("took over {} seconds", COMMAND_TIMEOUT.as_secs()))
                    .with_source(elapsed)
            })?
            .map_err(|error| fault("cannot be started".to_owned()).with_source(error))?;
        if !output.status.success() {
            return Err(fault(format!("failed ({})", output.status)));
        }
        let text = String::from_utf8_lossy(&output.stdout);
        Ok(Secret::new(text.lines().next().unwrap_or_default()))
    }
}

fn not_set(name: &str) -> Error {
    Error::new(
        ErrorCode::KeySource,
        format!("the variable {name} is not set, or blank"),
    )
    .with_hint(format!(
        "export {name}=… with the key, then: backhaul check"
    ))
}

fn read(path: &Path) -> Result<Secret> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Error::new(
            ErrorCode::KeySource,
            format!("cannot read the key file {}", path.display()),
        )
        .with_source(error)
        .with_hint("write the key into that file, or name another source in `api_key`")
    })?;
    Ok(Secret::new(text))
}

#[cfg(unix)]
fn readable_by_others(path: &Path) -> Option<String> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(path).ok()?.permissions().mode();
    (mode & 0o077 != 0)
        .then(|| format!("others may read the key file: chmod 600 {}", path.display()))
}

#[cfg(not(unix))]
fn readable_by_others(_: &Path) -> Option<String> {
    None
}
