//! The verdicts of a probe as they are kept.

use chrono::{Days, NaiveDate};
use serde::{Deserialize, Serialize};

use crate::paging::assumption::Verdicts;

/// Days for which the verdicts of a probe are used.
const VALID_DAYS: u64 = 30;

/// Verdicts and the day on which they were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeResult {
    /// The verdicts.
    pub verdicts: Verdicts,
    /// When they were found.
    pub made_on: NaiveDate,
}

impl ProbeResult {
    /// Whether it is still used on `day`.
    pub fn is_fresh(&self, day: NaiveDate) -> bool {
        match self.made_on.checked_add_days(Days::new(VALID_DAYS)) {
            Some(end) => self.made_on <= day && day < end,
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_used_for_thirty_days() {
        let made_on = NaiveDate::from_ymd_opt(2026, 11, 1).unwrap();
        let result = ProbeResult {
            verdicts: Verdicts::default(),
            made_on,
        };
        assert!(result.is_fresh(made_on));
        assert!(result.is_fresh(made_on + Days::new(29)));
        assert!(!result.is_fresh(made_on + Days::new(30)));
        assert!(!result.is_fresh(made_on - Days::new(1)));
        let json = serde_json::to_string(&result).unwrap();
        assert_eq!(serde_json::from_str::<ProbeResult>(&json).unwrap(), result);
    }
}
