//! The saved answers of an attempt: replayed in order, then extended by new ones.

use crate::error::Result;
use crate::fetch::body::run_blocking;
use crate::fetch::pager_plan::AttemptInputs;
use crate::landing::{Attempt, ResponseStore, SavedResponse};
use crate::model::{Answer, Request, RunId};

/// The answers of one attempt, up to the next one.
pub(super) struct AttemptAnswers {
    landing: ResponseStore,
    attempt: Attempt,
    /// The number of the next answer.
    sequence: u32,
    /// Saved answers may still follow; false from the first new one on, since no saved answer follows a new one.
    is_replaying: bool,
}

impl AttemptAnswers {
    /// The answers of an attempt, from the first one on.
    pub fn new(landing: ResponseStore, attempt: Attempt) -> Self {
        Self {
            landing,
            attempt,
            sequence: 0,
            is_replaying: true,
        }
    }

    pub fn attempt(&self) -> &Attempt {
        &self.attempt
    }

    pub fn sequence(&self) -> u32 {
        self.sequence
    }

    pub fn is_replaying(&self) -> bool {
        self.is_replaying
    }

    /// The saved answer that comes next, if there is one.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`] if it cannot be read.
    pub async fn load_next(&self) -> Result<Option<SavedResponse>> {
        if !self.is_replaying {
            return Ok(None);
        }
        let (landing, attempt) = (self.landing.clone(), self.attempt.clone());
        let sequence = self.sequence;
        run_blocking(move || landing.load(&attempt, sequence)).await
    }

    /// Ends the replay and sets the saved answers from here on aside: they are damaged, or answer another request.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`] if they cannot be set aside.
    pub async fn end_replay(&mut self, is_outdated: bool) -> Result<()> {
        self.is_replaying = false;
        let (landing, attempt) = (self.landing.clone(), self.attempt.clone());
        let sequence = self.sequence;
        if is_outdated {
            tracing::info!(task = %attempt.task, sequence, "saved responses answer another request and are not used");
        }
        run_blocking(move || {
            landing.begin(&attempt)?;
            landing.set_aside(&attempt, sequence)
        })
        .await
    }

    /// Saves a new answer as the next one; the first one with the inputs of the attempt.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`] if it cannot be saved.
    pub async fn save(
        &self,
        run_id: &RunId,
        request: &Request,
        answer: Answer,
        units: u64,
        inputs: &AttemptInputs,
    ) -> Result<SavedResponse> {
        let (landing, attempt) = (self.landing.clone(), self.attempt.clone());
        let (run_id, request, inputs) = (run_id.clone(), request.clone(), inputs.clone());
        let sequence = self.sequence;
        run_blocking(move || {
            let mut saved = SavedResponse::new(sequence, &run_id, request, answer, units)?;
            if sequence == 0 {
                saved.header.inputs = inputs.to_json()?;
            }
            landing.save(&attempt, &saved)?;
            Ok(saved)
        })
        .await
    }

    /// Counts an answer that was accepted.
    pub fn advance(&mut self) {
        self.sequence += 1;
    }

    /// Begins the next attempt, so that a later run requests everything again.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`].
    pub fn begin_next_attempt(&self) -> Result<()> {
        self.landing.begin(&Attempt {
            number: self.attempt.number + 1,
            ..self.attempt.clone()
        })
    }
}
