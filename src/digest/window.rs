//! A local day as a range of time. Days have 23, 24 or 25 hours.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// From the first moment of `date` in `zone` to the first moment of the next day.
///
/// # Errors
/// When the day lies outside the years that can be expressed.
pub fn day(date: Date, zone: &TimeZone) -> Result<(Timestamp, Timestamp), jiff::Error> {
    let begin = date.to_zoned(zone.clone())?.timestamp();
    let end = date.tomorrow()?.to_zoned(zone.clone())?.timestamp();
    Ok((begin, end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn a_day_of_the_clock_change_has_23_or_25_hours() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let hours = |date| {
            let (begin, end) = day(date, &zone).unwrap();
            end.duration_since(begin).as_hours()
        };
        assert_eq!(hours(date(2026, 3, 29)), 23);
        assert_eq!(hours(date(2026, 10, 25)), 25);
        assert_eq!(hours(date(2026, 11, 22)), 24);
    }
}
