//! Lines of a page.

use std::fmt::Write as _;

/// Width of a page in characters.
const WIDTH: usize = 110;

/// Writes words after a head, further lines under the first word.
pub(super) fn write_wrapped(out: &mut String, head: &str, text: &str) {
    let margin = head.chars().count();
    let mut line = head.to_owned();
    let mut is_first = true;
    for word in text.split(' ') {
        if !is_first && line.chars().count() + 1 + word.chars().count() > WIDTH {
            let _ = writeln!(out, "{}", line.trim_end());
            line = " ".repeat(margin);
        } else if !is_first {
            line.push(' ');
        }
        line.push_str(word);
        is_first = false;
    }
    let _ = writeln!(out, "{}", line.trim_end());
}

/// The text with every line indented by two spaces.
pub(super) fn indent(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let _ = writeln!(out, "  {line}");
    }
    out
}
