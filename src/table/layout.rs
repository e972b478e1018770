//! How a file is laid out, by its footer: what decides how fast engines read it, and whether they can.

use super::column_type::ColumnType;

/// A file's layout.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileLayout {
    /// Size in bytes.
    pub bytes: u64,
    /// Rows.
    pub rows: u64,
    /// Its row groups, in order.
    pub row_groups: Vec<RowGroupLayout>,
    /// Its columns, in order.
    pub columns: Vec<ColumnLayout>,
    /// Whether the footer declares a sort order.
    pub is_sorted: bool,
}

/// A row group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowGroupLayout {
    /// Rows.
    pub rows: u64,
    /// Bytes before compression.
    pub bytes: u64,
}

/// A column of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnLayout {
    /// Its name.
    pub name: String,
    /// Its type; `None` for a type that this program does not write.
    pub kind: Option<ColumnType>,
    /// Its type as the file spells it.
    pub spelled: String,
    /// Whether every value is null, by the footer's statistics.
    pub is_all_null: bool,
    /// Whether there is a page index.
    pub has_index: bool,
    /// Whether there is a bloom filter.
    pub has_bloom: bool,
}
