//! The ground rules of the source tree, held by tests: who may use whom, how long files and functions may grow,
//! what production code may not call, and what must never be committed.
//!
//! Every rule is a function from text to faults. It is proved on a small wrong text first, then asked about the tree,
//! so no rule here can pass because it looks at nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use regex::Regex;

/// The rooms of `src/` and the rooms each may name. Every room may use `error` and `model` besides.
const MAY_USE: &[(&str, &[&str])] = &[
    ("error", &[]),
    ("model", &[]),
    ("secret", &[]),
    ("clock", &[]),
    ("tls", &[]),
    ("catalog", &[]),
    ("filter", &["catalog"]),
    ("table", &["catalog"]),
    ("config", &["catalog", "filter", "table", "secret"]),
    ("plan", &["config", "catalog", "table"]),
    ("limits", &["clock"]),
    ("api", &["catalog", "secret", "clock", "limits", "tls"]),
    ("paging", &["catalog", "filter"]),
    ("decode", &["table"]),
    ("landing", &["store"]),
    ("sink", &["table"]),
    ("store", &["table", "tls"]),
    ("report", &[]),
    (
        "state",
        &[
            "secret", "clock", "catalog", "filter", "table", "config", "plan", "limits", "api",
            "paging", "decode", "landing", "sink", "store", "report",
        ],
    ),
    (
        "ledger",
        &[
            "secret", "clock", "catalog", "filter", "table", "config", "plan", "limits", "api",
            "paging", "decode", "landing", "sink", "store", "report", "state",
        ],
    ),
    (
        "context",
        &[
            "secret", "clock", "catalog", "filter", "table", "config", "plan", "limits", "api",
            "paging", "decode", "landing", "sink", "store", "report", "state", "ledger",
        ],
    ),
    (
        "fetch",
        &[
            "secret", "clock", "catalog", "filter", "table", "config", "plan", "limits", "api",
            "paging", "decode", "landing", "sink", "store", "report", "state", "ledger", "context",
        ],
    ),
    (
        "publish",
        &[
            "secret", "clock", "catalog", "filter", "table", "config", "plan", "limits", "api",
            "paging", "decode", "landing", "sink", "store", "report", "state", "ledger", "context",
            "fetch",
        ],
    ),
    (
        "schedule",
        &[
            "secret", "clock", "catalog", "filter", "table", "config", "plan", "limits", "api",
            "paging", "decode", "landing", "sink", "store", "report", "state", "ledger", "context",
            "fetch", "publish",
        ],
    ),
    (
        "costs",
        &[
            "secret", "clock", "catalog", "filter", "table", "config", "plan", "limits", "api",
            "paging", "decode", "landing", "sink", "store", "report", "state", "ledger", "context",
            "fetch", "publish", "schedule",
        ],
    ),
    (
        "maintain",
        &[
            "secret", "clock", "catalog", "filter", "table", "config", "plan", "limits", "api",
            "paging", "decode", "landing", "sink", "store", "report", "state", "ledger", "context",
            "fetch", "publish", "schedule", "costs",
        ],
    ),
    (
        "run",
        &[
            "secret", "clock", "catalog", "filter", "table", "config", "plan", "limits", "api",
            "paging", "decode", "landing", "sink", "store", "report", "state", "ledger", "context",
            "fetch", "publish", "schedule", "costs", "maintain",
        ],
    ),
    ("warehouse", &["table", "store"]),
    // Sharing request, filter or paging code with the client would cancel mistakes out.
    ("sandbox", &["catalog"]),
    ("gateway", &["api", "limits", "catalog"]),
];

/// Rooms that may use every other.
const MAY_USE_ALL: &[&str] = &["cli"];

/// Libraries (or parts of `std`) that belong to some rooms only, with those rooms.
const OWNED_LIBRARIES: &[(&str, &[&str])] = &[
    ("reqwest", &["api", "gateway"]),
    ("rustls", &["tls"]),
    ("axum", &["sandbox", "gateway"]),
    (
        "arrow",
        &[
            "table",
            "decode",
            "sink",
            "store",
            "run",
            "state",
            "context",
            "fetch",
            "publish",
            "schedule",
            "maintain",
            "costs",
            "warehouse",
            "cli",
        ],
    ),
    (
        "parquet",
        &[
            "table", "sink", "store", "run", "state", "publish", "maintain", "cli",
        ],
    ),
    ("clap", &["cli"]),
    ("indicatif", &["cli"]),
];

/// Rooms of pure logic: no runtime, disk, environment, clock or chance of their own.
const PURE_ROOMS: &[&str] = &[
    "error", "model", "catalog", "filter", "table", "plan", "paging", "decode", "report",
];

/// What a pure room may not name.
const IMPURE: &[&str] = &[
    "tokio",
    "fastrand",
    "std::fs",
    "std::env",
    "std::net",
    "std::process",
    "SystemTime::now",
    "Instant::now",
    "Utc::now",
];

/// Non-blank production lines of a file: no more at all, and no more without a reason.
const FILE_LINES_MAX: usize = 500;
const FILE_LINES_EXPLAIN: usize = 400;
/// Opens the module comment's line that says why a file is longer than [`FILE_LINES_EXPLAIN`].
const LENGTH_REASON: &str = "//! Long because ";
/// Lines from `fn` to the closing brace.
const FUNCTION_LINES_MAX: usize = 80;

/// One source file: where it lies under `src/`, its text, and its production code with comments and literals blanked.
struct Source {
    path: String,
    text: String,
    code: String,
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            code: production(&blank_comments_and_literals(text)),
        }
    }

    /// The first folder or file name under `src/`.
    fn room(&self) -> &str {
        let first = self.path.split('/').next().unwrap_or_default();
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// How many modules deep the file is: 1 for a room's own `mod.rs`.
    fn depth(&self) -> usize {
        let parts = self.path.split('/').count();
        if self.path.ends_with("/mod.rs") {
            parts - 1
        } else {
            parts
        }
    }

    /// A file that is compiled for tests only; its parent declares it under `#[cfg(test)]`.
    fn is_test_module(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.contains("/tests/")
    }
}

/// Replaces what stands in comments, strings and characters by spaces. Lines and columns stay.
fn blank_comments_and_literals(text: &str) -> String {
    let literal = Regex::new(concat!(
        r###"(?s)//[^\n]*"###,                            // line comment
        r###"|/\*.*?\*/"###,                              // block comment
        r###"|\bb?r#".*?"#|\bb?r##".*?"##|\bb?r".*?""###, // raw strings
        r###"|"(?:\\.|[^"\\])*""###,                      // strings
        r###"|'(?:\\[^\n]{1,9}?|[^\\'\n])'"###,           // characters, never lifetimes
    ))
    .unwrap();
    let mut out = String::with_capacity(text.len());
    let mut end = 0;
    for found in literal.find_iter(text) {
        out.push_str(&text[end..found.start()]);
        out.extend(
            found
                .as_str()
                .chars()
                .map(|c| if c == '\n' { '\n' } else { ' ' }),
        );
        end = found.end();
    }
    out.push_str(&text[end..]);
    out
}

/// The code before the inline test module.
fn production(code: &str) -> String {
    let tests = Regex::new(
        r"(?m)^#\[cfg\(test\)\]\s*\n(?:#\[[^\n]*\n)*\s*(?:pub(?:\([a-z]+\))? )?mod \w+ \{",
    )
    .unwrap();
    tests
        .find(code)
        .map_or(code, |found| &code[..found.start()])
        .to_owned()
}

/// Rooms that the code names, by `crate::room`, by `crate::{room, …}`, or by climbing out with `super`.
fn rooms_named(source: &Source) -> Vec<String> {
    let path = Regex::new(r"(?:\bcrate::|\b((?:super::)+))(\w+|\{)").unwrap();
    let mut named = Vec::new();
    for found in path.captures_iter(&source.code) {
        let climbed = found
            .get(1)
            .map(|climb| climb.as_str().matches("super::").count());
        if climbed.is_some_and(|steps| steps < source.depth()) {
            continue;
        }
        let what = found.get(2).unwrap();
        if what.as_str() == "{" {
            named.extend(heads_of_group(&source.code[what.end()..]));
        } else {
            named.push(what.as_str().to_owned());
        }
    }
    named.sort();
    named.dedup();
    named
}

/// The first name of each item of a `{a::b, c::{d, e}}` group, given what follows its opening brace.
fn heads_of_group(rest: &str) -> Vec<String> {
    let mut heads = Vec::new();
    let mut depth = 1_usize;
    let mut item = String::new();
    for c in rest.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 || (depth == 1 && c == ',') {
            heads.push(std::mem::take(&mut item));
            if depth == 0 {
                break;
            }
        } else {
            item.push(c);
        }
    }
    let head = |item: &String| {
        item.trim()
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .next()
            .unwrap_or("")
            .to_owned()
    };
    heads
        .iter()
        .map(head)
        .filter(|head| !head.is_empty() && head != "self")
        .collect()
}

fn layering_faults(source: &Source) -> Vec<String> {
    let room = source.room();
    if MAY_USE_ALL.contains(&room) || ["lib", "main"].contains(&room) {
        return Vec::new();
    }
    let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == room) else {
        return vec![format!(
            "{}: room `{room}` is not in the table of rooms",
            source.path
        )];
    };
    let fits = |named: &str| {
        named == room || ["error", "model"].contains(&named) || allowed.contains(&named)
    };
    rooms_named(source)
        .iter()
        .filter(|named| !fits(named))
        .map(|named| format!("{}: `{room}` may not use `{named}`", source.path))
        .collect()
}

fn library_faults(source: &Source) -> Vec<String> {
    let room = source.room();
    let names = |library: &str| {
        Regex::new(&format!(r"\b{library}\b(?:::|;| as )"))
            .unwrap()
            .is_match(&source.code)
    };
    let owned = OWNED_LIBRARIES
        .iter()
        .filter(|(library, owners)| !owners.contains(&room) && names(library))
        .map(|(library, owners)| format!("{}: `{library}` belongs to {owners:?}", source.path));
    let named_purely = |name: &str| {
        Regex::new(&format!(r"\b{name}\b"))
            .unwrap()
            .is_match(&source.code)
    };
    let impure = IMPURE
        .iter()
        .filter(|name| PURE_ROOMS.contains(&room) && named_purely(name))
        .map(|name| {
            format!(
                "{}: `{room}` is pure logic and may not name `{name}`",
                source.path
            )
        });
    owned.chain(impure).collect()
}

fn file_length_faults(source: &Source) -> Vec<String> {
    let kept = source.code.lines().count();
    let lines = source
        .text
        .lines()
        .take(kept)
        .filter(|line| !line.trim().is_empty())
        .count();
    let explained = source
        .text
        .lines()
        .any(|line| line.starts_with(LENGTH_REASON));
    if lines > FILE_LINES_MAX {
        vec![format!(
            "{}: {lines} lines, at most {FILE_LINES_MAX}: split it",
            source.path
        )]
    } else if lines > FILE_LINES_EXPLAIN && !explained {
        vec![format!(
            "{}: {lines} lines: split it, or add a line `{LENGTH_REASON}…`",
            source.path
        )]
    } else {
        Vec::new()
    }
}

fn function_length_faults(source: &Source) -> Vec<String> {
    let start = Regex::new(r"\bfn (\w+)").unwrap();
    let mut faults = Vec::new();
    for found in start.captures_iter(&source.code) {
        let from = found.get(0).unwrap().start();
        let lines = lines_of_function(&source.code[from..]);
        if lines > FUNCTION_LINES_MAX {
            faults.push(format!(
                "{}: fn {} has {lines} lines, at most {FUNCTION_LINES_MAX}",
                source.path, &found[1]
            ));
        }
    }
    faults
}

/// Lines from the start of the text to the brace that closes the first one opened; 1 for a function without a body.
fn lines_of_function(code: &str) -> usize {
    let mut lines = 1;
    let mut braces = 0_usize;
    let mut brackets = 0_usize;
    for c in code.chars() {
        match c {
            '\n' => lines += 1,
            '(' | '[' => brackets += 1,
            ')' | ']' => brackets = brackets.saturating_sub(1),
            '{' => braces += 1,
            '}' if braces <= 1 => return lines,
            '}' => braces -= 1,
            ';' if braces == 0 && brackets == 0 => return lines,
            _ => {}
        }
    }
    lines
}

/// Unfinished work, and holes cut into the lints. `.expect(…)` and `panic!` are judged by clippy, which knows their types.
fn forbidden_calls(source: &Source) -> Vec<String> {
    let call = Regex::new(r"\b(?:todo|unimplemented|dbg)!|\.unwrap\(\)|#!?\[allow\(").unwrap();
    let mut faults: Vec<_> = source
        .code
        .lines()
        .enumerate()
        .filter_map(|(line, text)| {
            call.find(text)
                .map(|found| (line + 1, found.as_str().to_owned()))
        })
        .map(|(line, call)| format!("{}:{line}: `{call}` in production code", source.path))
        .collect();
    let expectation = Regex::new(r"(?s)#!?\[expect\((.*?)\)\]").unwrap();
    for found in expectation.captures_iter(&source.code) {
        if !found[1].contains("reason") {
            faults.push(format!(
                "{}: `#[expect({})]` gives no reason",
                source.path, &found[1]
            ));
        }
    }
    faults
}

fn opening_faults(source: &Source) -> Vec<String> {
    let opens = source.text.starts_with("//! ");
    if opens || source.is_test_module() {
        Vec::new()
    } else {
        vec![format!("{}: does not open with `//! `", source.path)]
    }
}

/// Paths of the machine it was written on, registries other than the public ones, and things that look like keys.
fn text_faults(path: &str, text: &str, machine_paths: &[String]) -> Vec<String> {
    let wrong = [
        (
            "a home directory",
            r"(?:^|[^\w./:])/(?:home|Users)/[A-Za-z0-9_.-]+/|[A-Z]:\\Users\\",
        ),
        ("a home directory", concat!(r"(?:^|[^\w./:])/ro", r"ot/")),
        (
            "a private registry",
            r"(?i)\b(?:extra-)?index-url\b|\bfind-links\b|\breplace-with\b|\bregistry-index\b",
        ),
        (
            "a private key",
            concat!("-----BEGIN [A-Z ]*PRIV", "ATE KEY"),
        ),
        ("a cloud key", r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
        (
            "a token",
            r"\b(?:gh[pousr]_[A-Za-z0-9]{30,}|xox[abprs]-[A-Za-z0-9-]{20,}|sk-[A-Za-z0-9_-]{30,})",
        ),
        ("a bearer key", r"Bearer [A-Za-z0-9_\-.]{30,}"),
    ];
    let mut faults = Vec::new();
    for (what, pattern) in wrong {
        if let Some(found) = Regex::new(pattern).unwrap().find(text) {
            let line = text[..found.start()].matches('\n').count() + 1;
            faults.push(format!("{path}:{line}: {what}"));
        }
    }
    faults.extend(
        machine_paths
            .iter()
            .filter(|own| text.contains(own.as_str()))
            .map(|_| format!("{path}: a path of this machine")),
    );
    faults
}

/// Where this checkout lies and who is at home here, as far as that is long enough to be told from any other path.
fn machine_paths() -> Vec<String> {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(Path::to_path_buf);
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let telling = |path: &PathBuf| path.components().count() > 2;
    checkout
        .chain(home)
        .filter(telling)
        .map(|path| format!("{}/", path.display()))
        .collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust files under `src/`.
fn sources() -> Vec<Source> {
    fn collect(folder: &Path, into: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, into);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                into.push(path);
            }
        }
    }
    let src = root().join("src");
    let mut paths = Vec::new();
    collect(&src, &mut paths);
    paths.sort();
    let name = |path: &PathBuf| {
        path.strip_prefix(&src)
            .unwrap()
            .to_str()
            .unwrap()
            .replace('\\', "/")
    };
    let all: Vec<_> = paths
        .iter()
        .map(|path| Source::new(&name(path), &fs::read_to_string(path).unwrap()))
        .collect();
    assert!(
        all.iter().any(|source| source.path == "lib.rs"),
        "the tree was not read"
    );
    all
}

fn production_sources() -> Vec<Source> {
    sources()
        .into_iter()
        .filter(|source| !source.is_test_module())
        .collect()
}

/// Tracked files that are text.
fn tracked_files() -> Vec<(String, String)> {
    let listed = Command::new("git")
        .args(["ls-files", "-z"])
        .current_dir(root())
        .output()
        .expect("git lists the tracked files");
    assert!(
        listed.status.success(),
        "git ls-files: {}",
        String::from_utf8_lossy(&listed.stderr)
    );
    let names = String::from_utf8(listed.stdout).unwrap();
    let files: Vec<_> = names
        .split_terminator('\0')
        .filter_map(|name| Some((name.to_owned(), fs::read_to_string(root().join(name)).ok()?)))
        .collect();
    assert!(
        files.iter().any(|(name, _)| name == "Cargo.toml"),
        "no tracked files were read"
    );
    files
}

#[track_caller]
fn assert_none(faults: impl IntoIterator<Item = String>) {
    let faults: Vec<_> = faults.into_iter().collect();
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn layering_sees_every_way_of_naming_a_room() {
    let named = |path: &str, text: &str| rooms_named(&Source::new(path, text)).join(" ");
    assert_eq!(named("paging/mod.rs", "use crate::api::Client;"), "api");
    assert_eq!(
        named(
            "paging/mod.rs",
            "use crate::{\n    api::{Client, retry},\n    error::Result, run};"
        ),
        "api error run"
    );
    assert_eq!(
        named("paging/mod.rs", "fn f() -> crate::sink::Writer { todo() }"),
        "sink"
    );
    assert_eq!(named("paging/mod.rs", "use super::api;"), "api");
    assert_eq!(
        named(
            "paging/cursor.rs",
            "use super::step; use super::super::store::Lock;"
        ),
        "store"
    );
    assert_eq!(
        named(
            "paging/mod.rs",
            "// use crate::api;\nconst A: &str = \"crate::run\";"
        ),
        ""
    );
    assert_eq!(
        named(
            "paging/mod.rs",
            "use crate::filter;\n#[cfg(test)]\nmod tests {\n    use crate::api;\n}"
        ),
        "filter"
    );
}

#[test]
fn layering_refuses_a_room_that_reaches_up() {
    let faults = |path: &str, text: &str| layering_faults(&Source::new(path, text));
    assert_eq!(
        faults("sandbox/mod.rs", "use crate::filter::Filter;"),
        ["sandbox/mod.rs: `sandbox` may not use `filter`"]
    );
    assert_eq!(
        faults("cellar/mod.rs", ""),
        ["cellar/mod.rs: room `cellar` is not in the table of rooms"]
    );
    assert_eq!(
        faults("run/night.rs", "use crate::cli::Args;"),
        ["run/night.rs: `run` may not use `cli`"]
    );
    assert!(
        faults(
            "api/mod.rs",
            "use crate::{error::Error, limits, model::Request, secret};"
        )
        .is_empty()
    );
    assert!(faults("cli/run.rs", "use crate::{run, sandbox};").is_empty());
}

#[test]
fn rooms_use_only_the_rooms_they_may() {
    assert_none(production_sources().iter().flat_map(layering_faults));
}

#[test]
fn libraries_are_refused_outside_their_rooms() {
    let faults = |path: &str, text: &str| library_faults(&Source::new(path, text)).len();
    assert_eq!(faults("api/mod.rs", "use arrow::array::Int64Array;"), 1);
    assert_eq!(
        faults(
            "decode/mod.rs",
            "use tokio::fs; fn f(c: reqwest::Client) {}"
        ),
        2
    );
    assert_eq!(
        faults("paging/mod.rs", "let now = std::time::Instant::now();"),
        1
    );
    assert_eq!(
        faults(
            "decode/mod.rs",
            "use arrow::array::Int64Array; let arrow = 1;"
        ),
        0
    );
    assert_eq!(faults("api/mod.rs", "let arrow_head = parquet_floor();"), 0);
}

#[test]
fn libraries_stay_in_their_rooms() {
    assert_none(production_sources().iter().flat_map(library_faults));
}

#[test]
fn long_files_and_functions_are_refused() {
    let long = |lines: usize, head: &str| {
        Source::new(
            "run/mod.rs",
            &format!("{head}\n{}", "let a = 1;\n".repeat(lines)),
        )
    };
    assert_eq!(file_length_faults(&long(501, "//! A.")).len(), 1);
    assert_eq!(file_length_faults(&long(450, "//! A.")).len(), 1);
    assert_eq!(
        file_length_faults(&long(
            450,
            "//! A.\n//! Long because the cases belong together."
        ))
        .len(),
        0
    );
    assert_eq!(file_length_faults(&long(300, "//! A.")).len(), 0);
    let tests = format!(
        "fn a() {{}}\n#[cfg(test)]\nmod tests {{\n{}}}\n",
        "    fn b() {}\n".repeat(900)
    );
    assert_eq!(
        file_length_faults(&Source::new("run/mod.rs", &tests)).len(),
        0
    );

    let function = |lines: usize| {
        let body = "    let a = '}'; // }\n".repeat(lines - 2);
        Source::new(
            "run/mod.rs",
            &format!(
                "trait T {{ fn a(&self, b: [u8; 2]) -> u8; }}\nfn b<'a>(c: &'a str) {{\n{body}}}\nfn d() {{}}\n"
            ),
        )
    };
    assert_eq!(
        function_length_faults(&function(81)),
        ["run/mod.rs: fn b has 81 lines, at most 80"]
    );
    assert!(function_length_faults(&function(80)).is_empty());
}

#[test]
fn files_and_functions_keep_their_size() {
    let sources = production_sources();
    assert_none(
        sources.iter().flat_map(|source| {
            [file_length_faults(source), function_length_faults(source)].concat()
        }),
    );
}

#[test]
fn unfinished_code_and_holes_in_the_lints_are_refused() {
    let faults = |text: &str| forbidden_calls(&Source::new("run/mod.rs", text)).len();
    assert_eq!(faults("fn a() { todo!() }"), 1);
    assert_eq!(faults("fn a() {\n    dbg!(1);\n    b().unwrap();\n}"), 2);
    assert_eq!(faults("#[allow(clippy::panic)]\nfn a() {}"), 1);
    assert_eq!(faults("#[expect(clippy::expect_used)]\nfn a() {}"), 1);
    assert_eq!(
        faults("#[expect(clippy::expect_used, reason = \"checked above\")]\nfn a() {}"),
        0
    );
    assert_eq!(
        faults(
            "// todo!()\nfn a() { b().unwrap_or(\"todo!\") }\n#[cfg(test)]\nmod tests {\n    fn c() { d().unwrap() }\n}"
        ),
        0
    );
}

#[test]
fn production_code_is_finished_and_keeps_the_lints_on() {
    assert_none(production_sources().iter().flat_map(forbidden_calls));
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    for lint in [
        "unwrap_used",
        "expect_used",
        "panic",
        "todo",
        "unimplemented",
        "dbg_macro",
    ] {
        assert!(
            manifest.contains(&format!("\n{lint} = \"deny\"")),
            "Cargo.toml no longer denies clippy::{lint}"
        );
    }
    assert!(
        manifest.contains("\nunsafe_code = \"forbid\""),
        "Cargo.toml no longer forbids unsafe code"
    );
}

#[test]
fn every_module_opens_with_what_it_owns() {
    assert_eq!(
        opening_faults(&Source::new("run/mod.rs", "use std::fs;\n")).len(),
        1
    );
    assert_none(sources().iter().flat_map(opening_faults));
}

#[test]
fn test_modules_are_compiled_for_tests_only() {
    let declaration = Regex::new(r"(?m)^#\[cfg\(test\)\]\n(?:#\[[^\n]*\n)*mod tests;").unwrap();
    let sources = sources();
    for source in sources
        .iter()
        .filter(|source| source.path.ends_with("/tests.rs"))
    {
        let parent = source.path.strip_suffix("/tests.rs").unwrap();
        let names = [format!("{parent}/mod.rs"), format!("{parent}.rs")];
        let mut parents = sources.iter().filter(|source| names.contains(&source.path));
        assert!(
            parents.any(|parent| declaration.is_match(&parent.text)),
            "{} is not under #[cfg(test)]",
            source.path
        );
    }
}

#[test]
fn machine_paths_and_keys_are_refused() {
    let faults = |text: &str| text_faults("a.md", text, &["/srv/builds/seven/".to_owned()]);
    assert_eq!(
        faults(&format!("see /{}/ada/notes", "home")),
        ["a.md:1: a home directory"]
    );
    assert_eq!(
        faults(&format!("one\n\"/{}/x\"", concat!("ro", "ot"))),
        ["a.md:2: a home directory"]
    );
    assert_eq!(
        faults("log in /srv/builds/seven/log"),
        ["a.md: a path of this machine"]
    );
    assert_eq!(
        faults(&format!("key = AK{}", "IA0123456789ABCDEF")),
        ["a.md:1: a cloud key"]
    );
    assert_eq!(
        faults(&format!("Authorization: Bearer {}", "k".repeat(40))),
        ["a.md:1: a bearer key"]
    );
    assert_eq!(
        faults(&format!("--{}-url https://pypi.example/simple", "index")),
        ["a.md:1: a private registry"]
    );
    assert!(faults("https://example.com/home/page/ Bearer KEY s3://acme-seo/ahrefs").is_empty());
}

#[test]
fn tracked_files_hold_no_machine_paths_and_no_keys() {
    let paths = machine_paths();
    assert_none(
        tracked_files()
            .iter()
            .filter(|(name, _)| name != "tests/it/ground.rs")
            .flat_map(|(name, text)| text_faults(name, text, &paths)),
    );
}

/// What `deny.toml` says, as far as it can be judged without cargo-deny and without a network.
struct DependencyPolicy {
    licenses: Vec<String>,
    banned: Vec<String>,
}

impl DependencyPolicy {
    fn read() -> Self {
        let text = fs::read_to_string(root().join("deny.toml")).unwrap();
        let policy: toml::Table = text.parse().unwrap();
        let strings = |values: &toml::Value| -> Vec<String> {
            let entries = values.as_array().unwrap().iter();
            entries
                .map(|entry| {
                    entry
                        .get("crate")
                        .unwrap_or(entry)
                        .as_str()
                        .unwrap()
                        .to_owned()
                })
                .collect()
        };
        let policy = Self {
            licenses: strings(&policy["licenses"]["allow"]),
            banned: strings(&policy["bans"]["deny"]),
        };
        assert!(
            !policy.licenses.is_empty() && !policy.banned.is_empty(),
            "deny.toml was not read"
        );
        policy
    }

    /// Whether an SPDX expression (`/` is an older way to write `OR`) can be met by the allowed licences. Parentheses
    /// are read as ending an alternative only where they stand around one, which is all that crates write.
    fn meets(&self, expression: &str) -> bool {
        let expression = expression
            .replace('/', " OR ")
            .replace(" WITH LLVM-exception", "");
        let any = |part: &str| {
            part.split(" OR ")
                .any(|one| self.licenses.iter().any(|allowed| allowed == one.trim()))
        };
        let flat = |part: &str| {
            part.trim()
                .trim_start_matches('(')
                .trim_end_matches(')')
                .to_owned()
        };
        if expression.contains('(') {
            expression.split(" AND ").all(|part| any(&flat(part)))
        } else {
            expression
                .split(" OR ")
                .any(|part| part.split(" AND ").all(any))
        }
    }

    /// Faults of a list of `name version|licence` lines.
    fn faults(&self, packages: &str) -> Vec<String> {
        let mut faults = Vec::new();
        for (package, license) in packages.lines().filter_map(|line| line.split_once('|')) {
            let name = package.split(' ').next().unwrap_or_default();
            if self.banned.iter().any(|banned| banned == name) {
                faults.push(format!("{package} is banned by deny.toml"));
            }
            if !self.meets(license.trim_end_matches(" (*)")) {
                faults.push(format!(
                    "{package} is under `{license}`, which deny.toml does not allow"
                ));
            }
        }
        faults
    }
}

#[test]
fn foreign_licences_and_banned_crates_are_refused() {
    let policy = DependencyPolicy {
        licenses: vec!["MIT".to_owned(), "ISC".to_owned()],
        banned: vec!["openssl".to_owned()],
    };
    for good in [
        "MIT",
        "GPL-3.0 OR MIT",
        "GPL-3.0/MIT",
        "MIT AND ISC",
        "(GPL-3.0 OR MIT) AND ISC",
    ] {
        assert!(policy.meets(good), "{good}");
    }
    for bad in [
        "GPL-3.0",
        "MIT AND GPL-3.0",
        "(GPL-3.0 OR MIT) AND GPL-3.0",
        "",
    ] {
        assert!(!policy.meets(bad), "{bad}");
    }
    assert_eq!(
        policy.faults("openssl v0.10.1|MIT\na v1.0.0|MIT (*)").len(),
        1
    );
    assert_eq!(policy.faults("a v1.0.0|GPL-3.0").len(), 1);
}

#[test]
fn dependencies_keep_to_the_policy() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let wanted = [
        "tree",
        "--offline",
        "--locked",
        "--edges",
        "normal,build,dev",
        "--prefix",
        "none",
        "--format",
        "{p}|{l}",
    ];
    let listed = Command::new(cargo)
        .args(wanted)
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        listed.status.success(),
        "cargo tree: {}",
        String::from_utf8_lossy(&listed.stderr)
    );
    let packages = String::from_utf8(listed.stdout).unwrap();
    assert!(
        packages.lines().count() > 100,
        "the dependencies were not read"
    );
    let mut faults = DependencyPolicy::read().faults(&packages);
    faults.dedup();
    assert_none(faults);
}

#[test]
fn every_dependency_comes_from_the_public_registry() {
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let public = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";
    let sources: Vec<_> = lock
        .lines()
        .filter(|line| line.starts_with("source = "))
        .collect();
    assert!(sources.len() > 100, "the lock file was not read");
    assert_none(
        sources
            .iter()
            .filter(|line| **line != public)
            .map(|line| format!("Cargo.lock: {line}")),
    );
}
