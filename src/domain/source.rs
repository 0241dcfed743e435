//! What a source hands over, where it stands, and how it fares.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::http::HttpState;
use super::id::SourceId;
use super::post::PostKey;
use super::raw::RawPost;
use super::rhythm::Rhythm;
use super::websub::HubNews;

/// A source's position. Only `commit_batch` moves it, in the transaction that stores what was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cursor {
    /// The source's own text, opaque to everybody else (each source documents its form); absent before the first poll.
    pub position: Option<String>,
    /// What is known of the resource that the source polls conditionally.
    pub http: Option<HttpState>,
}

/// An item that could not become a post. Counted and kept for inspection; it never fails the batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reject {
    /// The item's native id, if it had one.
    pub native_id: Option<String>,
    /// Why, in words.
    pub reason: String,
    /// The first bytes of the item, at most `Reject::MAX_EXCERPT`.
    pub excerpt: String,
}

impl Reject {
    /// The most that is kept of a rejected item, in bytes.
    pub const MAX_EXCERPT: usize = 512;

    /// A reject; a long item is cut at a character boundary.
    #[must_use]
    pub fn new(native_id: Option<String>, reason: impl Into<String>, item: &str) -> Self {
        let mut end = item.len().min(Self::MAX_EXCERPT);
        while !item.is_char_boundary(end) {
            end -= 1;
        }
        Self {
            native_id,
            reason: reason.into(),
            excerpt: item[..end].to_owned(),
        }
    }
}

/// The answer to one poll.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Batch {
    /// What is new or changed, oldest first where the source can tell.
    pub posts: Vec<RawPost>,
    /// Posts that the network says are gone.
    pub deleted: Vec<PostKey>,
    /// Items that could not be understood.
    pub rejects: Vec<Reject>,
    /// Where the next poll begins.
    pub cursor: Cursor,
    /// The server's demand: no request before this (`Retry-After`, a rate limit that is used up).
    pub not_before: Option<Timestamp>,
    /// The server calls its answer fresh until then, however far away that is.
    pub fresh_until: Option<Timestamp>,
    /// How often the document wants to be asked; absent when the answer does not say, as a 304: what was said before still holds.
    pub rhythm: Option<Rhythm>,
    /// Who tells of its news.
    pub hub: HubNews,
    /// Requests that this poll made.
    pub requests: u32,
    /// True when the source knows of more than it returned and wants to be polled again soon.
    pub more: bool,
    /// True when reading ended at a bound of ours (pages, items) and not at the end.
    pub capped: bool,
    /// True when nothing of the answer was known although the source was polled before: posts
    /// between that poll and this may have passed unseen.
    pub gap: bool,
}

/// Whether a source is heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceState {
    /// Not polled yet.
    Waiting,
    /// The last poll worked.
    Healthy,
    /// The last poll failed; it is tried again.
    Failing,
    /// Stopped until a person acts: the fault does not go away by itself.
    Paused,
}

impl SourceState {
    /// The name used in the API and the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Healthy => "healthy",
            Self::Failing => "failing",
            Self::Paused => "paused",
        }
    }
}

/// How a source fares, for people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceStatus {
    /// The source's name.
    pub id: SourceId,
    /// The connector: `feed`, `mastodon`.
    pub kind: String,
    /// Healthy, failing and so on.
    pub state: SourceState,
    /// The last poll, whatever came of it.
    pub polled_at: Option<Timestamp>,
    /// The last poll that worked.
    pub succeeded_at: Option<Timestamp>,
    /// When it tries next; absent when paused.
    pub next_poll_at: Option<Timestamp>,
    /// What is wrong, in words.
    pub error: Option<String>,
    /// Polls that failed since the last success.
    pub failures: u32,
    /// Posts brought so far.
    pub posts: u64,
    /// Items rejected so far.
    pub rejects: u64,
    /// Requests made so far.
    pub requests: u64,
    /// No request before this time, whoever asks: the server said so.
    pub not_before: Option<Timestamp>,
    /// The time between polls that its posts call for, in seconds; 0 before the first poll.
    pub pace_secs: u64,
    /// How often the document wants to be asked.
    pub rhythm: Option<Rhythm>,
    /// What is odd and does not keep it from being polled, in words.
    pub warning: Option<String>,
    /// The URL that is asked in place of the configured one, after permanent redirects.
    pub moved_to: Option<String>,
    /// What was heard and what may have been missed.
    pub coverage: Coverage,
}

/// What was heard of a source and what may have been missed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Coverage {
    /// The last poll that brought posts.
    pub news_at: Option<Timestamp>,
    /// The first failure since the last success.
    pub failing_since: Option<Timestamp>,
    /// The first of the refusals (401, 403, 404) that the server gives without a break.
    pub refused_since: Option<Timestamp>,
    /// The URL that is gone for good, or empty where a source has none of its own; it stays stopped as long as it has this one.
    pub gone: Option<String>,
    /// Polls that failed so far.
    pub errors: u64,
    /// Polls so far that ended at a bound of ours.
    pub caps: u64,
    /// Polls so far that found nothing known, so that posts before them may have passed unseen.
    pub gaps: u64,
    /// The last such poll.
    pub gap_at: Option<Timestamp>,
    /// The last time that a hub sent something.
    pub pushed_at: Option<Timestamp>,
    /// A hub sends what is new until then, as of the last poll; absent without a hub or its word.
    pub pushed_until: Option<Timestamp>,
}

impl SourceStatus {
    /// The status of a source that was never polled.
    #[must_use]
    pub fn waiting(id: SourceId, kind: &str) -> Self {
        Self {
            id,
            kind: kind.to_owned(),
            state: SourceState::Waiting,
            polled_at: None,
            succeeded_at: None,
            next_poll_at: None,
            error: None,
            failures: 0,
            posts: 0,
            rejects: 0,
            requests: 0,
            not_before: None,
            pace_secs: 0,
            rhythm: None,
            warning: None,
            moved_to: None,
            coverage: Coverage::default(),
        }
    }
}
