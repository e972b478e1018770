//! Reports of past runs, without what they say of a target that was forgotten. Counts and units stay.

use std::collections::BTreeSet;

use crate::error::{Code, Error, Result};
use crate::report::{ErrorEntry, RunReport};
use crate::run::unusual::{self, BAD_VALUES};
use crate::store::{Store, json_names, names, read_json, replace, step, to_json};

/// What stands in the place of a sentence that named the target.
const GONE: &str = "of a target that was forgotten";

/// Rewrites every report of a run that mentions one of the words.
///
/// # Errors
/// [`Code::Destination`].
pub(super) fn run_reports(store: &Store, words: &BTreeSet<String>) -> Result<()> {
    let folder = store.system("runs");
    for name in json_names(&folder)? {
        let path = folder.join(format!("{name}.json"));
        let text = std::fs::read(&path).map_err(|error| {
            Error::new(Code::Destination, format!("cannot read {}", path.display())).with_source(error)
        })?;
        if !mentions(&String::from_utf8_lossy(&text), words) {
            continue;
        }
        let damaged = |error: Error| error.with_next(format!("delete {}: it names the target", path.display()));
        let Some(mut report) = read_json::<RunReport>(&path).map_err(damaged)? else { continue };
        report.errors.iter_mut().for_each(|error| scrub(error, words));
        for note in report.notes.iter_mut().filter(|note| mentions(note, words)) {
            GONE.clone_into(note);
        }
        replace(&path, &to_json(&report)?)?;
        step("forget.report");
    }
    Ok(())
}

/// Takes the lines that mention one of the words out of the lists of bad values.
///
/// # Errors
/// [`Code::Destination`].
pub(super) fn bad_values(store: &Store, words: &BTreeSet<String>) -> Result<()> {
    let lists = names(&store.system("runs"))?;
    for name in lists.into_iter().filter(|name| name.ends_with(BAD_VALUES) && !name.starts_with('.')) {
        let path = unusual::path(store, &name);
        let text = std::fs::read_to_string(&path).map_err(|error| {
            Error::new(Code::Destination, format!("cannot read {}", path.display())).with_source(error)
        })?;
        let kept: String = text.split_inclusive('\n').filter(|line| !mentions(line, words)).collect();
        if kept.len() < text.len() {
            replace(&path, kept.as_bytes())?;
            step("forget.report");
        }
    }
    Ok(())
}

fn scrub(error: &mut ErrorEntry, words: &BTreeSet<String>) {
    let ErrorEntry { code: _, report: _, target, message, next, units: _ } = error;
    if [target.as_ref(), Some(&*message), Some(&*next)].into_iter().flatten().any(|text| mentions(text, words)) {
        *target = None;
        GONE.clone_into(message);
        next.clear();
    }
}

/// Whether a text holds one of the words, not only as a part of a longer one.
fn mentions(text: &str, words: &BTreeSet<String>) -> bool {
    words.iter().filter(|word| !word.is_empty()).any(|word| holds(text, word))
}

fn holds(text: &str, word: &str) -> bool {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '-' || letter == '_';
    text.match_indices(word).any(|(start, _)| {
        let before = text.get(..start).unwrap_or_default();
        let mut behind = text.get(start + word.len()..).unwrap_or_default().chars();
        let (next, second) = (behind.next(), behind.next());
        let ends = match next {
            Some('.') => !second.is_some_and(is_part),
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
        for text in ["acme", "links acme: capped", "of acme.", "(acme)", "\"target\": \"acme\"", "https://acme/"] {
            assert!(holds(text, "acme"), "{text}");
        }
        for text in ["acme-shop", "my.acme", "acme.com", "pacme", "acme_2", ""] {
            assert!(!holds(text, "acme"), "{text}");
        }
        assert!(holds("bad target: acme.com", "acme.com"));
    }
}
