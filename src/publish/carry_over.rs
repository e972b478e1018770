//! Rows of other tasks where a partition is one object: nothing can be linked into it, so they are rewritten, each task
//! in its place among the new ones.

use std::collections::{BTreeSet, VecDeque};

use crate::error::Result;
use crate::model::TaskId;
use crate::publish::merge_sources::{TaskRowIndex, miscounted};
use crate::publish::rewrite::{taken_over, whole_file};
use crate::sink::{PartitionWriter, SortPosition};
use crate::store::PartitionCommit;
use crate::table::TableSchema;
use crate::table::manifest::Committed;

/// The tasks of a partition that stay.
pub(crate) struct CarriedRows {
    sources: TaskRowIndex,
    /// What the rows of the whole object may say that they are sorted by.
    pub sorted_by: Vec<String>,
    /// The tasks that are not written yet, in the order of the partition.
    left: VecDeque<(SortPosition, usize)>,
    written: u64,
    wanted: u64,
}

impl CarriedRows {
    /// Finds the rows of all tasks that are not replaced.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Corrupt`] if they cannot be read, or are not what the manifest says.
    pub fn new(
        committing: &PartitionCommit,
        before: &Committed,
        replaced: &BTreeSet<TaskId>,
        schema: &TableSchema,
    ) -> Result<Self> {
        let mut files = Vec::new();
        let stays = before
            .tasks
            .iter()
            .any(|entry| !replaced.contains(&entry.task) && entry.rows > 0);
        for file in before.files.iter().filter(|file| stays && file.rows > 0) {
            files.push((file.clone(), whole_file(committing, file)?));
        }
        let sources = TaskRowIndex::index(
            committing.commit(),
            &before.tasks,
            files,
            schema.parameters(),
        )?;
        let mut left: Vec<(SortPosition, usize)> = Vec::new();
        for (index, (entry, _)) in sources.tasks.iter().enumerate() {
            if !replaced.contains(&entry.task) {
                left.push((taken_over(entry, &[]).sort_position(schema), index));
            }
        }
        // By the manifest, not by what was found: a task of which no row is found would be lost in silence.
        let wanted = before
            .tasks
            .iter()
            .filter(|entry| !replaced.contains(&entry.task))
            .map(|entry| entry.rows)
            .sum();
        left.sort();
        let order = schema.file_order();
        let is_sorted = left.is_empty() || sources.sorted_by == order;
        let sorted_by = if is_sorted { order } else { Vec::new() };
        Ok(Self {
            sources,
            sorted_by,
            left: left.into(),
            written: 0,
            wanted,
        })
    }

    /// Writes what comes before a place; everything where there is none.
    pub fn write_before(
        &mut self,
        place: Option<&SortPosition>,
        partition_by: &[String],
        writer: &mut PartitionWriter,
    ) -> Result<()> {
        while let Some((_, index)) = self
            .left
            .pop_front_if(|(of, _)| place.is_none_or(|place| *of < *place))
        {
            self.written += self.sources.write_task(index, partition_by, writer)?;
        }
        Ok(())
    }

    /// Writes the rest.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Corrupt`] if the rows are not as many as the manifest says.
    pub fn finish(&mut self, partition_by: &[String], writer: &mut PartitionWriter) -> Result<()> {
        self.write_before(None, partition_by, writer)?;
        if self.written == self.wanted {
            Ok(())
        } else {
            Err(miscounted(self.written, self.wanted))
        }
    }
}
