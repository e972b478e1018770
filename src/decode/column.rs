//! One strategy per column type: how a JSON value becomes a value of the column's Arrow builder.
//!
//! The mapping is the one that every warehouse we know of loads without a cast; the reasons are at the variants of
//! [`Column`]. Every column is nullable and has its real type even where a page holds nulls only: readers refuse or
//! misread a file whose column has the Null type when the next file has a real one.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Date32Builder, Float64Builder, Int64Builder, ListArray,
    NullBufferBuilder, StringBuilder, StructArray, TimestampMicrosecondBuilder,
};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{FieldRef, Fields};

use super::error::{DecodeError, shorten};
use super::notes::DecodeNotes;
use super::object_reader::{FieldSpec, ObjectReader};
use super::on_bad_value::OnBadValue;
use super::scanner::Scanner;
use super::value_column::{ReadContext, ValueColumn};
use super::{json_text, number, time};
use crate::table::{ColumnType, LIST_ELEMENT};

/// The builder of a column, by its type.
pub(super) enum Column {
    /// Always 64 bits and signed: one width for all counts of the source, and Snowflake refuses unsigned values above
    /// 2^63-1.
    Integer(Int64Builder),
    /// Always 64 bits: `DOUBLE` in every engine. A decimal would need a precision that the source does not publish.
    Float(Float64Builder),
    Boolean(BooleanBuilder),
    /// Days without a time zone, also where the source adds a midnight, so that engines compare them with date literals.
    Date(Date32Builder),
    /// Microseconds in UTC: `BigQuery` does not list nanoseconds as supported, and Snowflake makes a time stamp with a
    /// time zone of values that are adjusted to UTC only.
    Timestamp(TimestampMicrosecondBuilder),
    /// UTF-8 with the STRING annotation: `BigQuery` reads a byte array without it as BYTES.
    Text(StringBuilder),
    /// JSON text, where the source publishes no inner schema or the type has no equivalent in a warehouse. No load
    /// statement turns it into a JSON or VARIANT column by itself; a view does.
    Json(StringBuilder),
    /// A list of three levels (`list/element`), the only form that `BigQuery` infers as an array.
    List(Box<ListColumn>),
    /// A struct with all fields that the catalog names, so that its type never depends on the rows of a page.
    Struct(Box<StructColumn>),
    /// A struct that the source sends as an array: its fields get names that readers can use.
    Tuple(Box<StructColumn>),
}

impl ValueColumn for Column {
    fn new(kind: &ColumnType, path: &str, is_tuple: bool) -> Self {
        match kind {
            ColumnType::Integer => Self::Integer(Int64Builder::with_capacity(0)),
            ColumnType::Float => Self::Float(Float64Builder::with_capacity(0)),
            ColumnType::Boolean => Self::Boolean(BooleanBuilder::with_capacity(0)),
            ColumnType::Date => Self::Date(Date32Builder::with_capacity(0)),
            ColumnType::Timestamp => Self::Timestamp(
                TimestampMicrosecondBuilder::with_capacity(0).with_data_type(kind.arrow()),
            ),
            ColumnType::Text => Self::Text(StringBuilder::with_capacity(0, 0)),
            ColumnType::Json => Self::Json(StringBuilder::with_capacity(0, 0)),
            ColumnType::List(items) => Self::List(Box::new(ListColumn::new(items, path, is_tuple))),
            ColumnType::Struct(fields) if is_tuple => {
                Self::Tuple(Box::new(StructColumn::new(fields, path)))
            }
            ColumnType::Struct(fields) => Self::Struct(Box::new(StructColumn::new(fields, path))),
        }
    }

    #[inline]
    fn read(
        &mut self,
        path: &str,
        scanner: &mut Scanner<'_>,
        context: &mut ReadContext,
    ) -> Result<(), DecodeError> {
        let first = scanner.peek();
        let start = scanner.offset();
        let is_appended = match (&mut *self, first) {
            (Self::Integer(builder), Some(b'-' | b'0'..=b'9')) => read_integer(builder, scanner)?,
            (Self::Float(builder), Some(b'-' | b'0'..=b'9')) => read_float(builder, scanner)?,
            (Self::Boolean(builder), Some(b't')) => {
                scanner.literal("true")?;
                builder.append_value(true);
                true
            }
            (Self::Boolean(builder), Some(b'f')) => {
                scanner.literal("false")?;
                builder.append_value(false);
                true
            }
            (Self::Date(builder), Some(b'"')) => read_date(builder, scanner, context)?,
            (Self::Timestamp(builder), Some(b'"')) => read_timestamp(builder, scanner, context)?,
            (Self::Text(builder), Some(b'"')) => {
                builder.append_value(scanner.string(&mut context.scratch)?);
                true
            }
            (Self::Json(builder), _) => read_json(builder, scanner, context)?,
            (Self::List(list), Some(b'[')) => return list.read(path, scanner, context),
            (Self::Struct(object), Some(b'{')) => return object.read(scanner, context),
            (Self::Tuple(object), Some(b'[')) => return object.read_tuple(scanner, context),
            _ => {
                scanner.skip_value()?;
                false
            }
        };
        if is_appended {
            Ok(())
        } else {
            self.reject(path, scanner.since(start), context)
        }
    }

    fn append_null(&mut self) {
        match self {
            Self::Integer(builder) => builder.append_null(),
            Self::Float(builder) => builder.append_null(),
            Self::Boolean(builder) => builder.append_null(),
            Self::Date(builder) => builder.append_null(),
            Self::Timestamp(builder) => builder.append_null(),
            Self::Text(builder) | Self::Json(builder) => builder.append_null(),
            Self::List(list) => list.append_null(),
            Self::Struct(object) | Self::Tuple(object) => object.append_null(),
        }
    }

    fn finish(&mut self, notes: &mut DecodeNotes) -> Result<ArrayRef, DecodeError> {
        Ok(match self {
            Self::Integer(builder) => Arc::new(builder.finish()),
            Self::Float(builder) => Arc::new(builder.finish()),
            Self::Boolean(builder) => Arc::new(builder.finish()),
            Self::Date(builder) => Arc::new(builder.finish()),
            Self::Timestamp(builder) => Arc::new(builder.finish()),
            Self::Text(builder) | Self::Json(builder) => Arc::new(builder.finish()),
            Self::List(list) => Arc::new(list.finish(notes)?),
            Self::Struct(object) | Self::Tuple(object) => Arc::new(object.finish(notes)?),
        })
    }
}

impl Column {
    /// Applies the rule for a value that does not fit the column.
    #[cold]
    fn reject(
        &mut self,
        path: &str,
        value: &str,
        context: &mut ReadContext,
    ) -> Result<(), DecodeError> {
        let text = shorten(value);
        match context.on_bad_value {
            OnBadValue::Fail => Err(DecodeError::Value {
                row: context.row,
                column: path.to_owned(),
                text,
                expected: self.type_name(),
            }),
            OnBadValue::Null => {
                context.notes.add_bad_value(context.row, path, text);
                self.append_null();
                Ok(())
            }
        }
    }

    /// The column's type in words, with its article.
    fn type_name(&self) -> &'static str {
        match self {
            Self::Integer(_) => "a 64-bit integer",
            Self::Float(_) => "a number",
            Self::Boolean(_) => "a boolean",
            Self::Date(_) => "a date",
            Self::Timestamp(_) => "a date-time",
            Self::Text(_) => "a string",
            Self::Json(_) => "JSON",
            Self::List(_) => "a list",
            Self::Struct(_) => "an object",
            Self::Tuple(_) => "an array of an object's values",
        }
    }
}

// Each of these returns whether the value fitted and was appended.

#[inline]
fn read_integer(
    builder: &mut Int64Builder,
    scanner: &mut Scanner<'_>,
) -> Result<bool, DecodeError> {
    let value = match scanner.short_integer() {
        Some(value) => Some(value),
        None => number::parse_integer(scanner.number()?),
    };
    if let Some(value) = value {
        builder.append_value(value);
    }
    Ok(value.is_some())
}

#[inline]
fn read_float(
    builder: &mut Float64Builder,
    scanner: &mut Scanner<'_>,
) -> Result<bool, DecodeError> {
    let value = number::parse_float(scanner.number()?);
    if let Some(value) = value {
        builder.append_value(value);
    }
    Ok(value.is_some())
}

#[inline]
fn read_date(
    builder: &mut Date32Builder,
    scanner: &mut Scanner<'_>,
    context: &mut ReadContext,
) -> Result<bool, DecodeError> {
    let value = time::parse_date(scanner.string(&mut context.scratch)?);
    if let Some(value) = value {
        builder.append_value(value);
    }
    Ok(value.is_some())
}

#[inline]
fn read_timestamp(
    builder: &mut TimestampMicrosecondBuilder,
    scanner: &mut Scanner<'_>,
    context: &mut ReadContext,
) -> Result<bool, DecodeError> {
    let value = time::parse_timestamp(scanner.string(&mut context.scratch)?);
    if let Some(value) = value {
        builder.append_value(value);
    }
    Ok(value.is_some())
}

fn read_json(
    builder: &mut StringBuilder,
    scanner: &mut Scanner<'_>,
    context: &mut ReadContext,
) -> Result<bool, DecodeError> {
    let start = scanner.offset();
    scanner.skip_value()?;
    let text = json_text::minify(scanner.since(start), &mut context.scratch);
    builder.append_value(text);
    Ok(true)
}

/// A column of lists.
pub(super) struct ListColumn {
    field: FieldRef,
    items: Column,
    offsets: Vec<i32>,
    length: i32,
    validity: NullBufferBuilder,
}

impl ListColumn {
    fn new(items: &ColumnType, path: &str, is_tuple: bool) -> Self {
        Self {
            field: Arc::new(items.field(LIST_ELEMENT)),
            items: Column::new(items, path, is_tuple),
            offsets: vec![0],
            length: 0,
            validity: NullBufferBuilder::new(0),
        }
    }

    fn read(
        &mut self,
        path: &str,
        scanner: &mut Scanner<'_>,
        context: &mut ReadContext,
    ) -> Result<(), DecodeError> {
        scanner.expect(b'[', "an array")?;
        let mut has_next = !scanner.accept(b']');
        while has_next {
            if scanner.peek() == Some(b'n') {
                scanner.literal("null")?;
                self.items.append_null();
            } else {
                self.items.read(path, scanner, context)?;
            }
            self.length += 1;
            has_next = scanner.comma_or_end(b']', "`,` or `]`")?;
        }
        self.offsets.push(self.length);
        self.validity.append_non_null();
        Ok(())
    }

    fn append_null(&mut self) {
        self.offsets.push(self.length);
        self.validity.append_null();
    }

    fn finish(&mut self, notes: &mut DecodeNotes) -> Result<ListArray, DecodeError> {
        let offsets = std::mem::replace(&mut self.offsets, vec![0]);
        self.length = 0;
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        let items = self.items.finish(notes)?;
        let validity = self.validity.finish();
        let array = ListArray::try_new(Arc::clone(&self.field), offsets, items, validity)?;
        Ok(array)
    }
}

/// A column of objects with known fields.
pub(super) struct StructColumn {
    arrow_fields: Fields,
    reader: ObjectReader<Column>,
    validity: NullBufferBuilder,
}

impl StructColumn {
    fn new(fields: &[(String, ColumnType)], path: &str) -> Self {
        let mut arrow_fields = Vec::with_capacity(fields.len());
        let mut specs = Vec::with_capacity(fields.len());
        for (name, kind) in fields {
            arrow_fields.push(kind.field(name));
            specs.push(FieldSpec::of_type(name, kind));
        }
        Self {
            arrow_fields: Fields::from(arrow_fields),
            reader: ObjectReader::new(path, &specs),
            validity: NullBufferBuilder::new(0),
        }
    }

    fn read(
        &mut self,
        scanner: &mut Scanner<'_>,
        context: &mut ReadContext,
    ) -> Result<(), DecodeError> {
        self.reader.read(scanner, context)?;
        self.validity.append_non_null();
        Ok(())
    }

    fn read_tuple(
        &mut self,
        scanner: &mut Scanner<'_>,
        context: &mut ReadContext,
    ) -> Result<(), DecodeError> {
        self.reader.read_tuple(scanner, context)?;
        self.validity.append_non_null();
        Ok(())
    }

    fn append_null(&mut self) {
        self.reader.append_nulls();
        self.validity.append_null();
    }

    fn finish(&mut self, notes: &mut DecodeNotes) -> Result<StructArray, DecodeError> {
        let arrays = self.reader.finish(notes)?;
        let validity = self.validity.finish();
        let array = StructArray::try_new(self.arrow_fields.clone(), arrays, validity)?;
        Ok(array)
    }
}
