//! All state of a sandbox.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::meter::{Meter, Stats};
use super::table_cache::TableCache;
use crate::sandbox::options::Options;

/// All state of a sandbox.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) options: Arc<Options>,
    pub(crate) tables: TableCache,
    meter: Mutex<Meter>,
}

impl Server {
    pub(crate) fn new(options: Options) -> Self {
        let meter = Meter::new(options.units, options.requests_per_minute);
        let options = Arc::new(options);
        Self {
            tables: TableCache::new(Arc::clone(&options)),
            meter: Mutex::new(meter),
            options,
        }
    }

    pub(crate) fn meter(&self) -> MutexGuard<'_, Meter> {
        self.meter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was served since the start or the last reset.
    pub(crate) fn stats(&self) -> Stats {
        self.meter().stats.clone()
    }

    /// Clears what was served, and what it cost.
    pub(crate) fn reset(&self) -> Stats {
        let mut meter = self.meter();
        meter.reset();
        meter.stats.clone()
    }
}
