//! Arguments of the commands on warehouses.

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use super::selection::SelectionArgs;
use crate::warehouse::Engine;

/// `schema`
#[derive(Debug, Args)]
pub(in crate::cli) struct SchemaArgs {
    /// A report of the configuration, or an endpoint
    #[arg(value_name = "NAME")]
    pub(in crate::cli) name: String,
    /// Format of the schema
    #[arg(long, value_parser = schema_format_parser(), default_value = "arrow")]
    pub(in crate::cli) format: SchemaFormat,
    /// DDL of a table over the files in place, instead of one that copies are loaded into
    #[arg(long)]
    pub(in crate::cli) external: bool,
    /// Schema, dataset or database of the warehouse
    #[arg(long = "schema", value_name = "NAME", default_value = "backhaul")]
    pub(in crate::cli) schema: String,
}

/// Formats of a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum SchemaFormat {
    /// A table of columns and types.
    Arrow,
    /// JSON.
    Json,
    /// JSON for `bq load --schema`.
    BigqueryJson,
    /// `CREATE TABLE` of an engine.
    Ddl(Engine),
}

/// `load`
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "flags of a command line, by their names"
)]
pub(in crate::cli) struct LoadArgs {
    /// The warehouse
    #[arg(value_parser = engine_parser(), value_name = "WAREHOUSE")]
    pub(in crate::cli) warehouse: Engine,
    #[command(flatten)]
    pub(in crate::cli) selection: SelectionArgs,
    /// Only partitions that changed since the last acknowledged commit: new, late, rewritten and forgotten ones
    #[arg(long, conflicts_with = "done")]
    pub(in crate::cli) pending: bool,
    /// Acknowledge that the warehouse has what `--pending` printed with this commit number
    #[arg(long, value_name = "N", conflicts_with_all = ["apply", "external", "direct"])]
    pub(in crate::cli) done: Option<u64>,
    /// Run the statements with the engine's own client (duckdb, snow, bq), then acknowledge them
    #[arg(long)]
    pub(in crate::cli) apply: bool,
    /// Tables over the files in place, instead of copies
    #[arg(long)]
    pub(in crate::cli) external: bool,
    /// Snowflake only: read-only Iceberg tables over the folders (Parquet Direct)
    #[arg(long, conflicts_with = "external")]
    pub(in crate::cli) direct: bool,
    /// Schema, dataset or database that the tables belong to
    #[arg(long, value_name = "NAME", default_value = "backhaul")]
    pub(in crate::cli) schema: String,
    /// For --apply: the database file (duckdb; default: backhaul.duckdb), database (snowflake) or project (bigquery)
    #[arg(long, value_name = "NAME", requires = "apply")]
    pub(in crate::cli) database: Option<String>,
}

/// Accepts the names of the engines.
fn engine_parser() -> impl TypedValueParser<Value = Engine> {
    let values = Engine::ALL.map(|engine| {
        let help = match engine.readable_from() {
            Some(locations) => format!("{}, only from {locations}", engine.title()),
            None => engine.title().to_owned(),
        };
        PossibleValue::new(engine.name()).help(help)
    });
    PossibleValuesParser::new(values)
        .try_map(|name| Engine::from_name(&name).ok_or_else(|| format!("unknown engine `{name}`")))
}

/// Accepts the names of schema formats, among them those of the engines.
fn schema_format_parser() -> impl TypedValueParser<Value = SchemaFormat> {
    let mut values = vec![
        PossibleValue::new("arrow").help("Columns and types"),
        PossibleValue::new("json").help("JSON"),
        PossibleValue::new("bigquery-json").help("Schema for `bq load --schema`"),
    ];
    for engine in Engine::ALL {
        let help = format!("CREATE TABLE for {}", engine.title());
        values.push(PossibleValue::new(engine.name()).help(help));
    }
    PossibleValuesParser::new(values).try_map(|name| match name.as_str() {
        "arrow" => Ok(SchemaFormat::Arrow),
        "json" => Ok(SchemaFormat::Json),
        "bigquery-json" => Ok(SchemaFormat::BigqueryJson),
        other => match Engine::from_name(other) {
            Some(engine) => Ok(SchemaFormat::Ddl(engine)),
            None => Err(format!("unknown format `{other}`")),
        },
    })
}
