//! The time of day as an argument: a system clock for the daemon, a manual one for tests.
//!
//! The only file that asks the operating system what time it is. A manual clock never moves by
//! itself, and whoever sleeps on it wakes when it is advanced.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

/// The longest that a sleeper trusts the operating system's timer. Timers stand still while the
/// machine is suspended and do not follow a clock that is set, so the time of day is read again.
const RECHECK: Duration = Duration::from_secs(30);

/// Tells the time and sleeps. Cheap to clone; clones show the same time.
#[derive(Clone)]
pub struct Clock(Kind);

#[derive(Clone)]
enum Kind {
    System,
    Manual {
        now: watch::Receiver<Timestamp>,
        sleepers: watch::Sender<usize>,
    },
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Self {
        Self(Kind::System)
    }

    /// A clock that stands at `start` until its other half moves it.
    #[must_use]
    pub fn manual(start: Timestamp) -> (Self, ManualClock) {
        let (now, receiver) = watch::channel(start);
        let (sleepers, sleeping) = watch::channel(0);
        let clock = Self(Kind::Manual {
            now: receiver,
            sleepers,
        });
        (clock, ManualClock { now, sleeping })
    }

    /// The time, in UTC.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the time of day"
    )]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Kind::System => Timestamp::now(),
            Kind::Manual { now, .. } => *now.borrow(),
        }
    }

    /// Sleeps until the clock shows `until` or later. Follows a clock that is set or a machine that
    /// was suspended to within 30 s. Cancel safe.
    pub async fn sleep_until(&self, until: Timestamp) {
        match &self.0 {
            Kind::System => loop {
                let Some(left) = time_left(self.now(), until) else {
                    return;
                };
                tokio::time::sleep(left.min(RECHECK)).await;
            },
            Kind::Manual { now, sleepers } => {
                let mut now = now.clone();
                if *now.borrow() >= until {
                    return;
                }
                let _counted = Sleeper::new(sleepers);
                if now.wait_for(|now| *now >= until).await.is_err() {
                    // Nobody can move this clock any more: the time never comes.
                    std::future::pending::<()>().await;
                }
            }
        }
    }

    /// Sleeps for a length of time. On the system clock the length is measured by a monotonic timer,
    /// so that setting the clock changes nothing.
    pub async fn sleep(&self, length: Duration) {
        match &self.0 {
            Kind::System => tokio::time::sleep(length).await,
            Kind::Manual { .. } => self.sleep_until(later(self.now(), length)).await,
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::System => f.write_str("Clock::System"),
            Kind::Manual { now, .. } => write!(f, "Clock::Manual({})", *now.borrow()),
        }
    }
}

/// The hand that moves a manual clock. When it is dropped the clock stands still for good.
#[derive(Debug)]
pub struct ManualClock {
    now: watch::Sender<Timestamp>,
    sleeping: watch::Receiver<usize>,
}

impl ManualClock {
    /// Moves the clock forward and wakes those whose time has come.
    pub fn advance(&self, length: Duration) {
        self.now.send_modify(|now| *now = later(*now, length));
    }

    /// Sets the clock, backwards too.
    pub fn set(&self, now: Timestamp) {
        self.now.send_replace(now);
    }

    /// Waits until at least `count` tasks sleep on the clock, so that a test advances it neither too
    /// early nor after a guess.
    pub async fn sleepers(&self, count: usize) {
        let mut sleeping = self.sleeping.clone();
        if sleeping.wait_for(|now| *now >= count).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Counts a sleeper for as long as it lives, cancelled or not.
struct Sleeper<'a>(&'a watch::Sender<usize>);

impl<'a> Sleeper<'a> {
    fn new(count: &'a watch::Sender<usize>) -> Self {
        count.send_modify(|count| *count += 1);
        Self(count)
    }
}

impl Drop for Sleeper<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

/// A time later by a length; the last time there is where the sum would pass it.
#[must_use]
pub fn later(time: Timestamp, length: Duration) -> Timestamp {
    time.checked_add(length).unwrap_or(Timestamp::MAX)
}

/// What is left until a time, or `None` when it has come.
#[must_use]
pub fn time_left(now: Timestamp, until: Timestamp) -> Option<Duration> {
    Duration::try_from(now.duration_until(until))
        .ok()
        .filter(|left| !left.is_zero())
}

/// Our clock as the one of `governor`'s limiters: the time since 1970, zero before it.
#[derive(Debug, Clone)]
pub struct TimeOfDay(pub Clock);

impl governor::clock::Clock for TimeOfDay {
    type Instant = Duration;

    fn now(&self) -> Duration {
        time_left(Timestamp::UNIX_EPOCH, self.0.now()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> Timestamp {
        "2026-03-01T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_manual_clock_shows_what_it_was_set_to() {
        let (clock, hand) = Clock::manual(start());
        hand.advance(Duration::from_millis(1_500));
        assert_eq!(clock.now().to_string(), "2026-03-01T12:00:01.5Z");
        hand.set("2025-01-01T00:00:00Z".parse().unwrap());
        assert_eq!(clock.clone().now().to_string(), "2025-01-01T00:00:00Z");
    }

    #[tokio::test]
    async fn sleepers_wake_at_their_time_and_not_before() {
        let (clock, hand) = Clock::manual(start());
        let sleep = clock.sleep(Duration::from_secs(10));
        tokio::pin!(sleep);
        assert!(futures_util::poll!(sleep.as_mut()).is_pending());
        hand.sleepers(1).await;
        hand.advance(Duration::from_secs(9));
        assert!(futures_util::poll!(sleep.as_mut()).is_pending());
        hand.advance(Duration::from_secs(1));
        sleep.await;
        hand.sleepers(0).await;
        assert_eq!(*hand.sleeping.borrow(), 0);
    }

    #[tokio::test]
    async fn a_time_that_has_come_is_no_sleep() {
        let (clock, _hand) = Clock::manual(start());
        clock.sleep_until(start()).await;
        Clock::system().sleep_until(Timestamp::UNIX_EPOCH).await;
    }

    #[test]
    fn sums_past_the_end_of_time_stop_there() {
        assert_eq!(later(start(), Duration::MAX), Timestamp::MAX);
        assert_eq!(time_left(start(), start()), None);
        assert_eq!(
            time_left(start(), later(start(), Duration::from_secs(5))),
            Some(Duration::from_secs(5))
        );
    }
}
