//! Faults that are known. Their lists may only become shorter.

use std::collections::{BTreeMap, BTreeSet};

/// A fault: what it is about, by which it can be listed, and what is wrong with it.
pub type Fault = (String, String);

/// Fails where a fault is not listed, and where a listed one does not exist any more.
#[track_caller]
pub fn assert_only_known(faults: &[Fault], known: &[&str]) {
    let found: BTreeSet<&str> = faults.iter().map(|(key, _)| key.as_str()).collect();
    let mut wrong = Vec::new();
    for (key, text) in faults {
        if !known.contains(&key.as_str()) {
            wrong.push(text.clone());
        }
    }
    for key in known {
        if !found.contains(key) {
            wrong.push(format!("`{key}` has no such fault: take it off the list"));
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

/// The same for counts: none may be above the listed one.
#[track_caller]
pub fn assert_at_most(counts: &BTreeMap<String, usize>, known: &[(&str, usize)]) {
    let mut wrong = Vec::new();
    for (key, count) in counts {
        let listed = known.iter().find(|(name, _)| name == key);
        let most = listed.map_or(0, |(_, most)| *most);
        if *count > most {
            wrong.push(format!("{key}: {count}, at most {most}"));
        }
    }
    for (key, _) in known {
        if counts.get(*key).copied().unwrap_or(0) == 0 {
            wrong.push(format!("{key}: none left: take it off the list"));
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
#[should_panic(expected = "new.rs is wrong")]
fn a_fault_that_is_not_listed_fails() {
    assert_only_known(&[("new.rs".into(), "new.rs is wrong".into())], &[]);
}

#[test]
#[should_panic(expected = "`old.rs` has no such fault")]
fn a_listed_fault_that_is_gone_fails() {
    assert_only_known(&[], &["old.rs"]);
}

#[test]
#[should_panic(expected = "fetch: 4, at most 3")]
fn a_count_that_grows_fails() {
    assert_at_most(&[("fetch".to_owned(), 4)].into(), &[("fetch", 3)]);
}

#[test]
#[should_panic(expected = "fetch: none left")]
fn a_listed_count_of_nothing_fails() {
    assert_at_most(&[("fetch".to_owned(), 0)].into(), &[("fetch", 3)]);
}
