//! `every` of a report: how often it is fetched.

use std::fmt;

/// A year: a longer cadence would be a mistake.
const MAX_DAYS: u32 = 366;

/// How often a report is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cadence {
    /// Every so many nights, at least 1.
    Days(u32),
    /// Once in each month of the calendar.
    Month,
}

impl Cadence {
    /// Every night: the default.
    pub const DAY: Self = Self::Days(1);

    /// Its period in nights; of a month 30.
    pub fn nights(self) -> u32 {
        match self {
            Self::Days(days) => days,
            Self::Month => 30,
        }
    }

    /// `day`, `week`, `month`, or days such as `10d`.
    ///
    /// # Errors
    /// What can be written.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        const HELP: &str = "day, week, month, or days such as `10d`";
        match text {
            "day" => Ok(Self::DAY),
            "week" => Ok(Self::Days(7)),
            "month" => Ok(Self::Month),
            other => {
                let days = other.strip_suffix('d').ok_or(HELP)?;
                let is_number = days.bytes().all(|byte| byte.is_ascii_digit());
                match days.parse() {
                    Ok(days @ 1..=MAX_DAYS) if is_number => Ok(Self::Days(days)),
                    _ => Err(HELP),
                }
            }
        }
    }
}

impl fmt::Display for Cadence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Days(1) => f.write_str("day"),
            Self::Days(7) => f.write_str("week"),
            Self::Days(days) => write!(f, "{days}d"),
            Self::Month => f.write_str("month"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cadences_are_read_and_shown_as_the_file_writes_them() {
        for text in ["day", "week", "month", "10d", "2d", "366d"] {
            assert_eq!(Cadence::parse(text).expect(text).to_string(), text);
        }
        assert_eq!(Cadence::parse("1d"), Ok(Cadence::DAY));
        assert_eq!(Cadence::parse("7d"), Ok(Cadence::Days(7)));
        for text in [
            "",
            "d",
            "0d",
            "-1d",
            "+1d",
            "1.5d",
            "10",
            "weeks",
            "367d",
            "99999999999d",
        ] {
            assert!(Cadence::parse(text).is_err(), "{text}");
        }
    }
}
