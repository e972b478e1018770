//! Names of targets and keyword lists.

/// What such a name may have.
pub(super) const NAME_HELP: &str =
    "use lower-case letters, digits, `.`, `_`, `-`, beginning with a letter or digit";

/// Whether it is a valid name of a target or keyword list.
pub(super) fn is_name(name: &str) -> bool {
    let starts_with_word = !name.starts_with(['.', '_', '-']);
    !name.is_empty() && starts_with_word && name.chars().all(is_name_character)
}

/// Whether names may have this character after their first.
pub(super) fn is_name_character(character: char) -> bool {
    character.is_ascii_lowercase() || character.is_ascii_digit() || "._-".contains(character)
}
