//! `schema`: the schema of a report of the configuration, or of all columns of an endpoint.

use super::arguments::{Globals, SchemaArgs, SchemaFormat};
use super::catalog::find;
use super::configuration::load_configuration;
use super::exit::ExitResult;
use super::load::data_location;
use super::output;
use crate::catalog::{Catalog, Endpoint, nearest};
use crate::config::{Environment, RunConfig};
use crate::error::{Error, ErrorCode, Errors};
use crate::state::schema::table_schema;
use crate::table::{TableSchema, render_arrow, render_json};
use crate::warehouse::{
    DataLocation, Engine, LoadMethod, Table, bigquery_json, check_location, check_schema_name,
    create_table, external_table,
};

/// Prints a schema.
pub(super) fn schema(globals: &Globals, command: &SchemaArgs) -> ExitResult {
    let (table, location) = match Catalog::embedded().endpoint(&command.name) {
        Some(endpoint) => (table_of_endpoint(endpoint)?, None),
        None => table_of_report(globals, &command.name)?,
    };
    let text = match command.format {
        SchemaFormat::Ddl(engine) => ddl(command, engine, &table, location.as_ref())?,
        _ if command.external => {
            return Err(
                Error::new(ErrorCode::Usage, "--external needs the format of an engine")
                    .with_hint("for example: --format bigquery --external")
                    .into(),
            );
        }
        SchemaFormat::Json => render_json(table.schema()),
        SchemaFormat::BigqueryJson => bigquery_json(&table),
        SchemaFormat::Arrow => render_arrow(table.schema()),
    };
    output::print(&text);
    Ok(0)
}

fn ddl(
    command: &SchemaArgs,
    engine: Engine,
    table: &Table,
    location: Option<&DataLocation>,
) -> Result<String, Error> {
    check_schema_name(engine, &command.schema)?;
    if !command.external {
        return Ok(create_table(engine, &command.schema, table));
    }
    if let Some(location) = location {
        check_location(engine, location, LoadMethod::External)?;
    }
    Ok(external_table(engine, &command.schema, table, location))
}

/// The table of all columns that an endpoint can return.
fn table_of_endpoint(endpoint: &Endpoint) -> Result<Table, Error> {
    let names = endpoint.columns.iter().map(|column| column.name.clone());
    let columns: Vec<String> = names.collect();
    let name = endpoint.short_name().replace('-', "_");
    let schema = TableSchema::new(&name, endpoint, &columns, &[])?;
    Ok(Table::new(schema, history_column(endpoint)))
}

/// The table of a report, and where its files are; `None` for the name of an endpoint.
fn table_of_report(globals: &Globals, name: &str) -> Result<(Table, Option<DataLocation>), Errors> {
    if name.contains('/') {
        let endpoint = find(Catalog::embedded(), name)?;
        return Ok((table_of_endpoint(endpoint)?, None));
    }
    let config = load_configuration(globals, &Environment::of_process())?;
    let Some(report) = config.reports.iter().find(|report| report.name == name) else {
        return Err(unknown_report(&config, name).into());
    };
    let table = Table::new(table_schema(report)?, history_column(report.endpoint));
    Ok((table, Some(data_location(&config)?)))
}

fn history_column(endpoint: &Endpoint) -> Option<&str> {
    endpoint.history_column().map(|column| column.name.as_str())
}

fn unknown_report(config: &RunConfig, name: &str) -> Error {
    let reports = config.reports.iter();
    let names: Vec<&str> = reports.map(|report| report.name.as_str()).collect();
    let suggestion = match nearest(name, names.iter().copied()) {
        Some(near) => format!(": did you mean `{near}`?"),
        None => String::new(),
    };
    Error::new(ErrorCode::Usage, format!("no report `{name}`{suggestion}"))
        .with_context("reports", names.join(", "))
        .with_hint("name a report of the configuration, or an endpoint: backhaul catalog")
}
