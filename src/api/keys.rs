//! The keys in the order to try them: the next one is taken when the API answers 401.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::secret::Secret;

/// A shorter key is no real one, and would be found in data by chance.
const MIN_SEARCHED_BYTES: usize = 8;

/// A list of keys and which one is in use. Shared by all tasks: a key that one task found dead is dead for all.
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

    /// Gives up the key at `index`; false if it was the last one. Another task may have done so already: that counts as true.
    pub fn reject(&self, index: usize) -> bool {
        if index + 1 >= self.keys.len() {
            return false;
        }
        let _ =
            self.current
                .compare_exchange(index, index + 1, Ordering::AcqRel, Ordering::Acquire);
        true
    }

    /// Whether any key stands in a body. Such a body may be neither quoted nor saved.
    pub fn appear_in(&self, body: &[u8]) -> bool {
        let long_enough = |key: &&Secret| key.expose().len() >= MIN_SEARCHED_BYTES;
        self.keys
            .iter()
            .filter(long_enough)
            .any(|key| memchr::memmem::find(body, key.expose().as_bytes()).is_some())
    }

    /// The text with every key in it replaced by `***`.
    pub fn redact(&self, text: &str) -> String {
        self.keys
            .iter()
            .fold(text.to_owned(), |text, key| key.redact(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_in_a_body_wherever_it_stands() {
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
            "a second task with the same dead key moves on too"
        );
        assert_eq!(ring.current().map(|(index, _)| index), Some(1));
        assert!(!ring.reject(1));
    }
}
