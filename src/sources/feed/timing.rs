//! How often a feed wants to be asked: `ttl`, `sy:updatePeriod`, `skipHours`, `skipDays`.
//!
//! Also the comment counts of items, which feed-rs leaves out. Pure: the clock is an argument.

use jiff::civil::Weekday;

use super::tidy::{Tidied, local};
use crate::domain::Rhythm;
use crate::sources::markup::{Token, Tokens};

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
    /// Reads the channel's wishes from a tidy document.
    pub fn read(xml: &str) -> Self {
        let mut timing = Self::default();
        let (mut period, mut frequency) = (None, 1_i64);
        let mut name = "";
        for token in Tokens::xml(xml) {
            match token {
                // Wishes stand before or after the items, never inside them: an item's own `ttl` is its text.
                Token::Open(tag) => name = tag.name,
                Token::Close(_) => name = "",
                Token::Text(text) => {
                    let text = text.trim();
                    match name {
                        "ttl" => timing.minutes = text.parse().ok().filter(|m| *m > 0),
                        "sy:updatePeriod" => period = period_minutes(text),
                        "sy:updateFrequency" => {
                            frequency = text.parse().ok().filter(|f| *f > 0).unwrap_or(1);
                        }
                        "hour" => timing
                            .skip_hours
                            .extend(text.parse::<i8>().ok().map(|h| h % 24).filter(|h| *h >= 0)),
                        "day" => timing.skip_days.extend(weekday(text)),
                        _ => {}
                    }
                }
                Token::Cdata(_) | Token::Doctype(_) => {}
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

/// The number of comments that each item states (`slash:comments`, `thr:total`), in their order.
pub(super) fn comment_counts(tidied: &Tidied) -> Vec<Option<u64>> {
    tidied
        .items
        .iter()
        .map(|range| {
            let mut inside = false;
            for token in Tokens::xml(&tidied.xml[range.clone()]) {
                match token {
                    Token::Open(tag) => {
                        inside = tag.name.contains(':')
                            && matches!(local(tag.name), "comments" | "total");
                    }
                    Token::Text(text) if inside => {
                        if let Ok(count) = text.trim().parse() {
                            return Some(count);
                        }
                    }
                    _ => {}
                }
            }
            None
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_wish_counts() {
        let read =
            |inner: &str| Timing::read(&format!("<rss><channel>{inner}</channel></rss>")).minutes;
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
        let timing = Timing::read(
            "<rss><channel><skipHours><hour>10</hour><hour>11</hour></skipHours><skipDays><day>Sunday</day></skipDays></channel></rss>",
        );
        let rhythm = timing.rhythm();
        assert_eq!(rhythm.skip_hours, 1 << 10 | 1 << 11);
        assert_eq!(rhythm.skip_days, 1 << 6);
        assert_eq!(rhythm.every_secs, 0);
    }
}
