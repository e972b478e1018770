//! `schema`: the schema of a report of the configuration, or of an endpoint's standard columns.

use super::arguments::{Globals, Schema, SchemaFormat};
use super::{Outcome, later, output};
use crate::catalog::{Catalog, Endpoint, nearest};
use crate::config::{Environment, RunConfig};
use crate::error::{Code, Error, Errors};
use crate::run::table_schema;
use crate::table::{TableSchema, render_arrow, render_json};

/// Prints a schema.
pub fn schema(globals: &Globals, command: &Schema) -> Outcome {
    later::schema(command.format)?;
    let schema = match Catalog::embedded().endpoint(&command.name) {
        Some(endpoint) => of_endpoint(endpoint)?,
        None => of_report(globals, &command.name)?,
    };
    output::print(&match command.format {
        SchemaFormat::Json => render_json(&schema),
        _ => render_arrow(&schema),
    });
    Ok(0)
}

/// Every column that the endpoint can return, under its own name.
fn of_endpoint(endpoint: &Endpoint) -> Result<TableSchema, Error> {
    let columns: Vec<String> = endpoint.columns.iter().map(|column| column.name.clone()).collect();
    TableSchema::new(&endpoint.short_name().replace('-', "_"), endpoint, &columns, &[])
}

fn of_report(globals: &Globals, name: &str) -> Result<TableSchema, Errors> {
    if name.contains('/') {
        return super::catalog::find(Catalog::embedded(), name).and_then(of_endpoint).map_err(Errors::from);
    }
    let config: RunConfig = super::configuration(globals, &Environment::of_process())?;
    let Some(report) = config.reports.iter().find(|report| report.name == name) else {
        let names: Vec<&str> = config.reports.iter().map(|report| report.name.as_str()).collect();
        let hint =
            nearest(name, names.iter().copied()).map(|near| format!(": did you mean `{near}`?")).unwrap_or_default();
        return Err(Error::new(Code::Usage, format!("no report is named `{name}`{hint}"))
            .with_context("reports", names.join(", "))
            .with_next("name a report of the configuration, or an endpoint: backhaul catalog")
            .into());
    };
    Ok(table_schema(report)?)
}
