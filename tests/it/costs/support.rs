//! Estimates as JSON, reports of every kind of price, and the next day of a source.

use backhaul::sandbox::Options;
use serde_json::Value as Json;

use crate::support::{TestContext, now};

/// The estimate of the next run.
pub fn estimated(context: &TestContext) -> Json {
    context.backhaul(&["estimate", "--json"]).expect(0).json()
}

/// Replaces the sandbox by a fresh one that has the same data and an empty cache, and lets a day pass.
pub fn next_day(context: &mut TestContext, day: i64, configure: impl Fn(&TestContext)) {
    let options = Options {
        clock_offset: chrono::Duration::days(20),
        ..context.options.clone()
    };
    context.restart(options);
    configure(context);
    let time = now() + chrono::Duration::days(day);
    context.set_time(time);
}
