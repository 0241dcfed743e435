//! RSS, Atom and JSON Feed by one conditional request.
//!
//! Position: what was handed over before (see `seen`). Network `feed`, scope the configured URL,
//! native id the guid, else a stable hash. What falls off a feed is not deleted.

mod construct;
mod discover;
mod entry;
mod hub;
mod jsonfeed;
mod model;
mod names;
mod posts;
mod read;
mod timing;
mod tree;
mod xml;

pub use discover::feed_links;
pub use model::{Enclosure, Entry, Feed, Person, Text};
pub use read::{FeedFault, read_feed};

use async_trait::async_trait;
use bytes::Bytes;

use super::resource::{Resource, blocking, host, not_modified, url, wrong_form};
use super::seen::Seen;
use super::{PollError, Source, SourceFault, SourceSetupError};
use crate::config::FeedConfig;
use crate::domain::{Batch, Cursor, HttpKey, HubNews, Push, RawPost, Reject, Rhythm, SourceId};
use crate::fetch::{Fetched, Fetcher, Url};

/// The `Accept` header for feeds.
pub const ACCEPT: &str = "application/atom+xml, application/rss+xml, application/feed+json, application/rdf+xml;q=0.9, application/xml;q=0.8, text/xml;q=0.8, application/json;q=0.7, */*;q=0.1";

/// A feed.
pub(super) struct FeedSource {
    id: SourceId,
    scope: String,
    resource: Resource,
}

impl FeedSource {
    pub fn new(
        id: &SourceId,
        config: &FeedConfig,
        fetcher: &Fetcher,
    ) -> Result<Self, SourceSetupError> {
        let resource = Resource {
            fetcher: fetcher.clone(),
            url: url(id, "url", &config.url)?,
            accept: ACCEPT,
            credential: None,
            obey_robots: config.obey_robots,
        };
        Ok(Self {
            id: id.clone(),
            scope: resource.key().url,
            resource,
        })
    }
}

#[async_trait]
impl Source for FeedSource {
    fn id(&self) -> &SourceId {
        &self.id
    }

    fn kind(&self) -> &'static str {
        "feed"
    }

    fn http_key(&self) -> Option<HttpKey> {
        Some(self.resource.key())
    }

    async fn poll(&self, cursor: &Cursor) -> Result<Batch, PollError> {
        let mut response = match self.resource.poll(cursor).await? {
            Fetched::NotModified { state, fresh_until } => {
                return Ok(not_modified(cursor, state, fresh_until));
            }
            Fetched::Fresh(response) => response,
        };
        let document = Document {
            body: response.body.clone(),
            content_type: response.content_type.take(),
            from: response.url.clone(),
            links: std::mem::take(&mut response.link),
        };
        let read = self.read(document).await;
        let mut read = read.map_err(|fault| wrong_form(cursor, fault))?;
        if !read.complete {
            // Validators of a part would make the server keep the rest from us.
            response.state.etag = None;
            response.state.last_modified = None;
        }
        let mut seen = Seen::decode(cursor.position.as_deref().unwrap_or(""));
        let gap = seen.is_gap(&read.posts);
        keep_news(&mut read.posts, &mut seen);
        Ok(Batch {
            posts: read.posts,
            rejects: read.rejects,
            not_before: response.pause_until,
            fresh_until: response.fresh_until,
            rhythm: Some(read.rhythm),
            hub: read.hub,
            gap,
            cursor: Cursor {
                position: Some(seen.encode()),
                http: Some(response.state),
            },
            requests: 1,
            ..Batch::default()
        })
    }

    async fn read_push(&self, cursor: &Cursor, push: &Push) -> Result<Option<Batch>, SourceFault> {
        let document = Document {
            body: push.body.clone(),
            content_type: push.content_type.clone(),
            from: self.resource.url.clone(),
            links: Vec::new(),
        };
        let mut read = self.read(document).await?;
        let mut seen = Seen::decode(cursor.position.as_deref().unwrap_or(""));
        keep_news(&mut read.posts, &mut seen);
        // It may hold only what is new, so it tells nothing of gaps, timing or validators.
        Ok(Some(Batch {
            posts: read.posts,
            rejects: read.rejects,
            cursor: Cursor {
                position: Some(seen.encode()),
                http: cursor.http.clone(),
            },
            ..Batch::default()
        }))
    }
}

/// A document as it came, from a poll or from a hub.
struct Document {
    body: Bytes,
    content_type: Option<String>,
    from: Url,
    /// `Link` headers.
    links: Vec<String>,
}

/// What a document says.
struct Read {
    posts: Vec<RawPost>,
    rejects: Vec<Reject>,
    rhythm: Rhythm,
    hub: HubNews,
    complete: bool,
}

impl FeedSource {
    async fn read(&self, document: Document) -> Result<Read, SourceFault> {
        let scope = self.scope.clone();
        blocking(&self.resource.host(), "a feed", move || {
            let from = &document.from;
            let feed = read_feed(&document.body, document.content_type.as_deref(), Some(from))
                .map_err(|fault| source_fault(fault, from))?;
            let (rhythm, complete) = (feed.timing.rhythm(), feed.complete);
            let hub = hub::hub(&document.links, &feed, from);
            let (posts, rejects) = posts::posts(feed, &scope);
            Ok(Read {
                posts,
                rejects,
                rhythm,
                hub,
                complete,
            })
        })
        .await
    }
}

/// Leaves what was not handed over before, oldest first, and remembers it.
fn keep_news(posts: &mut Vec<RawPost>, seen: &mut Seen) {
    posts.retain(|post| seen.is_news(post));
    posts.sort_by_key(|post| post.published_at);
}

/// What a source says of an answer that is no feed.
fn source_fault(fault: FeedFault, url: &Url) -> SourceFault {
    match fault {
        FeedFault::Page { links } => SourceFault::NotAFeed {
            host: host(url),
            links,
        },
        FeedFault::Other(problem) => SourceFault::Unreadable {
            host: host(url),
            expected: "a feed",
            problem,
        },
    }
}

#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
mod tests;
