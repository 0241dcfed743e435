//! A post as a source parsed it, before normalisation.

use jiff::Timestamp;

use super::post::{Author, Engagement, PostKey, PostKind, Rating};

/// A body and how it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// Markup that must be reduced to text.
    Html(String),
    /// Text as it is.
    Plain(String),
}

impl Body {
    /// The content as it came.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Html(content) | Self::Plain(content) => content,
        }
    }
}

/// What a source understood of one item. Typed, but nothing cleaned: `normalize` does that.
#[derive(Debug, Clone, PartialEq)]
pub struct RawPost {
    /// Network, scope and native id.
    pub key: PostKey,
    /// Post, reply, review and so on.
    pub kind: PostKind,
    /// The item's URL; relative ones are resolved by the source.
    pub url: Option<String>,
    /// The title, which may hold markup.
    pub title: Option<Body>,
    /// The content; may be empty if there is a title.
    pub body: Body,
    /// The language that the network claims, as BCP 47.
    pub language: Option<String>,
    /// Who wrote it.
    pub author: Option<Author>,
    /// Likes, replies, shares.
    pub engagement: Engagement,
    /// Stars.
    pub rating: Option<Rating>,
    /// Native id of the post that this one answers.
    pub parent_id: Option<String>,
    /// Native id of the thread's first post.
    pub thread_id: Option<String>,
    /// Native id of the post that this one repeats.
    pub repost_of: Option<String>,
    /// When it was published, as the network says.
    pub published_at: Option<Timestamp>,
}

impl RawPost {
    /// A raw post with nothing but its key and body; sources fill in what they know.
    #[must_use]
    pub fn new(key: PostKey, body: Body) -> Self {
        Self {
            key,
            kind: PostKind::Post,
            url: None,
            title: None,
            body,
            language: None,
            author: None,
            engagement: Engagement::default(),
            rating: None,
            parent_id: None,
            thread_id: None,
            repost_of: None,
            published_at: None,
        }
    }
}
