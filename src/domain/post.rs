//! A post, its author and its numbers, after normalisation.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::id::{AuthorId, PostId, SourceId};

/// What gives a post its identity: the network, the scope in which native ids are unique (an
/// instance, a feed, an app; empty when ids are unique on the whole network) and the native id.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PostKey {
    /// The platform: `mastodon`, `appstore`, `feed`.
    pub network: String,
    /// The instance, feed or app; may be empty.
    pub scope: String,
    /// The id that the network gave.
    pub native_id: String,
}

impl PostKey {
    /// The public id of the post with this key.
    #[must_use]
    pub fn id(&self) -> PostId {
        PostId::derive(&self.network, &self.scope, &self.native_id)
    }
}

/// What sort of thing was published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PostKind {
    /// A post of its own.
    #[default]
    Post,
    /// An answer to a post.
    Reply,
    /// A comment below an article or a story.
    Comment,
    /// A review, with or without stars.
    Review,
    /// An article or a page.
    Article,
    /// Somebody else's post, repeated.
    Repost,
}

impl PostKind {
    /// All kinds, in the order that help texts show.
    pub const ALL: [Self; 6] = [
        Self::Post,
        Self::Reply,
        Self::Comment,
        Self::Review,
        Self::Article,
        Self::Repost,
    ];

    /// The name used in queries, the API and NDJSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Post => "post",
            Self::Reply => "reply",
            Self::Comment => "comment",
            Self::Review => "review",
            Self::Article => "article",
            Self::Repost => "repost",
        }
    }

    /// The kind with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// A public account. Not a customer: `links` join the two.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Author {
    /// The id that the network gave; the handle where it gives none. Handles are reused by others, native ids are not.
    pub native_id: String,
    /// The name that one types after `@`, without the `@`; empty when unknown.
    #[serde(default)]
    pub handle: String,
    /// The name that is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The profile's URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// What the author says of themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bio: Option<String>,
    /// Followers, absent when the network does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub followers: Option<u64>,
    /// Whether the network verified the account.
    #[serde(default)]
    pub verified: bool,
}

impl Author {
    /// The author's public id within a network and scope.
    #[must_use]
    pub fn id(&self, network: &str, scope: &str) -> AuthorId {
        AuthorId::derive(network, scope, &self.native_id)
    }

    /// The handle, or the shown name, or the native id: whatever a person recognises first.
    #[must_use]
    pub fn label(&self) -> &str {
        if !self.handle.is_empty() {
            return &self.handle;
        }
        self.display_name.as_deref().unwrap_or(&self.native_id)
    }
}

/// What others did with a post. Absent means that the network does not say; 0 means none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Engagement {
    /// Likes, favourites, points, votes that found it helpful.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub likes: Option<u64>,
    /// Replies and comments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replies: Option<u64>,
    /// Reposts, boosts, quotes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shares: Option<u64>,
}

impl Engagement {
    /// Likes + replies + shares, unknown parts as none.
    #[must_use]
    pub fn total(&self) -> u64 {
        [self.likes, self.replies, self.shares]
            .into_iter()
            .flatten()
            .fold(0, u64::saturating_add)
    }
}

/// A star rating on its own scale.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Rating {
    /// The stars given, 0 to `best`.
    pub value: f64,
    /// The most that can be given, greater than 0.
    pub best: f64,
}

impl Rating {
    /// A rating, when `value` lies on a scale from 0 to `best`.
    #[must_use]
    pub fn new(value: f64, best: f64) -> Option<Self> {
        let valid =
            value.is_finite() && best.is_finite() && best > 0.0 && (0.0..=best).contains(&value);
        valid.then_some(Self { value, best })
    }

    /// The rating on a scale of five stars, which queries use.
    #[must_use]
    pub fn out_of_five(&self) -> f64 {
        self.value / self.best * 5.0
    }
}

/// A detected language: ISO 639-1 where there is one, else 639-3; `und` when below the threshold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Language {
    /// The code, lowercase.
    pub code: String,
    /// The detector's confidence, 0 to 1.
    pub confidence: f64,
}

impl Language {
    /// The undetermined language.
    #[must_use]
    pub fn undetermined() -> Self {
        Self {
            code: "und".to_owned(),
            confidence: 0.0,
        }
    }
}

/// What two copies of one text share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// 64 bits of a hash of the folded words.
    pub exact: u64,
    /// 64-bit simhash over word 3-shingles; absent below 30 words, where it says nothing.
    pub simhash: Option<u64>,
}

/// A normalised post. `Display` shows its id alone, so that no text ends in a log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Post {
    /// Derived from `key`.
    pub id: PostId,
    /// Network, scope and native id.
    pub key: PostKey,
    /// The source that brought it first.
    pub source: SourceId,
    /// Post, reply, review and so on.
    pub kind: PostKind,
    /// The canonical URL, http or https.
    pub url: Option<String>,
    /// The title as plain text, NFC.
    pub title: Option<String>,
    /// The body as plain text, NFC: what is matched, scored and highlighted.
    pub text: String,
    /// The body as it came; sanitised only when rendered.
    pub raw: String,
    /// The detected language.
    pub language: Language,
    /// Who wrote it, if that is known.
    pub author: Option<Author>,
    /// The reading of likes, replies and shares at `fetched_at`.
    pub engagement: Engagement,
    /// Stars, if any; kept beside the score, never mixed into it.
    pub rating: Option<Rating>,
    /// Native id of the post that this one answers.
    pub parent_id: Option<String>,
    /// Native id of the thread's first post.
    pub thread_id: Option<String>,
    /// Native id of the post that this one repeats.
    pub repost_of: Option<String>,
    /// Absolute links in the body.
    pub links: Vec<String>,
    /// When it was published, as said; may be missing or in the future.
    pub published_at: Option<Timestamp>,
    /// When we fetched it.
    pub fetched_at: Timestamp,
    /// For deduplication.
    pub fingerprint: Fingerprint,
}

impl Post {
    /// The time that orders posts: the earlier of published and fetched, so that a date in the
    /// future never pins a list's top.
    #[must_use]
    pub fn ordered_at(&self) -> Timestamp {
        self.published_at
            .map_or(self.fetched_at, |published| published.min(self.fetched_at))
    }

    /// The author's public id, if there is an author.
    #[must_use]
    pub fn author_id(&self) -> Option<AuthorId> {
        self.author
            .as_ref()
            .map(|author| author.id(&self.key.network, &self.key.scope))
    }

    /// Whether `other` says the same; engagement does not count as content.
    #[must_use]
    pub fn same_content(&self, other: &Self) -> bool {
        self.title == other.title && self.text == other.text && self.rating == other.rating
    }
}

impl fmt::Display for Post {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.id.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engagement_counts_unknown_parts_as_none_and_never_overflows() {
        assert_eq!(Engagement::default().total(), 0);
        let engagement = Engagement {
            likes: Some(u64::MAX),
            replies: Some(3),
            shares: None,
        };
        assert_eq!(engagement.total(), u64::MAX);
    }

    #[test]
    fn a_rating_outside_its_scale_is_refused() {
        assert_eq!(Rating::new(6.0, 5.0), None);
        assert_eq!(Rating::new(f64::NAN, 5.0), None);
        assert_eq!(Rating::new(4.0, 10.0).map(|r| r.out_of_five()), Some(2.0));
    }
}
