//! How often a document wants to be asked: RSS' `ttl`, `sy:updatePeriod`, `skipHours` and `skipDays`.
//!
//! Pure: the time is an argument, and all hours and days are GMT.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// A document's wishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Rhythm {
    /// Seconds between two polls; 0 when it does not say.
    pub every_secs: u64,
    /// Bit `n` for the hour `n` of the day in which nothing changes.
    pub skip_hours: u32,
    /// Bit `n` for the day of the week on which nothing changes, Monday first.
    pub skip_days: u8,
}

const ALL_HOURS: u32 = (1 << 24) - 1;
const ALL_DAYS: u8 = (1 << 7) - 1;
const HOURS_A_WEEK: usize = 7 * 24;

impl Rhythm {
    /// Whether it leaves no time at all, which is a mistake and not a wish for silence.
    #[must_use]
    pub fn is_silence(&self) -> bool {
        self.skip_hours & ALL_HOURS == ALL_HOURS || self.skip_days & ALL_DAYS == ALL_DAYS
    }

    /// The first time from `time` on that is in no skipped hour and on no skipped day; `time` itself when all are skipped.
    #[must_use]
    pub fn allowed_from(&self, time: Timestamp) -> Timestamp {
        if self.is_silence() {
            return time;
        }
        let mut moment = time;
        for _ in 0..=HOURS_A_WEEK {
            let there = moment.to_zoned(TimeZone::UTC);
            let day = there.weekday().to_monday_zero_offset();
            if self.skip_hours & (1 << there.hour()) == 0 && self.skip_days & (1 << day) == 0 {
                return moment;
            }
            let next_hour = moment.as_second() - moment.as_second().rem_euclid(3600) + 3600;
            match Timestamp::from_second(next_hour) {
                Ok(next) => moment = next,
                Err(_) => return time,
            }
        }
        time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rhythm(hours: &[u32], days: &[u32]) -> Rhythm {
        Rhythm {
            every_secs: 0,
            skip_hours: hours.iter().fold(0, |bits, hour| bits | 1 << hour),
            skip_days: days.iter().fold(0, |bits, day| bits | 1 << day),
        }
    }

    fn from(rhythm: Rhythm, time: &str) -> String {
        rhythm.allowed_from(time.parse().unwrap()).to_string()
    }

    /// polling.md 8.
    #[test]
    fn skipped_hours_and_days_are_gmt_and_all_of_them_are_none() {
        let quiet = rhythm(&[10, 11], &[6]);
        assert_eq!(from(quiet, "2026-03-02T09:59:00Z"), "2026-03-02T09:59:00Z");
        assert_eq!(from(quiet, "2026-03-02T10:20:00Z"), "2026-03-02T12:00:00Z");
        // A Sunday: until Monday, 0:00.
        assert_eq!(from(quiet, "2026-03-01T10:20:00Z"), "2026-03-02T00:00:00Z");
        let all: Vec<u32> = (0..24).collect();
        assert!(rhythm(&all, &[]).is_silence());
        assert!(rhythm(&[], &[0, 1, 2, 3, 4, 5, 6]).is_silence());
        assert_eq!(
            from(rhythm(&all, &[]), "2026-03-01T10:20:00Z"),
            "2026-03-01T10:20:00Z"
        );
        assert!(!quiet.is_silence());
    }
}
