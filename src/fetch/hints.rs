//! Pauses that stand in a JSON body and not in a header: Stack Exchange's `backoff`, and `retry_after` as
//! chat and bot APIs write it.
//!
//! Pure. Looks at top-level keys alone (and `parameters.retry_after`): deeper ones are somebody's data.

use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::headers::MAX_PAUSE;
use crate::runtime::later;

/// Numbers from here on are not seconds: somebody counts milliseconds or a date, and the cap will do.
const MOST_SECONDS: f64 = 1e9;

#[derive(Deserialize)]
struct Hints {
    backoff: Option<Value>,
    retry_after: Option<Value>,
    parameters: Option<Parameters>,
}

#[derive(Deserialize)]
struct Parameters {
    retry_after: Option<Value>,
}

/// Until when the body asks us to wait, at most 30 days ahead; none for anything but a JSON object with such a key.
pub(super) fn body_pause(
    content_type: Option<&str>,
    body: &[u8],
    now: Timestamp,
) -> Option<Timestamp> {
    if !is_json(content_type) {
        return None;
    }
    let text = std::str::from_utf8(body).ok()?;
    // Almost no body has such a key: looking for its name is cheaper than reading the document twice.
    if !text.contains("\"backoff\"") && !text.contains("\"retry_after\"") {
        return None;
    }
    let hints: Hints = serde_json::from_str(text).ok()?;
    let in_parameters = hints
        .parameters
        .and_then(|parameters| parameters.retry_after);
    [hints.backoff, hints.retry_after, in_parameters]
        .into_iter()
        .flatten()
        .filter_map(|value| seconds(&value))
        .map(|wait| later(now, wait))
        .max()
}

/// A positive number of seconds, or such a number in a string. Rounded up: a second early is too early.
fn seconds(value: &Value) -> Option<Duration> {
    let number = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    if !number.is_finite() || number <= 0.0 {
        return None;
    }
    let wait = Duration::from_secs(number.min(MOST_SECONDS).ceil() as u64);
    Some(wait.min(MAX_PAUSE))
}

fn is_json(content_type: Option<&str>) -> bool {
    let essence = content_type.unwrap_or("").split(';').next().unwrap_or("");
    let essence = essence.trim().to_ascii_lowercase();
    essence == "application/json" || essence.ends_with("+json")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pause(body: &str) -> String {
        let now = "2026-03-01T12:00:00Z".parse().unwrap();
        body_pause(
            Some("application/json; charset=utf-8"),
            body.as_bytes(),
            now,
        )
        .map_or_else(String::new, |time| time.to_string())
    }

    /// polling.md 16.
    #[test]
    fn top_level_fields_ask_for_a_pause() {
        for (body, expected) in [
            (r#"{"items":[],"backoff":10}"#, "2026-03-01T12:00:10Z"),
            (r#"{"retry_after":1.2}"#, "2026-03-01T12:00:02Z"),
            (r#"{"retry_after":"30"}"#, "2026-03-01T12:00:30Z"),
            (
                r#"{"ok":false,"parameters":{"retry_after":7}}"#,
                "2026-03-01T12:00:07Z",
            ),
            (r#"{"backoff":5,"retry_after":9}"#, "2026-03-01T12:00:09Z"),
            (r#"{"backoff":1e300}"#, "2026-03-31T12:00:00Z"),
            (r#"{"backoff":0}"#, ""),
            (r#"{"backoff":-3}"#, ""),
            (r#"{"backoff":null}"#, ""),
            (r#"{"items":[{"backoff":10}]}"#, ""),
            (r#"["backoff"]"#, ""),
            (r#"{"backoff":10"#, ""),
        ] {
            assert_eq!(pause(body), expected, "{body}");
        }
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(body_pause(Some("text/html"), b"{\"backoff\":9}", now), None);
        assert_eq!(body_pause(None, b"{\"backoff\":9}", now), None);
        assert!(body_pause(Some("application/feed+json"), b"{\"backoff\":9}", now).is_some());
    }
}
