//! The digest as one HTML file without scripts or remote parts: good to open, forward and print.
//!
//! askama escapes everything that strangers wrote; links are http and https alone.

use askama::Template;

use super::build::{Counts, Digest, Section};
use super::catalogue::Catalogue;
use super::markdown::{safe_url, sign};
use crate::domain::SentimentLabel;

/// Width of the sentiment bar, in its own units.
const BAR_WIDTH: f64 = 600.0;

#[derive(Template)]
#[template(path = "digest.html")]
struct Page<'a> {
    digest: &'a Digest,
    words: &'a Catalogue,
}

/// One coloured part of a sentiment bar.
struct Part {
    class: &'static str,
    x: String,
    width: String,
}

impl Page<'_> {
    fn number(&self, value: &u64) -> String {
        self.words.number(*value)
    }

    fn count(&self, mentions: &u64) -> String {
        self.words.count(*mentions)
    }

    fn score(&self, score: &f64) -> String {
        self.words.score(*score)
    }

    fn sign(&self, label: &Option<SentimentLabel>) -> &'static str {
        sign(*label)
    }

    fn link<'b>(&self, url: &'b Option<String>) -> Option<&'b str> {
        url.as_deref().and_then(safe_url)
    }

    fn date(&self) -> String {
        self.words.date(self.digest.date)
    }

    fn made_at(&self) -> String {
        self.digest
            .made_at
            .strftime("%Y-%m-%d %H:%M UTC")
            .to_string()
    }

    fn parts(&self, counts: &Counts) -> Vec<Part> {
        let scored = counts.mentions - counts.unscored;
        let mut x = 0.0;
        let mut parts = Vec::new();
        for (class, count) in [
            ("negative", counts.negative),
            ("neutral", counts.neutral),
            ("positive", counts.positive),
        ] {
            if count > 0 {
                let width = BAR_WIDTH * count as f64 / scored as f64;
                parts.push(Part {
                    class,
                    x: format!("{x:.1}"),
                    width: format!("{width:.1}"),
                });
                x += width;
            }
        }
        parts
    }

    fn shares(&self, counts: &Counts) -> Vec<(&'static str, &'static str, &str, String, String)> {
        let scored = counts.mentions - counts.unscored;
        [
            ("negative", "−", self.words.negative, counts.negative),
            ("neutral", "0", self.words.neutral, counts.neutral),
            ("positive", "+", self.words.positive, counts.positive),
        ]
        .into_iter()
        .map(|(class, sign, name, count)| {
            (
                class,
                sign,
                name,
                self.words.number(count),
                self.words.percent(count, scored),
            )
        })
        .collect()
    }

    fn change(&self, section: &Section) -> String {
        self.words
            .change(section.counts.mentions, section.before)
            .unwrap_or_default()
    }
}

/// Renders the digest.
///
/// # Errors
/// Never in practice: the template is checked when the program is built.
pub fn to_html(digest: &Digest, words: &Catalogue) -> Result<String, askama::Error> {
    Page { digest, words }.render()
}
