//! `schema`: the schema of a report of the configuration, or of an endpoint's standard columns.

use super::arguments::Globals;
use super::load::{check_schema, place};
use super::warehouse_arguments::{Schema, SchemaFormat};
use super::{ExitResult, output};
use crate::catalog::{Catalog, Endpoint, nearest};
use crate::config::{Environment, RunConfig};
use crate::error::{Code, Error, Errors};
use crate::state::layouts::table_schema;
use crate::table::{TableSchema, render_arrow, render_json};
use crate::warehouse::{Place, Table, bigquery_json, create_table, external};

/// Prints a schema.
pub fn schema(globals: &Globals, command: &Schema) -> ExitResult {
    let (table, place) = match Catalog::embedded().endpoint(&command.name) {
        Some(endpoint) => (of_endpoint(endpoint)?, None),
        None => of_report(globals, &command.name)?,
    };
    let Some(engine) = command.format.engine() else {
        if command.external {
            return Err(Error::new(Code::Usage, "--external is a form of DDL")
                .with_next("give --format the name of an engine, for example: --format bigquery")
                .into());
        }
        output::print(&match command.format {
            SchemaFormat::Json => render_json(table.schema()),
            SchemaFormat::BigqueryJson => bigquery_json(&table),
            _ => render_arrow(table.schema()),
        });
        return Ok(0);
    };
    check_schema(engine, &command.schema)?;
    if command.external {
        let place = place.unwrap_or_else(|| Place::example(engine));
        place.check_in_place(engine)?;
        output::print(&external(engine, &command.schema, &table, &place));
    } else {
        output::print(&create_table(engine, &command.schema, &table));
    }
    Ok(0)
}

/// Every column that the endpoint can return, under its own name.
fn of_endpoint(endpoint: &Endpoint) -> Result<Table, Error> {
    let columns: Vec<String> = endpoint
        .columns
        .iter()
        .map(|column| column.name.clone())
        .collect();
    let schema = TableSchema::new(
        &endpoint.short_name().replace('-', "_"),
        endpoint,
        &columns,
        &[],
    )?;
    Ok(Table::new(
        schema,
        endpoint.history_column().map(|column| column.name.as_str()),
    ))
}

/// The table of a report, and where its files lie; nowhere for an endpoint.
fn of_report(globals: &Globals, name: &str) -> Result<(Table, Option<Place>), Errors> {
    if name.contains('/') {
        let table = super::catalog::find(Catalog::embedded(), name).and_then(of_endpoint)?;
        return Ok((table, None));
    }
    let config: RunConfig = super::configuration(globals, &Environment::of_process())?;
    let Some(report) = config.reports.iter().find(|report| report.name == name) else {
        let names: Vec<&str> = config
            .reports
            .iter()
            .map(|report| report.name.as_str())
            .collect();
        let hint = nearest(name, names.iter().copied())
            .map(|near| format!(": did you mean `{near}`?"))
            .unwrap_or_default();
        return Err(
            Error::new(Code::Usage, format!("no report is named `{name}`{hint}"))
                .with_context("reports", names.join(", "))
                .with_next("name a report of the configuration, or an endpoint: backhaul catalog")
                .into(),
        );
    };
    let history = report
        .endpoint
        .history_column()
        .map(|column| column.name.as_str());
    Ok((
        Table::new(table_schema(report)?, history),
        Some(place(&config)?),
    ))
}
