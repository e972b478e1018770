//! A ranking: the rows with the greatest values of one column, and no more of them than were asked for.
//!
//! Rows come by that column descending, then by K. Where an answer holds them all, that is one request. Where a cap cuts,
//! the next request begins at the last row's place, so its group comes again and is skipped; when none of it comes again,
//! filter and order do not agree on that place, and the ranking ends there as capped: what was exported is always the
//! beginning of the ranking. Rows without a value rank last, wherever the source puts them.
//!
//! The column may be a float and may move between two requests, so more than one page of a ranking is best effort.

mod place;

use std::collections::{HashMap, VecDeque};

use self::place::{compare, hash_of, stuck};
use crate::filter::Filter;
use crate::model::{PageKeys, Value};

use super::error::shown;
use super::groups::{Rows, digest, prefix};
use super::plan::Mode;
use super::{
    Ask, Assumption, BestEffort, Emit, Evidence, PagerLimits, PagerPlan, PagingError, Purpose,
    Shortfall, Status, Step, Top, Verdict, Verdicts,
};

/// A group that fills this part of a page is read again with every page: a longer key is cheaper then.
const WIDE_GROUP_DIVISOR: u64 = 4;

/// Reads one ranking. Feed it every answer in order; after an error it must not be used again.
#[derive(Debug, Clone)]
pub struct Ranking {
    top: Top,
    base: Option<Filter>,
    verdicts: Verdicts,
    limits: PagerLimits,
    /// Columns of K that stand in the order behind the ranked one, and those that may be appended.
    key: Vec<String>,
    spare: VecDeque<String>,
    /// Why nothing behind the first answer can be asked for.
    stuck: Option<Shortfall>,
    /// What it is when ties fill an answer and no column is left.
    when_tied: Shortfall,
    /// The doubt about the order of the ranked column itself.
    doubt: Option<Assumption>,
    part: Part,
    /// Place of the last row so far: the ranked value, then K.
    bound: Vec<Value>,
    /// Rows that were taken and come again behind the bound.
    again: Rows,
    /// The value that a row had when it was taken, by a hash of its identity.
    taken: HashMap<u64, Value>,
    ceiling: u32,
    cap: Option<u32>,
    last_cut: Option<usize>,
    ended: bool,
    shortfall: Option<Shortfall>,
    over_pages: bool,
    where_seen: bool,
    requests: u64,
    rows: u64,
    rows_received: u64,
    largest_limit: u32,
    last_answers: Vec<u64>,
}

/// Which rows are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// All of them: the first request.
    Open,
    /// Those with a value.
    Valued,
    /// Those without.
    Null,
}

impl Ranking {
    /// A ranking before its first request.
    ///
    /// # Errors
    /// If the task has a filter and filters are known to be ignored, or if even the first request fits no URL.
    pub fn new(plan: PagerPlan, top: Top) -> Result<Self, PagingError> {
        if plan.base.is_some() && plan.verdicts.where_honoured == Verdict::Broken {
            return Err(PagingError::FilterIgnored);
        }
        let tied = Shortfall::RankingTies;
        let (start, spare, when_tied) = match plan.mode() {
            Mode::Keyed {
                start,
                spare,
                withheld,
            } => (start, spare, withheld.map_or(tied, Shortfall::Assumption)),
            Mode::Single(why @ Shortfall::Assumption(_)) => (Vec::new(), Vec::new(), why),
            Mode::Single(_) | Mode::Whole => (Vec::new(), Vec::new(), tied),
        };
        let others = |columns: Vec<String>| columns.into_iter().filter(|column| *column != top.by);
        let (key, spare): (Vec<String>, VecDeque<String>) =
            (others(start).collect(), others(spare).collect());
        let doubt = plan.verdicts.doubt_about_text().filter(|_| top.is_text);
        let ranking = Self {
            stuck: stuck(plan.verdicts, &top, doubt),
            when_tied,
            doubt,
            key,
            spare,
            top,
            base: plan.base,
            verdicts: plan.verdicts,
            limits: plan.limits,
            part: Part::Open,
            bound: Vec::new(),
            again: Rows::default(),
            taken: HashMap::new(),
            ceiling: plan.limits.most.max(1),
            cap: plan.limits.cap,
            last_cut: None,
            ended: false,
            shortfall: None,
            over_pages: false,
            where_seen: false,
            requests: 0,
            rows: 0,
            rows_received: 0,
            largest_limit: 0,
            last_answers: Vec::new(),
        };
        ranking.check_url()?;
        Ok(ranking)
    }

    /// What to do next. Asking again changes nothing.
    pub fn next(&self) -> Step {
        if self.ended {
            return Step::Done(self.evidence());
        }
        Step::Ask(Ask {
            filter: self.filter(),
            order_by: self.order(),
            descends: true,
            limit: Some(self.asked()),
            key_columns: self.columns(),
            purpose: Purpose::Page,
        })
    }

    /// Takes the answer to the request that [`Ranking::next`] wants.
    ///
    /// # Errors
    /// Where the answers contradict the order or the filter; the rows emitted so far must not be published then.
    pub fn answer(&mut self, keys: &PageKeys) -> Result<Emit, PagingError> {
        if self.ended {
            return Err(PagingError::NotAwaited);
        }
        let wanted = self.columns().len();
        if !keys.is_empty() && (keys.width != wanted || keys.values.len() != wanted * keys.len()) {
            return Err(PagingError::Width {
                wanted,
                got: keys.width,
            });
        }
        let asked = self.asked();
        self.requests += 1;
        self.rows_received += count(keys.len());
        self.largest_limit = self.largest_limit.max(asked);
        let is_end = u32::try_from(keys.len()).is_ok_and(|len| len < asked.min(self.limits.floor));
        self.learn(keys, asked, is_end);
        let emit = self.judge(keys, is_end)?;
        if !self.ended && self.requests >= self.limits.max_requests {
            self.stop(Shortfall::MaxRequests);
        }
        Ok(emit)
    }

    /// The request timed out: asks for half as many rows from now on, but never for fewer than any cap would leave.
    pub fn slower(&mut self) {
        let asked = self.asked();
        let half = (asked / 2).max(self.limits.floor);
        if half < asked {
            self.ceiling = half;
        }
    }

    /// Whether what an answer leaves out can be asked for.
    pub(super) fn goes_on(&self) -> bool {
        self.stuck.is_none()
    }

    /// Sets the limit with which a saved request was sent, before its answer is fed again.
    pub fn at_limit(&mut self, limit: u32) {
        if self.asked() != limit {
            self.ceiling = limit.max(1);
        }
    }

    /// The number of rows at which answers are cut, if it is known or was seen: worth remembering.
    pub fn learned_cap(&self) -> Option<u32> {
        self.cap
    }

    fn judge(&mut self, keys: &PageKeys, is_end: bool) -> Result<Emit, PagingError> {
        if is_end && self.part == Part::Open {
            // The whole table in one answer: its order does not matter.
            let emit = self.take(keys);
            self.end_part(keys);
            return Ok(emit);
        }
        if self.part == Part::Open && nulls_come_first(keys) {
            if let Some(why) = self.stuck {
                let emit = self.take(keys);
                self.stop(why);
                return Ok(emit);
            }
            self.part = Part::Valued;
            self.check_url()?;
            return Ok(Emit::default());
        }
        self.check_part(keys)?;
        self.check_order(keys)?;
        if self.awaits_again(keys, is_end)? {
            return Ok(Emit::default());
        }
        let emit = self.take(keys);
        self.where_seen |= !self.bound.is_empty() && !keys.is_empty();
        if self.rows == self.top.rows {
            self.finish();
        } else if is_end {
            self.end_part(keys);
        } else {
            self.go_on(keys, emit.num_rows() > 0)?;
        }
        Ok(emit)
    }

    /// Whether rows that were taken do not come again as they should, so that nothing of this answer is taken: the place
    /// cannot be asked for, or they moved; or more rows tie at it than an answer holds, in no order.
    fn awaits_again(&mut self, keys: &PageKeys, is_end: bool) -> Result<bool, PagingError> {
        let width = self.bound.len();
        let last = keys
            .len()
            .checked_sub(1)
            .map(|last| prefix(keys.key(last), width));
        let is_left = is_end || last.is_none_or(|last| last != self.bound);
        let missing = self
            .again
            .clone()
            .without(&Rows::count(keys.digests.iter().copied()));
        if is_left && !missing.is_empty() {
            self.stop(Shortfall::Assumption(Assumption::RoundTrip));
            return Ok(true);
        }
        let is_tied =
            width == 1 + self.key.len() && !missing.is_empty() && missing.len() == self.again.len();
        if !is_left && is_tied {
            match self.spare.pop_front() {
                None => self.stop(self.when_tied),
                Some(column) => {
                    self.key.push(column);
                    self.check_url()?;
                }
            }
        }
        Ok(!is_left && is_tied)
    }

    /// Takes the rows that are new, as far as rows are wanted; strikes those that came again off the list.
    fn take(&mut self, keys: &PageKeys) -> Emit {
        let mut rows: Vec<usize> = Vec::new();
        let mut taken: Vec<(u64, Value)> = Vec::new();
        let identity = self.identity();
        for row in 0..keys.len() {
            if count(rows.len()) >= self.remaining() {
                break;
            }
            let came_again = digest(keys, row).filter(|row| self.again.get(*row) > 0);
            if let Some(row) = came_again {
                self.again.take(row);
                continue;
            }
            let value = keys.key(row).first().unwrap_or(&Value::Null);
            if !identity.is_empty() {
                let identity = hash_of(keys.key(row), &identity);
                if self
                    .taken
                    .get(&identity)
                    .is_some_and(|before| before != value)
                {
                    continue;
                }
                taken.push((identity, value.clone()));
            }
            rows.push(row);
        }
        // Only what an earlier answer showed can have moved since.
        self.taken.extend(taken);
        self.rows += count(rows.len());
        Emit::of(rows)
    }

    /// Decides what comes after an answer that was cut.
    fn go_on(&mut self, keys: &PageKeys, is_progress: bool) -> Result<(), PagingError> {
        let width = 1 + self.key.len();
        let place = |row: usize| prefix(keys.key(row), width);
        let last = place(keys.len().saturating_sub(1)).to_vec();
        if let Some(why) = self.stuck {
            self.stop(why);
            return Ok(());
        }
        let is_stuck_in_ties = last == self.bound && !is_progress;
        if last.iter().skip(1).any(|value| *value == Value::Null)
            || (is_stuck_in_ties && self.spare.is_empty())
        {
            self.stop(self.when_tied);
            return Ok(());
        }
        // What is left of a wider group comes as long as its key is not left.
        if self.bound.is_empty() || !last.starts_with(&self.bound) {
            self.again = Rows::default();
        }
        let group = (0..keys.len())
            .filter(|row| place(*row) == last)
            .filter_map(|row| digest(keys, row));
        group.for_each(|row| self.again.add(row));
        self.part = if last.first() == Some(&Value::Null) {
            Part::Null
        } else {
            Part::Valued
        };
        if self.part == Part::Null && last.len() == 1 {
            self.stop(self.when_tied);
            return Ok(());
        }
        self.bound = last;
        self.over_pages |= self.rows > 0;
        if is_stuck_in_ties || self.again.len() * WIDE_GROUP_DIVISOR > count(keys.len()) {
            self.key.extend(self.spare.pop_front());
        }
        self.check_url()
    }

    /// The rows of the part are all here: those without a value come last.
    fn end_part(&mut self, keys: &PageKeys) {
        self.last_answers.push(count(keys.len()));
        if self.verdicts.cap_floor_100 != Verdict::Holds {
            self.shortfall
                .get_or_insert(Shortfall::Assumption(Assumption::CapFloor));
        }
        if self.part == Part::Valued && self.remaining() > 0 {
            self.part = Part::Null;
            self.bound = Vec::new();
            self.again = Rows::default();
            self.over_pages |= self.rows > 0;
        } else {
            self.finish();
        }
    }

    fn check_part(&self, keys: &PageKeys) -> Result<(), PagingError> {
        let fits = |row: usize| match self.part {
            Part::Open => true,
            Part::Valued => keys.key(row).first() != Some(&Value::Null),
            Part::Null => keys.key(row).first() == Some(&Value::Null),
        };
        if (0..keys.len()).all(fits) {
            return Ok(());
        }
        Err(PagingError::NullFilter {
            columns: self.top.by.clone(),
        })
    }

    /// Rows come in the order asked for, and none of them lies before the bound.
    fn check_order(&self, keys: &PageKeys) -> Result<(), PagingError> {
        if self.doubt.is_some() {
            return Ok(());
        }
        let width = 1 + self.key.len();
        let place = |row: usize| prefix(keys.key(row), width);
        let columns = || format!("({})", self.order().join(", "));
        if !keys.is_empty() && compare(place(0), &self.bound).is_lt() {
            let (bound, first) = (shown(&self.bound), shown(place(0)));
            return Err(PagingError::BelowBound {
                columns: columns(),
                bound,
                first,
            });
        }
        for row in 1..keys.len() {
            if compare(place(row - 1), place(row)).is_gt() {
                let (before, after) = (shown(place(row - 1)), shown(place(row)));
                return Err(PagingError::Order {
                    columns: columns(),
                    before,
                    after,
                });
            }
        }
        Ok(())
    }

    /// Notes where answers are cut: twice alike is a cap.
    fn learn(&mut self, keys: &PageKeys, asked: u32, is_end: bool) {
        let len = u32::try_from(keys.len()).unwrap_or(u32::MAX);
        self.cap = self.cap.filter(|cap| len <= *cap);
        let cut = (!is_end && len < asked).then_some(keys.len());
        if cut.is_some() && cut == self.last_cut {
            self.cap = Some(len);
        }
        self.last_cut = cut;
    }

    fn stop(&mut self, shortfall: Shortfall) {
        self.shortfall = Some(shortfall);
        self.finish();
    }

    fn finish(&mut self) {
        self.ended = true;
        if self.part != Part::Open || self.last_answers.is_empty() {
            // The order counted: it must have been the source's, and that of all its rows.
            let doubt = (self.verdicts.cap_after_order != Verdict::Holds)
                .then_some(Assumption::CapAfterOrder);
            if let Some(doubt) = doubt.or(self.doubt) {
                self.shortfall.get_or_insert(Shortfall::Assumption(doubt));
            }
        }
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
            key: self.order(),
            limit: self.largest_limit,
            last_answers: self.last_answers.clone(),
            best_effort: self.over_pages.then_some(BestEffort::RankingOverPages),
        }
    }
}

/// Whether a row without a value comes before one with a value, or may: they rank last.
fn nulls_come_first(keys: &PageKeys) -> bool {
    let is_null = |row: usize| keys.key(row).first() == Some(&Value::Null);
    let first_null = (0..keys.len()).find(|row| is_null(*row));
    first_null.is_some_and(|first| first == 0 || (first..keys.len()).any(|row| !is_null(row)))
}

fn count(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
