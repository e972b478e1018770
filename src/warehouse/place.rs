//! Where the files lie, as each engine spells it, and what it needs before it can read there.

use std::fmt::Write as _;

use super::engine::Engine;
use super::table::Table;
use crate::error::{Code, Error, Result};
use crate::table::ColumnType;

/// A service that keeps objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Amazon S3, or what speaks its protocol.
    S3,
    /// Google Cloud Storage.
    Google,
    /// Azure Blob Storage.
    Azure,
}

/// Where the files lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A folder, by its absolute path.
    Folder(String),
    /// A bucket.
    Bucket {
        /// Whose.
        service: Service,
        /// Its name; of a container on Azure.
        bucket: String,
        /// What stands before every object's name, without slashes at its ends; may be empty.
        prefix: String,
        /// Address of the service where it is not the provider's own.
        endpoint: Option<String>,
        /// Region of an S3 bucket, where it is known.
        region: Option<String>,
        /// Azure's storage account, where it is known.
        account: Option<String>,
    },
}

impl Place {
    /// A bucket that the engine reads, to show what statements look like.
    pub fn example(engine: Engine) -> Self {
        let (bucket, prefix) = ("your-bucket".to_owned(), "ahrefs".to_owned());
        let service = if engine == Engine::Bigquery {
            Service::Google
        } else {
            Service::S3
        };
        Self::Bucket {
            service,
            bucket,
            prefix,
            endpoint: None,
            region: None,
            account: None,
        }
    }

    /// A file or folder of the destination, by its name from the root on, as the engine opens it.
    pub fn name(&self, engine: Engine, name: &str) -> String {
        match self {
            Self::Folder(root) => match engine {
                Engine::Databricks | Engine::Spark => format!("file:{root}/{name}"),
                _ => format!("{root}/{name}"),
            },
            Self::Bucket {
                service,
                bucket,
                prefix,
                account,
                endpoint,
                ..
            } => {
                let name = if prefix.is_empty() {
                    name.to_owned()
                } else {
                    format!("{prefix}/{name}")
                };
                let account = account.as_deref().unwrap_or("ACCOUNT");
                match (service, engine) {
                    (Service::S3, Engine::Spark) => format!("s3a://{bucket}/{name}"),
                    (Service::S3, Engine::Clickhouse) => match endpoint {
                        Some(endpoint) => format!("{endpoint}/{bucket}/{name}"),
                        None => format!("s3://{bucket}/{name}"),
                    },
                    (Service::S3, _) => format!("s3://{bucket}/{name}"),
                    (Service::Google, Engine::Snowflake) => format!("gcs://{bucket}/{name}"),
                    (Service::Google, Engine::Clickhouse) => {
                        format!("https://storage.googleapis.com/{bucket}/{name}")
                    }
                    (Service::Google, _) => format!("gs://{bucket}/{name}"),
                    (Service::Azure, Engine::Duckdb) => format!("az://{bucket}/{name}"),
                    (Service::Azure, Engine::Databricks | Engine::Spark) => {
                        format!("abfss://{bucket}@{account}.dfs.core.windows.net/{name}")
                    }
                    (Service::Azure, _) => {
                        format!("azure://{account}.blob.core.windows.net/{bucket}/{name}")
                    }
                }
            }
        }
    }

    /// A table's folder, without a slash at its end.
    pub fn folder(&self, engine: Engine, report: &str) -> String {
        self.name(engine, report)
    }

    /// The table function with which `ClickHouse` reads files by a pattern.
    pub fn clickhouse_source(&self, files: &str, table: &Table) -> String {
        let engine = Engine::Clickhouse;
        // The structure is told, so that a column that older files lack is null instead of unknown.
        let column = |column: &crate::table::TableColumn| {
            format!(
                "{} {}",
                engine.column(&column.name),
                engine.type_name(&column.kind)
            )
        };
        let structure: Vec<String> = table.columns().iter().map(column).collect();
        let (files, structure) = (engine.text(files), engine.text(&structure.join(", ")));
        match self {
            Self::Folder(_) => format!("file({files}, 'Parquet', {structure})"),
            Self::Bucket {
                service: Service::S3,
                ..
            } => format!("s3({files}, 'Parquet', {structure})"),
            Self::Bucket {
                service: Service::Google,
                ..
            } => format!("gcs({files}, 'Parquet', {structure})"),
            Self::Bucket {
                service: Service::Azure,
                bucket,
                ..
            } => {
                format!(
                    "azureBlobStorage(backhaul_azure, container = {}, blob_path = {files}, format = 'Parquet', structure = {structure})",
                    engine.text(bucket)
                )
            }
        }
    }

    /// Whether the engine can read there; what to do where it cannot.
    ///
    /// # Errors
    /// [`Code::Usage`].
    pub fn check(&self, engine: Engine) -> Result<()> {
        let service = match self {
            Self::Folder(_) => None,
            Self::Bucket { service, .. } => Some(*service),
        };
        let (wanted, next) = match (engine, service) {
            (Engine::Bigquery, Some(Service::Google))
            | (Engine::Redshift | Engine::Athena, Some(Service::S3))
            | (Engine::Databricks, Some(_))
            | (Engine::Duckdb | Engine::Snowflake | Engine::Spark | Engine::Clickhouse, _) => {
                return Ok(());
            }
            (Engine::Bigquery, _) => (
                "gs://",
                "copy the tables' folders to a gs:// bucket (without _backhaul/) and export there, or load another engine",
            ),
            (Engine::Redshift | Engine::Athena, _) => (
                "s3://",
                "export into an s3:// bucket, or load another engine",
            ),
            (Engine::Databricks, None) => (
                "s3://, gs:// or az://",
                "export into a bucket; for Spark on this machine: backhaul load spark",
            ),
        };
        let message = format!(
            "{} loads from {wanted} only, and the files lie in {self}",
            engine.title()
        );
        Err(Error::new(Code::Usage, message).with_next(next))
    }

    /// Whether the engine can make tables over files there; what to do where it cannot.
    ///
    /// # Errors
    /// [`Code::Usage`].
    pub fn check_in_place(&self, engine: Engine) -> Result<()> {
        self.check(engine)?;
        if engine == Engine::Snowflake && matches!(self, Self::Folder(_)) {
            let message = format!(
                "Snowflake reads files where they lie in buckets only, and they lie in {self}"
            );
            return Err(Error::new(Code::Usage, message)
                .with_next("export into a bucket, or copy the rows: backhaul load snowflake"));
        }
        Ok(())
    }

    /// What has to be there before files can be read: schema, secrets, stages; statements that may be repeated.
    pub fn setup(&self, engine: Engine, schema: &str) -> String {
        match engine {
            Engine::Duckdb => format!(
                "{}CREATE SCHEMA IF NOT EXISTS {schema};\n",
                self.duckdb_secret()
            ),
            Engine::Snowflake => format!(
                "CREATE SCHEMA IF NOT EXISTS {schema};\nUSE SCHEMA {schema};\nALTER SESSION SET TIMEZONE = 'UTC';\n\
                 CREATE FILE FORMAT IF NOT EXISTS backhaul_parquet\n    TYPE = PARQUET\n    USE_LOGICAL_TYPE = TRUE\n    \
                 USE_VECTORIZED_SCANNER = TRUE\n    BINARY_AS_TEXT = FALSE\n    REPLACE_INVALID_CHARACTERS = TRUE;\n{}",
                self.snowflake_stage()
            ),
            Engine::Bigquery
            | Engine::Redshift
            | Engine::Databricks
            | Engine::Spark
            | Engine::Athena => {
                format!("CREATE SCHEMA IF NOT EXISTS {schema};\n")
            }
            Engine::Clickhouse => format!("CREATE DATABASE IF NOT EXISTS {schema};\n"),
        }
    }

    fn duckdb_secret(&self) -> String {
        let engine = Engine::Duckdb;
        match self {
            Self::Folder(_) => String::new(),
            Self::Bucket {
                service: Service::S3,
                bucket,
                endpoint,
                region,
                ..
            } => {
                let mut options = String::new();
                if let Some(region) = region {
                    let _ = write!(options, ", REGION {}", engine.text(region));
                }
                if let Some(endpoint) = endpoint {
                    let is_tls = endpoint.starts_with("https://");
                    let host = endpoint
                        .split_once("://")
                        .map_or(endpoint.as_str(), |(_, host)| host);
                    let _ = write!(
                        options,
                        ", ENDPOINT {}, URL_STYLE 'path', USE_SSL {is_tls}",
                        engine.text(host)
                    );
                }
                format!(
                    "INSTALL httpfs;\nLOAD httpfs;\nINSTALL aws;\nLOAD aws;\n\
                     CREATE OR REPLACE SECRET backhaul (TYPE s3, PROVIDER credential_chain{options}, SCOPE {});\n",
                    engine.text(&format!("s3://{bucket}"))
                )
            }
            Self::Bucket {
                service: Service::Google,
                ..
            } => "-- DuckDB reads gs:// with an HMAC key of the bucket:\n\
                 --   CREATE PERSISTENT SECRET backhaul (TYPE gcs, KEY_ID '…', SECRET '…');\n\
                 INSTALL httpfs;\nLOAD httpfs;\n"
                .to_owned(),
            Self::Bucket {
                service: Service::Azure,
                account,
                ..
            } => {
                let account = account.as_deref().unwrap_or("ACCOUNT");
                format!(
                    "INSTALL azure;\nLOAD azure;\n\
                     CREATE OR REPLACE SECRET backhaul (TYPE azure, PROVIDER credential_chain, ACCOUNT_NAME {});\n",
                    engine.text(account)
                )
            }
        }
    }

    fn snowflake_stage(&self) -> String {
        match self {
            Self::Folder(_) => "CREATE STAGE IF NOT EXISTS backhaul_stage;\n".to_owned(),
            Self::Bucket { .. } => {
                let url = self.name(Engine::Snowflake, "");
                format!(
                    "-- An account administrator creates the integration backhaul_integration once, and lets it read there.\n\
                     CREATE STAGE IF NOT EXISTS backhaul_stage\n    URL = {}\n    STORAGE_INTEGRATION = backhaul_integration;\n",
                    Engine::Snowflake.text(&url)
                )
            }
        }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Folder(root) => f.write_str(root),
            Self::Bucket {
                service,
                bucket,
                prefix,
                ..
            } => {
                let scheme = match service {
                    Service::S3 => "s3",
                    Service::Google => "gs",
                    Service::Azure => "az",
                };
                let slash = if prefix.is_empty() { "" } else { "/" };
                write!(f, "{scheme}://{bucket}{slash}{prefix}")
            }
        }
    }
}

/// Type of a folder's key in a definition.
pub fn key_type(engine: Engine, kind: &ColumnType) -> String {
    match (engine, kind) {
        (Engine::Bigquery, _) => engine.type_name(kind),
        (_, ColumnType::Integer) => "INT".to_owned(),
        _ => engine.type_name(kind),
    }
}
