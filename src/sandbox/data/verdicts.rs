//! Which rows of a table pass a filter, as far as that was evaluated.

use std::sync::atomic::{AtomicU8, Ordering};

const UNKNOWN: u8 = 0;
const PASSES: u8 = 1;
const FAILS: u8 = 2;

/// For each row whether a filter lets it pass, if that is known.
#[derive(Debug)]
pub(crate) struct Verdicts(Vec<AtomicU8>);

impl Verdicts {
    pub(crate) const BYTES_PER_ROW: usize = size_of::<AtomicU8>();

    /// Nothing is known of any row.
    pub(crate) fn unknown(num_rows: usize) -> Self {
        let mut verdicts = Vec::with_capacity(num_rows);
        verdicts.resize_with(num_rows, || AtomicU8::new(UNKNOWN));
        Self(verdicts)
    }

    /// The verdict on a row, if it is known.
    pub(crate) fn get(&self, row: u32) -> Option<bool> {
        let verdict = self.0.get(index(row))?;
        match verdict.load(Ordering::Relaxed) {
            UNKNOWN => None,
            verdict => Some(verdict == PASSES),
        }
    }

    /// Records a verdict. All threads compute the same one for a row, so no order between them matters.
    pub(crate) fn set(&self, row: u32, passes: bool) {
        if let Some(verdict) = self.0.get(index(row)) {
            verdict.store(if passes { PASSES } else { FAILS }, Ordering::Relaxed);
        }
    }
}

fn index(row: u32) -> usize {
    usize::try_from(row).unwrap_or(usize::MAX)
}
