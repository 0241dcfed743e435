//! How often a feed wants to be asked: `ttl`, `sy:updatePeriod`, `skipHours`, `skipDays`.
//!
//! Pure: the clock is an argument.

use jiff::Timestamp;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;

use super::names::Space;
use super::tree::{Id, Tree};

/// The longest that a feed can silence itself, in minutes.
const MAX_MINUTES: i64 = 24 * 60;

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

    /// The earliest time after `now` that suits the feed; `None` when it has no wish.
    pub fn not_before(&self, now: Timestamp) -> Option<Timestamp> {
        let wished = match self.minutes {
            Some(minutes) => now
                .checked_add(jiff::SignedDuration::from_mins(minutes))
                .ok()?,
            None => now,
        };
        let mut moment = wished;
        // All hours or days skipped means a mistake, not silence: the walk ends after a week.
        for _ in 0..7 * 24 {
            let there = moment.to_zoned(TimeZone::UTC);
            if !self.skip_hours.contains(&there.hour())
                && !self.skip_days.contains(&there.weekday())
            {
                return (moment > now).then_some(moment);
            }
            let next_hour = moment.as_second() - moment.as_second().rem_euclid(3600) + 3600;
            moment = Timestamp::from_second(next_hour).ok()?;
        }
        (wished > now).then_some(wished)
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
    fn the_longest_wish_counts_and_a_year_is_a_day() {
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
            Some(1440)
        );
    }

    #[test]
    fn skipped_hours_and_days_hold_in_gmt() {
        let timing = timing(
            "<skipHours><hour>10</hour><hour>11</hour></skipHours><skipDays><day>Sunday</day></skipDays>",
        );
        let after = |text: &str| {
            timing
                .not_before(text.parse().unwrap())
                .map(|t| t.to_string())
        };
        assert_eq!(
            after("2026-03-02T10:20:00Z").as_deref(),
            Some("2026-03-02T12:00:00Z")
        );
        assert_eq!(
            after("2026-03-01T10:20:00Z").as_deref(),
            Some("2026-03-02T00:00:00Z")
        );
        assert_eq!(after("2026-03-02T09:59:00Z"), None);
        let never = Timing {
            skip_hours: (0..24).collect(),
            ..Timing::default()
        };
        assert_eq!(
            never.not_before("2026-03-02T10:20:00Z".parse().unwrap()),
            None
        );
    }
}
