//! Apache Spark, with Parquet tables.

use super::hive;
use crate::table::{ColumnType, SNAPSHOT_DATE};
use crate::warehouse::data_location::DataLocation;
use crate::warehouse::ddl::{commented_lines, create_table_if_missing};
use crate::warehouse::dialect::SqlDialect;
use crate::warehouse::partition_load::PartitionLoad;
use crate::warehouse::quoting::{backtick_doubled, escaped_text};
use crate::warehouse::table::{PartitionRange, PartitionScheme, Table};

/// A Parquet table is partitioned by a column that is not in its files.
const PERIOD_COLUMN: &str = "    `period` INT COMMENT 'the year of the rows'";

pub(in crate::warehouse) struct Spark;

impl SqlDialect for Spark {
    fn name(&self) -> &'static str {
        "spark"
    }

    fn title(&self) -> &'static str {
        "Spark"
    }

    fn column(&self, name: &str) -> String {
        backtick_doubled(name)
    }

    fn text(&self, value: &str) -> String {
        escaped_text(value)
    }

    fn json_value(&self, text: &str, key: &str) -> String {
        hive::json_value(self, text, key)
    }

    fn type_name(&self, kind: &ColumnType) -> String {
        hive::type_name(self, kind)
    }

    fn file_url(&self, location: &DataLocation, name: &str) -> String {
        hive::file_url(location, name, "s3a")
    }

    fn create_table(&self, schema: &str, table: &Table) -> String {
        let mut lines = commented_lines(self, table);
        let is_by_year = matches!(table.scheme(), PartitionScheme::Years { .. });
        if is_by_year {
            lines.push(PERIOD_COLUMN.to_owned());
        }
        let definition = create_table_if_missing(self, schema, table, &lines);
        let partitions = match table.partition_column() {
            Some(_) if is_by_year => "\nPARTITIONED BY (`period`)".to_owned(),
            Some(column) => format!("\nPARTITIONED BY ({})", self.column(&column.name)),
            None => String::new(),
        };
        let comment = self.text(&table.comment());
        format!("{definition}\nUSING PARQUET{partitions}\nCOMMENT {comment};\n")
    }

    fn add_columns(&self, schema: &str, table: &Table) -> String {
        hive::add_columns(self, schema, table)
    }

    fn external_table(&self, schema: &str, table: &Table, location: &DataLocation) -> String {
        hive::external_table(self, schema, table, location)
    }

    fn replace_partition(&self, load: &PartitionLoad<'_>) -> String {
        let name = &load.name;
        let (partition, without) = match &load.range {
            PartitionRange::Date(date) => {
                let column = self.column(SNAPSHOT_DATE);
                let partition = format!(" PARTITION ({column} = {})", self.date(*date));
                (partition, Some(SNAPSHOT_DATE))
            }
            PartitionRange::Year(days) => {
                let partition = format!(" PARTITION (`period` = {})", days.first.format("%Y"));
                (partition, None)
            }
            PartitionRange::All => (String::new(), None),
        };
        if load.change.files.is_empty() {
            return match load.range {
                PartitionRange::All => format!("TRUNCATE TABLE {name};\n"),
                _ => format!("ALTER TABLE {name} DROP IF EXISTS{partition};\n"),
            };
        }
        let rows = hive::select_files(self, load, without);
        let check = hive::row_count_check(self, load);
        format!("INSERT OVERWRITE TABLE {name}{partition}\n{rows};\n{check}")
    }
}
