//! The configuration that most commands work with.

use super::arguments::Globals;
use super::test_overrides;
use crate::config::{Environment, RunConfig, load};
use crate::error::Errors;
use crate::state::presets::with_recorded_presets;

/// The configuration, with the columns that its presets have in the tables of its destination.
///
/// # Errors
/// All errors of the configuration; those of a destination that cannot be read.
pub(super) fn load_configuration(
    globals: &Globals,
    environment: &Environment,
) -> Result<RunConfig, Errors> {
    test_overrides::apply(environment)?;
    let config = load(&globals.config, environment)?;
    Ok(with_recorded_presets(config)?)
}
