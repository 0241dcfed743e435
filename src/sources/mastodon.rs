//! Mastodon's public timeline of a hashtag, on one instance.
//!
//! Position: the `min_id` from which the next page begins. Network `mastodon`, scope empty, native
//! id the status's `uri`, so that one toot found through two instances is one post. A deleted status
//! is not noticed here: the timeline does not say.

use std::collections::HashMap;

use async_trait::async_trait;
use serde::Deserialize;

use super::resource::{ACCEPT_JSON, Resource, base, credential, host, setup, wrong_form};
use super::{PollError, Source, SourceFault, SourceSetupError, date, link_header};
use crate::config::MastodonConfig;
use crate::domain::{
    Author, Batch, Body, Cursor, Engagement, HttpKey, PostKey, PostKind, RawPost, Reject, SourceId,
};
use crate::fetch::{Fetcher, Response, Url};

/// The most that the API gives on a page.
const PAGE: usize = 40;
/// Pages in one poll; 400 statuses keep a poll short, and `more` asks for the rest.
const MAX_PAGES: u32 = 10;

/// A hashtag's timeline.
pub(super) struct MastodonSource {
    id: SourceId,
    resource: Resource,
}

impl MastodonSource {
    pub fn new(
        id: &SourceId,
        config: &MastodonConfig,
        fetcher: &Fetcher,
    ) -> Result<Self, SourceSetupError> {
        let tag = config.tag.trim().trim_start_matches('#');
        if tag.is_empty() || !tag.chars().all(|c| c.is_alphanumeric() || c == '_') {
            let problem = "a hashtag has letters, digits and `_` only".to_owned();
            return Err(setup(id, "tag", &config.tag, problem));
        }
        let mut url = base(
            id,
            &config.base_url,
            &["api", "v1", "timelines", "tag", tag],
        )?;
        url.query_pairs_mut()
            .append_pair("limit", &PAGE.to_string());
        let header = crate::fetch::HeaderName::from_static("authorization");
        let token = config
            .token_file
            .as_ref()
            .map(|path| credential(id, header, "Bearer ", path))
            .transpose()?;
        let resource = Resource {
            fetcher: fetcher.clone(),
            url,
            accept: ACCEPT_JSON,
            credential: token,
            obey_robots: false,
        };
        Ok(Self {
            id: id.clone(),
            resource,
        })
    }

    fn page_url(&self, min_id: Option<&str>) -> Url {
        let mut url = self.resource.url.clone();
        if let Some(min_id) = min_id {
            url.query_pairs_mut().append_pair("min_id", min_id);
        }
        url
    }
}

#[async_trait]
impl Source for MastodonSource {
    fn id(&self) -> &SourceId {
        &self.id
    }

    fn kind(&self) -> &'static str {
        "mastodon"
    }

    /// None: each page has a URL of its own.
    fn http_key(&self) -> Option<HttpKey> {
        None
    }

    async fn poll(&self, cursor: &Cursor) -> Result<Batch, PollError> {
        let mut batch = Batch::default();
        let mut position = cursor.position.clone();
        loop {
            let first_poll = position.is_none();
            let response = match self.resource.get(self.page_url(position.as_deref())).await {
                Ok(response) => response,
                // What was read so far is kept; the rest comes at the next poll.
                Err(PollError::RateLimited { retry_at, .. }) if batch.requests > 0 => {
                    batch.not_before = batch.not_before.max(retry_at);
                    batch.more = true;
                    break;
                }
                Err(error) => return Err(error),
            };
            batch.requests += 1;
            batch.not_before = batch.not_before.max(response.pause_until);
            let mut page = parse(&response.body).map_err(|problem| {
                wrong_form(
                    cursor,
                    SourceFault::Unreadable {
                        host: host(&response.url),
                        expected: "a list of statuses",
                        problem,
                    },
                )
            })?;
            let next = newer(&response).or_else(|| page.newest_id.take());
            let moved = next.is_some() && next != position;
            position = next.or(position);
            page.posts.reverse();
            batch.posts.append(&mut page.posts);
            batch.rejects.append(&mut page.rejects);
            // The first poll takes the newest page; older posts than that are a backfill's business.
            if first_poll || page.items < PAGE || !moved {
                break;
            }
            if batch.requests >= MAX_PAGES || response.pause_until.is_some() {
                batch.more = true;
                batch.capped = batch.requests >= MAX_PAGES;
                break;
            }
        }
        batch.cursor = Cursor {
            position,
            http: None,
        };
        Ok(batch)
    }
}

/// The `min_id` of the page with newer statuses, from the `Link` header. Only this parameter is
/// taken, so that a server cannot send us elsewhere.
fn newer(response: &Response) -> Option<String> {
    let previous = link_header::targets(&response.link, "prev");
    let url = Url::parse(previous.first()?).ok()?;
    let mut pairs = url.query_pairs();
    pairs
        .find(|(name, _)| name == "min_id")
        .map(|(_, value)| value.into_owned())
        .filter(|id| !id.is_empty())
}

/// A page of a timeline.
#[derive(Debug, Default)]
struct Page {
    /// Newest first, as the API gives them.
    posts: Vec<RawPost>,
    rejects: Vec<Reject>,
    items: usize,
    newest_id: Option<String>,
}

#[derive(Deserialize)]
struct Status {
    id: String,
    uri: String,
    url: Option<String>,
    created_at: Option<String>,
    account: Account,
    #[serde(default)]
    content: String,
    #[serde(default)]
    spoiler_text: String,
    language: Option<String>,
    in_reply_to_id: Option<String>,
    in_reply_to_account_id: Option<String>,
    replies_count: Option<u64>,
    reblogs_count: Option<u64>,
    favourites_count: Option<u64>,
    reblog: Option<Box<Status>>,
}

#[derive(Deserialize)]
struct Account {
    #[serde(default)]
    id: String,
    uri: Option<String>,
    acct: String,
    url: Option<String>,
    display_name: Option<String>,
    note: Option<String>,
    followers_count: Option<i64>,
}

fn parse(bytes: &[u8]) -> Result<Page, String> {
    let items: Vec<serde_json::Value> =
        serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let mut page = Page {
        items: items.len(),
        ..Page::default()
    };
    let uris: HashMap<String, String> = items
        .iter()
        .filter_map(|item| Some((text_of(item, "id")?, text_of(item, "uri")?)))
        .collect();
    for item in items {
        let id = text_of(&item, "id");
        if page.newest_id.is_none() {
            page.newest_id.clone_from(&id);
        }
        let excerpt = item.to_string();
        match serde_json::from_value::<Status>(item) {
            Ok(status) => page.posts.push(post(status, &uris)),
            Err(error) => page
                .rejects
                .push(Reject::new(id, error.to_string(), &excerpt)),
        }
    }
    Ok(page)
}

fn text_of(item: &serde_json::Value, key: &str) -> Option<String> {
    item.get(key)
        .and_then(serde_json::Value::as_str)
        .map(str::to_owned)
}

/// `uris` are those of the page's statuses by the instance's number.
fn post(status: Status, uris: &HashMap<String, String>) -> RawPost {
    let repost_of = status.reblog.as_ref().map(|original| original.uri.clone());
    let kind = match (&repost_of, &status.in_reply_to_id) {
        (Some(_), _) => PostKind::Repost,
        (None, Some(_)) => PostKind::Reply,
        (None, None) => PostKind::Post,
    };
    // A boost has no content of its own; it repeats what it boosts.
    let content = match &status.reblog {
        Some(original) if status.content.is_empty() => original.content.clone(),
        _ => status.content,
    };
    let answers_self = status.in_reply_to_account_id.as_ref() == Some(&status.account.id);
    let parent_id = status.in_reply_to_id.map(|id| {
        let known = uris.get(&id).cloned();
        let own = || {
            status
                .uri
                .strip_suffix(&status.id)
                .map(|prefix| format!("{prefix}{id}"))
        };
        // An own earlier status has a URI of the same form. Of another's, only the number is known here.
        known
            .or_else(|| answers_self.then(own).flatten())
            .unwrap_or(id)
    });
    let key = PostKey {
        network: "mastodon".to_owned(),
        scope: String::new(),
        native_id: status.uri,
    };
    RawPost {
        kind,
        url: status.url,
        title: Some(status.spoiler_text)
            .filter(|text| !text.is_empty())
            .map(Body::Plain),
        language: status.language,
        author: Some(author(status.account)),
        engagement: Engagement {
            likes: status.favourites_count,
            replies: status.replies_count,
            shares: status.reblogs_count,
        },
        parent_id,
        repost_of,
        published_at: status.created_at.as_deref().and_then(date::parse),
        ..RawPost::new(key, Body::Html(content))
    }
}

fn author(account: Account) -> Author {
    let instance = account
        .url
        .as_deref()
        .and_then(|url| Url::parse(url).ok())
        .map(|url| host(&url));
    let handle = match (account.acct.contains('@'), instance) {
        (false, Some(instance)) => format!("{}@{instance}", account.acct),
        _ => account.acct,
    };
    let given = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    Author {
        native_id: account
            .uri
            .or_else(|| account.url.clone())
            .unwrap_or_else(|| handle.clone()),
        display_name: given(account.display_name),
        url: account.url,
        bio: given(account.note),
        // Accounts that hide their followers say -1.
        followers: account
            .followers_count
            .and_then(|count| u64::try_from(count).ok()),
        verified: false,
        handle,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMELINE: &[u8] = include_bytes!("../../tests/fixtures/mastodon/timeline.json");

    #[test]
    fn a_timeline_becomes_posts_and_one_broken_status_costs_itself() {
        let page = parse(TIMELINE).unwrap();
        assert_eq!(
            (page.posts.len(), page.rejects.len(), page.items),
            (3, 1, 4)
        );
        assert_eq!(page.newest_id.as_deref(), Some("113004"));
        let boost = &page.posts[0];
        assert_eq!(boost.kind, PostKind::Repost);
        assert_eq!(
            boost.repost_of.as_deref(),
            Some("https://rad.example/users/mo/statuses/113001")
        );
        assert_eq!(boost.body, Body::Html("<p>The range is great.</p>".into()));
        let answer = &page.posts[1];
        assert_eq!(answer.kind, PostKind::Reply);
        assert_eq!(
            answer.parent_id.as_deref(),
            Some("https://rad.example/users/mo/statuses/113001")
        );
        let author = answer.author.as_ref().unwrap();
        assert_eq!(author.handle, "ida@scooter.example");
        assert_eq!(author.native_id, "https://scooter.example/users/ida");
        assert_eq!(author.followers, Some(42));
        assert_eq!(answer.engagement.total(), 6);
        assert_eq!(
            answer.published_at.unwrap().to_string(),
            "2026-03-01T09:30:00.12Z"
        );
        let remote = page.posts[2].author.as_ref().unwrap();
        assert_eq!(remote.handle, "mo@rad.example");
        assert_eq!(remote.followers, None);
        assert_eq!(page.rejects[0].native_id.as_deref(), Some("113003"));
    }

    #[test]
    fn no_cut_of_a_timeline_panics() {
        for end in (0..TIMELINE.len()).step_by(50) {
            let _ = parse(&TIMELINE[..end]);
        }
        assert!(parse(b"\xff\xfe").is_err());
        assert!(parse(b"<html>").is_err());
    }
}
