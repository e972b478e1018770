//! Columns as requests name them: what is selected, filtered by and ordered by.

use crate::catalog::{ColumnKind, Endpoint};

/// A column that can be selected, filtered by, or both.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) kind: ColumnKind,
    pub(crate) nullable: bool,
    pub(crate) values: Vec<String>,
}

/// A column to order by.
#[derive(Debug, Clone)]
pub(crate) struct Sort {
    pub(crate) field: Field,
    pub(crate) descending: bool,
}

impl Field {
    /// A column that the catalog does not need to know.
    pub(crate) fn new(name: &str, kind: ColumnKind, nullable: bool) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            nullable,
            values: Vec::new(),
        }
    }

    /// The column of that name which the operation selects, or which only its filter knows.
    pub(crate) fn of(endpoint: &Endpoint, name: &str) -> Option<Self> {
        if let Some(column) = endpoint.column(name) {
            return Some(Self {
                name: name.to_owned(),
                kind: column.kind.clone(),
                nullable: column.nullable,
                values: column.values.clone(),
            });
        }
        let column = endpoint.filterable(catalog_name(name))?;
        Some(Self {
            name: name.to_owned(),
            kind: column.kind.clone(),
            nullable: column.nullable,
            values: column.values.clone(),
        })
    }

    /// The same column under another name.
    pub(crate) fn renamed(&self, name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..self.clone()
        }
    }
}

/// The catalog's name of a filterable column: event properties share one entry.
pub(crate) fn catalog_name(name: &str) -> &str {
    if name.starts_with("event_prop:") {
        "event_prop:EVENT_PROP"
    } else {
        name
    }
}
