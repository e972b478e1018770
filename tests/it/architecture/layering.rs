//! Which modules may use which.

use regex::Regex;

use super::source::{Source, assert_none, production_sources};

/// The modules of `src/` from the top floor down. A module may use all modules of lower floors, and `error` and `model`.
const FLOORS: &[&[&str]] = &[
    &["main", "lib"],
    &["cli"],
    &["run", "gateway"],
    &["maintain"],
    &["costs"],
    &["schedule"],
    &["publish"],
    &["fetch"],
    &["context"],
    &["ledger"],
    &["state"],
    &["plan", "landing", "warehouse"],
    &["paging", "config", "decode", "sink", "store"],
    &["filter", "table", "api", "sandbox"],
    &["catalog", "report", "limits"],
    &[
        "error",
        "model",
        "secret",
        "clock",
        "tls",
        "stable_hash",
        "failpoint",
    ],
];

/// Modules that may use less than what is below them.
const NARROWER: &[(&str, &[&str])] = &[
    // Sharing request, filter or paging code with the client would cancel mistakes out.
    ("sandbox", &["catalog"]),
    ("gateway", &["api", "limits", "ledger", "catalog"]),
    // What reads and writes data knows neither the configuration nor the API.
    ("landing", &["store", "failpoint"]),
    ("warehouse", &["table", "store"]),
    ("decode", &["table"]),
    ("sink", &["table", "stable_hash"]),
    ("store", &["table", "tls", "clock", "failpoint"]),
    ("table", &["catalog", "stable_hash"]),
    ("paging", &["catalog", "filter"]),
    ("filter", &["catalog"]),
    ("api", &["catalog", "secret", "clock", "limits", "tls"]),
    ("limits", &["clock"]),
    ("report", &[]),
    ("catalog", &[]),
];

/// Modules that the code names, by `crate::module`, by `crate::{module, …}`, or by climbing out with `super`.
fn modules_named(source: &Source) -> Vec<String> {
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
    let module = source.module();
    let floor_of = |name: &str| FLOORS.iter().position(|floor| floor.contains(&name));
    let Some(floor) = floor_of(module) else {
        return vec![format!("{}: `{module}` is on no floor", source.path)];
    };
    let narrower = NARROWER.iter().find(|(name, _)| *name == module);
    let mut faults = Vec::new();
    for used in modules_named(source) {
        let may_use = match (narrower, floor_of(&used)) {
            _ if used == module || ["error", "model"].contains(&used.as_str()) => true,
            (Some((_, names)), _) => names.contains(&used.as_str()),
            (None, used_floor) => used_floor.is_some_and(|used_floor| used_floor > floor),
        };
        if !may_use {
            faults.push(format!("{}: `{module}` may not use `{used}`", source.path));
        }
    }
    faults
}

#[test]
fn every_way_of_naming_a_module_is_seen() {
    let named = |path: &str, text: &str| modules_named(&Source::new(path, text)).join(" ");
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
fn a_module_that_uses_a_higher_one_is_refused() {
    let faults = |path: &str, text: &str| layering_faults(&Source::new(path, text));
    assert_eq!(
        faults("sandbox/mod.rs", "use crate::filter::Filter;"),
        ["sandbox/mod.rs: `sandbox` may not use `filter`"]
    );
    assert_eq!(
        faults("cellar/mod.rs", ""),
        ["cellar/mod.rs: `cellar` is on no floor"]
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
    assert_eq!(
        faults("sink/mod.rs", "use crate::store::Store;"),
        ["sink/mod.rs: `sink` may not use `store`"]
    );
    assert_eq!(
        faults("fetch/mod.rs", "use crate::publish::partition;"),
        ["fetch/mod.rs: `fetch` may not use `publish`"]
    );
    assert!(faults("publish/mod.rs", "use crate::{fetch, sink};").is_empty());
}

#[test]
fn modules_use_lower_floors_only() {
    assert_none(production_sources().iter().flat_map(layering_faults));
}
