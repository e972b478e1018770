//! Tests have the same result on every day.

use regex::Regex;

use super::source::{Source, assert_none, sources_below};

/// The only file of `tests/it` that reads the machine's clock.
const TEST_CLOCK: &str = "support/clock.rs";

/// A store, which stamps what it keeps by the machine's clock as a file system does.
const STORE: &str = "bucket/server.rs";

/// A test that reads the machine's clock has another result on another day.
fn machine_clock_faults(source: &Source) -> Vec<String> {
    let clock = Regex::new(r"\b(?:Utc|Local|SystemTime)::now\b").unwrap();
    let mut faults = Vec::new();
    for (line, text) in source.code.lines().enumerate() {
        if clock.is_match(text) && ![TEST_CLOCK, STORE].contains(&source.path.as_str()) {
            let line = line + 1;
            let path = &source.path;
            faults.push(format!("tests/it/{path}:{line}: use `support::now`"));
        }
    }
    faults
}

#[test]
fn tests_read_the_machine_clock_in_one_place() {
    let faults = |path: &str, text: &str| machine_clock_faults(&Source::new(path, text));
    assert_eq!(
        faults("nights.rs", "fn a() {\n    let today = Utc::now();\n}"),
        ["tests/it/nights.rs:2: use `support::now`"]
    );
    assert_eq!(faults(TEST_CLOCK, "fn a() { Utc::now(); }").len(), 0);
    let sources = sources_below("tests/it");
    assert!(sources.iter().any(|source| source.path == TEST_CLOCK));
    assert_none(sources.iter().flat_map(machine_clock_faults));
}
