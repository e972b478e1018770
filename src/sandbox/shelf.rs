//! A few things that are computed once and used again: each is named, and the one used longest ago goes first.
//!
//! Nothing is computed under the shelf's lock, so a slow thing holds up only those who want the same.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

type Slot<T> = Arc<OnceLock<Arc<T>>>;

/// Keeps at most so many things.
#[derive(Debug)]
pub(super) struct Shelf<T> {
    most: usize,
    slots: Mutex<Vec<(String, Slot<T>)>>,
}

impl<T> Shelf<T> {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            slots: Mutex::default(),
        }
    }

    /// The thing of that name, made by the first who asks for it.
    pub(super) fn get(&self, name: String, make: impl FnOnce() -> T) -> Arc<T> {
        Arc::clone(self.slot(name).get_or_init(|| Arc::new(make())))
    }

    /// How many things are kept or being made.
    pub(super) fn len(&self) -> usize {
        self.slots
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }

    fn slot(&self, name: String) -> Slot<T> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let known = slots.iter().position(|(known, _)| *known == name);
        let slot = known.map_or_else(Slot::default, |place| slots.remove(place).1);
        slots.push((name, Arc::clone(&slot)));
        if slots.len() > self.most {
            slots.remove(0);
        }
        slot
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thing_is_made_once_and_the_one_used_longest_ago_goes() {
        let shelf = Shelf::new(2);
        let made = std::cell::Cell::new(0);
        let get = |name: &str| {
            shelf.get(name.to_owned(), || {
                made.set(made.get() + 1);
                name.to_owned()
            })
        };
        for name in ["a", "b", "a", "c", "a"] {
            assert_eq!(*get(name), name);
        }
        assert_eq!((made.get(), shelf.len()), (3, 2));
        get("b");
        assert_eq!(made.get(), 4);
    }

    #[test]
    fn a_slow_thing_does_not_hold_up_another() {
        let shelf = Shelf::new(2);
        let found = shelf.get("slow".to_owned(), || {
            *shelf.get("quick".to_owned(), || 1) + 1
        });
        assert_eq!(*found, 2);
    }
}
