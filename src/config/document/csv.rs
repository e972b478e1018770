//! A strict reader of RFC 4180: comma, double quotes, one header line. Every record knows the line it began on.

/// A record of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    /// Line on which it begins, from 1.
    pub line: usize,
    /// Its fields, unquoted.
    pub fields: Vec<String>,
}

/// Why the file is no CSV.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Line, from 1.
    pub line: usize,
    /// What is wrong there.
    pub message: String,
}

/// Splits a file into records; empty lines are skipped, a byte order mark is dropped.
///
/// # Errors
/// A quote inside a bare field, text after a closing quote, or a quote that never closes.
pub(crate) fn records(text: &str) -> Result<Vec<Record>, Fault> {
    let mut characters = text
        .strip_prefix('\u{feff}')
        .unwrap_or(text)
        .chars()
        .peekable();
    let mut records = Vec::new();
    let mut line = 1;
    while characters.peek().is_some() {
        let begin = line;
        let mut fields = Vec::new();
        loop {
            fields.push(field(&mut characters, &mut line)?);
            let end = match characters.next() {
                Some('\r') => characters.next_if_eq(&'\n').ok_or(Some('\r')),
                Some(',') => continue,
                Some('\n') | None => Ok('\n'),
                other => Err(other),
            };
            end.map_err(|other| Fault {
                line,
                message: format!("unexpected {:?} after a field", other.unwrap_or(' ')),
            })?;
            line += 1;
            break;
        }
        if fields != [""] {
            records.push(Record {
                line: begin,
                fields,
            });
        }
    }
    Ok(records)
}

type Characters<'a> = std::iter::Peekable<std::str::Chars<'a>>;

fn field(characters: &mut Characters<'_>, line: &mut usize) -> Result<String, Fault> {
    if characters.next_if_eq(&'"').is_some() {
        quoted(characters, line)
    } else {
        bare(characters, *line)
    }
}

fn bare(characters: &mut Characters<'_>, line: usize) -> Result<String, Fault> {
    let mut field = String::new();
    while let Some(character) =
        characters.next_if(|character| !matches!(character, ',' | '\n' | '\r'))
    {
        if character == '"' {
            return Err(Fault {
                line,
                message: "a quote inside a field that does not begin with one".to_owned(),
            });
        }
        field.push(character);
    }
    Ok(field)
}

fn quoted(characters: &mut Characters<'_>, line: &mut usize) -> Result<String, Fault> {
    let begin = *line;
    let mut field = String::new();
    while let Some(character) = characters.next() {
        match character {
            '"' if characters.next_if_eq(&'"').is_some() => field.push('"'),
            '"' => return Ok(field),
            '\n' => {
                *line += 1;
                field.push('\n');
            }
            other => field.push(other),
        }
    }
    Err(Fault {
        line: begin,
        message: "a quote opens here and never closes".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(text: &str) -> Vec<Vec<String>> {
        records(text)
            .expect("a CSV")
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
        let lines: Vec<_> = records("a\n\"b\nc\"\nd")
            .expect("a CSV")
            .iter()
            .map(|record| record.line)
            .collect();
        assert_eq!(lines, [1, 2, 4]);
    }

    #[test]
    fn broken_quotes_name_their_line() {
        assert_eq!(records("a\nb\"c").map_err(|fault| fault.line), Err(2));
        assert_eq!(records("a\n\"b\n\nc").map_err(|fault| fault.line), Err(2));
        assert_eq!(records("\"a\"b").map_err(|fault| fault.line), Err(1));
    }
}
