//! Rows that are few and known whole.

use std::sync::Arc;

use super::api_section::{ApiSection, index, num_rows};
use crate::sandbox::cell::Cell;
use crate::sandbox::field::Field;
use crate::sandbox::seeded::Seeded;

/// The columns of a row that are known, by name.
pub(crate) type FixedRow = Vec<(&'static str, Cell)>;

/// Rows that are few and known whole: each has the columns that it knows.
#[derive(Debug)]
pub(crate) struct FixedRows {
    seeded: Seeded,
    rows: Vec<FixedRow>,
}

impl FixedRows {
    /// A section of these rows.
    pub(crate) fn section(seeded: Seeded, rows: Vec<FixedRow>) -> Arc<dyn ApiSection> {
        Arc::new(Self { seeded, rows })
    }
}

impl ApiSection for FixedRows {
    fn rows(&self) -> u32 {
        num_rows(self.rows.len())
    }

    fn seeded(&self, number: u32) -> Seeded {
        // The first known column of a row names it.
        let mut name = Vec::new();
        if let Some(row) = self.rows.get(index(number))
            && let Some((_, cell)) = row.first()
        {
            cell.write(&mut name);
        }
        self.seeded.named(&String::from_utf8_lossy(&name))
    }

    fn cell(&self, number: u32, field: &Field) -> Option<Cell> {
        let row = self.rows.get(index(number))?;
        let (_, cell) = row.iter().find(|(name, _)| *name == field.name)?;
        Some(cell.clone())
    }
}
