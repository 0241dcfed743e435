//! How often a feed wants to be asked: `ttl`, `sy:updatePeriod`, `skipHours`, `skipDays`.
//!
//! Pure: the clock is an argument.

use jiff::civil::Weekday;

use super::names::Space;
use super::tree::{Id, Tree};
use crate::domain::Rhythm;

/// More is taken for this, in minutes: a hundred years.
const MAX_MINUTES: i64 = 100 * 366 * 24 * 60;

/// A feed's wishes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Timing {
    /// Minutes between two polls.
    pub minutes: Option<i64>,
    /// Hours of the day, GMT, in which nothing changes.
    pub skip_hours: Vec<i8>,
    /// Days of the week, GMT, on which nothing changes.
    pub skip_days: Vec<Weekday>,
}

impl Timing {
    /// Reads the wishes that stand in a channel.
    pub fn read(tree: &Tree<'_>, channel: Id) -> Self {
        let text = |id: Id| tree.text(id).unwrap_or_default();
        let number = |id: Id| text(id).parse::<i64>().ok().filter(|number| *number > 0);
        let mut timing = Self::default();
        let (mut period, mut frequency) = (None, 1_i64);
        for child in tree.children(channel) {
            let name = tree.name(child).to_ascii_lowercase();
            match (tree.space(child), name.as_str()) {
                (Space::Core, "ttl") => timing.minutes = number(child),
                (Space::Syndication, "updateperiod") => period = period_minutes(&text(child)),
                (Space::Syndication, "updatefrequency") => frequency = number(child).unwrap_or(1),
                (Space::Core, "skiphours") => {
                    let hours = tree.children(child).take(24);
                    let hour = |id| text(id).parse::<i8>().ok().filter(|hour| *hour >= 0);
                    timing
                        .skip_hours
                        .extend(hours.filter_map(hour).map(|hour| hour % 24));
                }
                (Space::Core, "skipdays") => {
                    let days = tree.children(child).take(7);
                    timing
                        .skip_days
                        .extend(days.filter_map(|id| weekday(&text(id))));
                }
                _ => {}
            }
        }
        timing.minutes = timing
            .minutes
            .max(period.map(|minutes: i64| minutes / frequency))
            .filter(|minutes| *minutes > 0)
            .map(|minutes| minutes.min(MAX_MINUTES));
        timing
    }

    /// The wishes as they are kept over polls that bring no document.
    pub fn rhythm(&self) -> Rhythm {
        Rhythm {
            every_secs: self
                .minutes
                .map_or(0, |minutes| minutes.unsigned_abs() * 60),
            skip_hours: self
                .skip_hours
                .iter()
                .fold(0, |bits, hour| bits | 1 << hour),
            skip_days: self
                .skip_days
                .iter()
                .fold(0, |bits, day| bits | 1 << day.to_monday_zero_offset()),
        }
    }
}

fn period_minutes(text: &str) -> Option<i64> {
    match text {
        "hourly" => Some(60),
        "daily" => Some(24 * 60),
        "weekly" => Some(7 * 24 * 60),
        "monthly" => Some(30 * 24 * 60),
        "yearly" => Some(365 * 24 * 60),
        _ => None,
    }
}

fn weekday(text: &str) -> Option<Weekday> {
    match text.get(..3)?.to_ascii_lowercase().as_str() {
        "mon" => Some(Weekday::Monday),
        "tue" => Some(Weekday::Tuesday),
        "wed" => Some(Weekday::Wednesday),
        "thu" => Some(Weekday::Thursday),
        "fri" => Some(Weekday::Friday),
        "sat" => Some(Weekday::Saturday),
        "sun" => Some(Weekday::Sunday),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timing(inner: &str) -> Timing {
        let document = format!("<channel>{inner}</channel>");
        Timing::read(&Tree::read(&document).unwrap(), super::super::tree::ROOT)
    }

    #[test]
    fn the_longest_wish_counts() {
        let read = |inner: &str| timing(inner).minutes;
        assert_eq!(read("<ttl>60</ttl>"), Some(60));
        assert_eq!(read("<ttl>0</ttl>"), None);
        assert_eq!(read("<ttl>-5</ttl>"), None);
        assert_eq!(
            read(
                "<ttl>10</ttl><sy:updatePeriod>hourly</sy:updatePeriod><sy:updateFrequency>2</sy:updateFrequency>"
            ),
            Some(30)
        );
        assert_eq!(
            read("<sy:updatePeriod>yearly</sy:updatePeriod>"),
            Some(365 * 24 * 60)
        );
    }

    #[test]
    fn skipped_hours_and_days_are_bits() {
        let timing = timing(
            "<skipHours><hour>10</hour><hour>11</hour></skipHours><skipDays><day>Sunday</day></skipDays>",
        );
        let rhythm = timing.rhythm();
        assert_eq!(rhythm.skip_hours, 1 << 10 | 1 << 11);
        assert_eq!(rhythm.skip_days, 1 << 6);
        assert_eq!(rhythm.every_secs, 0);
    }
}
