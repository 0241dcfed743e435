//! When a source is polled next. Pure: time and randomness are arguments.
//!
//! **Jitter never shortens a wait**, and no answer of a server brings the next poll below the
//! configured interval.

use std::time::Duration;

use jiff::Timestamp;

use crate::domain::Rhythm;
use crate::runtime::{later, time_left};

/// How often a source is polled, and how silence and failures slow it down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PollSchedule {
    /// Shortest time between two polls.
    pub interval: Duration,
    /// Longest time between two polls of a source that works; at least `interval`.
    pub max_interval: Duration,
    /// First wait after a failure.
    pub backoff: Duration,
    /// Longest wait after failures.
    pub max_backoff: Duration,
}

/// What the answer to a poll asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wishes {
    /// The server's demand; nothing shortens it.
    pub not_before: Option<Timestamp>,
    /// The server calls its answer fresh until then; counts up to the longest interval.
    pub fresh_until: Option<Timestamp>,
    /// How often the document wants to be asked; counts up to the longest interval.
    pub rhythm: Option<Rhythm>,
    /// There is more to read now: neither pace nor freshness count.
    pub more: bool,
}

/// The next poll of a source that works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Next {
    /// When it is due.
    pub at: Timestamp,
    /// Before then nobody may ask, a person neither: what the server wants, without our own pace.
    pub not_before: Option<Timestamp>,
    /// What of the server's wishes was not followed, in words.
    pub warning: Option<String>,
}

/// The part of a wait by which jitter may lengthen it, so that sources which were added together drift apart.
const JITTER: f64 = 0.1;
/// The wait before a source that said it has more is polled again.
const MORE: Duration = Duration::from_millis(200);
/// Between polls of a feed whose news a hub sends: they only make sure that it forgets nothing.
const BACKUP: Duration = Duration::from_secs(6 * 60 * 60);
/// How much longer each quiet poll makes the wait.
const SLOWER: f64 = 1.25;
/// A place for each source that starts, or that a suspended machine left overdue: one a second ...
const PLACE: Duration = Duration::from_secs(1);
/// ... within at most this time.
const MAX_SPREAD: Duration = Duration::from_secs(15 * 60);

impl PollSchedule {
    /// The `place`-th of `count` sources that are all due at once: each in a part of its own of a time that grows with
    /// their number, at most a quarter of an hour and at most the source's interval. `random` is in 0 to 1.
    #[must_use]
    pub fn spread(&self, now: Timestamp, place: u32, count: u32, random: f64) -> Timestamp {
        let whole = (PLACE * count).min(MAX_SPREAD).min(self.interval);
        let part = (f64::from(place) + random.clamp(0.0, 1.0)) / f64::from(count.max(1));
        later(now, whole.mul_f64(part.min(1.0)))
    }

    /// The time between polls that the source's posts call for: a quarter longer after a poll without news, up to the longest
    /// interval; after one with news at most half as long, and as short as the posts came, down to the interval.
    /// `before` is the last pace (none before the first poll), `elapsed` the time since the last poll that worked.
    #[must_use]
    pub fn pace(
        &self,
        before: Option<Duration>,
        elapsed: Option<Duration>,
        news: usize,
    ) -> Duration {
        let (Some(before), Some(elapsed)) = (before, elapsed) else {
            return self.interval;
        };
        let pace = if news == 0 {
            before.mul_f64(SLOWER)
        } else {
            let each = elapsed / u32::try_from(news).unwrap_or(u32::MAX);
            (before / 2).min(each)
        };
        self.bounded(pace)
    }

    /// The time between polls while a hub sends what is new: six hours, and more for what is quiet anyway.
    #[must_use]
    pub fn backup_pace(&self, pace: Duration) -> Duration {
        self.bounded(pace.max(BACKUP))
    }

    /// The poll after one that worked, `pace` later: no earlier than the interval and the server's and the document's wishes.
    #[must_use]
    pub fn after_success(
        &self,
        now: Timestamp,
        pace: Duration,
        wishes: &Wishes,
        random: f64,
    ) -> Next {
        if wishes.more {
            let at = later(now, jittered(MORE, random));
            return Next {
                at: wishes.not_before.map_or(at, |demand| demand.max(at)),
                not_before: wishes.not_before,
                warning: None,
            };
        }
        let longest = later(now, self.max_interval());
        let mut warnings = Vec::new();
        let mut wished = None;
        if let Some(fresh) = wishes.fresh_until {
            if fresh > longest {
                warnings.push(format!(
                    "the server calls its answer fresh for {}",
                    words(time_left(now, fresh).unwrap_or_default())
                ));
            }
            wished = Some(fresh.min(longest));
        }
        let rhythm = wishes.rhythm.unwrap_or_default();
        if rhythm.every_secs > 0 {
            let every = Duration::from_secs(rhythm.every_secs);
            if every > self.max_interval() {
                warnings.push(format!("the feed wants to be asked every {}", words(every)));
            }
            wished = wished.max(Some(later(now, every).min(longest)));
        }
        if !warnings.is_empty() {
            let most = words(self.max_interval());
            warnings.push(format!(
                "it is asked again after {most} (max_interval_secs)"
            ));
        }
        if rhythm.is_silence() {
            warnings
                .push("the feed skips all hours or all days, so that is not followed".to_owned());
        }
        let pace = self.bounded(pace);
        let drift = pace.mul_f64(JITTER * random.clamp(0.0, 1.0));
        let ours = later(wished.unwrap_or(now).max(later(now, pace)), drift);
        let at = rhythm.allowed_from(ours);
        let not_before = wishes.not_before.max(wished.filter(|wished| *wished > now));
        Next {
            at: not_before.map_or(at, |demand| demand.max(at)),
            not_before,
            warning: (!warnings.is_empty()).then(|| warnings.join("; ")),
        }
    }

    /// The poll after the `failures`-th failure in a row, counted from 1.
    #[must_use]
    pub fn after_failure(&self, now: Timestamp, failures: u32, random: f64) -> Timestamp {
        later(
            now,
            backoff(self.backoff, self.max_backoff, failures, random),
        )
    }

    /// The poll after the `failures`-th answer that we are not wanted or nothing is there (401, 403, 404): twice the interval, and doubling
    /// up to the longest.
    #[must_use]
    pub fn after_refusal(&self, now: Timestamp, failures: u32, random: f64) -> Timestamp {
        let first = (self.interval * 2).max(self.backoff);
        let most = self.max_interval().max(first);
        later(now, backoff(first, most, failures, random))
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
            None => own.max(later(now, self.interval * 2)),
        }
    }

    fn bounded(&self, pace: Duration) -> Duration {
        pace.clamp(self.interval, self.max_interval())
    }

    fn max_interval(&self) -> Duration {
        self.max_interval.max(self.interval)
    }
}

/// Exponential backoff: `first * 2^(failures - 1)`, at most `max`, then lengthened by up to a tenth.
#[must_use]
pub fn backoff(first: Duration, max: Duration, failures: u32, random: f64) -> Duration {
    let doublings = failures.saturating_sub(1).min(31);
    jittered(first.saturating_mul(1 << doublings).min(max), random)
}

fn jittered(wait: Duration, random: f64) -> Duration {
    wait.mul_f64(1.0 + JITTER * random.clamp(0.0, 1.0))
}

/// A length of time for people, in its largest unit.
fn words(length: Duration) -> String {
    let seconds = length.as_secs();
    let (number, unit) = match seconds {
        0..120 => (seconds, "seconds"),
        120..7_200 => (seconds / 60, "minutes"),
        7_200..172_800 => (seconds / 3_600, "hours"),
        _ => (seconds / 86_400, "days"),
    };
    format!("{number} {unit}")
}

#[cfg(test)]
mod tests;
