//! Bytes to raw posts, for RSS, Atom and (through `jsonfeed`) JSON Feed.
//!
//! Pure. Never panics, whatever the bytes are; an item at fault costs itself alone.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::SystemTime;

use feed_rs::model::{Entry, Feed, FeedType, Link, Person, Text};
use feed_rs::parser::Builder;
use jiff::Timestamp;

use super::discover::{feed_links, is_html};
use super::timing::{Timing, comment_counts};
use super::{jsonfeed, tidy};
use crate::domain::{Author, Body, PostKey, PostKind, RawPost, Reject};
use crate::fetch::Url;
use crate::sources::resource::host;
use crate::sources::seen::stable_id;
use crate::sources::{SourceFault, charset, date};

/// The network of posts from feeds.
pub(super) const NETWORK: &str = "feed";

/// Items beyond these are left: no feed of news has so many.
const MAX_ITEMS: usize = 10_000;

/// What a feed said.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    /// Items in the feed's order.
    pub posts: Vec<RawPost>,
    /// Items that could not be understood.
    pub rejects: Vec<Reject>,
    /// How often the feed wants to be asked.
    pub timing: Timing,
    /// Whether the whole document was there; validators of a part are not kept.
    pub complete: bool,
}

/// Parses an answer. `scope` is the configured URL, `url` the one that answered.
pub(super) fn parse(
    bytes: &[u8],
    content_type: Option<&str>,
    scope: &str,
    url: &Url,
) -> Result<Parsed, SourceFault> {
    let text = charset::decode(bytes, content_type);
    let start =
        text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}' || c == '\0');
    let unreadable = |problem: String| SourceFault::Unreadable {
        host: host(url),
        expected: "a feed",
        problem,
    };
    if start.is_empty() {
        return Err(unreadable("it is empty".to_owned()));
    }
    if start.starts_with(['{', '[']) {
        return jsonfeed::parse(start, scope, url).map_err(unreadable);
    }
    let tidied = tidy::tidy(start);
    if !matches!(tidied.root.as_str(), "rss" | "feed" | "RDF" | "entry") {
        if is_html(start) {
            return Err(SourceFault::NotAFeed {
                host: host(url),
                links: feed_links(start, url),
            });
        }
        let problem = if tidied.root.is_empty() {
            "it holds no element".to_owned()
        } else {
            let root: String = tidied.root.chars().take(40).collect();
            format!("its root is <{root}>")
        };
        return Err(unreadable(problem));
    }
    let mut parsed = match guarded(&tidied.xml, url) {
        Ok(feed) => whole(&feed, &tidied, scope),
        Err(_) => one_by_one(&tidied, scope, url),
    };
    if parsed.posts.is_empty() && !parsed.rejects.is_empty() && tidied.items.is_empty() {
        return Err(unreadable("its items cannot be read".to_owned()));
    }
    parsed.timing = Timing::read(&tidied.xml);
    parsed.complete = !tidied.truncated;
    Ok(parsed)
}

/// Runs feed-rs on a document that is tidy. It panics on some durations, hence the guard.
fn guarded(xml: &str, url: &Url) -> Result<Feed, String> {
    let parse = || {
        // One parser a document: a parser that failed once is not to be used again.
        Builder::new()
            .base_uri(Some(url.as_str()))
            .sanitize_content(false)
            .id_generator(|_, _, _| String::new())
            .timestamp_parser(|text| date::parse(text).map(|time| SystemTime::from(time).into()))
            .build()
            .parse(xml.as_bytes())
    };
    match catch_unwind(AssertUnwindSafe(parse)) {
        Ok(Ok(feed)) => Ok(feed),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("the parser failed on it".to_owned()),
    }
}

fn whole(feed: &Feed, tidied: &tidy::Tidied, scope: &str) -> Parsed {
    let mut parsed = Parsed::default();
    // Counts belong to entries by their place, which holds only if the parser left none out.
    let counts = if feed.entries.len() == tidied.items.len() {
        comment_counts(tidied)
    } else {
        Vec::new()
    };
    for (index, entry) in feed.entries.iter().take(MAX_ITEMS).enumerate() {
        match post(feed, entry, scope) {
            Ok(mut post) => {
                post.engagement.replies = counts.get(index).copied().flatten();
                parsed.posts.push(post);
            }
            Err(reject) => parsed.rejects.push(reject),
        }
    }
    parsed
}

/// The parser refused the document as a whole: each item gets a document of its own.
fn one_by_one(tidied: &tidy::Tidied, scope: &str, url: &Url) -> Parsed {
    let mut parsed = Parsed::default();
    let head_end = tidied.xml.find('>').map_or(0, |index| index + 1);
    let head = &tidied.xml[..head_end];
    let name: String = head
        .chars()
        .skip(1)
        .take_while(|c| !c.is_whitespace() && *c != '>')
        .collect();
    let (before, after) = if tidied.root == "rss" {
        ("<channel>", "</channel>")
    } else {
        ("", "")
    };
    for range in tidied.items.iter().take(MAX_ITEMS) {
        let item = &tidied.xml[range.clone()];
        let document = format!("{head}{before}{item}{after}</{name}>");
        let outcome = guarded(&document, url).and_then(|feed| {
            let entry = feed.entries.first().ok_or("it holds nothing")?;
            Ok(post(&feed, entry, scope))
        });
        match outcome {
            Ok(Ok(post)) => parsed.posts.push(post),
            Ok(Err(reject)) => parsed.rejects.push(reject),
            Err(reason) => parsed.rejects.push(Reject::new(None, reason, item)),
        }
    }
    parsed
}

fn post(feed: &Feed, entry: &Entry, scope: &str) -> Result<RawPost, Reject> {
    let link = best_link(&entry.links);
    let title = entry.title.as_ref().map(|title| body(feed, title));
    let content = entry.content.as_ref().and_then(|content| {
        let text = content
            .body
            .clone()
            .filter(|text| !text.trim().is_empty())?;
        let plain = feed.feed_type == FeedType::Atom && content.content_type.subty() == "plain";
        Some(if plain {
            Body::Plain(text)
        } else {
            Body::Html(text)
        })
    });
    let description = || {
        entry
            .media
            .iter()
            .find_map(|media| media.description.as_ref())
    };
    let text = content
        .or_else(|| entry.summary.as_ref().map(|summary| body(feed, summary)))
        .or_else(|| description().map(|text| body(feed, text)))
        .unwrap_or_else(|| Body::Plain(String::new()));
    let has_title = title
        .as_ref()
        .is_some_and(|title| !title.as_str().trim().is_empty());
    if text.as_str().trim().is_empty() && !has_title {
        let id = Some(entry.id.clone()).filter(|id| !id.is_empty());
        return Err(Reject::new(
            id,
            "neither title nor text",
            link.unwrap_or(""),
        ));
    }
    let published_at = entry
        .published
        .or(entry.updated)
        .and_then(|time| Timestamp::from_millisecond(time.timestamp_millis()).ok());
    let native_id = match entry.id.trim() {
        "" => own_id(feed, link, title.as_ref(), &text, published_at),
        id => id.to_owned(),
    };
    let key = PostKey {
        network: NETWORK.to_owned(),
        scope: scope.to_owned(),
        native_id,
    };
    let person = entry.authors.first().or(feed.authors.first());
    Ok(RawPost {
        kind: PostKind::Article,
        url: link.map(str::to_owned),
        title: title.filter(|_| has_title),
        language: entry.language.clone().or_else(|| feed.language.clone()),
        author: person.and_then(author),
        published_at,
        ..RawPost::new(key, text)
    })
}

/// An id that is the same at the next poll: the link, unless it is the feed's own; else what the item says.
fn own_id(
    feed: &Feed,
    link: Option<&str>,
    title: Option<&Body>,
    text: &Body,
    published_at: Option<Timestamp>,
) -> String {
    let home = |link: &&str| feed.links.iter().any(|own| own.href == **link);
    let shared = |link: &&str| {
        let same = |entry: &&Entry| entry.id.is_empty() && best_link(&entry.links) == Some(*link);
        feed.entries.iter().filter(same).take(2).count() > 1
    };
    if let Some(link) = link.filter(|link| !home(link) && !shared(link)) {
        return stable_id(&["link", link]);
    }
    let published = published_at
        .map(|time| time.to_string())
        .unwrap_or_default();
    match title {
        Some(title) => stable_id(&["title", title.as_str(), link.unwrap_or(""), &published]),
        None => stable_id(&["text", text.as_str(), link.unwrap_or(""), &published]),
    }
}

/// The link to the item itself: not to its comments, enclosure or editor.
fn best_link(links: &[Link]) -> Option<&str> {
    links
        .iter()
        .find(|link| {
            link.target.is_none() && link.rel.as_deref().is_none_or(|rel| rel == "alternate")
        })
        .map(|link| link.href.as_str())
}

/// RSS never says whether a text is HTML, and it nearly always is.
fn body(feed: &Feed, text: &Text) -> Body {
    let plain = feed.feed_type == FeedType::Atom && text.content_type.subty() == "plain";
    if plain {
        Body::Plain(text.content.clone())
    } else {
        Body::Html(text.content.clone())
    }
}

fn author(person: &Person) -> Option<Author> {
    let given = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
    let name = given(&person.name);
    let native_id = given(&person.uri)
        .or_else(|| name.clone())
        .or_else(|| given(&person.email))?;
    Some(Author {
        native_id,
        display_name: name,
        url: given(&person.uri),
        ..Author::default()
    })
}
