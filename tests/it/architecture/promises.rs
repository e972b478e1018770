//! The tests that ARCHITECTURE.md names beside each promise exist.

use std::fs;
use std::path::Path;

use regex::Regex;

use super::source::root;

#[test]
fn the_tests_of_each_promise_exist() {
    let document = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let promises = document
        .split("\n## ")
        .find(|part| part.starts_with("Promises"));
    let mut tests = String::new();
    collect(&root().join("tests/it"), &mut tests);
    let name = Regex::new(r"`([a-z0-9_]{20,})`").unwrap();
    let mut named = 0;
    for found in name.captures_iter(promises.unwrap()) {
        let definition = format!("fn {}(", &found[1]);
        assert!(tests.contains(&definition), "no test `{}`", &found[1]);
        named += 1;
    }
    assert!(named > 15, "{named} tests are named");
}

fn collect(folder: &Path, into: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push_str(&fs::read_to_string(&path).unwrap());
        }
    }
}
