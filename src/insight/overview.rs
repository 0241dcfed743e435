//! What happened in a period, beside the period before: volume, sentiment, share of voice, labels, authors.
//!
//! Counted by the index, which is about a second behind the store. Posts in languages that the model does not serve
//! count as volume and have no sentiment.

use std::collections::HashMap;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::histogram::{Bucket, Histogram};
use super::search::{Request, SearchError, Searcher};
use crate::domain::{BrandRole, MonitorId, MonitorSummary, SentimentLabel};
use crate::index::{MAX_VALUES, SearchResult};
use crate::query::Query;

/// Values of a label that are shown.
const SHOWN: usize = 10;

/// How far back the overview looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub enum Period {
    /// 24 hours.
    #[serde(rename = "24h")]
    Day,
    /// 7 times 24 hours.
    #[default]
    #[serde(rename = "7d")]
    Week,
    /// 30 times 24 hours.
    #[serde(rename = "30d")]
    Month,
    /// 90 times 24 hours.
    #[serde(rename = "90d")]
    Quarter,
}

impl Period {
    /// All, the shortest first.
    pub const ALL: [Self; 4] = [Self::Day, Self::Week, Self::Month, Self::Quarter];

    /// The name, as in `since:`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Month => "30d",
            Self::Quarter => "90d",
        }
    }

    fn length(self) -> SignedDuration {
        SignedDuration::from_hours(match self {
            Self::Day => 24,
            Self::Week => 7 * 24,
            Self::Month => 30 * 24,
            Self::Quarter => 90 * 24,
        })
    }
}

/// A count, and the same of the period before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct Compared {
    /// In the period.
    pub count: u64,
    /// In the period before.
    pub before: u64,
}

/// A label's value with its counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LabelCountDto {
    /// The value, as in queries.
    pub value: String,
    /// In the period.
    pub count: u64,
    /// In the period before; absent when it was not among the most frequent values then, which alone are counted.
    pub before: Option<u64>,
}

/// A brand's share of the mentions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BrandCountDto {
    /// The brand that monitors listen for.
    pub brand: String,
    /// `own`, `competitor` or `topic`.
    pub role: BrandRole,
    /// The query that finds its mentions.
    pub query: String,
    /// In the period.
    pub count: u64,
    /// In the period before.
    pub before: u64,
}

/// A bar of the volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VolumeDto {
    /// When it begins; it ends where the next begins.
    pub from: Timestamp,
    /// All posts.
    pub total: u64,
    /// Of these, negative.
    pub negative: u64,
    /// Of these, neutral.
    pub neutral: u64,
    /// Of these, positive.
    pub positive: u64,
}

/// What happened in a period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OverviewDto {
    /// The query in canonical form.
    pub query: String,
    /// When the period begins.
    pub from: Timestamp,
    /// When it ends.
    pub to: Timestamp,
    /// All posts that match.
    pub total: Compared,
    /// Negative ones.
    pub negative: Compared,
    /// Neutral ones.
    pub neutral: Compared,
    /// Positive ones.
    pub positive: Compared,
    /// The length of a bar.
    pub bucket: Bucket,
    /// The volume over the whole period.
    pub volume: Vec<VolumeDto>,
    /// Each brand that monitors listen for, our own first, then by count.
    pub brands: Vec<BrandCountDto>,
    /// The most frequent intents.
    pub intents: Vec<LabelCountDto>,
    /// The most frequent emotions.
    pub emotions: Vec<LabelCountDto>,
    /// The networks.
    pub networks: Vec<LabelCountDto>,
    /// The authors who wrote most.
    pub authors: Vec<LabelCountDto>,
}

/// What an overview is made of.
#[derive(Debug, Clone)]
pub struct OverviewRequest<'a> {
    /// What is counted.
    pub query: &'a Query,
    /// How far back.
    pub period: Period,
    /// The monitors whose brands share the voice.
    pub monitors: &'a [MonitorSummary],
    /// When the period ends.
    pub now: Timestamp,
    /// The zone in which days begin.
    pub zone: &'a TimeZone,
}

impl Searcher {
    /// Counts what happened in a period and the one before.
    ///
    /// # Errors
    /// When the query asks for too much, or the index fails.
    pub async fn overview(&self, wanted: &OverviewRequest<'_>) -> Result<OverviewDto, SearchError> {
        let (from, to) = (earlier(wanted.now, wanted.period.length()), wanted.now);
        let now = bounds(from, to);
        let before = bounds(earlier(from, wanted.period.length()), earlier(from, TICK));
        let count = async |query: &Query, facets: bool| {
            let request = Request {
                facets,
                histogram: true,
                ..Request::first(0, wanted.now, wanted.zone.clone())
            };
            self.ask(query, &request).await
        };
        let found = count(&wanted.query.and(&now), true).await?;
        let past = count(&wanted.query.and(&before), true).await?;
        let over = |slots: &[(i64, u64)]| Histogram::over(slots, wanted.zone, from, to);
        let whole = over(&found.slots);
        let mut volume: Vec<VolumeDto> = whole
            .bars
            .iter()
            .map(|bar| VolumeDto {
                from: bar.from,
                total: bar.count,
                negative: 0,
                neutral: 0,
                positive: 0,
            })
            .collect();
        for label in SentimentLabel::ALL {
            let labelled = query(&format!("sentiment:{}", label.as_str()));
            let labelled = count(&wanted.query.and(&now).and(&labelled), false).await?;
            for (bar, counted) in volume.iter_mut().zip(over(&labelled.slots).bars) {
                match label {
                    SentimentLabel::Negative => bar.negative = counted.count,
                    SentimentLabel::Neutral => bar.neutral = counted.count,
                    SentimentLabel::Positive => bar.positive = counted.count,
                }
            }
        }
        let mut brands = Vec::new();
        for (brand, role, own) in by_brand(wanted.monitors) {
            let total = async |period: &Query| {
                let within = wanted.query.and(period).and(&own);
                Ok::<_, SearchError>(count(&within, false).await?.total)
            };
            brands.push(BrandCountDto {
                brand,
                role,
                query: own.to_string(),
                count: total(&now).await?,
                before: total(&before).await?,
            });
        }
        brands.sort_by(|a, b| {
            let rank =
                |brand: &BrandCountDto| (brand.role != BrandRole::Own, u64::MAX - brand.count);
            rank(a).cmp(&rank(b)).then_with(|| a.brand.cmp(&b.brand))
        });
        let labels = |field: &str| compare(&found, &past, field);
        let sentiments: HashMap<String, Compared> = labels("sentiment")
            .into_iter()
            .map(|label| {
                // Three values are always all there.
                let (count, before) = (label.count, label.before.unwrap_or(0));
                (label.value, Compared { count, before })
            })
            .collect();
        let sentiment = |label: SentimentLabel| sentiments.get(label.as_str()).copied();
        Ok(OverviewDto {
            query: wanted.query.to_string(),
            from,
            to,
            total: Compared {
                count: found.total,
                before: past.total,
            },
            negative: sentiment(SentimentLabel::Negative).unwrap_or_default(),
            neutral: sentiment(SentimentLabel::Neutral).unwrap_or_default(),
            positive: sentiment(SentimentLabel::Positive).unwrap_or_default(),
            bucket: whole.bucket,
            volume,
            brands,
            intents: labels("intent"),
            emotions: labels("emotion"),
            networks: labels("network"),
            authors: labels("author"),
        })
    }
}

/// The resolution of times in the index.
const TICK: SignedDuration = SignedDuration::from_millis(1);

fn earlier(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_sub(by).unwrap_or(Timestamp::MIN)
}

/// Posts from one time to another, both included.
fn bounds(from: Timestamp, to: Timestamp) -> Query {
    query(&format!("since:{from} until:{to}"))
}

fn query(text: &str) -> Query {
    Query::parse(text).expect("invariant: made of times and labels, which parse")
}

/// The brands with their roles and the query that finds their mentions; monitors without a brand stand for none.
fn by_brand(monitors: &[MonitorSummary]) -> Vec<(String, BrandRole, Query)> {
    let mut brands: Vec<(String, BrandRole, Vec<&MonitorId>)> = Vec::new();
    for monitor in monitors {
        let Some(name) = &monitor.brand else { continue };
        match brands.iter_mut().find(|(brand, _, _)| brand == name) {
            Some((_, _, ids)) => ids.push(&monitor.id),
            None => brands.push((name.clone(), monitor.role, vec![&monitor.id])),
        }
    }
    let queried = brands.into_iter().filter_map(|(brand, role, ids)| {
        let query = Query::of_monitors(ids)?;
        Some((brand, role, query))
    });
    queried.collect()
}

/// The most frequent values of a label now, each with its count before.
fn compare(found: &SearchResult, past: &SearchResult, field: &str) -> Vec<LabelCountDto> {
    let values = |result: &SearchResult| {
        let facet = result.facets.iter().find(|facet| facet.field == field);
        facet.map_or(Vec::new(), |facet| facet.values.clone())
    };
    let before: HashMap<String, u64> = values(past).into_iter().collect();
    let all_were_counted = before.len() < MAX_VALUES;
    values(found)
        .into_iter()
        .take(SHOWN)
        .map(|(value, count)| LabelCountDto {
            before: before
                .get(&value)
                .copied()
                .or(all_were_counted.then_some(0)),
            value,
            count,
        })
        .collect()
}
