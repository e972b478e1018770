//! Keywords Explorer: the numbers of keywords, and the keywords that seeds lead to.

use std::cmp::Reverse;
use std::sync::Arc;

use super::api_section::{ApiSection, SectionSeed, index, num_rows};
use super::countries::countries;
use super::fixed_rows::FixedRows;
use super::keyword::{DateRange, Keyword};
use super::workspace::keyword_list;
use crate::catalog::Endpoint;
use crate::sandbox::calendar::day_number;
use crate::sandbox::cell::Cell;
use crate::sandbox::field::Field;
use crate::sandbox::request::Query;
use crate::sandbox::seeded::{Seeded, base36};
use crate::sandbox::web;

const QUESTIONS: [&str; 6] = ["how to", "what is", "why", "where to buy", "when", "which"];

pub(crate) fn section(
    seed: SectionSeed,
    endpoint: &Endpoint,
    query: &Query,
) -> Arc<dyn ApiSection> {
    match endpoint.short_name() {
        "volume-history" => volume_history(seed, query),
        "volume-by-country" => volume_by_country(seed, query),
        operation => Arc::new(KeywordRows::new(seed, operation, query)),
    }
}

/// The requested country, lower case.
fn country(query: &Query) -> &str {
    query.values.get("country").unwrap_or("us")
}

fn volume_history(seed: SectionSeed, query: &Query) -> Arc<dyn ApiSection> {
    let keyword = Keyword::new(seed, query.values.text("keyword"));
    let mut rows = Vec::new();
    for month in keyword.months(query.values.date_range()) {
        if let Some(volume) = keyword.monthly(country(query), month) {
            rows.push(vec![
                ("date", Cell::midnight(day_number(month))),
                ("volume", Cell::Int(volume)),
            ]);
        }
    }
    FixedRows::section(seed.seeded, rows)
}

/// Some 150 countries, those with most searches first.
fn volume_by_country(seed: SectionSeed, query: &Query) -> Arc<dyn ApiSection> {
    let keyword = Keyword::new(seed, query.values.text("keyword"));
    let mut volumes = Vec::new();
    for country in countries() {
        if let Some(volume) = keyword.volume(country) {
            volumes.push((country, volume));
        }
    }
    volumes.sort_by_key(|(_, volume)| Reverse(*volume));
    let mut rows = Vec::new();
    for (country, volume) in volumes {
        rows.push(vec![
            ("country", Cell::text(country.to_uppercase())),
            ("volume", Cell::Int(volume)),
        ]);
    }
    FixedRows::section(seed.seeded, rows)
}

/// The requested keywords, each once.
fn requested_keywords(seed: SectionSeed, query: &Query) -> Vec<String> {
    let mut keywords = query.values.owned_list("keywords");
    if let Some(id) = query.values.get("keyword_list_id") {
        for keyword in keyword_list(seed, id) {
            if !keywords.contains(&keyword) {
                keywords.push(keyword);
            }
        }
    }
    keywords
}

/// Rows that each are about one keyword in one country.
#[derive(Debug)]
struct KeywordRows {
    seed: SectionSeed,
    source: KeywordSource,
    country: String,
    /// Months that `volume_monthly_history` goes over.
    history: DateRange,
    /// Only keywords for which this target ranks so high.
    ranked_by: Option<String>,
}

#[derive(Debug)]
enum KeywordSource {
    Requested(Vec<String>),
    Derived(DerivedKeywords),
}

impl KeywordRows {
    fn new(seed: SectionSeed, operation: &str, query: &Query) -> Self {
        let values = &query.values;
        let keywords = requested_keywords(seed, query);
        let source = if operation == "overview" {
            KeywordSource::Requested(keywords)
        } else {
            KeywordSource::Derived(DerivedKeywords::new(seed, operation, query, keywords))
        };
        let ranked_by = match (values.get("target"), values.get("target_position")) {
            (Some(target), Some(top)) => Some(format!("{target} {top}")),
            _ => None,
        };
        Self {
            seed,
            source,
            country: country(query).to_owned(),
            history: (
                values.day("volume_monthly_date_from"),
                values.day("volume_monthly_date_to"),
            ),
            ranked_by,
        }
    }

    fn keyword(&self, number: u32) -> Keyword {
        let text = match &self.source {
            KeywordSource::Requested(keywords) => {
                keywords.get(index(number)).cloned().unwrap_or_default()
            }
            KeywordSource::Derived(derived) => derived.keyword(number),
        };
        Keyword::new(self.seed, &text)
    }
}

impl ApiSection for KeywordRows {
    fn rows(&self) -> u32 {
        match &self.source {
            KeywordSource::Requested(keywords) => num_rows(keywords.len()),
            KeywordSource::Derived(derived) => derived.rows,
        }
    }

    fn has(&self, number: u32) -> bool {
        match &self.ranked_by {
            Some(target) => self.seeded(number).named(target).once_in(3),
            None => true,
        }
    }

    fn seeded(&self, number: u32) -> Seeded {
        self.keyword(number).seeded(&self.country)
    }

    fn cell(&self, number: u32, field: &Field) -> Option<Cell> {
        self.keyword(number)
            .cell(&self.country, self.history, field)
    }
}

/// Keywords that seeds lead to; the number of a keyword determines its seed and its words.
#[derive(Debug)]
struct DerivedKeywords {
    seeded: Seeded,
    keywords: Vec<String>,
    rows: u32,
    /// Whether each contains its seed.
    contains_seed: bool,
    are_questions: bool,
}

impl DerivedKeywords {
    fn new(seed: SectionSeed, operation: &str, query: &Query, keywords: Vec<String>) -> Self {
        let values = &query.values;
        let view = ["terms", "match_mode", "view_for"].map(|name| values.text(name));
        let seeded = seed.seeded.named("derived").named(operation);
        Self {
            seeded: seeded.named(&view.join(" ")),
            rows: if keywords.is_empty() { 0 } else { seed.rows },
            keywords,
            contains_seed: operation != "related-terms",
            are_questions: values.get("terms") == Some("questions"),
        }
    }

    fn keyword(&self, number: u32) -> String {
        let num_seeds = num_rows(self.keywords.len()).max(1);
        let seed = match self.keywords.get(index(number % num_seeds)) {
            Some(seed) => seed.as_str(),
            None => "",
        };
        let position = number / num_seeds;
        if position == 0 && self.contains_seed && !self.are_questions {
            return seed.to_owned();
        }
        let seeded = self.seeded.named(seed).item(position);
        let words = web::words(seeded, 1 + seeded.numbered(7).below(2)).to_lowercase();
        let id = base36(position);
        if self.are_questions {
            let question = seeded.pick(&QUESTIONS).unwrap_or("how to");
            return format!("{question} {seed} {words} {id}");
        }
        if !self.contains_seed {
            let topic = web::words(self.seeded.named(seed), 1).to_lowercase();
            return format!("{words} {topic}{id}");
        }
        if seeded.numbered(8).below(3) == 0 {
            format!("{words} {seed} {id}")
        } else {
            format!("{seed} {words} {id}")
        }
    }
}
