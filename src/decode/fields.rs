//! The fields of an object, each with the column that its values go to: rows and structs alike.

use std::collections::HashSet;

use arrow::array::ArrayRef;

use super::column::{Column, Context};
use super::scanner::Scanner;
use super::vocabulary;
use super::{DecodeError, Notes};
use crate::table::ColumnType;

/// What is known of a field beforehand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'a> {
    pub name: &'a str,
    pub kind: &'a ColumnType,
    /// Whether the source says that it may be null.
    pub nullable: bool,
    /// The values that the source lists for it; empty where it lists none.
    pub values: &'a [String],
    /// Its objects come as arrays.
    pub by_place: bool,
}

impl<'a> Known<'a> {
    /// A field of an object, of which only name and type are known.
    pub fn field(name: &'a str, kind: &'a ColumnType) -> Self {
        Self {
            name,
            kind,
            nullable: true,
            values: &[],
            by_place: false,
        }
    }
}

/// The known fields of an object.
pub(super) struct Fields {
    /// What stands before the names of fields in notes; empty for a row.
    parent: String,
    slots: Vec<Slot>,
    /// Number of the object that is being read: a slot with this mark has had its value.
    mark: u64,
}

/// One field.
struct Slot {
    name: String,
    /// Name with that of the parents, for notes and errors.
    path: String,
    /// `"name":` as it stands in a body without white space.
    pattern: Vec<u8>,
    column: Column,
    nullable: bool,
    /// The values that the source lists; empty where it lists none.
    values: HashSet<String>,
    mark: u64,
    num_missing: u64,
    num_unexpected_nulls: u64,
}

impl Fields {
    /// The fields of a row (no parent) or of a struct.
    pub fn new<'a>(parent: &str, fields: impl IntoIterator<Item = Known<'a>>) -> Self {
        let slots = fields
            .into_iter()
            .map(|known| Slot::new(parent, known))
            .collect();
        Self {
            parent: parent.to_owned(),
            slots,
            mark: 0,
        }
    }

    /// Reads one object into the columns. Each column gets exactly one value.
    pub fn read(
        &mut self,
        scanner: &mut Scanner<'_>,
        context: &mut Context,
    ) -> Result<(), DecodeError> {
        scanner.expect(b'{', "an object")?;
        self.mark += 1;
        let mut next = 0;
        let mut num_found = 0;
        let mut more = !scanner.accept(b'}');
        while more {
            let place = self.field(next, scanner, context)?;
            match place.and_then(|place| self.slots.get_mut(place)) {
                Some(slot) if slot.mark == self.mark => {
                    context.notes.num_duplicate_keys += 1;
                    scanner.skip_value()?;
                }
                Some(slot) => {
                    slot.mark = self.mark;
                    num_found += 1;
                    slot.read(scanner, context)?;
                }
                None => scanner.skip_value()?,
            }
            next = place.map_or(next, |place| place + 1);
            more = scanner.another(b'}', "`,` or `}`")?;
        }
        if num_found < self.slots.len() {
            self.fill();
        }
        Ok(())
    }

    /// Reads one array, each place of which stands for the field of that place. Places beyond the fields are skipped and
    /// noted by their number.
    pub fn read_places(
        &mut self,
        scanner: &mut Scanner<'_>,
        context: &mut Context,
    ) -> Result<(), DecodeError> {
        scanner.expect(b'[', "an array")?;
        self.mark += 1;
        let mut place = 0;
        let mut more = !scanner.accept(b']');
        while more {
            if let Some(slot) = self.slots.get_mut(place) {
                slot.mark = self.mark;
                slot.read(scanner, context)?;
            } else {
                scanner.skip_value()?;
                context.notes.add_unknown(&self.parent, &place.to_string());
            }
            place += 1;
            more = scanner.another(b']', "`,` or `]`")?;
        }
        if place < self.slots.len() {
            self.fill();
        }
        Ok(())
    }

    /// Which field comes next in the text, its name and colon consumed; `None` (and a note) for one that is not known.
    #[inline]
    fn field(
        &self,
        expected: usize,
        scanner: &mut Scanner<'_>,
        context: &mut Context,
    ) -> Result<Option<usize>, DecodeError> {
        if self
            .slots
            .get(expected)
            .is_some_and(|slot| scanner.accept_bytes(&slot.pattern))
        {
            return Ok(Some(expected));
        }
        let key = scanner.string(&mut context.scratch)?;
        let place = match self.slots.get(expected) {
            Some(slot) if slot.name == key => Some(expected),
            _ => self.slots.iter().position(|slot| slot.name == key),
        };
        if place.is_none() {
            context.notes.add_unknown(&self.parent, key);
        }
        scanner.expect(b':', "`:`")?;
        Ok(place)
    }

    /// Gives null to the fields that the object lacked.
    fn fill(&mut self) {
        for slot in &mut self.slots {
            if slot.mark != self.mark {
                slot.num_missing += 1;
                slot.column.append_null();
            }
        }
    }

    /// One value of the only field, where values stand without an object around them.
    pub fn read_scalar(
        &mut self,
        scanner: &mut Scanner<'_>,
        context: &mut Context,
    ) -> Result<(), DecodeError> {
        match self.slots.first_mut() {
            Some(slot) => slot.read(scanner, context),
            None => scanner.skip_value(),
        }
    }

    /// A null for every field: the struct around them is null.
    pub fn append_nulls(&mut self) {
        for slot in &mut self.slots {
            slot.column.append_null();
        }
    }

    /// Ends the columns and starts new ones; moves the counts into the notes.
    pub fn finish(&mut self, notes: &mut Notes) -> Result<Vec<ArrayRef>, DecodeError> {
        self.slots
            .iter_mut()
            .map(|slot| slot.finish(notes))
            .collect()
    }
}

impl Slot {
    fn new(
        parent: &str,
        Known {
            name,
            kind,
            nullable,
            values,
            by_place,
        }: Known<'_>,
    ) -> Self {
        let path = if parent.is_empty() {
            name.to_owned()
        } else {
            format!("{parent}.{name}")
        };
        Self {
            pattern: format!("\"{name}\":").into_bytes(),
            column: Column::new(kind, &path, by_place),
            name: name.to_owned(),
            path,
            nullable,
            values: values.iter().cloned().collect(),
            mark: 0,
            num_missing: 0,
            num_unexpected_nulls: 0,
        }
    }

    #[inline]
    fn read(
        &mut self,
        scanner: &mut Scanner<'_>,
        context: &mut Context,
    ) -> Result<(), DecodeError> {
        if scanner.peek() == Some(b'n') {
            scanner.literal("null")?;
            self.column.append_null();
            self.num_unexpected_nulls += u64::from(!self.nullable);
            return Ok(());
        }
        self.column.read(&self.path, scanner, context)
    }

    fn finish(&mut self, notes: &mut Notes) -> Result<ArrayRef, DecodeError> {
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
            notes.add_unknown_values(&self.path, vocabulary::unknown(&array, &self.values));
        }
        Ok(array)
    }
}
