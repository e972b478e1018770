//! The requests of a task in their order: one segment of its keywords after the other, each paged until it is complete. A
//! task without keyword list is one segment.
//!
//! Like the pager it is a fold over answers: the same answers always lead to the same requests.

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

/// Pages the segments of one task.
pub(crate) struct TaskPager<'a> {
    context: &'a RunContext,
    report: &'a Report,
    inputs: AttemptInputs,
    spec: TaskSpec,
    task: Task,
    /// The task with the keywords of the current segment.
    segment: Task,
    segment_index: usize,
    pager: Cursor,
    /// The evidence of the segments before.
    before: Option<Evidence>,
    /// The evidence, where a limit of the task was reached before the last segment.
    stopped_early: Option<Evidence>,
}

impl<'a> TaskPager<'a> {
    /// The pager of a task as it is specified, before its first request.
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
        let segment = task.segment(0).unwrap_or_else(|| task.clone());
        let pager = Cursor::new(pager_plan(context, report, &segment, inputs, spec))?;
        let (inputs, spec) = (inputs.clone(), spec.clone());
        Ok(Self {
            context,
            report,
            inputs,
            spec,
            task,
            segment,
            segment_index: 0,
            pager,
            before: None,
            stopped_early: None,
        })
    }

    /// The task of the next request: with the keywords of the current segment.
    pub fn segment(&self) -> &Task {
        &self.segment
    }

    /// What to do next; does not change anything.
    pub fn next(&self) -> NextStep {
        match (&self.stopped_early, self.pager.next()) {
            (Some(evidence), _) => NextStep::Done(evidence.clone()),
            (None, NextStep::Done(evidence)) => NextStep::Done(self.evidence_so_far(evidence)),
            (None, ask) => ask,
        }
    }

    /// The next request, if there is one.
    pub fn next_request(&self) -> Option<PageRequest> {
        match self.next() {
            NextStep::Request(ask) => Some(ask),
            NextStep::Done(_) => None,
        }
    }

    /// Accepts the answer to the request of [`TaskPager::next`].
    ///
    /// # Errors
    /// Where the answers contradict the assumptions of paging.
    pub fn accept(&mut self, keys: &PageKeys) -> Result<EmittedRows, PagingError> {
        let accepted = self.pager.answer(keys)?;
        if let NextStep::Done(evidence) = self.pager.next() {
            self.start_next_segment(evidence)?;
        }
        Ok(accepted)
    }

    /// Starts the next segment, if there is one and no limit of the task was reached.
    fn start_next_segment(&mut self, evidence: Evidence) -> Result<(), PagingError> {
        let Some(segment) = self.task.segment(self.segment_index + 1) else {
            return Ok(());
        };
        let mut evidence = self.evidence_so_far(evidence);
        let mut plan = pager_plan(
            self.context,
            self.report,
            &segment,
            &self.inputs,
            &self.spec,
        );
        plan.limits.known_cap = self.pager.learned_cap().or(plan.limits.known_cap);
        if let Some(max_rows) = &mut plan.limits.max_rows {
            *max_rows = max_rows.saturating_sub(evidence.rows);
        }
        plan.limits.max_requests = plan.limits.max_requests.saturating_sub(evidence.requests);
        let reached = match (plan.limits.max_rows, plan.limits.max_requests) {
            (Some(0), _) => Some(Shortfall::MaxRows),
            (_, 0) => Some(Shortfall::MaxRequests),
            _ => None,
        };
        if let Some(shortfall) = reached {
            evidence.status = Status::Capped(shortfall);
            self.stopped_early = Some(evidence);
            return Ok(());
        }
        self.pager = Cursor::new(plan)?;
        self.before = Some(evidence);
        self.segment = segment;
        self.segment_index += 1;
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
