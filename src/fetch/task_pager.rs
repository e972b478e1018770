//! The requests of a task in their order: one part of its keywords after the other, each paged until it is complete. A
//! task without keyword list is one part.
//!
//! It is as much a fold over answers as the pager is: the same answers always lead to the same requests.

use crate::config::Report;
use crate::context::run_context::RunContext;
use crate::error::Result;
use crate::fetch::pager_plan::{AttemptInputs, pager_plan};
use crate::model::PageKeys;
use crate::paging::{
    Cursor, EmittedRows, Evidence, NextStep, PageRequest, PagingError, Shortfall, Status,
};
use crate::plan::Task;
use crate::table::TaskSpec;

/// The way through one task.
pub(crate) struct TaskPager<'a> {
    context: &'a RunContext,
    report: &'a Report,
    inputs: AttemptInputs,
    spec: TaskSpec,
    whole: Task,
    /// The part under way.
    part: Task,
    place: usize,
    pager: Cursor,
    /// What the parts before came to.
    before: Option<Evidence>,
    /// The end, where a fuse of the task stands before the last part.
    stopped_early: Option<Evidence>,
}

impl<'a> TaskPager<'a> {
    /// The way through a task that answers what is `asked`, before its first request.
    ///
    /// # Errors
    /// As [`Cursor::new`].
    pub fn new(
        context: &'a RunContext,
        report: &'a Report,
        task: Task,
        inputs: &AttemptInputs,
        spec: &TaskSpec,
    ) -> Result<Self> {
        let part = task.segment(0).unwrap_or_else(|| task.clone());
        let pager = Cursor::new(pager_plan(context, report, &part, inputs, spec))?;
        let (inputs, spec) = (inputs.clone(), spec.clone());
        Ok(Self {
            context,
            report,
            inputs,
            spec,
            whole: task,
            part,
            place: 0,
            pager,
            before: None,
            stopped_early: None,
        })
    }

    /// The task as the next request asks it.
    pub fn task(&self) -> &Task {
        &self.part
    }

    /// What to do next. Asking again changes nothing.
    pub fn next(&self) -> NextStep {
        match (&self.stopped_early, self.pager.next()) {
            (Some(evidence), _) => NextStep::Done(evidence.clone()),
            (None, NextStep::Done(evidence)) => NextStep::Done(self.evidence_so_far(evidence)),
            (None, ask) => ask,
        }
    }

    /// The request that comes next, if one does.
    pub fn ask(&self) -> Option<PageRequest> {
        match self.next() {
            NextStep::Request(ask) => Some(ask),
            NextStep::Done(_) => None,
        }
    }

    /// Takes the answer to the request that [`TaskPager::next`] wants.
    ///
    /// # Errors
    /// Where the answers contradict what paging rests on.
    pub fn answer(&mut self, keys: &PageKeys) -> Result<EmittedRows, PagingError> {
        let emit = self.pager.answer(keys)?;
        if let NextStep::Done(evidence) = self.pager.next() {
            self.start_next_segment(evidence)?;
        }
        Ok(emit)
    }

    /// Begins the next part, if there is one and no fuse of the task forbids it.
    fn start_next_segment(&mut self, evidence: Evidence) -> Result<(), PagingError> {
        let Some(part) = self.whole.segment(self.place + 1) else {
            return Ok(());
        };
        let mut evidence = self.evidence_so_far(evidence);
        let mut plan = pager_plan(self.context, self.report, &part, &self.inputs, &self.spec);
        plan.limits.known_cap = self.pager.learned_cap().or(plan.limits.known_cap);
        plan.limits.max_rows = plan
            .limits
            .max_rows
            .map(|most| most.saturating_sub(evidence.rows));
        plan.limits.max_requests = plan.limits.max_requests.saturating_sub(evidence.requests);
        let fuse = match (plan.limits.max_rows, plan.limits.max_requests) {
            (Some(0), _) => Some(Shortfall::MaxRows),
            (_, 0) => Some(Shortfall::MaxRequests),
            _ => None,
        };
        if let Some(fuse) = fuse {
            evidence.status = Status::Capped(fuse);
            self.stopped_early = Some(evidence);
            return Ok(());
        }
        self.pager = Cursor::new(plan)?;
        self.before = Some(evidence);
        self.part = part;
        self.place += 1;
        Ok(())
    }

    fn evidence_so_far(&self, evidence: Evidence) -> Evidence {
        match &self.before {
            Some(before) => before.clone().and(evidence),
            None => evidence,
        }
    }

    /// See [`Cursor::shrink_page`].
    pub fn shrink_page(&mut self) {
        self.pager.shrink_page();
    }

    /// See [`Cursor::grow_page`].
    pub fn grow_page(&mut self) {
        self.pager.grow_page();
    }

    /// See [`Cursor::set_page_limit`].
    pub fn set_page_limit(&mut self, limit: u32) {
        self.pager.set_page_limit(limit);
    }

    /// See [`Cursor::min_page_limit`].
    pub fn min_page_limit(&self) -> u32 {
        self.pager.min_page_limit()
    }

    /// See [`Cursor::learned_cap`].
    pub fn learned_cap(&self) -> Option<u32> {
        self.pager.learned_cap()
    }
}
