//! No circle of files inside a module: a file must not use one that uses it, directly or through others.
//!
//! A file uses another where a path leads into it. A name that `mod.rs` re-exports leads to the file that defines it, so
//! that re-exporting alone makes no circle; an item that `mod.rs` defines itself leads to `mod.rs`.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;

use super::exceptions::{Fault, assert_only_known};
use super::source::{Source, production_sources};

/// Files that are part of a circle.
const IN_CIRCLES: &[&str] = &[
    "publish/carry_over.rs",
    "publish/change_marks.rs",
    "publish/merge_sources.rs",
    "publish/partition.rs",
    "publish/rewrite.rs",
    "publish/system_tables.rs",
];

/// A path of modules from the crate's root: `["fetch", "task"]`.
type ModulePath = Vec<String>;

/// The files of the crate by their modules, with what each re-exports.
struct Modules<'a> {
    files: BTreeMap<ModulePath, &'a Source>,
    exports: BTreeMap<ModulePath, BTreeMap<String, Vec<String>>>,
}

impl<'a> Modules<'a> {
    fn new(sources: &'a [Source]) -> Self {
        let mut files = BTreeMap::new();
        let mut exports: BTreeMap<ModulePath, BTreeMap<String, Vec<String>>> = BTreeMap::new();
        for source in sources {
            let module = module_of(&source.path);
            let names = exports.entry(module.clone()).or_default();
            for used in uses(&source.code) {
                if used.is_export {
                    names.insert(used.name, used.path);
                }
            }
            files.insert(module, source);
        }
        Self { files, exports }
    }

    /// The file that a path of some module leads to.
    fn resolve(&self, from: &ModulePath, path: &[String]) -> Option<ModulePath> {
        let mut at = from.clone();
        let mut segments = path.iter().peekable();
        match path.first()?.as_str() {
            "crate" => {
                at.clear();
                segments.next();
            }
            "self" => {
                segments.next();
            }
            "super" => {
                while segments.next_if(|segment| *segment == "super").is_some() {
                    at.pop()?;
                }
            }
            first => {
                let mut child = from.clone();
                child.push(first.to_owned());
                if !self.files.contains_key(&child) {
                    return None;
                }
            }
        }
        while let Some(segment) = segments.peek() {
            let mut child = at.clone();
            child.push((*segment).clone());
            if !self.files.contains_key(&child) {
                break;
            }
            at = child;
            segments.next();
        }
        let exported = segments
            .next()
            .and_then(|name| self.exports.get(&at)?.get(name));
        match exported {
            Some(path) => self.resolve(&at, path).or(Some(at)),
            None => self.files.contains_key(&at).then_some(at),
        }
    }

    /// The files of the same module that a file uses.
    fn used_by(&self, module: &ModulePath) -> BTreeSet<ModulePath> {
        let mut used = BTreeSet::new();
        for path in paths(self.files[module]) {
            let Some(target) = self.resolve(module, &path) else {
                continue;
            };
            if target != *module && target.first() == module.first() {
                used.insert(target);
            }
        }
        used
    }

    /// Groups of files each of which reaches all others of its group.
    fn circles(&self) -> Vec<Vec<ModulePath>> {
        let mut used: BTreeMap<&ModulePath, BTreeSet<ModulePath>> = BTreeMap::new();
        for module in self.files.keys() {
            used.insert(module, self.used_by(module));
        }
        let mut reached: BTreeMap<&ModulePath, BTreeSet<ModulePath>> = BTreeMap::new();
        for module in self.files.keys() {
            let mut seen = BTreeSet::new();
            let mut open = vec![module.clone()];
            while let Some(next) = open.pop() {
                for target in &used[&next] {
                    if seen.insert(target.clone()) {
                        open.push(target.clone());
                    }
                }
            }
            reached.insert(module, seen);
        }
        let mut circles: Vec<Vec<ModulePath>> = Vec::new();
        for (module, seen) in &reached {
            let is_grouped = circles.iter().any(|circle| circle.contains(module));
            if is_grouped || !seen.contains(*module) {
                continue;
            }
            let mut circle = Vec::new();
            for other in seen {
                if reached[other].contains(*module) {
                    circle.push(other.clone());
                }
            }
            circles.push(circle);
        }
        circles
    }
}

fn module_of(path: &str) -> ModulePath {
    let path = path.strip_suffix(".rs").unwrap_or(path);
    let path = path.strip_suffix("/mod").unwrap_or(path);
    path.split('/').map(str::to_owned).collect()
}

/// A name that a `use` brings in.
struct Used {
    name: String,
    path: Vec<String>,
    is_export: bool,
}

fn uses(code: &str) -> Vec<Used> {
    let statement = Regex::new(r"(?m)^\s*(pub(?:\([^)]*\))? )?use ([^;]+);").unwrap();
    let mut all = Vec::new();
    for found in statement.captures_iter(code) {
        let is_export = found.get(1).is_some();
        let mut paths = Vec::new();
        expand(&[], &found[2], &mut paths);
        for (name, path) in paths {
            all.push(Used {
                name,
                path,
                is_export,
            });
        }
    }
    all
}

/// The paths of a tree such as `a::{b, c::{self, d as e}}`, each with the name that it brings in.
fn expand(prefix: &[String], tree: &str, into: &mut Vec<(String, Vec<String>)>) {
    let tree = tree.trim();
    let (head, group) = match tree.split_once('{') {
        Some((head, rest)) => (head, rest.strip_suffix('}')),
        None => (tree, None),
    };
    let (head, alias) = match head.split_once(" as ") {
        Some((head, alias)) => (head, Some(alias.trim())),
        None => (head, None),
    };
    let mut path = prefix.to_vec();
    let segments = head.split("::").map(str::trim);
    path.extend(
        segments
            .filter(|segment| !segment.is_empty())
            .map(str::to_owned),
    );
    let Some(group) = group else {
        if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        let name = alias.unwrap_or(path.last().map_or("", String::as_str));
        into.push((name.to_owned(), path.clone()));
        return;
    };
    let (mut depth, mut start) = (0, 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                expand(&path, &group[start..at], into);
                start = at + 1;
            }
            _ => {}
        }
    }
    if !group[start..].trim().is_empty() {
        expand(&path, &group[start..], into);
    }
}

/// Every path that a file's code names. Of re-exports only those that the file uses itself.
fn paths(source: &Source) -> Vec<Vec<String>> {
    let statement = Regex::new(r"(?m)^\s*(?:pub(?:\([^)]*\))? )?use [^;]+;").unwrap();
    let rest = statement.replace_all(&source.code, "");
    let mut all = Vec::new();
    let words: BTreeSet<&str> = rest
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .collect();
    for used in uses(&source.code) {
        if !used.is_export || words.contains(used.name.as_str()) {
            all.push(used.path);
        }
    }
    let inline = Regex::new(r"\b\w+(?:::\w+)+").unwrap();
    for found in inline.find_iter(&rest) {
        all.push(found.as_str().split("::").map(str::to_owned).collect());
    }
    all
}

fn faults(sources: &[Source]) -> Vec<Fault> {
    let modules = Modules::new(sources);
    let mut faults = Vec::new();
    for circle in modules.circles() {
        let names: Vec<&str> = circle
            .iter()
            .map(|module| modules.files[module].path.as_str())
            .collect();
        for name in &names {
            faults.push((
                (*name).to_owned(),
                format!("{name} is in a circle: {}", names.join(" ")),
            ));
        }
    }
    faults
}

#[test]
fn circles_are_seen_through_every_kind_of_path() {
    let circle = |files: &[(&str, &str)]| {
        let sources: Vec<Source> = files
            .iter()
            .map(|(path, text)| Source::new(path, text))
            .collect();
        let found: Vec<String> = faults(&sources).into_iter().map(|(name, _)| name).collect();
        found.join(" ")
    };
    assert_eq!(
        circle(&[
            ("run/mod.rs", "mod a;\nmod b;\n"),
            ("run/a.rs", "use super::b::{self, B};\n"),
            ("run/b.rs", "fn f() { crate::run::a::g() }\n"),
        ]),
        "run/a.rs run/b.rs"
    );
    assert_eq!(
        circle(&[
            (
                "run/mod.rs",
                "mod a;\npub use a::A;\nfn helper() -> A { a::new() }\n"
            ),
            ("run/a.rs", "use super::helper;\n"),
        ]),
        "run/mod.rs run/a.rs"
    );
    // What `mod.rs` only re-exports belongs to the file that defines it.
    assert_eq!(
        circle(&[
            (
                "run/mod.rs",
                "mod a;\nmod b;\npub use a::A;\npub use b::B;\n"
            ),
            ("run/a.rs", "use super::B;\n"),
            ("run/b.rs", "//! See [`super::A`].\n"),
        ]),
        ""
    );
    assert_eq!(
        circle(&[
            ("run/mod.rs", "mod a;\nmod b;\npub use a::A;\n"),
            ("run/a.rs", "use super::b::B;\n"),
            ("run/b.rs", "use super::A;\n"),
        ]),
        "run/a.rs run/b.rs"
    );
}

#[test]
fn files_of_a_module_make_no_circle() {
    assert_only_known(&faults(&production_sources()), IN_CIRCLES);
}
