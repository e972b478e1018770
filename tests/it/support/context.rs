//! A sandbox, a configuration and the program: a test's body is only its claim.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use backhaul::catalog::Catalog;
use backhaul::sandbox::{Options, Sandbox, Stats};
use chrono::{DateTime, Utc};
use serde_json::Value as Json;

use super::clock::{TestClock, on_test_clock};

/// The time that the program's clock shows when it starts.
pub const CLOCK: &str = "BACKHAUL_TEST_CLOCK";

/// The key of every test's sandbox.
pub const KEY: &str = "test-key-7f3a";

/// A sandbox without limits: what most tests start from.
pub fn unlimited(rows: u64) -> Options {
    Options {
        port: 0,
        rows,
        key: KEY.to_owned(),
        units: None,
        requests_per_minute: None,
        ..Options::default()
    }
}

/// A sandbox on the clock of this test.
pub async fn start_sandbox(options: Options) -> Sandbox {
    backhaul::sandbox::start(on_test_clock(options))
        .await
        .unwrap()
}

/// A folder, a sandbox and the program.
pub struct TestContext {
    pub folder: tempfile::TempDir,
    pub options: Options,
    pub(super) runtime: tokio::runtime::Runtime,
    sandbox: Sandbox,
    clock: TestClock,
    environment: BTreeMap<String, String>,
}

/// What the program printed and its exit code.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// The report of `run --json`.
    pub fn json(&self) -> Json {
        serde_json::from_str(self.stdout.lines().last().unwrap_or_default())
            .unwrap_or_else(|error| panic!("no report ({error}) in {self:?}"))
    }

    /// The same, held to an exit code.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "stdout:\n{}\nstderr:\n{}",
            self.stdout, self.stderr
        );
        self
    }
}

impl TestContext {
    pub fn new(options: Options) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let sandbox = runtime.block_on(start_sandbox(options.clone()));
        let environment = [
            ("AHREFS_API_KEY", KEY),
            ("BACKHAUL_TEST_WAIT_SCALE", "0.001"),
        ];
        let environment = environment
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        Self {
            folder: tempfile::tempdir().unwrap(),
            options,
            runtime,
            sandbox,
            clock: TestClock::of_thread(),
            environment,
        }
    }

    /// Sets a variable of the program's environment.
    pub fn env(&mut self, name: &str, value: &str) {
        self.environment.insert(name.to_owned(), value.to_owned());
    }

    /// Sets the time that the program's clock shows when it starts.
    pub fn set_time(&mut self, time: DateTime<Utc>) {
        self.env(CLOCK, &time.to_rfc3339());
    }

    /// Gives all files and folders of the destination this time: file times are the machine's, not the test's.
    pub fn set_file_times(&self, time: DateTime<Utc>) {
        let mut open = vec![self.destination()];
        while let Some(path) = open.pop() {
            let file = std::fs::File::open(&path).unwrap();
            if path.is_dir() {
                for entry in std::fs::read_dir(&path).unwrap() {
                    open.push(entry.unwrap().path());
                }
            }
            file.set_modified(time.into()).unwrap();
        }
    }

    /// Takes a variable out of the program's environment.
    pub fn unset(&mut self, name: &str) {
        self.environment.remove(name);
    }

    pub fn url(&self) -> String {
        self.sandbox.url()
    }

    pub fn stats(&self) -> Stats {
        self.sandbox.stats()
    }

    pub fn destination(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    /// Replaces the sandbox by one with other options; the destination stays.
    pub fn restart(&mut self, options: Options) {
        self.sandbox = self.runtime.block_on(start_sandbox(options.clone()));
        self.options = options;
    }

    /// Writes a configuration of one target with these `[[report]]` tables.
    pub fn configure(&self, reports: &str) {
        self.configure_with("[[target]]\nname = \"acme\"\nurl = \"acme.com\"\n", reports);
    }

    /// Writes a configuration with these targets (and further tables) and reports.
    pub fn configure_with(&self, targets: &str, reports: &str) {
        let text = format!(
            "[source]\nbase_url = \"{}\"\napi_key = {{ env = \"AHREFS_API_KEY\" }}\n\n[source.limits]\n\
             requests_per_minute = 60000\n\n[budget]\nper_run = 1_000_000_000\n\n[destination]\nurl = \"out\"\n\n\
             {targets}\n{reports}\n",
            self.url()
        );
        self.write_configuration(&text);
    }

    pub fn configuration(&self) -> PathBuf {
        self.folder.path().join("backhaul.toml")
    }

    pub fn write_configuration(&self, text: &str) {
        std::fs::write(self.configuration(), text).unwrap();
    }

    /// Replaces a part of the configuration by another.
    #[track_caller]
    pub fn edit_configuration(&self, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.configuration()).unwrap();
        assert!(text.contains(from), "no {from:?} in\n{text}");
        self.write_configuration(&text.replace(from, to));
    }

    /// Adds the keys of partitions to the configuration.
    pub fn partition_by(&self, keys: &str) {
        let to = format!("url = \"out\"\npartition_by = [{keys}]\n");
        self.edit_configuration("url = \"out\"\n", &to);
    }

    /// The program with arguments, not yet started.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_backhaul"));
        command
            .current_dir(self.folder.path())
            .args(arguments)
            .stdin(Stdio::null());
        command
            .env_clear()
            .env(CLOCK, self.clock.now().to_rfc3339())
            .envs(&self.environment);
        command
    }

    /// Runs the program.
    pub fn backhaul(&self, arguments: &[&str]) -> Ran {
        let output = self.command(arguments).output().unwrap();
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The report of `usage --json`.
    pub fn usage(&self) -> Json {
        self.backhaul(&["usage", "--json"]).expect(0).json()
    }

    /// Runs a night.
    pub fn run(&self) -> Ran {
        self.backhaul(&["run", "--json"])
    }
}

/// Columns of a preset.
pub fn preset(endpoint: &str, name: &str) -> Vec<String> {
    Catalog::embedded()
        .endpoint(endpoint)
        .unwrap()
        .presets
        .get(name)
        .unwrap()
        .to_vec()
}
