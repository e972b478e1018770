//! `verify`: committed files against the manifest, or their layout against what engines read well.

mod command;
mod lint;

pub(super) use command::verify;
pub(super) use lint::lint;
