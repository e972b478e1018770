//! Files of this checkout as the rules see them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use regex::Regex;

/// One source file: its path below `src/`, its text, and its production code with comments and literals blanked.
pub struct Source {
    pub path: String,
    pub text: String,
    pub code: String,
}

impl Source {
    pub fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            code: production(&blank_comments_and_literals(text)),
        }
    }

    /// The module of the crate's root that it belongs to.
    pub fn module(&self) -> &str {
        let first = self.path.split('/').next().unwrap_or_default();
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// How many modules deep the file is: 1 for the `mod.rs` of a module of the root.
    pub fn depth(&self) -> usize {
        let parts = self.path.split('/').count();
        if self.path.ends_with("/mod.rs") {
            parts - 1
        } else {
            parts
        }
    }

    /// A file that is compiled for tests only; its parent declares it under `#[cfg(test)]`.
    pub fn is_test_module(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.contains("/tests/")
    }
}

/// Replaces comments, strings and characters by spaces. Lines and columns stay.
pub fn blank_comments_and_literals(text: &str) -> String {
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
pub fn production(code: &str) -> String {
    let tests = Regex::new(
        r"(?m)^#\[cfg\((?:test|all\(test[^\n]*)\)\]\s*\n(?:#\[[^\]]*\]\s*\n)*\s*(?:pub(?:\([a-z]+\))? )?mod \w+ \{",
    )
    .unwrap();
    tests
        .find(code)
        .map_or(code, |found| &code[..found.start()])
        .to_owned()
}

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust files under `src/`.
pub fn sources() -> Vec<Source> {
    let all = sources_below("src");
    assert!(
        all.iter().any(|source| source.path == "lib.rs"),
        "the tree was not read"
    );
    all
}

/// All Rust files in a folder of this checkout, in order.
pub fn sources_below(folder: &str) -> Vec<Source> {
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
    let folder = root().join(folder);
    let mut paths = Vec::new();
    collect(&folder, &mut paths);
    paths.sort();
    let mut all = Vec::new();
    for path in paths {
        let name = path.strip_prefix(&folder).unwrap().to_str().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        all.push(Source::new(&name.replace('\\', "/"), &text));
    }
    all
}

pub fn production_sources() -> Vec<Source> {
    sources()
        .into_iter()
        .filter(|source| !source.is_test_module())
        .collect()
}

/// Tracked files that are text.
pub fn tracked_files() -> Vec<(String, String)> {
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
pub fn assert_none(faults: impl IntoIterator<Item = String>) {
    let faults: Vec<_> = faults.into_iter().collect();
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}
