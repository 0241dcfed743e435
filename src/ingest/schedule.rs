//! When a source is polled next. Pure: time and randomness are arguments.
//!
//! **Jitter never shortens a wait**, and no answer of a server brings the next poll below the
//! configured interval.

use std::time::Duration;

use jiff::Timestamp;

/// How often a source is polled, and how failures slow it down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PollSchedule {
    /// Shortest time between two polls.
    pub interval: Duration,
    /// First wait after a failure.
    pub backoff: Duration,
    /// Longest wait after failures.
    pub max_backoff: Duration,
}

/// The part of a wait by which jitter may lengthen it, so that sources which were added together drift apart.
const JITTER: f64 = 0.1;
/// The wait before a source that said it has more is polled again.
const MORE: Duration = Duration::from_millis(200);

impl PollSchedule {
    /// The first poll of a source that was never polled: within a tenth of the interval. `random` is in 0 to 1.
    #[must_use]
    pub fn first(&self, now: Timestamp, random: f64) -> Timestamp {
        add(now, self.interval.mul_f64(JITTER * random))
    }

    /// The poll after one that worked: no earlier than the interval and the server's wish.
    #[must_use]
    pub fn after_success(
        &self,
        now: Timestamp,
        not_before: Option<Timestamp>,
        more: bool,
        random: f64,
    ) -> Timestamp {
        let wait = if more { MORE } else { self.interval };
        let next = add(now, wait.mul_f64(1.0 + JITTER * random));
        not_before.map_or(next, |not_before| next.max(not_before))
    }

    /// The poll after the `failures`-th failure in a row, counted from 1.
    #[must_use]
    pub fn after_failure(&self, now: Timestamp, failures: u32, random: f64) -> Timestamp {
        add(
            now,
            backoff(self.backoff, self.max_backoff, failures, random),
        )
    }

    /// The poll after a refusal for too many requests: the server's time, else at least twice the usual backoff.
    #[must_use]
    pub fn after_rate_limit(
        &self,
        now: Timestamp,
        retry_at: Option<Timestamp>,
        failures: u32,
        random: f64,
    ) -> Timestamp {
        let own = self.after_failure(now, failures.saturating_add(1), random);
        match retry_at {
            Some(retry_at) => retry_at.max(now),
            None => own.max(add(now, self.interval * 2)),
        }
    }
}

/// Exponential backoff: `first * 2^(failures - 1)`, at most `max`, then lengthened by up to a tenth.
#[must_use]
pub fn backoff(first: Duration, max: Duration, failures: u32, random: f64) -> Duration {
    let doublings = failures.saturating_sub(1).min(31);
    let wait = first.saturating_mul(1 << doublings).min(max);
    wait.mul_f64(1.0 + JITTER * random.clamp(0.0, 1.0))
}

/// `now + wait`, at most the end of time.
fn add(now: Timestamp, wait: Duration) -> Timestamp {
    now.saturating_add(wait).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEDULE: PollSchedule = PollSchedule {
        interval: Duration::from_secs(900),
        backoff: Duration::from_secs(60),
        max_backoff: Duration::from_secs(3600),
    };

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + secs).unwrap()
    }

    #[test]
    fn jitter_only_lengthens() {
        assert_eq!(SCHEDULE.after_success(at(0), None, false, 0.0), at(900));
        assert_eq!(SCHEDULE.after_success(at(0), None, false, 1.0), at(990));
        assert_eq!(SCHEDULE.first(at(0), 0.0), at(0));
        assert_eq!(SCHEDULE.first(at(0), 1.0), at(90));
    }

    #[test]
    fn the_server_may_slow_us_down_but_not_speed_us_up() {
        assert_eq!(
            SCHEDULE.after_success(at(0), Some(at(5000)), false, 0.0),
            at(5000)
        );
        assert_eq!(
            SCHEDULE.after_success(at(0), Some(at(5)), false, 0.0),
            at(900)
        );
    }

    #[test]
    fn failures_double_up_to_the_maximum() {
        let waits: Vec<Timestamp> = (1..=8)
            .map(|n| SCHEDULE.after_failure(at(0), n, 0.0))
            .collect();
        assert_eq!(waits, [60, 120, 240, 480, 960, 1920, 3600, 3600].map(at));
        assert_eq!(
            backoff(SCHEDULE.backoff, SCHEDULE.max_backoff, u32::MAX, 0.0),
            SCHEDULE.max_backoff
        );
    }

    #[test]
    fn a_rate_limit_holds_to_the_second_and_doubles_without_a_time() {
        assert_eq!(
            SCHEDULE.after_rate_limit(at(0), Some(at(77)), 1, 1.0),
            at(77)
        );
        assert_eq!(SCHEDULE.after_rate_limit(at(0), None, 1, 0.0), at(1800));
        assert_eq!(SCHEDULE.after_rate_limit(at(0), None, 6, 0.0), at(3600));
    }
}
