//! One throttle for all tasks: at most so many requests in any minute, fewer after the server throttled some, and none
//! while it asks for a pause.
//!
//! The rate halves with each 429 and recovers by a tenth of the limit a minute, never beyond the limit. 429s for requests
//! that were sent before the rate was halved count as one.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::clock::SharedClock;

/// The server counts requests as they arrive, the throttle as they are sent; a window a little longer than a minute absorbs
/// the jitter between.
const WINDOW: Duration = Duration::from_millis(60_500);

/// 429s within this time after one are for the same burst of requests.
const SAME_BURST: Duration = Duration::from_secs(5);

/// The rate never falls below this part of the limit: with 60 a minute, at least 3 stay.
const MIN_RATE_PART: f64 = 1.0 / 16.0;

/// The shortest wait: rounding must not make it zero.
const MIN_WAIT: Duration = Duration::from_millis(1);

/// Minutes in which the rate recovers by the whole limit.
const MINUTES_TO_RECOVER: f64 = 10.0;

/// Spaces requests so that no window of a minute holds more than the plan allows.
///
/// A burst may take a whole minute's number at once: a short run is not slowed down at all.
#[derive(Debug)]
pub struct Throttle {
    requests_per_minute: usize,
    clock: SharedClock,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// When requests were sent within the window, oldest first.
    sent: VecDeque<Instant>,
    /// Nothing is sent before this.
    paused_until: Option<Instant>,
    /// The last 429 that halved the rate: when, and the rate from then on.
    slowed: Option<(Instant, f64)>,
}

impl Throttle {
    /// A throttle of `requests_per_minute`, at least 1.
    pub fn new(requests_per_minute: u32, clock: SharedClock) -> Self {
        let requests_per_minute = usize::try_from(requests_per_minute.max(1)).unwrap_or(usize::MAX);
        Self {
            requests_per_minute,
            clock,
            state: Mutex::default(),
        }
    }

    /// Waits until a request may be sent, and counts it as sent.
    pub async fn acquire(&self) {
        loop {
            let Some(wait) = self.try_acquire(self.clock.instant()) else {
                return;
            };
            self.clock.sleep(wait).await;
        }
    }

    /// The server answered 429: halves the requests a minute from now on, for all tasks.
    pub fn slow_down(&self) {
        self.slow_down_at(self.clock.instant());
    }

    fn slow_down_at(&self, now: Instant) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state
            .slowed
            .is_some_and(|(at, _)| now.saturating_duration_since(at) < SAME_BURST)
        {
            return;
        }
        let limit = self.limit();
        let rate = (state.rate(limit, now) / 2.0)
            .max(limit * MIN_RATE_PART)
            .max(1.0);
        state.slowed = Some((now, rate));
        tracing::warn!(
            requests_per_minute = rate,
            "the API throttles requests: fewer are sent for a while"
        );
    }

    fn limit(&self) -> f64 {
        // Exact: a number of requests is far below 2^32.
        f64::from(u32::try_from(self.requests_per_minute).unwrap_or(u32::MAX))
    }

    /// Sends nothing for this long: what the server asks of one task holds for all of them.
    pub fn pause(&self, duration: Duration) {
        let until = self.clock.instant() + duration;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // `None` is less than every instant.
        state.paused_until = state.paused_until.max(Some(until));
    }

    /// Counts a request as sent now, or returns how long to wait before the next try.
    fn try_acquire(&self, now: Instant) -> Option<Duration> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(until) = state.paused_until {
            if until > now {
                return Some(until - now);
            }
            state.paused_until = None;
        }
        while state
            .sent
            .front()
            .is_some_and(|oldest| now.duration_since(*oldest) >= WINDOW)
        {
            state.sent.pop_front();
        }
        let limit = self.limit();
        let rate = state.rate(limit, now);
        let sent = f64::from(u32::try_from(state.sent.len()).unwrap_or(u32::MAX));
        // A whole request must fit.
        if sent + 1.0 <= rate {
            state.sent.push_back(now);
            return None;
        }
        let oldest = *state.sent.front()?;
        let until_one_expires = (oldest + WINDOW).saturating_duration_since(now);
        if sent >= limit {
            return Some(until_one_expires.max(MIN_WAIT));
        }
        // Meanwhile the rate may have recovered enough.
        let missing = sent + 1.0 - rate;
        let until_it_fits = Duration::from_secs_f64(missing * MINUTES_TO_RECOVER * 60.0 / limit);
        Some(until_one_expires.min(until_it_fits).max(MIN_WAIT))
    }
}

impl State {
    /// Requests a minute that may be sent now.
    fn rate(&self, limit: f64, now: Instant) -> f64 {
        let Some((at, rate)) = self.slowed else {
            return limit;
        };
        let minutes = now.saturating_duration_since(at).as_secs_f64() / 60.0;
        (rate + limit * minutes / MINUTES_TO_RECOVER).min(limit)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::SystemClock;

    #[test]
    fn no_window_of_a_minute_ever_holds_more_than_the_limit() {
        let throttle = Throttle::new(60, Arc::new(SystemClock));
        let start = Instant::now();
        let mut sent = Vec::new();
        let mut now = start;
        while sent.len() < 400 {
            match throttle.try_acquire(now) {
                None => sent.push(now),
                Some(wait) => now += wait,
            }
            now += Duration::from_millis(7);
        }
        for (index, time) in sent.iter().enumerate() {
            let within = sent[..=index]
                .iter()
                .filter(|other| *time - **other < Duration::from_mins(1))
                .count();
            assert!(within <= 60, "{within} requests within a minute");
        }
    }

    #[test]
    fn a_pause_holds_all_tasks_and_a_shorter_one_does_not_end_it() {
        let throttle = Throttle::new(1000, Arc::new(SystemClock));
        throttle.pause(Duration::from_secs(30));
        throttle.pause(Duration::from_secs(1));
        let wait = throttle.try_acquire(Instant::now()).expect("paused");
        assert!(wait > Duration::from_secs(25), "{wait:?}");
    }

    #[test]
    fn a_429_halves_the_rate_once_and_it_recovers_slowly() {
        let throttle = Throttle::new(60, Arc::new(SystemClock));
        let start = Instant::now();
        let rate = |at: Duration| throttle.state.lock().expect("sound").rate(60.0, start + at);
        for millis in [0, 300, 4_000] {
            throttle.slow_down_at(start + Duration::from_millis(millis));
        }
        assert!(
            (rate(Duration::ZERO) - 30.0).abs() < 1e-9,
            "one burst, one halving"
        );
        assert!(
            (rate(Duration::from_mins(2)) - 42.0).abs() < 1e-9,
            "a tenth of the limit a minute"
        );
        assert!(
            (rate(Duration::from_hours(1)) - 60.0).abs() < 1e-9,
            "never beyond the limit"
        );
        for second in 0..10 {
            throttle.slow_down_at(start + Duration::from_secs(200 + 6 * second));
        }
        assert!(
            (rate(Duration::from_secs(254)) - 3.75).abs() < 1.0,
            "it never stops"
        );
    }

    proptest::proptest! {
        /// Whatever 429s arrive, no minute holds more than the limit, every request is sent in the end, and right after a
        /// 429 that counts the rate is at most halved.
        #[test]
        fn throttling_at_any_time_keeps_the_rate_between_its_bounds(
            limit in 1_u32..200,
            throttled in proptest::collection::vec(0_u64..900_000, 0..20),
        ) {
            let throttle = Throttle::new(limit, Arc::new(SystemClock));
            let start = Instant::now();
            let max_rate = f64::from(limit);
            let mut throttled: Vec<Instant> =
                throttled.iter().map(|millis| start + Duration::from_millis(*millis)).collect();
            throttled.sort_unstable();
            let mut throttled = throttled.into_iter().peekable();
            let (mut now, mut sent, mut rounds) = (start, Vec::new(), 0);
            while now < start + Duration::from_mins(20) {
                while let Some(at) = throttled.next_if(|at| *at <= now) {
                    let before = throttle.state.lock().expect("sound").rate(max_rate, at);
                    throttle.slow_down_at(at);
                    let after = throttle.state.lock().expect("sound").rate(max_rate, at);
                    proptest::prop_assert!(after <= before && after >= (before / 2.0).min(before));
                    proptest::prop_assert!(after >= (max_rate * MIN_RATE_PART).min(1.0) && after <= max_rate);
                }
                match throttle.try_acquire(now) {
                    None => sent.push(now),
                    Some(wait) => {
                        proptest::prop_assert!(wait > Duration::ZERO && wait <= WINDOW);
                        now += wait;
                    }
                }
                rounds += 1;
                proptest::prop_assert!(rounds < 200_000, "waits of almost zero");
            }
            let limit = usize::try_from(limit).expect("small");
            for (place, time) in sent.iter().enumerate().skip(limit) {
                proptest::prop_assert!(*time - sent[place - limit] >= Duration::from_mins(1));
            }
            proptest::prop_assert!(sent.len() >= 10, "{} requests in 20 minutes", sent.len());
        }
    }
}
