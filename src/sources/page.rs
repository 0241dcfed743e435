//! Items on an HTML page by CSS selectors. robots.txt is always obeyed.
//!
//! Position: what was handed over before (see `seen`). Scope is the page's host; the native id is the
//! item's own link, else a hash of what it says.

use std::collections::HashSet;

use async_trait::async_trait;
use scraper::{ElementRef, Html, Selector};

use super::resource::{Resource, blocking, host, not_modified, setup, url, wrong_form};
use super::seen::{Seen, stable_id};
use super::{PollError, Source, SourceFault, SourceSetupError, charset, date};
use crate::config::PageConfig;
use crate::domain::{
    Author, Batch, Body, Cursor, HttpKey, PostKey, PostKind, Rating, RawPost, Reject, SourceId,
};
use crate::fetch::{Fetched, Fetcher, Url};
use crate::text::html_excess;

const ACCEPT: &str = "text/html, application/xhtml+xml;q=0.9, */*;q=0.1";
/// Items beyond these are left.
const MAX_ITEMS: usize = 2_000;

/// A page.
pub(super) struct PageSource {
    id: SourceId,
    config: PageConfig,
    resource: Resource,
}

impl PageSource {
    pub fn new(
        id: &SourceId,
        config: &PageConfig,
        fetcher: &Fetcher,
    ) -> Result<Self, SourceSetupError> {
        Selectors::read(config).map_err(|(key, value, problem)| setup(id, key, &value, problem))?;
        if config.rating_best.is_nan() || config.rating_best <= 0.0 {
            let value = config.rating_best.to_string();
            return Err(setup(
                id,
                "rating_best",
                &value,
                "must be greater than 0".to_owned(),
            ));
        }
        let resource = Resource {
            fetcher: fetcher.clone(),
            url: url(id, "url", &config.url)?,
            accept: ACCEPT,
            credential: None,
            obey_robots: true,
        };
        Ok(Self {
            id: id.clone(),
            config: config.clone(),
            resource,
        })
    }
}

#[async_trait]
impl Source for PageSource {
    fn id(&self) -> &SourceId {
        &self.id
    }

    fn kind(&self) -> &'static str {
        "page"
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
        let (config, scope) = (self.config.clone(), self.resource.host());
        let (body, from) = (response.body.clone(), response.url.clone());
        let content_type = response.content_type.take();
        let page = blocking(&self.resource.host(), "a page", move || {
            let text = charset::decode(&body, content_type.as_deref());
            parse(&text, &config, &scope, &from).map_err(|problem| SourceFault::Unreadable {
                host: host(&from),
                expected: "a page",
                problem,
            })
        })
        .await
        .map_err(|fault| wrong_form(cursor, fault))?;
        let mut seen = Seen::decode(cursor.position.as_deref().unwrap_or(""));
        let mut posts = page.posts;
        let gap = seen.is_gap(&posts);
        posts.retain(|post| seen.is_news(post));
        posts.sort_by_key(|post| post.published_at);
        Ok(Batch {
            posts,
            rejects: page.rejects,
            not_before: response.pause_until,
            fresh_until: response.fresh_until,
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

/// The configured selectors, parsed. Not shared between threads, so each parse reads them anew.
struct Selectors {
    item: Selector,
    text: Selector,
    title: Option<Selector>,
    author: Option<Selector>,
    date: Option<Selector>,
    link: Option<Selector>,
    rating: Option<Selector>,
}

/// Key, value and problem of a selector that cannot work.
type BadSelector = (&'static str, String, String);

impl Selectors {
    fn read(config: &PageConfig) -> Result<Self, BadSelector> {
        let one = |key: &'static str, text: &str| {
            Selector::parse(text).map_err(|error| (key, text.to_owned(), error.to_string()))
        };
        let maybe = |key: &'static str, text: &Option<String>| {
            text.as_deref().map(|text| one(key, text)).transpose()
        };
        Ok(Self {
            item: one("item", &config.item)?,
            text: one("text", &config.text)?,
            title: maybe("title", &config.title)?,
            author: maybe("author", &config.author)?,
            date: maybe("date", &config.date)?,
            link: maybe("link", &config.link)?,
            rating: maybe("rating", &config.rating)?,
        })
    }
}

/// The items of a page.
#[derive(Debug, Default)]
struct Page {
    posts: Vec<RawPost>,
    rejects: Vec<Reject>,
}

fn parse(html: &str, config: &PageConfig, scope: &str, from: &Url) -> Result<Page, String> {
    if let Some(excess) = html_excess(html) {
        return Err(format!("it has {excess}"));
    }
    let selectors = Selectors::read(config).map_err(|(_, _, problem)| problem)?;
    let document = Html::parse_document(html);
    let mut page = Page::default();
    let mut ids = HashSet::new();
    for item in document.select(&selectors.item).take(MAX_ITEMS) {
        match post(item, &selectors, config, scope, from, &mut ids) {
            Ok(post) => page.posts.push(post),
            Err(reject) => page.rejects.push(reject),
        }
    }
    if page.posts.is_empty() && page.rejects.is_empty() {
        return Err(format!("nothing matches item = \"{}\"", config.item));
    }
    Ok(page)
}

fn post(
    item: ElementRef<'_>,
    selectors: &Selectors,
    config: &PageConfig,
    scope: &str,
    from: &Url,
    ids: &mut HashSet<String>,
) -> Result<RawPost, Reject> {
    let title = first(item, selectors.title.as_ref())
        .map(text)
        .filter(|text| !text.is_empty());
    let body = first(item, Some(&selectors.text));
    let body_text = body.map(text).unwrap_or_default();
    if body_text.is_empty() && title.is_none() {
        let reason = format!("no text at text = \"{}\"", config.text);
        return Err(Reject::new(None, reason, &item.html()));
    }
    let author = first(item, selectors.author.as_ref());
    let name = author.map(text).filter(|name| !name.is_empty());
    let date_text = first(item, selectors.date.as_ref()).map(|element| {
        let stated = element.attr("datetime").or_else(|| element.attr("content"));
        stated.map_or_else(|| text(element), str::to_owned)
    });
    let link = first(item, selectors.link.as_ref())
        .and_then(|element| element.attr("href"))
        .and_then(|href| from.join(href.trim()).ok())
        .filter(|link| matches!(link.scheme(), "http" | "https"))
        .map(String::from);
    let rating = first(item, selectors.rating.as_ref())
        .and_then(stars)
        .and_then(|value| Rating::new(value, config.rating_best));
    let said = || {
        stable_id(&[
            name.as_deref().unwrap_or(""),
            date_text.as_deref().unwrap_or(""),
            title.as_deref().unwrap_or(""),
            &body_text,
        ])
    };
    // A link that several items share (the product, the top of the page) names none of them.
    let native_id = match &link {
        Some(link) if link != from.as_str() && ids.insert(link.clone()) => link.clone(),
        _ => said(),
    };
    let key = PostKey {
        network: config.network.clone(),
        scope: scope.to_owned(),
        native_id,
    };
    let kind = match (&selectors.rating, &title) {
        (Some(_), _) => PostKind::Review,
        (None, Some(_)) => PostKind::Article,
        (None, None) => PostKind::Post,
    };
    Ok(RawPost {
        kind,
        url: link.or_else(|| Some(from.to_string())),
        title: title.map(Body::Plain),
        author: name.map(|name| Author {
            native_id: name.clone(),
            display_name: Some(name),
            url: author.and_then(|element| profile(element, from)),
            ..Author::default()
        }),
        rating,
        published_at: date_text.as_deref().and_then(date::parse),
        ..RawPost::new(
            key,
            Body::Html(body.map(|body| body.inner_html()).unwrap_or_default()),
        )
    })
}

fn first<'a>(item: ElementRef<'a>, selector: Option<&Selector>) -> Option<ElementRef<'a>> {
    let selector = selector?;
    item.select(selector).next()
}

/// An element's words with single spaces.
fn text(element: ElementRef<'_>) -> String {
    let joined: String = element.text().collect();
    joined.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The author's page, when the element is, holds or lies in a link.
fn profile(element: ElementRef<'_>, from: &Url) -> Option<String> {
    let own = element.attr("href");
    let inner = || {
        element
            .descendent_elements()
            .find_map(|inner| inner.attr("href"))
    };
    let href = own.or_else(inner)?;
    let url = from.join(href.trim()).ok()?;
    matches!(url.scheme(), "http" | "https").then(|| url.into())
}

/// Stars: an attribute if there is one, else the first number in the text, else the filled stars.
fn stars(element: ElementRef<'_>) -> Option<f64> {
    for name in ["data-rating", "content"] {
        if let Some(value) = element
            .attr(name)
            .and_then(|value| value.trim().parse().ok())
        {
            return Some(value);
        }
    }
    let text = text(element);
    let start = text.find(|c: char| c.is_ascii_digit());
    match start {
        Some(start) => {
            let number: String = text[start..]
                .chars()
                .take_while(|c| c.is_ascii_digit() || matches!(c, '.' | ','))
                .collect();
            number.replace(',', ".").trim_end_matches('.').parse().ok()
        }
        None => {
            let filled = text.chars().filter(|c| *c == '★').count();
            (filled > 0).then_some(filled as f64)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REVIEWS: &str = include_str!("../../tests/fixtures/page/reviews.html");

    fn config() -> PageConfig {
        let some = |text: &str| Some(text.to_owned());
        PageConfig {
            url: "https://shop.example/voltra/reviews".into(),
            item: "article.review".into(),
            text: ".body".into(),
            title: some("h3"),
            author: some(".by"),
            date: some("time"),
            link: some("a.permalink"),
            rating: some(".stars"),
            rating_best: 5.0,
            network: "reviews".into(),
        }
    }

    fn page(html: &str) -> Result<Page, String> {
        let from = Url::parse("https://shop.example/voltra/reviews").unwrap();
        parse(html, &config(), "shop.example", &from)
    }

    #[test]
    fn selectors_map_items() {
        let page = page(REVIEWS).unwrap();
        assert_eq!((page.posts.len(), page.rejects.len()), (3, 1));
        let [first, second, third] = &page.posts[..] else {
            panic!()
        };
        assert_eq!(first.key.native_id, "https://shop.example/voltra/reviews/1");
        assert_eq!(first.rating, Rating::new(2.0, 5.0));
        assert_eq!(first.title, Some(Body::Plain("Range is a lie".into())));
        assert_eq!(first.body.as_str(), "Promised 40 km, got <b>18</b>.");
        assert_eq!(
            first.published_at.unwrap().to_string(),
            "2026-02-27T00:00:00Z"
        );
        let author = first.author.as_ref().unwrap();
        assert_eq!(author.display_name.as_deref(), Some("Bea Lind"));
        assert_eq!(author.url.as_deref(), Some("https://shop.example/u/bea"));
        assert_eq!(second.rating, Rating::new(4.5, 5.0));
        assert_eq!(third.rating, Rating::new(3.0, 5.0));
        // The third item's link is the second's, so it gets an id of its own.
        assert_eq!(third.key.native_id.len(), 32);
    }

    #[test]
    fn a_page_without_items_or_with_absurd_nesting_is_a_fault() {
        assert_eq!(
            page("<p>hello").unwrap_err(),
            "nothing matches item = \"article.review\""
        );
        let deep = "<div>".repeat(5_000);
        assert_eq!(page(&deep).unwrap_err(), "it has over 512 nested elements");
        for end in (0..REVIEWS.len())
            .step_by(50)
            .filter(|end| REVIEWS.is_char_boundary(*end))
        {
            let _ = page(&REVIEWS[..end]);
        }
    }

    #[test]
    fn a_bad_selector_is_named() {
        let bad = PageConfig {
            author: Some("a[".into()),
            ..config()
        };
        let (key, value, _) = Selectors::read(&bad).err().unwrap();
        assert_eq!((key, value.as_str()), ("author", "a["));
    }
}
