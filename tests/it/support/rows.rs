//! Rows of Parquet files in forms that can be compared.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use arrow::array::ArrayRef;
use backhaul::catalog::{Catalog, ColumnKind};
use backhaul::model::hex;
use sha2::{Digest as _, Sha256};

use super::context::TestContext;
use super::values::{canonical_arrow, canonical_typed};

impl TestContext {
    /// Every row of a table, in all its partitions, as the named columns of its endpoint; canonical and sorted.
    pub fn table_rows(&self, report: &str, endpoint: &str, names: &[String]) -> Vec<Vec<String>> {
        let described = Catalog::embedded().endpoint(endpoint).unwrap();
        let kind = |name: &String| described.column(name).map(|column| &column.kind);
        let mut rows = Vec::new();
        for path in parquet_files(&self.destination().join(report)) {
            for batch in backhaul::sink::read_batches(&path, None).unwrap() {
                let batch = batch.unwrap();
                let columns: Vec<(Option<&ColumnKind>, ArrayRef)> = names
                    .iter()
                    .map(|name| (kind(name), batch.column_by_name(name).unwrap().clone()))
                    .collect();
                for row in 0..batch.num_rows() {
                    let cell = |(kind, column): &(Option<&ColumnKind>, ArrayRef)| match kind {
                        Some(kind) => canonical_typed(kind, column, row),
                        None => canonical_arrow(column, row),
                    };
                    rows.push(columns.iter().map(cell).collect());
                }
            }
        }
        rows.sort();
        rows
    }

    /// Every row of a table as a map from column to text, without the quotes of strings.
    pub fn text_rows(&self, table: &str) -> Vec<BTreeMap<String, String>> {
        let mut rows = Vec::new();
        for path in parquet_files(&self.destination().join(table)) {
            for batch in backhaul::sink::read_batches(&path, None).unwrap() {
                let batch = batch.unwrap();
                let schema = batch.schema();
                for row in 0..batch.num_rows() {
                    let mut cells = BTreeMap::new();
                    for (field, column) in schema.fields().iter().zip(batch.columns()) {
                        let text = canonical_arrow(column, row);
                        cells.insert(field.name().clone(), text.trim_matches('"').to_owned());
                    }
                    rows.push(cells);
                }
            }
        }
        rows
    }
}

/// Rows of every file below a folder, all columns, as sorted text.
pub fn read_rows(folder: &std::path::Path) -> Vec<String> {
    let mut rows = Vec::new();
    for file in parquet_files(folder) {
        for batch in backhaul::sink::read_batches(&file, None).unwrap() {
            let batch = batch.unwrap();
            let row = |row| {
                batch
                    .columns()
                    .iter()
                    .map(|column| canonical_arrow(column, row))
                    .collect::<Vec<_>>()
                    .join("|")
            };
            rows.extend((0..batch.num_rows()).map(row));
        }
    }
    rows.sort();
    rows
}

/// Parquet files below a folder, in order.
pub fn parquet_files(folder: &std::path::Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|extension| extension == "parquet")
            {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// Size of a file and its SHA-256, as manifests record them.
pub fn size_and_hash(path: &Path) -> (u64, String) {
    let bytes = std::fs::read(path).unwrap();
    let size = u64::try_from(bytes.len()).unwrap();
    (size, hex(&Sha256::digest(&bytes)))
}
