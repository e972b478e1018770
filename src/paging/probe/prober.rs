//! The probe on one column: its requests, and what each answer shows.

use std::collections::VecDeque;

use super::observations::Observations;
use super::window_keys::{Folding, has_special_character, hides, spread_keys, telling_keys};
use crate::filter::{Comparison, Filter};
use crate::model::{PageKeys, Value};
use crate::paging::assumption::Verdicts;
use crate::paging::error::PagingError;
use crate::paging::key_groups::KeyGroups;
use crate::paging::request::{PageRequest, Purpose};
use crate::paging::row_multiset::RowMultiset;

/// What a probe wants next.
#[derive(Debug, Clone, PartialEq)]
pub enum ProbeStep {
    /// Send this to a free target.
    Request(PageRequest),
    /// All that can be found.
    Done(Verdicts),
}

/// A probe on one column of an operation.
///
/// One on date-times comes first: what it finds of caps, order and filters does not depend on how strings compare. One on
/// strings adds what it finds of strings (see [`Verdicts::with_string_verdicts`]): best on a column whose values mix case
/// and punctuation, as anchors do.
#[derive(Debug, Clone)]
pub struct Probe {
    column: String,
    /// Whether its values are strings.
    is_text: bool,
    /// Rows of each request: what a free query returns, and the floor of caps that is being probed.
    rows: u32,
    pending: VecDeque<Question>,
    /// The rows of the latest window.
    window: PageKeys,
    seen: Observations,
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

impl Probe {
    /// A probe on a column of date-times or integers, with `rows` rows a request (100 on the real API).
    pub fn on_times(column: impl Into<String>, rows: u32) -> Self {
        Self::new(column.into(), false, rows, &[])
    }

    /// A probe on a column of strings, with `rows` rows a request (100 on the real API).
    pub fn on_strings(column: impl Into<String>, rows: u32) -> Self {
        Self::new(column.into(), true, rows, &["A", "Z"])
    }

    /// A probe whose windows are the first rows and those from each of these strings on.
    fn new(column: String, is_text: bool, rows: u32, window_starts: &[&str]) -> Self {
        let mut pending = VecDeque::from([Question::Window(None)]);
        for start in window_starts {
            pending.push_back(Question::Window(Some(Value::Text((*start).into()))));
        }
        Self {
            column,
            is_text,
            rows,
            pending,
            window: PageKeys::default(),
            seen: Observations::default(),
        }
    }

    /// What to do next. Calling it again changes nothing.
    pub fn next(&self) -> ProbeStep {
        let Some(question) = self.pending.front() else {
            return ProbeStep::Done(self.verdicts());
        };
        let filter = match question {
            Question::Window(None) => None,
            Question::Window(Some(value)) | Question::From(value) | Question::Beyond(value) => {
                Some(self.filter_from(value))
            }
            Question::Below(value) => Some(Filter::Not(Box::new(self.filter_from(value)))),
        };
        // A null can be no bound, and a negated bound would include it.
        let without_nulls = Filter::Not(Box::new(Filter::IsNull(self.column.clone())));
        ProbeStep::Request(PageRequest {
            filter: Filter::and(Some(without_nulls), filter),
            order_by: vec![self.column.clone()],
            is_descending: false,
            limit: Some(self.rows),
            key_columns: vec![self.column.clone()],
            purpose: Purpose::Page,
        })
    }

    fn filter_from(&self, value: &Value) -> Filter {
        Filter::Is(self.column.clone(), Comparison::Gte, value.clone())
    }

    /// Accepts the answer to the request of [`Probe::next`].
    ///
    /// # Errors
    /// If the keys are not those of that request.
    pub fn answer(&mut self, keys: &PageKeys) -> Result<(), PagingError> {
        if !keys.is_empty() && (keys.width != 1 || keys.values.len() != keys.len()) {
            return Err(PagingError::KeyWidth {
                wanted: 1,
                got: keys.width,
            });
        }
        let Some(question) = self.pending.pop_front() else {
            return Err(PagingError::UnexpectedAnswer);
        };
        if keys.values.contains(&Value::Null) {
            // The column does not exist, or its filter is not applied: nothing more can be learnt from it.
            self.seen = Observations::default();
            self.pending.clear();
            return Ok(());
        }
        self.seen.is_disordered |= !keys.values.is_sorted();
        if self.is_full(keys) {
            self.seen.full_answers += 1;
        }
        match question {
            Question::Window(start) => self.observe_window(start.as_ref(), keys),
            Question::Below(key) => self.observe_below(&key, keys),
            Question::From(key) => self.observe_from(&key, keys),
            Question::Beyond(key) => self.observe_beyond(&key, keys),
        }
        if self.seen.is_disordered {
            self.pending.clear();
        }
        Ok(())
    }

    fn is_full(&self, keys: &PageKeys) -> bool {
        u32::try_from(keys.len()).is_ok_and(|len| len >= self.rows)
    }

    /// Remembers the window, and asks about the keys inside it next.
    fn observe_window(&mut self, start: Option<&Value>, keys: &PageKeys) {
        if let (Some(start), Some(first)) = (start, keys.values.first()) {
            self.seen.is_filter_ignored |= first < start;
        }
        keys.clone_into(&mut self.window);
        let mut questions = Vec::new();
        if let Some(last) = keys.values.last() {
            questions.push(Question::Beyond(last.clone()));
        }
        if start.is_none() {
            for index in [keys.len() / 2, keys.len().saturating_sub(1)] {
                if let Some(value) = keys.values.get(index)
                    && Some(value) > keys.values.first()
                {
                    questions.push(Question::Below(value.clone()));
                }
            }
        }
        let inner_keys = if self.is_text {
            telling_keys(&keys.values)
        } else {
            spread_keys(&keys.values)
        };
        for key in inner_keys {
            questions.push(Question::From(key));
        }
        for question in questions.into_iter().rev() {
            self.pending.push_front(question);
        }
    }

    /// The window's rows below a key, and no others: then the window was cut after it was ordered.
    fn observe_below(&mut self, key: &Value, keys: &PageKeys) {
        let is_below = keys.values.iter().all(|value| value < key);
        self.seen.is_filter_ignored |= !is_below;
        self.seen.is_filter_applied |= is_below && !keys.is_empty();
        if is_below && rows_below(key, keys) == rows_below(key, &self.window) {
            self.seen.has_kept_inner_rows = true;
        } else {
            self.seen.has_changed_inner_rows = true;
        }
    }

    fn observe_beyond(&mut self, key: &Value, keys: &PageKeys) {
        let has_rows = keys.values.iter().any(|value| value > key);
        self.seen.has_rows_beyond |= has_rows;
        self.seen.is_cut_early |= has_rows && !self.is_full(&self.window);
    }

    /// The answer must begin with the window's rows from the key on.
    fn observe_from(&mut self, key: &Value, keys: &PageKeys) {
        if let Some(first) = keys.values.first() {
            self.seen.is_filter_ignored |= first < key;
        }
        let start = self.window.values.iter().position(|value| value == key);
        let expected_rows: Vec<usize> = (start.unwrap_or_default()..self.window.len()).collect();
        let expected = KeyGroups::split(&self.window, 1, &expected_rows);
        let received_rows: Vec<usize> = (0..keys.len()).collect();
        let received = KeyGroups::split(keys, 1, &received_rows);
        let at_key = [key.clone()];
        let missing = expected
            .rows_at(&at_key)
            .without(&received.rows_at(&at_key));
        if !missing.is_empty() || received.key(0) != at_key {
            self.seen.has_lost_rows = true;
            return;
        }
        // Too few rows: a filter that compares otherwise, or a cap under the floor. Neither may be said to hold.
        self.seen.has_too_few_rows |= !self.is_full(keys) && received.len() < expected.len();
        // The last group of each answer may be cut.
        let num_comparable = expected.len().min(received.len()).saturating_sub(1);
        for group in 0..num_comparable {
            if expected.to_group(group) != received.to_group(group) {
                self.seen.has_wrong_groups = true;
                return;
            }
        }
        // Only a row that was compared, and that another collation would have hidden, proves anything.
        for group in 1..num_comparable {
            if let Some(other) = received.key(group).first() {
                self.seen.is_case_tested |= hides(key, other, Folding::Case);
                self.seen.is_punctuation_tested |= hides(key, other, Folding::CaseAndPunctuation);
            }
        }
        self.observe_found(key);
    }

    /// A filter from this value on found it.
    fn observe_found(&mut self, key: &Value) {
        self.seen.values_found += 1;
        if let Value::Text(text) = key {
            self.seen.has_found_upper_case |= text.chars().any(char::is_uppercase);
            self.seen.has_found_special |= has_special_character(key);
        }
    }

    fn verdicts(&self) -> Verdicts {
        if self.is_text {
            self.seen.verdicts_on_strings()
        } else {
            self.seen.verdicts_on_times()
        }
    }
}

fn rows_below(key: &Value, keys: &PageKeys) -> RowMultiset {
    let mut rows = RowMultiset::default();
    for (value, digest) in keys.values.iter().zip(&keys.digests) {
        if value < key {
            rows.insert(*digest);
        }
    }
    rows
}
