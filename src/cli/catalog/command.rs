//! The command `catalog`.

use super::{json, list, page};
use crate::catalog::{Catalog, Endpoint};
use crate::cli::arguments::CatalogArgs;
use crate::cli::exit::ExitResult;
use crate::cli::output;
use crate::error::{Error, ErrorCode, Result};

/// Prints the list, or one operation.
pub(in crate::cli) fn catalog(command: &CatalogArgs) -> ExitResult {
    let catalog = Catalog::embedded();
    let text = match (&command.endpoint, command.json) {
        (None, false) => list::list(catalog),
        (None, true) => json::list_json(catalog),
        (Some(name), false) => page::show(find(catalog, name)?),
        (Some(name), true) => json::show_json(find(catalog, name)?),
    };
    output::print(&text);
    Ok(0)
}

/// The operation of that name.
///
/// # Errors
/// [`ErrorCode::Endpoint`] with the nearest name.
pub fn find<'a>(catalog: &'a Catalog, name: &str) -> Result<&'a Endpoint> {
    if let Some(endpoint) = catalog.endpoint(name) {
        return Ok(endpoint);
    }
    let error = Error::new(ErrorCode::Endpoint, format!("no endpoint `{name}`"));
    Err(match catalog.nearest_endpoint(name) {
        Some(nearest) => error.with_hint(format!("backhaul catalog {}", nearest.name)),
        None => error,
    })
}
