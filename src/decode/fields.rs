//! The fields of an object, each with the column that its values go to: rows and structs alike.

use arrow::array::ArrayRef;

use super::column::{Column, Context};
use super::scanner::Scanner;
use super::{DecodeError, Notes};
use crate::table::ColumnType;

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
    mark: u64,
    num_missing: u64,
    num_unexpected_nulls: u64,
}

impl Fields {
    /// The fields of a row (no parent) or of a struct: name, type and whether the source says that it may be null.
    pub fn new<'a>(parent: &str, fields: impl IntoIterator<Item = (&'a str, &'a ColumnType, bool)>) -> Self {
        let slots = fields.into_iter().map(|(name, kind, nullable)| Slot::new(parent, name, kind, nullable)).collect();
        Self { parent: parent.to_owned(), slots, mark: 0 }
    }

    /// Reads one object into the columns. Each column gets exactly one value.
    pub fn read(&mut self, scanner: &mut Scanner<'_>, context: &mut Context) -> Result<(), DecodeError> {
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

    /// Which field comes next in the text, its name and colon consumed; `None` (and a note) for one that is not known.
    #[inline]
    fn field(
        &self,
        expected: usize,
        scanner: &mut Scanner<'_>,
        context: &mut Context,
    ) -> Result<Option<usize>, DecodeError> {
        if self.slots.get(expected).is_some_and(|slot| scanner.accept_bytes(&slot.pattern)) {
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
    pub fn read_scalar(&mut self, scanner: &mut Scanner<'_>, context: &mut Context) -> Result<(), DecodeError> {
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
        self.slots.iter_mut().map(|slot| slot.finish(notes)).collect()
    }
}

impl Slot {
    fn new(parent: &str, name: &str, kind: &ColumnType, nullable: bool) -> Self {
        let path = if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") };
        Self {
            pattern: format!("\"{name}\":").into_bytes(),
            column: Column::new(kind, &path),
            name: name.to_owned(),
            path,
            nullable,
            mark: 0,
            num_missing: 0,
            num_unexpected_nulls: 0,
        }
    }

    #[inline]
    fn read(&mut self, scanner: &mut Scanner<'_>, context: &mut Context) -> Result<(), DecodeError> {
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
        self.column.finish(notes)
    }
}
