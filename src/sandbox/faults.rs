//! Faults: what goes wrong between the API and its client, with which probability.
//!
//! At most one fault strikes a request; which one depends on the seed and the request's number alone.

use std::str::FromStr;

use super::hash::Dice;
use crate::error::{Code, Error};

/// One thing that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// 429 without `Retry-After`, or with `Retry-After: 1`. Not charged.
    TooManyRequests,
    /// 500. Not charged.
    InternalError,
    /// 502. Not charged.
    BadGateway,
    /// 503. Not charged.
    Unavailable,
    /// 502 with an HTML page. Not charged.
    Html,
    /// The connection is reset before anything was answered. Not charged.
    Reset,
    /// No answer ever comes. Not charged.
    Hang,
    /// The answer comes two seconds late. Charged, not lost.
    Slow,
    /// The body ends early. Charged and lost.
    Truncate,
    /// 200 with a body that is no JSON. Charged and lost.
    Garbage,
    /// The connection drops instead of an answer. Charged and lost.
    Lost,
}

impl Fault {
    /// Every fault.
    pub const ALL: [Self; 11] = [
        Self::TooManyRequests,
        Self::InternalError,
        Self::BadGateway,
        Self::Unavailable,
        Self::Html,
        Self::Reset,
        Self::Hang,
        Self::Slow,
        Self::Truncate,
        Self::Garbage,
        Self::Lost,
    ];

    /// The name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TooManyRequests => "429",
            Self::InternalError => "500",
            Self::BadGateway => "502",
            Self::Unavailable => "503",
            Self::Html => "html",
            Self::Reset => "reset",
            Self::Hang => "hang",
            Self::Slow => "slow",
            Self::Truncate => "truncate",
            Self::Garbage => "garbage",
            Self::Lost => "lost",
        }
    }

    /// Whether the client pays for an answer that it does not get.
    pub fn loses_units(self) -> bool {
        matches!(self, Self::Truncate | Self::Garbage | Self::Lost)
    }
}

impl FromStr for Fault {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|fault| fault.as_str() == name)
            .ok_or_else(|| {
                let known: Vec<_> = Self::ALL.iter().map(|fault| fault.as_str()).collect();
                Error::new(Code::Usage, format!("no fault `{name}`"))
                    .with_next(format!("use some of {}", known.join(", ")))
            })
    }
}

/// Faults with their probabilities; written `429=0.05,reset=0.02`. Empty: nothing goes wrong.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Faults(Vec<(Fault, f64)>);

impl Faults {
    /// What strikes the request with this dice.
    pub(super) fn strike(&self, dice: Dice) -> Option<Fault> {
        let drawn = dice.unit();
        let mut reached = 0.0;
        self.0.iter().find_map(|(fault, probability)| {
            reached += probability;
            (drawn < reached).then_some(*fault)
        })
    }
}

impl FromStr for Faults {
    type Err = Error;

    fn from_str(spec: &str) -> Result<Self, Error> {
        let mut faults = Vec::new();
        for part in spec
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
        {
            let (kind, probability) = part.split_once('=').ok_or_else(|| {
                Error::new(Code::Usage, format!("fault `{part}` has no probability"))
                    .with_next("write kind=probability, for example 429=0.05")
            })?;
            let fault: Fault = kind.trim().parse()?;
            let number = probability
                .trim()
                .parse::<f64>()
                .ok()
                .filter(|number| (0.0..=1.0).contains(number));
            let Some(number) = number else {
                return Err(Error::new(
                    Code::Usage,
                    format!("`{probability}` is no probability for fault `{kind}`"),
                )
                .with_next("write a number from 0 to 1"));
            };
            if faults.iter().any(|(known, _)| *known == fault) {
                return Err(Error::new(
                    Code::Usage,
                    format!("fault `{kind}` is named twice"),
                ));
            }
            faults.push((fault, number));
        }
        let sum: f64 = faults.iter().map(|(_, probability)| probability).sum();
        if sum > 1.0 {
            return Err(Error::new(
                Code::Usage,
                format!("the faults' probabilities add up to {sum}, more than 1"),
            ));
        }
        Ok(Self(faults))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_strike_about_as_often_as_asked() {
        let faults: Faults = "429=0.1, lost=0.2".parse().unwrap();
        let struck: Vec<_> = (0..10_000)
            .filter_map(|number| faults.strike(Dice::new(1).at(number)))
            .collect();
        let lost = struck.iter().filter(|fault| **fault == Fault::Lost).count();
        assert!((1_800..2_200).contains(&lost), "{lost}");
        assert!(
            (900..1_100).contains(&(struck.len() - lost)),
            "{}",
            struck.len() - lost
        );
    }

    #[test]
    fn a_wrong_spec_is_refused_with_its_wrong_part() {
        for (spec, message) in [
            ("418=0.1", "no fault `418`"),
            ("reset", "fault `reset` has no probability"),
            ("reset=2", "`2` is no probability for fault `reset`"),
            ("reset=0.1,reset=0.1", "fault `reset` is named twice"),
            (
                "reset=0.6,hang=0.6",
                "the faults' probabilities add up to 1.2, more than 1",
            ),
        ] {
            assert_eq!(spec.parse::<Faults>().unwrap_err().to_string(), message);
        }
    }
}
