//! What must never be committed: paths of a machine, private registries, keys.

use std::path::{Path, PathBuf};

use regex::Regex;

use super::source::{assert_none, tracked_files};

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
            .filter(|(name, _)| name != "tests/it/architecture/secrets.rs")
            .flat_map(|(name, text)| text_faults(name, text, &paths)),
    );
}
