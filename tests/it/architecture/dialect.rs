//! Plain technical English in documentation, messages and comments of `src/`: words that are not the field's are counted,
//! by module.

use std::collections::BTreeMap;

use regex::Regex;

use super::exceptions::assert_at_most;
use super::source::{Source, sources};

/// Words to avoid, each with what to write.
const WORDS: &[(&str, &str)] = &[
    (r"mend(?:s|ed|ing)?", "fix"),
    (r"anew", "again"),
    (r"whoever", "the next process"),
    (r"nobody", "no process, no user"),
    (r"for nothing", "free"),
    (r"for ever", "always"),
    (r"puts? off", "defers"),
    (r"lets? go", "releases"),
    (r"says? nothing", "does not state"),
    (r"told once", "reported once"),
    (r"tells? of", "describes"),
    (r"stands? in", "is in"),
    (r"lies? in", "is stored in"),
    (r"comes? to", "totals"),
    (r"strikes? off", "removes"),
    (r"of the dead", "of killed runs"),
    (r"is no [a-z]+", "invalid …: use …"),
    (r"dear(?:er|est)?", "expensive"),
    (r"(?:this|the|each|a|its|other|own) rooms?", "module"),
];

/// How many of them each module has.
const COUNTS: &[(&str, usize)] = &[
    ("api", 2),
    ("costs", 12),
    ("decode", 1),
    ("error", 1),
    ("ledger", 4),
    ("limits", 2),
    ("plan", 18),
    ("publish", 18),
    ("report", 2),
    ("run", 10),
    ("schedule", 1),
    ("table", 1),
];

/// What a file says in comments and literals.
fn prose(source: &Source) -> String {
    let code = super::source::blank_comments_and_literals(&source.text);
    let mut prose = String::new();
    for (c, code) in source.text.chars().zip(code.chars()) {
        prose.push(if code == c && c != '\n' { ' ' } else { c });
    }
    prose
}

/// Places of words to avoid, with what to write.
fn places(source: &Source) -> Vec<String> {
    let prose = prose(source);
    let mut places = Vec::new();
    for (word, instead) in WORDS {
        let word = Regex::new(&format!(r"(?i)\b{word}\b")).unwrap();
        for found in word.find_iter(&prose) {
            let line = prose[..found.start()].matches('\n').count() + 1;
            let path = &source.path;
            places.push(format!(
                "src/{path}:{line}: `{}`: {instead}",
                found.as_str()
            ));
        }
    }
    places
}

#[test]
fn words_are_counted_in_comments_and_texts_only() {
    let places = |text: &str| places(&Source::new("run/mod.rs", text));
    assert_eq!(
        places("//! Begun anew.\nfn mend() {}\nconst A: &str = \"Mend it\";\n"),
        [
            "src/run/mod.rs:3: `Mend`: fix",
            "src/run/mod.rs:1: `anew`: again"
        ]
    );
    assert_eq!(
        places("// A recommendation: let anew = whoever_1;"),
        ["src/run/mod.rs:1: `anew`: again"]
    );
}

/// Shows all places where it fails; `-- --show-output` shows them where it does not.
#[test]
#[expect(clippy::print_stdout, reason = "shown where the test fails")]
fn texts_are_plain_english() {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for source in sources() {
        let places = places(&source);
        *counts.entry(source.module().to_owned()).or_default() += places.len();
        println!("{}", places.join("\n"));
    }
    assert_at_most(&counts, COUNTS);
}
