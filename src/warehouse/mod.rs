//! Room `warehouse`: DDL, load statements, views and judgements for the engines that read the tables.
//!
//! A warehouse has a table `raw_<report>` with the files' columns as they are, and views for people: `<report>` with plain
//! names and labels, `<report>_latest` with the newest complete night of each task, `<report>_money` in dollars. All
//! statements may be run again. Everything here makes text from a table's schema and manifest; nothing is run here.

mod ddl;
mod engine;
mod external;
mod lint;
mod load;
mod pending;
mod place;
mod table;
mod views;

pub use ddl::{bigquery_json, create_table};
pub use engine::Engine;
pub use external::external;
pub use lint::{Advice, PlacedFile, Weight, lint as judge};
pub use load::{Change, File, Loading, Manner, script};
pub use pending::{Acknowledged, Plan};
pub use place::{Place, Service};
pub use table::{Division, Part, Table, raw_name};
pub use views::views;
