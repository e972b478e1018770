//! How long files and functions may be.

use std::path::Path;

use regex::Regex;

use super::exceptions::{Fault, assert_only_known};
use super::source::{Source, production_sources, tracked_files};

/// Production lines of a file that are not blank.
const FILE_LINES: usize = 400;

/// Opens the line of the module's documentation that says why a file holds a long table of constants.
const TABLE_MARK: &str = "//! A table of constants: ";

/// Lines of a file that holds tests only.
const TEST_FILE_LINES: usize = 600;

/// Lines from `fn` to the closing brace: of any function, and of all but [`LONG_FUNCTIONS`] of a hundred.
const FUNCTION_LINES: usize = 80;
const USUAL_FUNCTION_LINES: usize = 40;
const LONG_FUNCTIONS: usize = 3;

/// Functions that are longer, as `file name`.
const OVERLONG_FUNCTIONS: &[&str] = &[];

/// Longer files of `src/`.
const LONG_FILES: &[&str] = &[
    "costs/fit.rs",
    "publish/history/merge.rs",
    "publish/partition.rs",
    "schedule/run_plan_builder.rs",
];

/// Longer files of tests.
const LONG_TEST_FILES: &[&str] = &[];

fn file_length_fault(source: &Source) -> Option<Fault> {
    let production = source.code.lines().count();
    let lines = count_lines(source.text.lines().take(production));
    let is_table = source.text.lines().any(|line| line.starts_with(TABLE_MARK));
    (lines > FILE_LINES && !is_table).then(|| {
        let path = source.path.clone();
        let text = format!("{path}: {lines} lines, at most {FILE_LINES}: split it");
        (path, text)
    })
}

fn test_file_length_fault(path: &str, text: &str) -> Option<Fault> {
    let lines = count_lines(text.lines());
    (lines > TEST_FILE_LINES).then(|| {
        let text = format!("{path}: {lines} lines, at most {TEST_FILE_LINES}: split it");
        (path.to_owned(), text)
    })
}

fn count_lines<'a>(lines: impl Iterator<Item = &'a str>) -> usize {
    lines.filter(|line| !line.trim().is_empty()).count()
}

/// The name and length of each function.
fn functions(source: &Source) -> Vec<(String, usize)> {
    let start = Regex::new(r"\bfn (\w+)").unwrap();
    let mut functions = Vec::new();
    for found in start.captures_iter(&source.code) {
        let from = found.get(0).unwrap().start();
        functions.push((found[1].to_owned(), lines_of_function(&source.code[from..])));
    }
    functions
}

/// Lines from the start of the text to the brace that closes the first one opened; 1 for a function without a body.
fn lines_of_function(code: &str) -> usize {
    let mut lines = 1;
    let mut braces = 0_usize;
    let mut brackets = 0_usize;
    for c in code.chars() {
        match c {
            '\n' => lines += 1,
            '(' | '[' => brackets += 1,
            ')' | ']' => brackets = brackets.saturating_sub(1),
            '{' => braces += 1,
            '}' if braces <= 1 => return lines,
            '}' => braces -= 1,
            ';' if braces == 0 && brackets == 0 => return lines,
            _ => {}
        }
    }
    lines
}

#[test]
fn long_files_are_refused() {
    let fault = |lines: usize, head: &str| {
        let text = format!("{head}\n{}", "let a = 1;\n".repeat(lines));
        file_length_fault(&Source::new("run/mod.rs", &text))
    };
    assert!(fault(400, "//! A.").is_some());
    assert!(fault(399, "//! A.").is_none());
    assert!(fault(900, "//! A.\n//! A table of constants: one entry a key.").is_none());
    let tests = "    fn b() {}\n".repeat(500);
    let text = format!("fn a() {{}}\n#[cfg(test)]\nmod tests {{\n{tests}}}\n");
    assert!(file_length_fault(&Source::new("run/mod.rs", &text)).is_none());
    let test =
        |lines: usize| test_file_length_fault("tests/it/a.rs", &"let a = 1;\n".repeat(lines));
    assert!(test(601).is_some() && test(600).is_none());
}

#[test]
fn functions_are_measured_to_their_closing_brace() {
    let body = "    let a = '}'; // }\n".repeat(79);
    let text = format!(
        "trait T {{ fn a(&self, b: [u8; 2]) -> u8; }}\nfn b<'a>(c: &'a str) {{\n{body}}}\nfn d() {{}}\n"
    );
    let lengths = functions(&Source::new("run/mod.rs", &text));
    let expected = [("a", 1), ("b", 81), ("d", 1)];
    assert_eq!(
        lengths,
        expected.map(|(name, lines)| (name.to_owned(), lines))
    );
}

#[test]
fn files_keep_their_size() {
    let mut faults = Vec::new();
    for source in production_sources() {
        faults.extend(file_length_fault(&source));
    }
    assert_only_known(&faults, LONG_FILES);
    let mut faults = Vec::new();
    for (name, text) in tracked_files() {
        let is_source = Path::new(&name)
            .extension()
            .is_some_and(|kind| kind == "rs");
        let is_test =
            name.starts_with("tests/") || name.ends_with("/tests.rs") || name.contains("/tests/");
        if is_source && is_test {
            faults.extend(test_file_length_fault(&name, &text));
        }
    }
    assert_only_known(&faults, LONG_TEST_FILES);
}

#[test]
#[expect(clippy::print_stdout, reason = "shown where the test fails")]
fn functions_keep_their_size() {
    let (mut all, mut long, mut wrong) = (0_usize, 0_usize, Vec::new());
    for source in production_sources() {
        for (name, lines) in functions(&source) {
            all += 1;
            if lines > USUAL_FUNCTION_LINES {
                long += 1;
                println!("{}: fn {name} has {lines} lines", source.path);
            }
            if lines > FUNCTION_LINES {
                let key = format!("{} {name}", source.path);
                let text = format!(
                    "{}: fn {name} has {lines} lines, at most {FUNCTION_LINES}",
                    source.path
                );
                wrong.push((key, text));
            }
        }
    }
    assert!(all > 1_000, "the tree was not read");
    let share = format!("{long} of {all} functions have more than {USUAL_FUNCTION_LINES} lines");
    let tenths = long * 1_000 / all;
    println!("{share}: {}.{}%", tenths / 10, tenths % 10);
    let usual = all * LONG_FUNCTIONS / 100;
    assert!(long <= usual, "{share}");
    assert_only_known(&wrong, OVERLONG_FUNCTIONS);
}
