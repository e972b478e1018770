//! The pager by key: a state machine from answers to requests. See the docs of [`super`] for its invariants.
//!
//! [`Pager`] itself is in `state`; each other file holds one part of its behaviour:
//!
//! ```text
//! step ─▶ accept_page ─▶ emit ─▶ page_limit, nulls ─▶ finish
//!    └──▶ recheck ───────▶┘
//! ```

mod accept_page;
mod emit;
mod finish;
mod nulls;
mod page_limit;
mod recheck;
mod state;
mod step;

pub use state::Pager;
