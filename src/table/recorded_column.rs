//! Columns as manifests record them, and how a table may change: columns are only added, at the end, nullable.

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorCode, Result};

/// A column as a manifest records it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedColumn {
    /// Its name.
    pub name: String,
    /// Its type, as [`super::ColumnType`] displays it.
    #[serde(rename = "type")]
    pub kind: String,
}

/// The columns of a table for which `recorded` is recorded and `wanted` is requested: the recorded ones in their order,
/// whether they are wanted or not, then the new ones in theirs.
///
/// # Errors
/// [`ErrorCode::Schema`] if a column would change its type, or would differ from another only in letter case, which
/// warehouses cannot tell apart.
pub fn evolve(
    recorded: &[RecordedColumn],
    wanted: &[RecordedColumn],
) -> Result<Vec<RecordedColumn>> {
    let mut merged = recorded.to_vec();
    for column in wanted {
        let known = merged
            .iter()
            .find(|known| known.name.eq_ignore_ascii_case(&column.name));
        match known {
            None => merged.push(column.clone()),
            Some(known) if known == column => {}
            Some(known) => return Err(incompatible_column(known, column)),
        }
    }
    Ok(merged)
}

fn incompatible_column(known: &RecordedColumn, wanted: &RecordedColumn) -> Error {
    let message = if known.name == wanted.name {
        format!(
            "column `{}` is recorded as {} and would become {}",
            known.name, known.kind, wanted.kind
        )
    } else {
        format!(
            "column `{}` differs from the recorded `{}` only in letter case",
            wanted.name, known.name
        )
    };
    Error::new(ErrorCode::Schema, message)
        .with_hint("give the report a new name: a table's columns never change their type")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(pairs: &[(&str, &str)]) -> Vec<RecordedColumn> {
        pairs
            .iter()
            .map(|(name, kind)| RecordedColumn {
                name: (*name).into(),
                kind: (*kind).into(),
            })
            .collect()
    }

    #[test]
    fn new_columns_are_appended_and_dropped_ones_stay() {
        let recorded = columns(&[("a", "int64"), ("b", "string")]);
        let wanted = columns(&[("c", "date"), ("b", "string")]);
        let merged = evolve(&recorded, &wanted).unwrap();
        assert_eq!(
            merged,
            columns(&[("a", "int64"), ("b", "string"), ("c", "date")])
        );
    }

    #[test]
    fn a_changed_type_is_refused_with_a_way_out() {
        let error = evolve(&columns(&[("a", "int64")]), &columns(&[("a", "double")])).unwrap_err();
        assert_eq!(error.code(), ErrorCode::Schema);
        assert_eq!(
            error.to_string(),
            "column `a` is recorded as int64 and would become double"
        );
        assert!(error.hint().contains("new name"));
    }

    #[test]
    fn names_that_differ_only_in_case_are_refused() {
        assert!(evolve(&columns(&[("a", "int64")]), &columns(&[("A", "int64")])).is_err());
    }
}
