//! Counts over time: a row for each period and each thing that is counted.
//!
//! A count is made of the counts of its days, so that hours, days, weeks, months and whole ranges add up. Recent days are
//! still incomplete where the sandbox is living, as the sources of such counts are.

use chrono::{Datelike, NaiveDate, Weekday};

use super::{Ground, Section, day_number, day_part, index};
use crate::catalog::ColumnKind;
use crate::sandbox::cell::{Cell, Moment};
use crate::sandbox::hash::Dice;
use crate::sandbox::source::Field;

const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;
/// Days behind today of which not everything has been counted, where the sandbox is living.
const INCOMPLETE_DAYS: i64 = 3;
/// Days of a range where none is named.
const DEFAULT_DAYS: u64 = 30;

/// A count with the share (in hundredths) of what is counted that it comes to.
const COUNTS: [(&str, i64); 13] = [
    ("clicks", 100),
    ("impressions", 2_300),
    ("visitors", 100),
    ("visits", 130),
    ("pageviews", 310),
    ("entries", 90),
    ("exits", 80),
    ("mentions", 40),
    ("citations", 60),
    ("views", 500),
    ("unique_views", 400),
    ("likes", 30),
    ("responses", 100),
];

/// How long a row's period is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Hour,
    Day,
    Week,
    Month,
    /// The whole range in one.
    Whole,
}

impl Step {
    pub(super) fn of(name: Option<&str>) -> Self {
        match name {
            Some("hourly") => Self::Hour,
            Some("daily") => Self::Day,
            Some("weekly") => Self::Week,
            _ => Self::Month,
        }
    }
}

/// A stretch of time: of one hour, or of whole days.
#[derive(Debug, Clone, Copy)]
struct Period {
    /// The first day of the week or month, which may lie before the range.
    named: NaiveDate,
    first: NaiveDate,
    last: NaiveDate,
    hour: Option<i64>,
}

/// What is counted: the column that names it, and its names.
#[derive(Debug)]
pub(super) struct Things {
    pub(super) column: String,
    pub(super) names: Vec<String>,
}

/// The rows.
#[derive(Debug)]
pub(super) struct Series {
    ground: Ground,
    dice: Dice,
    things: Option<Things>,
    periods: Vec<Period>,
}

impl Series {
    /// Periods from the first to the last day. A range that begins within a week or month has a first row that goes by
    /// the name of that week or month, and counts from where the range begins.
    pub(super) fn new(
        ground: Ground,
        dice: Dice,
        (from, to): (Option<NaiveDate>, Option<NaiveDate>),
        step: Step,
        things: Option<Things>,
    ) -> Self {
        let to = to.unwrap_or(ground.today);
        let from = from
            .or_else(|| to.checked_sub_days(chrono::Days::new(DEFAULT_DAYS - 1)))
            .unwrap_or(to);
        Self {
            ground,
            dice,
            things,
            periods: periods(from, to, step),
        }
    }

    fn names(&self) -> u32 {
        self.things.as_ref().map_or(1, |things| {
            u32::try_from(things.names.len()).unwrap_or(u32::MAX)
        })
    }

    fn thing(&self, number: u32) -> Option<(&str, &str)> {
        let things = self.things.as_ref()?;
        let place = index(number % self.names().max(1));
        Some((
            things.column.as_str(),
            things.names.get(place).map_or("", String::as_str),
        ))
    }

    fn period(&self, number: u32) -> Option<Period> {
        self.periods
            .get(index(number / self.names().max(1)))
            .copied()
    }

    /// What is counted of one thing on one day.
    fn on_day(&self, thing: Dice, day: NaiveDate) -> i64 {
        let dice = thing.at(day_part(day));
        let count = (4 + thing.of("size").magnitude(12)) * i64::from(70 + dice.below(61)) / 100;
        let age = self.ground.today.signed_duration_since(day).num_days();
        if !self.ground.living || age >= INCOMPLETE_DAYS {
            return count;
        }
        count * (40 + age * 20 + i64::from(dice.at(day_part(self.ground.today)).below(20))) / 100
    }

    fn count(&self, thing: Dice, period: Period, share: i64) -> i64 {
        let of_day = |day: NaiveDate| self.on_day(thing, day) * share / 100;
        match period.hour {
            // Hours share their day as evenly as whole numbers can.
            Some(hour) => {
                let whole = of_day(period.first);
                whole / 24 + i64::from(hour < whole % 24)
            }
            None => period
                .first
                .iter_days()
                .take_while(|day| *day <= period.last)
                .map(of_day)
                .sum(),
        }
    }

    fn thing_dice(&self, number: u32) -> Dice {
        self.thing(number)
            .map_or(self.dice, |(_, name)| self.dice.of(name))
    }
}

impl Section for Series {
    fn rows(&self) -> u32 {
        u32::try_from(self.periods.len())
            .unwrap_or(u32::MAX)
            .saturating_mul(self.names())
    }

    fn dice(&self, number: u32) -> Dice {
        let Some(period) = self.period(number) else {
            return self.dice.at(u64::from(number));
        };
        let hour = u64::try_from(period.hour.unwrap_or(24)).unwrap_or(24);
        self.thing_dice(number).at(day_part(period.named)).at(hour)
    }

    fn cell(&self, number: u32, field: &Field) -> Option<Cell> {
        let period = self.period(number)?;
        let name = field.name.as_str();
        if let Some((column, thing)) = self.thing(number)
            && column == name
        {
            return Some(match field.kind {
                ColumnKind::Integer => Cell::Int(thing.parse().unwrap_or(0)),
                _ => Cell::text(thing),
            });
        }
        if ["date", "timestamp", "retrieved_at"].contains(&name) {
            return Some(period.cell(&field.kind));
        }
        let thing = self.thing_dice(number);
        let count = |name: &str| {
            let share = COUNTS
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, share)| *share);
            share.map(|share| self.count(thing, period, share))
        };
        if name == "ctr" {
            let (clicks, impressions) = (count("clicks")?, count("impressions")?);
            return Some(super::tenths(f64::from(
                i32::try_from(clicks * 1_000 / impressions.max(1)).unwrap_or(0),
            )));
        }
        count(name).map(|count| match field.kind {
            ColumnKind::Float => Cell::Float {
                value: f64::from(i32::try_from(count).unwrap_or(i32::MAX)),
                bare: false,
            },
            _ => Cell::Int(count),
        })
    }
}

impl Period {
    fn cell(self, kind: &ColumnKind) -> Cell {
        let days = day_number(self.named);
        let seconds = days * DAY + self.hour.unwrap_or(0) * HOUR;
        match kind {
            ColumnKind::Date => Cell::Date {
                days,
                midnight: true,
            },
            ColumnKind::Text => Cell::text(Moment(seconds).to_string()),
            _ => Cell::Time(seconds),
        }
    }
}

fn periods(from: NaiveDate, to: NaiveDate, step: Step) -> Vec<Period> {
    let mut periods: Vec<Period> = Vec::new();
    if step == Step::Whole {
        return vec![Period {
            named: from,
            first: from,
            last: to,
            hour: None,
        }];
    }
    for day in from.iter_days().take_while(|day| *day <= to) {
        let begins = match step {
            Step::Week => day.weekday() == Weekday::Mon,
            Step::Month => day.day() == 1,
            _ => true,
        };
        match periods.last_mut().filter(|_| !begins) {
            Some(period) => period.last = day,
            None if step == Step::Hour => {
                periods.extend((0..24).map(|hour| Period {
                    named: day,
                    first: day,
                    last: day,
                    hour: Some(hour),
                }));
            }
            None => {
                let named = match step {
                    Step::Week => day.week(Weekday::Mon).checked_first_day(),
                    Step::Month => day.with_day(1),
                    _ => None,
                };
                periods.push(Period {
                    named: named.unwrap_or(day),
                    first: day,
                    last: day,
                    hour: None,
                });
            }
        }
    }
    periods
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(step: Step) -> Series {
        let today = "2026-10-02".parse().unwrap();
        let ground = Ground {
            dice: Dice::new(1),
            rows: 10,
            living: false,
            today,
        };
        let range = ("2026-01-05".parse().ok(), "2026-03-01".parse().ok());
        let things = Things {
            column: "device".to_owned(),
            names: vec!["desktop".to_owned(), "mobile".to_owned()],
        };
        Series::new(ground, Dice::new(1), range, step, Some(things))
    }

    fn total(step: Step) -> i64 {
        let series = series(step);
        let field = Field {
            name: "clicks".to_owned(),
            kind: ColumnKind::Integer,
            nullable: false,
            values: Vec::new(),
        };
        let cells = (0..series.rows()).map(|number| series.cell(number, &field));
        cells
            .map(|cell| {
                if let Some(Cell::Int(count)) = cell {
                    count
                } else {
                    panic!("{cell:?}")
                }
            })
            .sum()
    }

    #[test]
    fn counts_of_any_step_add_up_to_the_same() {
        let whole = total(Step::Whole);
        assert!(whole > 0);
        for step in [Step::Hour, Step::Day, Step::Week, Step::Month] {
            assert_eq!(total(step), whole, "{step:?}");
        }
    }

    #[test]
    fn each_step_has_its_rows() {
        let rows = [Step::Hour, Step::Day, Step::Week, Step::Month, Step::Whole]
            .map(|step| series(step).rows());
        assert_eq!(rows, [2 * 24 * 56, 2 * 56, 2 * 8, 2 * 3, 2]);
    }
}
