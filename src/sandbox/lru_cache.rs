//! A cache of a few values by name that drops the least recently used.
//!
//! No value is computed under the cache's lock, so a slow one delays only those who ask for the same name.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

type Slot<T> = Arc<OnceLock<Arc<T>>>;

/// Values by name, the least recently used first; no more than `capacity`.
#[derive(Debug)]
pub(crate) struct LruCache<T> {
    capacity: usize,
    slots: Mutex<Vec<(String, Slot<T>)>>,
}

impl<T> LruCache<T> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            slots: Mutex::default(),
        }
    }

    /// The value of that name, computed by the first who asks for it.
    pub(crate) fn get_or_compute(&self, name: String, compute: impl FnOnce() -> T) -> Arc<T> {
        let slot = self.slot(name);
        Arc::clone(slot.get_or_init(|| Arc::new(compute())))
    }

    /// How many values are cached or being computed.
    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    fn slot(&self, name: String) -> Slot<T> {
        let mut slots = self.lock();
        let slot = match slots.iter().position(|(known, _)| *known == name) {
            Some(position) => slots.remove(position).1,
            None => Slot::default(),
        };
        slots.push((name, Arc::clone(&slot)));
        if slots.len() > self.capacity {
            slots.remove(0);
        }
        slot
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(String, Slot<T>)>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_computed_once_and_the_least_recently_used_is_dropped() {
        let cache = LruCache::new(2);
        let num_computed = std::cell::Cell::new(0);
        let get = |name: &str| {
            cache.get_or_compute(name.to_owned(), || {
                num_computed.set(num_computed.get() + 1);
                name.to_owned()
            })
        };
        for name in ["a", "b", "a", "c", "a"] {
            assert_eq!(*get(name), name);
        }
        assert_eq!((num_computed.get(), cache.len()), (3, 2));
        get("b");
        assert_eq!(num_computed.get(), 4);
    }

    #[test]
    fn a_slow_value_does_not_delay_another() {
        let cache = LruCache::new(2);
        let found = cache.get_or_compute("slow".to_owned(), || {
            *cache.get_or_compute("quick".to_owned(), || 1) + 1
        });
        assert_eq!(*found, 2);
    }
}
