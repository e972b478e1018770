//! JSON values that stay text: their spelling is normalised.

/// The text without white space outside strings, so that equal values of a column have equal text. `text` is one valid
/// JSON value; the result is borrowed from it where there is nothing to leave out.
pub(super) fn minify<'s>(text: &'s str, scratch: &'s mut String) -> &'s str {
    if !text
        .bytes()
        .any(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t'))
    {
        return text;
    }
    scratch.clear();
    let mut in_string = false;
    let mut escaped = false;
    for character in text.chars() {
        if in_string {
            in_string = escaped || character != '"';
            escaped = !escaped && character == '\\';
        } else if matches!(character, ' ' | '\n' | '\r' | '\t') {
            continue;
        } else {
            in_string = character == '"';
        }
        scratch.push(character);
    }
    scratch
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_white_space_outside_strings_is_removed() {
        let text = "[ {\"a b\" :\t\"c \\\" d\\\\\" , \"é\":\n1 } ]";
        assert_eq!(
            minify(text, &mut String::new()),
            "[{\"a b\":\"c \\\" d\\\\\",\"é\":1}]"
        );
        assert_eq!(minify("[1]", &mut String::new()), "[1]");
    }
}
