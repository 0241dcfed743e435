//! The digest as JSON, `"v": 1`: for those who load it into something else. Names are never reused with another meaning.

use serde::Serialize;

use super::build::{Digest, Section};

#[derive(Serialize)]
struct DigestDto<'a> {
    v: u32,
    digest: &'a str,
    date: String,
    zone: &'a str,
    made_at: String,
    monitors: Vec<SectionDto<'a>>,
}

#[derive(Serialize)]
struct SectionDto<'a> {
    monitor: &'a str,
    brand: Option<&'a str>,
    mentions: u64,
    mentions_day_before: u64,
    negative: u64,
    neutral: u64,
    positive: u64,
    unscored: u64,
    mean_score: Option<f64>,
    intents: Vec<CountDto<'a>>,
    networks: Vec<CountDto<'a>>,
    top_posts: Vec<PostDto<'a>>,
    top_authors: Vec<AuthorDto<'a>>,
}

#[derive(Serialize)]
struct CountDto<'a> {
    name: &'a str,
    mentions: u64,
}

#[derive(Serialize)]
struct PostDto<'a> {
    id: &'a str,
    quote: &'a str,
    author: Option<&'a str>,
    network: &'a str,
    url: Option<&'a str>,
    sentiment: Option<&'a str>,
    engagement: u64,
    customer: Option<&'a str>,
}

#[derive(Serialize)]
struct AuthorDto<'a> {
    name: &'a str,
    network: &'a str,
    url: Option<&'a str>,
    mentions: u64,
}

/// Renders the digest, indented, with a line end.
///
/// # Errors
/// Never in practice: all values can be written as JSON.
pub fn to_json(digest: &Digest) -> Result<String, serde_json::Error> {
    let dto = DigestDto {
        v: 1,
        digest: digest.id.as_str(),
        date: digest.date.to_string(),
        zone: &digest.zone,
        made_at: digest.made_at.to_string(),
        monitors: digest.sections.iter().map(section).collect(),
    };
    serde_json::to_string_pretty(&dto).map(|text| text + "\n")
}

fn section(section: &Section) -> SectionDto<'_> {
    SectionDto {
        monitor: section.monitor.as_str(),
        brand: section.brand.as_deref(),
        mentions: section.counts.mentions,
        mentions_day_before: section.before,
        negative: section.counts.negative,
        neutral: section.counts.neutral,
        positive: section.counts.positive,
        unscored: section.counts.unscored,
        mean_score: section.mean_score,
        intents: counts(&section.intents),
        networks: counts(&section.networks),
        top_posts: section
            .top_posts
            .iter()
            .map(|post| PostDto {
                id: &post.id,
                quote: &post.quote,
                author: post.author.as_deref(),
                network: &post.network,
                url: post.url.as_deref(),
                sentiment: post.sentiment.map(|label| label.as_str()),
                engagement: post.engagement,
                customer: post.customer.as_deref(),
            })
            .collect(),
        top_authors: section
            .top_authors
            .iter()
            .map(|author| AuthorDto {
                name: &author.name,
                network: &author.network,
                url: author.url.as_deref(),
                mentions: author.mentions,
            })
            .collect(),
    }
}

fn counts(counts: &[(String, u64)]) -> Vec<CountDto<'_>> {
    counts
        .iter()
        .map(|(name, mentions)| CountDto {
            name,
            mentions: *mentions,
        })
        .collect()
}
