//! The floor of the spacing: two requests to one host never start closer together than this.
//!
//! A keyed limiter with a burst of one, asked with our own clock. It never sleeps, and knows nothing
//! of what a host asked for: holds, `Crawl-delay` and the pause after an answer are `limits`'.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};

use crate::runtime::{Clock, TimeOfDay};

/// One limiter for all hosts.
#[derive(Debug)]
pub(super) struct Spacing(Option<Paced>);

#[derive(Debug)]
struct Paced {
    clock: TimeOfDay,
    length: Duration,
    limiter: Limiter,
}

type Limiter =
    RateLimiter<String, DefaultKeyedStateStore<String>, TimeOfDay, NoOpMiddleware<Duration>>;

impl Spacing {
    /// A length of zero means no limiter.
    pub(super) fn new(clock: Clock, length: Duration) -> Self {
        Self(Quota::with_period(length).map(|quota| {
            let clock = TimeOfDay(clock);
            // A quota's own burst would let a minute's worth of requests pass at once.
            let quota = quota.allow_burst(NonZeroU32::MIN);
            Paced {
                limiter: RateLimiter::new(quota, DefaultKeyedStateStore::default(), clock.clone()),
                clock,
                length,
            }
        }))
    }

    /// Charges a host for a request that starts now.
    ///
    /// # Errors
    /// The time left, at most the spacing, until a request may start; nothing is charged.
    pub(super) fn claim(&self, host: &String) -> Result<(), Duration> {
        use governor::clock::Clock as _;

        let Some(paced) = &self.0 else {
            return Ok(());
        };
        paced.limiter.check_key(host).map_err(|not_until| {
            // A clock that was set back must not stretch the pause.
            not_until
                .wait_time_from(paced.clock.now())
                .min(paced.length)
        })
    }

    /// Forgets the hosts whose spacing is over; the limiter never does by itself.
    pub(super) fn sweep(&self) {
        if let Some(paced) = &self.0 {
            paced.limiter.retain_recent();
        }
    }

    /// Hosts in memory.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |paced| paced.limiter.len())
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::runtime::ManualClock;

    const LENGTH: Duration = Duration::from_secs(2);

    fn spacing(length: Duration) -> (Spacing, ManualClock) {
        let (clock, hand) = Clock::manual("2026-03-01T12:00:00Z".parse().unwrap());
        (Spacing::new(clock, length), hand)
    }

    #[test]
    fn starts_are_a_spacing_apart_for_each_host() {
        let (spacing, hand) = spacing(LENGTH);
        let (one, two) = ("one.test".to_owned(), "two.test".to_owned());
        assert_eq!(spacing.claim(&one), Ok(()));
        assert_eq!(spacing.claim(&one), Err(LENGTH));
        assert_eq!(spacing.claim(&two), Ok(()));
        hand.advance(Duration::from_millis(1_999));
        assert_eq!(spacing.claim(&one), Err(Duration::from_millis(1)));
        hand.advance(Duration::from_millis(1));
        assert_eq!(spacing.claim(&one), Ok(()));
        // Time that nobody used is no credit: there is no burst after an hour.
        hand.advance(Duration::from_secs(3_600));
        assert_eq!(spacing.claim(&one), Ok(()));
        assert_eq!(spacing.claim(&one), Err(LENGTH));
    }

    #[test]
    fn no_spacing_is_no_limiter() {
        let (spacing, _hand) = spacing(Duration::ZERO);
        let host = "one.test".to_owned();
        for _ in 0..3 {
            assert_eq!(spacing.claim(&host), Ok(()));
        }
        assert_eq!(spacing.len(), 0);
    }

    #[test]
    fn a_clock_that_is_set_back_stretches_nothing() {
        let (spacing, hand) = spacing(LENGTH);
        let host = "one.test".to_owned();
        assert_eq!(spacing.claim(&host), Ok(()));
        hand.set(Timestamp::UNIX_EPOCH);
        assert_eq!(spacing.claim(&host), Err(LENGTH));
        hand.set(Timestamp::MIN);
        assert_eq!(spacing.claim(&host), Err(LENGTH));
    }

    #[test]
    fn a_sweep_forgets_the_hosts_whose_spacing_is_over() {
        let (spacing, hand) = spacing(LENGTH);
        assert_eq!(spacing.claim(&"old.test".to_owned()), Ok(()));
        hand.advance(LENGTH * 3);
        assert_eq!(spacing.claim(&"new.test".to_owned()), Ok(()));
        spacing.sweep();
        assert_eq!(spacing.len(), 1);
        assert_eq!(spacing.claim(&"new.test".to_owned()), Err(LENGTH));
    }
}
