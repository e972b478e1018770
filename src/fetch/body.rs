//! Decodes bodies to pages, off the async threads.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::api::{BodyCheck, KeyRing};
use crate::clock::SharedClock;
use crate::config::{OnMismatch, Report};
use crate::context::cpu_pool::run_on_cpu_pool;
use crate::context::fetched_task::interrupted_error;
use crate::decode::{Decoder, OnBadValue, Page, decompress};
use crate::error::{Error, ErrorCode, Result};
use crate::landing::SavedResponse;
use crate::model::Answer;

/// How long a run waits for requests in flight after an interrupt: their units are charged.
const INTERRUPT_PATIENCE: Duration = Duration::from_secs(5);

/// The report's policy for a value that does not fit.
pub(crate) fn on_bad_value(report: &Report) -> OnBadValue {
    match report.on_bad_value {
        OnMismatch::Fail => OnBadValue::Fail,
        OnMismatch::Null => OnBadValue::Null,
    }
}

/// The check of a new answer: a body that cannot be read may come whole the next time, one that does not fit will not.
pub(crate) async fn decode(
    decoder: Arc<Mutex<Decoder>>,
    keys: Arc<KeyRing>,
    answer: Answer,
) -> std::result::Result<(Page, Answer), BodyCheck> {
    let decoded = run_on_cpu_pool(move || {
        let body = decompressed_without_key(&answer, &keys)?;
        let page = decoder
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .decode(&body);
        drop(body);
        match page {
            Ok(page) => Ok((page, answer)),
            Err(error) if error.is_damage() => Err(BodyCheck::Retry(error.into())),
            Err(error) => Err(BodyCheck::Fail(error.into())),
        }
    });
    match decoded.await {
        Ok(outcome) => outcome,
        Err(error) => Err(BodyCheck::Fail(error)),
    }
}

/// Decodes an answer that was saved.
pub(crate) async fn decode_saved(
    decoder: Arc<Mutex<Decoder>>,
    saved: SavedResponse,
) -> Result<Page> {
    run_on_cpu_pool(move || {
        let body = decompress(&saved.body, saved.header.encoding)?;
        Ok(decoder
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .decode(&body)?)
    })
    .await
    .flatten()
}

/// A new body without its compression. One that repeats the key is refused before anything of it is quoted or saved.
pub(crate) fn decompressed_without_key<'a>(
    answer: &'a Answer,
    keys: &KeyRing,
) -> std::result::Result<Cow<'a, [u8]>, BodyCheck> {
    let body = decompress(&answer.body, answer.encoding)
        .map_err(|error| BodyCheck::Retry(error.into()))?;
    if keys.appear_in(&body) {
        let error = Error::new(
            ErrorCode::Body,
            "the answer repeats the API key (***) and is not used",
        )
        .with_hint("check [source] base_url and proxy: something on the way sends requests back");
        return Err(BodyCheck::Fail(error));
    }
    Ok(body)
}

/// Waits for an answer, and gives up on it some time after an interrupt: then it counts as charged.
pub(crate) async fn with_interrupt_grace<T>(
    clock: &SharedClock,
    cancel: &CancellationToken,
    answer: impl Future<Output = Result<T>>,
) -> Result<T> {
    let out_of_patience = async {
        cancel.cancelled().await;
        clock.sleep(INTERRUPT_PATIENCE).await;
    };
    tokio::select! {
        answer = answer => answer,
        () = out_of_patience => Err(interrupted_error()),
    }
}

/// Runs work that would hold up other tasks on a thread of its own.
pub(crate) async fn run_blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(error) => {
            Err(Error::new(ErrorCode::Internal, "a background task was cut off").with_source(error))
        }
    }
}
