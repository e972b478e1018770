//! Licences and sources of dependencies, as `deny.toml` has them.

use std::fs;
use std::process::Command;

use super::source::{assert_none, root};

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
