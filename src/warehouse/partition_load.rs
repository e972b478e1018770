//! One partition that a dialect writes the load statements of.

use super::data_location::DataLocation;
use super::dialect::SqlDialect;
use super::table::{PartitionRange, PartitionScheme, Table, raw_table_name};
use super::table_load::{DataFile, PartitionChange};
use crate::table::{ColumnType, TableColumn};

/// What the statements of one partition are made from.
pub(crate) struct PartitionLoad<'a> {
    dialect: &'a dyn SqlDialect,
    schema: &'a str,
    pub(super) location: &'a DataLocation,
    pub(super) table: &'a Table,
    pub(super) change: &'a PartitionChange,
    pub(super) range: PartitionRange,
    /// The table in the warehouse.
    pub(super) name: String,
    /// Which of its rows are the partition's.
    pub(super) condition: String,
}

impl<'a> PartitionLoad<'a> {
    /// The load of a partition; `None` if its name does not fit the table.
    pub(super) fn new(
        dialect: &'a dyn SqlDialect,
        schema: &'a str,
        location: &'a DataLocation,
        table: &'a Table,
        change: &'a PartitionChange,
    ) -> Option<Self> {
        let range = table.partition_range(&change.partition)?;
        let condition = match table.partition_column() {
            Some(column) => condition(dialect, column, &range),
            None => "TRUE".to_owned(),
        };
        Some(Self {
            dialect,
            schema,
            location,
            table,
            change,
            range,
            name: dialect.object(schema, &raw_table_name(table.name())),
            condition,
        })
    }

    /// The name of a table in which rows are prepared before they replace the partition's.
    pub(super) fn loading_table(&self) -> String {
        self.dialect
            .object(self.schema, &format!("loading_{}", self.table.name()))
    }

    /// A file as the engine opens it.
    pub(super) fn file_url(&self, file: &DataFile) -> String {
        let name = format!("{}{}", self.folder(), file.name);
        self.dialect.file_url(self.location, &name)
    }

    /// All files as texts, separated by commas.
    pub(super) fn file_urls(&self) -> String {
        let mut urls = Vec::with_capacity(self.change.files.len());
        for file in &self.change.files {
            urls.push(self.dialect.text(&self.file_url(file)));
        }
        urls.join(", ")
    }

    /// Folder of the partition below the destination, with a slash at its end.
    pub(super) fn folder(&self) -> String {
        let report = self.table.name();
        match self.table.scheme() {
            PartitionScheme::Unpartitioned => format!("{report}/"),
            PartitionScheme::SnapshotDates | PartitionScheme::Years { .. } => {
                format!("{report}/{}/", self.change.partition)
            }
        }
    }

    /// The columns of the files, separated by commas.
    pub(super) fn columns(&self) -> String {
        let mut columns = Vec::with_capacity(self.change.columns.len());
        for column in &self.change.columns {
            columns.push(self.dialect.column(column));
        }
        columns.join(", ")
    }

    /// What is reported if the number of rows is wrong.
    pub(super) fn expected(&self) -> String {
        format!(
            "{}/{}: expected {} rows",
            self.table.name(),
            self.change.partition,
            self.change.rows()
        )
    }

    /// The same as text, before the number that was found.
    pub(super) fn expected_found(&self) -> String {
        self.dialect.text(&format!("{}, found ", self.expected()))
    }
}

/// The rows of a range, as a condition.
fn condition(dialect: &dyn SqlDialect, column: &TableColumn, range: &PartitionRange) -> String {
    let name = dialect.column(&column.name);
    let literal = |day| {
        if column.kind == ColumnType::Timestamp {
            dialect.timestamp(day)
        } else {
            dialect.date(day)
        }
    };
    match range {
        PartitionRange::All => "TRUE".to_owned(),
        PartitionRange::Date(date) => format!("{name} = {}", literal(*date)),
        PartitionRange::Year(days) => {
            let after = days.last.succ_opt().unwrap_or(days.last);
            format!(
                "{name} >= {} AND {name} < {}",
                literal(days.first),
                literal(after)
            )
        }
    }
}
