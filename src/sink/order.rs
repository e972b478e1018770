//! The order of rows: the sort columns, then the digest of the whole row.
//!
//! With the digest last, equal rows stand side by side (so duplicates are counted by looking at neighbours) and rows with
//! equal sort columns have one order however they arrived.

use std::sync::Arc;

use arrow::array::{ArrayRef, FixedSizeBinaryArray, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::row::{RowConverter, Rows, SortField};

use super::internal;
use crate::error::{Code, Error, Result};

/// Bytes of a digest.
const DIGEST_BYTES: i32 = 16;

/// Name of the hidden last column of batches that are being sorted.
const DIGEST: &str = "\u{0}digest";

/// How rows are compared.
#[derive(Debug, Clone)]
pub(super) struct Order {
    /// Sort columns by place, then the digest.
    places: Vec<usize>,
    keyed: SchemaRef,
    plain: SchemaRef,
}

impl Order {
    /// By the named columns of the schema.
    pub fn new(schema: &SchemaRef, columns: &[String]) -> Result<Self> {
        let mut places = Vec::with_capacity(columns.len() + 1);
        for column in columns {
            places.push(schema.index_of(column).map_err(internal)?);
        }
        places.push(schema.fields().len());
        let mut fields: Vec<_> = schema.fields().iter().cloned().collect();
        fields.push(Arc::new(Field::new(
            DIGEST,
            DataType::FixedSizeBinary(DIGEST_BYTES),
            false,
        )));
        Ok(Self {
            places,
            keyed: Arc::new(Schema::new(fields)),
            plain: Arc::clone(schema),
        })
    }

    /// The schema with the hidden column.
    pub fn keyed(&self) -> &SchemaRef {
        &self.keyed
    }

    /// The schema without it.
    pub fn plain(&self) -> &SchemaRef {
        &self.plain
    }

    /// A batch with its digests as hidden column.
    pub fn attach(&self, batch: &RecordBatch, digests: &[u128]) -> Result<RecordBatch> {
        if batch.num_rows() != digests.len() {
            let message = format!("{} digests for {} rows", digests.len(), batch.num_rows());
            return Err(Error::new(Code::Internal, message));
        }
        let bytes: Vec<u8> = digests
            .iter()
            .flat_map(|digest| digest.to_be_bytes())
            .collect();
        let digests =
            FixedSizeBinaryArray::try_new(DIGEST_BYTES, bytes.into(), None).map_err(internal)?;
        let mut columns = batch.columns().to_vec();
        columns.push(Arc::new(digests));
        RecordBatch::try_new(Arc::clone(&self.keyed), columns).map_err(internal)
    }

    /// A batch without its hidden column.
    pub fn detach(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let mut columns = batch.columns().to_vec();
        columns.pop();
        let options =
            arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(Arc::clone(&self.plain), columns, &options)
            .map_err(internal)
    }

    /// A converter of rows to bytes that compare as the rows do.
    pub fn converter(&self) -> Result<RowConverter> {
        let kinds = self
            .places
            .iter()
            .filter_map(|place| self.keyed.fields().get(*place));
        let fields = kinds
            .map(|field| SortField::new(field.data_type().clone()))
            .collect();
        RowConverter::new(fields).map_err(internal)
    }

    /// The bytes of a batch's rows.
    pub fn rows(&self, converter: &RowConverter, batch: &RecordBatch) -> Result<Rows> {
        let columns: Vec<ArrayRef> = self
            .places
            .iter()
            .filter_map(|place| batch.columns().get(*place))
            .cloned()
            .collect();
        converter.convert_columns(&columns).map_err(internal)
    }
}
