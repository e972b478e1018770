//! What is due, and what a budget defers.

mod cadence;
mod pacing;
mod simulation;
pub mod support;
