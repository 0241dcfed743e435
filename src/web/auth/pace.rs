//! How many requests a token, a browser or an address may make: a steady rate with a reserve for bursts.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};

use crate::runtime::{Clock, TimeOfDay};

/// Seconds of the rate that may be used at once.
const RESERVE_SECS: u32 = 4;
/// Names in memory beyond which those that rest are forgotten.
const MOST: usize = 4096;

/// One limiter for all names.
#[derive(Debug)]
pub struct Pace(Option<(Limiter, TimeOfDay)>);

type Limiter =
    RateLimiter<String, DefaultKeyedStateStore<String>, TimeOfDay, NoOpMiddleware<Duration>>;

impl Pace {
    /// So many requests a second; 0 means no limit.
    #[must_use]
    pub fn new(clock: Clock, requests_per_second: u32) -> Self {
        Self(NonZeroU32::new(requests_per_second).map(|rate| {
            let clock = TimeOfDay(clock);
            let reserve = rate.saturating_mul(NonZeroU32::MIN.saturating_add(RESERVE_SECS - 1));
            let quota = Quota::per_second(rate).allow_burst(reserve);
            let limiter = RateLimiter::new(quota, DefaultKeyedStateStore::default(), clock.clone());
            (limiter, clock)
        }))
    }

    /// Counts a request of this name.
    ///
    /// # Errors
    /// The time left until it may make another; this one does not count.
    pub fn take(&self, name: &str) -> Result<(), Duration> {
        use governor::clock::Clock as _;

        let Some((limiter, clock)) = &self.0 else {
            return Ok(());
        };
        if limiter.len() > MOST {
            limiter.retain_recent();
        }
        limiter
            .check_key(&name.to_owned())
            .map_err(|not_until| not_until.wait_time_from(clock.now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_uses_up_the_reserve_and_then_the_rate_counts() {
        let (clock, hand) = Clock::manual("2026-03-01T12:00:00Z".parse().unwrap());
        let pace = Pace::new(clock.clone(), 10);
        assert!((0..40).all(|_| pace.take("a").is_ok()));
        let wait = pace.take("a").unwrap_err();
        assert_eq!(wait, Duration::from_millis(100));
        assert_eq!(pace.take("b"), Ok(()));
        hand.advance(wait);
        assert_eq!(pace.take("a"), Ok(()));
        assert!(pace.take("a").is_err());
        let none = Pace::new(clock, 0);
        assert!((0..1000).all(|_| none.take("a").is_ok()));
    }
}
