//! One run: resumed nights, changed configurations, runs side by side, samples.

mod changed_configuration;
mod concurrency;
mod resume;
mod samples;
pub mod support;
