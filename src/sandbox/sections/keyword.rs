//! One keyword: whether it is known, and its numbers in each country and month.
//!
//! Every operation that shows a keyword (of Keywords Explorer, Rank Tracker, Google's results) takes its numbers from here.

use chrono::{Datelike, Months, NaiveDate};

use super::api_section::{SectionSeed, nothing};
use super::countries::countries;
use crate::catalog::FREE_KEYWORDS;
use crate::sandbox::calendar::day_part;
use crate::sandbox::cell::{Cell, json_text};
use crate::sandbox::field::Field;
use crate::sandbox::request::Query;
use crate::sandbox::seeded::Seeded;
use crate::sandbox::web;

/// The six of `intents`, in the order of its object.
const INTENTS: [&str; 6] = [
    "informational",
    "navigational",
    "commercial",
    "transactional",
    "branded",
    "local",
];
/// 2015-09-01, when the first keywords were seen.
const FIRST_SEEN: i64 = 1_441_065_600;
/// Seconds in which keywords were first seen: eight years.
const FIRST_SEEN_SECONDS: u32 = 8 * 365 * 86_400;
/// Months behind today whose volumes are still corrected, with daily churn.
const CORRECTED_MONTHS: i32 = 2;
/// Months that a volume is the mean of.
const MEAN_MONTHS: u32 = 12;

/// First and last day of a range, where they are given.
pub(crate) type DateRange = (Option<NaiveDate>, Option<NaiveDate>);

/// A keyword, in any operation.
#[derive(Debug, Clone)]
pub(crate) struct Keyword {
    text: String,
    seeded: Seeded,
    seed: SectionSeed,
}

impl Keyword {
    pub(crate) fn new(seed: SectionSeed, text: &str) -> Self {
        Self {
            seeded: seed.seeded.named("keyword").named(&text.to_lowercase()),
            text: text.to_owned(),
            seed,
        }
    }

    /// Nothing is known of one keyword in twelve.
    pub(crate) fn is_known(&self) -> bool {
        self.is_free() || !self.seeded.named("unknown").once_in(12)
    }

    /// Free keywords are known everywhere.
    fn is_free(&self) -> bool {
        FREE_KEYWORDS.contains(&self.text.to_lowercase().as_str())
    }

    /// Searches a month in a country (lower case), the mean of a year; `None` where there are none.
    pub(crate) fn volume(&self, country: &str) -> Option<i64> {
        let seeded = self.seeded.named("volume").named(country);
        // A known keyword is searched for in the largest market at least.
        let is_searched = country == "us" || !seeded.named("none").once_in(4);
        if self.is_free() || (self.is_known() && is_searched) {
            let size = self.seeded.named("size").magnitude(16);
            return Some((size + seeded.magnitude(6)) / 10 * 10);
        }
        None
    }

    /// Searches in one month.
    pub(crate) fn monthly(&self, country: &str, month: NaiveDate) -> Option<i64> {
        let months = months_since_year_0(month);
        let seeded = self
            .seeded
            .named(country)
            .numbered(u64::try_from(months).unwrap_or(0));
        let share = i64::from(80 + seeded.below(41));
        let volume = self.volume(country)? * share / 100 / 10 * 10;
        let today = self.seed.today;
        let age = months_since_year_0(today) - months;
        if !self.seed.daily_churn || age > CORRECTED_MONTHS {
            return Some(volume);
        }
        let correction = seeded
            .named("correction")
            .numbered(day_part(today))
            .below(11);
        Some(volume * i64::from(95 + correction) / 100)
    }

    /// First days of the months of a range that are over; without a range those of the last year.
    pub(crate) fn months(&self, range: DateRange) -> Vec<NaiveDate> {
        months(self.seed.today, range)
    }

    /// A column of a keyword in a country; `None` where its name and type determine it.
    ///
    /// `range` is that of `volume_monthly_history`.
    pub(crate) fn cell(&self, country: &str, range: DateRange, field: &Field) -> Option<Cell> {
        match field.name.as_str() {
            "keyword" => Some(Cell::text(self.text.as_str())),
            "word_count" | "keyword_words" => {
                let words = self.text.split_whitespace().count();
                Some(Cell::Int(i64::try_from(words).unwrap_or(i64::MAX)))
            }
            _ if !self.is_known() => Some(nothing(field)),
            "volume_monthly_history" => Some(self.monthly_history(country, range)),
            "parent_topic" => Some(Cell::choice(self.parent(country).as_deref())),
            "difficulty" | "keyword_difficulty" => Some(self.difficulty(country)),
            "first_seen" => {
                let seconds = self.seeded.named("first_seen").below(FIRST_SEEN_SECONDS);
                Some(Cell::Time(FIRST_SEEN + i64::from(seconds)))
            }
            name if is_volume(name) => Some(match self.volume_column(country, name) {
                Some(value) => Cell::Int(value),
                None => nothing(field),
            }),
            name => self.intent_cell(name),
        }
    }

    /// One of the columns of [`is_volume`].
    fn volume_column(&self, country: &str, name: &str) -> Option<i64> {
        let seeded = self.seeded.named(country).named(name);
        match name {
            "volume" => self.volume(country),
            "volume_monthly" => {
                let months = self.months((None, None));
                self.monthly(country, *months.last()?)
            }
            "global_volume" => self.global_volume(),
            "clicks" => Some(self.volume(country)? * i64::from(seeded.below(120)) / 100),
            "traffic_potential" => Some(self.volume(country)? * i64::from(1 + seeded.below(8))),
            "parent_volume" => Self::new(self.seed, &self.parent(country)?).volume(country),
            _ => None,
        }
    }

    fn difficulty(&self, country: &str) -> Cell {
        let seeded = self.seeded.named(country).named("difficulty");
        if seeded.once_in(10) {
            Cell::Null
        } else {
            Cell::Int(i64::from(seeded.below(101)))
        }
    }

    /// The source of its other values in a country.
    pub(crate) fn seeded(&self, country: &str) -> Seeded {
        self.seeded.named(country)
    }

    /// All intents, or one of the six, as `intents.local` or `is_local`.
    fn intent_cell(&self, name: &str) -> Option<Cell> {
        let has_none = self.seeded.named("intents").once_in(9);
        if has_none && (name == "intents" || name.starts_with("intents.")) {
            return Some(Cell::Null);
        }
        if name == "intents" {
            let pairs = INTENTS.map(|intent| format!(r#""{intent}":{}"#, self.has_intent(intent)));
            return Some(Cell::json(format!("{{{}}}", pairs.join(","))));
        }
        let intent = name
            .strip_prefix("intents.")
            .or_else(|| name.strip_prefix("is_"))?;
        if INTENTS.contains(&intent) {
            return Some(Cell::Bool(self.has_intent(intent)));
        }
        None
    }

    fn has_intent(&self, intent: &str) -> bool {
        self.seeded.named("intents").named(intent).once_in(3)
    }

    fn parent(&self, country: &str) -> Option<String> {
        let seeded = self.seeded.named(country).named("parent");
        match seeded.below(6) {
            0 => None,
            1..=3 => Some(self.text.clone()),
            _ => Some(web::words(self.seeded.named("topic"), 2).to_lowercase()),
        }
    }

    fn global_volume(&self) -> Option<i64> {
        if !self.is_known() {
            return None;
        }
        let mut sum = 0;
        for country in countries() {
            sum += self.volume(country).unwrap_or(0);
        }
        Some(sum)
    }

    fn monthly_history(&self, country: &str, range: DateRange) -> Cell {
        let mut entries = Vec::new();
        for month in self.months(range) {
            let Some(volume) = self.monthly(country, month) else {
                continue;
            };
            let date = json_text(&month.to_string());
            entries.push(Cell::json(format!(
                r#"{{"date":{date},"volume":{volume}}}"#
            )));
        }
        Cell::List(entries.into())
    }
}

/// Columns that are null where a keyword is not searched for.
fn is_volume(name: &str) -> bool {
    matches!(
        name,
        "volume"
            | "volume_monthly"
            | "global_volume"
            | "clicks"
            | "traffic_potential"
            | "parent_volume"
    )
}

fn months_since_year_0(day: NaiveDate) -> i32 {
    day.year() * 12 + i32::try_from(day.month0()).unwrap_or(0)
}

/// First days of the months of a range that are over by `today`; without a range those of the last year.
fn months(today: NaiveDate, (from, to): DateRange) -> Vec<NaiveDate> {
    let this_month = first_of_month(today);
    let last_year = this_month.checked_sub_months(Months::new(MEAN_MONTHS));
    let from = from.map(first_of_month);
    let end = to.unwrap_or(this_month);
    let mut next = from.or(last_year).unwrap_or(this_month);
    let mut months = Vec::new();
    while next < this_month && next <= end {
        months.push(next);
        let Some(month) = next.checked_add_months(Months::new(1)) else {
            break;
        };
        next = month;
    }
    months
}

fn first_of_month(day: NaiveDate) -> NaiveDate {
    day.with_day(1).unwrap_or(day)
}

/// Months that a request asks the volumes of.
pub(crate) fn num_months_requested(query: &Query) -> u64 {
    let range = (
        query.values.day("volume_monthly_date_from"),
        query.values.day("volume_monthly_date_to"),
    );
    u64::try_from(months(query.today, range).len()).unwrap_or(u64::MAX)
}
