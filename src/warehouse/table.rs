//! A table as a warehouse has it: its columns, and what distinguishes its partitions.

use chrono::NaiveDate;

use crate::table::{
    ColumnType, DateRange, Measure, SNAPSHOT_DATE, TARGET, TableColumn, TableSchema,
    is_system_table, parse_segment,
};

/// Precedes a table's name in a warehouse: the name itself is that of the view that people query.
const RAW_PREFIX: &str = "raw_";

/// Columns by which a table is clustered at most: `BigQuery`'s limit.
const MAX_CLUSTERING_COLUMNS: usize = 4;

/// Name in a warehouse of the table that holds the rows of `report`.
pub(super) fn raw_table_name(report: &str) -> String {
    format!("{RAW_PREFIX}{report}")
}

/// How a table is divided into partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PartitionScheme {
    /// By date, `snapshot_date=2026-11-23`, which is the column `_snapshot_date`.
    SnapshotDates,
    /// By the year of a column, `period=2026`.
    Years {
        /// The column.
        column: String,
    },
    /// Not at all: the one partition is the table.
    Unpartitioned,
}

/// A table and its partitions.
#[derive(Debug, Clone)]
pub struct Table {
    schema: TableSchema,
    scheme: PartitionScheme,
}

/// The rows of one partition, as a range of the partition column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PartitionRange {
    /// A snapshot date.
    Date(NaiveDate),
    /// A year.
    Year(DateRange),
    /// All rows.
    All,
}

impl Table {
    /// A table that is partitioned by the years of a column, or else by snapshot date; the table of targets has one
    /// partition.
    pub fn new(schema: TableSchema, history_column: Option<&str>) -> Self {
        let scheme = match history_column {
            Some(column) => PartitionScheme::Years {
                column: column.to_owned(),
            },
            None if schema.column(SNAPSHOT_DATE).is_some() => PartitionScheme::SnapshotDates,
            None => PartitionScheme::Unpartitioned,
        };
        Self { schema, scheme }
    }

    /// Its schema.
    pub fn schema(&self) -> &TableSchema {
        &self.schema
    }

    /// Its name: the report's.
    pub(crate) fn name(&self) -> &str {
        self.schema.name()
    }

    /// How it is partitioned.
    pub(super) fn scheme(&self) -> &PartitionScheme {
        &self.scheme
    }

    /// Its columns, in the order of every file.
    pub fn columns(&self) -> &[TableColumn] {
        self.schema.columns()
    }

    /// The column whose values distinguish partitions; none where there is one partition.
    pub(super) fn partition_column(&self) -> Option<&TableColumn> {
        let name = match &self.scheme {
            PartitionScheme::SnapshotDates => SNAPSHOT_DATE,
            PartitionScheme::Years { column } => column,
            PartitionScheme::Unpartitioned => return None,
        };
        self.schema.column(name)
    }

    /// The rows of a partition's folder; `None` for a name that does not fit this table's scheme.
    pub(super) fn partition_range(&self, partition: &str) -> Option<PartitionRange> {
        if self.scheme == PartitionScheme::Unpartitioned {
            return Some(PartitionRange::All);
        }
        let (key, value) = parse_segment(partition)?;
        match (&self.scheme, key.as_str()) {
            (PartitionScheme::SnapshotDates, "snapshot_date") => {
                value.parse().ok().map(PartitionRange::Date)
            }
            (PartitionScheme::Years { .. }, "period") => {
                DateRange::of_year(value.parse().ok()?).map(PartitionRange::Year)
            }
            _ => None,
        }
    }

    /// Key and type of its partitions' folders, as engines that read the folders see it.
    pub(super) fn folder_key(&self) -> Option<(&'static str, ColumnType)> {
        match self.scheme {
            PartitionScheme::SnapshotDates => Some(("snapshot_date", ColumnType::Date)),
            PartitionScheme::Years { .. } => Some(("period", ColumnType::Integer)),
            PartitionScheme::Unpartitioned => None,
        }
    }

    /// Columns by which a warehouse should keep rows near one another, most useful first.
    pub(super) fn clustering_columns(&self) -> Vec<String> {
        let mut names = self.schema.file_order();
        names.retain(|name| {
            let column = self.schema.column(name);
            column.is_some_and(|column| column.kind.is_sortable())
        });
        names.truncate(MAX_CLUSTERING_COLUMNS);
        names
    }

    /// Whether it is one of the tables that the program fills itself.
    pub(super) fn is_system_table(&self) -> bool {
        is_system_table(self.name())
    }

    /// Whether its rows belong to targets.
    pub(super) fn has_target(&self) -> bool {
        self.schema.column(TARGET).is_some()
    }

    /// What it is, for its own comment in a warehouse.
    pub(super) fn comment(&self) -> String {
        if self.is_system_table() {
            return format!("backhaul: {}", self.name());
        }
        let endpoint = self.schema.endpoint();
        let by = match &self.scheme {
            PartitionScheme::Years { column } => format!("target and {column}"),
            _ => "night and target".to_owned(),
        };
        format!("Ahrefs {endpoint} by {by}, exported by backhaul")
    }
}

/// One line on a column for people who see it in a warehouse.
pub(super) fn column_comment(column: &TableColumn) -> String {
    let unit = match column.measure {
        Some(Measure::UsdCents) => "US cents: divide by 100 for dollars",
        Some(Measure::Score0To100) => "a score from 0 to 100",
        Some(Measure::Bytes) => "bytes",
        None if column.kind == ColumnType::Json => "JSON as text",
        None => "",
    };
    match (column.description.trim_end_matches('.'), unit) {
        ("", unit) => unit.to_owned(),
        (text, "") => text.to_owned(),
        (text, unit) if text.to_lowercase().contains(&unit.to_lowercase()) => text.to_owned(),
        (text, unit) => format!("{text} ({unit})"),
    }
}
