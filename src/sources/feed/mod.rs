//! RSS, Atom and JSON Feed by one conditional request.
//!
//! Position: what was handed over before (see `seen`). Network `feed`, scope the configured URL,
//! native id the guid, else a stable hash. What falls off a feed is not deleted.

mod construct;
mod discover;
mod entry;
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

use super::resource::{Resource, blocking, host, not_modified, url, wrong_form};
use super::seen::Seen;
use super::{PollError, Source, SourceFault, SourceSetupError};
use crate::config::FeedConfig;
use crate::domain::{Batch, Cursor, HttpKey, SourceId};
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
        let scope = self.scope.clone();
        let body = response.body.clone();
        let (content_type, from) = (response.content_type.take(), response.url.clone());
        let (timing, complete, mut posts, rejects) =
            blocking(&self.resource.host(), "a feed", move || {
                let mut feed = read_feed(&body, content_type.as_deref(), Some(&from))
                    .map_err(|fault| source_fault(fault, &from))?;
                let (timing, complete) = (std::mem::take(&mut feed.timing), feed.complete);
                let (posts, rejects) = posts::posts(feed, &scope);
                Ok((timing, complete, posts, rejects))
            })
            .await
            .map_err(|fault| wrong_form(cursor, fault))?;
        if !complete {
            // Validators of a part would make the server keep the rest from us.
            response.state.etag = None;
            response.state.last_modified = None;
        }
        let mut seen = Seen::decode(cursor.position.as_deref().unwrap_or(""));
        let gap = seen.is_gap(&posts);
        posts.retain(|post| seen.is_news(post));
        posts.sort_by_key(|post| post.published_at);
        Ok(Batch {
            posts,
            rejects,
            not_before: response.pause_until,
            fresh_until: response.fresh_until,
            rhythm: Some(timing.rhythm()),
            gap,
            cursor: Cursor {
                position: Some(seen.encode()),
                http: Some(response.state),
            },
            requests: 1,
            ..Batch::default()
        })
    }
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
