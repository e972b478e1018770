//! How long requests take, by what committed tasks took.

use crate::table::manifest::TaskEntry;

/// `RequestDurations` of a request where nothing was measured; four are under way at a time.
const SECONDS_A_REQUEST: f64 = 2.0;

/// Time that requests took.
#[derive(Debug, Default)]
pub(crate) struct RequestDurations {
    requests: u64,
    micros: u64,
}

impl RequestDurations {
    /// Adds what a committed task took.
    pub fn add(&mut self, entry: &TaskEntry) {
        // From the first answer to the last lie one fewer waits than answers.
        if let (true, Ok(micros)) = (
            entry.requests > 1,
            u64::try_from(entry.exported_at - entry.started_at),
        ) {
            self.requests += entry.requests - 1;
            self.micros += micros;
        }
    }

    /// Of one request.
    pub fn mean(&self) -> f64 {
        if self.requests == 0 {
            SECONDS_A_REQUEST
        } else {
            as_float(self.micros) / 1e6 / as_float(self.requests)
        }
    }
}

/// Rounding in the sixteenth digit does not matter to minutes.
#[expect(clippy::cast_precision_loss, reason = "minutes need no more digits")]
pub(crate) fn as_float(number: u64) -> f64 {
    number as f64
}
