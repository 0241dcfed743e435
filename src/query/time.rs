//! Times in queries. The clock and the zone come with the match context, never from the system.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// What a query is judged in: now, and where days begin.
#[derive(Debug, Clone)]
pub struct MatchContext {
    /// Now.
    pub now: Timestamp,
    /// The zone in which days begin for people.
    pub zone: TimeZone,
}

/// From then or up to then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeEdge {
    /// At that time or later; a day counts from its beginning.
    Since,
    /// Up to that time; a day counts to its end.
    Until,
}

impl TimeEdge {
    /// The name of the field.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Since => "since",
            Self::Until => "until",
        }
    }
}

/// A time as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// `36h` before now.
    Hours(u32),
    /// `7d`: times 24 hours before now.
    Days(u32),
    /// `2w`: times 7 times 24 hours before now.
    Weeks(u32),
    /// `2026-11-01`: a day in the context's zone.
    Day(Date),
    /// The day of now in the context's zone.
    Today,
    /// The day before.
    Yesterday,
    /// `2026-11-01T10:00:00Z`.
    At(Timestamp),
}

impl When {
    /// Reads a time; None when it has none of the forms.
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text {
            "today" => return Some(Self::Today),
            "yesterday" => return Some(Self::Yesterday),
            _ => {}
        }
        let split = text.len().saturating_sub(1);
        if let Some((digits, unit)) = text.split_at_checked(split)
            && !digits.is_empty()
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && let Ok(count) = digits.parse::<u32>()
            && count <= 100_000
        {
            match unit {
                "h" => return Some(Self::Hours(count)),
                "d" => return Some(Self::Days(count)),
                "w" => return Some(Self::Weeks(count)),
                _ => {}
            }
        }
        if text.len() == "2026-11-01".len() {
            return text.parse().ok().map(Self::Day);
        }
        text.parse().ok().map(Self::At)
    }

    /// The first key that is within, for `Since`; the first that is beyond, for `Until`.
    #[must_use]
    pub fn bound(self, edge: TimeEdge, context: &MatchContext) -> i64 {
        let today = context.now.to_zoned(context.zone.clone()).date();
        match self {
            Self::Hours(count) => instant(ago(context.now, i64::from(count)), edge),
            Self::Days(count) => instant(ago(context.now, i64::from(count) * 24), edge),
            Self::Weeks(count) => instant(ago(context.now, i64::from(count) * 168), edge),
            Self::At(at) => instant(at, edge),
            Self::Day(day) => day_bound(day, edge, &context.zone),
            Self::Today => day_bound(today, edge, &context.zone),
            Self::Yesterday => {
                let day = today.yesterday().unwrap_or(Date::MIN);
                day_bound(day, edge, &context.zone)
            }
        }
    }
}

/// The key by which posts are ordered in time, in matcher and index alike: milliseconds since 1970.
#[must_use]
pub fn time_key(at: Timestamp) -> i64 {
    at.as_millisecond()
}

fn ago(now: Timestamp, hours: i64) -> Timestamp {
    now.checked_sub(SignedDuration::from_hours(hours))
        .unwrap_or(Timestamp::MIN)
}

fn instant(at: Timestamp, edge: TimeEdge) -> i64 {
    match edge {
        TimeEdge::Since => time_key(at),
        TimeEdge::Until => time_key(at) + 1,
    }
}

fn day_bound(day: Date, edge: TimeEdge, zone: &TimeZone) -> i64 {
    let first = match edge {
        TimeEdge::Since => Some(day),
        TimeEdge::Until => day.tomorrow().ok(),
    };
    first
        .and_then(|day| day.to_zoned(zone.clone()).ok())
        .map_or(i64::MAX, |start| time_key(start.timestamp()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(text: &str, edge: TimeEdge) -> String {
        let context = MatchContext {
            now: "2026-11-22T23:30:00Z".parse().expect("time"),
            zone: TimeZone::get("Europe/Berlin").expect("zone"),
        };
        let key = When::parse(text).expect(text).bound(edge, &context);
        Timestamp::from_millisecond(key)
            .expect("in range")
            .to_string()
    }

    #[test]
    fn days_begin_in_the_zone() {
        let cases = [
            ("today", TimeEdge::Since, "2026-11-22T23:00:00Z"),
            ("yesterday", TimeEdge::Since, "2026-11-21T23:00:00Z"),
            ("yesterday", TimeEdge::Until, "2026-11-22T23:00:00Z"),
            ("2026-07-01", TimeEdge::Since, "2026-06-30T22:00:00Z"),
            ("2026-07-01", TimeEdge::Until, "2026-07-01T22:00:00Z"),
            ("7d", TimeEdge::Since, "2026-11-15T23:30:00Z"),
            ("24h", TimeEdge::Until, "2026-11-21T23:30:00.001Z"),
            ("1w", TimeEdge::Since, "2026-11-15T23:30:00Z"),
            (
                "2026-11-01T10:00:00+02:00",
                TimeEdge::Since,
                "2026-11-01T08:00:00Z",
            ),
        ];
        for (text, edge, expected) in cases {
            assert_eq!(bound(text, edge), expected, "{text}");
        }
    }

    #[test]
    fn other_forms_are_no_times() {
        for text in [
            "",
            "d",
            "7",
            "7m",
            "-7d",
            "999999999d",
            "2026-13-01",
            "2026-1-1",
            "tomorrow",
            "é",
        ] {
            assert_eq!(When::parse(text), None, "{text}");
        }
    }
}
