//! Counts over time: a row for each period and each value of a dimension.
//!
//! A count is the sum of the counts of its days, so that hours, days, weeks, months and whole ranges add up. Recent days are
//! still incomplete with daily churn, as the sources of such counts are.

use chrono::{Datelike, Days, NaiveDate, Weekday};

use super::api_section::{ApiSection, SectionSeed, index, num_rows};
use super::keyword::DateRange;
use crate::catalog::ColumnKind;
use crate::sandbox::calendar::{DAY_SECONDS, day_number, day_part};
use crate::sandbox::cell::{Cell, UtcTime};
use crate::sandbox::field::Field;
use crate::sandbox::seeded::Seeded;

const HOUR_SECONDS: i64 = 3_600;
/// Days behind today of which not everything has been counted, with daily churn.
const INCOMPLETE_DAYS: i64 = 3;
/// Days of a range where none is given.
const DEFAULT_DAYS: u64 = 30;

/// A count with its share (in hundredths) of what is counted in a day.
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
pub(crate) enum Granularity {
    Hour,
    Day,
    Week,
    Month,
    /// The whole range in one.
    WholeRange,
}

impl Granularity {
    pub(crate) fn of(name: Option<&str>) -> Self {
        match name {
            Some("hourly") => Self::Hour,
            Some("daily") => Self::Day,
            Some("weekly") => Self::Week,
            _ => Self::Month,
        }
    }

    /// Whether a period begins on a day.
    fn begins_on(self, day: NaiveDate) -> bool {
        match self {
            Self::Week => day.weekday() == Weekday::Mon,
            Self::Month => day.day() == 1,
            Self::WholeRange => false,
            Self::Hour | Self::Day => true,
        }
    }

    /// The first day of the period that a day belongs to, which may be before the range.
    fn first_day(self, day: NaiveDate) -> NaiveDate {
        let first = match self {
            Self::Week => day.week(Weekday::Mon).checked_first_day(),
            Self::Month => day.with_day(1),
            _ => None,
        };
        first.unwrap_or(day)
    }
}

/// A period: one hour, or whole days.
#[derive(Debug, Clone, Copy)]
struct Period {
    /// The first day of the week or month, which may be before the range.
    named: NaiveDate,
    first: NaiveDate,
    last: NaiveDate,
    hour: Option<i64>,
}

/// What is counted: the column that names it, and its names.
#[derive(Debug)]
pub(crate) struct Dimension {
    pub(crate) column: String,
    pub(crate) names: Vec<String>,
}

/// The rows.
#[derive(Debug)]
pub(crate) struct TimeSeries {
    seed: SectionSeed,
    seeded: Seeded,
    dimension: Option<Dimension>,
    periods: Vec<Period>,
}

impl TimeSeries {
    /// Periods from the first to the last day. A range that begins within a week or month has a first row with
    /// the name of that week or month, and counts from where the range begins.
    pub(crate) fn new(
        seed: SectionSeed,
        seeded: Seeded,
        (from, to): DateRange,
        granularity: Granularity,
        dimension: Option<Dimension>,
    ) -> Self {
        let to = to.unwrap_or(seed.today);
        let default_from = to.checked_sub_days(Days::new(DEFAULT_DAYS - 1));
        let from = from.or(default_from).unwrap_or(to);
        Self {
            seed,
            seeded,
            dimension,
            periods: periods(from, to, granularity),
        }
    }

    fn num_names(&self) -> u32 {
        match &self.dimension {
            Some(dimension) => num_rows(dimension.names.len()),
            None => 1,
        }
    }

    /// What a row counts: the column that names it, and the name.
    fn counted(&self, number: u32) -> Option<(&str, &str)> {
        let dimension = self.dimension.as_ref()?;
        let position = index(number % self.num_names().max(1));
        let name = match dimension.names.get(position) {
            Some(name) => name.as_str(),
            None => "",
        };
        Some((dimension.column.as_str(), name))
    }

    fn period(&self, number: u32) -> Option<Period> {
        let position = index(number / self.num_names().max(1));
        self.periods.get(position).copied()
    }

    /// The source of what a row counts, whatever the period.
    fn counted_seeded(&self, number: u32) -> Seeded {
        match self.counted(number) {
            Some((_, name)) => self.seeded.named(name),
            None => self.seeded,
        }
    }

    /// What is counted on one day.
    fn on_day(&self, counted: Seeded, day: NaiveDate) -> i64 {
        let seeded = counted.numbered(day_part(day));
        let usual = 4 + counted.named("size").magnitude(12);
        let count = usual * i64::from(70 + seeded.below(61)) / 100;
        let today = self.seed.today;
        let age = today.signed_duration_since(day).num_days();
        if !self.seed.daily_churn || age >= INCOMPLETE_DAYS {
            return count;
        }
        let progress = seeded.numbered(day_part(today)).below(20);
        count * (40 + age * 20 + i64::from(progress)) / 100
    }

    /// What is counted in a period; hours share their day as evenly as whole numbers can.
    fn in_period(&self, counted: Seeded, period: Period, share: i64) -> i64 {
        if let Some(hour) = period.hour {
            let count = self.on_day(counted, period.first) * share / 100;
            return count / 24 + i64::from(hour < count % 24);
        }
        let mut sum = 0;
        for day in period.first.iter_days() {
            if day > period.last {
                break;
            }
            sum += self.on_day(counted, day) * share / 100;
        }
        sum
    }

    /// One of the [`COUNTS`] of a row.
    fn count(&self, number: u32, period: Period, name: &str) -> Option<i64> {
        let (_, share) = COUNTS.iter().find(|(known, _)| *known == name)?;
        Some(self.in_period(self.counted_seeded(number), period, *share))
    }
}

impl ApiSection for TimeSeries {
    fn rows(&self) -> u32 {
        num_rows(self.periods.len()).saturating_mul(self.num_names())
    }

    fn seeded(&self, number: u32) -> Seeded {
        let Some(period) = self.period(number) else {
            return self.seeded.item(number);
        };
        let hour = u64::try_from(period.hour.unwrap_or(24)).unwrap_or(24);
        self.counted_seeded(number)
            .numbered(day_part(period.named))
            .numbered(hour)
    }

    fn cell(&self, number: u32, field: &Field) -> Option<Cell> {
        let period = self.period(number)?;
        let name = field.name.as_str();
        if let Some((column, counted)) = self.counted(number)
            && column == name
        {
            return Some(match field.kind {
                ColumnKind::Integer => Cell::Int(counted.parse().unwrap_or(0)),
                _ => Cell::text(counted),
            });
        }
        if ["date", "timestamp", "retrieved_at"].contains(&name) {
            return Some(period.cell(&field.kind));
        }
        if name == "ctr" {
            let clicks = self.count(number, period, "clicks")?;
            let impressions = self.count(number, period, "impressions")?.max(1);
            let tenths = i32::try_from(clicks * 1_000 / impressions).unwrap_or(0);
            return Some(Cell::tenths(f64::from(tenths)));
        }
        let count = self.count(number, period, name)?;
        Some(match field.kind {
            ColumnKind::Float => Cell::float(f64::from(i32::try_from(count).unwrap_or(i32::MAX))),
            _ => Cell::Int(count),
        })
    }
}

impl Period {
    /// Some whole days.
    fn days(named: NaiveDate, first: NaiveDate, last: NaiveDate) -> Self {
        Self {
            named,
            first,
            last,
            hour: None,
        }
    }

    /// The hours of a day.
    fn hours(day: NaiveDate) -> impl Iterator<Item = Self> {
        (0..24).map(move |hour| Self {
            hour: Some(hour),
            ..Self::days(day, day, day)
        })
    }

    fn cell(self, kind: &ColumnKind) -> Cell {
        let days = day_number(self.named);
        let seconds = days * DAY_SECONDS + self.hour.unwrap_or(0) * HOUR_SECONDS;
        match kind {
            ColumnKind::Date => Cell::midnight(days),
            ColumnKind::Text => Cell::text(UtcTime(seconds).to_string()),
            _ => Cell::Time(seconds),
        }
    }
}

fn periods(from: NaiveDate, to: NaiveDate, granularity: Granularity) -> Vec<Period> {
    if granularity == Granularity::WholeRange {
        return vec![Period::days(from, from, to)];
    }
    let mut periods: Vec<Period> = Vec::new();
    for day in from.iter_days() {
        if day > to {
            break;
        }
        if !granularity.begins_on(day)
            && let Some(period) = periods.last_mut()
        {
            period.last = day;
            continue;
        }
        if granularity == Granularity::Hour {
            periods.extend(Period::hours(day));
        } else {
            periods.push(Period::days(granularity.first_day(day), day, day));
        }
    }
    periods
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(granularity: Granularity) -> TimeSeries {
        let today = "2026-10-02".parse().unwrap();
        let seed = SectionSeed {
            seeded: Seeded::new(1),
            rows: 10,
            daily_churn: false,
            today,
        };
        let range = ("2026-01-05".parse().ok(), "2026-03-01".parse().ok());
        let dimension = Dimension {
            column: "device".to_owned(),
            names: vec!["desktop".to_owned(), "mobile".to_owned()],
        };
        TimeSeries::new(seed, Seeded::new(1), range, granularity, Some(dimension))
    }

    fn total(granularity: Granularity) -> i64 {
        let series = series(granularity);
        let field = Field::new("clicks", ColumnKind::Integer, false);
        let cells = (0..series.rows()).map(|number| series.cell(number, &field));
        cells
            .map(|cell| match cell {
                Some(Cell::Int(count)) => count,
                cell => panic!("{cell:?}"),
            })
            .sum()
    }

    #[test]
    fn counts_of_every_granularity_add_up_to_the_same() {
        let whole = total(Granularity::WholeRange);
        assert!(whole > 0);
        for granularity in [
            Granularity::Hour,
            Granularity::Day,
            Granularity::Week,
            Granularity::Month,
        ] {
            assert_eq!(total(granularity), whole, "{granularity:?}");
        }
    }

    #[test]
    fn each_granularity_has_a_row_for_each_period_and_name() {
        let rows = [
            Granularity::Hour,
            Granularity::Day,
            Granularity::Week,
            Granularity::Month,
            Granularity::WholeRange,
        ]
        .map(|granularity| series(granularity).rows());
        assert_eq!(rows, [2 * 24 * 56, 2 * 56, 2 * 8, 2 * 3, 2]);
    }
}
