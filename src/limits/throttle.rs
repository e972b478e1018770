//! One throttle for all tasks: at most so many requests in any minute, and silence while the server asked for it.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::clock::SharedClock;

/// The server counts arrivals, we count departures; a window a little longer than its minute absorbs the jitter between.
const WINDOW: Duration = Duration::from_millis(60_500);

/// Spaces requests so that no window of a minute holds more than the plan allows.
///
/// Bursts are allowed up to the whole minute's number: a short run is not slowed down at all.
#[derive(Debug)]
pub struct Throttle {
    requests_per_minute: usize,
    clock: SharedClock,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Departures within the window, oldest first.
    sent: VecDeque<Instant>,
    /// Nothing leaves before this.
    paused_until: Option<Instant>,
}

impl Throttle {
    /// A throttle of `requests_per_minute`, at least 1.
    pub fn new(requests_per_minute: u32, clock: SharedClock) -> Self {
        let requests_per_minute = usize::try_from(requests_per_minute.max(1)).unwrap_or(usize::MAX);
        Self { requests_per_minute, clock, state: Mutex::default() }
    }

    /// Waits until a request may leave, and counts it as sent.
    pub async fn acquire(&self) {
        loop {
            let Some(wait) = self.try_acquire(self.clock.instant()) else { return };
            self.clock.sleep(wait).await;
        }
    }

    /// Lets nothing leave for this long: the server said so to one task, and means all of them.
    pub fn pause(&self, duration: Duration) {
        let until = self.clock.instant() + duration;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.paused_until = Some(state.paused_until.map_or(until, |other| other.max(until)));
    }

    /// Takes a place now, or says how long to wait before asking again.
    fn try_acquire(&self, now: Instant) -> Option<Duration> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(until) = state.paused_until {
            if until > now {
                return Some(until - now);
            }
            state.paused_until = None;
        }
        while state.sent.front().is_some_and(|oldest| now.duration_since(*oldest) >= WINDOW) {
            state.sent.pop_front();
        }
        if state.sent.len() < self.requests_per_minute {
            state.sent.push_back(now);
            return None;
        }
        state.sent.front().map(|oldest| (*oldest + WINDOW).saturating_duration_since(now))
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
            let within = sent[..=index].iter().filter(|other| *time - **other < Duration::from_mins(1)).count();
            assert!(within <= 60, "{within} requests within a minute");
        }
    }

    #[test]
    fn a_pause_holds_everybody_and_a_shorter_one_does_not_end_it() {
        let throttle = Throttle::new(1000, Arc::new(SystemClock));
        throttle.pause(Duration::from_secs(30));
        throttle.pause(Duration::from_secs(1));
        let wait = throttle.try_acquire(Instant::now()).expect("paused");
        assert!(wait > Duration::from_secs(25), "{wait:?}");
    }
}
