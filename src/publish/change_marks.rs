//! What each row of a report of changes is: new, lost, or of the base.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::Schema;

use crate::catalog::Endpoint;
use crate::error::{Error, ErrorCode, Result};
use crate::publish::system_tables::defect;
use crate::table::{CHANGE, ColumnType};

/// The rows with what each of them is: `base`, or `lost` where it is gone, else `new`. One that came and went within the
/// window is lost.
pub(crate) fn mark(batch: &RecordBatch, endpoint: &Endpoint, is_base: bool) -> Result<RecordBatch> {
    let words: StringArray = if is_base {
        (0..batch.num_rows()).map(|_| Some("base")).collect()
    } else {
        let lost = endpoint
            .changes
            .as_ref()
            .and_then(|changes| batch.column_by_name(&changes.lost));
        let lost = lost.ok_or_else(|| {
            Error::new(
                ErrorCode::Internal,
                "rows of changes lack the date of their loss",
            )
        })?;
        (0..batch.num_rows())
            .map(|row| Some(if lost.is_null(row) { "new" } else { "lost" }))
            .collect()
    };
    let mut fields: Vec<_> = batch.schema().fields().iter().cloned().collect();
    fields.push(Arc::new(ColumnType::Text.field(CHANGE)));
    let mut columns = batch.columns().to_vec();
    columns.push(Arc::new(words) as ArrayRef);
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(defect)
}

#[cfg(test)]
mod tests {
    use arrow::array::TimestampMicrosecondArray;

    use super::*;
    use crate::catalog::Catalog;

    /// A row tells how things are when it is read: one that was lost within the window and found again is live, and `new`
    /// where it is dated again; one whose first date lies before the window does not match the filter, unless it is lost.
    #[test]
    fn a_row_is_lost_if_it_is_gone_when_it_is_read_and_new_otherwise() {
        let endpoint = Catalog::embedded()
            .endpoint("site-explorer/all-backlinks")
            .expect("a known endpoint");
        let lost = &endpoint.changes.as_ref().expect("dated").lost;
        let field = ColumnType::Timestamp.field(lost);
        let dates = TimestampMicrosecondArray::from(vec![None, Some(1), None]).with_timezone("UTC");
        let batch = RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![Arc::new(dates)])
            .expect("a batch");
        let words = |is_base| {
            let marked = mark(&batch, endpoint, is_base).expect("marked");
            let column = marked.column_by_name(CHANGE).expect("there").clone();
            let column = column
                .as_any()
                .downcast_ref::<StringArray>()
                .expect("text")
                .clone();
            column
                .iter()
                .map(|word| word.unwrap_or_default().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(words(false), ["new", "lost", "new"]);
        assert_eq!(words(true), ["base"; 3]);
        let filter =
            crate::fetch::changes::changes_filter(endpoint, "2026-11-21".parse().expect("a date"))
                .expect("dated")
                .to_json()
                .to_string();
        // On the first day of the window, too: a date that equals it is within.
        for part in [
            "first_seen_link",
            "last_seen",
            "\"gte\",\"2026-11-21T00:00:00Z\"",
        ] {
            assert!(filter.contains(part), "{part}: {filter}");
        }
    }
}
