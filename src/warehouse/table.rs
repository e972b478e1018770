//! What a warehouse is told of a table: its columns, and by what its partitions are told apart inside it.

use chrono::NaiveDate;

use crate::table::{
    ColumnType, DateRange, Measure, SNAPSHOT_DATE, TARGET, TableColumn, TableSchema,
    is_system_table, parse_segment,
};

/// Stands before a table's name in a warehouse: the name itself is that of the view that people query.
const RAW: &str = "raw_";

/// Name in a warehouse of the table that holds the rows of `report`.
pub fn raw_name(report: &str) -> String {
    format!("{RAW}{report}")
}

/// How a table is divided into partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Division {
    /// By the night, `snapshot_date=2026-11-23`, which is the column `_snapshot_date`.
    Nights,
    /// By the year of a column, `period=2026`.
    Years {
        /// The column.
        column: String,
    },
    /// Not at all: the one partition is the table.
    Whole,
}

/// A table and its division.
#[derive(Debug, Clone)]
pub struct Table {
    schema: TableSchema,
    division: Division,
}

/// The rows of one partition, as a condition on columns of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// A night.
    Night(NaiveDate),
    /// The days of a period.
    Days(DateRange),
    /// All rows.
    All,
}

impl Table {
    /// A table that is divided by the years of a column, or else by night; the table of targets is not divided.
    pub fn new(schema: TableSchema, history_column: Option<&str>) -> Self {
        let division = match history_column {
            Some(column) => Division::Years {
                column: column.to_owned(),
            },
            None if schema.column(SNAPSHOT_DATE).is_some() => Division::Nights,
            None => Division::Whole,
        };
        Self { schema, division }
    }

    /// The table.
    pub fn schema(&self) -> &TableSchema {
        &self.schema
    }

    /// How it is divided.
    pub fn division(&self) -> &Division {
        &self.division
    }

    /// Its columns, in the order of every file.
    pub fn columns(&self) -> &[TableColumn] {
        self.schema.columns()
    }

    /// The column whose values tell partitions apart, with its type; none where there is one partition.
    pub fn partition_column(&self) -> Option<(&str, &ColumnType)> {
        let name = match &self.division {
            Division::Nights => SNAPSHOT_DATE,
            Division::Years { column } => column,
            Division::Whole => return None,
        };
        self.schema
            .column(name)
            .map(|column| (column.name.as_str(), &column.kind))
    }

    /// What a partition's folder stands for; `None` for a name that is not of this table's division.
    pub fn part(&self, partition: &str) -> Option<Part> {
        if self.division == Division::Whole {
            return Some(Part::All);
        }
        let (key, value) = parse_segment(partition)?;
        match (&self.division, key.as_str()) {
            (Division::Nights, "snapshot_date") => value.parse().ok().map(Part::Night),
            (Division::Years { .. }, "period") => {
                DateRange::of_year(value.parse().ok()?).map(Part::Days)
            }
            _ => None,
        }
    }

    /// Key and type of its partitions' folders, as engines that read the folders see it.
    pub fn folder_key(&self) -> Option<(&'static str, ColumnType)> {
        match self.division {
            Division::Nights => Some(("snapshot_date", ColumnType::Date)),
            Division::Years { .. } => Some(("period", ColumnType::Integer)),
            Division::Whole => None,
        }
    }

    /// Columns by which a warehouse should keep rows near one another, most useful first: at most four, as `BigQuery` has it.
    pub fn clustering(&self) -> Vec<String> {
        let fits = |name: &String| {
            self.schema
                .column(name)
                .is_some_and(|column| column.kind.is_sortable())
        };
        self.schema
            .file_order()
            .into_iter()
            .filter(fits)
            .take(4)
            .collect()
    }

    /// Whether it is one of the tables that the program fills itself.
    pub fn is_system_table(&self) -> bool {
        is_system_table(self.schema.name())
    }

    /// Whether its rows are of targets.
    pub fn has_target(&self) -> bool {
        self.schema.column(TARGET).is_some()
    }
}

/// One line on a column for people who see it in a warehouse.
pub fn comment(column: &TableColumn) -> String {
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
