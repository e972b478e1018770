//! A pull scanner over JSON text: it hands out one token at a time and never builds a tree.

use super::DecodeError;

/// Deepest nesting of arrays and objects inside one value.
pub const MAX_DEPTH: usize = 128;

type Result<T> = std::result::Result<T, DecodeError>;

/// A place in a JSON text.
pub(super) struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    /// Unpaired surrogates seen so far.
    pub num_lone_surrogates: u64,
}

impl<'a> Scanner<'a> {
    /// At the start of the text.
    pub fn new(text: &'a str) -> Self {
        Self {
            text,
            bytes: text.as_bytes(),
            at: 0,
            num_lone_surrogates: 0,
        }
    }

    /// Offset of the next byte.
    pub fn offset(&self) -> usize {
        self.at
    }

    /// The text between an earlier offset and here.
    pub fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// The text from here on.
    pub fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The next byte that is no white space, not yet consumed.
    #[inline]
    pub fn peek(&mut self) -> Option<u8> {
        loop {
            match self.bytes.get(self.at) {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1,
                Some(&byte) => return Some(byte),
                None => return None,
            }
        }
    }

    /// Consumes the next byte that is no white space, if it is this one.
    #[inline]
    pub fn accept(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// Consumes the next byte that is no white space; it must be this one.
    #[inline]
    pub fn expect(&mut self, byte: u8, expected: &'static str) -> Result<()> {
        if self.accept(byte) {
            Ok(())
        } else {
            Err(self.fail(expected))
        }
    }

    /// Consumes these bytes if they come next, after white space.
    #[inline]
    pub fn accept_bytes(&mut self, wanted: &[u8]) -> bool {
        self.peek();
        let found = self
            .bytes
            .get(self.at..)
            .is_some_and(|rest| rest.starts_with(wanted));
        if found {
            self.at += wanted.len();
        }
        found
    }

    /// After an element: whether another one follows (`,`) or `end` was consumed.
    #[inline]
    pub fn another(&mut self, end: u8, expected: &'static str) -> Result<bool> {
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                Ok(true)
            }
            Some(byte) if byte == end => {
                self.at += 1;
                Ok(false)
            }
            _ => Err(self.fail(expected)),
        }
    }

    /// Nothing but white space may follow.
    pub fn end(&mut self) -> Result<()> {
        if self.peek().is_none() {
            Ok(())
        } else {
            Err(self.fail("the end"))
        }
    }

    /// The error for what stands here: a text that is over was cut off.
    pub fn fail(&self, expected: &'static str) -> DecodeError {
        if self.at >= self.bytes.len() {
            DecodeError::Truncated {
                offset: self.bytes.len(),
            }
        } else {
            DecodeError::Syntax {
                offset: self.at,
                expected,
            }
        }
    }

    /// Consumes `true`, `false` or `null`.
    pub fn literal(&mut self, literal: &'static str) -> Result<()> {
        for &byte in literal.as_bytes() {
            if self.bytes.get(self.at) != Some(&byte) {
                return Err(self.fail(literal));
            }
            self.at += 1;
        }
        Ok(())
    }

    /// Consumes a number and returns its text.
    pub fn number(&mut self) -> Result<&'a str> {
        let start = self.at;
        if self.bytes.get(self.at) == Some(&b'-') {
            self.at += 1;
        }
        if self.bytes.get(self.at) == Some(&b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.bytes.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.bytes.get(self.at), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(self.since(start))
    }

    fn digits(&mut self) -> Result<()> {
        let start = self.at;
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        if self.at == start {
            Err(self.fail("a digit"))
        } else {
            Ok(())
        }
    }

    /// Consumes a whole number of up to 18 digits that is written as one; otherwise consumes nothing.
    #[inline]
    pub fn short_integer(&mut self) -> Option<i64> {
        let mut at = self.at;
        let negative = self.bytes.get(at) == Some(&b'-');
        at += usize::from(negative);
        let first = at;
        let mut value = 0_i64;
        while let Some(byte) = self.bytes.get(at)
            && byte.is_ascii_digit()
        {
            if at - first == 18 {
                return None;
            }
            value = value * 10 + i64::from(byte - b'0');
            at += 1;
        }
        let leading_zero = self.bytes.get(first) == Some(&b'0') && at - first > 1;
        if at == first || leading_zero || matches!(self.bytes.get(at), Some(b'.' | b'e' | b'E')) {
            return None;
        }
        self.at = at;
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
        let start = self.at;
        self.plain();
        if self.bytes.get(self.at) == Some(&b'"') {
            let text = self.since(start);
            self.at += 1;
            return Ok(text);
        }
        scratch.clear();
        scratch.push_str(self.since(start));
        self.escaped(scratch)?;
        Ok(scratch)
    }

    /// The rest of a string from its first escape on, with the closing quote.
    fn escaped(&mut self, scratch: &mut String) -> Result<()> {
        loop {
            match self.bytes.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => {
                    self.at += 1;
                    let character = self.escape()?;
                    scratch.push(character);
                }
                _ => return Err(self.fail("a character that may stand in a string")),
            }
            let start = self.at;
            self.plain();
            scratch.push_str(self.since(start));
        }
    }

    /// Moves to the next quote, backslash or control character: eight bytes at a time where there are eight.
    #[inline]
    fn plain(&mut self) {
        while let Some(word) = self.bytes.get(self.at..).and_then(<[u8]>::first_chunk::<8>) {
            let special = special_bytes(u64::from_le_bytes(*word));
            if special != 0 {
                // A u64 has at most 64 trailing zeros, so this always converts.
                self.at += usize::try_from(special.trailing_zeros() / 8).unwrap_or(0);
                return;
            }
            self.at += 8;
        }
        while let Some(&byte) = self.bytes.get(self.at)
            && byte >= 0x20
            && byte != b'"'
            && byte != b'\\'
        {
            self.at += 1;
        }
    }

    /// One escape, after its backslash.
    fn escape(&mut self) -> Result<char> {
        let character = match self.bytes.get(self.at) {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                return self.unicode_escape();
            }
            _ => return Err(self.fail("an escape")),
        };
        self.at += 1;
        Ok(character)
    }

    /// The digits of a `\u` escape, and of a second one that completes a surrogate pair.
    fn unicode_escape(&mut self) -> Result<char> {
        let high = self.hex4()?;
        if (0xD800..0xDC00).contains(&high)
            && self
                .bytes
                .get(self.at..)
                .is_some_and(|rest| rest.starts_with(b"\\u"))
        {
            let before = self.at;
            self.at += 2;
            let low = self.hex4()?;
            if (0xDC00..0xE000).contains(&low) {
                let code = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = before;
        }
        Ok(char::from_u32(high).unwrap_or_else(|| {
            self.num_lone_surrogates += 1;
            char::REPLACEMENT_CHARACTER
        }))
    }

    fn hex4(&mut self) -> Result<u32> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self
                .bytes
                .get(self.at)
                .and_then(|&byte| char::from(byte).to_digit(16));
            code = code * 16 + digit.ok_or_else(|| self.fail("a hexadecimal digit"))?;
            self.at += 1;
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
                    offset: self.at,
                    limit: MAX_DEPTH,
                })?;
                self.at += 1;
                self.skip_elements(opening == b'{', depth)
            }
            _ => Err(self.fail("a value")),
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
            if !self.another(end, "`,` or the end of an array or object")? {
                return Ok(());
            }
        }
    }

    fn skip_string(&mut self) -> Result<()> {
        self.expect(b'"', "a string")?;
        loop {
            self.plain();
            match self.bytes.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => {
                    self.at += 1;
                    self.escape()?;
                }
                _ => return Err(self.fail("a character that may stand in a string")),
            }
        }
    }
}

/// For each byte of the word its high bit, if the byte is a quote, a backslash or below 0x20. Bits above the lowest one
/// set may be wrong, because a subtraction borrows; the lowest is right.
#[inline]
fn special_bytes(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word;
    let quotes = zeros(word ^ (ONES * 0x22));
    let backslashes = zeros(word ^ (ONES * 0x5c));
    let controls = word.wrapping_sub(ONES * 0x20) & !word;
    (quotes | backslashes | controls) & HIGHS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_end_at_their_quote_whatever_stands_before_it() {
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
                scanner.number().and_then(|_| scanner.end()).is_err(),
                "{text}"
            );
        }
        for text in ["01", "-01", "1.5.5", "1-"] {
            let mut scanner = Scanner::new(text);
            assert!(
                scanner.number().and_then(|_| scanner.end()).is_err(),
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
