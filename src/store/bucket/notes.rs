//! What is said of tasks that did not end in a commit, beside what a partition holds.

use std::time::{Duration, Instant};

use super::lease::{Record as _, Taken, Tracked};
use super::tables::state_name;
use super::{Bucket, BucketState};
use crate::error::{Code, Error, Result};
use crate::store::record::add_unfinished;
use crate::table::manifest::{PartitionState, UnfinishedTask};

/// Between two looks at a partition that somebody else holds.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

impl Bucket {
    /// As [`crate::store::Store::note_unfinished`].
    ///
    /// # Errors
    /// [`Code::Destination`], or [`Code::Locked`] if another process does not let go of the partition.
    pub async fn note_unfinished(
        &self,
        report: &str,
        partition: &str,
        tasks: Vec<UnfinishedTask>,
        who: &str,
        patience: Duration,
    ) -> Result<()> {
        let known = self
            .partition(report, partition)
            .await?
            .and_then(|state| state.committed);
        let mut tracked = self.take_within(report, partition, who, patience).await?;
        let mut next: PartitionState = tracked.value.state.clone();
        add_unfinished(&mut next, known.as_ref(), tasks);
        tracked
            .change(|value| {
                value.state.unfinished = next.unfinished;
                value.give(None);
            })
            .await
    }

    /// As [`crate::store::Store::strike_unfinished`].
    ///
    /// # Errors
    /// As [`Bucket::note_unfinished`].
    pub async fn strike_unfinished(
        &self,
        report: &str,
        partition: &str,
        is_gone: impl Fn(&UnfinishedTask) -> bool + Sync,
        who: &str,
        patience: Duration,
    ) -> Result<usize> {
        if !Tracked::<BucketState>::load(self, &state_name(report, partition))
            .await?
            .is_some_and(|known| known.value.state.unfinished.iter().any(&is_gone))
        {
            return Ok(0);
        }
        let mut tracked = self.take_within(report, partition, who, patience).await?;
        let before = tracked.value.state.unfinished.len();
        let mut left = tracked.value.state.unfinished.clone();
        left.retain(|task| !is_gone(task));
        let gone = before - left.len();
        tracked
            .change(|value| {
                value.state.unfinished = left;
                value.give(None);
            })
            .await?;
        Ok(gone)
    }

    /// Takes a partition, settled; waits for whoever holds it.
    pub(super) async fn take_within(
        &self,
        report: &str,
        partition: &str,
        who: &str,
        patience: Duration,
    ) -> Result<Tracked<BucketState>> {
        let start = Instant::now();
        loop {
            match self.take_partition(report, partition, who).await? {
                Taken::Ours(tracked) => return Ok(tracked),
                Taken::Held(holder) if start.elapsed() >= patience => {
                    let message = format!("{report}/{partition} is held by {holder}");
                    return Err(Error::new(Code::Locked, message).with_next(
                        "wait for it, or run the same command again when its lease has run out",
                    ));
                }
                Taken::Held(_) => tokio::time::sleep(LOOK_AGAIN.min(patience)).await,
            }
        }
    }
}
