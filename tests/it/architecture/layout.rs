//! How the tree is laid out: few files in a folder, `mod.rs` without work, the default format.

use std::collections::BTreeMap;
use std::path::Path;

use regex::Regex;

use super::exceptions::{Fault, assert_only_known};
use super::source::{Source, production_sources, root, tracked_files};

/// Source files of one folder.
const FILES_OF_A_FOLDER: usize = 25;

/// Lines of a `mod.rs` that are neither `mod`, `use`, documentation nor blank.
const LINES_OF_MOD: usize = 60;

/// Folders with more files.
const CROWDED: &[&str] = &[];

/// Files named `mod.rs` that do work.
const WORKING: &[&str] = &[];

fn crowded<'a>(paths: impl IntoIterator<Item = &'a str>) -> Vec<Fault> {
    let mut files: BTreeMap<String, usize> = BTreeMap::new();
    for path in paths {
        let path = Path::new(path);
        let is_source = path
            .extension()
            .is_some_and(|kind| kind == "rs" || kind == "py");
        let folder = path.parent().unwrap().display().to_string();
        if is_source && (folder.starts_with("src") || folder.starts_with("tests")) {
            *files.entry(folder).or_default() += 1;
        }
    }
    let mut faults = Vec::new();
    for (folder, number) in files {
        if number > FILES_OF_A_FOLDER {
            let text = format!("{folder}: {number} files, at most {FILES_OF_A_FOLDER}");
            faults.push((folder, text));
        }
    }
    faults
}

fn working(source: &Source) -> Option<Fault> {
    if !source.path.ends_with("mod.rs") {
        return None;
    }
    let declaration =
        Regex::new(r"(?m)^(?:#\[[^\n]*\]\s*\n)*(?:pub(?:\([^)]*\))? )?(?:use [^;]*|mod \w+);")
            .unwrap();
    let rest = declaration.replace_all(&source.code, "");
    let lines = rest.lines().filter(|line| !line.trim().is_empty()).count();
    (lines > LINES_OF_MOD).then(|| {
        let text = format!(
            "{}: {lines} lines of work, at most {LINES_OF_MOD}",
            source.path
        );
        (source.path.clone(), text)
    })
}

#[test]
fn crowded_folders_and_working_mod_files_are_refused() {
    let paths: Vec<String> = (0..26).map(|at| format!("src/run/f{at}.rs")).collect();
    assert_eq!(crowded(paths.iter().map(String::as_str)).len(), 1);
    assert_eq!(crowded(paths.iter().skip(1).map(String::as_str)).len(), 0);
    let head = "//! A.\n\n#[cfg(test)]\nmod tests;\npub(crate) use a::{\n    b,\n    c,\n};\n";
    let lines = |lines| format!("{head}{}", "fn a() {}\n".repeat(lines));
    assert!(working(&Source::new("run/mod.rs", &lines(61))).is_some());
    assert!(working(&Source::new("run/mod.rs", &lines(60))).is_none());
    assert!(working(&Source::new("run/night.rs", &lines(61))).is_none());
}

#[test]
fn folders_hold_few_files() {
    let files = tracked_files();
    let faults = crowded(files.iter().map(|(name, _)| name.as_str()));
    assert_only_known(&faults, CROWDED);
}

#[test]
fn mod_files_declare_and_do_no_work() {
    let mut faults = Vec::new();
    for source in production_sources() {
        faults.extend(working(&source));
    }
    assert_only_known(&faults, WORKING);
}

#[test]
fn the_format_is_the_default_one() {
    for name in [".rustfmt.toml", "rustfmt.toml"] {
        let text = std::fs::read_to_string(root().join(name)).unwrap_or_default();
        let settings: toml::Table = text.parse().unwrap();
        assert!(settings.is_empty(), "{name} has settings: {settings:?}");
    }
}
