//! Keywords Explorer: what is asked about keywords, and the keywords that seeds lead to.

use std::sync::Arc;

use chrono::NaiveDate;

use super::words::Keyword;
use super::workspace::keyword_list;
use super::{Given, Ground, Section, countries, index};
use crate::catalog::Endpoint;
use crate::sandbox::cell::Cell;
use crate::sandbox::hash::{Dice, base36};
use crate::sandbox::query::Query;
use crate::sandbox::source::Field;
use crate::sandbox::web;

const QUESTIONS: [&str; 6] = ["how to", "what is", "why", "where to buy", "when", "which"];

pub(super) fn section(ground: Ground, endpoint: &Endpoint, query: &Query) -> Arc<dyn Section> {
    let keyword = || Keyword::new(ground, query.values.get("keyword").unwrap_or(""));
    let country = query.values.get("country").unwrap_or("us").to_owned();
    match endpoint.short_name() {
        "volume-history" => {
            let keyword = keyword();
            let months = keyword.months(query.values.day("date_from"), query.values.day("date_to"));
            let row = |month: NaiveDate| {
                let volume = keyword.monthly(&country, month)?;
                let date = Cell::Date {
                    days: super::day_number(month),
                    midnight: true,
                };
                Some(vec![("date", date), ("volume", Cell::Int(volume))])
            };
            Given::of(ground.dice, months.into_iter().filter_map(row).collect())
        }
        "volume-by-country" => by_country(ground, &keyword()),
        operation => {
            let seeds = seeds(ground, query);
            let words = match operation {
                "overview" => Words::Asked(seeds),
                _ => Words::Derived(Derived::new(ground, operation, query, seeds)),
            };
            let position = query.values.get("target_position").map(str::to_owned);
            Arc::new(Keywords {
                ground,
                words,
                country,
                history: (
                    query.values.day("volume_monthly_date_from"),
                    query.values.day("volume_monthly_date_to"),
                ),
                ranked_by: query
                    .values
                    .get("target")
                    .zip(position.as_deref())
                    .map(|(target, top)| format!("{target} {top}")),
            })
        }
    }
}

/// Some 150 countries, those where most people search first.
fn by_country(ground: Ground, keyword: &Keyword) -> Arc<dyn Section> {
    let volumes = countries()
        .iter()
        .filter_map(|country| Some((country, keyword.volume(country)?)));
    let mut volumes: Vec<_> = volumes.collect();
    volumes.sort_by_key(|(_, volume)| std::cmp::Reverse(*volume));
    let row = |(country, volume): (&String, i64)| {
        vec![
            ("country", Cell::text(country.to_uppercase())),
            ("volume", Cell::Int(volume)),
        ]
    };
    Given::of(ground.dice, volumes.into_iter().map(row).collect())
}

/// The keywords that were asked for, each once.
fn seeds(ground: Ground, query: &Query) -> Vec<String> {
    let mut seeds: Vec<String> = query
        .values
        .list("keywords")
        .into_iter()
        .map(str::to_owned)
        .collect();
    if let Some(id) = query.values.get("keyword_list_id") {
        for keyword in keyword_list(ground, id) {
            if !seeds.contains(&keyword) {
                seeds.push(keyword);
            }
        }
    }
    seeds
}

/// Rows that each are about one keyword in one country.
#[derive(Debug)]
struct Keywords {
    ground: Ground,
    words: Words,
    country: String,
    /// Months that `volume_monthly_history` goes over.
    history: (Option<NaiveDate>, Option<NaiveDate>),
    /// Only keywords for which this target ranks so high.
    ranked_by: Option<String>,
}

#[derive(Debug)]
enum Words {
    Asked(Vec<String>),
    Derived(Derived),
}

impl Keywords {
    fn keyword(&self, number: u32) -> Keyword {
        let text = match &self.words {
            Words::Asked(keywords) => keywords.get(index(number)).cloned().unwrap_or_default(),
            Words::Derived(derived) => derived.keyword(number),
        };
        Keyword::new(self.ground, &text)
    }
}

impl Section for Keywords {
    fn rows(&self) -> u32 {
        match &self.words {
            Words::Asked(keywords) => u32::try_from(keywords.len()).unwrap_or(u32::MAX),
            Words::Derived(derived) => derived.rows,
        }
    }

    fn has(&self, number: u32) -> bool {
        self.ranked_by
            .as_ref()
            .is_none_or(|target| self.dice(number).of(target).once_in(3))
    }

    fn dice(&self, number: u32) -> Dice {
        self.keyword(number).dice(&self.country)
    }

    fn cell(&self, number: u32, field: &Field) -> Option<Cell> {
        self.keyword(number)
            .cell(&self.country, self.history, field)
    }
}

/// Keywords that seeds lead to; the number of a keyword tells its seed and its words.
#[derive(Debug)]
struct Derived {
    dice: Dice,
    seeds: Vec<String>,
    rows: u32,
    /// Whether each contains its seed.
    contains: bool,
    questions: bool,
}

impl Derived {
    fn new(ground: Ground, operation: &str, query: &Query, seeds: Vec<String>) -> Self {
        let others =
            ["terms", "match_mode", "view_for"].map(|name| query.values.get(name).unwrap_or(""));
        Self {
            dice: ground
                .dice
                .of("derived")
                .of(operation)
                .of(&others.join(" ")),
            rows: if seeds.is_empty() { 0 } else { ground.rows },
            seeds,
            contains: operation != "related-terms",
            questions: query.values.get("terms") == Some("questions"),
        }
    }

    fn keyword(&self, number: u32) -> String {
        let seeds = u32::try_from(self.seeds.len()).unwrap_or(u32::MAX).max(1);
        let seed = self
            .seeds
            .get(index(number % seeds))
            .map_or("", String::as_str);
        let place = number / seeds;
        if place == 0 && self.contains && !self.questions {
            return seed.to_owned();
        }
        let dice = self.dice.of(seed).at(u64::from(place));
        let words = web::words(dice, 1 + dice.at(7).below(2)).to_lowercase();
        let id = base36(place);
        if self.questions {
            return format!(
                "{} {seed} {words} {id}",
                dice.pick(&QUESTIONS).unwrap_or("how to")
            );
        }
        match (self.contains, dice.at(8).below(3)) {
            (false, _) => format!(
                "{words} {}{id}",
                web::words(self.dice.of(seed), 1).to_lowercase()
            ),
            (true, 0) => format!("{words} {seed} {id}"),
            (true, _) => format!("{seed} {words} {id}"),
        }
    }
}
