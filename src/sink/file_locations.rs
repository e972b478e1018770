//! What the files of a partition are called and where their bytes go.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use super::error::{file_error, original_error};
use super::hashing_writer::HashingWriter;
use crate::error::{Error, ErrorCode, Result};

/// Where the files of a partition go.
pub enum Output {
    /// Into an existing folder, as many files as their size and their folders require.
    Folder(PathBuf),
    /// Into one object of this name, whatever its size.
    Object(String, Box<dyn Write + Send>),
}

/// Names the files of a partition and creates them.
pub(super) struct FileLocations {
    target: Target,
    commit_id: String,
    /// What follows a file's name while it is being written.
    staged_suffix: String,
}

enum Target {
    Folder(PathBuf),
    /// The stream is taken when the object is created.
    Object(String, Option<Box<dyn Write + Send>>),
}

impl FileLocations {
    pub fn new(output: Output, commit_id: &str, staged_suffix: &str) -> Self {
        let target = match output {
            Output::Folder(folder) => Target::Folder(folder),
            Output::Object(name, stream) => Target::Object(name, Some(stream)),
        };
        Self {
            target,
            commit_id: commit_id.to_owned(),
            staged_suffix: staged_suffix.to_owned(),
        }
    }

    /// Whether everything goes into one object.
    pub fn is_object(&self) -> bool {
        matches!(self.target, Target::Object(..))
    }

    /// Creates file number `number` in a folder of the partition (empty: its own). Returns the name of its entry.
    ///
    /// # Errors
    /// [`ErrorCode::Destination`] if it cannot be created, [`ErrorCode::Internal`] for a second file of an object.
    pub fn create(&mut self, folder: &str, number: usize) -> Result<(String, HashingWriter)> {
        if let Target::Object(name, stream) = &mut self.target {
            let Some(stream) = stream.take() else {
                return Err(
                    Error::new(ErrorCode::Internal, "object writer started twice")
                        .with_context("object", name.clone()),
                );
            };
            return Ok((name.clone(), HashingWriter::stream(stream)));
        }
        let mut name = format!("part-{number:05}-{}.parquet", self.commit_id);
        if !folder.is_empty() {
            name = format!("{folder}/{name}");
        }
        match create_file(self.path(&name)) {
            Ok(file) => Ok((name, HashingWriter::file(file))),
            Err(error) => Err(self.write_error(&name, error)),
        }
    }

    /// The error for a file that cannot be written.
    pub fn write_error(
        &self,
        name: &str,
        error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Error {
        let error = error.into();
        if let Some(original) = original_error(&*error) {
            return original;
        }
        file_error(&format!("cannot write {name}"), error)
            .with_context("path", self.path(name).display().to_string())
    }

    /// Where a file is while it is being written.
    fn path(&self, name: &str) -> PathBuf {
        match &self.target {
            Target::Folder(folder) => folder.join(format!("{name}{}", self.staged_suffix)),
            Target::Object(name, _) => PathBuf::from(name),
        }
    }
}

fn create_file(path: PathBuf) -> std::io::Result<File> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    File::create_new(path)
}
