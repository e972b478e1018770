//! The order of rows: the sort columns, then the digest of the whole row.
//!
//! With the digest last, equal rows are neighbours (so duplicates are counted by comparing neighbours) and rows with equal
//! sort columns have one order however they arrived.

use std::sync::Arc;

use arrow::array::{ArrayRef, FixedSizeBinaryArray, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::row::{RowConverter, Rows, SortField};

use super::error::mismatched_columns;
use crate::error::{Error, ErrorCode, Result};

/// Bytes of a digest.
const DIGEST_BYTES: i32 = 16;

/// Name of the hidden last column of batches that are being sorted.
const DIGEST: &str = "\u{0}digest";

/// How rows are compared.
#[derive(Debug, Clone)]
pub(super) struct RowOrder {
    /// Indices of the sort columns, then of the digest.
    sort_columns: Vec<usize>,
    digested_schema: SchemaRef,
    schema: SchemaRef,
}

impl RowOrder {
    /// By the named columns of the schema.
    pub fn new(schema: &SchemaRef, columns: &[String]) -> Result<Self> {
        let mut sort_columns = Vec::with_capacity(columns.len() + 1);
        for column in columns {
            sort_columns.push(schema.index_of(column).map_err(mismatched_columns)?);
        }
        sort_columns.push(schema.fields().len());
        let mut fields: Vec<_> = schema.fields().iter().cloned().collect();
        let digest = DataType::FixedSizeBinary(DIGEST_BYTES);
        fields.push(Arc::new(Field::new(DIGEST, digest, false)));
        Ok(Self {
            sort_columns,
            digested_schema: Arc::new(Schema::new(fields)),
            schema: Arc::clone(schema),
        })
    }

    /// The schema with the hidden column.
    pub fn digested_schema(&self) -> &SchemaRef {
        &self.digested_schema
    }

    /// The schema without it.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Adds digests to a batch, as its hidden column.
    pub fn with_digests(&self, batch: &RecordBatch, digests: &[u128]) -> Result<RecordBatch> {
        if batch.num_rows() != digests.len() {
            let message = format!("{} digests for {} rows", digests.len(), batch.num_rows());
            return Err(Error::new(ErrorCode::Internal, message));
        }
        let mut bytes = Vec::with_capacity(size_of_val(digests));
        for digest in digests {
            bytes.extend_from_slice(&digest.to_be_bytes());
        }
        let digests = FixedSizeBinaryArray::try_new(DIGEST_BYTES, bytes.into(), None)
            .map_err(mismatched_columns)?;
        let mut columns = batch.columns().to_vec();
        columns.push(Arc::new(digests));
        RecordBatch::try_new(Arc::clone(&self.digested_schema), columns).map_err(mismatched_columns)
    }

    /// Removes the hidden column from a batch.
    pub fn without_digests(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let mut columns = batch.columns().to_vec();
        columns.pop();
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
            .map_err(mismatched_columns)
    }

    /// A converter of rows to bytes that compare as the rows do.
    pub fn converter(&self) -> Result<RowConverter> {
        let mut fields = Vec::with_capacity(self.sort_columns.len());
        for index in &self.sort_columns {
            if let Some(field) = self.digested_schema.fields().get(*index) {
                fields.push(SortField::new(field.data_type().clone()));
            }
        }
        RowConverter::new(fields).map_err(mismatched_columns)
    }

    /// The bytes of a batch's rows.
    pub fn rows(&self, converter: &RowConverter, batch: &RecordBatch) -> Result<Rows> {
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.sort_columns.len());
        for index in &self.sort_columns {
            if let Some(column) = batch.columns().get(*index) {
                columns.push(Arc::clone(column));
            }
        }
        converter
            .convert_columns(&columns)
            .map_err(mismatched_columns)
    }
}
