//! Calls that production code does not make, and what every file opens with.

use std::fs;

use regex::Regex;

use super::exceptions::{Fault, assert_only_known};
use super::source::{Source, assert_none, production_sources, root, sources};

/// An `Option` of an `Option` or a `Result` of a `Result`: an enum names the cases.
fn nested_choices(source: &Source) -> Vec<Fault> {
    let nested = Regex::new(r"\bOption<\s*Option<|\bResult<\s*Result<").unwrap();
    let mut faults = Vec::new();
    for found in nested.find_iter(&source.code) {
        let line = source.code[..found.start()].matches('\n').count() + 1;
        let path = &source.path;
        faults.push((path.clone(), format!("{path}:{line}: {}", found.as_str())));
    }
    faults
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

/// Where `store::disk` may rename, link and remove: elsewhere a sync would be forgotten.
const DURABLE: &str = "store/disk/durable.rs";

fn undurable_calls(source: &Source) -> Vec<String> {
    if !source.path.starts_with("store/disk/") || source.path == DURABLE {
        return Vec::new();
    }
    let call = Regex::new(r"\bfs::(?:rename|hard_link|remove_\w+)\b|\brenameat\w*\b").unwrap();
    let mut faults = Vec::new();
    for found in call.find_iter(&source.code) {
        let line = source.code[..found.start()].matches('\n').count() + 1;
        faults.push(format!(
            "{}:{line}: `{}` belongs to {DURABLE}",
            source.path,
            found.as_str()
        ));
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

/// Files with nested choices.
const NESTED: &[&str] = &[];

#[test]
fn nested_choices_are_enums() {
    let faults = |text: &str| nested_choices(&Source::new("run/mod.rs", text)).len();
    assert_eq!(faults("fn a() -> Result<\n    Result<A, B>> {}"), 1);
    assert_eq!(faults("fn a() -> Option<Vec<Option<A>>> {}"), 0);
    let mut faults = Vec::new();
    for source in production_sources() {
        faults.extend(nested_choices(&source));
    }
    assert_only_known(&faults, NESTED);
}

#[test]
fn files_are_renamed_and_removed_durably_only() {
    let faults = |path: &str| {
        let text = "fn a() {\n    std::fs::rename(b, c);\n    std::fs::remove_file(b);\n}";
        undurable_calls(&Source::new(path, text)).len()
    };
    assert_eq!(faults("store/disk/commit.rs"), 2);
    assert_eq!(faults(DURABLE), 0);
    assert_none(production_sources().iter().flat_map(undurable_calls));
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
