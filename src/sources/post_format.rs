//! The one NDJSON format of posts, `"v":1`: what `file` and `inbound` read and export writes.
//!
//! Documented in `docs/post-format.md` and `docs/post-format.schema.json`. Unknown fields are left
//! out, so that newer writers and export's additions are read; unknown versions are refused.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::date;
use super::seen::stable_id;
use crate::domain::{Author, Body, Engagement, Post, PostKey, PostKind, Rating, RawPost, Reject};

/// The version that is written and read.
pub const VERSION: u32 = 1;

/// One line.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct PostLine {
    /// Always 1.
    pub v: u32,
    /// The platform; the reader's default when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// The instance, feed or app; the reader's default when network is absent too, else empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The native id; a hash of the content when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// True when the post is gone; only the key is read then.
    #[serde(default, skip_serializing_if = "is_false")]
    pub deleted: bool,
    /// Post, reply, review and so on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<PostKind>,
    /// The post's URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The title, plain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The body, plain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The body as HTML; wins over `text`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
    /// BCP 47.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Who wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<AuthorLine>,
    /// Likes, replies, shares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engagement: Option<Engagement>,
    /// Stars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rating: Option<Rating>,
    /// Native id of the post that this one answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<String>,
    /// Native id of the thread's first post.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread_id: Option<String>,
    /// Native id of the post that this one repeats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repost_of: Option<String>,
    /// RFC 3339, RFC 2822 or another usual form; one that does not parse counts as absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published_at: Option<String>,
}

/// An author in a line.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AuthorLine {
    /// The network's id; the handle, URL or name when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What one types after `@`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handle: Option<String>,
    /// The name that is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The profile's URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// What the author says of themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bio: Option<String>,
    /// Followers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub followers: Option<u64>,
    /// Whether the network verified the account.
    #[serde(default, skip_serializing_if = "is_false")]
    pub verified: bool,
}

/// Everything of a post that the format holds; the body is the plain text.
impl From<&Post> for PostLine {
    fn from(post: &Post) -> Self {
        Self {
            v: VERSION,
            network: Some(post.key.network.clone()),
            scope: Some(post.key.scope.clone()),
            id: Some(post.key.native_id.clone()),
            deleted: false,
            kind: Some(post.kind),
            url: post.url.clone(),
            title: post.title.clone(),
            text: Some(post.text.clone()),
            html: None,
            language: Some(post.language.code.clone()),
            author: post.author.as_ref().map(|author| AuthorLine {
                id: Some(author.native_id.clone()),
                handle: Some(author.handle.clone()),
                name: author.display_name.clone(),
                url: author.url.clone(),
                bio: author.bio.clone(),
                followers: author.followers,
                verified: author.verified,
            }),
            engagement: Some(post.engagement),
            rating: post.rating,
            parent_id: post.parent_id.clone(),
            thread_id: post.thread_id.clone(),
            repost_of: post.repost_of.clone(),
            published_at: post.published_at.map(|at| at.to_string()),
        }
    }
}

/// What a line without network and scope gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defaults {
    /// The network.
    pub network: String,
    /// The scope.
    pub scope: String,
}

/// What a line says.
#[derive(Debug, Clone, PartialEq)]
pub enum LineItem {
    /// There is a post.
    Post(Box<RawPost>),
    /// A post is gone.
    Deleted(PostKey),
}

/// Reads one line of NDJSON.
///
/// # Errors
/// The reject that a line at fault becomes.
pub fn parse_line(line: &str, defaults: &Defaults) -> Result<LineItem, Reject> {
    let line_error = |reason: String| Reject::new(None, reason, line);
    let parsed: PostLine =
        serde_json::from_str(line).map_err(|error| line_error(error.to_string()))?;
    if parsed.v != VERSION {
        return Err(line_error(format!("version {} is not {VERSION}", parsed.v)));
    }
    parsed.into_item(defaults).map_err(line_error)
}

impl PostLine {
    /// The post or deletion that the line states; the error says what is missing.
    pub(super) fn into_item(self, defaults: &Defaults) -> Result<LineItem, String> {
        let given = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
        let id = given(self.id);
        let network = given(self.network);
        let scope = match (&network, self.scope) {
            (_, Some(scope)) => scope,
            (None, None) => defaults.scope.clone(),
            (Some(_), None) => String::new(),
        };
        let network = network.unwrap_or_else(|| defaults.network.clone());
        if self.deleted {
            let native_id = id.ok_or("a deletion without `id`")?;
            return Ok(LineItem::Deleted(PostKey {
                network,
                scope,
                native_id,
            }));
        }
        let body = given(self.html)
            .map(Body::Html)
            .or_else(|| given(self.text).map(Body::Plain));
        let title = given(self.title);
        if body.is_none() && title.is_none() {
            return Err("neither `text`, `html` nor `title`".to_owned());
        }
        let body = body.unwrap_or_else(|| Body::Plain(String::new()));
        let author = self.author.and_then(AuthorLine::into_author);
        let native_id = id.unwrap_or_else(|| {
            stable_id(&[
                self.url.as_deref().unwrap_or(""),
                author.as_ref().map_or("", |author| &author.native_id),
                self.published_at.as_deref().unwrap_or(""),
                title.as_deref().unwrap_or(""),
                body.as_str(),
            ])
        });
        let rating = match self.rating {
            Some(rating) => Some(
                Rating::new(rating.value, rating.best).ok_or("a `rating` outside 0 to `best`")?,
            ),
            None => None,
        };
        let default_kind = if rating.is_some() {
            PostKind::Review
        } else {
            PostKind::Post
        };
        let key = PostKey {
            network,
            scope,
            native_id,
        };
        Ok(LineItem::Post(Box::new(RawPost {
            kind: self.kind.unwrap_or(default_kind),
            url: given(self.url),
            title: title.map(Body::Plain),
            language: given(self.language),
            author,
            engagement: self.engagement.unwrap_or_default(),
            rating,
            parent_id: given(self.parent_id),
            thread_id: given(self.thread_id),
            repost_of: given(self.repost_of),
            published_at: self.published_at.as_deref().and_then(date::parse),
            ..RawPost::new(key, body)
        })))
    }

    /// The line that states a raw post, as export and tests write it.
    #[must_use]
    pub fn from_raw(post: &RawPost) -> Self {
        let (text, html) = match &post.body {
            Body::Plain(text) => (Some(text.clone()), None),
            Body::Html(html) => (None, Some(html.clone())),
        };
        Self {
            v: VERSION,
            network: Some(post.key.network.clone()),
            scope: Some(post.key.scope.clone()),
            id: Some(post.key.native_id.clone()),
            deleted: false,
            kind: Some(post.kind),
            url: post.url.clone(),
            title: post.title.as_ref().map(|title| title.as_str().to_owned()),
            text,
            html,
            language: post.language.clone(),
            author: post.author.as_ref().map(AuthorLine::from_author),
            engagement: (post.engagement != Engagement::default()).then_some(post.engagement),
            rating: post.rating,
            parent_id: post.parent_id.clone(),
            thread_id: post.thread_id.clone(),
            repost_of: post.repost_of.clone(),
            published_at: post.published_at.map(|time: Timestamp| time.to_string()),
        }
    }
}

impl AuthorLine {
    fn into_author(self) -> Option<Author> {
        let given = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
        let handle = given(self.handle).map(|handle| handle.trim_start_matches('@').to_owned());
        let (name, url) = (given(self.name), given(self.url));
        let native_id = given(self.id)
            .or_else(|| handle.clone())
            .or_else(|| url.clone())
            .or_else(|| name.clone())?;
        Some(Author {
            native_id,
            handle: handle.unwrap_or_default(),
            display_name: name,
            url,
            bio: given(self.bio),
            followers: self.followers,
            verified: self.verified,
        })
    }

    /// The author of a line.
    #[must_use]
    pub fn from_author(author: &Author) -> Self {
        Self {
            id: Some(author.native_id.clone()),
            handle: Some(author.handle.clone()).filter(|handle| !handle.is_empty()),
            name: author.display_name.clone(),
            url: author.url.clone(),
            bio: author.bio.clone(),
            followers: author.followers,
            verified: author.verified,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_false(value: &bool) -> bool {
    !*value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn defaults() -> Defaults {
        Defaults {
            network: "file".into(),
            scope: "backfill".into(),
        }
    }

    fn read(line: &str) -> Result<LineItem, String> {
        parse_line(line, &defaults()).map_err(|reject| reject.reason)
    }

    #[test]
    fn a_line_that_is_written_reads_as_the_same_post() {
        let line = r#"{"v":1,"network":"forum","scope":"f1","id":"9","kind":"reply","url":"https://f.example/9","title":"T","html":"<p>x</p>","language":"de","author":{"id":"u1","handle":"mo","name":"Mo","followers":3},"engagement":{"likes":2},"rating":{"value":4.0,"best":5.0},"parent_id":"8","published_at":"2026-03-01T10:00:00Z"}"#;
        let Ok(LineItem::Post(post)) = read(line) else {
            panic!()
        };
        assert_eq!(post.kind, PostKind::Reply);
        assert_eq!(
            serde_json::to_string(&PostLine::from_raw(&post)).unwrap(),
            line
        );
    }

    #[test]
    fn defaults_fill_in_and_ids_are_stable() {
        let line = r#"{"v":1,"text":"hello","author":{"handle":"@ann"},"published_at":"soon","later":[1]}"#;
        let Ok(LineItem::Post(post)) = read(line) else {
            panic!()
        };
        assert_eq!(post.key.network, "file");
        assert_eq!(post.key.scope, "backfill");
        assert_eq!(post.key.native_id.len(), 32);
        assert_eq!(post.author.as_ref().unwrap().native_id, "ann");
        assert_eq!(post.published_at, None);
        assert_eq!(read(line), Ok(LineItem::Post(post)));
        let Ok(LineItem::Deleted(key)) =
            read(r#"{"v":1,"network":"forum","id":"9","deleted":true}"#)
        else {
            panic!()
        };
        assert_eq!((key.scope.as_str(), key.native_id.as_str()), ("", "9"));
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert_eq!(
            read(r#"{"v":2,"text":"x"}"#).unwrap_err(),
            "version 2 is not 1"
        );
        assert_eq!(
            read(r#"{"v":1}"#).unwrap_err(),
            "neither `text`, `html` nor `title`"
        );
        assert_eq!(
            read(r#"{"v":1,"deleted":true}"#).unwrap_err(),
            "a deletion without `id`"
        );
        assert!(read("{").unwrap_err().starts_with("EOF"));
        assert!(
            read(r#"{"text":"x"}"#)
                .unwrap_err()
                .starts_with("missing field `v`")
        );
    }
}
