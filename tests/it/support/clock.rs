//! The date of all tests. Nothing else in `tests/it` reads the machine's clock, so that a test has the same result on every
//! day; `make test-calendar` runs the suite at dates on which months, years and leap days begin or end.

use std::sync::OnceLock;
use std::time::Instant;

use backhaul::sandbox::Options;
use chrono::{DateTime, Duration, NaiveDate, Utc};

/// When a test begins, unless [`TODAY_VARIABLE`] is set.
const TODAY: &str = "2026-11-23T12:00:00Z";

/// Another time for all tests to begin at, as RFC 3339 has it.
const TODAY_VARIABLE: &str = "BACKHAUL_TEST_TODAY";

thread_local! {
    static CLOCK: TestClock = TestClock::start();
}

/// The clock of one test: it begins at the suite's date and runs on.
#[derive(Debug, Clone, Copy)]
pub struct TestClock(Instant);

impl TestClock {
    fn start() -> Self {
        Self(Instant::now())
    }

    /// The clock of the test that runs on this thread.
    pub fn of_thread() -> Self {
        CLOCK.with(|clock| *clock)
    }

    pub fn now(self) -> DateTime<Utc> {
        first_moment() + Duration::from_std(self.0.elapsed()).unwrap()
    }
}

/// The time in this test.
pub fn now() -> DateTime<Utc> {
    TestClock::of_thread().now()
}

/// The UTC date on which this test begins.
pub fn today() -> NaiveDate {
    first_moment().date_naive()
}

/// Noon of that date: for tests in which hours pass that must not lead into the next day.
pub fn noon() -> DateTime<Utc> {
    today().and_hms_opt(12, 0, 0).unwrap().and_utc()
}

/// Options of a sandbox whose clock is that of this test; a `clock_offset` counts from there.
pub fn on_test_clock(options: Options) -> Options {
    Options {
        clock_offset: options.clock_offset + (now() - Utc::now()),
        ..options
    }
}

fn first_moment() -> DateTime<Utc> {
    static FIRST: OnceLock<DateTime<Utc>> = OnceLock::new();
    *FIRST.get_or_init(|| {
        let text = std::env::var(TODAY_VARIABLE).unwrap_or_else(|_| TODAY.to_owned());
        text.parse()
            .unwrap_or_else(|error| panic!("{TODAY_VARIABLE}={text}: {error}"))
    })
}
