//! Enums that several columns or parameters share.

use std::collections::BTreeMap;

use super::invalid::invalid;
use super::raw::RawEnum;
use crate::error::Result;

/// Values of the shared enums, by name.
pub(super) type Enums = BTreeMap<String, Vec<String>>;

/// The values of an enum; an empty list where a field has none.
pub(super) fn resolve_enum(values: Option<&RawEnum>, enums: &Enums) -> Result<Vec<String>> {
    match values {
        None => Ok(Vec::new()),
        Some(RawEnum::Values(values)) => Ok(values.clone()),
        Some(RawEnum::Named { name }) => match enums.get(name) {
            Some(values) => Ok(values.clone()),
            None => Err(invalid(&format!("enum {name}"))),
        },
    }
}
