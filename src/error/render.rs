//! The shape of an error that users see. The `next:` and `cost:` lines always come last.

use std::fmt::Write as _;

use super::program_error::Error;
use super::snippet::Snippet;

impl Error {
    /// The whole error as users see it.
    pub fn render(&self) -> String {
        let mut out = format!("error[{}]: {self}\n", self.code().as_str());
        if let Some(snippet) = self.snippet() {
            render_snippet(&mut out, snippet);
        }
        for (key, value) in self.context() {
            let _ = writeln!(out, "   = {key}: {value}");
        }
        for cause in self.causes() {
            let _ = writeln!(out, "   = because: {cause}");
        }
        if let Some(backtrace) = self.backtrace() {
            let _ = writeln!(out, "{backtrace}");
        }
        let _ = writeln!(out, "next: {}", self.hint());
        let units = self.units();
        let _ = match units {
            0 if self.code().exit_code() == 2 => {
                writeln!(out, "cost: 0 units, nothing was sent")
            }
            _ => writeln!(out, "cost: {units} units"),
        };
        out
    }
}

fn render_snippet(out: &mut String, snippet: &Snippet) {
    let Snippet {
        file,
        line,
        column,
        width,
        text,
        label,
    } = snippet;
    let _ = writeln!(out, "  --> {file}:{line}:{column}");
    let _ = writeln!(out, "   | {text}");
    if *width > 0 {
        let pad = " ".repeat(column.saturating_sub(1));
        let underline = "^".repeat(*width);
        let _ = writeln!(out, "   | {pad}{underline} {label}");
    } else if !label.is_empty() {
        let _ = writeln!(out, "   = {label}");
    }
}

#[cfg(test)]
mod tests {
    use super::super::code::ErrorCode;
    use super::*;

    #[test]
    fn next_and_cost_come_last_even_when_nothing_was_added() {
        let text = Error::new(ErrorCode::Column, "no column `traffic`").render();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines.first(),
            Some(&"error[BH-COLUMN]: no column `traffic`")
        );
        assert_eq!(lines.get(1), Some(&"next: backhaul catalog"));
        assert_eq!(lines.get(2), Some(&"cost: 0 units, nothing was sent"));
    }

    #[test]
    fn display_never_repeats_the_cause_and_render_prints_it_once() {
        let error = Error::new(ErrorCode::Network, "connection lost")
            .with_source(std::io::Error::other("reset by peer"));
        assert_eq!(error.to_string(), "connection lost");
        assert_eq!(error.render().matches("reset by peer").count(), 1);
    }
}
