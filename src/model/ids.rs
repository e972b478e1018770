//! Identifiers: each is text of its own type, so that one cannot be passed for another.

use std::borrow::Borrow;
use std::fmt;

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::{Deserialize, Serialize};

/// Declares an identifier: text on disk, in messages and in look-ups.
macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The identifier with this text.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// Its text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

text_id! {
    /// Identifies a task over all nights: a hash of report, endpoint, target and what else varies, as 16 hexadecimal digits.
    TaskId
}

text_id! {
    /// Identifies a run: the second in which it started and a random number, `20261123T021507Z-1f3a9c04`. Sorts by time.
    RunId
}

/// How the start of a run is written in its id.
const RUN_START: &str = "%Y%m%dT%H%M%SZ";

impl RunId {
    /// The id of a run that starts at `time`.
    pub fn starting_at(time: DateTime<Utc>, random: u32) -> Self {
        Self(format!("{}-{random:08x}", time.format(RUN_START)))
    }

    /// When the run started; `None` if the id does not say.
    pub fn started_at(&self) -> Option<NaiveDateTime> {
        let start = self.0.split('-').next()?;
        NaiveDateTime::parse_from_str(start, RUN_START).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_a_run_says_when_it_started() {
        let time = "2026-11-23T02:15:07Z".parse().expect("a time");
        let run = RunId::starting_at(time, 0x1f3a_9c04);
        assert_eq!(run.as_str(), "20261123T021507Z-1f3a9c04");
        assert_eq!(run.started_at(), Some(time.naive_utc()));
        assert_eq!(RunId::new("r1").started_at(), None);
    }
}
