//! What the API answers and `--json` prints. Names are versioned with the API (`v1`) and never
//! reused with another meaning. No type of the domain is serialised as it stands.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::histogram::Histogram;
use super::marks::Segment;
use crate::domain::{
    Analysis, Author, Customer, Identity, Link, LinkOrigin, Post, PostRecord,
    analysis::{Entity, LabelScore},
};

/// A page of search results.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SearchDto {
    /// The query in canonical form.
    pub query: String,
    /// Posts that match, over all pages.
    pub total: u64,
    /// Time in index and store, in milliseconds.
    pub took_ms: f64,
    /// This page, best or newest first.
    pub hits: Vec<HitDto>,
    /// Give this as `cursor` for the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// Counts by label, when they were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub facets: Vec<FacetDto>,
    /// Counts by time, when they were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub histogram: Option<Histogram>,
}

/// How many posts match a query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CountDto {
    /// As it was asked.
    pub query: String,
    /// Posts that match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// Why there is no total.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// How many matches have which values of a label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FacetDto {
    /// The field, as in queries.
    pub field: String,
    /// The most frequent first, at most 50.
    pub values: Vec<FacetValueDto>,
}

/// A value of a label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FacetValueDto {
    /// As in queries.
    pub value: String,
    /// Matches that have it.
    pub count: u64,
}

/// One match.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HitDto {
    /// Relevance; meaningful only against other hits of the same answer.
    pub score: f32,
    /// The title in pieces.
    pub title: Vec<Segment>,
    /// The text around the first match in pieces.
    pub snippet: Vec<Segment>,
    /// The post with all that is known of it.
    pub mention: MentionDto,
}

/// A post with all that is known of it; a mention when a monitor matched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MentionDto {
    /// `post_..`: equal after re-ingestion or a restore.
    pub id: String,
    /// `mention_..`, when at least one monitor matches.
    pub mention_id: Option<String>,
    /// The platform.
    pub network: String,
    /// The instance, feed or app within the platform; may be empty.
    pub scope: String,
    /// The network's own id.
    pub native_id: String,
    /// The configured source that brought it first.
    pub source: String,
    /// `post`, `reply`, `comment`, `review`, `article`, `repost`.
    pub kind: String,
    /// Where it stands, http or https.
    pub url: Option<String>,
    /// Plain text.
    pub title: Option<String>,
    /// Plain text.
    pub text: String,
    /// ISO 639 code; `und` when not recognised.
    pub lang: String,
    /// Who wrote it, if known.
    pub author: Option<AuthorDto>,
    /// Likes, replies and shares; absent when the network does not say.
    pub engagement: EngagementDto,
    /// Stars.
    pub rating: Option<RatingDto>,
    /// Native id of the post that it answers.
    pub parent_id: Option<String>,
    /// Native id of the thread's first post.
    pub thread_id: Option<String>,
    /// Native id of the post that it repeats.
    pub repost_of: Option<String>,
    /// Links in the body.
    pub links: Vec<String>,
    /// As the author or network says.
    pub published_at: Option<Timestamp>,
    /// When we fetched it.
    pub fetched_at: Timestamp,
    /// Absent when nothing scored it.
    pub analysis: Option<AnalysisDto>,
    /// Monitors that match.
    pub monitors: Vec<String>,
    /// The customer that the author is linked to, and why.
    pub customer: Option<LinkedCustomerDto>,
    /// The first post of its group of copies, when it is a copy.
    pub duplicate_of: Option<String>,
}

/// A public account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuthorDto {
    /// `author_..`.
    pub id: String,
    /// Without `@`; empty when unknown.
    pub handle: String,
    /// The name that is shown.
    pub display_name: Option<String>,
    /// The profile.
    pub url: Option<String>,
    /// What the author says of themselves.
    pub bio: Option<String>,
    /// Absent when the network does not say.
    pub followers: Option<u64>,
    /// Whether the network verified the account.
    pub verified: bool,
}

/// Absent means that the network does not say; 0 means none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EngagementDto {
    /// Likes, favourites, points.
    pub likes: Option<u64>,
    /// Replies and comments.
    pub replies: Option<u64>,
    /// Reposts, boosts, quotes.
    pub shares: Option<u64>,
}

/// Stars on their own scale.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RatingDto {
    /// The stars given.
    pub value: f64,
    /// The most that can be given.
    pub best: f64,
}

/// What the scorer says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AnalysisDto {
    /// Name, version and hash of the model.
    pub model: String,
    /// False when the model does not serve the text's language; the values are then a guess.
    pub supported: bool,
    /// Sentiment.
    pub sentiment: SentimentDto,
    /// Ekman's six and neutral.
    pub emotions: Vec<LabelDto>,
    /// Complaint, question and so on.
    pub intents: Vec<LabelDto>,
    /// 0 nothing to answer, 1 some time, 2 waiting or blocked, 3 now.
    pub urgency: u8,
    /// Names in the text, where a model of one's own finds them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entities: Vec<EntityDto>,
}

/// A name in a text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EntityDto {
    /// What it names, in the model's words, such as `PER` or `ORG`.
    pub label: String,
    /// As the text has it.
    pub name: String,
    /// 0 to 1.
    pub probability: f64,
}

/// Probabilities that add up to 1, and what follows from them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SentimentDto {
    /// `negative`, `neutral` or `positive`.
    pub label: String,
    /// -1 to 1.
    pub score: f64,
    /// Probability.
    pub negative: f64,
    /// Probability.
    pub neutral: f64,
    /// Probability.
    pub positive: f64,
}

/// A label with its probability.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LabelDto {
    /// The name, as in queries.
    pub label: String,
    /// 0 to 1.
    pub probability: f64,
    /// Whether the probability passes the label's threshold.
    pub present: bool,
}

/// A customer and the link that leads to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LinkedCustomerDto {
    /// The CRM's id.
    pub id: String,
    /// The name to show.
    pub name: String,
    /// The CRM's segment.
    pub segment: Option<String>,
    /// 0 to 1.
    pub confidence: f64,
    /// What speaks for the link, in words.
    pub evidence: String,
    /// `rule` or `person`.
    pub origin: String,
}

/// A customer in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CustomerSummaryDto {
    /// The CRM's id.
    pub id: String,
    /// The name to show.
    pub name: String,
    /// The CRM's segment.
    pub segment: Option<String>,
    /// The CRM's value, in its own unit.
    pub value: Option<f64>,
    /// Free labels.
    pub tags: Vec<String>,
    /// Handles, profiles and addresses.
    pub identities: Vec<Identity>,
}

impl From<&Customer> for CustomerSummaryDto {
    fn from(customer: &Customer) -> Self {
        Self {
            id: customer.id.to_string(),
            name: customer.name.clone(),
            segment: customer.segment.clone(),
            value: customer.value,
            tags: customer.tags.clone(),
            identities: customer.identities.clone(),
        }
    }
}

/// A customer with what tells us who they are, and what they said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CustomerDto {
    /// The CRM's id.
    pub id: String,
    /// The name to show.
    pub name: String,
    /// The CRM's segment.
    pub segment: Option<String>,
    /// The CRM's value, in its own unit.
    pub value: Option<f64>,
    /// Free labels.
    pub tags: Vec<String>,
    /// Handles, profiles and addresses.
    pub identities: Vec<Identity>,
    /// Posts of linked authors, newest first.
    pub timeline: Vec<MentionDto>,
    /// Give this as `cursor` for older ones; absent when there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

impl From<&PostRecord> for MentionDto {
    fn from(record: &PostRecord) -> Self {
        let post = &record.post;
        Self {
            id: post.id.to_string(),
            mention_id: record.is_mention().then(|| post.id.mention().to_string()),
            network: post.key.network.clone(),
            scope: post.key.scope.clone(),
            native_id: post.key.native_id.clone(),
            source: post.source.to_string(),
            kind: post.kind.as_str().to_owned(),
            url: post.url.clone(),
            title: post.title.clone(),
            text: post.text.clone(),
            lang: post.language.code.clone(),
            author: post.author.as_ref().map(|author| author_dto(author, post)),
            engagement: EngagementDto {
                likes: post.engagement.likes,
                replies: post.engagement.replies,
                shares: post.engagement.shares,
            },
            rating: post.rating.map(|rating| RatingDto {
                value: rating.value,
                best: rating.best,
            }),
            parent_id: post.parent_id.clone(),
            thread_id: post.thread_id.clone(),
            repost_of: post.repost_of.clone(),
            links: post.links.clone(),
            published_at: post.published_at,
            fetched_at: post.fetched_at,
            analysis: record.analysis.as_ref().map(AnalysisDto::from),
            monitors: record.monitors.iter().map(ToString::to_string).collect(),
            customer: record
                .customer
                .as_ref()
                .map(|(customer, link)| linked_customer(customer, link)),
            duplicate_of: record.duplicate_of.as_ref().map(ToString::to_string),
        }
    }
}

fn author_dto(author: &Author, post: &Post) -> AuthorDto {
    AuthorDto {
        id: author.id(&post.key.network, &post.key.scope).to_string(),
        handle: author.handle.clone(),
        display_name: author.display_name.clone(),
        url: author.url.clone(),
        bio: author.bio.clone(),
        followers: author.followers,
        verified: author.verified,
    }
}

fn linked_customer(customer: &Customer, link: &Link) -> LinkedCustomerDto {
    LinkedCustomerDto {
        id: customer.id.to_string(),
        name: customer.name.clone(),
        segment: customer.segment.clone(),
        confidence: link.confidence,
        evidence: link.evidence.clone(),
        origin: match link.origin {
            LinkOrigin::Rule => "rule",
            LinkOrigin::Person => "person",
        }
        .to_owned(),
    }
}

impl From<&Analysis> for AnalysisDto {
    fn from(analysis: &Analysis) -> Self {
        let sentiment = &analysis.sentiment;
        Self {
            model: analysis.model.to_string(),
            supported: analysis.supported,
            sentiment: SentimentDto {
                label: sentiment.label.as_str().to_owned(),
                score: sentiment.score,
                negative: sentiment.negative,
                neutral: sentiment.neutral,
                positive: sentiment.positive,
            },
            emotions: analysis.emotions.ekman.iter().map(LabelDto::from).collect(),
            intents: analysis.intents.0.iter().map(LabelDto::from).collect(),
            urgency: analysis.urgency,
            entities: analysis.entities.iter().map(EntityDto::from).collect(),
        }
    }
}

impl From<&Entity> for EntityDto {
    fn from(entity: &Entity) -> Self {
        Self {
            label: entity.label.clone(),
            name: entity.name.clone(),
            probability: entity.probability,
        }
    }
}

impl From<&LabelScore> for LabelDto {
    fn from(score: &LabelScore) -> Self {
        Self {
            label: score.label.clone(),
            probability: score.probability,
            present: score.present,
        }
    }
}

impl CustomerDto {
    /// A customer with their posts, newest first.
    #[must_use]
    pub fn new(customer: &Customer, timeline: &[PostRecord], next_cursor: Option<String>) -> Self {
        Self {
            id: customer.id.to_string(),
            name: customer.name.clone(),
            segment: customer.segment.clone(),
            value: customer.value,
            tags: customer.tags.clone(),
            identities: customer.identities.clone(),
            timeline: timeline.iter().map(MentionDto::from).collect(),
            next_cursor,
        }
    }
}
