//! The circuit breaker of one endpoint: a receiver that answers nothing is asked by one delivery now and then, and not
//! by all that wait. What waits meanwhile uses up none of its own attempts.
//!
//! Pure: time is an argument. Lost in a crash, which costs a few attempts.

use jiff::{SignedDuration, Timestamp};

/// Failures in a row that open it.
const FAILURES: u32 = 10;
/// How long it stays open the first time; twice as long each further time ...
const FIRST: SignedDuration = SignedDuration::from_secs(30);
/// ... up to this.
const LONGEST: SignedDuration = SignedDuration::from_mins(10);

/// Closed at first.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Breaker {
    failures: u32,
    opened: u32,
    open_until: Option<Timestamp>,
}

impl Breaker {
    /// Notes an attempt: whether the receiver is at work, whatever it said of what it got. True when this opens the
    /// breaker that was closed.
    pub fn note(&mut self, is_at_work: bool, now: Timestamp) -> bool {
        if is_at_work {
            *self = Self::default();
            return false;
        }
        self.failures = self.failures.saturating_add(1);
        let is_trial = self.open_until.is_some_and(|until| until <= now);
        if self.failures < FAILURES || (self.open_until.is_some() && !is_trial) {
            return false;
        }
        let doublings = i32::try_from(self.opened.min(10)).unwrap_or(0);
        let length = FIRST.saturating_mul(1 << doublings).min(LONGEST);
        self.open_until = Some(now.checked_add(length).unwrap_or(Timestamp::MAX));
        self.opened = self.opened.saturating_add(1);
        !is_trial
    }

    /// Until when nothing is sent.
    pub fn open_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.open_until.filter(|until| *until > now)
    }

    /// Whether one delivery goes ahead of all others, to see whether the receiver is back.
    pub fn is_on_trial(&self, now: Timestamp) -> bool {
        self.open_until.is_some_and(|until| until <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_after_ten_failures_in_a_row_and_longer_each_time() {
        let start: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        let after = |secs: i64| start + SignedDuration::from_secs(secs);
        let mut breaker = Breaker::default();
        for _ in 0..9 {
            assert!(!breaker.note(false, start));
        }
        assert!(!breaker.note(true, start));
        for n in 0..10 {
            assert_eq!(breaker.open_until(start), None);
            assert_eq!(breaker.note(false, start), n == 9);
        }
        assert_eq!(breaker.open_until(start), Some(after(30)));
        // Those that were under way when it opened change nothing.
        assert!(!breaker.note(false, after(1)));
        assert_eq!(breaker.open_until(after(1)), Some(after(30)));
        assert!(!breaker.is_on_trial(after(29)) && breaker.is_on_trial(after(30)));
        assert!(!breaker.note(false, after(30)), "told once");
        assert_eq!(breaker.open_until(after(30)), Some(after(90)));
        let mut now = after(90);
        for _ in 0..20 {
            breaker.note(false, now);
            let until = breaker.open_until(now).unwrap();
            assert!(until.duration_since(now) <= LONGEST);
            now = until;
        }
        assert_eq!(breaker.open_until(now), None);
        breaker.note(true, now);
        assert!(!breaker.is_on_trial(now));
        assert!(!breaker.note(false, now), "it begins anew");
    }
}
