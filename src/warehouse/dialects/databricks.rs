//! Databricks, with Delta tables.

use super::hive;
use crate::table::ColumnType;
use crate::warehouse::data_location::{DataLocation, LocationKind};
use crate::warehouse::ddl::{cluster_keys, commented_lines, create_table_if_missing};
use crate::warehouse::dialect::SqlDialect;
use crate::warehouse::partition_load::PartitionLoad;
use crate::warehouse::quoting::{backtick_doubled, escaped_text};
use crate::warehouse::table::Table;

pub(in crate::warehouse) struct Databricks;

impl SqlDialect for Databricks {
    fn name(&self) -> &'static str {
        "databricks"
    }

    fn title(&self) -> &'static str {
        "Databricks"
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

    fn readable_from(&self) -> &'static [LocationKind] {
        &LocationKind::BUCKETS
    }

    fn unreadable_hint(&self) -> &'static str {
        "export into a bucket; for Spark on this machine: backhaul load spark"
    }

    fn file_url(&self, location: &DataLocation, name: &str) -> String {
        hive::file_url(location, name, "s3")
    }

    fn create_table(&self, schema: &str, table: &Table) -> String {
        let lines = commented_lines(self, table);
        let definition = create_table_if_missing(self, schema, table, &lines);
        let keys = cluster_keys(self, table);
        let cluster = if keys.is_empty() {
            String::new()
        } else {
            format!("\nCLUSTER BY ({keys})")
        };
        let comment = self.text(&table.comment());
        format!("{definition}\nUSING DELTA{cluster}\nCOMMENT {comment};\n")
    }

    fn add_columns(&self, schema: &str, table: &Table) -> String {
        hive::add_columns(self, schema, table)
    }

    fn external_table(&self, schema: &str, table: &Table, location: &DataLocation) -> String {
        hive::external_table(self, schema, table, location)
    }

    fn replace_partition(&self, load: &PartitionLoad<'_>) -> String {
        let PartitionLoad {
            name, condition, ..
        } = load;
        if load.change.files.is_empty() {
            return format!("DELETE FROM {name} WHERE {condition};\n");
        }
        let rows = hive::select_files(self, load, None);
        let check = hive::row_count_check(self, load);
        format!("INSERT INTO {name} REPLACE WHERE {condition}\n{rows};\n{check}")
    }
}
