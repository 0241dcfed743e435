//! App Store reviews of one app in one country, from Apple's public feed.
//!
//! Position: what was handed over before (see `seen`). The first page is asked for conditionally;
//! older pages are read until a page brings only known reviews. Apple keeps 500 reviews, so ten pages
//! are all there is. Network `appstore`, scope the app's id, native id the review's.

use async_trait::async_trait;
use serde_json::Value;

use super::resource::{ACCEPT_JSON, Resource, base, host, not_modified, setup, wrong_form};
use super::seen::Seen;
use super::{PollError, Source, SourceFault, SourceSetupError, date};
use crate::config::AppStoreConfig;
use crate::domain::{
    Author, Batch, Body, Cursor, Engagement, HttpKey, PostKey, PostKind, Rating, RawPost, Reject,
    SourceId,
};
use crate::fetch::{Fetched, Fetcher, Response};

const MAX_PAGES: u32 = 10;

/// An app's reviews in a country.
pub(super) struct AppStoreSource {
    id: SourceId,
    app_id: String,
    country: String,
    base_url: String,
    resource: Resource,
}

impl AppStoreSource {
    pub fn new(
        id: &SourceId,
        config: &AppStoreConfig,
        fetcher: &Fetcher,
    ) -> Result<Self, SourceSetupError> {
        let app_id = config.app_id.trim();
        if app_id.is_empty() || !app_id.bytes().all(|byte| byte.is_ascii_digit()) {
            let problem = "an app's id is a number, as in its store page's address".to_owned();
            return Err(setup(id, "app_id", &config.app_id, problem));
        }
        let country = config.country.trim().to_ascii_lowercase();
        if country.len() != 2 || !country.bytes().all(|byte| byte.is_ascii_lowercase()) {
            let problem = "a country has two letters, such as `us`".to_owned();
            return Err(setup(id, "country", &config.country, problem));
        }
        let url = page_url(id, &config.base_url, &country, app_id, 1)?;
        Ok(Self {
            id: id.clone(),
            app_id: app_id.to_owned(),
            country,
            base_url: config.base_url.clone(),
            resource: Resource {
                fetcher: fetcher.clone(),
                url,
                accept: ACCEPT_JSON,
                credential: None,
                obey_robots: false,
            },
        })
    }

    fn read(&self, cursor: &Cursor, response: &Response) -> Result<Page, PollError> {
        parse(&response.body, &self.app_id).map_err(|problem| {
            wrong_form(
                cursor,
                SourceFault::Unreadable {
                    host: host(&response.url),
                    expected: "a list of reviews",
                    problem,
                },
            )
        })
    }
}

fn page_url(
    id: &SourceId,
    base_url: &str,
    country: &str,
    app_id: &str,
    page: u32,
) -> Result<crate::fetch::Url, SourceSetupError> {
    let (page, app) = (format!("page={page}"), format!("id={app_id}"));
    base(
        id,
        base_url,
        &[
            country,
            "rss",
            "customerreviews",
            &page,
            &app,
            "sortBy=mostRecent",
            "json",
        ],
    )
}

#[async_trait]
impl Source for AppStoreSource {
    fn id(&self) -> &SourceId {
        &self.id
    }

    fn kind(&self) -> &'static str {
        "appstore"
    }

    fn http_key(&self) -> Option<HttpKey> {
        Some(self.resource.key())
    }

    async fn poll(&self, cursor: &Cursor) -> Result<Batch, PollError> {
        let response = match self.resource.poll(cursor).await? {
            Fetched::NotModified { state, fresh_until } => {
                return Ok(not_modified(cursor, state, fresh_until));
            }
            Fetched::Fresh(response) => response,
        };
        let mut seen = Seen::decode(cursor.position.as_deref().unwrap_or(""));
        let mut batch = Batch {
            requests: 1,
            not_before: response.pause_until,
            fresh_until: response.fresh_until,
            ..Batch::default()
        };
        let mut page = self.read(cursor, &response)?;
        batch.gap = true;
        loop {
            batch.gap &= seen.is_gap(&page.posts);
            let known = page.posts.iter().any(|post| seen.knows(&post.key));
            let empty = page.posts.is_empty();
            batch
                .posts
                .extend(page.posts.into_iter().filter(|post| seen.is_news(post)));
            batch.rejects.append(&mut page.rejects);
            // Newest first: a known review means that all older ones are known.
            batch.capped = !known && !empty && batch.requests >= MAX_PAGES;
            if known || empty || batch.capped {
                break;
            }
            let number = batch.requests + 1;
            let Ok(url) = page_url(
                &self.id,
                &self.base_url,
                &self.country,
                &self.app_id,
                number,
            ) else {
                break;
            };
            let older = self.resource.get(url).await?;
            batch.requests += 1;
            batch.not_before = batch.not_before.max(older.pause_until);
            page = self.read(cursor, &older)?;
        }
        batch.gap &= batch.capped;
        batch.posts.reverse();
        batch.cursor = Cursor {
            position: Some(seen.encode()),
            http: Some(response.state),
        };
        Ok(batch)
    }
}

/// A page of reviews, newest first.
#[derive(Debug, Default)]
struct Page {
    posts: Vec<RawPost>,
    rejects: Vec<Reject>,
}

fn parse(bytes: &[u8], app_id: &str) -> Result<Page, String> {
    let document: Value = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let feed = document.get("feed").ok_or("there is no `feed`")?;
    // No reviews: no `entry`. One: an object. More: an array.
    let entries: Vec<&Value> = match feed.get("entry") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(entries)) => entries.iter().collect(),
        Some(entry) => vec![entry],
    };
    let mut page = Page::default();
    for entry in entries {
        // Some answers begin with the app itself.
        if entry.get("im:name").is_some() && entry.get("im:rating").is_none() {
            continue;
        }
        match post(entry, app_id) {
            Ok(post) => page.posts.push(post),
            Err(reject) => page.rejects.push(reject),
        }
    }
    Ok(page)
}

fn post(entry: &Value, app_id: &str) -> Result<RawPost, Reject> {
    let label = |pointer: &str| {
        entry
            .pointer(pointer)
            .and_then(Value::as_str)
            .map(str::trim)
            .filter(|text| !text.is_empty())
    };
    let Some(native_id) = label("/id/label") else {
        return Err(Reject::new(None, "a review without id", &entry.to_string()));
    };
    let title = label("/title/label");
    let text = label("/content/label").unwrap_or("");
    if title.is_none() && text.is_empty() {
        let id = Some(native_id.to_owned());
        return Err(Reject::new(
            id,
            "neither title nor text",
            &entry.to_string(),
        ));
    }
    let key = PostKey {
        network: "appstore".to_owned(),
        scope: app_id.to_owned(),
        native_id: native_id.to_owned(),
    };
    let stars = label("/im:rating/label").and_then(|text| text.parse().ok());
    let link = entry
        .pointer("/link/attributes/href")
        .or_else(|| entry.pointer("/link/0/attributes/href"));
    Ok(RawPost {
        kind: PostKind::Review,
        url: link.and_then(Value::as_str).map(str::to_owned),
        title: title.map(|title| Body::Plain(title.to_owned())),
        author: label("/author/name/label").map(|name| author(name, label("/author/uri/label"))),
        engagement: Engagement {
            likes: label("/im:voteSum/label").and_then(|text| text.parse().ok()),
            ..Engagement::default()
        },
        rating: stars.and_then(|stars| Rating::new(stars, 5.0)),
        published_at: label("/updated/label").and_then(date::parse),
        ..RawPost::new(key, Body::Plain(text.to_owned()))
    })
}

/// The profile's URL ends in the reviewer's number, which stays when the nickname changes.
fn author(name: &str, uri: Option<&str>) -> Author {
    let number = uri
        .and_then(|uri| uri.rsplit('/').next())
        .and_then(|last| last.strip_prefix("id"))
        .filter(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()));
    Author {
        native_id: number.unwrap_or(name).to_owned(),
        handle: name.to_owned(),
        url: uri.map(str::to_owned),
        ..Author::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REVIEWS: &[u8] = include_bytes!("../../tests/fixtures/appstore/reviews.json");

    #[test]
    fn reviews_have_stars_votes_and_authors() {
        let page = parse(REVIEWS, "77").unwrap();
        assert_eq!((page.posts.len(), page.rejects.len()), (2, 1));
        let review = &page.posts[0];
        assert_eq!(review.kind, PostKind::Review);
        assert_eq!(review.key.scope, "77");
        assert_eq!(review.rating, Rating::new(1.0, 5.0));
        assert_eq!(review.engagement.likes, Some(4));
        assert_eq!(review.title, Some(Body::Plain("Cannot log in".into())));
        assert_eq!(review.author.as_ref().unwrap().native_id, "991");
        assert_eq!(review.author.as_ref().unwrap().handle, "Kurt R");
        assert_eq!(
            review.published_at.unwrap().to_string(),
            "2026-03-01T18:05:09Z"
        );
    }

    #[test]
    fn an_entry_may_be_absent_or_alone() {
        assert_eq!(parse(br#"{"feed":{}}"#, "7").unwrap().posts.len(), 0);
        let one = br#"{"feed":{"entry":{"id":{"label":"1"},"content":{"label":"Good"},"im:rating":{"label":"9"}}}}"#;
        let page = parse(one, "7").unwrap();
        assert_eq!(page.posts.len(), 1);
        assert_eq!(page.posts[0].rating, None);
        assert!(parse(b"{}", "7").is_err());
        for end in (0..REVIEWS.len()).step_by(50) {
            let _ = parse(&REVIEWS[..end], "7");
        }
    }
}
