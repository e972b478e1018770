//! Reports of past runs, without what they say of a target that was forgotten. Counts and units stay.

use std::collections::BTreeSet;

use crate::error::Result;
use crate::failpoint;
use crate::report::{ErrorEntry, RunReport};
use crate::state::names::{BAD_VALUES, RUNS};
use crate::store::{Store, to_json};

/// Replaces a sentence that named the target.
const FORGOTTEN: &str = "of a target that was forgotten";

/// Rewrites every report of a run that mentions one of the words.
///
/// # Errors
/// [`crate::error::ErrorCode::Destination`].
pub(crate) fn run_reports(store: &Store, words: &BTreeSet<String>) -> Result<()> {
    let files = store.files(RUNS);
    for name in files.json_names()? {
        let name = format!("{name}.json");
        let Some(text) = files.load(&name)? else {
            continue;
        };
        if !mentions(&String::from_utf8_lossy(&text), words) {
            continue;
        }
        let report: Option<RunReport> = files.load_json(&name).map_err(|error| {
            let path = files.location_of(&name);
            error.with_hint(format!("delete {path}: it names the target"))
        })?;
        let Some(mut report) = report else {
            continue;
        };
        for error in &mut report.errors {
            scrub(error, words);
        }
        for note in report.notes.iter_mut().filter(|note| mentions(note, words)) {
            FORGOTTEN.clone_into(note);
        }
        files.replace(&name, to_json(&report)?.into())?;
        failpoint::hit("forget.report");
    }
    Ok(())
}

/// Removes the lines that mention one of the words from the lists of bad values.
///
/// # Errors
/// [`crate::error::ErrorCode::Destination`].
pub(crate) fn bad_values(store: &Store, words: &BTreeSet<String>) -> Result<()> {
    let files = store.files(RUNS);
    for name in files
        .list("")?
        .into_iter()
        .filter(|name| name.ends_with(BAD_VALUES))
    {
        let Some(bytes) = files.load(&name)? else {
            continue;
        };
        let text = String::from_utf8_lossy(&bytes);
        let kept: String = text
            .split_inclusive('\n')
            .filter(|line| !mentions(line, words))
            .collect();
        if kept.len() < text.len() {
            files.replace(&name, kept.into())?;
            failpoint::hit("forget.report");
        }
    }
    Ok(())
}

fn scrub(error: &mut ErrorEntry, words: &BTreeSet<String>) {
    let ErrorEntry {
        code: _,
        report: _,
        target,
        message,
        next,
        units: _,
    } = error;
    let is_target = match target {
        Some(target) => mentions(target, words),
        None => false,
    };
    if is_target || mentions(message, words) || mentions(next, words) {
        *target = None;
        FORGOTTEN.clone_into(message);
        next.clear();
    }
}

/// Whether a text holds one of the words, not only as a part of a longer one.
fn mentions(text: &str, words: &BTreeSet<String>) -> bool {
    words
        .iter()
        .filter(|word| !word.is_empty())
        .any(|word| holds(text, word))
}

/// Whether a character continues a word.
fn is_part(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '-' || letter == '_'
}

fn holds(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(start, _)| {
        let before = text.get(..start).unwrap_or_default();
        let mut behind = text.get(start + word.len()..).unwrap_or_default().chars();
        let (next, second) = (behind.next(), behind.next());
        let ends = match next {
            Some('.') => second.is_none_or(|letter| !is_part(letter)),
            Some(letter) => !is_part(letter),
            None => true,
        };
        ends && !before.ends_with(|letter| is_part(letter) || letter == '.')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_no_part_of_a_longer_one() {
        for text in [
            "acme",
            "links acme: capped",
            "of acme.",
            "(acme)",
            "\"target\": \"acme\"",
            "https://acme/",
        ] {
            assert!(holds(text, "acme"), "{text}");
        }
        for text in ["acme-shop", "my.acme", "acme.com", "pacme", "acme_2", ""] {
            assert!(!holds(text, "acme"), "{text}");
        }
        assert!(holds("bad target: acme.com", "acme.com"));
    }
}
