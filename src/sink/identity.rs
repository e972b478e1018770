//! How many rows repeat the identity of another: counted alike where a task is exported and where it is verified.
//!
//! Of each row a digest of its identity is kept, sixteen bytes; what is more than a million of them goes to disk in sorted
//! runs, which are merged in the end. So memory does not grow with rows, and the order of rows does not matter.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::fs::File;
use std::io::{BufReader, BufWriter, ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::row::{RowConverter, SortField};
use sha2::{Digest as _, Sha256};

use super::{destination, internal};
use crate::error::{Code, Error, Result};

/// Digests in memory: 16 MiB.
const MAX_HELD: usize = 1 << 20;

/// Bits of a digest: the group stands above them. Two of a billion different identities share one with a chance of one in
/// 10¹¹.
const DIGEST_BITS: u32 = 96;

/// Gives the folder for digests that do not fit in memory; asked only then.
type Scratch<'a> = Box<dyn Fn() -> Result<PathBuf> + Send + 'a>;

/// Counts repeated identities, in groups of which each has identities of its own.
pub struct IdentityCounter<'a> {
    columns: Vec<String>,
    converter: Option<RowConverter>,
    held: Vec<u128>,
    max_held: usize,
    runs: Vec<DigestRun>,
    scratch: Scratch<'a>,
}

impl<'a> IdentityCounter<'a> {
    /// Of rows that these columns identify.
    pub fn new(columns: &[String], scratch: impl Fn() -> Result<PathBuf> + Send + 'a) -> Self {
        Self {
            columns: columns.to_vec(),
            converter: None,
            held: Vec::new(),
            max_held: MAX_HELD,
            runs: Vec::new(),
            scratch: Box::new(scratch),
        }
    }

    /// Adds rows of a group.
    ///
    /// # Errors
    /// [`Code::Internal`] if the batch lacks a column of the identity; [`Code::Destination`] if digests cannot be put on
    /// disk.
    pub fn push(&mut self, group: u32, batch: &RecordBatch) -> Result<()> {
        let mut columns = Vec::with_capacity(self.columns.len());
        for name in &self.columns {
            let column = batch.column_by_name(name);
            let lacking = || {
                Error::new(
                    Code::Internal,
                    format!("rows without the column `{name}` of their identity"),
                )
            };
            columns.push(column.cloned().ok_or_else(lacking)?);
        }
        let converter = if let Some(converter) = self.converter.take() {
            converter
        } else {
            let fields = columns
                .iter()
                .map(|column| SortField::new(column.data_type().clone()))
                .collect();
            RowConverter::new(fields).map_err(internal)?
        };
        let rows = converter.convert_columns(&columns).map_err(internal)?;
        self.converter = Some(converter);
        for row in &rows {
            self.held
                .push((u128::from(group) << DIGEST_BITS) | digest(row.data()));
            if self.held.len() >= self.max_held {
                self.spill()?;
            }
        }
        Ok(())
    }

    /// Rows of each group that repeat the identity of another row of it, not counting the first of each. Groups without one
    /// are left out.
    ///
    /// # Errors
    /// [`Code::Destination`] if digests cannot be read from disk.
    pub fn finish(mut self) -> Result<BTreeMap<u32, u64>> {
        let mut repeats = Repeats::default();
        if self.runs.is_empty() {
            self.held.sort_unstable();
            self.held.iter().for_each(|digest| repeats.see(*digest));
            return Ok(repeats.found);
        }
        self.spill()?;
        let mut readers = self
            .runs
            .iter()
            .map(DigestRun::read)
            .collect::<Result<Vec<_>>>()?;
        let mut heap = BinaryHeap::new();
        for (index, reader) in readers.iter_mut().enumerate() {
            heap.extend(next(reader)?.map(|digest| Reverse((digest, index))));
        }
        while let Some(Reverse((digest, index))) = heap.pop() {
            repeats.see(digest);
            if let Some(reader) = readers.get_mut(index) {
                heap.extend(next(reader)?.map(|digest| Reverse((digest, index))));
            }
        }
        Ok(repeats.found)
    }

    fn spill(&mut self) -> Result<()> {
        if self.held.is_empty() {
            return Ok(());
        }
        self.held.sort_unstable();
        self.runs
            .push(DigestRun::write(&(self.scratch)()?, &self.held)?);
        self.held.clear();
        Ok(())
    }
}

/// The digest of an identity, in the lower [`DIGEST_BITS`].
fn digest(identity: &[u8]) -> u128 {
    let hash = Sha256::digest(identity);
    hash.iter()
        .take(12)
        .fold(0, |digest, byte| (digest << 8) | u128::from(*byte))
}

/// Looks at digests in order.
#[derive(Default)]
struct Repeats {
    last: Option<u128>,
    found: BTreeMap<u32, u64>,
}

impl Repeats {
    fn see(&mut self, digest: u128) {
        if self.last.replace(digest) == Some(digest) {
            let group = u32::try_from(digest >> DIGEST_BITS).unwrap_or(u32::MAX);
            *self.found.entry(group).or_default() += 1;
        }
    }
}

/// Sorted digests on disk; the file goes with it.
struct DigestRun {
    path: PathBuf,
}

impl Drop for DigestRun {
    fn drop(&mut self) {
        // The scratch folder goes as a whole in the end.
        let _ = std::fs::remove_file(&self.path);
    }
}

impl DigestRun {
    fn write(folder: &Path, digests: &[u128]) -> Result<Self> {
        let path = folder.join(format!("identities-{:016x}", fastrand::u64(..)));
        let file =
            File::create_new(&path).map_err(|error| destination("cannot write digests", error))?;
        let run = Self { path };
        let mut writer = BufWriter::new(file);
        for digest in digests {
            writer
                .write_all(&digest.to_be_bytes())
                .map_err(|error| destination("cannot write digests", error))?;
        }
        writer
            .flush()
            .map_err(|error| destination("cannot write digests", error))?;
        Ok(run)
    }

    fn read(&self) -> Result<BufReader<File>> {
        File::open(&self.path)
            .map(BufReader::new)
            .map_err(|error| destination("cannot read digests", error))
    }
}

fn next(reader: &mut BufReader<File>) -> Result<Option<u128>> {
    let mut bytes = [0; 16];
    match reader.read_exact(&mut bytes) {
        Ok(()) => Ok(Some(u128::from_be_bytes(bytes))),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(destination("cannot read digests", error)),
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

    fn count(max_held: usize) -> BTreeMap<u32, u64> {
        let folder = tempfile::tempdir().expect("temp dir");
        let mut counter = IdentityCounter::new(&["id".to_owned()], || Ok(folder.path().to_owned()));
        counter.max_held = max_held;
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
        for max_held in 1..12 {
            assert_eq!(
                count(max_held),
                BTreeMap::from([(0, 4)]),
                "{max_held} in memory"
            );
        }
    }
}
