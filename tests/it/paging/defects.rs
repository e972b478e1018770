//! What may be wrong with a source.

use backhaul::paging::{Verdict, Verdicts};
use fastrand::Rng;

use super::source::{Cap, Collation, Grouped, Shown};

pub(super) const FLOOR: u32 = 3;

#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches")]
pub(super) struct Defects {
    pub(super) order: Collation,
    pub(super) filter: Collation,
    pub(super) shown: Shown,
    pub(super) cap: Cap,
    pub(super) cap_before_order: bool,
    pub(super) order_ignored: bool,
    pub(super) where_ignored: bool,
    pub(super) text_filters_match_nothing: bool,
    pub(super) nulls_last: bool,
    pub(super) grouped: Grouped,
    pub(super) churn: f64,
}

impl Defects {
    pub(super) fn none() -> Self {
        Self {
            order: Collation::Bytes,
            filter: Collation::Bytes,
            shown: Shown::Exactly,
            cap: Cap::None,
            cap_before_order: false,
            order_ignored: false,
            where_ignored: false,
            text_filters_match_nothing: false,
            nulls_last: false,
            grouped: Grouped::No,
            churn: 0.0,
        }
    }

    /// What a probe that sees everything would find.
    pub(super) fn truth(&self) -> Verdicts {
        let verdict = |holds: bool| {
            if holds {
                Verdict::Holds
            } else {
                Verdict::Broken
            }
        };
        let floor = FLOOR as usize;
        Verdicts {
            filter_order_is_byte_order: verdict(
                self.filter == Collation::Bytes
                    && self.order == Collation::Bytes
                    && !self.text_filters_match_nothing,
            ),
            round_trip: verdict(self.shown != Shown::LowerCase && !self.text_filters_match_nothing),
            cap_floor_100: verdict(match self.cap {
                Cap::None => true,
                Cap::Fixed(cap) | Cap::Random(cap) => cap >= floor,
            }),
            // A probe cannot tell an order that is ignored from a cut before ordering.
            cap_after_order: verdict(!self.cap_before_order && !self.order_ignored),
            filter_before_group: verdict(self.grouped != Grouped::BeforeWhere),
            where_honoured: verdict(!self.where_ignored),
        }
    }
}

pub(super) fn random_cap(rng: &mut Rng, least: usize) -> Cap {
    match rng.u8(..4) {
        0 => Cap::None,
        1 => Cap::Fixed(least + rng.usize(..5)),
        _ => Cap::Random(least),
    }
}

/// A source with one or several defects at once.
pub(super) fn random_defects(rng: &mut Rng) -> Defects {
    let mut defects = Defects {
        cap: random_cap(rng, FLOOR as usize),
        nulls_last: rng.bool(),
        ..Defects::none()
    };
    for _ in 0..=rng.usize(..2) {
        match rng.u8(..10) {
            0 => defects.filter = Collation::IgnoresCase,
            1 => defects.filter = Collation::Locale,
            2 => defects.order = [Collation::IgnoresCase, Collation::Locale][rng.usize(..2)],
            3 => {
                defects.order = [Collation::IgnoresCase, Collation::Locale][rng.usize(..2)];
                defects.filter = defects.order;
            }
            4 => defects.text_filters_match_nothing = true,
            5 => defects.shown = Shown::LowerCase,
            6 => {
                defects.cap = if rng.bool() {
                    Cap::Fixed(1 + rng.usize(..2))
                } else {
                    Cap::Random(1)
                }
            }
            7 => defects.cap_before_order = true,
            8 => defects.order_ignored = true,
            _ => defects.where_ignored = true,
        }
    }
    if rng.u8(..4) == 0 {
        defects.grouped = if rng.bool() {
            Grouped::AfterWhere
        } else {
            Grouped::BeforeWhere
        };
    }
    defects
}
