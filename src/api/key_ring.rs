//! The keys in the order to try them: the next one is taken when the API answers 401.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::secret::Secret;

/// A shorter key is not a real one and would be found in data by chance.
const MIN_SEARCHED_BYTES: usize = 8;

/// A list of keys and which one is in use. Shared by all tasks: a key that was rejected for one task is rejected for all.
#[derive(Debug)]
pub struct KeyRing {
    keys: Vec<Secret>,
    current: AtomicUsize,
}

impl KeyRing {
    /// The keys in order of preference.
    pub fn new(keys: Vec<Secret>) -> Self {
        Self {
            keys,
            current: AtomicUsize::new(0),
        }
    }

    /// The key in use and its position; `None` if there is no key at all.
    pub fn current(&self) -> Option<(usize, &Secret)> {
        let index = self.current.load(Ordering::Acquire);
        self.keys.get(index).map(|key| (index, key))
    }

    /// Moves on from the key at `index`; false if it was the last one. If another task has moved on from it already, the result
    /// is true as well.
    pub fn reject(&self, index: usize) -> bool {
        if index + 1 >= self.keys.len() {
            return false;
        }
        let _ =
            self.current
                .compare_exchange(index, index + 1, Ordering::AcqRel, Ordering::Acquire);
        true
    }

    /// Whether any key is in a body. Such a body may be neither quoted nor saved.
    pub fn appear_in(&self, body: &[u8]) -> bool {
        self.keys.iter().any(|key| {
            let key = key.expose().as_bytes();
            key.len() >= MIN_SEARCHED_BYTES && memchr::memmem::find(body, key).is_some()
        })
    }

    /// The text with every key in it replaced by `***`.
    pub fn redact(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for key in &self.keys {
            text = key.redact(&text);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_anywhere_in_a_body() {
        let ring = KeyRing::new(vec![
            Secret::new("first-key-01"),
            Secret::new("second-key-02"),
        ]);
        assert!(ring.appear_in(b"{\"x\":\"Bearer second-key-02\"}"));
        assert!(!ring.appear_in(b"{\"x\":\"Bearer ***\"}"));
    }

    #[test]
    fn the_next_key_is_tried_once_and_the_last_one_is_final() {
        let ring = KeyRing::new(vec![Secret::new("a"), Secret::new("b")]);
        assert!(ring.reject(0));
        assert!(
            ring.reject(0),
            "a second task with the same rejected key moves on too"
        );
        assert_eq!(ring.current().map(|(index, _)| index), Some(1));
        assert!(!ring.reject(1));
    }
}
