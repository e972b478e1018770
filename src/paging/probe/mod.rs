//! Probes of what paging assumes: which requests to send to a free target, and what their answers prove.
//!
//! Pure, like the pager. Every request asks for at most as many rows as a free query returns, so a probe costs nothing.
//! A verdict is `Holds` only where the answers would have been different if the assumption were false: equal answers to
//! questions that cannot tell leave it `Unknown`.

mod observations;
mod prober;
mod result;
mod window_keys;

pub use prober::{Probe, ProbeStep};
pub use result::ProbeResult;
