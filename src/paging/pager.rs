//! The pager itself: a state machine from answers to requests. See the room's page for its invariants.

use std::collections::VecDeque;

use crate::filter::Filter;
use crate::model::{PageKeys, Value};

use super::error::shown;
use super::groups::{Group, Groups, Rows, digest, prefix};
use super::limit::LearnedCap;
use super::plan::Mode;
use super::range::{Bound, Nulls, Range};
use super::recheck::Recheck;
use super::{
    Ask, Assumption, Emit, Evidence, PagerLimits, PagerPlan, PagingError, Purpose, Shortfall,
    Status, Step, Verdict, Verdicts,
};

/// Pages one task. Feed it every answer in order; after an error it must not be used again.
#[derive(Debug, Clone)]
pub struct Pager {
    pub(super) mode: Mode,
    pub(super) base: Option<Filter>,
    pub(super) verdicts: Verdicts,
    pub(super) limits: PagerLimits,
    /// Rows to ask for.
    pub(super) limit: u32,
    /// What `limit` was before speed or time-outs changed it since the last answer.
    pub(super) natural_limit: u32,
    /// Never ask for more: lowered by time-outs.
    pub(super) ceiling: u32,
    pub(super) cap: LearnedCap,
    pub(super) range: Range,
    pub(super) waiting: Vec<Range>,
    pub(super) state: State,
    /// Rows with nulls that were seen and must be emitted by the ranges of nulls.
    pub(super) owed_nulls: Rows,
    pub(super) shortfall: Option<Shortfall>,
    /// An answer has shown that filters are applied.
    pub(super) where_seen: bool,
    pub(super) requests: u64,
    pub(super) rows: u64,
    pub(super) rows_received: u64,
    pub(super) key: Vec<String>,
    pub(super) largest_limit: u32,
    pub(super) last_answers: Vec<u64>,
}

/// What is awaited.
#[derive(Debug, Clone)]
pub(super) enum State {
    /// The next rows.
    Page(Bound),
    /// Whether one of these columns has a null.
    Nulls {
        columns: Vec<String>,
        filter: Filter,
    },
    /// Why held rows are missing.
    Recheck { recheck: Recheck, bound: Bound },
    /// Nothing.
    Ended,
}

impl Pager {
    /// A pager before its first request.
    ///
    /// # Errors
    /// If the task has a filter and filters are known to be ignored, or if even the first request fits no URL.
    pub fn new(plan: PagerPlan) -> Result<Self, PagingError> {
        if plan.base.is_some() && plan.verdicts.where_honoured == Verdict::Broken {
            return Err(PagingError::FilterIgnored);
        }
        let mode = plan.mode();
        let limits = plan.limits;
        let (key, spare) = match &mode {
            Mode::Whole | Mode::Single(_) => (Vec::new(), VecDeque::new()),
            Mode::Keyed { start, spare, .. } => (start.clone(), spare.iter().cloned().collect()),
        };
        let wanted = if matches!(mode, Mode::Keyed { .. }) {
            limits.start
        } else {
            limits.most
        };
        let range = Range::new(key, spare);
        let bound = range.fit(plan.base.as_ref(), Vec::new(), limits.url_bytes)?;
        let limit = limits.cap.map_or(wanted, |cap| wanted.min(cap)).max(1);
        Ok(Self {
            mode,
            base: plan.base,
            verdicts: plan.verdicts,
            limits,
            limit,
            natural_limit: limit,
            ceiling: limits.most,
            cap: LearnedCap {
                cap: limits.cap,
                last_cut: None,
                obeyed: true,
            },
            key: range.key.clone(),
            range,
            waiting: Vec::new(),
            state: State::Page(bound),
            owed_nulls: Rows::default(),
            shortfall: None,
            where_seen: false,
            requests: 0,
            rows: 0,
            rows_received: 0,
            largest_limit: 0,
            last_answers: Vec::new(),
        })
    }

    /// What to do next. Asking again changes nothing.
    pub fn next(&self) -> Step {
        let ask =
            |filter: Option<Filter>, order_by: Vec<String>, key_columns: Vec<String>, purpose| {
                Step::Ask(Ask {
                    filter,
                    order_by,
                    descends: false,
                    limit: self.asked_limit(),
                    key_columns,
                    purpose,
                })
            };
        let key = || (self.range.key.clone(), self.range.key_columns());
        match &self.state {
            State::Page(bound) => {
                let (order, columns) = key();
                ask(bound.filter.clone(), order, columns, Purpose::Page)
            }
            State::Recheck { bound, .. } => {
                let (order, columns) = key();
                ask(bound.filter.clone(), order, columns, Purpose::Recheck)
            }
            State::Nulls { columns, filter } => ask(
                Some(filter.clone()),
                Vec::new(),
                columns.clone(),
                Purpose::Nulls,
            ),
            State::Ended => Step::Done(self.evidence()),
        }
    }

    /// Takes the answer to the request that [`Pager::next`] wants.
    ///
    /// # Errors
    /// Where the answers contradict what paging rests on; the rows emitted so far must not be published then.
    pub fn answer(&mut self, keys: &PageKeys) -> Result<Emit, PagingError> {
        self.check_width(keys)?;
        let asked = self.asked_limit();
        self.requests += 1;
        self.rows_received += count(keys.len());
        self.largest_limit = self.largest_limit.max(asked.unwrap_or_default());
        let emit = match std::mem::replace(&mut self.state, State::Ended) {
            State::Page(bound) if matches!(self.mode, Mode::Keyed { .. }) => {
                self.page(keys, asked, &bound)?
            }
            State::Page(_) => self.only_answer(keys, asked),
            State::Nulls { columns, .. } => {
                self.nulls(keys, &columns)?;
                Emit::default()
            }
            State::Recheck { recheck, bound } => self.recheck(keys, asked, recheck, &bound)?,
            State::Ended => return Err(PagingError::NotAwaited),
        };
        self.natural_limit = self.limit;
        if !matches!(self.state, State::Ended) && self.requests >= self.limits.max_requests {
            self.stop(Shortfall::MaxRequests);
        }
        Ok(emit)
    }

    /// Whether what an answer leaves out can be asked for.
    pub(super) fn goes_on(&self) -> bool {
        matches!(self.mode, Mode::Keyed { .. })
    }

    /// Rows emitted so far.
    pub fn num_rows(&self) -> u64 {
        self.rows
    }

    fn check_width(&self, keys: &PageKeys) -> Result<(), PagingError> {
        let wanted = match &self.state {
            State::Page(_) | State::Recheck { .. } => self.range.key.len() + self.range.null.len(),
            State::Nulls { columns, .. } => columns.len(),
            State::Ended => return Err(PagingError::NotAwaited),
        };
        if keys.is_empty() || (keys.width == wanted && keys.values.len() == wanted * keys.len()) {
            return Ok(());
        }
        Err(PagingError::Width {
            wanted,
            got: keys.width,
        })
    }

    /// Whether an answer is shorter than any cap could make it.
    pub(super) fn ends(&self, keys: &PageKeys, asked: Option<u32>) -> bool {
        let least = asked.map_or(u32::MAX, |asked| asked.min(self.limits.floor));
        u32::try_from(keys.len()).is_ok_and(|len| len < least)
    }

    fn only_answer(&mut self, keys: &PageKeys, asked: Option<u32>) -> Emit {
        let ended = self.ends(keys, asked);
        let rows: Vec<usize> = (0..keys.len()).collect();
        let cut = self
            .remaining()
            .filter(|most| count(rows.len()) > *most || (!ended && count(rows.len()) == *most));
        match (&self.mode, cut) {
            (_, Some(_)) => self.shortfall = Some(Shortfall::MaxRows),
            (Mode::Single(why), None) if !ended => self.shortfall = Some(*why),
            (Mode::Single(_), None) => self.note_end(keys),
            (Mode::Whole | Mode::Keyed { .. }, None) => self.last_answers.push(count(keys.len())),
        }
        let emit = self.emit(rows);
        self.finish();
        emit
    }

    fn page(
        &mut self,
        keys: &PageKeys,
        asked: Option<u32>,
        bound: &Bound,
    ) -> Result<Emit, PagingError> {
        let ended = self.ends(keys, asked);
        self.learn(keys, asked, ended);
        let rows = self.visible(keys, ended)?;
        if ended && bound.values.is_empty() && self.range.emitted.is_empty() {
            // The whole range in one answer: its order does not matter.
            return self.settle(keys, rows, ended, asked, None);
        }
        self.check_order(keys, &rows, &bound.values)?;
        let groups = Groups::divide(keys, self.range.key.len(), &rows);
        if let Some(held) = &self.range.held {
            let left = groups
                .last_key()
                .is_none_or(|last| last > held.key.as_ref());
            if ended || left {
                let seen = groups.at(&held.key);
                let missing = held.rows.clone().without(&seen);
                if !missing.is_empty() {
                    let missing = Group {
                        key: held.key.clone(),
                        rows: missing,
                    };
                    let from = self.range.emitted.len().checked_sub(1);
                    self.start_recheck(Recheck {
                        missing,
                        seen,
                        from,
                    })?;
                    return Ok(Emit::default());
                }
            }
        }
        self.where_seen |= !bound.values.is_empty() && !keys.is_empty();
        self.settle(keys, rows, ended, asked, None)
    }

    /// The rows that count: all, but before nulls are decided only those without one, if more is to come.
    pub(super) fn visible(
        &mut self,
        keys: &PageKeys,
        ended: bool,
    ) -> Result<Vec<usize>, PagingError> {
        let width = self.range.key.len();
        let all = 0..keys.len();
        let has_null = |row: &usize| prefix(keys.key(*row), width).contains(&Value::Null);
        let misfit = all.clone().any(|row| {
            keys.key(row)
                .iter()
                .skip(width)
                .any(|value| *value != Value::Null)
        });
        if misfit {
            return Err(PagingError::NullFilter {
                columns: self.range.null.join(", "),
            });
        }
        // A filter that keeps nulls out of some columns is in force even before the others are decided.
        let kept_out: Vec<usize> = (0..width)
            .filter(|place| {
                self.range
                    .key
                    .get(*place)
                    .is_some_and(|column| self.range.not_null.contains(column))
            })
            .collect();
        let broken = all.clone().any(|row| {
            kept_out
                .iter()
                .any(|place| keys.key(row).get(*place) == Some(&Value::Null))
        });
        if broken || (self.range.nulls != Nulls::Unknown && all.clone().any(|row| has_null(&row))) {
            return Err(PagingError::NullFilter {
                columns: self.range.key.join(", "),
            });
        }
        if ended || self.range.nulls != Nulls::Unknown {
            return Ok(all.collect());
        }
        let (with, without): (Vec<usize>, Vec<usize>) = all.partition(has_null);
        if self.range.null.is_empty() {
            with.into_iter()
                .filter_map(|row| digest(keys, row))
                .for_each(|row| self.owed_nulls.add(row));
        }
        Ok(without)
    }

    /// Keys ascend, bytewise, and none lies before the bound.
    pub(super) fn check_order(
        &self,
        keys: &PageKeys,
        rows: &[usize],
        bound: &[Value],
    ) -> Result<(), PagingError> {
        let key = |row: usize| prefix(keys.key(row), self.range.key.len());
        if let Some(first) = rows
            .first()
            .map(|row| key(*row))
            .filter(|first| prefix(first, bound.len()) < bound)
        {
            let (bound, first) = (shown(bound), shown(first));
            return Err(PagingError::BelowBound {
                columns: self.range.columns(),
                bound,
                first,
            });
        }
        for (before, after) in rows.iter().zip(rows.iter().skip(1)) {
            if key(*before) > key(*after) {
                let (before, after) = (shown(key(*before)), shown(key(*after)));
                return Err(PagingError::Order {
                    columns: self.range.columns(),
                    before,
                    after,
                });
            }
        }
        Ok(())
    }

    /// Emits what is whole, holds the last group, and decides what comes next. `skip`: a key that was emitted before.
    pub(super) fn settle(
        &mut self,
        keys: &PageKeys,
        rows: Vec<usize>,
        ended: bool,
        asked: Option<u32>,
        skip: Option<&[Value]>,
    ) -> Result<Emit, PagingError> {
        let num_visible = rows.len();
        let rows: Vec<usize> = match skip {
            Some(skip) => rows
                .into_iter()
                .filter(|row| prefix(keys.key(*row), skip.len()) > skip)
                .collect(),
            None => rows,
        };
        if let Some(emit) = self.fuse(&rows, ended) {
            return Ok(emit);
        }
        let groups = Groups::divide(keys, self.range.key.len(), &rows);
        let whole = if ended {
            groups.len()
        } else {
            groups.len().saturating_sub(1)
        };
        let emitted = groups.rows_of_first(whole);
        self.judge_outer(keys, emitted, groups.last_key().filter(|_| !ended))?;
        for group in whole.saturating_sub(super::range::REMEMBERED)..whole {
            self.range.remember(groups.emitted(group));
        }
        if !self.range.null.is_empty() {
            emitted
                .iter()
                .filter_map(|row| digest(keys, *row))
                .for_each(|row| self.owed_nulls.take(row));
        }
        let fills = !groups.is_empty()
            && whole == 0
            && num_visible == rows.len()
            && num_visible == keys.len();
        if !ended && !groups.is_empty() {
            let mut last = groups.group(whole);
            if let Some(held) = self.range.held.take().filter(|held| held.key == last.key) {
                last.rows = last.rows.union(&held.rows);
            }
            self.range.held = Some(last);
        }
        let emit = self.emit(emitted.to_vec());
        if ended {
            self.end_range(keys)?;
        } else if self.range.nulls == Nulls::Unknown {
            if fills {
                self.grow(keys.len(), asked)?;
            }
            self.ask_for_nulls()?;
        } else if fills {
            self.grow(keys.len(), asked)?;
        } else {
            self.ask_for_page()?;
        }
        Ok(emit)
    }

    /// Stops at `max_rows`.
    fn fuse(&mut self, rows: &[usize], ended: bool) -> Option<Emit> {
        let most = usize::try_from(self.remaining()?).unwrap_or(usize::MAX);
        let nothing_follows = ended && self.waiting.is_empty();
        if rows.len() < most || (rows.len() == most && nothing_follows) {
            return None;
        }
        let emit = self.emit(rows.iter().copied().take(most).collect());
        self.stop(Shortfall::MaxRows);
        Some(emit)
    }

    /// Strikes emitted rows off the promises of shorter keys; a promise must be kept before its key is left.
    fn judge_outer(
        &mut self,
        keys: &PageKeys,
        emitted: &[usize],
        last: Option<&[Value]>,
    ) -> Result<(), PagingError> {
        let mut outer = std::mem::take(&mut self.range.outer);
        for group in &mut outer {
            let same = emitted
                .iter()
                .filter(|row| prefix(keys.key(**row), group.key.len()) == group.key.as_ref());
            same.filter_map(|row| digest(keys, *row))
                .for_each(|row| group.rows.take(row));
            let left = last.is_none_or(|last| prefix(last, group.key.len()) > group.key.as_ref());
            if left && !group.rows.is_empty() {
                return Err(PagingError::Unjudged {
                    columns: self.range.columns(),
                    value: shown(&group.key),
                });
            }
        }
        outer.retain(|group| {
            last.is_some_and(|last| prefix(last, group.key.len()) <= group.key.as_ref())
        });
        self.range.outer = outer;
        Ok(())
    }

    pub(super) fn ask_for_page(&mut self) -> Result<(), PagingError> {
        let bound = self
            .range
            .next_page(self.base.as_ref(), self.limits.url_bytes)?;
        self.state = State::Page(bound);
        Ok(())
    }

    fn emit(&mut self, rows: Vec<usize>) -> Emit {
        let most = self
            .remaining()
            .and_then(|most| usize::try_from(most).ok())
            .unwrap_or(usize::MAX);
        let emit = Emit::of(rows.into_iter().take(most));
        self.rows += count(emit.num_rows());
        emit
    }

    fn note_end(&mut self, keys: &PageKeys) {
        self.last_answers.push(count(keys.len()));
        if self.verdicts.cap_floor_100 != Verdict::Holds {
            self.shortfall
                .get_or_insert(Shortfall::Assumption(Assumption::CapFloor));
        }
    }

    fn end_range(&mut self, keys: &PageKeys) -> Result<(), PagingError> {
        self.note_end(keys);
        match self.waiting.pop() {
            Some(range) => {
                self.range = range;
                self.ask_for_page()
            }
            None if self.owed_nulls.is_empty() => {
                self.finish();
                Ok(())
            }
            None => Err(PagingError::NullsLost {
                rows: self.owed_nulls.len(),
                columns: format!("({})", self.key.join(", ")),
            }),
        }
    }

    fn stop(&mut self, shortfall: Shortfall) {
        self.shortfall = Some(shortfall);
        self.finish();
    }

    fn finish(&mut self) {
        self.state = State::Ended;
        // Nothing showed that the task's own filter was applied, and nothing is known of it: worse than any missing row.
        if self.base.is_some() && self.verdicts.leave_filter_in_doubt(self.where_seen) {
            self.shortfall = Some(Shortfall::Assumption(Assumption::WhereHonoured));
        }
    }

    fn evidence(&self) -> Evidence {
        Evidence {
            status: self.shortfall.map_or(Status::Complete, Status::Capped),
            requests: self.requests,
            rows: self.rows,
            rows_reread: self.rows_received - self.rows,
            key: self.key.clone(),
            limit: self.largest_limit,
            last_answers: self.last_answers.clone(),
            best_effort: None,
        }
    }
}

fn count(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
