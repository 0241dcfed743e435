//! How matches spread over time: hours, days, weeks or months of a zone, whichever shows most with few bars.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::index::SLOT_SECS;

/// The most bars.
const MAX_BARS: usize = 120;

/// A length of time, as people count it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Bucket {
    /// An hour.
    Hour,
    /// From midnight to midnight.
    Day,
    /// From Monday to Sunday.
    Week,
    /// A month.
    Month,
    /// A year.
    Year,
}

/// Matches by time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Histogram {
    /// The length of a bar.
    pub bucket: Bucket,
    /// From the first to the last with a match, those without one included.
    pub bars: Vec<Bar>,
}

/// One bar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Bar {
    /// When it begins.
    pub from: Timestamp,
    /// Matches up to the next bar.
    pub count: u64,
}

impl Histogram {
    /// Puts slots of time together in the shortest bucket that gives at most 120 bars; of more than 120 years, the latest.
    #[must_use]
    pub fn new(slots: &[(i64, u64)], zone: &TimeZone) -> Self {
        let (Some((first, _)), Some((last, _))) = (slots.first(), slots.last()) else {
            let bucket = Bucket::Day;
            return Self {
                bucket,
                bars: Vec::new(),
            };
        };
        Self::over(slots, zone, slot_start(*first), slot_start(*last))
    }

    /// The same for the whole time from `first` to `last`, whether there are matches or not; slots outside of it
    /// count in the first or last bar.
    #[must_use]
    pub fn over(slots: &[(i64, u64)], zone: &TimeZone, first: Timestamp, last: Timestamp) -> Self {
        let buckets = [
            Bucket::Hour,
            Bucket::Day,
            Bucket::Week,
            Bucket::Month,
            Bucket::Year,
        ];
        let local = |at: Timestamp| at.to_zoned(zone.clone()).datetime();
        let (first, last) = (local(first), local(last));
        let fits = |bucket: &Bucket| {
            let starts = bucket.starts(first, last);
            starts.len() <= MAX_BARS
        };
        let bucket = buckets.into_iter().find(fits).unwrap_or(Bucket::Year);
        let mut starts = bucket.starts(first, last);
        starts.drain(..starts.len().saturating_sub(MAX_BARS));
        let mut counts = vec![0; starts.len()];
        for (slot, count) in slots {
            let at = local(slot_start(*slot));
            let bar = starts.partition_point(|start| *start <= at);
            if let Some(bar) = bar.checked_sub(1).and_then(|bar| counts.get_mut(bar)) {
                *bar += count;
            }
        }
        let bars = starts.iter().zip(counts).filter_map(|(start, count)| {
            let from = start.to_zoned(zone.clone()).ok()?.timestamp();
            Some(Bar { from, count })
        });
        Self {
            bucket,
            bars: bars.collect(),
        }
    }
}

/// When a slot begins.
fn slot_start(slot: i64) -> Timestamp {
    Timestamp::from_second(slot.saturating_mul(SLOT_SECS)).unwrap_or(Timestamp::MIN)
}

impl Bucket {
    fn start(self, at: DateTime) -> DateTime {
        let date = at.date();
        let midnight = |date: Date| date.to_datetime(Time::midnight());
        match self {
            Self::Hour => date.at(at.hour(), 0, 0, 0),
            Self::Day => midnight(date),
            Self::Week => {
                let since_monday = i64::from(date.weekday().to_monday_zero_offset());
                midnight(date.checked_sub(since_monday.days()).unwrap_or(date))
            }
            Self::Month => midnight(date.first_of_month()),
            Self::Year => midnight(date.first_of_year()),
        }
    }

    fn length(self) -> Span {
        match self {
            Self::Hour => 1.hour(),
            Self::Day => 1.day(),
            Self::Week => 1.week(),
            Self::Month => 1.month(),
            Self::Year => 1.year(),
        }
    }

    /// The beginnings of the bars from the one that holds `first` to the one that holds `last`; stops when there
    /// are too many.
    fn starts(self, first: DateTime, last: DateTime) -> Vec<DateTime> {
        let mut starts = Vec::new();
        let mut start = self.start(first);
        let most = match self {
            Self::Year => usize::MAX,
            _ => MAX_BARS,
        };
        while start <= last && starts.len() <= most {
            starts.push(start);
            match start.checked_add(self.length()) {
                Ok(next) => start = next,
                Err(_) => break,
            }
        }
        starts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(times: &[&str]) -> Vec<(i64, u64)> {
        let slot = |text: &&str| {
            let at: Timestamp = text.parse().expect("time");
            (at.as_second().div_euclid(SLOT_SECS), 1)
        };
        times.iter().map(slot).collect()
    }

    fn bars(times: &[&str], zone: &str) -> (Bucket, Vec<(String, u64)>) {
        let zone = TimeZone::get(zone).expect("zone");
        let histogram = Histogram::new(&slots(times), &zone);
        let bars = histogram.bars.iter();
        let bars = bars.map(|bar| (bar.from.to_string(), bar.count)).collect();
        (histogram.bucket, bars)
    }

    #[test]
    fn days_begin_in_the_zone_and_empty_ones_are_there() {
        let (bucket, found) = bars(
            &[
                "2026-11-01T20:00:00Z",
                "2026-11-01T23:30:00Z",
                "2026-11-08T10:00:00Z",
            ],
            "Europe/Berlin",
        );
        assert_eq!(bucket, Bucket::Day);
        assert_eq!(found.len(), 8);
        assert_eq!(found[0], ("2026-10-31T23:00:00Z".into(), 1));
        assert_eq!(found[1], ("2026-11-01T23:00:00Z".into(), 1));
        assert_eq!(found[7].1, 1);
        assert_eq!(found[2..7].iter().map(|bar| bar.1).sum::<u64>(), 0);
    }

    #[test]
    fn the_bucket_grows_with_the_time() {
        let bucket = |last: &str| bars(&["2020-01-01T00:00:00Z", last], "UTC").0;
        assert_eq!(bucket("2020-01-02T00:00:00Z"), Bucket::Hour);
        assert_eq!(bucket("2020-03-01T00:00:00Z"), Bucket::Day);
        assert_eq!(bucket("2021-12-01T00:00:00Z"), Bucket::Week);
        assert_eq!(bucket("2026-12-01T00:00:00Z"), Bucket::Month);
        assert_eq!(bucket("2099-12-01T00:00:00Z"), Bucket::Year);
        assert_eq!(bars(&[], "UTC").1, []);
    }

    #[test]
    fn times_at_the_ends_of_the_calendar_are_counted() {
        let all = [(i64::MIN / 2, 1), (0, 1), (i64::MAX / 2, 1)];
        let histogram = Histogram::new(&all, &TimeZone::UTC);
        assert!(histogram.bars.len() <= MAX_BARS);
    }
}
