//! One keyword: whether it is known, and its numbers in each country and month.
//!
//! Whoever shows a keyword (Keywords Explorer, Rank Tracker, Google's results) takes its numbers from here.

use chrono::{Datelike, Months, NaiveDate};

use super::{Ground, countries, nothing};
use crate::catalog::FREE_KEYWORDS;
use crate::sandbox::cell::{Cell, write_text};
use crate::sandbox::hash::Dice;
use crate::sandbox::source::Field;
use crate::sandbox::web;

/// The six of `intents`, in the order of its object.
pub(super) const INTENTS: [&str; 6] = [
    "informational",
    "navigational",
    "commercial",
    "transactional",
    "branded",
    "local",
];
/// 2015-09-01, when the first keywords were seen.
const FIRST_SEEN: i64 = 1_441_065_600;
/// Eight years of seconds.
const YEARS_SEEN: u32 = 8 * 365 * 86_400;
/// Months behind today whose volumes are still corrected, where the sandbox is living.
const CORRECTED_MONTHS: i32 = 2;
/// Months that a volume is the mean of.
const MEAN_MONTHS: u32 = 12;

/// A keyword, wherever it is asked for.
#[derive(Debug, Clone)]
pub(super) struct Keyword {
    text: String,
    dice: Dice,
    ground: Ground,
}

impl Keyword {
    pub(super) fn new(ground: Ground, text: &str) -> Self {
        Self {
            dice: ground.dice.of("keyword").of(&text.to_lowercase()),
            text: text.to_owned(),
            ground,
        }
    }

    /// Nothing is known of one keyword in twelve.
    pub(super) fn is_known(&self) -> bool {
        self.is_free() || !self.dice.of("unknown").once_in(12)
    }

    /// What may be asked for nothing is known everywhere.
    fn is_free(&self) -> bool {
        FREE_KEYWORDS.contains(&self.text.to_lowercase().as_str())
    }

    /// Searches a month in a country (lower case), the mean of a year; `None` where nobody asks for it.
    pub(super) fn volume(&self, country: &str) -> Option<i64> {
        let dice = self.dice.of("volume").of(country);
        // Whatever is known is looked for in the largest market at least.
        let is_asked =
            self.is_free() || (self.is_known() && (country == "us" || !dice.of("none").once_in(4)));
        is_asked.then(|| (self.dice.of("size").magnitude(16) + dice.magnitude(6)) / 10 * 10)
    }

    /// Searches in one month.
    pub(super) fn monthly(&self, country: &str, month: NaiveDate) -> Option<i64> {
        let months = month.year() * 12 + i32::try_from(month.month0()).unwrap_or(0);
        let dice = self.dice.of(country).at(u64::try_from(months).unwrap_or(0));
        let volume = self.volume(country)? * i64::from(80 + dice.below(41)) / 100 / 10 * 10;
        let today = self.ground.today;
        let age = today.year() * 12 + i32::try_from(today.month0()).unwrap_or(0) - months;
        if !self.ground.living || age > CORRECTED_MONTHS {
            return Some(volume);
        }
        let correction = dice.of("correction").at(super::day_part(today)).below(11);
        Some(volume * i64::from(95 + correction) / 100)
    }

    /// First days of the months from `from` to `to` that are over, or of the last year.
    pub(super) fn months(&self, from: Option<NaiveDate>, to: Option<NaiveDate>) -> Vec<NaiveDate> {
        months(self.ground.today, from, to)
    }

    /// A column of a keyword in a country; `None` where its name and type say it all.
    pub(super) fn cell(
        &self,
        country: &str,
        range: (Option<NaiveDate>, Option<NaiveDate>),
        field: &Field,
    ) -> Option<Cell> {
        let name = field.name.as_str();
        if name == "keyword" {
            return Some(Cell::text(self.text.as_str()));
        }
        if !self.is_known() && name != "word_count" && name != "keyword_words" {
            return Some(nothing(field));
        }
        let dice = self.dice.of(country);
        let or_null = |value: Option<i64>| value.map_or_else(|| nothing(field), Cell::Int);
        Some(match name {
            "word_count" | "keyword_words" => {
                Cell::Int(count(self.text.split_whitespace().count()))
            }
            "volume" => or_null(self.volume(country)),
            "volume_monthly" => or_null(
                self.months(None, None)
                    .last()
                    .and_then(|month| self.monthly(country, *month)),
            ),
            "volume_monthly_history" => self.history(country, range),
            "global_volume" => or_null(self.global_volume()),
            "clicks" => or_null(
                self.volume(country)
                    .map(|volume| volume * i64::from(dice.of(name).below(120)) / 100),
            ),
            "traffic_potential" => or_null(
                self.volume(country)
                    .map(|volume| volume * i64::from(1 + dice.of(name).below(8))),
            ),
            "parent_topic" => self.parent(country).map_or(Cell::Null, Cell::text),
            "parent_volume" => or_null(
                self.parent(country)
                    .and_then(|parent| Self::new(self.ground, &parent).volume(country)),
            ),
            "difficulty" | "keyword_difficulty" if dice.of("difficulty").once_in(10) => Cell::Null,
            "difficulty" | "keyword_difficulty" => {
                Cell::Int(i64::from(dice.of("difficulty").below(101)))
            }
            "first_seen" => {
                Cell::Time(FIRST_SEEN + i64::from(self.dice.of(name).below(YEARS_SEEN)))
            }
            "intents" if self.has_no_intents() => Cell::Null,
            "intents" => self.intents(),
            _ if name.starts_with("intents.") && self.has_no_intents() => Cell::Null,
            _ => return self.intent(name).map(Cell::Bool),
        })
    }

    /// The chance of its other values in a country.
    pub(super) fn dice(&self, country: &str) -> Dice {
        self.dice.of(country)
    }

    /// One of the six, as `intents.local` or `is_local`.
    pub(super) fn intent(&self, name: &str) -> Option<bool> {
        let intent = name
            .strip_prefix("intents.")
            .or_else(|| name.strip_prefix("is_"))?;
        INTENTS
            .contains(&intent)
            .then(|| self.dice.of("intents").of(intent).once_in(3))
    }

    fn has_no_intents(&self) -> bool {
        self.dice.of("intents").once_in(9)
    }

    fn intents(&self) -> Cell {
        let pairs = INTENTS.map(|intent| {
            format!(
                r#""{intent}":{}"#,
                self.dice.of("intents").of(intent).once_in(3)
            )
        });
        Cell::Json(format!("{{{}}}", pairs.join(",")).into())
    }

    fn parent(&self, country: &str) -> Option<String> {
        let dice = self.dice.of(country).of("parent");
        match dice.below(6) {
            0 => None,
            1..=3 => Some(self.text.clone()),
            _ => Some(web::words(self.dice.of("topic"), 2).to_lowercase()),
        }
    }

    fn global_volume(&self) -> Option<i64> {
        let volumes = countries()
            .iter()
            .filter_map(|country| self.volume(country));
        self.is_known().then(|| volumes.sum())
    }

    fn history(&self, country: &str, (from, to): (Option<NaiveDate>, Option<NaiveDate>)) -> Cell {
        let months = self.months(from, to);
        let entries = months.iter().filter_map(|month| {
            let volume = self.monthly(country, *month)?;
            let mut json = br#"{"date":"#.to_vec();
            write_text(&month.to_string(), &mut json);
            json.extend_from_slice(format!(r#","volume":{volume}}}"#).as_bytes());
            Some(Cell::Json(String::from_utf8_lossy(&json).into()))
        });
        Cell::List(entries.collect())
    }
}

/// First days of the months from `from` to `to` that are over by `today`; without a range those of the last year.
pub(super) fn months(
    today: NaiveDate,
    from: Option<NaiveDate>,
    to: Option<NaiveDate>,
) -> Vec<NaiveDate> {
    let this_month = today.with_day(1).unwrap_or(today);
    let from = from.map(|day| day.with_day(1).unwrap_or(day));
    let from = from
        .or_else(|| this_month.checked_sub_months(Months::new(MEAN_MONTHS)))
        .unwrap_or(this_month);
    let months =
        std::iter::successors(Some(from), |month| month.checked_add_months(Months::new(1)));
    months
        .take_while(|month| *month < this_month && to.is_none_or(|to| *month <= to))
        .collect()
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
