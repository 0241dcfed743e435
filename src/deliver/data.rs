//! The `data` part of what receivers read. The wire's own types, apart from the domain's.
//!
//! Never holds a post's raw markup or a customer's identities. Fields are added, never renamed or
//! given another meaning. `null` means unknown or none; a `link` is absent without `public_url`.

use jiff::Timestamp;
use serde::Serialize;
#[cfg(test)]
use utoipa::ToSchema;

use crate::domain::{Analysis, Author, Customer, Link, PostId, PostRecord, Rating, SourceStatus};

/// Addresses on the installation's own page.
pub(super) struct Links<'a> {
    pub(super) public_url: Option<&'a str>,
}

impl Links<'_> {
    pub(super) fn post(&self, id: &PostId) -> Option<String> {
        self.to(&["mentions", id.mention().as_str()])
    }

    /// The address below `public_url` with these path segments, percent-encoded.
    pub(super) fn to(&self, segments: &[&str]) -> Option<String> {
        let mut url = url::Url::parse(self.public_url?).ok()?;
        url.path_segments_mut()
            .ok()?
            .pop_if_empty()
            .extend(segments);
        Some(url.into())
    }
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ToSchema))]
#[serde(untagged)]
pub(super) enum Data<'a> {
    Mention(Box<MentionData<'a>>),
    DeletedMention(DeletedMentionData<'a>),
    Linked(Box<LinkedData<'a>>),
    Digest(DigestData<'a>),
    Source(SourceData<'a>),
    Thin(ThinData<'a>),
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ToSchema))]
pub(super) struct MentionData<'a> {
    id: String,
    post_id: &'a str,
    monitors: Vec<&'a str>,
    network: &'a str,
    source: &'a str,
    kind: &'a str,
    /// The post's own address.
    url: Option<&'a str>,
    /// The post on our page.
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
    title: Option<&'a str>,
    text: &'a str,
    language: &'a str,
    author: Option<AuthorData<'a>>,
    engagement: EngagementData,
    rating: Option<RatingData>,
    published_at: Option<Timestamp>,
    fetched_at: Timestamp,
    duplicate_of: Option<&'a str>,
    /// Absent when nothing scored the post.
    analysis: Option<AnalysisData<'a>>,
    /// Absent when the author is no known customer.
    customer: Option<MentionCustomerData<'a>>,
}

impl<'a> MentionData<'a> {
    pub(super) fn new(record: &'a PostRecord, links: &Links<'_>) -> Self {
        let post = &record.post;
        let author_id = post.author_id();
        Self {
            id: post.id.mention().to_string(),
            post_id: post.id.as_str(),
            monitors: record.monitors.iter().map(|id| id.as_str()).collect(),
            network: &post.key.network,
            source: post.source.as_str(),
            kind: post.kind.as_str(),
            url: post.url.as_deref(),
            link: links.post(&post.id),
            title: post.title.as_deref(),
            text: &post.text,
            language: &post.language.code,
            author: post
                .author
                .as_ref()
                .zip(author_id)
                .map(|(author, id)| AuthorData::new(author, id.to_string())),
            engagement: EngagementData {
                likes: post.engagement.likes,
                replies: post.engagement.replies,
                shares: post.engagement.shares,
            },
            rating: post.rating.map(RatingData::from),
            published_at: post.published_at,
            fetched_at: post.fetched_at,
            duplicate_of: record.duplicate_of.as_ref().map(PostId::as_str),
            analysis: record.analysis.as_ref().map(AnalysisData::new),
            customer: record
                .customer
                .as_ref()
                .map(|(customer, link)| MentionCustomerData::new(customer, link)),
        }
    }
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ToSchema))]
pub(super) struct AuthorData<'a> {
    id: String,
    handle: Option<&'a str>,
    display_name: Option<&'a str>,
    url: Option<&'a str>,
    followers: Option<u64>,
    verified: bool,
}

impl<'a> AuthorData<'a> {
    pub(super) fn new(author: &'a Author, id: String) -> Self {
        Self {
            id,
            handle: Some(author.handle.as_str()).filter(|handle| !handle.is_empty()),
            display_name: author.display_name.as_deref(),
            url: author.url.as_deref(),
            followers: author.followers,
            verified: author.verified,
        }
    }
}

/// `null` means that the network does not say; 0 means none.
#[derive(Serialize)]
#[cfg_attr(test, derive(ToSchema))]
pub(super) struct EngagementData {
    likes: Option<u64>,
    replies: Option<u64>,
    shares: Option<u64>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ToSchema))]
pub(super) struct RatingData {
    value: f64,
    best: f64,
}

impl From<Rating> for RatingData {
    fn from(rating: Rating) -> Self {
        Self {
            value: rating.value,
            best: rating.best,
        }
    }
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ToSchema))]
pub(super) struct AnalysisData<'a> {
    model: &'a str,
    /// False when the language is not one that the model serves; then nothing else is said.
    supported: bool,
    sentiment: Option<SentimentData<'a>>,
    emotions: Vec<&'a str>,
    intents: Vec<&'a str>,
    /// 0 nothing to answer to 3 now.
    urgency: Option<u8>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ToSchema))]
pub(super) struct SentimentData<'a> {
    label: &'a str,
    score: f64,
}

impl<'a> AnalysisData<'a> {
    pub(super) fn new(analysis: &'a Analysis) -> Self {
        Self {
            model: analysis.model.as_str(),
            supported: analysis.supported,
            sentiment: analysis.sentiment_label().map(|label| SentimentData {
                label: label.as_str(),
                score: analysis.sentiment.score,
            }),
            emotions: analysis.present_emotions().collect(),
            intents: analysis.present_intents().collect(),
            urgency: analysis.supported.then_some(analysis.urgency),
        }
    }
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ToSchema))]
pub(super) struct MentionCustomerData<'a> {
    #[serde(flatten)]
    customer: CustomerData<'a>,
    confidence: f64,
    evidence: &'a str,
}

impl<'a> MentionCustomerData<'a> {
    pub(super) fn new(customer: &'a Customer, link: &'a Link) -> Self {
        Self {
            customer: CustomerData::new(customer),
            confidence: link.confidence,
            evidence: &link.evidence,
        }
    }
}

/// The CRM's own words; its identities stay at home.
#[derive(Serialize)]
#[cfg_attr(test, derive(ToSchema))]
pub(super) struct CustomerData<'a> {
    id: &'a str,
    name: &'a str,
    segment: Option<&'a str>,
    value: Option<f64>,
    tags: &'a [String],
}

impl<'a> CustomerData<'a> {
    pub(super) fn new(customer: &'a Customer) -> Self {
        Self {
            id: customer.id.as_str(),
            name: &customer.name,
            segment: customer.segment.as_deref(),
            value: customer.value,
            tags: &customer.tags,
        }
    }
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ToSchema))]
pub(super) struct DeletedMentionData<'a> {
    pub(super) id: &'a str,
    pub(super) post_id: String,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ToSchema))]
pub(super) struct LinkedData<'a> {
    pub(super) customer_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) link: Option<String>,
    /// `null` when the customer is gone.
    pub(super) customer: Option<CustomerData<'a>>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ToSchema))]
pub(super) struct DigestData<'a> {
    pub(super) digest: &'a str,
    /// The local date, `YYYY-MM-DD`.
    pub(super) date: &'a str,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ToSchema))]
pub(super) struct SourceData<'a> {
    source: &'a str,
    kind: Option<&'a str>,
    state: Option<&'a str>,
    error: Option<&'a str>,
    failures: Option<u32>,
    polled_at: Option<Timestamp>,
    succeeded_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
}

impl<'a> SourceData<'a> {
    pub(super) fn new(
        source: &'a str,
        status: Option<&'a SourceStatus>,
        links: &Links<'_>,
    ) -> Self {
        Self {
            source,
            kind: status.map(|status| status.kind.as_str()),
            state: status.map(|status| status.state.as_str()),
            error: status.and_then(|status| status.error.as_deref()),
            failures: status.map(|status| status.failures),
            polled_at: status.and_then(|status| status.polled_at),
            succeeded_at: status.and_then(|status| status.succeeded_at),
            link: links.to(&["sources"]),
        }
    }
}

/// What is left of a body that is too long; the rest is behind the link, or behind the id in the API.
#[derive(Serialize)]
#[cfg_attr(test, derive(ToSchema))]
pub(super) struct ThinData<'a> {
    pub(super) id: &'a str,
    pub(super) thin: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) network: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) link: Option<String>,
}
