//! From records to a digest's data. Pure: the same records give the same digest.

use std::collections::HashMap;

use jiff::Timestamp;
use jiff::civil::Date;

use super::plan::DigestPlan;
use crate::domain::{DigestId, MonitorId, MonitorSummary, PostRecord, SentimentLabel};

/// Posts and authors that are named in a section.
const TOP: usize = 5;
/// Characters of a post that are quoted.
const QUOTE_CHARS: usize = 240;

/// One day's digest.
#[derive(Debug, Clone, PartialEq)]
pub struct Digest {
    /// Which one.
    pub id: DigestId,
    /// The local day.
    pub date: Date,
    /// The IANA name of the zone in which the day begins.
    pub zone: String,
    /// When it was made.
    pub made_at: Timestamp,
    /// Mentions of the day, each once, whatever the number of monitors that it matches.
    pub mentions: u64,
    /// A section for each monitor, the one with most mentions first.
    pub sections: Vec<Section>,
}

/// Mentions by sentiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// All.
    pub mentions: u64,
    /// Against.
    pub negative: u64,
    /// Neither.
    pub neutral: u64,
    /// For.
    pub positive: u64,
    /// Not scored, or in a language that the model does not serve.
    pub unscored: u64,
}

/// What one monitor heard.
#[derive(Debug, Clone, PartialEq)]
pub struct Section {
    /// The monitor's name.
    pub monitor: MonitorId,
    /// Its brand, if it has one.
    pub brand: Option<String>,
    /// The day.
    pub counts: Counts,
    /// Mentions on the day before.
    pub before: u64,
    /// Mean sentiment score, -1 to 1, of what was scored.
    pub mean_score: Option<f64>,
    /// Intents and how often, the most frequent first.
    pub intents: Vec<(String, u64)>,
    /// Networks and how often, the most frequent first.
    pub networks: Vec<(String, u64)>,
    /// The most discussed posts.
    pub top_posts: Vec<TopPost>,
    /// The authors with most mentions.
    pub top_authors: Vec<Author>,
}

/// A post worth reading.
#[derive(Debug, Clone, PartialEq)]
pub struct TopPost {
    /// The mention's id.
    pub id: String,
    /// The first words.
    pub quote: String,
    /// Who.
    pub author: Option<String>,
    /// Where.
    pub network: String,
    /// http or https.
    pub url: Option<String>,
    /// What the model says.
    pub sentiment: Option<SentimentLabel>,
    /// Likes, replies, shares.
    pub engagement: u64,
    /// The customer who wrote it.
    pub customer: Option<String>,
}

/// Somebody who spoke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// The handle or name.
    pub name: String,
    /// Where.
    pub network: String,
    /// The profile.
    pub url: Option<String>,
    /// Mentions.
    pub mentions: u64,
}

/// Builds a digest of the records of a day; `before` are those of the day before. Monitors that heard
/// nothing have a section too, so that silence is seen.
#[must_use]
pub fn build(
    plan: &DigestPlan,
    date: Date,
    made_at: Timestamp,
    monitors: &[MonitorSummary],
    records: &[PostRecord],
    before: &[PostRecord],
) -> Digest {
    let wanted: Vec<&MonitorSummary> = monitors
        .iter()
        .filter(|monitor| plan.monitors.is_empty() || plan.monitors.contains(&monitor.id))
        .collect();
    let heard_by =
        |record: &PostRecord, monitor: &MonitorSummary| record.monitors.contains(&monitor.id);
    let mentions = records
        .iter()
        .filter(|record| wanted.iter().any(|monitor| heard_by(record, monitor)))
        .count();
    let mut sections: Vec<Section> = wanted
        .iter()
        .map(|monitor| {
            let heard: Vec<&PostRecord> = records
                .iter()
                .filter(|record| heard_by(record, monitor))
                .collect();
            let before = before
                .iter()
                .filter(|record| heard_by(record, monitor))
                .count();
            section(monitor, &heard, before as u64)
        })
        .collect();
    sections.sort_by(|a, b| {
        b.counts
            .mentions
            .cmp(&a.counts.mentions)
            .then_with(|| a.monitor.cmp(&b.monitor))
    });
    let zone = plan.zone.iana_name().unwrap_or("UTC").to_owned();
    Digest {
        id: plan.id.clone(),
        date,
        zone,
        made_at,
        mentions: mentions as u64,
        sections,
    }
}

fn section(monitor: &MonitorSummary, heard: &[&PostRecord], before: u64) -> Section {
    let mut counts = Counts {
        mentions: heard.len() as u64,
        ..Counts::default()
    };
    let mut scores = 0.0;
    let mut intents = HashMap::new();
    let mut networks = HashMap::new();
    for record in heard {
        *networks.entry(record.post.key.network.clone()).or_insert(0) += 1;
        let Some(analysis) = record
            .analysis
            .as_ref()
            .filter(|analysis| analysis.supported)
        else {
            counts.unscored += 1;
            continue;
        };
        match analysis.sentiment.label {
            SentimentLabel::Negative => counts.negative += 1,
            SentimentLabel::Neutral => counts.neutral += 1,
            SentimentLabel::Positive => counts.positive += 1,
        }
        scores += analysis.sentiment.score;
        for intent in analysis.present_intents() {
            *intents.entry(intent.to_owned()).or_insert(0) += 1;
        }
    }
    let scored = counts.mentions - counts.unscored;
    Section {
        monitor: monitor.id.clone(),
        brand: monitor.brand.clone(),
        counts,
        before,
        mean_score: (scored > 0).then(|| scores / scored as f64),
        intents: by_frequency(intents),
        networks: by_frequency(networks),
        top_posts: top_posts(heard),
        top_authors: top_authors(heard),
    }
}

fn by_frequency(counts: HashMap<String, u64>) -> Vec<(String, u64)> {
    let mut counts: Vec<(String, u64)> = counts.into_iter().collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    counts
}

/// By engagement, then by how strongly the score leans, then the newest. A copy stands behind its original, so it is left out.
fn top_posts(heard: &[&PostRecord]) -> Vec<TopPost> {
    let mut posts: Vec<&&PostRecord> = heard
        .iter()
        .filter(|record| record.duplicate_of.is_none())
        .collect();
    let lean = |record: &PostRecord| {
        record
            .analysis
            .as_ref()
            .filter(|analysis| analysis.supported)
            .map_or(0.0, |analysis| analysis.sentiment.score.abs())
    };
    posts.sort_by(|a, b| {
        b.post
            .engagement
            .total()
            .cmp(&a.post.engagement.total())
            .then_with(|| lean(b).total_cmp(&lean(a)))
            .then_with(|| b.post.ordered_at().cmp(&a.post.ordered_at()))
    });
    posts
        .into_iter()
        .take(TOP)
        .map(|record| top_post(record))
        .collect()
}

fn top_post(record: &PostRecord) -> TopPost {
    let post = &record.post;
    let words = match &post.title {
        Some(title) if !post.text.starts_with(title.as_str()) => format!("{title}. {}", post.text),
        _ => post.text.clone(),
    };
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut quote: String = words.chars().take(QUOTE_CHARS).collect();
    if quote.len() < words.len() {
        quote.push('…');
    }
    TopPost {
        id: post.id.mention().to_string(),
        quote,
        author: post.author.as_ref().map(|author| author.label().to_owned()),
        network: post.key.network.clone(),
        url: post.url.clone(),
        sentiment: record
            .analysis
            .as_ref()
            .and_then(|analysis| analysis.sentiment_label()),
        engagement: post.engagement.total(),
        customer: record
            .customer
            .as_ref()
            .map(|(customer, _)| format!("{} {}", customer.id, customer.name)),
    }
}

fn top_authors(heard: &[&PostRecord]) -> Vec<Author> {
    let mut authors: HashMap<_, Author> = HashMap::new();
    for record in heard {
        let Some((author, id)) = record.post.author.as_ref().zip(record.post.author_id()) else {
            continue;
        };
        authors
            .entry(id)
            .or_insert_with(|| Author {
                name: author.label().to_owned(),
                network: record.post.key.network.clone(),
                url: author.url.clone(),
                mentions: 0,
            })
            .mentions += 1;
    }
    let mut authors: Vec<Author> = authors.into_values().collect();
    authors.sort_by(|a, b| {
        b.mentions
            .cmp(&a.mentions)
            .then_with(|| a.name.cmp(&b.name))
            .then_with(|| a.network.cmp(&b.network))
    });
    authors.truncate(TOP);
    authors
}
