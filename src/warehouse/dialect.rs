//! What differs between the engines: one trait, implemented by one file an engine in `dialects/`.

use chrono::NaiveDate;

use super::data_location::{Bucket, DataLocation, LocationKind, StorageService};
use super::partition_load::PartitionLoad;
use super::quoting::standard_text;
use super::table::Table;
use super::table_load::LoadMethod;
use crate::table::ColumnType;

/// How to run an engine's own client on a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClientCommand {
    /// The program.
    pub(crate) program: &'static str,
    /// Its arguments; the script is its standard input.
    pub(crate) arguments: Vec<String>,
    /// How to install it.
    pub(crate) install_hint: &'static str,
}

/// How an engine spells names, values, types and statements.
pub(crate) trait SqlDialect: Sync {
    /// Its name on the command line and in files.
    fn name(&self) -> &'static str;

    /// Its name as people write it.
    fn title(&self) -> &'static str;

    // Names and values

    /// A column's name as it is written in a statement.
    fn column(&self, name: &str) -> String;

    /// The name of a table or view. These are named by `[a-z][a-z0-9_]*`.
    fn object(&self, schema: &str, name: &str) -> String {
        format!("{schema}.{}", self.column(name))
    }

    /// Whether the part before the dot of a schema's name may have hyphens.
    fn allows_project_names(&self) -> bool {
        false
    }

    /// Text as it is written in a statement.
    fn text(&self, value: &str) -> String {
        standard_text(value)
    }

    /// A day as a value of a date column.
    fn date(&self, day: NaiveDate) -> String {
        format!("DATE '{day}'")
    }

    /// The start of a day in UTC as a value of a timestamp column.
    fn timestamp(&self, day: NaiveDate) -> String {
        format!("TIMESTAMP '{day} 00:00:00'")
    }

    /// A value, as text, of a JSON object that is stored as text; null where the object has no such key.
    fn json_value(&self, text: &str, key: &str) -> String;

    /// The type of a column in a table's definition.
    fn type_name(&self, kind: &ColumnType) -> String;

    /// US cents in dollars.
    fn dollars(&self, cents: &str) -> String {
        format!("{cents} / 100.0")
    }

    // Files

    /// Where the engine can read files.
    fn readable_from(&self) -> &'static [LocationKind] {
        &LocationKind::ALL
    }

    /// What to do about files that are elsewhere.
    fn unreadable_hint(&self) -> &'static str {
        "export into a bucket that it reads, or load another engine"
    }

    /// Where the engine can have tables over files, instead of copies.
    fn external_from(&self) -> &'static [LocationKind] {
        self.readable_from()
    }

    /// The service of the bucket in examples.
    fn example_service(&self) -> StorageService {
        StorageService::S3
    }

    /// A file or folder, named from the root of the destination, as the engine opens it.
    fn file_url(&self, location: &DataLocation, name: &str) -> String {
        match location {
            DataLocation::Folder(root) => format!("{root}/{name}"),
            DataLocation::Bucket(bucket) => self.object_url(bucket, name),
        }
    }

    /// The same in a bucket.
    fn object_url(&self, bucket: &Bucket, name: &str) -> String {
        let Bucket {
            name: container, ..
        } = bucket;
        let object = bucket.object_name(name);
        match bucket.service {
            StorageService::S3 => format!("s3://{container}/{object}"),
            StorageService::Google => format!("gs://{container}/{object}"),
            StorageService::Azure => format!(
                "azure://{}.blob.core.windows.net/{container}/{object}",
                bucket.account_name()
            ),
        }
    }

    // Statements

    /// The ways in which it can be given rows; the first is the default.
    fn load_methods(&self) -> &'static [LoadMethod] {
        &[LoadMethod::Copy, LoadMethod::External]
    }

    /// What has to exist before files can be read: schema, secrets, stages. May be run again.
    fn setup(&self, schema: &str, _location: &DataLocation, _method: LoadMethod) -> String {
        format!("CREATE SCHEMA IF NOT EXISTS {schema};\n")
    }

    /// Creates a table for copies of the files' rows, if it does not exist.
    fn create_table(&self, schema: &str, table: &Table) -> String;

    /// Adds the columns that an older table may lack: tables only gain columns, at their end.
    fn add_columns(&self, _schema: &str, _table: &Table) -> String {
        String::new()
    }

    /// Comments of a table and its columns, for engines that take none inside a definition.
    fn comment_statements(&self, _schema: &str, _table: &Table) -> String {
        String::new()
    }

    /// The comment of a column inside a definition.
    fn column_comment(&self, about: &str) -> String {
        format!(" COMMENT {}", self.text(about))
    }

    /// Creates a table or view over the files in place.
    fn external_table(&self, schema: &str, table: &Table, location: &DataLocation) -> String;

    /// Creates the table of [`LoadMethod::Direct`].
    fn direct_table(&self, _schema: &str, _table: &Table) -> String {
        String::new()
    }

    /// Replaces the rows of a partition in the warehouse by those of its files, and checks their number.
    fn replace_partition(&self, _load: &PartitionLoad<'_>) -> String {
        String::new()
    }

    /// What follows the query of a view.
    fn view_suffix(&self) -> &'static str {
        ""
    }

    /// The engine's own client, which keeps its own credentials; `None` if it has none that reads a script. `database` is
    /// what the client is to open, where one is named.
    fn client(&self, _database: Option<&str>) -> Option<ClientCommand> {
        None
    }
}
