//! A body becomes a page.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Schema, SchemaRef};

use super::column::Column;
use super::compression::MAX_BODY_BYTES;
use super::error::{DecodeError, shorten};
use super::notes::DecodeNotes;
use super::object_reader::ObjectReader;
use super::page::Page;
use super::page_schema::PageSchema;
use super::scanner::Scanner;
use super::value_column::ReadContext;
use super::{digest, keys};
use crate::model::PageKeys;
use crate::table::Shape;

/// Keys of an unexpected object that an error shows.
const SHOWN_KEYS: usize = 5;

/// Decodes the answers of one request shape. Its builders are used again for each page.
pub struct Decoder {
    schema: PageSchema,
    arrow: SchemaRef,
    row_reader: ObjectReader<Column>,
}

impl Decoder {
    /// A decoder of pages of this schema.
    pub fn new(schema: PageSchema) -> Self {
        let mut fields = Vec::with_capacity(schema.num_report_columns);
        for column in schema.expected.iter().take(schema.num_report_columns) {
            fields.push(column.kind.field(&column.name));
        }
        Self {
            row_reader: row_reader(&schema),
            arrow: Arc::new(Schema::new(fields)),
            schema,
        }
    }

    /// The Arrow schema of its batches.
    pub fn arrow(&self) -> &SchemaRef {
        &self.arrow
    }

    /// Decodes one body, decompressed.
    ///
    /// # Errors
    /// A [`DecodeError`]. The decoder can be used again after it: nothing of the broken page is left.
    pub fn decode(&mut self, body: &[u8]) -> Result<Page, DecodeError> {
        let page = self.decode_page(body);
        if page.is_err() {
            self.row_reader = row_reader(&self.schema);
        }
        page
    }

    fn decode_page(&mut self, body: &[u8]) -> Result<Page, DecodeError> {
        if body.len() > MAX_BODY_BYTES {
            return Err(DecodeError::TooLarge {
                limit: MAX_BODY_BYTES,
            });
        }
        let text = std::str::from_utf8(body).map_err(|error| match error.error_len() {
            None => DecodeError::Truncated { offset: body.len() },
            Some(_) => DecodeError::NotUtf8 {
                offset: error.valid_up_to(),
            },
        })?;
        let mut scanner = Scanner::new(text.strip_prefix('\u{feff}').unwrap_or(text));
        let mut context = ReadContext {
            row: 0,
            on_bad_value: self.schema.on_bad_value,
            notes: DecodeNotes::default(),
            scratch: String::new(),
        };
        self.read_document(&mut scanner, &mut context)?;
        let mut notes = context.notes;
        notes.num_lone_surrogates = scanner.num_lone_surrogates;
        self.build_page(context.row, notes)
    }

    /// The whole body: an object that holds the rows under the response key.
    fn read_document(
        &mut self,
        scanner: &mut Scanner<'_>,
        context: &mut ReadContext,
    ) -> Result<(), DecodeError> {
        check_is_object(scanner)?;
        scanner.expect(b'{', "an object")?;
        let mut is_found = false;
        let mut error = None;
        let mut other_keys = Vec::new();
        let mut has_next = !scanner.accept(b'}');
        while has_next {
            let key = scanner.string(&mut context.scratch)?.to_owned();
            scanner.expect(b':', "`:`")?;
            scanner.peek();
            if key == self.schema.response_key {
                if is_found {
                    return Err(DecodeError::RepeatedResponseKey { key });
                }
                is_found = true;
                self.read_content(scanner, context)?;
            } else {
                let start = scanner.offset();
                scanner.skip_value()?;
                if key == "error" {
                    error = Some(shorten(scanner.since(start)));
                }
                other_keys.push(key);
                other_keys.truncate(SHOWN_KEYS);
            }
            has_next = scanner.comma_or_end(b'}', "`,` or `}`")?;
        }
        scanner.expect_end()?;
        if is_found {
            return Ok(());
        }
        Err(match error {
            Some(text) => DecodeError::ErrorAnswer { text },
            None => DecodeError::NoResponseKey {
                expected: self.schema.response_key.clone(),
                found: quoted_list(&other_keys),
            },
        })
    }

    /// The value under the response key. A record may be null: then there is none.
    fn read_content(
        &mut self,
        scanner: &mut Scanner<'_>,
        context: &mut ReadContext,
    ) -> Result<(), DecodeError> {
        match (self.schema.shape, scanner.peek()) {
            (_, None) => Err(scanner.error("a value")),
            (Shape::Record, Some(b'n')) => scanner.literal("null"),
            (Shape::Record, Some(b'{')) => {
                context.row = 1;
                self.row_reader.read(scanner, context)
            }
            (Shape::Rows | Shape::Scalars, Some(b'[')) => self.read_rows(scanner, context),
            (_, Some(_)) => Err(self.wrong_shape(scanner)),
        }
    }

    fn wrong_shape(&self, scanner: &Scanner<'_>) -> DecodeError {
        DecodeError::WrongShape {
            key: self.schema.response_key.clone(),
            expected: match self.schema.shape {
                Shape::Rows => "an array of objects",
                Shape::Record => "an object",
                Shape::Scalars => "an array",
            },
            start: shorten(scanner.rest()),
        }
    }

    fn read_rows(
        &mut self,
        scanner: &mut Scanner<'_>,
        context: &mut ReadContext,
    ) -> Result<(), DecodeError> {
        scanner.expect(b'[', "an array")?;
        let mut has_next = !scanner.accept(b']');
        while has_next {
            context.row += 1;
            match (self.schema.shape, scanner.peek()) {
                (Shape::Scalars, _) => self.row_reader.read_scalar(scanner, context)?,
                (Shape::Rows | Shape::Record, Some(b'{') | None) => {
                    self.row_reader.read(scanner, context)?;
                }
                (Shape::Rows | Shape::Record, Some(_)) => return Err(self.wrong_shape(scanner)),
            }
            has_next = scanner.comma_or_end(b']', "`,` or `]`")?;
        }
        Ok(())
    }

    fn build_page(&mut self, num_rows: u64, mut notes: DecodeNotes) -> Result<Page, DecodeError> {
        let mut columns = self.row_reader.finish(&mut notes)?;
        // The body's size bounds the number of rows far below the range of usize.
        let num_rows = usize::try_from(num_rows).unwrap_or(usize::MAX);
        let mut key_columns: Vec<ArrayRef> = Vec::with_capacity(self.schema.key_indices.len());
        for index in &self.schema.key_indices {
            if let Some(column) = columns.get(*index) {
                key_columns.push(Arc::clone(column));
            }
        }
        columns.truncate(self.schema.num_report_columns);
        let keys = PageKeys {
            width: key_columns.len(),
            values: keys::key_values(&key_columns, num_rows)?,
            digests: digest::row_digests(&columns, num_rows)?,
        };
        let options = RecordBatchOptions::new().with_row_count(Some(num_rows));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.arrow), columns, &options)?;
        Ok(Page { batch, keys, notes })
    }
}

fn row_reader(schema: &PageSchema) -> ObjectReader<Column> {
    let mut specs = Vec::with_capacity(schema.expected.len());
    for column in &schema.expected {
        specs.push(column.spec());
    }
    ObjectReader::new("", &specs)
}

fn check_is_object(scanner: &mut Scanner<'_>) -> Result<(), DecodeError> {
    match scanner.peek() {
        Some(b'{') => Ok(()),
        Some(b'[') => Err(DecodeError::ErrorAnswer {
            text: shorten(scanner.rest()),
        }),
        None => Err(scanner.error("an object")),
        Some(_) => Err(DecodeError::NotJson {
            start: shorten(scanner.rest()),
        }),
    }
}

fn quoted_list(keys: &[String]) -> String {
    if keys.is_empty() {
        return "none".to_owned();
    }
    let quoted: Vec<String> = keys
        .iter()
        .map(|key| format!("`{}`", shorten(key)))
        .collect();
    quoted.join(", ")
}
