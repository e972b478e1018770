//! SQL boolean expressions → filters.
//!
//! A row passes where SQL says that the expression is true, so a comparison with null passes neither plain nor under `NOT`.
//! The API's own logic has no third value, as far as is known: `neq` may pass null, and `not` may pass what is unknown. So
//! `NOT` is pushed down to the conditions, and where one could then pass null, the filter adds `not is_null`.
//!
//! Expressions that say the same in other words mostly give the same filter: parentheses, chains, sides, double negations
//! and repetitions leave no trace.

mod condition;
mod like;
mod source;
mod values;

use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, Tokenizer};

use self::condition::Reader;
use self::source::Source;
use super::Filter;
use super::rules::{self, Fault};
use crate::catalog::Endpoint;

/// Everything that a condition of `where` can be.
pub const FORMS: &str = "= <> < <= > >=, IN, BETWEEN, LIKE, ILIKE, ~, IS NULL, phrase(), iphrase(), empty(), ANY(), ALL()";

/// Longest expression. A filter travels in a URL of at most 8 KiB.
const MAX_BYTES: usize = 16 * 1024;

/// Most words and signs of an expression: chains are parsed in a loop but leave deep trees.
const MAX_TOKENS: usize = 2_000;

/// Deepest nesting, so that no expression can use up the stack.
const MAX_DEPTH: usize = 50;

/// The filter that an expression stands for, if the operation can answer it.
///
/// # Errors
/// The first thing that does not parse, that the API lacks, or that does not fit the catalog, with its place in the text.
pub fn from_sql(text: &str, endpoint: &Endpoint) -> Result<Filter, Fault> {
    rules::check_takes_filter(endpoint)?;
    if text.len() > MAX_BYTES {
        let message = format!("the expression is {} bytes long", text.len());
        return Err(Fault::new(
            message,
            format!("at most {MAX_BYTES}: a filter travels in a URL"),
        ));
    }
    if text.trim_start().starts_with('{') {
        return Err(Fault::new(
            "this is JSON, not SQL",
            "the API's own filter stands in `where_json`",
        ));
    }
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, text).tokenize_with_location();
    let tokens = tokens.map_err(|error| {
        let source = Source::new(text, Vec::new());
        let fault = Fault::new(
            format!(
                "the expression does not parse: {}",
                lower_first(&error.message)
            ),
            QUOTES,
        );
        fault.at(source.from(error.location))
    })?;
    let source = Source::new(text, tokens);
    match source.num_words() {
        0 => {
            return Err(Fault::new(
                "the expression is empty",
                "write a condition, or take this out",
            ));
        }
        num if num > MAX_TOKENS => {
            let message = format!("the expression has {num} words and signs");
            return Err(Fault::new(
                message,
                format!("at most {MAX_TOKENS}: a filter travels in a URL"),
            ));
        }
        _ => {}
    }
    let mut parser = Parser::new(&PostgreSqlDialect {})
        .with_recursion_limit(MAX_DEPTH)
        .with_tokens_with_locations(source.tokens().to_vec());
    let expression = parser
        .parse_expr()
        .map_err(|error| parse_fault(&source, error))?;
    let rest = parser.next_token();
    if rest.token != Token::EOF {
        let message = format!("the expression ends before `{}`", rest.token);
        return Err(
            Fault::new(message, "join conditions with AND or OR").at(source.bytes(rest.span))
        );
    }
    Reader {
        endpoint,
        source: &source,
    }
    .condition(&expression, false)
}

const QUOTES: &str = "text stands in single quotes: 'it''s'";

fn parse_fault(source: &Source<'_>, error: ParserError) -> Fault {
    let text = match error {
        ParserError::RecursionLimitExceeded => {
            let message = "the expression is nested too deeply";
            return Fault::new(message, "chains of AND and OR need no parentheses");
        }
        ParserError::ParserError(text) | ParserError::TokenizerError(text) => text,
    };
    // The parser tells the place in words only.
    let (message, place) = text.rsplit_once(" at Line: ").unwrap_or((&text, ""));
    let message = lower_first(message)
        .replace("expected: ", "expected ")
        .replace("found: EOF", "found its end");
    let place = place
        .split_once(", Column: ")
        .and_then(|(line, column)| Some((line.parse().ok()?, column.parse().ok()?)));
    let fault = Fault::new(
        format!("the expression does not parse: {message}"),
        "a SQL condition, such as: a >= 30 AND b",
    );
    match place {
        Some((line, column)) => fault.at(source.token_at(line, column)),
        None => fault.at(source.end()),
    }
}

fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map(|first| first.to_lowercase().chain(letters).collect())
        .unwrap_or_default()
}
