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
    pub made_on: NaiveDate,
}

impl Finding {
    /// Whether it is still believed on `day`.
    pub fn is_fresh(&self, day: NaiveDate) -> bool {
        self.made_on
            .checked_add_days(Days::new(VERDICT_DAYS))
            .is_some_and(|end| self.made_on <= day && day < end)
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

/// A probe on one column of an operation. One on date-times comes first: what it finds of caps, order and filters does not
/// hang on how strings compare. One on strings tells only of strings then (see [`Verdicts::with_strings`]): best on a
/// column whose values mix case and punctuation, as anchors do.
#[derive(Debug, Clone)]
pub struct Probe {
    column: String,
    /// Whether its values are strings.
    is_text: bool,
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
    From(Value),
    /// Whether rows follow the window's last.
    Beyond(Value),
}

/// What was seen so far.
#[derive(Debug, Clone, Copy, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent observations, not a state"
)]
struct Seen {
    disorder: bool,
    wrong_order: bool,
    lost: bool,
    where_applied: bool,
    where_ignored: bool,
    cut_early: bool,
    too_few: bool,
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
    /// A probe on a column of date-times or integers, with `rows` rows a request (100 on the real API).
    pub fn on_times(column: impl Into<String>, rows: u32) -> Self {
        let waiting = VecDeque::from([Question::Window(None)]);
        Self {
            column: column.into(),
            is_text: false,
            rows,
            waiting,
            window: PageKeys::default(),
            seen: Seen::default(),
        }
    }

    /// A probe on a column of strings, with `rows` rows a request (100 on the real API).
    pub fn new(column: impl Into<String>, rows: u32) -> Self {
        let waiting = VecDeque::from([
            Question::Window(None),
            Question::Window(Some(Value::Text("A".into()))),
            Question::Window(Some(Value::Text("Z".into()))),
        ]);
        Self {
            column: column.into(),
            is_text: true,
            rows,
            waiting,
            window: PageKeys::default(),
            seen: Seen::default(),
        }
    }

    /// What to do next. Asking again changes nothing.
    pub fn next(&self) -> ProbeStep {
        let Some(question) = self.waiting.front() else {
            return ProbeStep::Done(self.verdicts());
        };
        let from = |value: &Value| Filter::Is(self.column.clone(), Comparison::Gte, value.clone());
        let filter = match question {
            Question::Window(None) => None,
            Question::Window(Some(value)) | Question::From(value) | Question::Beyond(value) => {
                Some(from(value))
            }
            Question::Below(value) => Some(Filter::Not(Box::new(from(value)))),
        };
        // A null can be no bound, and a negated bound would bring it back.
        let without_nulls = Filter::Not(Box::new(Filter::IsNull(self.column.clone())));
        ProbeStep::Ask(Ask {
            filter: Filter::and(Some(without_nulls), filter),
            order_by: vec![self.column.clone()],
            descends: false,
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
            return Err(PagingError::Width {
                wanted: 1,
                got: keys.width,
            });
        }
        let question = self.waiting.pop_front().ok_or(PagingError::NotAwaited)?;
        if keys.values.contains(&Value::Null) {
            // The column is not there, or its filter is not applied: nothing more can be learnt from it.
            self.seen = Seen::default();
            self.waiting.clear();
            return Ok(());
        }
        self.seen.disorder |= keys
            .values
            .iter()
            .zip(keys.values.iter().skip(1))
            .any(|(before, after)| before > after);
        if self.is_full(keys) {
            self.seen.full_answers += 1;
        }
        match question {
            Question::Window(start) => self.judge_window(start.as_ref(), keys),
            Question::Below(key) => self.judge_below(&key, keys),
            Question::From(key) => self.judge_from(&key, keys),
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
        self.seen.where_ignored |=
            start.is_some_and(|start| first.is_some_and(|first| first < start));
        keys.clone_into(&mut self.window);
        let mut questions = Vec::new();
        questions.extend(keys.values.last().cloned().map(Question::Beyond));
        if start.is_none() {
            let inner = [keys.values.get(keys.len() / 2), keys.values.last()]
                .into_iter()
                .flatten();
            questions.extend(
                inner
                    .filter(|value| Some(*value) > first)
                    .cloned()
                    .map(Question::Below),
            );
        }
        let telling = if self.is_text {
            telling_keys(&keys.values)
        } else {
            spread_keys(&keys.values)
        };
        questions.extend(telling.into_iter().map(Question::From));
        for question in questions.into_iter().rev() {
            self.waiting.push_front(question);
        }
    }

    /// The window's rows below a key, and no others: then the window was cut after it was ordered.
    fn judge_below(&mut self, key: &Value, keys: &PageKeys) {
        let digests = |keys: &PageKeys| {
            let below = keys
                .values
                .iter()
                .zip(&keys.digests)
                .filter(|(value, _)| *value < key);
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
    fn judge_from(&mut self, key: &Value, keys: &PageKeys) {
        self.seen.where_ignored |= keys.values.first().is_some_and(|first| first < key);
        let start = self
            .window
            .values
            .iter()
            .position(|value| value == key)
            .unwrap_or_default();
        let expected: Vec<usize> = (start..self.window.len()).collect();
        let expected = Groups::divide(&self.window, 1, &expected);
        let received: Vec<usize> = (0..keys.len()).collect();
        let received = Groups::divide(keys, 1, &received);
        let at_key = [key.clone()];
        let lost = !expected
            .at(&at_key)
            .without(&received.at(&at_key))
            .is_empty();
        if lost || received.key(0) != at_key {
            self.seen.lost = true;
            return;
        }
        // Too few rows: a filter that compares otherwise, or a cap under the floor. Neither may be said to hold.
        self.seen.too_few |= !self.is_full(keys) && received.len() < expected.len();
        // The last group of each answer may be cut.
        let comparable = expected.len().min(received.len()).saturating_sub(1);
        if (0..comparable).any(|group| expected.group(group) != received.group(group)) {
            self.seen.wrong_order = true;
            return;
        }
        // Only a row that was compared, and that another collation would have hidden, tells anything.
        let hidden = |letters_only| {
            (1..comparable).any(|group| {
                let other = received.key(group).first();
                other.is_some_and(|other| folded(other, letters_only) < folded(key, letters_only))
            })
        };
        self.seen.case |= hidden(false);
        self.seen.punctuation |= hidden(true);
        self.seen.values_found += 1;
        if let Value::Text(text) = key {
            self.seen.upper_case_found |= text.chars().any(char::is_uppercase);
            self.seen.special_found |= text.chars().any(|letter| !letter.is_alphanumeric());
        }
    }

    fn verdicts(&self) -> Verdicts {
        if self.is_text {
            self.verdicts_on_text()
        } else {
            self.verdicts_on_times()
        }
    }

    /// Where not even date-times come in order, or a filter on them loses rows, nothing is proven of what was asked then.
    fn verdicts_on_times(&self) -> Verdicts {
        let seen = &self.seen;
        let tested = !seen.where_ignored && !seen.disorder;
        let rows_wrong = seen.inner_rows_differ || seen.lost || seen.wrong_order;
        let is_whole = tested && !rows_wrong;
        let cut_first = seen.disorder || (tested && seen.inner_rows_differ);
        Verdicts {
            cap_floor_100: verdict(
                is_whole && (seen.cut_early || seen.too_few),
                is_whole && seen.full_answers >= 2 && !seen.cut_early && !seen.too_few,
            ),
            cap_after_order: verdict(
                cut_first,
                is_whole && seen.inner_rows_kept && seen.rows_beyond,
            ),
            where_honoured: verdict(seen.where_ignored, is_whole && seen.where_applied),
            ..Verdicts::default()
        }
    }

    fn verdicts_on_text(&self) -> Verdicts {
        let seen = &self.seen;
        // Where filters are ignored or order is, nothing else was put to the test.
        let tested = !seen.where_ignored && !seen.disorder;
        let text_wrong = seen.disorder || (tested && (seen.wrong_order || seen.lost));
        Verdicts {
            filter_order_is_byte_order: verdict(
                text_wrong,
                tested && seen.case && seen.punctuation && !seen.too_few,
            ),
            round_trip: verdict(
                tested && seen.lost,
                tested && seen.upper_case_found && seen.special_found && seen.values_found >= 3,
            ),
            cap_floor_100: verdict(
                tested && seen.cut_early && !seen.lost && !seen.wrong_order,
                tested && seen.full_answers >= 2 && !seen.cut_early && !seen.too_few,
            ),
            // A filter that compares otherwise changes the rows below a key too: then nothing is proven.
            cap_after_order: verdict(
                tested && seen.inner_rows_differ && !text_wrong,
                tested
                    && seen.inner_rows_kept
                    && seen.rows_beyond
                    && !seen.inner_rows_differ
                    && !text_wrong,
            ),
            filter_before_group: Verdict::Unknown,
            where_honoured: verdict(
                seen.where_ignored && !text_wrong,
                seen.where_applied && !seen.where_ignored,
            ),
        }
    }
}

fn verdict(broken: bool, holds: bool) -> Verdict {
    match (broken, holds) {
        (true, _) => Verdict::Broken,
        (false, true) => Verdict::Holds,
        (false, false) => Verdict::Unknown,
    }
}

impl Verdicts {
    /// What a probe on date-times found, with what one on strings adds. Where date-times could not tell (a window of one
    /// time, for example), what strings show to hold holds: they show it only where they compare as they sort. Strings
    /// themselves are judged only where caps, order and
    /// filters are known to be sound without them: a filter that then brings a string from below its bound compares
    /// strings otherwise than their order does.
    #[must_use]
    pub fn with_strings(self, strings: Self) -> Self {
        let or_shown = |times: Verdict, strings: Verdict| match (times, strings) {
            (Verdict::Unknown, Verdict::Holds) => Verdict::Holds,
            (times, _) => times,
        };
        let known = Self {
            cap_floor_100: or_shown(self.cap_floor_100, strings.cap_floor_100),
            cap_after_order: or_shown(self.cap_after_order, strings.cap_after_order),
            where_honoured: or_shown(self.where_honoured, strings.where_honoured),
            ..self
        };
        let is_sound = [known.cap_after_order, known.where_honoured]
            .iter()
            .all(|verdict| *verdict == Verdict::Holds);
        if !is_sound {
            return known;
        }
        let collates = strings.where_honoured == Verdict::Broken
            || strings.filter_order_is_byte_order == Verdict::Broken;
        let filter_order = if collates {
            Verdict::Broken
        } else {
            strings.filter_order_is_byte_order
        };
        Self {
            filter_order_is_byte_order: filter_order,
            round_trip: strings.round_trip,
            ..known
        }
    }
}

/// How many date-times of a window are tried.
const TIMES_A_WINDOW: usize = 4;

/// A few keys from all over the window, none of them its last, whose group may be cut.
fn spread_keys(values: &[Value]) -> Vec<Value> {
    let mut distinct = values.to_vec();
    distinct.dedup();
    distinct.pop();
    let step = distinct.len().div_ceil(TIMES_A_WINDOW).max(1);
    distinct.into_iter().step_by(step).collect()
}

/// Keys at which a filter that compares otherwise than by bytes would lose a later row of the window, and a few whose
/// punctuation must survive the round trip.
fn telling_keys(values: &[Value]) -> Vec<Value> {
    let mut found: Vec<Value> = Vec::new();
    let Some(last) = values.last() else {
        return found;
    };
    let (mut by_case, mut by_punctuation, mut special) = (0, 0, 0);
    for (place, value) in values.iter().enumerate() {
        if value == last || found.last() == Some(value) || found.len() >= KEYS_A_WINDOW {
            continue;
        }
        let later = || values.iter().skip(place + 1).filter(|other| *other != last);
        let hides = |letters_only| {
            later().any(|other| folded(other, letters_only) < folded(value, letters_only))
        };
        let has_special = matches!(value, Value::Text(text) if text.chars().any(|letter| !letter.is_alphanumeric()));
        if by_case < 3 && hides(false) {
            by_case += 1;
        } else if by_punctuation < 3 && hides(true) {
            by_punctuation += 1;
        } else if special < 2 && has_special {
            special += 1;
        } else {
            continue;
        }
        found.push(value.clone());
    }
    found
}

/// A string as a collation may see it: without case, and without punctuation too.
fn folded(value: &Value, letters_only: bool) -> String {
    let Value::Text(text) = value else {
        return String::new();
    };
    text.to_lowercase()
        .chars()
        .filter(|letter| !letters_only || letter.is_alphanumeric())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_believed_for_thirty_days() {
        let made_on = NaiveDate::from_ymd_opt(2026, 11, 1).unwrap();
        let finding = Finding {
            verdicts: Verdicts::default(),
            made_on,
        };
        assert!(finding.is_fresh(made_on));
        assert!(finding.is_fresh(made_on + Days::new(29)));
        assert!(!finding.is_fresh(made_on + Days::new(30)));
        assert!(!finding.is_fresh(made_on - Days::new(1)));
        let json = serde_json::to_string(&finding).unwrap();
        assert_eq!(serde_json::from_str::<Finding>(&json).unwrap(), finding);
    }
}
