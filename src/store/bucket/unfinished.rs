//! Records of tasks that did not end in a commit, in the state of their partition.

use std::time::{Duration, Instant};

use super::client::Bucket;
use super::state::BucketState;
use super::tables::state_name;
use super::versioned_record::{Record as _, VersionedRecord};
use crate::error::{Error, ErrorCode, Result};
use crate::store::claim_result::ClaimResult;
use crate::store::unfinished::add_unfinished;
use crate::table::manifest::UnfinishedTask;

/// Time between two looks at a partition that another process holds.
const POLL: Duration = Duration::from_millis(500);

impl Bucket {
    /// As [`crate::store::Store::record_unfinished`].
    ///
    /// # Errors
    /// [`ErrorCode::Destination`], or [`ErrorCode::Locked`] if another process does not release the partition.
    pub(in crate::store) async fn record_unfinished(
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
        let mut record = self.take_within(report, partition, who, patience).await?;
        let mut next = record.value.state.clone();
        add_unfinished(&mut next, known.as_ref(), tasks);
        record
            .change(|value| {
                value.state.unfinished = next.unfinished;
                value.set_holder(None);
            })
            .await
    }

    /// As [`crate::store::Store::remove_unfinished`].
    ///
    /// # Errors
    /// As [`Bucket::record_unfinished`].
    pub(in crate::store) async fn remove_unfinished(
        &self,
        report: &str,
        partition: &str,
        is_removed: impl Fn(&UnfinishedTask) -> bool + Sync,
        who: &str,
        patience: Duration,
    ) -> Result<usize> {
        let name = state_name(report, partition);
        let Some(known) = VersionedRecord::<BucketState>::load(self, &name).await? else {
            return Ok(0);
        };
        if !known.value.state.unfinished.iter().any(&is_removed) {
            return Ok(0);
        }
        let mut record = self.take_within(report, partition, who, patience).await?;
        let num_before = record.value.state.unfinished.len();
        let mut remaining = record.value.state.unfinished.clone();
        remaining.retain(|task| !is_removed(task));
        let num_removed = num_before - remaining.len();
        record
            .change(|value| {
                value.state.unfinished = remaining;
                value.set_holder(None);
            })
            .await?;
        Ok(num_removed)
    }

    /// Takes a partition, recovered; waits for a process that holds it.
    pub(super) async fn take_within(
        &self,
        report: &str,
        partition: &str,
        who: &str,
        patience: Duration,
    ) -> Result<VersionedRecord<BucketState>> {
        let start = Instant::now();
        loop {
            match self.take_partition(report, partition, who).await? {
                ClaimResult::Claimed(record) => return Ok(record),
                ClaimResult::HeldBy(holder) if start.elapsed() >= patience => {
                    let message = format!("{report}/{partition} is held by {holder}");
                    return Err(Error::new(ErrorCode::Locked, message).with_hint(
                        "wait for it, or run the same command again when its lease has expired",
                    ));
                }
                ClaimResult::HeldBy(_) => tokio::time::sleep(POLL.min(patience)).await,
            }
        }
    }
}
