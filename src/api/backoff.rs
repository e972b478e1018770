//! How long to wait before an attempt: full jitter between a floor and a ceiling that doubles.

use std::time::Duration;

/// Attempts for one request at most, the first included.
pub const MAX_ATTEMPTS: usize = 8;

const FLOOR: Duration = Duration::from_millis(500);
const CEILING: Duration = Duration::from_secs(30);

/// The waits between attempts, each drawn evenly from the floor to a ceiling that doubles up to 30 s.
///
/// `backon`'s own jitter adds to the exponential wait; full jitter spreads a crowd of clients better.
#[derive(Debug)]
pub struct FullJitter {
    random: fastrand::Rng,
    ceiling: Duration,
    scale: f64,
    left: usize,
}

impl FullJitter {
    /// The waits after the first attempt. `scale` shortens all of them (1.0 outside tests).
    pub fn new(seed: u64, scale: f64) -> Self {
        Self {
            random: fastrand::Rng::with_seed(seed),
            ceiling: FLOOR * 2,
            scale,
            left: MAX_ATTEMPTS - 1,
        }
    }
}

impl Iterator for FullJitter {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        self.left = self.left.checked_sub(1)?;
        let wait = FLOOR
            + self
                .ceiling
                .saturating_sub(FLOOR)
                .mul_f64(self.random.f64());
        self.ceiling = (self.ceiling * 2).min(CEILING);
        Some(wait.mul_f64(self.scale))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_stay_between_floor_and_ceiling_and_end() {
        for seed in 0..1000 {
            let waits: Vec<_> = FullJitter::new(seed, 1.0).collect();
            assert_eq!(waits.len(), MAX_ATTEMPTS - 1);
            assert!(
                waits.iter().all(|wait| (FLOOR..=CEILING).contains(wait)),
                "{waits:?}"
            );
        }
    }
}
