//! What a keyword may be.

/// Characters of a keyword at most: a search that is longer does not exist, and would fill a URL alone.
const MAX_CHARACTERS: usize = 200;

/// The keyword without whitespace around it.
///
/// # Errors
/// What is wrong with it, and what would be right.
pub(super) fn parse_keyword(written: &str) -> Result<&str, (String, &'static str)> {
    let keyword = written.trim();
    if keyword.is_empty() {
        return Err(("empty keyword".to_owned(), "write one, or remove the line"));
    }
    if keyword.contains(',') {
        let message = format!("the keyword `{keyword}` contains a comma");
        return Err((
            message,
            "remove the comma: the API separates keywords by it",
        ));
    }
    if keyword.contains(char::is_control) {
        let message = "a keyword contains a control character".to_owned();
        return Err((message, "use plain text, one keyword a line"));
    }
    if keyword.chars().count() > MAX_CHARACTERS {
        let message = format!("a keyword has more than {MAX_CHARACTERS} characters");
        return Err((message, "shorten it"));
    }
    Ok(keyword)
}
