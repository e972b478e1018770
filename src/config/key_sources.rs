//! Where the API key comes from. The configuration names sources; a key is read when it is first needed and is only kept
//! in a [`Secret`]. No message of this module contains what a source returned.

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

/// A key, as read from its source.
#[derive(Debug, Clone)]
pub struct ResolvedKey {
    /// The key.
    pub secret: Secret,
    /// The source in words, for messages.
    pub origin: String,
    /// A problem of the source that does not stop the run: a file that other users can read.
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
    /// [`ErrorCode::KeySource`]: the source has no key, or all sources were tried.
    pub async fn resolve(&self, position: usize) -> Result<ResolvedKey> {
        if let Some(source) = self.0.get(position) {
            return source.resolve().await;
        }
        let message = match self.0.len() {
            1 => "the only key source was tried".to_owned(),
            number => format!("all {number} key sources were tried"),
        };
        let hint = "renew the key in the Ahrefs account, or add a source to `api_key`";
        Err(Error::new(ErrorCode::KeySource, message).with_hint(hint))
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
            Self::Command(words) => {
                let program = words.first().map_or("", String::as_str);
                write!(f, "the command `{program}`")
            }
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
    /// seconds, or the text is not a key.
    pub async fn resolve(&self) -> Result<ResolvedKey> {
        let mut warning = None;
        let secret = match self {
            Self::Variable { name, value } => value.clone().ok_or_else(|| not_set(name))?,
            Self::File(path) => {
                warning = warning_if_readable_by_others(path);
                read_key_file(path)?
            }
            Self::Command(words) => self.run(words).await?,
        };
        let is_key =
            !secret.is_empty() && secret.expose().bytes().all(|byte| byte.is_ascii_graphic());
        if !is_key {
            let message = format!(
                "invalid key from {self}: it is empty, or contains whitespace or characters outside ASCII"
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

    /// The first line that the command prints.
    async fn run(&self, words: &[String]) -> Result<Secret> {
        let Some((program, arguments)) = words.split_first() else {
            return Err(self.command_error("is empty"));
        };
        let mut command = Command::new(program);
        command
            .args(arguments)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        let output = match tokio::time::timeout(COMMAND_TIMEOUT, command.output()).await {
            Ok(Ok(output)) => output,
            Ok(Err(error)) => {
                return Err(self.command_error("cannot be started").with_source(error));
            }
            Err(elapsed) => {
                let what = format!("took over {} seconds", COMMAND_TIMEOUT.as_secs());
                return Err(self.command_error(&what).with_source(elapsed));
            }
        };
        if !output.status.success() {
            return Err(self.command_error(&format!("failed ({})", output.status)));
        }
        let text = String::from_utf8_lossy(&output.stdout);
        Ok(Secret::new(text.lines().next().unwrap_or_default()))
    }

    fn command_error(&self, what: &str) -> Error {
        Error::new(ErrorCode::KeySource, format!("{self} {what}"))
            .with_hint("run the command by hand, then: backhaul check")
    }
}

fn not_set(name: &str) -> Error {
    let message = format!("the environment variable {name} is not set, or blank");
    Error::new(ErrorCode::KeySource, message).with_hint(format!(
        "export {name}=… with the key, then: backhaul check"
    ))
}

fn read_key_file(path: &Path) -> Result<Secret> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        let message = format!("cannot read the key file {}", path.display());
        Error::new(ErrorCode::KeySource, message)
            .with_source(error)
            .with_hint("write the key into that file, or name another source in `api_key`")
    })?;
    Ok(Secret::new(text))
}

#[cfg(unix)]
fn warning_if_readable_by_others(path: &Path) -> Option<String> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(path).ok()?.permissions().mode();
    (mode & 0o077 != 0).then(|| {
        format!(
            "other users can read the key file: chmod 600 {}",
            path.display()
        )
    })
}

#[cfg(not(unix))]
fn warning_if_readable_by_others(_: &Path) -> Option<String> {
    None
}
