//! Sorted runs that did not fit in memory, as Arrow IPC files in a scratch directory.

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use arrow::ipc::CompressionType;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::{IpcWriteOptions, StreamWriter};

use super::error::{file_error, mismatched_columns};
use crate::error::Result;

/// A sorted run on disk. Its file is deleted when it is dropped.
#[derive(Debug)]
pub(super) struct SpilledRun {
    path: PathBuf,
    /// How many merges its rows went through.
    pub level: u32,
}

impl Drop for SpilledRun {
    fn drop(&mut self) {
        // The scratch directory is deleted in the end; a file that cannot be deleted now only takes space until then.
        let _ = std::fs::remove_file(&self.path);
    }
}

impl SpilledRun {
    /// Reads its batches, in order.
    pub fn read(&self) -> Result<impl Iterator<Item = Result<RecordBatch>> + Send + use<>> {
        let file = File::open(&self.path)
            .map_err(|error| file_error("cannot read a sorted run", error))?;
        let reader =
            StreamReader::try_new(BufReader::new(file), None).map_err(mismatched_columns)?;
        Ok(
            reader
                .map(|batch| batch.map_err(|error| file_error("cannot read a sorted run", error))),
        )
    }
}

/// Writes the file of one run.
pub(super) struct RunWriter {
    run: SpilledRun,
    writer: StreamWriter<BufWriter<File>>,
}

impl RunWriter {
    /// Creates the file; it must not exist.
    pub fn create(directory: &Path, name: &str, schema: &Schema, level: u32) -> Result<Self> {
        let path = directory.join(name);
        let file = File::create_new(&path).map_err(|error| {
            file_error("cannot write a sorted run", error)
                .with_context("path", path.display().to_string())
        })?;
        let options = IpcWriteOptions::default()
            .try_with_compression(Some(CompressionType::LZ4_FRAME))
            .map_err(mismatched_columns)?;
        let run = SpilledRun { path, level };
        let writer = StreamWriter::try_new_with_options(BufWriter::new(file), schema, options)
            .map_err(mismatched_columns)?;
        Ok(Self { run, writer })
    }

    /// Adds a batch.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.writer
            .write(batch)
            .map_err(|error| file_error("cannot write a sorted run", error))
    }

    /// Finishes the file.
    pub fn close(mut self) -> Result<SpilledRun> {
        self.writer
            .finish()
            .map_err(|error| file_error("cannot write a sorted run", error))?;
        Ok(self.run)
    }
}
