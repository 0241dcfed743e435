//! Hacker News through Algolia's search by date: stories and comments.
//!
//! Position: JSON with `since` (seconds; the lower bound of the next search), `until` (the upper
//! bound of a gap that is still to be read) and `seen`. Hits are indexed late now and then, so each
//! search overlaps the one before. Network `hackernews`, scope empty, native id `objectID`.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::resource::{ACCEPT_JSON, Resource, base, host, setup, wrong_form};
use super::seen::Seen;
use super::{PollError, Source, SourceFault, SourceSetupError, date};
use crate::config::HackerNewsConfig;
use crate::domain::{
    Author, Batch, Body, Cursor, Engagement, HttpKey, PostKey, PostKind, RawPost, Reject, SourceId,
};
use crate::fetch::{Fetcher, Url};
use crate::runtime::Clock;

const PAGE: usize = 100;
/// The API gives 1,000 hits for one search; more are reached by a later search with an upper bound.
const MAX_PAGES: u32 = 10;
/// Pages of the first poll, which takes the newest and leaves the years before.
const FIRST_PAGES: u32 = 2;
/// How far a search reaches back into the one before, in seconds.
const OVERLAP_SECS: i64 = 30 * 60;
const SITE: &str = "https://news.ycombinator.com";

/// A search.
pub(super) struct HackerNewsSource {
    id: SourceId,
    resource: Resource,
    clock: Clock,
}

impl HackerNewsSource {
    pub fn new(
        id: &SourceId,
        config: &HackerNewsConfig,
        fetcher: &Fetcher,
        clock: &Clock,
    ) -> Result<Self, SourceSetupError> {
        if config.query.trim().is_empty() {
            let problem = "an empty query finds everything".to_owned();
            return Err(setup(id, "query", &config.query, problem));
        }
        let mut url = base(id, &config.base_url, &["api", "v1", "search_by_date"])?;
        url.query_pairs_mut()
            .append_pair("query", config.query.trim())
            .append_pair("tags", "(story,comment)")
            .append_pair("hitsPerPage", &PAGE.to_string());
        let resource = Resource {
            fetcher: fetcher.clone(),
            url,
            accept: ACCEPT_JSON,
            credential: None,
            obey_robots: false,
        };
        Ok(Self {
            id: id.clone(),
            resource,
            clock: clock.clone(),
        })
    }

    fn page_url(&self, position: &Position, page: u32) -> Url {
        let mut url = self.resource.url.clone();
        let bounds: Vec<String> = [
            position.since.map(|since| format!("created_at_i>={since}")),
            position.until.map(|until| format!("created_at_i<={until}")),
        ]
        .into_iter()
        .flatten()
        .collect();
        if !bounds.is_empty() {
            url.query_pairs_mut()
                .append_pair("numericFilters", &bounds.join(","));
        }
        url.query_pairs_mut().append_pair("page", &page.to_string());
        url
    }
}

#[async_trait]
impl Source for HackerNewsSource {
    fn id(&self) -> &SourceId {
        &self.id
    }

    fn kind(&self) -> &'static str {
        "hackernews"
    }

    /// None: each search has a URL of its own.
    fn http_key(&self) -> Option<HttpKey> {
        None
    }

    async fn poll(&self, cursor: &Cursor) -> Result<Batch, PollError> {
        let mut position = Position::decode(cursor.position.as_deref());
        let mut seen = Seen::decode(&position.seen);
        let first_poll = position.since.is_none();
        let max_pages = if first_poll { FIRST_PAGES } else { MAX_PAGES };
        let mut batch = Batch::default();
        let (mut newest, mut oldest) = (position.newest, i64::MAX);
        let mut exhausted = false;
        while batch.requests < max_pages {
            let response = self
                .resource
                .get(self.page_url(&position, batch.requests))
                .await?;
            batch.requests += 1;
            batch.not_before = batch.not_before.max(response.pause_until);
            let page = parse(&response.body).map_err(|problem| {
                wrong_form(
                    cursor,
                    SourceFault::Unreadable {
                        host: host(&response.url),
                        expected: "a search result",
                        problem,
                    },
                )
            })?;
            newest = newest.max(page.newest);
            oldest = oldest.min(page.oldest.unwrap_or(i64::MAX));
            batch
                .posts
                .extend(page.posts.into_iter().filter(|post| seen.is_news(post)));
            batch.rejects.extend(page.rejects);
            if page.items < PAGE {
                exhausted = true;
                break;
            }
        }
        // A date in the future must not pin the search.
        let newest = newest.map(|seconds| seconds.min(self.clock.now().as_second()));
        position.newest = newest;
        if exhausted || first_poll || position.until == Some(oldest) {
            position.until = None;
            position.since = newest
                .map(|seconds| seconds - OVERLAP_SECS)
                .or(position.since);
        } else {
            position.until = Some(oldest);
            batch.more = true;
            batch.capped = true;
        }
        position.seen = seen.encode();
        batch.posts.sort_by_key(|post| post.published_at);
        batch.cursor = Cursor {
            position: Some(position.encode()),
            http: None,
        };
        Ok(batch)
    }
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Position {
    since: Option<i64>,
    until: Option<i64>,
    newest: Option<i64>,
    seen: String,
}

impl Position {
    fn decode(text: Option<&str>) -> Self {
        text.and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default()
    }

    fn encode(&self) -> String {
        serde_json::json!({"since": self.since, "until": self.until, "newest": self.newest, "seen": self.seen})
            .to_string()
    }
}

/// A page of hits.
#[derive(Debug, Default)]
struct Page {
    posts: Vec<RawPost>,
    rejects: Vec<Reject>,
    items: usize,
    newest: Option<i64>,
    oldest: Option<i64>,
}

#[derive(Deserialize)]
struct Answer {
    hits: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Hit {
    #[serde(rename = "objectID")]
    object_id: String,
    created_at_i: Option<i64>,
    author: Option<String>,
    title: Option<String>,
    url: Option<String>,
    story_text: Option<String>,
    comment_text: Option<String>,
    points: Option<i64>,
    num_comments: Option<u64>,
    parent_id: Option<u64>,
    story_id: Option<u64>,
}

fn parse(bytes: &[u8]) -> Result<Page, String> {
    let answer: Answer = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let mut page = Page {
        items: answer.hits.len(),
        ..Page::default()
    };
    for item in answer.hits {
        let id = item
            .get("objectID")
            .and_then(serde_json::Value::as_str)
            .map(str::to_owned);
        let excerpt = item.to_string();
        let hit: Hit = match serde_json::from_value(item) {
            Ok(hit) => hit,
            Err(error) => {
                page.rejects
                    .push(Reject::new(id, error.to_string(), &excerpt));
                continue;
            }
        };
        if let Some(created) = hit.created_at_i {
            page.newest = page.newest.max(Some(created));
            page.oldest = Some(page.oldest.map_or(created, |oldest| oldest.min(created)));
        }
        match post(hit) {
            Some(post) => page.posts.push(post),
            None => page
                .rejects
                .push(Reject::new(id, "neither title nor text", &excerpt)),
        }
    }
    Ok(page)
}

fn post(hit: Hit) -> Option<RawPost> {
    let is_comment = hit.comment_text.is_some();
    let mut text = hit.comment_text.or(hit.story_text).unwrap_or_default();
    if text.is_empty() && hit.title.is_none() {
        return None;
    }
    if let Some(link) = hit.url.filter(|link| !link.is_empty()) {
        // The story's link is part of what was published, as the site shows it.
        let link = link
            .replace('&', "&amp;")
            .replace('"', "&quot;")
            .replace('<', "&lt;");
        text.push_str(&format!("<p><a href=\"{link}\">{link}</a></p>"));
    }
    let key = PostKey {
        network: "hackernews".to_owned(),
        scope: String::new(),
        native_id: hit.object_id,
    };
    Some(RawPost {
        kind: if is_comment {
            PostKind::Comment
        } else {
            PostKind::Post
        },
        url: Some(format!("{SITE}/item?id={}", key.native_id)),
        title: hit.title.map(Body::Plain),
        author: hit.author.map(|name| Author {
            url: Some(format!("{SITE}/user?id={name}")),
            native_id: name.clone(),
            handle: name,
            ..Author::default()
        }),
        engagement: Engagement {
            likes: hit.points.map(|points| u64::try_from(points).unwrap_or(0)),
            replies: hit.num_comments,
            shares: None,
        },
        parent_id: hit
            .parent_id
            .filter(|_| is_comment)
            .map(|id| id.to_string()),
        thread_id: hit.story_id.filter(|_| is_comment).map(|id| id.to_string()),
        published_at: hit.created_at_i.and_then(date::from_epoch),
        ..RawPost::new(key, Body::Html(text))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEARCH: &[u8] = include_bytes!("../../tests/fixtures/hackernews/search.json");

    #[test]
    fn hits_become_stories_and_comments() {
        let page = parse(SEARCH).unwrap();
        assert_eq!((page.posts.len(), page.rejects.len()), (2, 1));
        let comment = &page.posts[0];
        assert_eq!(comment.kind, PostKind::Comment);
        assert_eq!(comment.parent_id.as_deref(), Some("40100"));
        assert_eq!(comment.thread_id.as_deref(), Some("40000"));
        assert_eq!(comment.engagement.likes, None);
        let story = &page.posts[1];
        assert_eq!(
            story.url.as_deref(),
            Some("https://news.ycombinator.com/item?id=40000")
        );
        assert_eq!(story.engagement.likes, Some(12));
        assert_eq!(story.engagement.replies, Some(3));
        assert_eq!(
            story.body.as_str(),
            "<p><a href=\"https://blog.example/?a=1&amp;b=2\">https://blog.example/?a=1&amp;b=2</a></p>"
        );
        let author = story.author.as_ref().unwrap();
        assert_eq!(
            author.url.as_deref(),
            Some("https://news.ycombinator.com/user?id=pedalist")
        );
        assert_eq!(
            (page.newest, page.oldest),
            (Some(1_772_360_000), Some(1_772_350_000))
        );
    }

    #[test]
    fn no_cut_of_a_search_panics() {
        for end in (0..SEARCH.len()).step_by(50) {
            let _ = parse(&SEARCH[..end]);
        }
        assert!(parse(b"[]").is_err());
    }
}
