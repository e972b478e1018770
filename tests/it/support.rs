//! What behaviour tests share: a sandbox, a configuration, the program, and rows in a form that two sources can be compared
//! in. A test's body is only its claim.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use arrow::array::{Array, ArrayRef, AsArray as _};
use arrow::datatypes::{DataType, Date32Type, Float64Type, Int64Type, TimestampMicrosecondType};
use backhaul::catalog::{Catalog, ColumnKind, Endpoint};
use backhaul::model::{Method, hex};
use backhaul::sandbox::{Options, Quirk, Sandbox, Stats};
use serde_json::{Map, Value as Json};
use sha2::{Digest as _, Sha256};

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

/// A folder, a sandbox and the program.
pub struct TestContext {
    pub folder: tempfile::TempDir,
    pub options: Options,
    runtime: tokio::runtime::Runtime,
    sandbox: Sandbox,
    environment: BTreeMap<String, String>,
}

/// What the program said and how it ended.
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
        let sandbox = runtime
            .block_on(backhaul::sandbox::start(options.clone()))
            .unwrap();
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
            environment,
        }
    }

    /// Sets a variable of the program's environment.
    pub fn env(&mut self, name: &str, value: &str) {
        self.environment.insert(name.to_owned(), value.to_owned());
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
        self.sandbox = self
            .runtime
            .block_on(backhaul::sandbox::start(options.clone()))
            .unwrap();
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

    pub fn write_configuration(&self, text: &str) {
        std::fs::write(self.folder.path().join("backhaul.toml"), text).unwrap();
    }

    /// The program with arguments, not yet started.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_backhaul"));
        command
            .current_dir(self.folder.path())
            .args(arguments)
            .stdin(Stdio::null());
        command.env_clear().envs(&self.environment);
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

    /// Runs a night.
    pub fn run(&self) -> Ran {
        self.backhaul(&["run", "--json"])
    }

    /// One GET on a sandbox of the same seed without faults, caps or churn; quirks that change the data itself stay.
    pub fn ask_oracle(&self, endpoint: &str, query: &[(&str, &str)]) -> Json {
        let endpoint = Catalog::embedded().endpoint(endpoint).unwrap();
        let said = query
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Json::from(*value)))
            .collect();
        self.ask_oracle_all(&[(endpoint, said)]).remove(0)
    }

    /// The same for many questions, each in the query or the body as its operation wants it.
    pub fn ask_oracle_all(&self, questions: &[(&Endpoint, Map<String, Json>)]) -> Vec<Json> {
        let changes_data = |quirk: &&Quirk| {
            [
                "wide_groups",
                "round_trip",
                "null_keys",
                "null_in_non_nullable",
            ]
            .contains(&quirk.as_str())
        };
        let quirks = self
            .options
            .quirks
            .iter()
            .filter(changes_data)
            .copied()
            .collect();
        let Options {
            rows,
            seed,
            ties,
            living,
            clock_offset,
            ..
        } = self.options;
        let options = Options {
            seed,
            ties,
            living,
            clock_offset,
            quirks,
            ..unlimited(rows)
        };
        self.runtime.block_on(async {
            let oracle = backhaul::sandbox::start(options).await.unwrap();
            // Another test may have installed it already: any will do.
            let _ = rustls::crypto::ring::default_provider().install_default();
            let client = reqwest::Client::builder().no_proxy().build().unwrap();
            let mut answers = Vec::new();
            for (endpoint, said) in questions {
                let url = format!("{}/{}", oracle.url(), endpoint.name);
                let request = match endpoint.method {
                    Method::Post => client
                        .post(url)
                        .body(Json::Object(said.clone()).to_string()),
                    Method::Get => {
                        let text = |value: &Json| {
                            value
                                .as_str()
                                .map_or_else(|| value.to_string(), str::to_owned)
                        };
                        let query: Vec<String> = said
                            .iter()
                            .map(|(name, value)| format!("{name}={}", encoded(&text(value))))
                            .collect();
                        client.get(format!("{url}?{}", query.join("&")))
                    }
                };
                let response = request.bearer_auth(KEY).send().await.unwrap();
                let status = response.status();
                let body = response.bytes().await.unwrap();
                let text = String::from_utf8_lossy(&body);
                assert!(
                    status.is_success(),
                    "the oracle says {status} to {} {said:?}: {text}",
                    endpoint.name
                );
                answers.push(serde_json::from_slice(&body).unwrap());
            }
            oracle.stop().await;
            answers
        })
    }

    /// The rows that one uncapped request to the oracle returns, canonical and sorted.
    pub fn oracle_rows(
        &self,
        endpoint: &str,
        columns: &[String],
        query: &[(&str, &str)],
    ) -> Vec<Vec<String>> {
        let select = columns.join(",");
        let mut query = query.to_vec();
        query.push(("select", &select));
        if !query.iter().any(|(name, _)| *name == "limit") {
            query.push(("limit", "100000000"));
        }
        let body = self.ask_oracle(endpoint, &query);
        let described = Catalog::embedded().endpoint(endpoint).unwrap();
        let Some(Json::Array(rows)) = body.get(&described.response_key) else {
            panic!("no rows in {body}")
        };
        let mut canonical: Vec<Vec<String>> = rows
            .iter()
            .map(|row| {
                let cell = |name: &String| {
                    canonical_json(&described.column(name).unwrap().kind, &row[name])
                };
                columns.iter().map(cell).collect()
            })
            .collect();
        canonical.sort();
        canonical
    }

    /// Every row of a table, in all its partitions, as the named columns of its endpoint; canonical and sorted.
    pub fn table_rows(&self, report: &str, endpoint: &str, names: &[String]) -> Vec<Vec<String>> {
        let described = Catalog::embedded().endpoint(endpoint).unwrap();
        let kind = |name: &String| described.column(name).map(|column| &column.kind);
        let mut rows = Vec::new();
        for path in parquet_files(&self.destination().join(report)) {
            for batch in backhaul::sink::read_batches(&path, None).unwrap() {
                let batch = batch.unwrap();
                let columns: Vec<(Option<&ColumnKind>, ArrayRef)> = names
                    .iter()
                    .map(|name| (kind(name), batch.column_by_name(name).unwrap().clone()))
                    .collect();
                for row in 0..batch.num_rows() {
                    let cell = |(kind, column): &(Option<&ColumnKind>, ArrayRef)| match kind {
                        Some(kind) => canonical_typed(kind, column, row),
                        None => canonical_arrow(column, row),
                    };
                    rows.push(columns.iter().map(cell).collect());
                }
            }
        }
        rows.sort();
        rows
    }
}

/// Rows of every file below a folder, all columns, as sorted text.
pub fn read_rows(folder: &std::path::Path) -> Vec<String> {
    let mut rows = Vec::new();
    for file in parquet_files(folder) {
        for batch in backhaul::sink::read_batches(&file, None).unwrap() {
            let batch = batch.unwrap();
            let row = |row| {
                batch
                    .columns()
                    .iter()
                    .map(|column| canonical_arrow(column, row))
                    .collect::<Vec<_>>()
                    .join("|")
            };
            rows.extend((0..batch.num_rows()).map(row));
        }
    }
    rows.sort();
    rows
}

/// Parquet files below a folder, in order.
pub fn parquet_files(folder: &std::path::Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|extension| extension == "parquet")
            {
                files.push(path);
            }
        }
    }
    files.sort();
    files
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

fn encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        other => format!("%{other:02X}"),
    };
    text.bytes().map(encode).collect()
}

/// Whether a table holds values of this kind as JSON text: those without a published shape, and lists of lists, which not
/// every warehouse knows.
pub fn is_json(kind: &ColumnKind) -> bool {
    match kind {
        ColumnKind::Json => true,
        ColumnKind::List(item) => matches!(**item, ColumnKind::List(_)),
        ColumnKind::Struct(fields) => fields.is_empty(),
        _ => false,
    }
}

/// A JSON value as its column's type sees it: written independently of the program's decoder.
pub fn canonical_json(kind: &ColumnKind, value: &Json) -> String {
    if value.is_null() {
        return "null".to_owned();
    }
    match kind {
        kind if is_json(kind) => sorted_json(value),
        ColumnKind::Integer => match value.as_i64() {
            Some(integer) => integer.to_string(),
            None => format!("{:.0}", value.as_f64().unwrap()),
        },
        ColumnKind::Float => format!("{:?}", value.as_f64().unwrap()),
        ColumnKind::Boolean => value.as_bool().unwrap().to_string(),
        ColumnKind::Date => value.as_str().unwrap().get(..10).unwrap().to_owned(),
        ColumnKind::DateTime => {
            let time = chrono::DateTime::parse_from_rfc3339(value.as_str().unwrap()).unwrap();
            time.timestamp_micros().to_string()
        }
        ColumnKind::Text => format!("{:?}", value.as_str().unwrap()),
        ColumnKind::List(items) => {
            let items: Vec<String> = value
                .as_array()
                .unwrap()
                .iter()
                .map(|item| canonical_json(items, item))
                .collect();
            format!("[{}]", items.join(","))
        }
        ColumnKind::Struct(fields) => {
            // By name, or by place: `["us", 123]`.
            let field = |(place, (name, kind)): (usize, &(String, ColumnKind))| {
                canonical_json(
                    kind,
                    value
                        .get(name)
                        .or_else(|| value.get(place))
                        .unwrap_or(&Json::Null),
                )
            };
            format!(
                "{{{}}}",
                fields
                    .iter()
                    .enumerate()
                    .map(field)
                    .collect::<Vec<_>>()
                    .join(",")
            )
        }
        ColumnKind::Json => sorted_json(value),
    }
}

/// A value of a file in the same form, where JSON text stands for a value.
fn canonical_typed(kind: &ColumnKind, column: &ArrayRef, row: usize) -> String {
    match kind {
        _ if column.is_null(row) => "null".to_owned(),
        kind if is_json(kind) => {
            sorted_json(&serde_json::from_str(column.as_string::<i32>().value(row)).unwrap())
        }
        ColumnKind::List(item) => {
            let items = column.as_list::<i32>().value(row);
            let items: Vec<String> = (0..items.len())
                .map(|place| canonical_typed(item, &items, place))
                .collect();
            format!("[{}]", items.join(","))
        }
        ColumnKind::Struct(fields) => {
            let held = column.as_struct();
            let field = |(name, kind): &(String, ColumnKind)| {
                canonical_typed(kind, held.column_by_name(name).unwrap(), row)
            };
            format!(
                "{{{}}}",
                fields.iter().map(field).collect::<Vec<_>>().join(",")
            )
        }
        _ => canonical_arrow(column, row),
    }
}

/// A value of a file in the same form.
pub fn canonical_arrow(column: &ArrayRef, row: usize) -> String {
    if column.is_null(row) {
        return "null".to_owned();
    }
    match column.data_type() {
        DataType::Int64 => column.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::Float64 => format!("{:?}", column.as_primitive::<Float64Type>().value(row)),
        DataType::Boolean => column.as_boolean().value(row).to_string(),
        DataType::Date32 => {
            let days = column.as_primitive::<Date32Type>().value(row);
            (chrono::NaiveDate::default() + chrono::Days::new(u64::try_from(days).unwrap()))
                .to_string()
        }
        DataType::Timestamp(_, _) => column
            .as_primitive::<TimestampMicrosecondType>()
            .value(row)
            .to_string(),
        DataType::Utf8 => format!("{:?}", column.as_string::<i32>().value(row)),
        DataType::List(_) => {
            let items = column.as_list::<i32>().value(row);
            let items: Vec<String> = (0..items.len())
                .map(|item| canonical_arrow(&items, item))
                .collect();
            format!("[{}]", items.join(","))
        }
        DataType::Struct(_) => {
            let fields = column.as_struct();
            let fields: Vec<String> = fields
                .columns()
                .iter()
                .map(|field| canonical_arrow(field, row))
                .collect();
            format!("{{{}}}", fields.join(","))
        }
        other => panic!("no canonical form for {other}"),
    }
}

/// JSON text with sorted keys and no white space.
fn sorted_json(value: &Json) -> String {
    match value {
        Json::Object(object) => {
            let sorted: BTreeMap<&String, String> = object
                .iter()
                .map(|(key, value)| (key, sorted_json(value)))
                .collect();
            format!("{sorted:?}")
        }
        Json::Array(items) => format!(
            "[{}]",
            items.iter().map(sorted_json).collect::<Vec<_>>().join(",")
        ),
        other => other.to_string(),
    }
}

/// Size of a file and its SHA-256, as manifests record them.
pub fn size_and_hash(path: &Path) -> (u64, String) {
    let bytes = std::fs::read(path).unwrap();
    let size = u64::try_from(bytes.len()).unwrap();
    (size, hex(&Sha256::digest(&bytes)))
}
