//! A pull scanner over JSON text: it returns one token at a time and never builds a tree.
//!
//! Why not a library. `cargo bench` on a page of 5,000 backlinks (1.9 MB): scanner, column builders and digests together
//! take 1.7 ms; `serde_json` takes 6.4 ms for the tree of values that a decoder would then have to walk, and 0.8 ms to
//! check the syntax alone. Our own scanner also lets a column decide what a token means: integers are read from `26.0` and
//! `2.6e1`, numbers beyond 64 bits are rejected with row and column, unpaired surrogates are counted instead of fatal, and
//! an expected key costs one comparison of bytes. It is fuzzed against `serde_json` in `tests/it/columnar/decoding.rs`.

use super::error::DecodeError;
use super::plain_text::plain_length;

/// Deepest nesting of arrays and objects inside one value.
pub(super) const MAX_DEPTH: usize = 128;

type Result<T> = std::result::Result<T, DecodeError>;

/// A JSON text and the offset up to which it is consumed.
pub(super) struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    offset: usize,
    /// Unpaired surrogates seen so far.
    pub num_lone_surrogates: u64,
}

impl<'a> Scanner<'a> {
    /// Starts at the beginning of the text.
    pub fn new(text: &'a str) -> Self {
        Self {
            text,
            bytes: text.as_bytes(),
            offset: 0,
            num_lone_surrogates: 0,
        }
    }

    /// Offset of the next byte.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// The text between an earlier offset and here.
    pub fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.offset).unwrap_or_default()
    }

    /// The text from here on.
    pub fn rest(&self) -> &'a str {
        self.text.get(self.offset..).unwrap_or_default()
    }

    /// The next byte that is not white space, not yet consumed.
    #[inline]
    pub fn peek(&mut self) -> Option<u8> {
        loop {
            match self.bytes.get(self.offset) {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.offset += 1,
                Some(&byte) => return Some(byte),
                None => return None,
            }
        }
    }

    /// Consumes the next byte that is not white space, if it is this one.
    #[inline]
    pub fn accept(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.offset += usize::from(found);
        found
    }

    /// Consumes the next byte that is not white space; it must be this one.
    #[inline]
    pub fn expect(&mut self, byte: u8, expected: &'static str) -> Result<()> {
        if self.accept(byte) {
            Ok(())
        } else {
            Err(self.error(expected))
        }
    }

    /// Consumes these bytes if they come next, after white space.
    #[inline]
    pub fn accept_bytes(&mut self, bytes: &[u8]) -> bool {
        self.peek();
        let rest = self.bytes.get(self.offset..).unwrap_or_default();
        let found = rest.starts_with(bytes);
        if found {
            self.offset += bytes.len();
        }
        found
    }

    /// After an element: consumes `,` (true: another element follows) or `end` (false).
    #[inline]
    pub fn comma_or_end(&mut self, end: u8, expected: &'static str) -> Result<bool> {
        match self.peek() {
            Some(b',') => {
                self.offset += 1;
                Ok(true)
            }
            Some(byte) if byte == end => {
                self.offset += 1;
                Ok(false)
            }
            _ => Err(self.error(expected)),
        }
    }

    /// Checks that nothing but white space follows.
    pub fn expect_end(&mut self) -> Result<()> {
        if self.peek().is_none() {
            Ok(())
        } else {
            Err(self.error("the end"))
        }
    }

    /// The error for what comes next: a text that has ended was cut off.
    pub fn error(&self, expected: &'static str) -> DecodeError {
        if self.offset >= self.bytes.len() {
            DecodeError::Truncated {
                offset: self.bytes.len(),
            }
        } else {
            DecodeError::Syntax {
                offset: self.offset,
                expected,
            }
        }
    }

    /// Consumes `true`, `false` or `null`.
    pub fn literal(&mut self, literal: &'static str) -> Result<()> {
        for &byte in literal.as_bytes() {
            if self.bytes.get(self.offset) != Some(&byte) {
                return Err(self.error(literal));
            }
            self.offset += 1;
        }
        Ok(())
    }

    /// Consumes a number and returns its text.
    pub fn number(&mut self) -> Result<&'a str> {
        let start = self.offset;
        if self.bytes.get(self.offset) == Some(&b'-') {
            self.offset += 1;
        }
        if self.bytes.get(self.offset) == Some(&b'0') {
            self.offset += 1;
        } else {
            self.digits()?;
        }
        if self.bytes.get(self.offset) == Some(&b'.') {
            self.offset += 1;
            self.digits()?;
        }
        if matches!(self.bytes.get(self.offset), Some(b'e' | b'E')) {
            self.offset += 1;
            if matches!(self.bytes.get(self.offset), Some(b'+' | b'-')) {
                self.offset += 1;
            }
            self.digits()?;
        }
        Ok(self.since(start))
    }

    fn digits(&mut self) -> Result<()> {
        let start = self.offset;
        while self.bytes.get(self.offset).is_some_and(u8::is_ascii_digit) {
            self.offset += 1;
        }
        if self.offset == start {
            Err(self.error("a digit"))
        } else {
            Ok(())
        }
    }

    /// Consumes a whole number of up to 18 digits that is written as one; otherwise consumes nothing.
    #[inline]
    pub fn short_integer(&mut self) -> Option<i64> {
        let mut end = self.offset;
        let negative = self.bytes.get(end) == Some(&b'-');
        end += usize::from(negative);
        let first = end;
        let mut value = 0_i64;
        while let Some(byte) = self.bytes.get(end)
            && byte.is_ascii_digit()
        {
            if end - first == 18 {
                return None;
            }
            value = value * 10 + i64::from(byte - b'0');
            end += 1;
        }
        let leading_zero = self.bytes.get(first) == Some(&b'0') && end - first > 1;
        if end == first || leading_zero || matches!(self.bytes.get(end), Some(b'.' | b'e' | b'E')) {
            return None;
        }
        self.offset = end;
        Some(if negative { -value } else { value })
    }

    /// Consumes a string, the opening quote included. What has escapes is unescaped into `scratch`; what has none is
    /// borrowed from the text.
    #[inline]
    pub fn string<'s>(&mut self, scratch: &'s mut String) -> Result<&'s str>
    where
        'a: 's,
    {
        self.expect(b'"', "a string")?;
        let start = self.offset;
        self.skip_plain();
        if self.bytes.get(self.offset) == Some(&b'"') {
            let text = self.since(start);
            self.offset += 1;
            return Ok(text);
        }
        scratch.clear();
        scratch.push_str(self.since(start));
        self.unescape_rest(scratch)?;
        Ok(scratch)
    }

    /// The rest of a string from its first escape on, with the closing quote.
    fn unescape_rest(&mut self, scratch: &mut String) -> Result<()> {
        loop {
            match self.bytes.get(self.offset) {
                Some(b'"') => {
                    self.offset += 1;
                    return Ok(());
                }
                Some(b'\\') => {
                    self.offset += 1;
                    let character = self.escape()?;
                    scratch.push(character);
                }
                _ => return Err(self.error("a character that a string may hold")),
            }
            let start = self.offset;
            self.skip_plain();
            scratch.push_str(self.since(start));
        }
    }

    /// Moves to the next quote, backslash or control character.
    #[inline]
    fn skip_plain(&mut self) {
        self.offset += plain_length(self.bytes.get(self.offset..).unwrap_or_default());
    }

    /// One escape, after its backslash.
    fn escape(&mut self) -> Result<char> {
        let character = match self.bytes.get(self.offset) {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.offset += 1;
                return self.unicode_escape();
            }
            _ => return Err(self.error("an escape")),
        };
        self.offset += 1;
        Ok(character)
    }

    /// The digits of a `\u` escape, and of a second one that completes a surrogate pair.
    fn unicode_escape(&mut self) -> Result<char> {
        let high = self.hex4()?;
        let rest = self.bytes.get(self.offset..).unwrap_or_default();
        if (0xD800..0xDC00).contains(&high) && rest.starts_with(b"\\u") {
            let before = self.offset;
            self.offset += 2;
            let low = self.hex4()?;
            if (0xDC00..0xE000).contains(&low) {
                let code = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.offset = before;
        }
        if let Some(character) = char::from_u32(high) {
            return Ok(character);
        }
        self.num_lone_surrogates += 1;
        Ok(char::REPLACEMENT_CHARACTER)
    }

    fn hex4(&mut self) -> Result<u32> {
        let mut code = 0;
        for _ in 0..4 {
            let byte = self.bytes.get(self.offset).copied().unwrap_or_default();
            let Some(digit) = char::from(byte).to_digit(16) else {
                return Err(self.error("a hexadecimal digit"));
            };
            code = code * 16 + digit;
            self.offset += 1;
        }
        Ok(code)
    }

    /// Consumes one value of any kind.
    pub fn skip_value(&mut self) -> Result<()> {
        self.skip_nested(MAX_DEPTH)
    }

    fn skip_nested(&mut self, depth: usize) -> Result<()> {
        match self.peek() {
            Some(b'"') => self.skip_string(),
            Some(b'-' | b'0'..=b'9') => self.number().map(drop),
            Some(b't') => self.literal("true"),
            Some(b'f') => self.literal("false"),
            Some(b'n') => self.literal("null"),
            Some(opening @ (b'[' | b'{')) => {
                let depth = depth.checked_sub(1).ok_or(DecodeError::TooDeep {
                    offset: self.offset,
                    limit: MAX_DEPTH,
                })?;
                self.offset += 1;
                self.skip_elements(opening == b'{', depth)
            }
            _ => Err(self.error("a value")),
        }
    }

    fn skip_elements(&mut self, object: bool, depth: usize) -> Result<()> {
        let end = if object { b'}' } else { b']' };
        if self.accept(end) {
            return Ok(());
        }
        loop {
            if object {
                self.peek();
                self.skip_string()?;
                self.expect(b':', "`:`")?;
            }
            self.skip_nested(depth)?;
            if !self.comma_or_end(end, "`,` or the end of an array or object")? {
                return Ok(());
            }
        }
    }

    fn skip_string(&mut self) -> Result<()> {
        self.expect(b'"', "a string")?;
        loop {
            self.skip_plain();
            match self.bytes.get(self.offset) {
                Some(b'"') => {
                    self.offset += 1;
                    return Ok(());
                }
                Some(b'\\') => {
                    self.offset += 1;
                    self.escape()?;
                }
                _ => return Err(self.error("a character that a string may hold")),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_end_at_their_quote_whatever_precedes_it() {
        for length in 0..40 {
            for filler in ["a", "é", "\u{10ffff}", " ", "!", "#", "[", "]"] {
                let plain = filler.repeat(length);
                let text = format!("\"{plain}\"rest");
                let mut scanner = Scanner::new(&text);
                assert_eq!(scanner.string(&mut String::new()).unwrap(), plain);
                assert_eq!(scanner.rest(), "rest");
            }
        }
    }

    #[test]
    fn raw_control_characters_are_refused_at_every_place() {
        for length in 0..20 {
            for control in ["\u{0}", "\n", "\u{1f}"] {
                let text = format!(
                    "\"{}{control}{}\"",
                    "a".repeat(length),
                    "b".repeat(20 - length)
                );
                let result = Scanner::new(&text).string(&mut String::new()).map(str::len);
                assert!(
                    matches!(result, Err(DecodeError::Syntax { offset, .. }) if offset == length + 1)
                );
            }
        }
    }

    #[test]
    fn surrogates_pair_or_are_replaced_and_counted() {
        let cases = [
            (r#""\ud83d\ude00""#, "\u{1f600}", 0),
            (r#""\ud83d""#, "\u{fffd}", 1),
            (r#""\ude00x""#, "\u{fffd}x", 1),
            (r#""\ud83d\ud83d\ude00""#, "\u{fffd}\u{1f600}", 1),
            (r#""\ud83d\n""#, "\u{fffd}\n", 1),
            (r#""a\u0000b\/""#, "a\0b/", 0),
        ];
        for (text, wanted, lone) in cases {
            let mut scanner = Scanner::new(text);
            assert_eq!(
                scanner.string(&mut String::new()).unwrap(),
                wanted,
                "{text}"
            );
            assert_eq!(scanner.num_lone_surrogates, lone, "{text}");
        }
    }

    #[test]
    fn numbers_follow_the_grammar() {
        for text in ["0", "-0", "12.5", "1e9", "1E-9", "-1.0e+3"] {
            assert_eq!(Scanner::new(text).number().unwrap(), text);
        }
        for text in ["-", "1.", ".5", "1e", "+1", "1e+"] {
            let mut scanner = Scanner::new(text);
            assert!(
                scanner.number().and_then(|_| scanner.expect_end()).is_err(),
                "{text}"
            );
        }
        for text in ["01", "-01", "1.5.5", "1-"] {
            let mut scanner = Scanner::new(text);
            assert!(
                scanner.number().and_then(|_| scanner.expect_end()).is_err(),
                "{text}"
            );
            assert_eq!(Scanner::new("01").short_integer(), None);
        }
    }

    #[test]
    fn nesting_is_allowed_to_the_limit_and_refused_beyond() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(Scanner::new(&nested(MAX_DEPTH)).skip_value().is_ok());
        assert!(matches!(
            Scanner::new(&nested(MAX_DEPTH + 1)).skip_value(),
            Err(DecodeError::TooDeep { .. })
        ));
        assert!(matches!(
            Scanner::new(&"[".repeat(1_000_000)).skip_value(),
            Err(DecodeError::TooDeep { .. })
        ));
    }
}
