//! The local imitation of the Ahrefs API: same paths, parameters, filters, unit costs, limits, errors and behaviour.
//!
//! It shares the catalog with the client and nothing else, on purpose: a misreading of the API in shared request,
//! filter or paging code would cancel itself out. Data is a pure function of the seed; between two requests it changes
//! only with churn, and from one day to the next only with daily churn. Each assumption about the real API that can be
//! made false has a [`Quirk`].
//!
//! Modules use those to their left and the files beside this one, never those to their right:
//!
//! ```text
//! filter ─▶ request ─▶ sections ─▶ data ─▶ answer ─▶ server ─▶ http ─▶ service
//! where     parameters  rows of     tables  pages     units,    wire    start,
//! grammar   and query   operations  of rows and body  outcome   faults  stop
//! ```
//!
//! Choices where the real API is unknown: nulls are the smallest values (first ascending, last descending); the
//! expected cost of a request is estimated by its `limit` under the row cap; `country` and `date_compared` change the
//! data, while `mode`, `protocol`, `volume_mode`, `traffic_mode` and, for lists, `date` do not; `history=live` shows
//! exactly [`Options::rows`] rows, the other histories an eighth more, which are lost. An unknown project, report, channel
//! or post is 404; a limit above the documented maximum is refused; wildcards must match the whole text; `_diff` is now
//! less then; a free operation and one with a fixed price report 0 units a row; where one number is the sum of many,
//! `where` chooses what is counted.

mod answer;
mod calendar;
mod cell;
mod data;
mod faults;
mod field;
mod filter;
mod http;
mod lru_cache;
mod options;
mod quirks;
mod refusal;
mod request;
mod sections;
mod seeded;
mod server;
mod service;
mod web;

pub use faults::{Fault, Faults};
pub use options::Options;
pub use quirks::Quirk;
pub use server::{EndpointStats, Stats};
pub use service::{Sandbox, start};
