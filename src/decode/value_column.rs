//! What every column of values has in common, and what is passed along while a page is read.
//!
//! Objects are read into columns and columns may hold objects. [`ValueColumn`] is the boundary between the two: an
//! [`super::object_reader::ObjectReader`] knows its columns by this trait only.

use arrow::array::ArrayRef;

use super::error::DecodeError;
use super::notes::DecodeNotes;
use super::on_bad_value::OnBadValue;
use super::scanner::Scanner;
use crate::table::ColumnType;

/// State that is passed along while a page is read.
pub(super) struct ReadContext {
    /// Row that is being read, from 1.
    pub row: u64,
    /// What happens to a value that does not fit its column.
    pub on_bad_value: OnBadValue,
    /// What was unusual so far.
    pub notes: DecodeNotes,
    /// Buffer for unescaped strings; reused for each.
    pub scratch: String,
}

/// A column that is built value by value.
pub(super) trait ValueColumn: Sized {
    /// An empty column. `path` names it in notes; `is_tuple`: its objects are sent as arrays.
    fn new(kind: &ColumnType, path: &str, is_tuple: bool) -> Self;

    /// Reads one value that is not null.
    fn read(
        &mut self,
        path: &str,
        scanner: &mut Scanner<'_>,
        context: &mut ReadContext,
    ) -> Result<(), DecodeError>;

    /// Appends a null.
    fn append_null(&mut self);

    /// Returns what was read and starts again with an empty column.
    fn finish(&mut self, notes: &mut DecodeNotes) -> Result<ArrayRef, DecodeError>;
}
