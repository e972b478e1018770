//! Runs of the program against a bucket: the sandbox, a store behind a proxy, a configuration, and the program started
//! with nothing on this machine but that configuration. The same with a folder, to compare with.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use backhaul::sandbox::{Options, Stats};
use chrono::{DateTime, Utc};
use serde_json::Value as Json;

use super::proxy::Proxy;
use super::server::{BUCKET, KEY, SECRET, Server};
use crate::support::{Ran, TestContext, canonical_arrow, parquet_files, unlimited};

pub const LINKS: &str = "[[report]]\nname = \"links\"\nendpoint = \"site-explorer/all-backlinks\"\n\
                         aggregation = \"all\"\ncolumns = [\"minimal\"]\n\n";
pub const ANCHORS: &str = "[[report]]\nname = \"anchors\"\nendpoint = \"site-explorer/anchors\"\ncolumns = [\"minimal\"]\n\n";
pub const RATING: &str =
    "[[report]]\nname = \"rating\"\nendpoint = \"site-explorer/domain-rating\"\n\n";
pub const KEYWORDS: &str = "[[report]]\nname = \"keywords\"\nendpoint = \"site-explorer/organic-keywords\"\n\
                            columns = [\"minimal\"]\ncountries = [\"us\", \"gb\"]\n\n";
pub const HISTORY: &str = "[[report]]\nname = \"metrics\"\nendpoint = \"site-explorer/metrics-history\"\n\
                           since = \"2025-06-01\"\n\n";
pub const CHANGES: &str = "[[report]]\nname = \"link_changes\"\nendpoint = \"site-explorer/all-backlinks\"\n\
                           columns = [\"minimal\"]\nmode = \"changes\"\n\n";

/// Names that are part of no URL and no other word, so that they can be searched for.
pub const TARGETS: [(&str, &str); 4] = [
    ("zebra", "acme.com"),
    ("quokka", "rival.org"),
    ("yak", "third.net"),
    ("ibex", "fourth.io"),
];

/// The shortest lease that works with the store's clock of whole seconds.
pub const LEASE_MS: &str = "1000";

/// Columns of time and run, which differ between any two runs.
const WHO_AND_WHEN: [&str; 6] = [
    "_run_id",
    "_exported_at",
    "run",
    "started_at",
    "finished_at",
    "evidence",
];

pub fn targets(names: &[&str]) -> String {
    let table =
        |(name, url): &(&str, &str)| format!("[[target]]\nname = \"{name}\"\nurl = \"{url}\"\n\n");
    TARGETS
        .iter()
        .filter(|(name, _)| names.contains(name))
        .map(table)
        .collect()
}

/// A store behind a proxy, with threads of their own.
pub struct Cloud {
    pub server: Server,
    pub proxy: Proxy,
    // Last: what runs on it is dropped first.
    runtime: tokio::runtime::Runtime,
}

impl Cloud {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let (server, proxy) = runtime.block_on(async {
            let server = Server::start().await;
            let proxy = Proxy::start(server.address).await;
            (server, proxy)
        });
        Self {
            server,
            proxy,
            runtime,
        }
    }

    /// Another proxy of the same store, with faults of its own.
    pub fn other_proxy(&self) -> Proxy {
        self.runtime.block_on(Proxy::start(self.server.address))
    }
}

/// A sandbox, a destination and the program.
pub struct Night {
    pub context: TestContext,
    cloud: Option<Cloud>,
    starts: AtomicU32,
}

impl Night {
    /// With a folder on this machine.
    pub fn on_disk(options: Options) -> Self {
        Self {
            context: TestContext::new(options),
            cloud: None,
            starts: AtomicU32::new(0),
        }
    }

    /// With a bucket, of which only the configuration and the credentials are known here.
    pub fn in_bucket(options: Options) -> Self {
        let mut context = TestContext::new(options);
        let variables = [
            ("AWS_ACCESS_KEY_ID", KEY),
            ("AWS_SECRET_ACCESS_KEY", SECRET),
            ("BACKHAUL_TEST_LEASE_MS", LEASE_MS),
        ];
        for (name, value) in variables {
            context.env(name, value);
        }
        Self {
            context,
            cloud: Some(Cloud::start()),
            starts: AtomicU32::new(0),
        }
    }

    /// A bucket and what most tests need: pages of several answers, several tables.
    pub fn usual(rows: u64) -> Self {
        let night = Self::in_bucket(Options {
            row_cap: Some(250),
            ..unlimited(rows)
        });
        night.configure(
            &targets(&["zebra", "quokka"]),
            &format!("{LINKS}{ANCHORS}{RATING}"),
        );
        night
    }

    pub fn cloud(&self) -> &Cloud {
        self.cloud.as_ref().expect("a bucket")
    }

    pub fn proxy(&self) -> &Proxy {
        &self.cloud().proxy
    }

    pub fn configure(&self, targets: &str, reports: &str) {
        self.configure_through(
            self.cloud
                .as_ref()
                .map(|cloud| cloud.proxy.endpoint())
                .as_deref(),
            targets,
            reports,
        );
    }

    fn configure_through(&self, endpoint: Option<&str>, targets: &str, reports: &str) {
        self.context.configure_with(targets, reports);
        if let Some(endpoint) = endpoint {
            let text = std::fs::read_to_string(self.file()).unwrap();
            let place = format!(
                "url = \"s3://{BUCKET}/lake\"\nregion = \"us-east-1\"\nendpoint = \"{endpoint}\""
            );
            self.context
                .write_configuration(&text.replace("url = \"out\"", &place));
        }
    }

    /// The same configuration with another proxy of the store.
    pub fn through(&self, proxy: &Proxy) -> PathBuf {
        let text = std::fs::read_to_string(self.file()).unwrap();
        let path = self
            .context
            .folder
            .path()
            .join(format!("through-{}.toml", proxy.address.port()));
        std::fs::write(
            &path,
            text.replace(&self.proxy().endpoint(), &proxy.endpoint()),
        )
        .unwrap();
        path
    }

    pub fn backhaul_as(&self, configuration: &Path, arguments: &[&str]) -> Ran {
        ran(&self
            .command(arguments)
            .env("BACKHAUL_CONFIG", configuration)
            .output()
            .unwrap())
    }

    /// Changes the configuration's text.
    pub fn reconfigure(&self, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.file()).unwrap();
        assert!(text.contains(from), "{text}");
        self.context.write_configuration(&text.replace(from, to));
    }

    pub fn file(&self) -> PathBuf {
        self.context.folder.path().join("backhaul.toml")
    }

    /// Sets the program's clock.
    pub fn at(&mut self, time: DateTime<Utc>) {
        self.context.set_time(time);
    }

    /// The program on a machine on which it never ran: another folder to work in, another one for temporary files.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.context.command(arguments);
        if self.cloud.is_some() {
            let machine = self
                .context
                .folder
                .path()
                .join(format!("m{}", self.starts.fetch_add(1, Ordering::Relaxed)));
            let (work, temporary) = (machine.join("work"), machine.join("tmp"));
            for folder in [&work, &temporary] {
                std::fs::create_dir_all(folder).unwrap();
            }
            command
                .current_dir(work)
                .env("TMPDIR", temporary)
                .env("BACKHAUL_CONFIG", self.file());
        }
        command
    }

    pub fn backhaul(&self, arguments: &[&str]) -> Ran {
        ran(&self.command(arguments).output().unwrap())
    }

    pub fn run(&self) -> Ran {
        self.backhaul(&["run", "--json"])
    }

    pub fn start(&self, arguments: &[&str]) -> Running {
        let child = self
            .command(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Running(Some(child))
    }

    /// Ends by `kill -9` at a fail point. Returns whether it was hit.
    pub fn crashes_at(&self, step: &str, arguments: &[&str]) -> bool {
        let ran = ran(&self
            .command(arguments)
            .env("BACKHAUL_TEST_CRASH_AT", step)
            .output()
            .unwrap());
        assert!(ran.code == -1 || ran.code == 0, "{step}: {ran:?}");
        ran.code == -1
    }

    /// How often each fail point of a command is hit.
    pub fn steps(&self, arguments: &[&str]) -> BTreeMap<String, u32> {
        let log = self.context.folder.path().join("steps.txt");
        ran(&self
            .command(arguments)
            .env("BACKHAUL_TEST_STEPS", &log)
            .output()
            .unwrap())
        .expect(0);
        let mut steps = BTreeMap::new();
        for step in std::fs::read_to_string(&log).unwrap().lines() {
            *steps.entry(step.to_owned()).or_default() += 1;
        }
        std::fs::remove_file(log).unwrap();
        steps
    }

    pub fn stats(&self) -> Stats {
        self.context.stats()
    }

    /// The destination as files.
    pub fn root(&self) -> PathBuf {
        match &self.cloud {
            None => self.context.destination(),
            Some(cloud) => cloud.server.folder().join("lake"),
        }
    }

    /// Rows of a table as maps from column to text, in order.
    pub fn told(&self, table: &str) -> Vec<BTreeMap<String, String>> {
        let mut rows = Vec::new();
        for file in parquet_files(&self.root().join(table)) {
            for batch in backhaul::sink::read_batches(&file, None).unwrap() {
                let batch = batch.unwrap();
                let schema = batch.schema();
                let cell = |row, column: usize| {
                    (
                        schema.field(column).name().clone(),
                        canonical_arrow(batch.column(column), row),
                    )
                };
                rows.extend(
                    (0..batch.num_rows())
                        .map(|row| (0..batch.num_columns()).map(|at| cell(row, at)).collect()),
                );
            }
        }
        rows
    }

    /// The same as sorted text, without the columns of time and run.
    pub fn rows(&self, table: &str) -> Vec<String> {
        let text = |row: &BTreeMap<String, String>| {
            let cells = row
                .iter()
                .filter(|(name, _)| !WHO_AND_WHEN.contains(&name.as_str()));
            cells
                .map(|(name, value)| format!("{name}={value}"))
                .collect::<Vec<_>>()
                .join("|")
        };
        let mut rows: Vec<String> = self.told(table).iter().map(text).collect();
        rows.sort();
        rows
    }

    /// All tables of some names.
    pub fn tables(&self, names: &[&str]) -> BTreeMap<String, Vec<String>> {
        names
            .iter()
            .map(|name| ((*name).to_owned(), self.rows(name)))
            .collect()
    }

    /// Objects below a folder that hold anything, by their names from the root on.
    pub fn objects(&self, folder: &str) -> Vec<String> {
        let root = self.root();
        let mut found = Vec::new();
        let mut folders = vec![root.join(folder)];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if std::fs::metadata(&path).unwrap().len() > 0 {
                    found.push(
                        path.strip_prefix(&root)
                            .unwrap()
                            .to_string_lossy()
                            .into_owned(),
                    );
                }
            }
        }
        found.sort();
        found
    }

    /// Saved responses of requests for one task each.
    pub fn saved(&self) -> u64 {
        let answers = self
            .objects("_backhaul/responses")
            .into_iter()
            .filter(|name| name.ends_with(".response"));
        u64::try_from(answers.count()).unwrap()
    }

    /// What killed or finished processes must not leave: commits under way, runs that count as alive, claims in their names,
    /// files that readers would read.
    pub fn left_over(&self) -> Vec<String> {
        let mut left = self.objects("_backhaul/staging");
        left.extend(self.objects("_backhaul/claims/_runs"));
        left.extend(
            self.objects("_backhaul")
                .into_iter()
                .filter(|name| name.ends_with(".parquet")),
        );
        let is_held = |name: &String| {
            let claim: Json =
                serde_json::from_slice(&std::fs::read(self.root().join(name)).unwrap()).unwrap();
            let run = claim["run"]
                .as_str()
                .map(|run| format!("_backhaul/claims/_runs/{run}.json"));
            !claim["token"].is_null() && run.is_none_or(|run| self.root().join(run).exists())
        };
        // On a disk claims are locks, which end with their process.
        if self.cloud.is_some() {
            let claims = self
                .objects("_backhaul/claims")
                .into_iter()
                .filter(|name| !name.contains("/_runs/"));
            left.extend(claims.filter(is_held));
        }
        left
    }

    /// Nights in which nothing is due sweep what killed processes left.
    #[track_caller]
    pub fn is_swept(&self) {
        wait_until("the end of all that dead processes left", || {
            // Leases expire by the options of the process that waits for them.
            let swept = ran(&self
                .command(&["run"])
                .env("BACKHAUL_TEST_LEASE_MS", "100")
                .output()
                .unwrap())
            .expect(0);
            assert!(!swept.stdout.is_empty());
            self.left_over().is_empty()
        });
    }
}

pub fn ran(output: &std::process::Output) -> Ran {
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout.clone()).unwrap(),
        stderr: String::from_utf8(output.stderr.clone()).unwrap(),
    }
}

/// A process that is killed when a test fails.
pub struct Running(Option<Child>);

impl Running {
    pub fn id(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(self.0.as_ref().expect("not waited for"))
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(self.id(), signal).unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Waits for a process's end.
pub fn ended(mut running: Running) -> Ran {
    ran(&running
        .0
        .take()
        .expect("not waited for")
        .wait_with_output()
        .unwrap())
}

pub fn wait_until(what: &str, is_true: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_true() {
        assert!(
            started.elapsed() < Duration::from_mins(1),
            "{what} never came"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The only file of a table.
pub fn only_file(root: &Path, table: &str) -> PathBuf {
    let files = parquet_files(&root.join(table));
    assert_eq!(files.len(), 1, "{files:?}");
    files[0].clone()
}
