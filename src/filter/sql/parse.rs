//! The text of an expression → its syntax tree → a filter.

use sqlparser::ast::Expr;
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use super::reader::Reader;
use super::source::Source;
use crate::catalog::Endpoint;
use crate::filter::column::check_takes_filter;
use crate::filter::error::FilterError;
use crate::filter::expression::Filter;

/// Longest expression. A filter travels in a URL of at most 8 KiB.
const MAX_BYTES: usize = 16 * 1024;

/// Maximum number of words and signs of an expression: chains are parsed in a loop but leave deep trees.
const MAX_TOKENS: usize = 2_000;

/// Deepest nesting, so that no expression can use up the stack.
const MAX_DEPTH: usize = 50;

const QUOTES: &str = "write text in single quotes: 'it''s'";

/// The filter of an expression, if the operation can answer it.
///
/// # Errors
/// The first thing that does not parse, that the API lacks, or that does not fit the catalog, with its location in the text.
pub fn from_sql(text: &str, endpoint: &Endpoint) -> Result<Filter, FilterError> {
    check_takes_filter(endpoint)?;
    if text.len() > MAX_BYTES {
        return Err(FilterError::new(
            format!("the expression is {} bytes long", text.len()),
            format!("at most {MAX_BYTES}: a filter travels in a URL"),
        ));
    }
    if text.trim_start().starts_with('{') {
        return Err(FilterError::new(
            "this is JSON, not SQL",
            "write the API's own filter in `where_json`",
        ));
    }
    let source = Source::new(text, tokenize(text)?);
    check_length(&source)?;
    let expression = parse_expression(&source)?;
    let reader = Reader {
        endpoint,
        source: &source,
    };
    reader.condition(&expression, false)
}

fn tokenize(text: &str) -> Result<Vec<TokenWithSpan>, FilterError> {
    let result = Tokenizer::new(&PostgreSqlDialect {}, text).tokenize_with_location();
    result.map_err(|error| {
        let message = lower_first(&error.message);
        let bytes = Source::new(text, Vec::new()).from(error.location);
        let message = format!("the expression does not parse: {message}");
        FilterError::new(message, QUOTES).at_bytes(bytes)
    })
}

fn check_length(source: &Source<'_>) -> Result<(), FilterError> {
    let num_words = source.num_words();
    if num_words == 0 {
        return Err(FilterError::new(
            "the expression is empty",
            "write a condition, or remove this",
        ));
    }
    if num_words > MAX_TOKENS {
        return Err(FilterError::new(
            format!("the expression has {num_words} words and signs"),
            format!("at most {MAX_TOKENS}: a filter travels in a URL"),
        ));
    }
    Ok(())
}

fn parse_expression(source: &Source<'_>) -> Result<Expr, FilterError> {
    let mut parser = Parser::new(&PostgreSqlDialect {})
        .with_recursion_limit(MAX_DEPTH)
        .with_tokens_with_locations(source.tokens().to_vec());
    let expression = match parser.parse_expr() {
        Ok(expression) => expression,
        Err(error) => return Err(parse_error(source, error)),
    };
    let rest = parser.next_token();
    if rest.token != Token::EOF {
        let message = format!("the expression ends before `{}`", rest.token);
        let error = FilterError::new(message, "join conditions with AND or OR");
        return Err(error.at_bytes(source.bytes(rest.span)));
    }
    Ok(expression)
}

fn parse_error(source: &Source<'_>, error: ParserError) -> FilterError {
    let text = match error {
        ParserError::RecursionLimitExceeded => {
            let message = "the expression is nested too deeply";
            return FilterError::new(message, "chains of AND and OR need no parentheses");
        }
        ParserError::ParserError(text) | ParserError::TokenizerError(text) => text,
    };
    // The parser reports the location in words only.
    let (message, location) = text.rsplit_once(" at Line: ").unwrap_or((&text, ""));
    let message = lower_first(message)
        .replace("expected: ", "expected ")
        .replace("found: EOF", "found its end");
    let error = FilterError::new(
        format!("the expression does not parse: {message}"),
        "a SQL condition, such as: a >= 30 AND b",
    );
    match parse_location(location) {
        Some((line, column)) => error.at_bytes(source.token_at(line, column)),
        None => error.at_bytes(source.end()),
    }
}

/// `1, Column: 7` → line and column.
fn parse_location(text: &str) -> Option<(u64, u64)> {
    let (line, column) = text.split_once(", Column: ")?;
    Some((line.parse().ok()?, column.parse().ok()?))
}

fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_lowercase().chain(letters).collect(),
        None => String::new(),
    }
}
