//! What happens to one request, without HTTP: who asks, how often, what it costs, what is answered.

mod batch;
mod handler;
mod meter;
mod outcome;
mod price;
mod state;
mod table_cache;
mod usage;

pub(crate) use handler::handle;
pub use meter::{EndpointStats, Stats};
pub(crate) use outcome::{ApiRequest, Outcome, UnitCost};
pub(crate) use state::Server;
