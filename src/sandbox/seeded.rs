//! Deterministic chance: every value of the sandbox's data is a hash of what it belongs to.
//!
//! Integers only, so that the same seed gives the same data on every machine. Columns and rows are not known here.

/// A source of pseudo-random values that is a pure function of the seed and of the parts that it was derived for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seeded(u64);

impl Seeded {
    pub(crate) fn new(seed: u64) -> Self {
        Self(mix(seed, 0x5bd1_e995))
    }

    /// The source of an item by its number.
    pub(crate) fn item(self, number: u32) -> Self {
        self.numbered(u64::from(number))
    }

    /// The source of a numbered part.
    pub(crate) fn numbered(self, part: u64) -> Self {
        Self(mix(self.0, part.wrapping_add(1)))
    }

    /// The source of a named part.
    pub(crate) fn named(self, part: &str) -> Self {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for byte in part.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Self(mix(self.0, hash))
    }

    /// A number from 0 up to, but not including, `limit`; 0 where `limit` is 0.
    pub(crate) fn below(self, limit: u32) -> u32 {
        u32::try_from((self.0 >> 16) % u64::from(limit.max(1))).unwrap_or(0)
    }

    /// True once in `times`.
    pub(crate) fn once_in(self, times: u32) -> bool {
        self.below(times) == 0
    }

    /// A number below `limit` with a long tail: small ones come far more often.
    pub(crate) fn skewed(self, limit: u32) -> u32 {
        let unit = self.0 >> 44;
        let cubed = (((unit * unit) >> 20) * unit) >> 20;
        u32::try_from((cubed * u64::from(limit.max(1))) >> 20).unwrap_or(0)
    }

    /// A number whose length in bits is evenly spread up to `max_bits`.
    pub(crate) fn magnitude(self, max_bits: u32) -> i64 {
        let bits = self.numbered(1).below(max_bits.min(62) + 1);
        i64::try_from(self.numbered(2).0 & ((1_u64 << bits) - 1)).unwrap_or(0)
    }

    /// One of `choices`.
    pub(crate) fn pick<'a, T: ?Sized>(self, choices: &[&'a T]) -> Option<&'a T> {
        let limit = u32::try_from(choices.len()).unwrap_or(u32::MAX);
        choices
            .get(usize::try_from(self.below(limit)).unwrap_or(0))
            .copied()
    }

    /// Whether an event of this probability happens.
    pub(crate) fn happens(self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// A number from 0 up to, but not including, 1.
    pub(crate) fn unit(self) -> f64 {
        f64::from(u32::try_from(self.0 >> 32).unwrap_or(0)) / 4_294_967_296.0
    }
}

fn mix(left: u64, right: u64) -> u64 {
    let mut bits = left ^ right.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// A number in base 36, for slugs and host names.
pub(crate) fn base36(mut number: u32) -> String {
    let mut digits = Vec::new();
    loop {
        digits.push(char::from_digit(number % 36, 36).unwrap_or('0'));
        number /= 36;
        if number == 0 {
            break;
        }
    }
    digits.iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skewed_numbers_stay_below_their_limit_and_prefer_small_ones() {
        let draws: Vec<u32> = (0..10_000)
            .map(|number| Seeded::new(1).item(number).skewed(100))
            .collect();
        assert!(draws.iter().all(|draw| *draw < 100));
        assert!(draws.iter().filter(|draw| **draw < 10).count() > 4_000);
        assert!(draws.iter().any(|draw| *draw > 90));
    }

    #[test]
    fn the_same_seed_gives_the_same_numbers_everywhere() {
        let seeded = Seeded::new(1).named("anchors").numbered(7);
        assert_eq!(
            (seeded.below(1_000_000), base36(46_655)),
            (
                Seeded::new(1).named("anchors").numbered(7).below(1_000_000),
                "zzz".to_owned()
            )
        );
        assert_ne!(seeded, Seeded::new(2).named("anchors").numbered(7));
    }
}
