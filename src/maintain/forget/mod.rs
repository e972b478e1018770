//! Removes a target from a destination: rows, saved responses, records and mentions.

mod forget_target;
mod scrub;
mod target_data;

pub(crate) use forget_target::{Forgotten, forget};
