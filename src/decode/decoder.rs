//! A body becomes a page.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Schema, SchemaRef};

use super::column::Context;
use super::error::shorten;
use super::fields::Fields;
use super::page::ExpectedColumn;
use super::scanner::Scanner;
use super::{DecodeError, MAX_BODY_BYTES, Notes, PageSchema, digest, keys};
use crate::model::PageKeys;
use crate::table::Shape;

/// Keys of a foreign object that an error shows.
const SHOWN_KEYS: usize = 5;

/// One answer, decoded.
#[derive(Debug, Clone)]
pub struct Page {
    /// The report's own columns, in order; columns that only paging added are not among them.
    pub batch: RecordBatch,
    /// What paging needs.
    pub keys: PageKeys,
    /// What was unusual.
    pub notes: Notes,
}

impl Page {
    /// Bytes that its values take, about.
    pub fn bytes(&self) -> usize {
        self.batch
            .columns()
            .iter()
            .map(|column| column.to_data().get_slice_memory_size().unwrap_or(0))
            .sum()
    }
}

/// Decodes the answers of one request shape. Its builders are used again for each page.
pub struct Decoder {
    schema: PageSchema,
    arrow: SchemaRef,
    root: Fields,
}

impl Decoder {
    /// A decoder of pages that look like this.
    pub fn new(schema: PageSchema) -> Self {
        let report = schema.expected.iter().take(schema.num_report_columns);
        let arrow = Schema::new(
            report
                .map(|column| column.kind.field(&column.name))
                .collect::<Vec<_>>(),
        );
        Self {
            root: root(&schema),
            arrow: Arc::new(arrow),
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
        let page = self.page(body);
        if page.is_err() {
            self.root = root(&self.schema);
        }
        page
    }

    fn page(&mut self, body: &[u8]) -> Result<Page, DecodeError> {
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
        let mut context = Context {
            row: 0,
            on_bad_value: self.schema.on_bad_value,
            notes: Notes::default(),
            scratch: String::new(),
        };
        self.document(&mut scanner, &mut context)?;
        let mut notes = context.notes;
        notes.num_lone_surrogates = scanner.num_lone_surrogates;
        self.assemble(context.row, notes)
    }

    /// The whole body: an object that holds the rows under the response key.
    fn document(
        &mut self,
        scanner: &mut Scanner<'_>,
        context: &mut Context,
    ) -> Result<(), DecodeError> {
        match scanner.peek() {
            Some(b'{') => {}
            Some(b'[') => {
                return Err(DecodeError::ErrorAnswer {
                    text: shorten(scanner.rest()),
                });
            }
            None => return Err(scanner.fail("an object")),
            Some(_) => {
                return Err(DecodeError::NotJson {
                    start: shorten(scanner.rest()),
                });
            }
        }
        scanner.expect(b'{', "an object")?;
        let mut found = false;
        let mut error = None;
        let mut others = Vec::new();
        let mut more = !scanner.accept(b'}');
        while more {
            let key = scanner.string(&mut context.scratch)?.to_owned();
            scanner.expect(b':', "`:`")?;
            scanner.peek();
            if key == self.schema.response_key {
                if found {
                    return Err(DecodeError::RepeatedResponseKey { key });
                }
                found = true;
                self.content(scanner, context)?;
            } else {
                let start = scanner.offset();
                scanner.skip_value()?;
                if key == "error" {
                    error = Some(shorten(scanner.since(start)));
                }
                others.push(key);
                others.truncate(SHOWN_KEYS);
            }
            more = scanner.another(b'}', "`,` or `}`")?;
        }
        scanner.end()?;
        match (found, error) {
            (true, _) => Ok(()),
            (false, Some(text)) => Err(DecodeError::ErrorAnswer { text }),
            (false, None) => {
                let wanted = self.schema.response_key.clone();
                Err(DecodeError::NoResponseKey {
                    wanted,
                    found: list(&others),
                })
            }
        }
    }

    /// What stands under the response key. A record may be null: then there is none.
    fn content(
        &mut self,
        scanner: &mut Scanner<'_>,
        context: &mut Context,
    ) -> Result<(), DecodeError> {
        match (self.schema.shape, scanner.peek()) {
            (_, None) => Err(scanner.fail("a value")),
            (Shape::Record, Some(b'n')) => scanner.literal("null"),
            (Shape::Record, Some(b'{')) => {
                context.row = 1;
                self.root.read(scanner, context)
            }
            (Shape::Rows | Shape::Scalars, Some(b'[')) => self.rows(scanner, context),
            (_, Some(_)) => Err(self.wrong_shape(scanner)),
        }
    }

    fn wrong_shape(&self, scanner: &Scanner<'_>) -> DecodeError {
        DecodeError::WrongShape {
            key: self.schema.response_key.clone(),
            wanted: match self.schema.shape {
                Shape::Rows => "an array of objects",
                Shape::Record => "an object",
                Shape::Scalars => "an array",
            },
            start: shorten(scanner.rest()),
        }
    }

    fn rows(
        &mut self,
        scanner: &mut Scanner<'_>,
        context: &mut Context,
    ) -> Result<(), DecodeError> {
        scanner.expect(b'[', "an array")?;
        let mut more = !scanner.accept(b']');
        while more {
            context.row += 1;
            match (self.schema.shape, scanner.peek()) {
                (Shape::Scalars, _) => self.root.read_scalar(scanner, context)?,
                (Shape::Rows | Shape::Record, Some(b'{') | None) => {
                    self.root.read(scanner, context)?
                }
                (Shape::Rows | Shape::Record, Some(_)) => return Err(self.wrong_shape(scanner)),
            }
            more = scanner.another(b']', "`,` or `]`")?;
        }
        Ok(())
    }

    fn assemble(&mut self, num_rows: u64, mut notes: Notes) -> Result<Page, DecodeError> {
        let mut columns = self.root.finish(&mut notes)?;
        // The body's size bounds the number of rows far below the range of usize.
        let num_rows = usize::try_from(num_rows).unwrap_or(usize::MAX);
        let key: Vec<ArrayRef> = self
            .schema
            .key
            .iter()
            .filter_map(|place| columns.get(*place).cloned())
            .collect();
        columns.truncate(self.schema.num_report_columns);
        let digests = digest::rows(&columns, num_rows)?;
        let values = keys::values(&key, num_rows)?;
        let options = RecordBatchOptions::new().with_row_count(Some(num_rows));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.arrow), columns, &options)?;
        Ok(Page {
            batch,
            keys: PageKeys {
                width: key.len(),
                values,
                digests,
            },
            notes,
        })
    }
}

fn root(schema: &PageSchema) -> Fields {
    Fields::new("", schema.expected.iter().map(ExpectedColumn::known))
}

fn list(keys: &[String]) -> String {
    if keys.is_empty() {
        return "none".to_owned();
    }
    keys.iter()
        .map(|key| format!("`{}`", shorten(key)))
        .collect::<Vec<_>>()
        .join(", ")
}
