//! Probes of what paging assumes: which requests to send to a free target, and what their answers prove.
//!
//! Pure, like the pager. Every request asks for at most as many rows as a free query gives, so a probe costs nothing.
//! A verdict is `Holds` only where the answers would have been different if the assumption were false: equal answers to
//! questions that cannot tell leave it `Unknown`.

use std::collections::VecDeque;

use chrono::{Days, NaiveDate};
use serde::{Deserialize, Serialize};

use crate::filter::{Comparison, Filter};
use crate::model::{PageKeys, Value};

use super::groups::Groups;
use super::{Ask, PagingError, Purpose, Verdict, Verdicts};

/// Days for which a finding is believed.
pub const VERDICT_DAYS: u64 = 30;

/// Verdicts and the day on which they were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The verdicts.
    pub verdicts: Verdicts,
    /// When they were found.
    #[serde(with = "iso_day")]
    pub made_on: NaiveDate,
}

impl Finding {
    /// Whether it is still believed on `day`.
    pub fn is_fresh(&self, day: NaiveDate) -> bool {
        self.made_on.checked_add_days(Days::new(VERDICT_DAYS)).is_some_and(|end| self.made_on <= day && day < end)
    }
}

/// A day as text, `2026-11-01`.
mod iso_day {
    use chrono::NaiveDate;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(day: &NaiveDate, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(day)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NaiveDate, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// What a probe wants next.
#[derive(Debug, Clone, PartialEq)]
pub enum ProbeStep {
    /// Send this to a free target.
    Ask(Ask),
    /// All that can be found.
    Done(Verdicts),
}

/// A probe on one string column of an operation: best one whose values mix case and punctuation (anchors do).
#[derive(Debug, Clone)]
pub struct Probe {
    column: String,
    /// Rows of each request: what a free query gives, and the floor of caps that is being probed.
    rows: u32,
    waiting: VecDeque<Question>,
    window: PageKeys,
    seen: Seen,
}

#[derive(Debug, Clone)]
enum Question {
    /// The first rows, or those from a made-up value on.
    Window(Option<Value>),
    /// The rows below a key inside the window: they must be those of the window.
    Below(Value),
    /// The rows from a key inside the window on: they must be those of the window.
    From(Value, Tells),
    /// Whether rows follow the window's last.
    Beyond(Value),
}

/// What a key inside the window can tell.
#[derive(Debug, Clone, Copy, Default)]
struct Tells {
    case: bool,
    punctuation: bool,
}

/// What was seen so far.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    disorder: bool,
    wrong_order: bool,
    lost: bool,
    where_applied: bool,
    where_ignored: bool,
    cut_early: bool,
    full_answers: u32,
    inner_rows_kept: bool,
    inner_rows_differ: bool,
    rows_beyond: bool,
    case: bool,
    punctuation: bool,
    upper_case_found: bool,
    special_found: bool,
    values_found: u32,
}

/// At how many keys of one window the filter is tried.
const KEYS_A_WINDOW: usize = 8;

impl Probe {
    /// A probe on `column`, with `rows` rows a request (100 on the real API).
    pub fn new(column: impl Into<String>, rows: u32) -> Self {
        let waiting = VecDeque::from([
            Question::Window(None),
            Question::Window(Some(Value::Text("A".into()))),
            Question::Window(Some(Value::Text("Z".into()))),
        ]);
        Self { column: column.into(), rows, waiting, window: PageKeys::default(), seen: Seen::default() }
    }

    /// What to do next. Asking again changes nothing.
    pub fn next(&self) -> ProbeStep {
        let Some(question) = self.waiting.front() else { return ProbeStep::Done(self.verdicts()) };
        let from = |value: &Value| Filter::Is(self.column.clone(), Comparison::Gte, value.clone());
        let filter = match question {
            Question::Window(None) => None,
            Question::Window(Some(value)) | Question::From(value, _) | Question::Beyond(value) => Some(from(value)),
            Question::Below(value) => Some(Filter::Not(Box::new(from(value)))),
        };
        ProbeStep::Ask(Ask {
            filter,
            order_by: vec![self.column.clone()],
            limit: Some(self.rows),
            key_columns: vec![self.column.clone()],
            purpose: Purpose::Page,
        })
    }

    /// Takes the answer to the request that [`Probe::next`] wants.
    ///
    /// # Errors
    /// If the keys are not those of that request.
    pub fn answer(&mut self, keys: &PageKeys) -> Result<(), PagingError> {
        if !keys.is_empty() && (keys.width != 1 || keys.values.len() != keys.len()) {
            return Err(PagingError::Width { wanted: 1, got: keys.width });
        }
        let question = self.waiting.pop_front().ok_or(PagingError::NotAwaited)?;
        self.seen.disorder |= keys.values.iter().zip(keys.values.iter().skip(1)).any(|(before, after)| before > after);
        if self.is_full(keys) {
            self.seen.full_answers += 1;
        }
        match question {
            Question::Window(start) => self.judge_window(start.as_ref(), keys),
            Question::Below(key) => self.judge_below(&key, keys),
            Question::From(key, tells) => self.judge_from(&key, tells, keys),
            Question::Beyond(key) => {
                let beyond = keys.values.iter().any(|value| *value > key);
                self.seen.rows_beyond |= beyond;
                self.seen.cut_early |= beyond && !self.is_full(&self.window);
            }
        }
        if self.seen.disorder {
            self.waiting.clear();
        }
        Ok(())
    }

    fn is_full(&self, keys: &PageKeys) -> bool {
        u32::try_from(keys.len()).is_ok_and(|len| len >= self.rows)
    }

    fn judge_window(&mut self, start: Option<&Value>, keys: &PageKeys) {
        let first = keys.values.first();
        self.seen.where_ignored |= start.is_some_and(|start| first.is_some_and(|first| first < start));
        keys.clone_into(&mut self.window);
        let mut questions = Vec::new();
        questions.extend(keys.values.last().cloned().map(Question::Beyond));
        if start.is_none() {
            let inner = keys.values.get(keys.len() / 2).filter(|value| Some(*value) > first).cloned();
            questions.extend(inner.map(Question::Below));
        }
        questions.extend(telling_keys(&keys.values).into_iter().map(|(key, tells)| Question::From(key, tells)));
        for question in questions.into_iter().rev() {
            self.waiting.push_front(question);
        }
    }

    /// The window's rows below a key, and no others: then the window was cut after it was ordered.
    fn judge_below(&mut self, key: &Value, keys: &PageKeys) {
        let digests = |keys: &PageKeys| {
            let below = keys.values.iter().zip(&keys.digests).filter(|(value, _)| *value < key);
            super::groups::Rows::count(below.map(|(_, digest)| *digest))
        };
        let all_below = keys.values.iter().all(|value| value < key);
        self.seen.where_ignored |= !all_below;
        self.seen.where_applied |= all_below && !keys.is_empty();
        if digests(keys) == digests(&self.window) && all_below {
            self.seen.inner_rows_kept = true;
        } else {
            self.seen.inner_rows_differ = true;
        }
    }

    /// The window's rows from a key on must stand at the head of the answer.
    fn judge_from(&mut self, key: &Value, tells: Tells, keys: &PageKeys) {
        self.seen.where_ignored |= keys.values.first().is_some_and(|first| first < key);
        let start = self.window.values.iter().position(|value| value == key).unwrap_or_default();
        let expected: Vec<usize> = (start..self.window.len()).collect();
        let expected = Groups::divide(&self.window, 1, &expected);
        let received: Vec<usize> = (0..keys.len()).collect();
        let received = Groups::divide(keys, 1, &received);
        let at_key = [key.clone()];
        let lost = !expected.at(&at_key).without(&received.at(&at_key)).is_empty();
        if lost || received.key(0) != at_key {
            self.seen.lost = true;
            return;
        }
        self.seen.cut_early |= !self.is_full(keys) && received.len() < expected.len();
        // The last group of each answer may be cut.
        let comparable = expected.len().min(received.len()).saturating_sub(1);
        if (0..comparable).any(|group| expected.group(group) != received.group(group)) {
            self.seen.wrong_order = true;
            return;
        }
        self.seen.case |= tells.case && comparable > 1;
        self.seen.punctuation |= tells.punctuation && comparable > 1;
        self.seen.values_found += 1;
        if let Value::Text(text) = key {
            self.seen.upper_case_found |= text.chars().any(char::is_uppercase);
            self.seen.special_found |= text.chars().any(|letter| !letter.is_alphanumeric());
        }
    }

    fn verdicts(&self) -> Verdicts {
        let seen = &self.seen;
        let verdict = |broken: bool, holds: bool| match (broken, holds) {
            (true, _) => Verdict::Broken,
            (false, true) => Verdict::Holds,
            (false, false) => Verdict::Unknown,
        };
        // Where filters are ignored or order is, nothing else was put to the test.
        let tested = !seen.where_ignored && !seen.disorder;
        let text_wrong = seen.disorder || (tested && (seen.wrong_order || seen.lost));
        Verdicts {
            filter_order_is_byte_order: verdict(text_wrong, tested && seen.case && seen.punctuation),
            round_trip: verdict(
                tested && seen.lost,
                tested && seen.upper_case_found && seen.special_found && seen.values_found >= 3,
            ),
            cap_floor_100: verdict(
                tested && seen.cut_early && !seen.lost && !seen.wrong_order,
                tested && seen.full_answers >= 2 && !seen.cut_early,
            ),
            // A filter that compares otherwise changes the rows below a key too: then nothing is proven.
            cap_after_order: verdict(
                tested && seen.inner_rows_differ && !text_wrong,
                tested && seen.inner_rows_kept && seen.rows_beyond && !seen.inner_rows_differ,
            ),
            filter_before_group: Verdict::Unknown,
            where_honoured: verdict(seen.where_ignored && !text_wrong, seen.where_applied && !seen.where_ignored),
        }
    }
}

/// Keys at which a filter that compares otherwise than by bytes would lose a later row of the window.
fn telling_keys(values: &[Value]) -> Vec<(Value, Tells)> {
    let mut found: Vec<(Value, Tells)> = Vec::new();
    let Some(last) = values.last() else { return found };
    let later = |from: usize| values.iter().skip(from + 1).filter(|value| *value != last);
    let mut plain = 0;
    for (place, value) in values.iter().enumerate() {
        let is_first_of_group = place == 0 || values.get(place - 1) != Some(value);
        if !is_first_of_group || value == last || found.len() >= KEYS_A_WINDOW {
            continue;
        }
        let tells = Tells {
            case: later(place).any(|other| folded(other, false) < folded(value, false)),
            punctuation: later(place).any(|other| folded(other, true) < folded(value, true)),
        };
        let special = matches!(value, Value::Text(text) if text.chars().any(|letter| !letter.is_alphanumeric()));
        let is_new =
            |kind: fn(&Tells) -> bool| kind(&tells) && found.iter().filter(|(_, tells)| kind(tells)).count() < 3;
        let wanted = is_new(|tells| tells.case) || is_new(|tells| tells.punctuation);
        if wanted || (special && plain < 2) {
            plain += usize::from(!wanted);
            found.push((value.clone(), tells));
        }
    }
    found
}

/// A string as a collation may see it: without case, and without punctuation too.
fn folded(value: &Value, letters_only: bool) -> String {
    let Value::Text(text) = value else { return String::new() };
    text.to_lowercase().chars().filter(|letter| !letters_only || letter.is_alphanumeric()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_believed_for_thirty_days() {
        let made_on = NaiveDate::from_ymd_opt(2026, 11, 1).unwrap();
        let finding = Finding { verdicts: Verdicts::default(), made_on };
        assert!(finding.is_fresh(made_on));
        assert!(finding.is_fresh(made_on + Days::new(29)));
        assert!(!finding.is_fresh(made_on + Days::new(30)));
        assert!(!finding.is_fresh(made_on - Days::new(1)));
        let json = serde_json::to_string(&finding).unwrap();
        assert_eq!(serde_json::from_str::<Finding>(&json).unwrap(), finding);
    }
}
