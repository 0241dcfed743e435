//! What a server's headers ask of us: when to come back, how long an answer is fresh, which
//! validators to send next time.
//!
//! Pure: headers and the time go in, times come out. Garbage says nothing; it is never an error.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{
    AGE, CACHE_CONTROL, DATE, ETAG, EXPIRES, HeaderMap, HeaderName, LAST_MODIFIED, RETRY_AFTER,
};

use crate::domain::HttpState;
use crate::runtime::later;

/// The longest pause that a server can ask for.
pub(super) const MAX_PAUSE: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Longer validators are not kept, in bytes; they would be sent with every poll.
const MAX_VALIDATOR: usize = 4 * 1024;
/// A number at least this large is a time since 1970 and not a count of seconds from now.
const EPOCH_FLOOR: f64 = 1e9;
/// A number at least this large is in milliseconds.
const EPOCH_MILLIS_FLOOR: f64 = 1e12;

/// Names of the headers that say how many requests are left, and when there are more again.
const REMAINING: &[&str] = &[
    "x-ratelimit-remaining",
    "x-rate-limit-remaining",
    "ratelimit-remaining",
];
const RESET: &[&str] = &[
    "x-ratelimit-reset",
    "x-rate-limit-reset",
    "ratelimit-reset",
    "ratelimit-resettime",
];

/// `Retry-After` as a time: seconds or an HTTP date, at most 30 days ahead; none if it is past.
pub(super) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Timestamp> {
    let text = value(headers, &RETRY_AFTER)?;
    let time = if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() {
        let seconds = text.parse::<u64>().unwrap_or(u64::MAX);
        later(now, Duration::from_secs(seconds).min(MAX_PAUSE))
    } else {
        http_date(text)?
    };
    ahead(time, now, MAX_PAUSE)
}

/// Until when the rate limit is used up: `X-RateLimit-Remaining` below 1 and its reset, in all the
/// dialects: seconds from now, seconds or milliseconds since 1970, ISO 8601, an HTTP date.
pub(super) fn rate_limit_pause(headers: &HeaderMap, now: Timestamp) -> Option<Timestamp> {
    let remaining: f64 = first(headers, REMAINING)?.parse().ok()?;
    if remaining >= 1.0 {
        return None;
    }
    rate_limit_reset(headers, now)
}

/// When the rate limit begins anew, whatever is left of it.
pub(super) fn rate_limit_reset(headers: &HeaderMap, now: Timestamp) -> Option<Timestamp> {
    let text = first(headers, RESET)?;
    let time = match text.parse::<f64>() {
        Ok(number) if !number.is_finite() || number < 0.0 => return None,
        Ok(number) if number >= EPOCH_MILLIS_FLOOR => {
            Timestamp::from_millisecond(number as i64).ok()?
        }
        // Rounded up: a second early is too early.
        Ok(number) if number >= EPOCH_FLOOR => Timestamp::from_second(number.ceil() as i64).ok()?,
        Ok(number) => later(
            now,
            Duration::from_secs(number.ceil() as u64).min(MAX_PAUSE),
        ),
        Err(_) => text.parse().ok().or_else(|| http_date(text))?,
    };
    ahead(time, now, MAX_PAUSE)
}

/// Until when the server calls its answer fresh: `max-age` less `Age`, else `Expires` less `Date`. How
/// much of that counts is the business of whoever plans the next poll.
pub(super) fn fresh_until(headers: &HeaderMap, now: Timestamp) -> Option<Timestamp> {
    let mut max_age = None;
    for line in headers.get_all(CACHE_CONTROL) {
        for directive in line.to_str().unwrap_or_default().split(',') {
            let (name, argument) = directive.split_once('=').unwrap_or((directive, ""));
            match name.trim().to_ascii_lowercase().as_str() {
                "no-store" | "no-cache" => return None,
                "max-age" => {
                    max_age = max_age.or(argument.trim().trim_matches('"').parse::<u64>().ok());
                }
                _ => {}
            }
        }
    }
    let time = match max_age {
        Some(max_age) => {
            let age = value(headers, &AGE).and_then(|age| age.parse::<u64>().ok());
            let left = max_age.saturating_sub(age.unwrap_or(0));
            later(now, Duration::from_secs(left))
        }
        None => {
            let expires = http_date(value(headers, &EXPIRES)?)?;
            // Their clock may be wrong; the difference of two of its times is not.
            let date = value(headers, &DATE).and_then(http_date).unwrap_or(now);
            let left = Duration::try_from(date.duration_until(expires)).ok()?;
            later(now, left)
        }
    };
    (time > now).then_some(time)
}

/// The validators of a 200: both are replaced, and what is missing is gone.
pub(super) fn replace_validators(state: &mut HttpState, headers: &HeaderMap) {
    state.etag = validator(headers, &ETAG);
    state.last_modified = validator(headers, &LAST_MODIFIED);
}

/// The validators of a 304: what it carries is replaced, the rest stays.
pub(super) fn update_validators(state: &mut HttpState, headers: &HeaderMap) {
    if let Some(etag) = validator(headers, &ETAG) {
        state.etag = Some(etag);
    }
    if let Some(last_modified) = validator(headers, &LAST_MODIFIED) {
        state.last_modified = Some(last_modified);
    }
}

/// Byte-exact. What is not UTF-8 could not be sent back byte-exact from a string, so it is left out.
fn validator(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let bytes = headers.get(name)?.as_bytes();
    if bytes.is_empty() || bytes.len() > MAX_VALIDATOR {
        return None;
    }
    std::str::from_utf8(bytes).ok().map(str::to_owned)
}

/// A header as text, as far as it is text.
pub(super) fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let bytes = headers.get(name)?.as_bytes();
    Some(String::from_utf8_lossy(bytes).into_owned())
}

fn value<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    Some(headers.get(name)?.to_str().ok()?.trim())
}

fn first<'a>(headers: &'a HeaderMap, names: &[&str]) -> Option<&'a str> {
    names
        .iter()
        .find_map(|name| Some(headers.get(*name)?.to_str().ok()?.trim()))
}

/// An HTTP date in any of its three forms.
fn http_date(text: &str) -> Option<Timestamp> {
    Timestamp::try_from(httpdate::parse_http_date(text).ok()?).ok()
}

fn ahead(time: Timestamp, now: Timestamp, most: Duration) -> Option<Timestamp> {
    (time > now).then(|| time.min(later(now, most)))
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;
    use crate::domain::HttpKey;

    const NOW: &str = "2026-03-01T12:00:00Z";

    fn now() -> Timestamp {
        NOW.parse().unwrap()
    }

    /// Headers as `name: value` lines.
    fn headers(lines: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines.lines() {
            let (name, value) = line.split_once(':').unwrap();
            headers.append(
                HeaderName::from_bytes(name.trim().as_bytes()).unwrap(),
                HeaderValue::from_bytes(value.trim().as_bytes()).unwrap(),
            );
        }
        headers
    }

    /// Checks a time that is read from headers against its text; empty means none.
    fn check(read: fn(&HeaderMap, Timestamp) -> Option<Timestamp>, lines: &str, expected: &str) {
        let found = read(&headers(lines), now()).map_or_else(String::new, |time| time.to_string());
        assert_eq!(found, expected, "{lines}");
    }

    /// polling.md 9.
    #[test]
    fn retry_after_in_seconds_and_dates() {
        for (value, expected) in [
            ("120", "2026-03-01T12:02:00Z"),
            ("Sun, 01 Mar 2026 12:30:00 GMT", "2026-03-01T12:30:00Z"),
            ("Sunday, 01-Mar-26 12:30:00 GMT", "2026-03-01T12:30:00Z"),
            ("Sun Mar  1 12:30:00 2026", "2026-03-01T12:30:00Z"),
            ("0", ""),
            ("Sun, 01 Mar 2026 11:59:59 GMT", ""),
            ("-5", ""),
            ("+5", ""),
            ("1.5", ""),
            ("soon", ""),
            ("", ""),
            ("2592000", "2026-03-31T12:00:00Z"),
            ("99999999999999999999999", "2026-03-31T12:00:00Z"),
            ("Fri, 01 Jan 2100 00:00:00 GMT", "2026-03-31T12:00:00Z"),
        ] {
            check(retry_after, &format!("Retry-After: {value}"), expected);
        }
        check(retry_after, "Date: x", "");
    }

    /// polling.md 16.
    #[test]
    fn rate_limits_in_all_dialects() {
        for (lines, expected) in [
            // Reddit: floats and seconds.
            (
                "X-Ratelimit-Remaining: 0.0\nX-Ratelimit-Reset: 287",
                "2026-03-01T12:04:47Z",
            ),
            // X: seconds since 1970.
            (
                "x-rate-limit-remaining: 0\nx-rate-limit-reset: 1772367300",
                "2026-03-01T12:15:00Z",
            ),
            // Mastodon: ISO 8601.
            (
                "X-RateLimit-Remaining: 0\nX-RateLimit-Reset: 2026-03-01T12:05:00.124531Z",
                "2026-03-01T12:05:00.124531Z",
            ),
            // Yelp.
            (
                "RateLimit-Remaining: 0\nRateLimit-ResetTime: 2026-03-02T00:00:00+00:00",
                "2026-03-02T00:00:00Z",
            ),
            (
                "X-RateLimit-Remaining: 0\nX-RateLimit-Reset: 1772367300000",
                "2026-03-01T12:15:00Z",
            ),
            ("X-RateLimit-Remaining: 1\nX-RateLimit-Reset: 60", ""),
            ("X-RateLimit-Remaining: 0", ""),
            ("X-RateLimit-Remaining: none\nX-RateLimit-Reset: 60", ""),
            (
                "X-RateLimit-Remaining: 0\nX-RateLimit-Reset: 1000000001",
                "",
            ),
            ("X-RateLimit-Remaining: 0\nX-RateLimit-Reset: -1", ""),
            ("X-RateLimit-Remaining: 0\nX-RateLimit-Reset: NaN", ""),
            ("X-RateLimit-Remaining: 0\nX-RateLimit-Reset: 1e300", ""),
            (
                "X-RateLimit-Remaining: 0\nX-RateLimit-Reset: 999999999",
                "2026-03-31T12:00:00Z",
            ),
        ] {
            check(rate_limit_pause, lines, expected);
        }
    }

    /// polling.md 7.
    #[test]
    fn freshness_from_cache_control_and_expires() {
        for (lines, expected) in [
            ("Cache-Control: max-age=600", "2026-03-01T12:10:00Z"),
            (
                "Cache-Control: public, MAX-AGE=\"600\"\nAge: 100",
                "2026-03-01T12:08:20Z",
            ),
            ("Cache-Control: max-age=600\nAge: 700", ""),
            ("Cache-Control: max-age=0", ""),
            ("Cache-Control: no-store, max-age=600", ""),
            ("Cache-Control: max-age=600\nCache-Control: no-cache", ""),
            ("Cache-Control: max-age=31536000", "2027-03-01T12:00:00Z"),
            (
                "Cache-Control: max-age=99999999999999999",
                "9999-12-30T22:00:00.999999999Z",
            ),
            ("Cache-Control: max-age=-5", ""),
            (
                "Expires: Thu, 01 Jan 2015 01:00:00 GMT\nDate: Thu, 01 Jan 2015 00:00:00 GMT",
                "2026-03-01T13:00:00Z",
            ),
            (
                "Expires: Sun, 01 Mar 2026 12:05:00 GMT",
                "2026-03-01T12:05:00Z",
            ),
            (
                "Cache-Control: max-age=60\nExpires: Sun, 01 Mar 2026 18:00:00 GMT",
                "2026-03-01T12:01:00Z",
            ),
            ("Expires: 0", ""),
            ("Expires: Sun, 01 Mar 2026 11:00:00 GMT", ""),
        ] {
            check(fresh_until, lines, expected);
        }
    }

    #[test]
    fn validators_are_kept_byte_exact_replaced_by_a_200_and_updated_by_a_304() {
        let mut state = HttpState::unknown(HttpKey {
            url: "https://example.org/".to_owned(),
            credential: String::new(),
        });
        replace_validators(
            &mut state,
            &headers("ETag: W/\"a b\\\"ü\"\nLast-Modified: Mon, 1 Jan 24 0:00 +0100"),
        );
        assert_eq!(state.etag.as_deref(), Some("W/\"a b\\\"ü\""));
        assert_eq!(
            state.last_modified.as_deref(),
            Some("Mon, 1 Jan 24 0:00 +0100")
        );
        update_validators(&mut state, &headers("ETag: \"2\""));
        assert_eq!(state.etag.as_deref(), Some("\"2\""));
        assert_eq!(
            state.last_modified.as_deref(),
            Some("Mon, 1 Jan 24 0:00 +0100")
        );
        replace_validators(&mut state, &headers("ETag: \"3\""));
        assert_eq!(state.etag.as_deref(), Some("\"3\""));
        assert_eq!(state.last_modified, None);
        let mut latin1 = HeaderMap::new();
        latin1.insert(ETAG, HeaderValue::from_bytes(b"\"\xfc\"").unwrap());
        replace_validators(&mut state, &latin1);
        assert_eq!(state.etag, None);
    }
}
