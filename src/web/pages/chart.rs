//! The volume as stacked bars in SVG: a zero baseline, a table behind it, and a search behind every bar.

use jiff::tz::TimeZone;

use super::format;
use crate::insight::OverviewDto;
use crate::insight::histogram::Bucket;
use crate::insight::overview::VolumeDto;

/// The drawing's size in its own units; it is as wide as its place.
const WIDTH: u64 = 1000;
const HEIGHT: u64 = 160;
/// The most labels below the bars.
const LABELS: usize = 8;

/// A chart that is ready to be drawn.
pub(in crate::web) struct Chart {
    pub label: String,
    pub bars: Vec<Bar>,
    pub labels: Vec<Label>,
    /// The number at the top line.
    pub most: String,
    pub width: u64,
    pub height: u64,
}

/// One bar, from the bottom up: scored parts, then what has no sentiment.
pub(in crate::web) struct Bar {
    pub href: String,
    /// When, in words.
    pub name: String,
    pub x: u64,
    pub width: u64,
    pub parts: Vec<Part>,
    pub total: String,
    pub negative: String,
    pub neutral: String,
    pub positive: String,
}

pub(in crate::web) struct Part {
    pub class: &'static str,
    pub y: u64,
    pub height: u64,
}

/// A time below the bars.
pub(in crate::web) struct Label {
    pub text: String,
    /// In percent of the width, so that text is not stretched with the bars; to a tenth, or it would stand beside its bar.
    pub left: String,
}

/// Draws the volume; `href` makes the search of a bar from its `since:` and `until:`.
pub(in crate::web) fn chart(
    overview: &OverviewDto,
    zone: &TimeZone,
    href: impl Fn(&str) -> String,
) -> Chart {
    let bars = &overview.volume;
    let most = bars.iter().map(|bar| bar.total).max().unwrap_or(0).max(1);
    let slots = bars.len().max(1) as u64;
    let gap = u64::from(WIDTH / slots > 4);
    let name = |bar: &VolumeDto| {
        let form = match overview.bucket {
            Bucket::Hour => "%a %-d %b, %H:00",
            Bucket::Day => "%a %-d %b",
            Bucket::Week => "week of %-d %b",
            Bucket::Month => "%B %Y",
            Bucket::Year => "%Y",
        };
        let local = bar.from.to_zoned(zone.clone());
        local.strftime(form).to_string()
    };
    let drawn = bars.iter().enumerate().map(|(n, bar)| {
        let x = n as u64 * WIDTH / slots;
        let next = (n as u64 + 1) * WIDTH / slots;
        let until = bars.get(n + 1).map_or(overview.to, |next| next.from);
        // A post at the very beginning of the next bar belongs to that one.
        let until = until
            .checked_sub(jiff::SignedDuration::from_millis(1))
            .unwrap_or(until);
        Bar {
            href: href(&format!("since:{} until:{until}", bar.from)),
            name: name(bar),
            x,
            width: (next - x).saturating_sub(gap).max(1),
            parts: parts(bar, most),
            total: format::number(bar.total),
            negative: format::number(bar.negative),
            neutral: format::number(bar.neutral),
            positive: format::number(bar.positive),
        }
    });
    let every = bars.len().div_ceil(LABELS).max(1);
    let labels = bars.iter().enumerate().step_by(every).map(|(n, bar)| {
        let form = match overview.bucket {
            Bucket::Hour => "%H:00",
            Bucket::Day | Bucket::Week => "%-d %b",
            Bucket::Month => "%b",
            Bucket::Year => "%Y",
        };
        let local = bar.from.to_zoned(zone.clone());
        Label {
            text: local.strftime(form).to_string(),
            left: format!("{:.1}", n as f64 * 100.0 / slots as f64),
        }
    });
    Chart {
        label: format!(
            "{} mentions from {} to {}",
            format::number(overview.total.count),
            bars.first().map(name).unwrap_or_default(),
            bars.last().map(name).unwrap_or_default()
        ),
        bars: drawn.collect(),
        labels: labels.collect(),
        most: format::number(most),
        width: WIDTH,
        height: HEIGHT,
    }
}

fn parts(bar: &VolumeDto, most: u64) -> Vec<Part> {
    let scored = bar.negative + bar.neutral + bar.positive;
    let counts = [
        ("fill-negative", bar.negative),
        ("fill-neutral", bar.neutral),
        ("fill-positive", bar.positive),
        ("fill-track", bar.total.saturating_sub(scored)),
    ];
    let mut parts = Vec::new();
    let mut below = 0;
    for (class, count) in counts {
        let bottom = below * HEIGHT / most;
        below += count;
        let top = (below * HEIGHT / most).min(HEIGHT);
        if top > bottom {
            parts.push(Part {
                class,
                y: HEIGHT - top,
                height: top - bottom,
            });
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_stand_on_each_other_and_fill_the_highest_bar() {
        let bar = |total, negative, neutral, positive| VolumeDto {
            from: jiff::Timestamp::UNIX_EPOCH,
            total,
            negative,
            neutral,
            positive,
        };
        let high = parts(&bar(10, 5, 2, 1), 10);
        let spans: Vec<_> = high
            .iter()
            .map(|part| (part.class, part.y, part.height))
            .collect();
        assert_eq!(
            spans,
            [
                ("fill-negative", 80, 80),
                ("fill-neutral", 48, 32),
                ("fill-positive", 32, 16),
                ("fill-track", 0, 32),
            ]
        );
        assert!(parts(&bar(0, 0, 0, 0), 10).is_empty());
        // Counts that are a second apart never leave the drawing.
        assert!(
            parts(&bar(1, 3, 0, 0), 1)
                .iter()
                .all(|part| part.y + part.height <= HEIGHT)
        );
    }
}
