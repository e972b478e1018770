//! Rows that are many: each is computed from its number.

use std::fmt;

use super::api_section::ApiSection;
use crate::sandbox::cell::Cell;
use crate::sandbox::field::Field;
use crate::sandbox::seeded::Seeded;

/// Rows that are many: the number of a row determines it.
pub(crate) struct GeneratedRows {
    seeded: Seeded,
    rows: u32,
    cell: CellOfRow,
}

/// The value of a column by the row's number and source of chance.
type CellOfRow = Box<dyn Fn(u32, Seeded, &Field) -> Option<Cell> + Send + Sync>;

impl GeneratedRows {
    pub(crate) fn new(
        seeded: Seeded,
        rows: u32,
        cell: impl Fn(u32, Seeded, &Field) -> Option<Cell> + Send + Sync + 'static,
    ) -> Self {
        Self {
            seeded,
            rows,
            cell: Box::new(cell),
        }
    }
}

impl fmt::Debug for GeneratedRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GeneratedRows")
            .field("seeded", &self.seeded)
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

impl ApiSection for GeneratedRows {
    fn rows(&self) -> u32 {
        self.rows
    }

    fn seeded(&self, number: u32) -> Seeded {
        self.seeded.item(number)
    }

    fn cell(&self, number: u32, field: &Field) -> Option<Cell> {
        (self.cell)(number, self.seeded(number), field)
    }
}
