//! One strategy per column type: how a JSON value becomes a value of the column's builder.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Date32Builder, Float64Builder, Int64Builder, ListArray,
    NullBufferBuilder, StringBuilder, StructArray, TimestampMicrosecondBuilder,
};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{FieldRef, Fields as ArrowFields};

use super::error::shorten;
use super::fields::{Fields, Known};
use super::scanner::Scanner;
use super::{DecodeError, Notes, OnBadValue, json_text, number, time};
use crate::table::{ColumnType, LIST_ELEMENT};

/// What reading a page carries along.
pub(super) struct Context {
    /// Row that is being read, from 1.
    pub row: u64,
    /// What is done with a value that does not fit.
    pub on_bad_value: OnBadValue,
    /// What was unusual so far.
    pub notes: Notes,
    /// Where strings are unescaped; reused for each.
    pub scratch: String,
}

/// The builder of a column, by its type.
pub(super) enum Column {
    Integer(Int64Builder),
    Float(Float64Builder),
    Boolean(BooleanBuilder),
    Date(Date32Builder),
    Timestamp(TimestampMicrosecondBuilder),
    Text(StringBuilder),
    Json(StringBuilder),
    List(Box<ListColumn>),
    Struct(Box<StructColumn>),
    /// A struct that is sent as an array.
    Tuple(Box<StructColumn>),
}

impl Column {
    /// An empty column. `path` names it in notes; `by_place`: its objects come as arrays.
    pub fn new(kind: &ColumnType, path: &str, by_place: bool) -> Self {
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
            ColumnType::List(items) => Self::List(Box::new(ListColumn::new(items, path, by_place))),
            ColumnType::Struct(fields) if by_place => {
                Self::Tuple(Box::new(StructColumn::new(fields, path)))
            }
            ColumnType::Struct(fields) => Self::Struct(Box::new(StructColumn::new(fields, path))),
        }
    }

    /// Reads one value that is not null.
    #[inline]
    pub fn read(
        &mut self,
        path: &str,
        scanner: &mut Scanner<'_>,
        context: &mut Context,
    ) -> Result<(), DecodeError> {
        let first = scanner.peek();
        let start = scanner.offset();
        match (&mut *self, first) {
            (Self::Integer(builder), Some(b'-' | b'0'..=b'9')) => {
                let value = match scanner.short_integer() {
                    Some(value) => Some(value),
                    None => number::parse_integer(scanner.number()?),
                };
                if let Some(value) = value {
                    builder.append_value(value);
                    return Ok(());
                }
            }
            (Self::Float(builder), Some(b'-' | b'0'..=b'9')) => {
                if let Some(value) = number::parse_float(scanner.number()?) {
                    builder.append_value(value);
                    return Ok(());
                }
            }
            (Self::Boolean(builder), Some(b't')) => {
                scanner.literal("true")?;
                builder.append_value(true);
                return Ok(());
            }
            (Self::Boolean(builder), Some(b'f')) => {
                scanner.literal("false")?;
                builder.append_value(false);
                return Ok(());
            }
            (Self::Date(builder), Some(b'"')) => {
                if let Some(value) = time::parse_date(scanner.string(&mut context.scratch)?) {
                    builder.append_value(value);
                    return Ok(());
                }
            }
            (Self::Timestamp(builder), Some(b'"')) => {
                if let Some(value) = time::parse_timestamp(scanner.string(&mut context.scratch)?) {
                    builder.append_value(value);
                    return Ok(());
                }
            }
            (Self::Text(builder), Some(b'"')) => {
                builder.append_value(scanner.string(&mut context.scratch)?);
                return Ok(());
            }
            (Self::Json(builder), _) => {
                scanner.skip_value()?;
                builder.append_value(json_text::minify(
                    scanner.since(start),
                    &mut context.scratch,
                ));
                return Ok(());
            }
            (Self::List(list), Some(b'[')) => return list.read(path, scanner, context),
            (Self::Struct(object), Some(b'{')) => return object.read(scanner, context),
            (Self::Tuple(object), Some(b'[')) => return object.read_places(scanner, context),
            _ => scanner.skip_value()?,
        }
        self.reject(path, scanner.since(start), context)
    }

    /// What is done with a value that does not fit.
    #[cold]
    fn reject(
        &mut self,
        path: &str,
        value: &str,
        context: &mut Context,
    ) -> Result<(), DecodeError> {
        let text = shorten(value);
        match context.on_bad_value {
            OnBadValue::Fail => {
                let (row, column, wanted) = (context.row, path.to_owned(), self.wanted());
                Err(DecodeError::Value {
                    row,
                    column,
                    text,
                    wanted,
                })
            }
            OnBadValue::Null => {
                context.notes.add_bad_value(context.row, path, text);
                self.append_null();
                Ok(())
            }
        }
    }

    /// The column's type in words.
    fn wanted(&self) -> &'static str {
        match self {
            Self::Integer(_) => "whole number of 64 bits",
            Self::Float(_) => "number",
            Self::Boolean(_) => "true or false",
            Self::Date(_) => "date",
            Self::Timestamp(_) => "date-time",
            Self::Text(_) => "string",
            Self::Json(_) => "JSON",
            Self::List(_) => "list",
            Self::Struct(_) => "object",
            Self::Tuple(_) => "list of an object's values",
        }
    }

    /// Adds a null.
    pub fn append_null(&mut self) {
        match self {
            Self::Integer(builder) => builder.append_null(),
            Self::Float(builder) => builder.append_null(),
            Self::Boolean(builder) => builder.append_null(),
            Self::Date(builder) => builder.append_null(),
            Self::Timestamp(builder) => builder.append_null(),
            Self::Text(builder) | Self::Json(builder) => builder.append_null(),
            Self::List(list) => list.append_null(),
            Self::Struct(object) | Self::Tuple(object) => {
                object.fields.append_nulls();
                object.validity.append_null();
            }
        }
    }

    /// Ends the column and starts a new one.
    pub fn finish(&mut self, notes: &mut Notes) -> Result<ArrayRef, DecodeError> {
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

/// A column of lists.
pub(super) struct ListColumn {
    field: FieldRef,
    items: Column,
    offsets: Vec<i32>,
    length: i32,
    validity: NullBufferBuilder,
}

impl ListColumn {
    fn new(items: &ColumnType, path: &str, by_place: bool) -> Self {
        Self {
            field: Arc::new(items.field(LIST_ELEMENT)),
            items: Column::new(items, path, by_place),
            offsets: vec![0],
            length: 0,
            validity: NullBufferBuilder::new(0),
        }
    }

    fn read(
        &mut self,
        path: &str,
        scanner: &mut Scanner<'_>,
        context: &mut Context,
    ) -> Result<(), DecodeError> {
        scanner.expect(b'[', "an array")?;
        let mut more = !scanner.accept(b']');
        while more {
            if scanner.peek() == Some(b'n') {
                scanner.literal("null")?;
                self.items.append_null();
            } else {
                self.items.read(path, scanner, context)?;
            }
            self.length += 1;
            more = scanner.another(b']', "`,` or `]`")?;
        }
        self.offsets.push(self.length);
        self.validity.append_non_null();
        Ok(())
    }

    fn append_null(&mut self) {
        self.offsets.push(self.length);
        self.validity.append_null();
    }

    fn finish(&mut self, notes: &mut Notes) -> Result<ListArray, DecodeError> {
        let offsets = std::mem::replace(&mut self.offsets, vec![0]);
        self.length = 0;
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        let items = self.items.finish(notes)?;
        Ok(ListArray::try_new(
            Arc::clone(&self.field),
            offsets,
            items,
            self.validity.finish(),
        )?)
    }
}

/// A column of objects with known fields.
pub(super) struct StructColumn {
    arrow: ArrowFields,
    fields: Fields,
    validity: NullBufferBuilder,
}

impl StructColumn {
    fn new(fields: &[(String, ColumnType)], path: &str) -> Self {
        Self {
            arrow: fields.iter().map(|(name, kind)| kind.field(name)).collect(),
            fields: Fields::new(
                path,
                fields.iter().map(|(name, kind)| Known::field(name, kind)),
            ),
            validity: NullBufferBuilder::new(0),
        }
    }

    fn read(
        &mut self,
        scanner: &mut Scanner<'_>,
        context: &mut Context,
    ) -> Result<(), DecodeError> {
        self.fields.read(scanner, context)?;
        self.validity.append_non_null();
        Ok(())
    }

    fn read_places(
        &mut self,
        scanner: &mut Scanner<'_>,
        context: &mut Context,
    ) -> Result<(), DecodeError> {
        self.fields.read_places(scanner, context)?;
        self.validity.append_non_null();
        Ok(())
    }

    fn finish(&mut self, notes: &mut Notes) -> Result<StructArray, DecodeError> {
        let arrays = self.fields.finish(notes)?;
        Ok(StructArray::try_new(
            self.arrow.clone(),
            arrays,
            self.validity.finish(),
        )?)
    }
}
