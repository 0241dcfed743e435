//! Sentiment, intents and emotions as bars: every bar has its number in words, colour says nothing alone.

use super::format;
use crate::domain::analysis::LabelScore;
use crate::domain::{Analysis, SentimentLabel};

/// Emotions and intents below this are not shown unless present.
const FAINT: f64 = 0.05;

/// What the scorer says.
#[derive(Debug)]
pub(in crate::web) struct Scores {
    pub supported: bool,
    pub class: &'static str,
    pub sign: &'static str,
    pub label: &'static str,
    pub score: String,
    pub parts: Vec<Share>,
    pub intents: Vec<Measure>,
    pub emotions: Vec<Measure>,
}

/// A part of a stacked bar that is 1000 wide.
#[derive(Debug)]
pub(in crate::web) struct Share {
    pub class: &'static str,
    pub sign: &'static str,
    pub percent: String,
    pub x: u32,
    pub width: u32,
}

/// A bar that is 1000 wide.
#[derive(Debug)]
pub(in crate::web) struct Measure {
    pub label: String,
    pub percent: String,
    pub width: u32,
    pub present: bool,
}

pub(in crate::web) fn class(label: SentimentLabel) -> &'static str {
    label.as_str()
}

pub(in crate::web) fn sign(label: SentimentLabel) -> &'static str {
    match label {
        SentimentLabel::Negative => "−",
        SentimentLabel::Neutral => "0",
        SentimentLabel::Positive => "+",
    }
}

pub(in crate::web) fn scores(analysis: &Analysis) -> Scores {
    let sentiment = &analysis.sentiment;
    let parts = [
        (SentimentLabel::Negative, sentiment.negative),
        (SentimentLabel::Neutral, sentiment.neutral),
        (SentimentLabel::Positive, sentiment.positive),
    ];
    Scores {
        supported: analysis.supported,
        class: class(sentiment.label),
        sign: sign(sentiment.label),
        label: sentiment.label.as_str(),
        score: format::signed(sentiment.score),
        parts: shares(&parts),
        intents: measures(&analysis.intents.0),
        emotions: measures(&analysis.emotions.ekman),
    }
}

/// Parts of a stacked bar; the weights may add up to anything.
pub(in crate::web) fn shares(parts: &[(SentimentLabel, f64)]) -> Vec<Share> {
    let sum: f64 = parts.iter().map(|(_, weight)| weight).sum();
    let mut end = 0.0;
    let mut shares = Vec::with_capacity(parts.len());
    for (label, weight) in parts {
        let part = if sum > 0.0 { weight / sum } else { 0.0 };
        let x = thousandths(end);
        end += part;
        shares.push(Share {
            class: class(*label),
            sign: sign(*label),
            percent: format::percent(part),
            x,
            width: thousandths(end) - x,
        });
    }
    shares
}

fn measures(scores: &[LabelScore]) -> Vec<Measure> {
    let mut shown: Vec<_> = scores
        .iter()
        .filter(|score| score.present || score.probability >= FAINT)
        .collect();
    shown.sort_by(|a, b| {
        b.present
            .cmp(&a.present)
            .then(b.probability.total_cmp(&a.probability))
    });
    shown
        .into_iter()
        .map(|score| Measure {
            label: format::label(&score.label),
            percent: format::percent(score.probability),
            width: thousandths(score.probability),
            present: score.present,
        })
        .collect()
}

fn thousandths(part: f64) -> u32 {
    (part.clamp(0.0, 1.0) * 1000.0).round() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stacked_bar_has_no_gaps() {
        let parts = SentimentLabel::ALL.map(|label| (label, 1.0));
        let shares = shares(&parts);
        assert_eq!(shares.iter().map(|share| share.width).sum::<u32>(), 1000);
        assert_eq!(shares[1].x, shares[0].width);
        assert_eq!(shares[2].percent, "33 %");
    }
}
