//! Records of a CSV file, each with the line it begins on. The crate `csv` splits them and accepts any quoting; records
//! whose quotes do not follow RFC 4180 are refused here, since they hide the records after them.

use std::sync::LazyLock;

use regex::Regex;

/// Fields that are bare, or quoted as a whole.
#[expect(clippy::expect_used, reason = "a constant pattern, used by the tests")]
static QUOTING: LazyLock<Regex> = LazyLock::new(|| {
    const FIELD: &str = r#"(?:"(?:[^"]|"")*"|[^",\r\n]*)"#;
    let pattern = format!(r"\A{FIELD}(?:,{FIELD})*[\r\n]*\z");
    Regex::new(&pattern).expect("a valid pattern")
});

/// A record of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CsvRecord {
    /// Line on which it begins, from 1.
    pub line: usize,
    /// Its fields, unquoted.
    pub fields: Vec<String>,
}

/// Why the file is not valid CSV.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CsvError {
    /// Line, from 1.
    pub line: usize,
    /// What is wrong there.
    pub message: String,
}

/// Splits a file into records; empty lines are skipped, a byte order mark is dropped.
///
/// # Errors
/// A quote inside a bare field, text after a closing quote, or a quote that is never closed.
pub(crate) fn csv_records(text: &str) -> Result<Vec<CsvRecord>, CsvError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let mut record = csv::StringRecord::new();
    let mut records = Vec::new();
    let mut line = 1;
    let mut rest = text;
    loop {
        // The reader skips empty lines at the start of a record, and counts them as a part of it.
        let begin = rest.trim_start_matches(['\r', '\n']);
        line += num_line_ends(rest, begin);
        let is_record = reader.read_record(&mut record).map_err(|error| CsvError {
            line,
            message: error.to_string(),
        })?;
        if !is_record {
            return Ok(records);
        }
        rest = rest_at(text, reader.position().byte());
        let written = text_before(begin, rest);
        if !QUOTING.is_match(written) {
            let message = "misplaced or unclosed quote";
            return Err(CsvError {
                line,
                message: message.to_owned(),
            });
        }
        if record.iter().any(|field| !field.is_empty()) || record.len() > 1 {
            records.push(CsvRecord {
                line,
                fields: record.iter().map(str::to_owned).collect(),
            });
        }
        line += num_line_ends(begin, rest);
    }
}

/// The text from a byte on.
fn rest_at(text: &str, byte: u64) -> &str {
    let byte = usize::try_from(byte).unwrap_or(text.len());
    text.get(byte..).unwrap_or_default()
}

/// What a text has before `rest`, which is its end.
fn text_before<'t>(text: &'t str, rest: &str) -> &'t str {
    let length = text.len().saturating_sub(rest.len());
    text.get(..length).unwrap_or_default()
}

fn num_line_ends(text: &str, rest: &str) -> usize {
    text_before(text, rest).matches('\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(text: &str) -> Vec<Vec<String>> {
        csv_records(text)
            .expect("valid CSV")
            .into_iter()
            .map(|record| record.fields)
            .collect()
    }

    #[test]
    fn quotes_commas_and_line_ends_are_read_as_rfc_4180_says() {
        assert_eq!(
            fields("a,b\r\n\"x, \"\"y\"\"\",2\n\n3,\n"),
            [["a", "b"], ["x, \"y\"", "2"], ["3", ""]]
        );
        assert_eq!(fields("\u{feff}a"), [["a"]]);
        assert_eq!(fields("a\r\n\r\nb"), [["a"], ["b"]]);
        assert_eq!(fields(""), Vec::<Vec<String>>::new());
    }

    #[test]
    fn a_record_knows_its_first_line() {
        for text in [
            "a\n\"b\nc\"\nd\n\n\ne",
            "a\r\n\"b\r\nc\"\r\nd\r\n\r\n\r\ne\r\n",
        ] {
            let lines: Vec<_> = csv_records(text)
                .expect("valid CSV")
                .iter()
                .map(|record| record.line)
                .collect();
            assert_eq!(lines, [1, 2, 4, 7], "{text:?}");
        }
    }

    #[test]
    fn broken_quotes_name_their_line() {
        assert_eq!(csv_records("a\nb\"c").map_err(|error| error.line), Err(2));
        assert_eq!(
            csv_records("a\n\"b\n\nc").map_err(|error| error.line),
            Err(2)
        );
        assert_eq!(
            csv_records("a\r\n\r\n\"b").map_err(|error| error.line),
            Err(3)
        );
        assert_eq!(csv_records("\"a\"b").map_err(|error| error.line), Err(1));
    }
}
