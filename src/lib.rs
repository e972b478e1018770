//! Exports Ahrefs API v3 into typed, partitioned Parquet: complete, paid once, every night.
//!
//! The rooms, from the command line down to the disk; arrows point one way only and a test holds the `use` lines to it:
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
pub mod decode;
pub mod error;
pub mod filter;
pub mod landing;
pub mod limits;
pub mod model;
pub mod paging;
pub mod plan;
pub mod report;
pub mod run;
pub mod sandbox;
pub mod secret;
pub mod sink;
pub mod store;
pub mod table;
pub mod warehouse;
