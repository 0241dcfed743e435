//! When a delivery is tried again, and when it is given up.
//!
//! Pure: time and randomness are arguments. Never makes a wait shorter than the schedule or the
//! receiver's `Retry-After` says.

use jiff::{SignedDuration, Timestamp};
use rand::{Rng, RngExt};

/// The waits after the first failures; after these, `LAST_GAP` each time.
const GAPS: [SignedDuration; 7] = [
    SignedDuration::from_secs(5),
    SignedDuration::from_mins(5),
    SignedDuration::from_mins(30),
    SignedDuration::from_hours(2),
    SignedDuration::from_hours(5),
    SignedDuration::from_hours(10),
    SignedDuration::from_hours(10),
];
const LAST_GAP: SignedDuration = SignedDuration::from_hours(10);

/// No attempt is made later than this after the first one.
pub const GIVE_UP_AFTER: SignedDuration = SignedDuration::from_hours(72);

/// The longest `Retry-After` that is waited for.
pub const LONGEST_RETRY_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// Jitter lengthens a wait by at most half of it, and by no more than this: endpoints that failed
/// together do not come back together, and 10 hours stay about 10 hours.
const MOST_JITTER: SignedDuration = SignedDuration::from_mins(30);

/// What one attempt came to, as far as the next one is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The receiver answered with this status.
    Status {
        /// The HTTP status.
        status: u16,
        /// `Retry-After`, as a time.
        retry_after: Option<Timestamp>,
    },
    /// No answer: refused, unreachable, too late.
    None,
    /// It was taken, and no status says so.
    Taken,
    /// It will never be taken.
    Refused,
}

/// What follows from an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The receiver has it.
    Delivered,
    /// To be tried again.
    Retry {
        /// Not before this time.
        at: Timestamp,
        /// The receiver asked for a pause: no delivery of any event goes to it before this time.
        hold_until: Option<Timestamp>,
    },
    /// To the dead letters.
    Dead(DeadReason),
    /// The receiver wants no more, ever (410): to the dead letters, and the endpoint is disabled.
    Gone,
}

/// Why a delivery was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeadReason {
    /// Three days have passed.
    Exhausted,
    /// `Retry-After` asked for more than 24 hours.
    RetryAfterTooLong,
    /// It will never be taken.
    Refused,
}

/// Judges the `attempt`-th attempt (from 1), made at `now`; the first was made at `first_attempt_at`.
#[must_use]
pub fn judge(
    answer: Answer,
    attempt: u32,
    first_attempt_at: Timestamp,
    now: Timestamp,
    rng: &mut impl Rng,
) -> Verdict {
    let mut at = later(now, wait(attempt, rng));
    let mut hold_until = None;
    match answer {
        Answer::Taken => return Verdict::Delivered,
        Answer::Refused => return Verdict::Dead(DeadReason::Refused),
        Answer::None => {}
        Answer::Status {
            status,
            retry_after,
        } => match status {
            200..=299 => return Verdict::Delivered,
            410 => return Verdict::Gone,
            429 | 503 => {
                if let Some(asked) = retry_after.filter(|asked| *asked > now) {
                    if asked > later(now, LONGEST_RETRY_AFTER) {
                        return Verdict::Dead(DeadReason::RetryAfterTooLong);
                    }
                    at = at.max(asked);
                    hold_until = Some(asked);
                }
            }
            _ => {}
        },
    }
    if at > later(first_attempt_at, GIVE_UP_AFTER) {
        return Verdict::Dead(DeadReason::Exhausted);
    }
    Verdict::Retry { at, hold_until }
}

/// The wait after the `attempt`-th failure (from 1), with jitter.
fn wait(attempt: u32, rng: &mut impl Rng) -> SignedDuration {
    let index = attempt.saturating_sub(1) as usize;
    let gap = GAPS.get(index).copied().unwrap_or(LAST_GAP);
    let most = (gap / 2).min(MOST_JITTER);
    gap.saturating_add(most.mul_f64(rng.random::<f64>()))
}

/// `time + wait`, the end of time when that is out of range.
fn later(time: Timestamp, wait: SignedDuration) -> Timestamp {
    time.checked_add(wait).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::SmallRng;

    use super::*;

    fn rng() -> SmallRng {
        SmallRng::seed_from_u64(7)
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + seconds).unwrap()
    }

    fn status(status: u16) -> Answer {
        Answer::Status {
            status,
            retry_after: None,
        }
    }

    #[test]
    fn item_04_two_hundreds_succeed_and_everything_else_is_tried_again() {
        for code in [200, 201, 202, 204, 299] {
            assert_eq!(
                judge(status(code), 1, at(0), at(0), &mut rng()),
                Verdict::Delivered
            );
        }
        for code in [
            199, 301, 302, 304, 307, 308, 400, 401, 404, 422, 429, 500, 503,
        ] {
            let verdict = judge(status(code), 1, at(0), at(0), &mut rng());
            assert!(
                matches!(
                    verdict,
                    Verdict::Retry {
                        hold_until: None,
                        ..
                    }
                ),
                "{code}: {verdict:?}"
            );
        }
        assert_eq!(
            judge(status(410), 1, at(0), at(0), &mut rng()),
            Verdict::Gone
        );
    }

    #[test]
    fn item_09_the_first_gaps_lie_in_the_documented_window_and_jitter_only_lengthens() {
        let documented = [5, 300, 1800, 7200, 18_000, 36_000, 36_000, 36_000];
        for (index, gap) in documented.into_iter().enumerate() {
            for seed in 0..50 {
                let mut rng = SmallRng::seed_from_u64(seed);
                let attempt = u32::try_from(index).unwrap() + 1;
                let Verdict::Retry { at: next, .. } =
                    judge(Answer::None, attempt, at(0), at(0), &mut rng)
                else {
                    panic!("attempt {attempt} was given up");
                };
                let wait = next.duration_since(at(0));
                let most = SignedDuration::from_secs(gap + (gap / 2 + 1).min(1800));
                assert!(
                    wait >= SignedDuration::from_secs(gap),
                    "attempt {attempt}: {wait}"
                );
                assert!(wait <= most, "attempt {attempt}: {wait}");
            }
        }
    }

    #[test]
    fn item_09_two_hundred_failures_of_one_moment_spread_over_more_than_a_second() {
        let mut rng = rng();
        let mut waits: Vec<SignedDuration> = (0..200).map(|_| wait(1, &mut rng)).collect();
        waits.sort();
        assert!(waits[199] - waits[0] > SignedDuration::from_secs(2));
    }

    #[test]
    fn item_10_after_three_days_it_is_given_up_and_no_attempt_is_later() {
        let mut rng = rng();
        let mut now = at(0);
        let mut attempts = 0;
        let verdict = loop {
            attempts += 1;
            match judge(Answer::None, attempts, at(0), now, &mut rng) {
                Verdict::Retry { at, .. } => now = at,
                other => break other,
            }
        };
        assert_eq!(verdict, Verdict::Dead(DeadReason::Exhausted));
        assert!((11..=12).contains(&attempts), "{attempts} attempts");
        assert!(now <= later(at(0), GIVE_UP_AFTER));
        assert!(now > later(at(0), SignedDuration::from_hours(60)));
    }

    #[test]
    fn item_06_retry_after_is_never_early_and_more_than_a_day_is_given_up() {
        let asked = |code, seconds| Answer::Status {
            status: code,
            retry_after: Some(at(seconds)),
        };
        let held = |seconds| Verdict::Retry {
            at: at(seconds),
            hold_until: Some(at(seconds)),
        };
        for code in [429, 503] {
            assert_eq!(
                judge(asked(code, 3600), 1, at(0), at(0), &mut rng()),
                held(3600)
            );
            assert_eq!(
                judge(asked(code, 86_400), 1, at(0), at(0), &mut rng()),
                held(86_400)
            );
            assert_eq!(
                judge(asked(code, 86_401), 1, at(0), at(0), &mut rng()),
                Verdict::Dead(DeadReason::RetryAfterTooLong)
            );
        }
        // A shorter wish than the schedule's wait changes nothing, nor does one on another status.
        for answer in [asked(429, 1), asked(429, -5), asked(500, 3600)] {
            let Verdict::Retry { at: next, .. } = judge(answer, 1, at(0), at(0), &mut rng()) else {
                panic!("given up");
            };
            assert!((at(5)..=at(8)).contains(&next), "{next}");
        }
    }
}
