//! Exports Ahrefs API v3 into typed, partitioned Parquet: complete, paid once, every night.
//!
//! The modules, from the command line down to the disk; each may use those below it, and a test holds the `use` lines to it:
//!
//! ```text
//! config ─▶ plan ─▶ fetch ─▶ land ─▶ decode ─▶ sort ─▶ sink ─▶ commit
//!            ▲       │ paging, api, limits      table      store
//!         catalog    └ filter
//! ```

pub mod api;
pub mod catalog;
pub mod cli;
pub mod clock;
pub mod config;
pub mod context;
pub mod costs;
pub mod decode;
pub mod error;
pub mod failpoint;
pub mod fetch;
pub mod filter;
pub mod landing;
pub mod ledger;
pub mod limits;
pub mod maintain;
pub mod model;
pub mod paging;
pub mod plan;
pub mod publish;
pub mod report;
pub mod run;
pub mod sandbox;
pub mod schedule;
pub mod secret;
pub mod sink;
mod stable_hash;
pub mod state;
pub mod store;
pub mod table;
mod tls;
pub mod warehouse;
