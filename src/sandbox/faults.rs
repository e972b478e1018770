//! Faults: what goes wrong between the API and its client, with which probability.
//!
//! At most one fault is injected into a request; which one depends on the seed and the request's number alone.

use std::str::FromStr;

use super::seeded::Seeded;
use crate::error::{Error, ErrorCode};

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
    /// 200 with a body that is not JSON. Charged and lost.
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

    /// Whether an answer is computed first: the fault is then done to the answer.
    pub(crate) fn affects_answer(self) -> bool {
        self.loses_units() || self == Self::Slow
    }

    /// Whether the client is charged for an answer that it does not receive.
    pub fn loses_units(self) -> bool {
        matches!(self, Self::Truncate | Self::Garbage | Self::Lost)
    }
}

impl FromStr for Fault {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        for fault in Self::ALL {
            if fault.as_str() == name {
                return Ok(fault);
            }
        }
        let known = Self::ALL.map(Self::as_str).join(", ");
        Err(
            Error::new(ErrorCode::Usage, format!("unknown fault `{name}`"))
                .with_hint(format!("use some of {known}")),
        )
    }
}

/// Faults with their probabilities; written `429=0.05,reset=0.02`. Empty: nothing goes wrong.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Faults(Vec<(Fault, f64)>);

impl Faults {
    /// The fault of the request that this source of chance belongs to.
    pub(crate) fn draw(&self, seeded: Seeded) -> Option<Fault> {
        let drawn = seeded.unit();
        let mut reached = 0.0;
        for (fault, probability) in &self.0 {
            reached += probability;
            if drawn < reached {
                return Some(*fault);
            }
        }
        None
    }
}

impl FromStr for Faults {
    type Err = Error;

    fn from_str(spec: &str) -> Result<Self, Error> {
        let mut faults = Vec::new();
        let mut sum = 0.0;
        for part in spec.split(',') {
            let part = part.trim();
            if part.is_empty() {
                continue;
            }
            let (fault, probability) = parse_fault(part)?;
            if faults.iter().any(|(known, _)| *known == fault) {
                let name = fault.as_str();
                return Err(Error::new(
                    ErrorCode::Usage,
                    format!("fault `{name}` is named twice"),
                ));
            }
            sum += probability;
            faults.push((fault, probability));
        }
        if sum > 1.0 {
            return Err(Error::new(
                ErrorCode::Usage,
                format!("the probabilities of the faults add up to {sum}, more than 1"),
            ));
        }
        Ok(Self(faults))
    }
}

/// Reads `429=0.05`.
fn parse_fault(part: &str) -> Result<(Fault, f64), Error> {
    let Some((kind, probability)) = part.split_once('=') else {
        return Err(Error::new(
            ErrorCode::Usage,
            format!("fault `{part}` has no probability"),
        )
        .with_hint("write kind=probability, for example 429=0.05"));
    };
    let fault = kind.trim().parse()?;
    match probability.trim().parse() {
        Ok(number) if (0.0..=1.0).contains(&number) => Ok((fault, number)),
        _ => Err(Error::new(
            ErrorCode::Usage,
            format!("invalid probability `{probability}` for fault `{kind}`"),
        )
        .with_hint("write a number from 0 to 1")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_drawn_about_as_often_as_configured() {
        let faults: Faults = "429=0.1, lost=0.2".parse().unwrap();
        let drawn: Vec<_> = (0..10_000)
            .filter_map(|number| faults.draw(Seeded::new(1).item(number)))
            .collect();
        let lost = drawn.iter().filter(|fault| **fault == Fault::Lost).count();
        assert!((1_800..2_200).contains(&lost), "{lost}");
        assert!(
            (900..1_100).contains(&(drawn.len() - lost)),
            "{}",
            drawn.len() - lost
        );
    }

    #[test]
    fn an_invalid_spec_is_refused_with_its_invalid_part() {
        for (spec, message) in [
            ("418=0.1", "unknown fault `418`"),
            ("reset", "fault `reset` has no probability"),
            ("reset=2", "invalid probability `2` for fault `reset`"),
            ("reset=0.1,reset=0.1", "fault `reset` is named twice"),
            (
                "reset=0.6,hang=0.6",
                "the probabilities of the faults add up to 1.2, more than 1",
            ),
        ] {
            assert_eq!(spec.parse::<Faults>().unwrap_err().to_string(), message);
        }
    }
}
