//! WebSub (W3C Recommendation of 2018): a hub tells us of a feed's news, so that it need not be asked often.

use bytes::Bytes;
use jiff::Timestamp;

/// Where a feed's news can be subscribed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hub {
    /// The hub's absolute URL.
    pub url: String,
    /// What the feed calls itself (`rel="self"`): the name by which the hub knows it.
    pub topic: String,
}

/// What an answer says of a hub.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum HubNews {
    /// Nothing, as a 304: what was said before still holds.
    #[default]
    Unsaid,
    /// The feed names none.
    None,
    /// The feed names this one.
    At(Hub),
}

/// A subscription of one feed at one hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The feed's URL, as its sources ask for it.
    pub feed: String,
    /// The hub and the topic.
    pub hub: Hub,
    /// The part of the callback's address that nobody can guess.
    pub key: String,
    /// What the hub signs with.
    pub secret: String,
    /// The hub sends until then; absent before it confirmed.
    pub leased_until: Option<Timestamp>,
    /// The last time that it sent something.
    pub pushed_at: Option<Timestamp>,
    /// False after a poll found what the hub had not sent, until it sends again.
    pub is_reliable: bool,
    /// Requests to the hub that it has not confirmed.
    pub unconfirmed: u32,
    /// What is wrong, in words.
    pub error: Option<String>,
}

impl Subscription {
    /// Whether polls need only make sure that the hub forgot nothing.
    #[must_use]
    pub fn is_relied_on(&self, now: Timestamp) -> bool {
        self.is_reliable && self.leased_until.is_some_and(|until| until > now)
    }
}

/// What a hub sent of a feed, its signature verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push {
    /// The feed's URL, as its sources ask for it.
    pub feed: String,
    /// `Content-Type` as sent.
    pub content_type: Option<String>,
    /// The document: the whole feed, or what is new of it.
    pub body: Bytes,
}

/// What became of a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pushed {
    /// It is committed.
    Taken {
        /// Posts that the store had not seen.
        new_posts: u64,
    },
    /// It is no feed.
    Unreadable,
    /// No source that is polled reads the feed.
    Unwanted,
}
