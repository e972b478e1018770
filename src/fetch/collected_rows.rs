//! The accepted rows of a task, in its sorter, and what its answers were.

use std::ops::Range;
use std::path::PathBuf;

use sha2::{Digest as _, Sha256};

use crate::config::Report;
use crate::context::cpu_pool::run_on_cpu_pool;
use crate::context::fetched_task::sorter_in_use;
use crate::decode::{DecodeNotes, Decoder, OnBadValue, Page, PageSchema};
use crate::error::{Error, ErrorCode, Result};
use crate::landing::{AnswerOrigin, SavedResponse};
use crate::model::RunId;
use crate::paging::EmittedRows;
use crate::sink::{SorterOptions, TaskSorter};
use crate::state::schema::table_schema_of;

/// Rows in memory of one task; several tasks are fetched at a time.
const SORT_MEMORY_BYTES: usize = 16 << 20;

/// The rows of the answers that were accepted so far.
pub(super) struct CollectedRows {
    /// Absent only while a background thread works on it.
    sorter: Option<TaskSorter>,
    /// Units charged for the answers.
    pub units: u64,
    pub num_rows: u64,
    /// When the first answer was received.
    pub started_at: Option<i64>,
    /// When the last answer was received, and by which run.
    pub last: Option<(i64, RunId)>,
    /// The origin of the last answer.
    pub origin: Option<AnswerOrigin>,
    /// The hash over all bodies.
    pub bodies: Sha256,
    pub notes: DecodeNotes,
}

impl CollectedRows {
    /// No rows yet; `scratch` is the folder for rows that do not fit into memory.
    ///
    /// # Errors
    /// [`ErrorCode::Destination`] if the folder cannot be created.
    pub fn new(report: &Report, columns: &[String], scratch: PathBuf) -> Result<Self> {
        std::fs::create_dir_all(&scratch).map_err(|error| {
            let message = format!("cannot create the folder {}", scratch.display());
            Error::new(ErrorCode::Destination, message).with_source(error)
        })?;
        let schema = table_schema_of(report, columns)?;
        let page = PageSchema::new(report.endpoint, columns, &[], OnBadValue::Fail)?;
        let options = SorterOptions {
            memory_bytes: SORT_MEMORY_BYTES,
            ..SorterOptions::new(scratch)
        };
        let sorter = TaskSorter::new(Decoder::new(page).arrow(), schema.sort_key(), options)?;
        Ok(Self {
            sorter: Some(sorter),
            units: 0,
            num_rows: 0,
            started_at: None,
            last: None,
            origin: None,
            bodies: Sha256::new(),
            notes: DecodeNotes::default(),
        })
    }

    /// Adds the accepted rows of an answer: the page of that number, counted from 1.
    ///
    /// # Errors
    /// As [`TaskSorter::push`].
    pub async fn add(
        &mut self,
        saved: SavedResponse,
        page: Page,
        accepted: EmittedRows,
        page_number: u32,
    ) -> Result<()> {
        let header = saved.header;
        self.units += header.units;
        self.bodies.update(header.body_sha256.as_bytes());
        self.started_at.get_or_insert(header.received_at);
        self.last = Some((header.received_at, header.run));
        self.origin = header.origin;
        self.num_rows += u64::try_from(accepted.num_rows()).unwrap_or(u64::MAX);
        let Page { batch, keys, notes } = page;
        self.notes.merge(notes.of_page(page_number));
        let mut sorter = sorter_in_use(self.sorter.take())?;
        let pushed = run_on_cpu_pool(move || -> Result<TaskSorter> {
            for Range { start, end } in accepted.ranges {
                let digests = keys.digests.get(start..end).unwrap_or_default();
                sorter.push(&batch.slice(start, end - start), digests)?;
            }
            Ok(sorter)
        });
        self.sorter = Some(pushed.await??);
        Ok(())
    }

    /// Writes all rows to disk and returns the sorter that holds them.
    ///
    /// # Errors
    /// As [`TaskSorter::spill_all`].
    pub async fn spill(&mut self) -> Result<TaskSorter> {
        let mut sorter = sorter_in_use(self.sorter.take())?;
        run_on_cpu_pool(move || -> Result<TaskSorter> {
            sorter.spill_all()?;
            Ok(sorter)
        })
        .await?
    }
}
