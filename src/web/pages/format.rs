//! Numbers, times and names as people read them. Pure; the time of day and the zone are arguments.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A time for the page: relative, exact, and for machines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownTime {
    /// `2 h`, `in 4 min`, `14 Nov`.
    pub relative: String,
    /// `Sun 22 Nov 2026, 10:05:00 CET`.
    pub exact: String,
    /// RFC 3339, UTC.
    pub iso: String,
}

/// A time as it is shown.
#[must_use]
pub fn time(at: Timestamp, now: Timestamp, zone: &TimeZone) -> ShownTime {
    ShownTime {
        relative: relative(at, now, zone),
        exact: at
            .to_zoned(zone.clone())
            .strftime("%a %-d %b %Y, %H:%M:%S %Z")
            .to_string(),
        iso: at.to_string(),
    }
}

/// `now`, `5 min`, `2 h`, `3 d`; from a week on the date, with the year when it is another one.
fn relative(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let seconds = at.duration_since(now).as_secs();
    let size = match seconds.unsigned_abs() {
        0..=44 => return "now".to_owned(),
        s @ 45..=3_599 => format!("{} min", s.div_ceil(60).min(59)),
        s @ 3_600..=86_399 => format!("{} h", s / 3_600),
        s @ 86_400..=604_799 => format!("{} d", s / 86_400),
        _ => {
            let (at, now) = (at.to_zoned(zone.clone()), now.to_zoned(zone.clone()));
            let form = if at.year() == now.year() {
                "%-d %b"
            } else {
                "%-d %b %Y"
            };
            return at.strftime(form).to_string();
        }
    };
    if seconds > 0 {
        format!("in {size}")
    } else {
        size
    }
}

/// A number with thousands separators.
#[must_use]
pub fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut shown = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// An amount in its own unit: whole with separators, else two decimals.
#[must_use]
pub fn amount(value: f64) -> String {
    let cents = (value.abs() * 100.0).round();
    let whole = number((cents / 100.0).trunc() as u64);
    let sign = if value < 0.0 { "−" } else { "" };
    match cents % 100.0 {
        0.0 => format!("{sign}{whole}"),
        rest => format!("{sign}{whole}.{rest:02.0}"),
    }
}

/// A share as whole percent; what is there is never shown as 0 %, and what is not all never as 100 %.
#[must_use]
pub fn percent(part: f64) -> String {
    let part = part.clamp(0.0, 1.0);
    let whole = (part * 100.0).round();
    if part > 0.0 && whole == 0.0 {
        return "<1 %".to_owned();
    }
    if part < 1.0 && whole == 100.0 {
        return ">99 %".to_owned();
    }
    format!("{whole:.0} %")
}

/// A number from -1 to 1 with its sign as a minus that lines up.
#[must_use]
pub fn signed(value: f64) -> String {
    let shown = format!("{:.2}", value.abs());
    match shown.as_str() {
        "0.00" => shown,
        _ if value < 0.0 => format!("−{shown}"),
        _ => format!("+{shown}"),
    }
}

/// A network as people write it.
#[must_use]
pub fn network(name: &str) -> String {
    match name {
        "mastodon" => "Mastodon",
        "hackernews" => "Hacker News",
        "appstore" => "App Store",
        "feed" => "Feed",
        "page" => "Web page",
        "json" => "JSON API",
        "file" => "File",
        "reddit" => "Reddit",
        other => other,
    }
    .to_owned()
}

/// A message with a capital first letter, as people expect it on a page.
#[must_use]
pub fn sentence(message: &str) -> String {
    let mut letters = message.chars();
    let first = letters.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(letters).collect()
}

/// A label as words: `churn_risk` is `churn risk`.
#[must_use]
pub fn label(name: &str) -> String {
    name.replace('_', " ")
}

/// The singular for one, else the plural.
#[must_use]
pub fn plural(count: u64, one: &'static str, many: &'static str) -> &'static str {
    if count == 1 { one } else { many }
}

/// An address that may stand in `href`: http or https, with its host for the reader.
#[must_use]
pub fn safe_link(address: &str) -> Option<(String, String)> {
    let parsed = url::Url::parse(address).ok()?;
    if !matches!(parsed.scheme(), "http" | "https") {
        return None;
    }
    let host = parsed.host_str()?;
    let host = host.strip_prefix("www.").unwrap_or(host).to_owned();
    Some((parsed.into(), host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_separators() {
        for (value, shown) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(number(value), shown);
        }
    }

    #[test]
    fn percents_never_round_something_away() {
        for (value, shown) in [
            (0.0, "0 %"),
            (0.001, "<1 %"),
            (0.614, "61 %"),
            (0.999, ">99 %"),
            (1.0, "100 %"),
        ] {
            assert_eq!(percent(value), shown);
        }
        assert_eq!(amount(12_345.0), "12,345");
        assert_eq!(amount(-1.5), "−1.50");
        assert_eq!(signed(-0.934), "−0.93");
        assert_eq!(signed(0.001), "0.00");
    }

    #[test]
    fn times_are_relative_up_to_a_week() {
        let now: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        let zone = TimeZone::get("Europe/Berlin").unwrap_or(TimeZone::UTC);
        let check =
            |at: &str, shown| assert_eq!(time(at.parse().unwrap(), now, &zone).relative, shown);
        check("2026-11-22T09:59:50Z", "now");
        check("2026-11-22T09:55:00Z", "5 min");
        check("2026-11-22T08:00:00Z", "2 h");
        check("2026-11-22T10:04:00Z", "in 4 min");
        check("2026-11-19T10:00:00Z", "3 d");
        check("2026-11-14T10:00:00Z", "14 Nov");
        check("2025-11-14T10:00:00Z", "14 Nov 2025");
    }

    #[test]
    fn only_web_addresses_become_links() {
        assert_eq!(safe_link("javascript:alert(1)"), None);
        assert_eq!(safe_link("data:text/html,x"), None);
        assert_eq!(safe_link("//x"), None);
        let (href, host) = safe_link("https://www.a.example/\"><script>").unwrap();
        assert_eq!(host, "a.example");
        assert!(!href.contains('"') && !href.contains('<'));
    }
}
