//! The number of rows at which the API cuts answers, as the answers show it.

/// The length at which answers are cut, once two in a row were cut to the same length.
#[derive(Debug, Clone, Copy)]
pub(super) struct LearnedCap {
    rows: Option<u32>,
    last_cut: Option<u32>,
}

impl LearnedCap {
    /// A cap that was found earlier, or none yet.
    pub(super) fn new(known: Option<u32>) -> Self {
        Self {
            rows: known,
            last_cut: None,
        }
    }

    pub(super) fn rows(self) -> Option<u32> {
        self.rows
    }

    /// Records an answer of `num_rows` rows; returns the cap if this answer confirmed it. A longer answer than the cap
    /// disproves it.
    pub(super) fn observe(&mut self, num_rows: u32, is_cut: bool) -> Option<u32> {
        if self.rows.is_some_and(|cap| num_rows > cap) {
            self.rows = None;
        }
        let cut = if is_cut { Some(num_rows) } else { None };
        let is_confirmed = is_cut && cut == self.last_cut;
        self.last_cut = cut;
        if !is_confirmed {
            return None;
        }
        self.rows = cut;
        cut
    }
}
