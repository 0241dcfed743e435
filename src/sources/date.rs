//! Dates as the web writes them: RFC 3339, RFC 2822, epochs, and the forms that feeds get wrong.
//!
//! A date that does not parse is `None`, never an error, and a wall clock is never read.

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::{Offset, TimeZone};

use super::date_names::{is_weekday, month, named_zone};

/// Longer texts are not dates.
const MAX_BYTES: usize = 100;

/// Parses a date; one without a zone is taken as UTC, one without a time as midnight.
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if text.is_empty() || text.len() > MAX_BYTES {
        return None;
    }
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Some(timestamp);
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return digits(text);
    }
    words(text)
}

/// The time `seconds` after the epoch, when it lies within what a timestamp can hold.
pub(super) fn from_epoch(seconds: i64) -> Option<Timestamp> {
    Timestamp::from_second(seconds).ok()
}

/// Epoch seconds and milliseconds, and dates without separators.
fn digits(text: &str) -> Option<Timestamp> {
    let part = |range: std::ops::Range<usize>| text[range].parse::<i16>().ok();
    let at = |year: i16, rest: usize| {
        let field = |start: usize| {
            (text.len() >= start + 2)
                .then(|| part(start..start + 2))
                .flatten()
        };
        let mut parts = Parts {
            year: Some(year),
            month: field(rest).map(|m| m as i8),
            day: field(rest + 2).map(|d| d as i8),
            ..Parts::default()
        };
        if text.len() > rest + 4 {
            let (hour, minute) = (field(rest + 4)?, field(rest + 6)?);
            let second = field(rest + 8).unwrap_or(0);
            parts.time = Some(Time::new(hour as i8, minute as i8, second as i8, 0).ok()?);
        }
        parts.timestamp()
    };
    match text.len() {
        6 if text.starts_with("19") || text.starts_with("20") => at(part(0..4)?, 4),
        6 => at(century(part(0..2)?), 2),
        8 | 12 | 14 => at(part(0..4)?, 4),
        9 | 10 => from_epoch(text.parse().ok()?),
        13 => Timestamp::from_millisecond(text.parse().ok()?).ok(),
        _ => None,
    }
}

fn century(year: i16) -> i16 {
    match year {
        0..=68 => year + 2000,
        69..=99 => year + 1900,
        _ => year,
    }
}

/// What was found so far.
#[derive(Default)]
struct Parts {
    year: Option<i16>,
    month: Option<i8>,
    day: Option<i8>,
    time: Option<Time>,
    afternoon: Option<bool>,
    offset: Option<Offset>,
    zone: Option<TimeZone>,
}

impl Parts {
    fn timestamp(self) -> Option<Timestamp> {
        let date = Date::new(self.year?, self.month?, self.day.unwrap_or(1)).ok()?;
        let mut time = self.time.unwrap_or(Time::midnight());
        if let Some(afternoon) = self.afternoon {
            let hour = time.hour() % 12 + if afternoon { 12 } else { 0 };
            time = Time::new(hour, time.minute(), time.second(), 0).ok()?;
        }
        let moment = date.to_datetime(time);
        if let Some(zone) = self.zone {
            return Some(moment.to_zoned(zone).ok()?.timestamp());
        }
        self.offset.unwrap_or(Offset::UTC).to_timestamp(moment).ok()
    }

    /// Takes `day`, `month` and `year` in the order in which a separator implies them.
    fn take_date(&mut self, text: &str, separator: char) -> Option<()> {
        let pieces: Vec<&str> = text.split(separator).collect();
        let [first, second, third] = match pieces[..] {
            [a, b, c] => [a, b, c],
            [a, b] if a.len() == 4 => [a, b, "1"],
            _ => return None,
        };
        if let Some(month) = month(second) {
            // 30-Nov-2020, 2020-Nov-30
            let (day, year_text) = if first.len() == 4 {
                (third, first)
            } else {
                (first, third)
            };
            self.day = Some(day.parse().ok()?);
            self.month = Some(month);
            self.year = Some(year(year_text)?);
            return Some(());
        }
        let (year_text, month, day) = if first.len() == 4 {
            (first, second, third)
        } else if separator == '/' {
            // 03/30/2020, unless that month cannot be.
            let swapped = first.parse::<i8>().ok()? > 12;
            let (month, day) = if swapped {
                (second, first)
            } else {
                (first, second)
            };
            (third, month, day)
        } else {
            (third, second, first)
        };
        self.year = Some(year(year_text)?);
        self.month = Some(month.parse().ok()?);
        // `2003-012-31` and other zeros too many are read as numbers.
        self.day = Some(day.parse().ok()?);
        Some(())
    }

    fn take_word(&mut self, word: &str) -> Option<()> {
        match word {
            "am" | "a.m" => self.afternoon = Some(false),
            "pm" | "p.m" => self.afternoon = Some(true),
            "at" | "de" | "à" | "um" | "uhr" | "of" | "le" | "den" | "-" | "–" | "|" => {}
            _ => {
                if let Some(offset) = named_zone(word) {
                    self.offset = Some(offset);
                } else if let Some(number) = month(word) {
                    self.month = Some(number);
                } else if !is_weekday(word) {
                    return None;
                }
            }
        }
        Some(())
    }

    fn take_number(&mut self, digits: &str) -> Option<()> {
        let number: i16 = digits.parse().ok()?;
        if digits.len() == 4 {
            self.year = Some(number);
        } else if self.day.is_none() && (1..=31).contains(&number) {
            self.day = Some(number as i8);
        } else if self.month.is_none() && (1..=12).contains(&number) {
            self.month = Some(number as i8);
        } else if self.year.is_none() && self.day.is_some() && digits.len() == 2 {
            self.year = Some(century(number));
        } else {
            return None;
        }
        Some(())
    }
}

fn year(text: &str) -> Option<i16> {
    let year: i16 = text.parse().ok()?;
    match text.len() {
        4 => Some(year),
        2 => Some(century(year)),
        _ => None,
    }
}

/// Everything that has separators or names in it.
fn words(text: &str) -> Option<Timestamp> {
    let text = text.split(['(', '[']).next().unwrap_or(text).to_lowercase();
    let (text, korean) = without_ideographs(&without_t(&text));
    let mut parts = Parts {
        // Korean feeds that write their own units name no zone, and mean theirs.
        offset: korean.then_some(Offset::constant(9)),
        ..Parts::default()
    };
    for (index, word) in text
        .split([' ', ',', '\t', '\n', '\u{a0}', ';'])
        .enumerate()
    {
        let word = word.trim_end_matches('.');
        if word.is_empty() {
            continue;
        }
        if let Some(zone) = word.contains('/').then(|| iana(word)).flatten() {
            parts.zone = Some(zone);
        } else if word.contains(':') && word.starts_with(|c: char| c.is_ascii_digit()) {
            take_time(&mut parts, word)?;
        } else if word.len() > 1 && word.starts_with(['+', '-']) {
            parts.offset = Some(offset(word)?);
        } else if word.starts_with(|c: char| c.is_ascii_digit()) {
            take_numeric(&mut parts, word)?;
        } else if take_name(&mut parts, word).is_none() && index > 0 {
            // A first word that nobody knows is a day of the week in yet another language.
            return None;
        }
    }
    parts.timestamp()
}

/// A space for the `T` between date and time, as in ISO 8601.
fn without_t(text: &str) -> String {
    let digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    let between = text.match_indices('t').find(|(index, _)| {
        digit(text[..*index].chars().next_back()) && digit(text[index + 1..].chars().next())
    });
    match between {
        Some((index, _)) => format!("{} {}", &text[..index], &text[index + 1..]),
        None => text.to_owned(),
    }
}

/// Separators for the signs of year, month and day, and whether they were Korean.
fn without_ideographs(text: &str) -> (String, bool) {
    if text.is_ascii() {
        return (text.to_owned(), false);
    }
    let korean = text.contains(['년', '오']);
    let text = text
        .replace("년 ", "-")
        .replace("월 ", "-")
        .replace(['年', '月', '년', '월'], "-")
        .replace(['日', '일'], " ")
        .replace("오전", "am")
        .replace("오후", "pm");
    (text, korean)
}

fn take_numeric(parts: &mut Parts, word: &str) -> Option<()> {
    for separator in ['-', '/', '.'] {
        if word.contains(separator) {
            return parts.take_date(word, separator);
        }
    }
    let digits: &str = word.trim_end_matches(|c: char| c.is_alphabetic() || c == 'º');
    match &word[digits.len()..] {
        "" | "st" | "nd" | "rd" | "th" | "er" | "º" => parts.take_number(digits),
        "am" | "pm" => {
            parts.time = Some(Time::new(digits.parse().ok()?, 0, 0, 0).ok()?);
            parts.take_word(&word[digits.len()..])
        }
        _ => None,
    }
}

fn take_name(parts: &mut Parts, word: &str) -> Option<()> {
    // `GMT+2`, `UTC-01:01`
    for prefix in ["gmt", "utc"] {
        if let Some(rest) = word.strip_prefix(prefix).filter(|rest| !rest.is_empty()) {
            parts.offset = Some(offset(rest)?);
            return Some(());
        }
    }
    parts.take_word(word)
}

/// `10:14`, `10:14:55.1234z`, `3:09pm`, `10:14:55-08:00`.
fn take_time(parts: &mut Parts, word: &str) -> Option<()> {
    let end = word
        .find(|c: char| !c.is_ascii_digit() && c != ':' && c != '.')
        .unwrap_or(word.len());
    let (clock, rest) = word.split_at(end);
    let clock = clock.trim_end_matches(':');
    let mut fields = clock.split(':');
    let hour: i8 = fields.next()?.parse().ok()?;
    let minute: i8 = fields.next()?.parse().ok()?;
    let (second, fraction) = match fields.next() {
        Some(text) => match text.split_once('.') {
            Some((second, fraction)) => (second, Some(fraction)),
            None => (text, None),
        },
        None => ("0", None),
    };
    if fields.next().is_some() {
        return None;
    }
    let second: i8 = second.parse().ok()?;
    let nanoseconds = fraction.map_or(Some(0), |fraction| {
        let padded: String = fraction
            .chars()
            .chain("000000000".chars())
            .take(9)
            .collect();
        padded.parse::<i32>().ok()
    })?;
    // 24:00 and leap seconds are written now and then.
    let (hour, second) = (if hour == 24 { 0 } else { hour }, second.min(59));
    parts.time = Some(Time::new(hour, minute, second, nanoseconds).ok()?);
    match rest {
        "" => Some(()),
        _ if rest.starts_with(['+', '-']) => {
            parts.offset = Some(offset(rest)?);
            Some(())
        }
        _ => parts.take_word(rest),
    }
}

fn iana(word: &str) -> Option<TimeZone> {
    word.starts_with(|c: char| c.is_alphabetic())
        .then(|| TimeZone::get(word).ok())
        .flatten()
}

/// `+2`, `+02`, `+200`, `+0200`, `+02:00`, `+02:00:00`, `+02:00Z`.
fn offset(text: &str) -> Option<Offset> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+')?),
    };
    let rest = rest.trim_end_matches('z');
    let digits: String = rest.chars().filter(|c| *c != ':').collect();
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes) = match digits.len() {
        1 | 2 => (digits.parse::<i32>().ok()?, 0),
        3 => (digits[..1].parse().ok()?, digits[1..].parse().ok()?),
        4 | 6 => (digits[..2].parse().ok()?, digits[2..4].parse().ok()?),
        _ => return None,
    };
    if hours > 15 || minutes > 59 {
        return None;
    }
    Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let found = parse(text).map(|time| time.to_string());
        assert_eq!(
            found.as_deref(),
            (!expected.is_empty()).then_some(expected),
            "{text}"
        );
    }

    #[test]
    fn forms_that_feeds_use() {
        check("2026-03-01T10:00:00+01:00", "2026-03-01T09:00:00Z");
        check("Sun, 01 Mar 2026 10:00:00 GMT", "2026-03-01T10:00:00Z");
        check("Sun, 1 Mar 2026 10:00 EST", "2026-03-01T15:00:00Z");
        check("2010-09-06 00:01:00", "2010-09-06T00:01:00Z");
        check("2010-09-06T10:01+02", "2010-09-06T08:01:00Z");
        check("Mon Sep  6 00:01:00 2010", "2010-09-06T00:01:00Z");
        check("Fri, 24 Nov 2023 18:28:36 CEST", "2023-11-24T16:28:36Z");
        check("1520932969", "2018-03-13T09:22:49Z");
        check("1520932969000", "2018-03-13T09:22:49Z");
        check("20031231", "2003-12-31T00:00:00Z");
        check("16. November 2020", "2020-11-16T00:00:00Z");
        check("jeu., 02 avril 2020 00:00:00 +0200", "2020-04-01T22:00:00Z");
        check("5 de marzo de 2024", "2024-03-05T00:00:00Z");
        check("3. März 2024", "2024-03-03T00:00:00Z");
        check("12 juin 2024", "2024-06-12T00:00:00Z");
        check("12 juillet 2024", "2024-07-12T00:00:00Z");
        check("Friday, December 22, 2017 - 3:09pm", "2017-12-22T15:09:00Z");
        check("Mon, 03/30/2020 - 19:19", "2020-03-30T19:19:00Z");
        check(
            "Thu, 25 Feb 2016 00:00:00 Europe/Brussels",
            "2016-02-24T23:00:00Z",
        );
    }

    #[test]
    fn forms_that_only_some_feeds_use() {
        for text in [
            "Mon Jan _2 15:04:05 2006".replace('_', " "),
            "Mon Jan  2 15:04:05 UTC 2006".to_owned(),
            "Mon Jan 02 15:04:05 -0000 2006".to_owned(),
        ] {
            check(&text, "2006-01-02T15:04:05Z");
        }
        for text in [
            "Mon, January 2 2006 15:04:05 +0000",
            "Mon, January 02, 2006, 15:04:05 GMT",
            "Mon, Jan 2 2006 22:04:05 +700",
            "Mon, 2, Jan 2006 15:04:05",
            "Mon, 2 Jan 06 15:4:5 GMT",
            "Mon 2 January, 2006 15:04:05",
            "2006 January 02 15:04:05",
            "2006-01-02T15:04:05-00:00:00",
            "2006-01-02T15:04:05:-0000",
            "2006-01-02T15:04:05+0000Z",
            "2006-1-02T15:04:05Z",
            "2006-1-2 15:04:05",
            "2006/01/02 15:04:05",
            "2006/01/02T15:04:05",
            "2006-01-02 15:04:05.0 -0000",
            "2006-01-02, 15:04:05",
            "2006-01-02 15:04:05 +0000 UTC",
            "2006-01-02T15:04:05[UTC]",
            "2006-01-02T15:04:05+00:00[Europe/London]",
            "20060102T150405Z",
            "20060102150405",
            "02.01.2006 15:04:05",
            "02-01-2006 15:04:05",
            "1/2/2006 3:04:05 PM",
            "1/2/2006 3:04:05PM",
            "Fri, 01/02/2006 - 15:04:05",
            "15:04:05 02.01.2006",
            "2 janvier 2006 à 15:04:05",
            "lundi 2 janvier 2006 - 15:04:05",
            "Monday, January 2nd, 2006 at 03:04:05 PM UTC",
            "Mo, 02. Januar 2006 15:04:05",
            "2 de enero de 2006 15:04:05",
            "2 gennaio 2006, 15:04:05",
            "2 января 2006 15:04:05",
            "2 stycznia 2006 15:04:05",
            "2006年1月2日 15:04:05",
            "1136214245",
            "1136214245000",
        ] {
            let found = parse(text).map(|time| time.to_string());
            if found.as_deref() != Some("2006-01-02T15:04:05Z") {
                eprintln!("DATE {text}: {found:?}");
            }
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "soon",
            "013",
            "2013-xx-27",
            "2003-12-31T25:14:55Z",
            "12:00",
            "32 Jan 2020",
            "-",
            "+",
            ":",
            "é:1",
            "Sun, 01 Mar 2026 10:00:00 GMTľ",
        ] {
            check(text, "");
        }
    }
}
