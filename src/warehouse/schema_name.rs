//! Which names a schema, dataset or database may have: the name is unquoted in every statement.

use super::engine::Engine;
use crate::error::{Error, ErrorCode, Result};

/// Checks the name of a schema.
///
/// # Errors
/// [`ErrorCode::Usage`] for a name that would need quotes.
pub fn check_schema_name(engine: Engine, schema: &str) -> Result<()> {
    let is_valid = match schema.split_once('.') {
        None => is_identifier(schema),
        Some((project, dataset)) if engine.dialect().allows_project_names() => {
            is_project(project) && is_identifier(dataset)
        }
        Some((database, schema)) => is_identifier(database) && is_identifier(schema),
    };
    if is_valid {
        return Ok(());
    }
    let message = format!("invalid schema name `{schema}`: use letters, digits and `_`");
    Err(Error::new(ErrorCode::Usage, message).with_hint("for example: --schema seo"))
}

fn is_identifier(word: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && word
            .chars()
            .all(|char| char.is_ascii_alphanumeric() || char == '_')
}

/// Projects of Google Cloud may have hyphens.
fn is_project(word: &str) -> bool {
    !word.is_empty()
        && word
            .chars()
            .all(|char| char.is_ascii_alphanumeric() || "-_".contains(char))
}
