//! The known fields of an object, each with the column that its values go to. Rows and structs are read alike.

use std::collections::HashSet;

use arrow::array::ArrayRef;

use super::enum_values::unlisted_values;
use super::error::DecodeError;
use super::notes::DecodeNotes;
use super::scanner::Scanner;
use super::value_column::{ReadContext, ValueColumn};
use crate::table::ColumnType;

/// What the catalog says of a field.
#[derive(Debug, Clone, Copy)]
pub(super) struct FieldSpec<'a> {
    pub name: &'a str,
    pub kind: &'a ColumnType,
    /// Whether the source says that it may be null.
    pub nullable: bool,
    /// The values that the source lists for it; empty where it lists none.
    pub values: &'a [String],
    /// Whether its objects are sent as arrays.
    pub is_tuple: bool,
}

impl<'a> FieldSpec<'a> {
    /// A field of which only name and type are known.
    pub fn of_type(name: &'a str, kind: &'a ColumnType) -> Self {
        Self {
            name,
            kind,
            nullable: true,
            values: &[],
            is_tuple: false,
        }
    }
}

/// Reads objects into one column per known field.
pub(super) struct ObjectReader<C> {
    /// What precedes the names of fields in notes; empty for a row.
    parent: String,
    fields: Vec<FieldColumn<C>>,
    /// Number of the object that is being read, from 1.
    object: u64,
}

/// One field and its column.
struct FieldColumn<C> {
    name: String,
    /// Name with that of the parents, for notes and errors.
    path: String,
    /// `"name":` as a body without white space spells it.
    pattern: Vec<u8>,
    column: C,
    nullable: bool,
    /// The values that the source lists; empty where it lists none.
    values: HashSet<String>,
    /// The last object in which the field had a value.
    last_object: u64,
    num_missing: u64,
    num_unexpected_nulls: u64,
}

impl<C: ValueColumn> ObjectReader<C> {
    /// Reads the fields of a row (empty `parent`) or of a struct.
    pub fn new(parent: &str, specs: &[FieldSpec<'_>]) -> Self {
        Self {
            parent: parent.to_owned(),
            fields: specs
                .iter()
                .map(|spec| FieldColumn::new(parent, *spec))
                .collect(),
            object: 0,
        }
    }

    /// Reads one object into the columns. Each column gets exactly one value.
    pub fn read(
        &mut self,
        scanner: &mut Scanner<'_>,
        context: &mut ReadContext,
    ) -> Result<(), DecodeError> {
        scanner.expect(b'{', "an object")?;
        self.object += 1;
        let mut expected = 0;
        let mut num_found = 0;
        let mut has_next = !scanner.accept(b'}');
        while has_next {
            let Some(index) = self.field_index(expected, scanner, context)? else {
                scanner.skip_value()?;
                has_next = scanner.comma_or_end(b'}', "`,` or `}`")?;
                continue;
            };
            match self.fields.get_mut(index) {
                Some(field) if field.last_object != self.object => {
                    field.last_object = self.object;
                    num_found += 1;
                    field.read(scanner, context)?;
                }
                _ => {
                    context.notes.num_duplicate_keys += 1;
                    scanner.skip_value()?;
                }
            }
            expected = index + 1;
            has_next = scanner.comma_or_end(b'}', "`,` or `}`")?;
        }
        if num_found < self.fields.len() {
            self.fill_missing();
        }
        Ok(())
    }

    /// Reads one array whose values are those of the fields, in order. Values beyond the fields are skipped and noted by
    /// their index.
    pub fn read_tuple(
        &mut self,
        scanner: &mut Scanner<'_>,
        context: &mut ReadContext,
    ) -> Result<(), DecodeError> {
        scanner.expect(b'[', "an array")?;
        self.object += 1;
        let mut index = 0;
        let mut has_next = !scanner.accept(b']');
        while has_next {
            if let Some(field) = self.fields.get_mut(index) {
                field.last_object = self.object;
                field.read(scanner, context)?;
            } else {
                scanner.skip_value()?;
                context.notes.add_unknown(&self.parent, &index.to_string());
            }
            index += 1;
            has_next = scanner.comma_or_end(b']', "`,` or `]`")?;
        }
        if index < self.fields.len() {
            self.fill_missing();
        }
        Ok(())
    }

    /// Index of the field that comes next in the text, its name and colon consumed; `None` (and a note) for an unknown
    /// one.
    #[inline]
    fn field_index(
        &self,
        expected: usize,
        scanner: &mut Scanner<'_>,
        context: &mut ReadContext,
    ) -> Result<Option<usize>, DecodeError> {
        if let Some(field) = self.fields.get(expected)
            && scanner.accept_bytes(&field.pattern)
        {
            return Ok(Some(expected));
        }
        let key = scanner.string(&mut context.scratch)?;
        let index = match self.fields.get(expected) {
            Some(field) if field.name == key => Some(expected),
            _ => self.fields.iter().position(|field| field.name == key),
        };
        if index.is_none() {
            context.notes.add_unknown(&self.parent, key);
        }
        scanner.expect(b':', "`:`")?;
        Ok(index)
    }

    /// Appends a null to the fields that the object lacked.
    fn fill_missing(&mut self) {
        for field in &mut self.fields {
            if field.last_object != self.object {
                field.num_missing += 1;
                field.column.append_null();
            }
        }
    }

    /// Reads one value of the only field, where rows are plain values and not objects.
    pub fn read_scalar(
        &mut self,
        scanner: &mut Scanner<'_>,
        context: &mut ReadContext,
    ) -> Result<(), DecodeError> {
        match self.fields.first_mut() {
            Some(field) => field.read(scanner, context),
            None => scanner.skip_value(),
        }
    }

    /// Appends a null to every field: the struct that they belong to is null.
    pub fn append_nulls(&mut self) {
        for field in &mut self.fields {
            field.column.append_null();
        }
    }

    /// Returns the columns and starts again with empty ones; moves the counts into the notes.
    pub fn finish(&mut self, notes: &mut DecodeNotes) -> Result<Vec<ArrayRef>, DecodeError> {
        self.fields
            .iter_mut()
            .map(|field| field.finish(notes))
            .collect()
    }
}

impl<C: ValueColumn> FieldColumn<C> {
    fn new(parent: &str, spec: FieldSpec<'_>) -> Self {
        let FieldSpec {
            name,
            kind,
            nullable,
            values,
            is_tuple,
        } = spec;
        let path = if parent.is_empty() {
            name.to_owned()
        } else {
            format!("{parent}.{name}")
        };
        Self {
            pattern: format!("\"{name}\":").into_bytes(),
            column: C::new(kind, &path, is_tuple),
            name: name.to_owned(),
            path,
            nullable,
            values: values.iter().cloned().collect(),
            last_object: 0,
            num_missing: 0,
            num_unexpected_nulls: 0,
        }
    }

    #[inline]
    fn read(
        &mut self,
        scanner: &mut Scanner<'_>,
        context: &mut ReadContext,
    ) -> Result<(), DecodeError> {
        if scanner.peek() == Some(b'n') {
            scanner.literal("null")?;
            self.column.append_null();
            self.num_unexpected_nulls += u64::from(!self.nullable);
            return Ok(());
        }
        self.column.read(&self.path, scanner, context)
    }

    fn finish(&mut self, notes: &mut DecodeNotes) -> Result<ArrayRef, DecodeError> {
        let missing = std::mem::take(&mut self.num_missing);
        if missing > 0 {
            notes.missing_columns.insert(self.path.clone(), missing);
        }
        let nulls = std::mem::take(&mut self.num_unexpected_nulls);
        if nulls > 0 {
            notes.unexpected_nulls.insert(self.path.clone(), nulls);
        }
        let array = self.column.finish(notes)?;
        if !self.values.is_empty() {
            notes.add_unknown_values(&self.path, unlisted_values(&array, &self.values));
        }
        Ok(array)
    }
}
