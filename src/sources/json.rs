//! Any JSON API by JSON Pointers, with paging along a next-page URL.
//!
//! Position: what was handed over before (see `seen`). Scope is the API's host, native id what the
//! configuration points to. Pages after the first are read until one brings nothing new.

use async_trait::async_trait;
use serde_json::Value;

use super::resource::{
    ACCEPT_JSON, Resource, credential, host, not_modified, setup, url, wrong_form,
};
use super::seen::Seen;
use super::{PollError, Source, SourceFault, SourceSetupError, date};
use crate::config::JsonConfig;
use crate::domain::{
    Author, Batch, Body, Cursor, Engagement, HttpKey, PostKey, PostKind, Rating, RawPost, Reject,
    SourceId,
};
use crate::fetch::{Fetched, Fetcher, HeaderName, Url};

/// A mapped API.
pub(super) struct JsonSource {
    id: SourceId,
    config: JsonConfig,
    resource: Resource,
}

impl JsonSource {
    pub fn new(
        id: &SourceId,
        config: &JsonConfig,
        fetcher: &Fetcher,
    ) -> Result<Self, SourceSetupError> {
        check_pointers(id, config)?;
        let secret = match (&config.credential_header, &config.credential_file) {
            (Some(name), Some(path)) => {
                let header = HeaderName::from_bytes(name.as_bytes())
                    .map_err(|error| setup(id, "credential_header", name, error.to_string()))?;
                Some(credential(id, header, "", path)?)
            }
            (Some(name), None) => {
                let problem = "credential_file is missing".to_owned();
                return Err(setup(id, "credential_header", name, problem));
            }
            (None, Some(path)) => {
                let problem = "credential_header is missing".to_owned();
                return Err(setup(
                    id,
                    "credential_file",
                    &path.display().to_string(),
                    problem,
                ));
            }
            (None, None) => None,
        };
        let resource = Resource {
            fetcher: fetcher.clone(),
            url: url(id, "url", &config.url)?,
            accept: ACCEPT_JSON,
            credential: secret,
            obey_robots: false,
        };
        Ok(Self {
            id: id.clone(),
            config: config.clone(),
            resource,
        })
    }

    fn read(&self, cursor: &Cursor, bytes: &[u8], from: &Url) -> Result<Page, PollError> {
        parse(bytes, &self.config, &self.resource.host(), from).map_err(|problem| {
            wrong_form(
                cursor,
                SourceFault::Unreadable {
                    host: host(from),
                    expected: "the configured JSON",
                    problem,
                },
            )
        })
    }
}

fn check_pointers(id: &SourceId, config: &JsonConfig) -> Result<(), SourceSetupError> {
    let optional = [
        ("title", &config.title),
        ("author", &config.author),
        ("date", &config.date),
        ("link", &config.link),
        ("rating", &config.rating),
        ("likes", &config.likes),
        ("replies", &config.replies),
        ("next", &config.next),
    ];
    let required = [
        ("items", Some(&config.items)),
        ("item_id", Some(&config.item_id)),
        ("text", Some(&config.text)),
    ];
    let all = optional
        .into_iter()
        .map(|(key, value)| (key, value.as_ref()));
    for (key, pointer) in required.into_iter().chain(all) {
        if let Some(pointer) = pointer
            && !pointer.is_empty()
            && !pointer.starts_with('/')
        {
            let problem = format!("a JSON Pointer begins with `/`; try \"/{pointer}\"");
            return Err(setup(id, key, pointer, problem));
        }
    }
    if config.rating_best.is_nan() || config.rating_best <= 0.0 {
        let value = config.rating_best.to_string();
        return Err(setup(
            id,
            "rating_best",
            &value,
            "must be greater than 0".to_owned(),
        ));
    }
    Ok(())
}

#[async_trait]
impl Source for JsonSource {
    fn id(&self) -> &SourceId {
        &self.id
    }

    fn kind(&self) -> &'static str {
        "json"
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
        let mut page = self.read(cursor, &response.body, &response.url)?;
        let mut asked = vec![response.url.clone()];
        batch.gap = true;
        loop {
            batch.gap &= seen.is_gap(&page.posts);
            let posts = batch.posts.len();
            batch
                .posts
                .extend(page.posts.into_iter().filter(|post| seen.is_news(post)));
            batch.rejects.append(&mut page.rejects);
            let brought_news = batch.posts.len() > posts;
            let Some(next) = page.next.filter(|next| !asked.contains(next)) else {
                break;
            };
            if !brought_news {
                break;
            }
            if batch.requests >= self.config.max_pages {
                batch.capped = true;
                break;
            }
            let older = self.resource.get(next.clone()).await?;
            batch.requests += 1;
            batch.not_before = batch.not_before.max(older.pause_until);
            page = self.read(cursor, &older.body, &older.url)?;
            asked.push(next);
        }
        // Where there are further pages, only a walk that was cut short leaves something out.
        batch.gap &= batch.capped || self.config.next.is_none();
        batch.posts.sort_by_key(|post| post.published_at);
        batch.cursor = Cursor {
            position: Some(seen.encode()),
            http: Some(response.state),
        };
        Ok(batch)
    }
}

/// A page of items.
#[derive(Debug, Default)]
struct Page {
    posts: Vec<RawPost>,
    rejects: Vec<Reject>,
    /// Only within the page's own origin: a credential goes along, and so would our trust.
    next: Option<Url>,
}

fn parse(bytes: &[u8], config: &JsonConfig, scope: &str, from: &Url) -> Result<Page, String> {
    let document: Value = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let items = document
        .pointer(&config.items)
        .ok_or_else(|| format!("there is nothing at items = \"{}\"", config.items))?
        .as_array()
        .ok_or_else(|| format!("items = \"{}\" is not an array", config.items))?;
    let mut page = Page::default();
    for item in items {
        match post(item, config, scope, from) {
            Ok(post) => page.posts.push(post),
            Err(reject) => page.rejects.push(reject),
        }
    }
    page.next = config
        .next
        .as_ref()
        .and_then(|pointer| document.pointer(pointer)?.as_str())
        .filter(|next| !next.is_empty())
        .and_then(|next| from.join(next).ok())
        .filter(|next| next.origin() == from.origin());
    Ok(page)
}

fn post(item: &Value, config: &JsonConfig, scope: &str, from: &Url) -> Result<RawPost, Reject> {
    let text_at = |pointer: &str| match item.pointer(pointer) {
        Some(Value::String(text)) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => None,
    };
    let optional = |pointer: &Option<String>| pointer.as_deref().and_then(text_at);
    let number =
        |pointer: &Option<String>| optional(pointer).and_then(|text| text.parse::<f64>().ok());
    let count = |pointer: &Option<String>| {
        number(pointer)
            .filter(|n| n.is_finite())
            .map(|n| n.max(0.0) as u64)
    };
    let Some(native_id) = text_at(&config.item_id) else {
        let reason = format!("no id at item_id = \"{}\"", config.item_id);
        return Err(Reject::new(None, reason, &item.to_string()));
    };
    let (title, text) = (optional(&config.title), text_at(&config.text));
    if title.is_none() && text.is_none() {
        let reason = format!("no text at text = \"{}\"", config.text);
        return Err(Reject::new(Some(native_id), reason, &item.to_string()));
    }
    let body = |text: String| {
        if config.html {
            Body::Html(text)
        } else {
            Body::Plain(text)
        }
    };
    let rating = number(&config.rating).and_then(|stars| Rating::new(stars, config.rating_best));
    let key = PostKey {
        network: config.network.clone(),
        scope: scope.to_owned(),
        native_id,
    };
    Ok(RawPost {
        kind: if rating.is_some() {
            PostKind::Review
        } else {
            PostKind::Post
        },
        url: optional(&config.link)
            .and_then(|link| from.join(&link).ok())
            .map(String::from),
        title: title.map(body),
        author: optional(&config.author).map(|name| Author {
            native_id: name.clone(),
            handle: name,
            ..Author::default()
        }),
        engagement: Engagement {
            likes: count(&config.likes),
            replies: count(&config.replies),
            shares: None,
        },
        rating,
        published_at: optional(&config.date).as_deref().and_then(date::parse),
        ..RawPost::new(key, body(text.unwrap_or_default()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(html: bool) -> JsonConfig {
        let some = |text: &str| Some(text.to_owned());
        JsonConfig {
            url: "https://api.example/v1/reviews?page=1".into(),
            items: "/data".into(),
            item_id: "/id".into(),
            text: "/attributes/text".into(),
            html,
            title: some("/attributes/title"),
            author: some("/attributes/user/0/name"),
            date: some("/attributes/at"),
            link: some("/href"),
            rating: some("/attributes/stars"),
            rating_best: 10.0,
            likes: some("/attributes/likes"),
            replies: None,
            next: some("/links/next"),
            max_pages: 3,
            credential_header: None,
            credential_file: None,
            network: "forum".into(),
        }
    }

    const DOCUMENT: &[u8] = br#"{"data":[
      {"id":17,"href":"/r/17","attributes":{"text":"<b>no</b>","title":"T","user":[{"name":"kim"}],"at":1772360000,"stars":"8","likes":-3}},
      {"id":"18","attributes":{"text":"later","at":"never","stars":11}},
      {"attributes":{"text":"no id"}},
      {"id":"19","attributes":{}}],
      "links":{"next":"/v1/reviews?page=2"}}"#;

    #[test]
    fn pointers_map_items() {
        let from = Url::parse("https://api.example/v1/reviews?page=1").unwrap();
        let page = parse(DOCUMENT, &config(true), "api.example", &from).unwrap();
        assert_eq!((page.posts.len(), page.rejects.len()), (2, 2));
        let first = &page.posts[0];
        assert_eq!(first.key.native_id, "17");
        assert_eq!(first.url.as_deref(), Some("https://api.example/r/17"));
        assert_eq!(first.body, Body::Html("<b>no</b>".into()));
        assert_eq!(first.rating.unwrap().out_of_five(), 4.0);
        assert_eq!(first.engagement.likes, Some(0));
        assert_eq!(first.published_at.unwrap().as_second(), 1_772_360_000);
        assert_eq!(page.posts[1].rating, None);
        assert_eq!(page.posts[1].published_at, None);
        assert_eq!(
            page.rejects[1].reason,
            "no text at text = \"/attributes/text\""
        );
        assert_eq!(
            page.next.unwrap().as_str(),
            "https://api.example/v1/reviews?page=2"
        );
    }

    #[test]
    fn a_next_page_elsewhere_is_not_followed() {
        let from = Url::parse("https://api.example/").unwrap();
        let document = br#"{"data":[],"links":{"next":"http://169.254.169.254/"}}"#;
        assert_eq!(
            parse(document, &config(false), "s", &from).unwrap().next,
            None
        );
        for end in (0..DOCUMENT.len()).step_by(50) {
            assert!(parse(&DOCUMENT[..end], &config(false), "s", &from).is_err());
        }
        let wrong = parse(br#"{"data":{}}"#, &config(false), "s", &from).unwrap_err();
        assert_eq!(wrong, "items = \"/data\" is not an array");
    }
}
