//! Counts the rows that repeat the identity of another row, for the export of a task and for its verification.
//!
//! Of each row a digest of its identity is kept, sixteen bytes; beyond a million of them they are spilled to disk in sorted
//! runs, which are merged in the end. So memory does not grow with rows, and the order of rows does not matter.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::fs::File;
use std::io::{BufReader, BufWriter, ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::row::{RowConverter, SortField};
use sha2::{Digest as _, Sha256};

use super::error::{file_error, mismatched_columns};
use crate::error::{Error, ErrorCode, Result};

/// Most digests in memory: 16 MiB.
const MAX_BUFFERED: usize = 1 << 20;

/// Bits of a digest; the group is in the bits above. Two of a billion different identities share a digest with a
/// probability of 10⁻¹¹.
const DIGEST_BITS: u32 = 96;

/// Returns the folder for digests that do not fit in memory; called only then.
type ScratchFolder<'a> = Box<dyn Fn() -> Result<PathBuf> + Send + 'a>;

/// Counts repeated identities, in groups of which each has identities of its own.
pub struct IdentityCounter<'a> {
    columns: Vec<String>,
    converter: Option<RowConverter>,
    buffered: Vec<u128>,
    max_buffered: usize,
    runs: Vec<DigestRun>,
    scratch: ScratchFolder<'a>,
}

impl<'a> IdentityCounter<'a> {
    /// Counts rows that these columns identify; `scratch` returns a folder for what does not fit in memory.
    pub fn new(columns: &[String], scratch: impl Fn() -> Result<PathBuf> + Send + 'a) -> Self {
        Self {
            columns: columns.to_vec(),
            converter: None,
            buffered: Vec::new(),
            max_buffered: MAX_BUFFERED,
            runs: Vec::new(),
            scratch: Box::new(scratch),
        }
    }

    /// Adds rows of a group.
    ///
    /// # Errors
    /// [`ErrorCode::Internal`] if the batch lacks a column of the identity; [`ErrorCode::Destination`] if digests cannot be put on
    /// disk.
    pub fn push(&mut self, group: u32, batch: &RecordBatch) -> Result<()> {
        let mut columns = Vec::with_capacity(self.columns.len());
        for name in &self.columns {
            let Some(column) = batch.column_by_name(name) else {
                let message = format!("rows without the column `{name}` of their identity");
                return Err(Error::new(ErrorCode::Internal, message));
            };
            columns.push(Arc::clone(column));
        }
        let converter = match self.converter.take() {
            Some(converter) => converter,
            None => converter_of(&columns)?,
        };
        let rows = converter
            .convert_columns(&columns)
            .map_err(mismatched_columns)?;
        self.converter = Some(converter);
        for row in &rows {
            self.buffered
                .push((u128::from(group) << DIGEST_BITS) | identity_digest(row.data()));
            if self.buffered.len() >= self.max_buffered {
                self.spill()?;
            }
        }
        Ok(())
    }

    /// Rows of each group that repeat the identity of another row of it, not counting the first of each. Groups without one
    /// are left out.
    ///
    /// # Errors
    /// [`ErrorCode::Destination`] if digests cannot be read from disk.
    pub fn finish(mut self) -> Result<BTreeMap<u32, u64>> {
        let mut repeats = RepeatCounter::default();
        if self.runs.is_empty() {
            self.buffered.sort_unstable();
            for digest in &self.buffered {
                repeats.add(*digest);
            }
            return Ok(repeats.by_group);
        }
        self.spill()?;
        let mut readers = Vec::with_capacity(self.runs.len());
        let mut heap = BinaryHeap::new();
        for (index, run) in self.runs.iter().enumerate() {
            let mut reader = run.read()?;
            if let Some(digest) = read_digest(&mut reader)? {
                heap.push(Reverse((digest, index)));
            }
            readers.push(reader);
        }
        while let Some(Reverse((digest, index))) = heap.pop() {
            repeats.add(digest);
            if let Some(reader) = readers.get_mut(index)
                && let Some(digest) = read_digest(reader)?
            {
                heap.push(Reverse((digest, index)));
            }
        }
        Ok(repeats.by_group)
    }

    fn spill(&mut self) -> Result<()> {
        if self.buffered.is_empty() {
            return Ok(());
        }
        self.buffered.sort_unstable();
        let run = DigestRun::write(&(self.scratch)()?, &self.buffered)?;
        self.runs.push(run);
        self.buffered.clear();
        Ok(())
    }
}

fn converter_of(columns: &[ArrayRef]) -> Result<RowConverter> {
    let fields = columns
        .iter()
        .map(|column| SortField::new(column.data_type().clone()))
        .collect();
    RowConverter::new(fields).map_err(mismatched_columns)
}

/// The digest of an identity, in the lower [`DIGEST_BITS`].
fn identity_digest(identity: &[u8]) -> u128 {
    let mut digest = 0;
    for byte in Sha256::digest(identity).iter().take(12) {
        digest = (digest << 8) | u128::from(*byte);
    }
    digest
}

/// Counts equal neighbours among digests that come in order.
#[derive(Default)]
struct RepeatCounter {
    last: Option<u128>,
    by_group: BTreeMap<u32, u64>,
}

impl RepeatCounter {
    fn add(&mut self, digest: u128) {
        if self.last.replace(digest) == Some(digest) {
            let group = u32::try_from(digest >> DIGEST_BITS).unwrap_or(u32::MAX);
            *self.by_group.entry(group).or_default() += 1;
        }
    }
}

/// Sorted digests on disk. The file is deleted when it is dropped.
struct DigestRun {
    path: PathBuf,
}

impl Drop for DigestRun {
    fn drop(&mut self) {
        // The scratch folder is deleted in the end, so a file that is left does no harm.
        let _ = std::fs::remove_file(&self.path);
    }
}

impl DigestRun {
    fn write(folder: &Path, digests: &[u128]) -> Result<Self> {
        let path = folder.join(format!("identities-{:016x}", fastrand::u64(..)));
        let file =
            File::create_new(&path).map_err(|error| file_error("cannot write digests", error))?;
        let run = Self { path };
        let mut writer = BufWriter::new(file);
        for digest in digests {
            writer
                .write_all(&digest.to_be_bytes())
                .map_err(|error| file_error("cannot write digests", error))?;
        }
        writer
            .flush()
            .map_err(|error| file_error("cannot write digests", error))?;
        Ok(run)
    }

    fn read(&self) -> Result<BufReader<File>> {
        File::open(&self.path)
            .map(BufReader::new)
            .map_err(|error| file_error("cannot read digests", error))
    }
}

fn read_digest(reader: &mut BufReader<File>) -> Result<Option<u128>> {
    let mut bytes = [0; 16];
    match reader.read_exact(&mut bytes) {
        Ok(()) => Ok(Some(u128::from_be_bytes(bytes))),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(file_error("cannot read digests", error)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array};

    use super::*;

    fn batch(values: &[Option<i64>]) -> RecordBatch {
        let column: ArrayRef = Arc::new(values.iter().copied().collect::<Int64Array>());
        RecordBatch::try_from_iter([("id", column)]).expect("fits")
    }

    fn count(max_buffered: usize) -> BTreeMap<u32, u64> {
        let folder = tempfile::tempdir().expect("temp dir");
        let mut counter = IdentityCounter::new(&["id".to_owned()], || Ok(folder.path().to_owned()));
        counter.max_buffered = max_buffered;
        counter
            .push(0, &batch(&[Some(1), Some(2), Some(1), None]))
            .expect("counts");
        counter
            .push(7, &batch(&[Some(1), Some(2), Some(3)]))
            .expect("counts");
        counter
            .push(0, &batch(&[Some(2), None, Some(1)]))
            .expect("counts");
        let repeats = counter.finish().expect("counts");
        assert_eq!(
            std::fs::read_dir(folder.path()).expect("listable").count(),
            0
        );
        repeats
    }

    #[test]
    fn repeats_are_counted_within_a_group_in_any_order_and_null_is_a_value() {
        assert_eq!(count(1_000), BTreeMap::from([(0, 4)]));
    }

    #[test]
    fn what_does_not_fit_in_memory_is_counted_alike() {
        for max_buffered in 1..12 {
            assert_eq!(
                count(max_buffered),
                BTreeMap::from([(0, 4)]),
                "{max_buffered} in memory"
            );
        }
    }
}
