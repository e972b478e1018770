//! The text of an expression with its tokens: where each part is.

use std::ops::Range;

use sqlparser::ast::{Expr, Ident, ObjectName};
use sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan};

/// The text of an expression.
#[derive(Debug)]
pub(super) struct Source<'a> {
    text: &'a str,
    tokens: Vec<TokenWithSpan>,
}

impl<'a> Source<'a> {
    pub(super) fn new(text: &'a str, tokens: Vec<TokenWithSpan>) -> Self {
        Self { text, tokens }
    }

    pub(super) fn tokens(&self) -> &[TokenWithSpan] {
        &self.tokens
    }

    /// How many tokens are neither blanks nor comments.
    pub(super) fn num_words(&self) -> usize {
        self.words().count()
    }

    fn words(&self) -> impl DoubleEndedIterator<Item = &TokenWithSpan> {
        self.tokens
            .iter()
            .filter(|token| !matches!(token.token, Token::Whitespace(_) | Token::EOF))
    }

    /// The bytes of a span; a span without location is the whole text.
    pub(super) fn bytes(&self, span: Span) -> Range<usize> {
        if span.start.line == 0 {
            return 0..self.text.len();
        }
        let start = self.offset(span.start);
        start..self.offset(span.end).max(start)
    }

    /// The text from a location on.
    pub(super) fn from(&self, start: Location) -> Range<usize> {
        self.offset(start)..self.text.len()
    }

    /// What is written in these bytes.
    pub(super) fn written(&self, bytes: &Range<usize>) -> &'a str {
        self.text.get(bytes.clone()).unwrap_or_default()
    }

    /// The token that starts at a line and column.
    pub(super) fn token_at(&self, line: u64, column: u64) -> Range<usize> {
        let start = Location { line, column };
        match self.tokens.iter().find(|token| token.span.start == start) {
            Some(token) => self.bytes(token.span),
            None => self.from(start),
        }
    }

    /// The last token.
    pub(super) fn end(&self) -> Range<usize> {
        match self.words().next_back() {
            Some(token) => self.bytes(token.span),
            None => 0..self.text.len(),
        }
    }

    /// Where an expression begins: its leftmost name or value. Not the whole of it, since trees may be deep.
    pub(super) fn begin(&self, mut expression: &Expr) -> Range<usize> {
        loop {
            let span = match expression {
                Expr::Identifier(name) => name.span,
                Expr::CompoundIdentifier(names) => joined_span(names),
                Expr::Value(value) => value.span,
                Expr::Function(function) => name_span(&function.name),
                Expr::TypedString(typed) => typed.value.span,
                Expr::Interval(interval) => {
                    expression = &interval.value;
                    continue;
                }
                Expr::Nested(inner)
                | Expr::UnaryOp { expr: inner, .. }
                | Expr::Cast { expr: inner, .. }
                | Expr::IsNull(inner)
                | Expr::IsNotNull(inner)
                | Expr::IsTrue(inner)
                | Expr::IsNotTrue(inner)
                | Expr::IsFalse(inner)
                | Expr::IsNotFalse(inner)
                | Expr::IsDistinctFrom(inner, _)
                | Expr::IsNotDistinctFrom(inner, _)
                | Expr::In { expr: inner, .. }
                | Expr::Between { expr: inner, .. }
                | Expr::Like { expr: inner, .. }
                | Expr::ILike { expr: inner, .. }
                | Expr::SimilarTo { expr: inner, .. }
                | Expr::RLike { expr: inner, .. }
                | Expr::BinaryOp { left: inner, .. }
                | Expr::AnyOp { left: inner, .. }
                | Expr::AllOp { left: inner, .. } => {
                    expression = inner;
                    continue;
                }
                _ => Span::empty(),
            };
            return self.bytes(span);
        }
    }

    /// The operator before an operand.
    pub(super) fn operator_before(&self, operand: &Expr) -> Range<usize> {
        let start = self.begin(operand).start;
        for token in self.words().rev() {
            if self.offset(token.span.start) < start && token.token != Token::LParen {
                return self.bytes(token.span);
            }
        }
        start..self.text.len()
    }

    /// Lines and columns count characters from 1.
    fn offset(&self, location: Location) -> usize {
        let lines = self.text.split_inclusive('\n');
        let line_start: usize = lines.take(index(location.line)).map(str::len).sum();
        let line = self.text.get(line_start..).unwrap_or_default();
        match line.char_indices().nth(index(location.column)) {
            Some((start, _)) => line_start + start,
            None => self.text.len(),
        }
    }
}

/// The index of a line or column that counts from 1.
fn index(count: u64) -> usize {
    usize::try_from(count.saturating_sub(1)).unwrap_or(usize::MAX)
}

fn name_span(name: &ObjectName) -> Span {
    for part in &name.0 {
        if let Some(identifier) = part.as_ident() {
            return identifier.span;
        }
    }
    Span::empty()
}

fn joined_span(names: &[Ident]) -> Span {
    match (names.first(), names.last()) {
        (Some(first), Some(last)) => Span::new(first.span.start, last.span.end),
        _ => Span::empty(),
    }
}
