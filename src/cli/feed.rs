//! `overheard feed read`: what the feed reader makes of a document, for people whose feed looks wrong.
//!
//! Stores nothing. Asks the network only for a URL, through the one door that the daemon uses too.

use std::path::Path;

use anyhow::Context;
use jiff::Timestamp;
use serde::Serialize;

use super::args::Global;
use super::feed_args::ReadArgs;
use super::output::Output;
use super::{load, read_input};
use crate::config::Config;
use crate::fetch::{Fetched, Fetcher, GetRequest, Response, Url};
use crate::runtime::Clock;
use crate::sources::feed::{self, Enclosure, Entry, Feed, Person, Text, read_feed};

/// What the reader sees of a document.
#[derive(Debug, Default, Serialize)]
pub struct ShownFeed {
    /// The file or URL, as it was asked for.
    pub file: String,
    /// Whether it is a feed.
    pub ok: bool,
    /// Why it is none.
    pub error: Option<String>,
    /// Format and version, such as `rss20` or `atom10`.
    pub version: Option<&'static str>,
    /// The encoding it was read in.
    pub encoding: Option<String>,
    /// Its title, as sanitised HTML.
    pub title: Option<String>,
    /// Its page.
    pub link: Option<String>,
    /// The language that it claims.
    pub language: Option<String>,
    /// How long it wants to be left alone, in seconds.
    pub ttl_secs: Option<u64>,
    /// Its entries, in order.
    pub entries: Vec<ShownEntry>,
}

/// What the reader sees of an entry; texts are sanitised HTML.
#[derive(Debug, Serialize)]
#[expect(
    missing_docs,
    reason = "the fields are those of `sources::feed::Entry`"
)]
pub struct ShownEntry {
    pub id: String,
    pub title: Option<String>,
    pub link: Option<String>,
    pub author: Option<String>,
    pub published: Option<Timestamp>,
    pub updated: Option<Timestamp>,
    pub summary: Option<String>,
    pub content: Option<String>,
    pub tags: Vec<String>,
    pub enclosures: Vec<ShownEnclosure>,
    pub language: Option<String>,
}

/// What the reader sees of an enclosure.
#[derive(Debug, Serialize)]
#[expect(
    missing_docs,
    reason = "the fields are those of `sources::feed::Enclosure`"
)]
pub struct ShownEnclosure {
    pub url: String,
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub length: Option<u64>,
}

impl ShownFeed {
    /// Reads a document that is called `file`.
    #[must_use]
    pub fn read(file: &str, bytes: &[u8], content_type: Option<&str>, url: Option<&Url>) -> Self {
        match read_feed(bytes, content_type, url) {
            Ok(feed) => Self::of(file, &feed),
            Err(fault) => {
                let links = match &fault {
                    feed::FeedFault::Page { links } if !links.is_empty() => {
                        format!("; it names {}", links.join(", "))
                    }
                    _ => String::new(),
                };
                Self::failed(file, format!("{fault}{links}"))
            }
        }
    }

    fn of(file: &str, feed: &Feed) -> Self {
        Self {
            file: file.to_owned(),
            ok: true,
            error: None,
            version: Some(feed.version),
            encoding: Some(feed.encoding.clone()),
            title: feed.title.as_ref().map(Text::safe_html),
            link: feed.link.clone(),
            language: feed.language.clone(),
            ttl_secs: feed.ttl_secs,
            entries: feed
                .entries
                .iter()
                .map(|entry| ShownEntry::of(entry, feed))
                .collect(),
        }
    }

    fn failed(file: &str, error: String) -> Self {
        Self {
            file: file.to_owned(),
            error: Some(error),
            ..Self::default()
        }
    }
}

impl ShownEntry {
    fn of(entry: &Entry, feed: &Feed) -> Self {
        let author = entry.author.as_ref().or(feed.author.as_ref());
        Self {
            id: entry.id.clone(),
            title: entry.title.as_ref().map(Text::safe_html),
            link: entry.link.clone(),
            author: author.and_then(Person::shown).map(str::to_owned),
            published: entry.published,
            updated: entry.updated,
            summary: entry.summary.as_ref().map(Text::safe_html),
            content: entry.content.as_ref().map(Text::safe_html),
            tags: entry.tags.clone(),
            enclosures: entry.enclosures.iter().map(ShownEnclosure::of).collect(),
            language: entry.language.clone(),
        }
    }
}

impl ShownEnclosure {
    fn of(enclosure: &Enclosure) -> Self {
        Self {
            url: enclosure.url.clone(),
            kind: enclosure.kind.clone(),
            length: enclosure.length,
        }
    }
}

/// Reads a document or a list of them.
///
/// # Errors
/// When the list or the input can't be read, or the URL is none; a document that is no feed is an answer.
pub async fn read(global: &Global, args: ReadArgs, output: &Output) -> anyhow::Result<i32> {
    if let Some(list) = &args.list {
        let lines = String::from_utf8(read_input(list)?)
            .with_context(|| format!("{} is not UTF-8", list.display()))?;
        for line in lines.lines().filter(|line| !line.trim().is_empty()) {
            let mut fields = line.split('\t');
            let path = fields.next().unwrap_or_default();
            let content_type = fields.next().unwrap_or_default();
            let shown = of_file(path, content_type, fields.next().unwrap_or_default()).await;
            output.json(&shown)?;
        }
        return Ok(0);
    }
    let input = args.input.unwrap_or_default();
    let content_type = args.content_type.unwrap_or_default();
    let base = args.url.unwrap_or_default();
    let shown = if input.starts_with("http://") || input.starts_with("https://") {
        of_url(&load(global)?, &input, content_type, &base).await?
    } else {
        let bytes = read_input(Path::new(&input))?;
        of_bytes(&input, bytes, content_type, base_url(&base)?).await
    };
    let status = i32::from(!shown.ok);
    output.json(&shown)?;
    Ok(status)
}

async fn of_file(path: &str, content_type: &str, base: &str) -> ShownFeed {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => return ShownFeed::failed(path, format!("could not read it: {error}")),
    };
    match base_url(base) {
        Ok(base) => of_bytes(path, bytes, content_type.to_owned(), base).await,
        Err(error) => ShownFeed::failed(path, error.to_string()),
    }
}

async fn of_url(
    config: &Config,
    input: &str,
    content_type: String,
    base: &str,
) -> anyhow::Result<ShownFeed> {
    let response = match get(config, &web_url(input)?).await {
        Ok(response) => response,
        Err(error) => return Ok(ShownFeed::failed(input, format!("{error:#}"))),
    };
    let content_type = if content_type.is_empty() {
        response.content_type.unwrap_or_default()
    } else {
        content_type
    };
    let base = base_url(base)?.unwrap_or(response.url);
    Ok(of_bytes(input, response.body.to_vec(), content_type, Some(base)).await)
}

/// Reads on a thread that may block; whatever happens there, it is an answer.
async fn of_bytes(
    file: &str,
    bytes: Vec<u8>,
    content_type: String,
    base: Option<Url>,
) -> ShownFeed {
    let name = file.to_owned();
    let read = tokio::task::spawn_blocking(move || {
        let content_type = (!content_type.is_empty()).then_some(content_type.as_str());
        ShownFeed::read(&name, &bytes, content_type, base.as_ref())
    });
    read.await
        .unwrap_or_else(|_| ShownFeed::failed(file, "the reader failed on it".to_owned()))
}

/// Fetches a URL as the daemon would, once and unconditionally.
///
/// # Errors
/// What kept the answer away, or a configuration of `[fetch]` that can't work.
pub(super) async fn get(config: &Config, url: &Url) -> anyhow::Result<Response> {
    let fetcher = Fetcher::new(&config.fetch, Clock::system())?;
    let request = GetRequest {
        url: url.clone(),
        accept: feed::ACCEPT,
        state: None,
        credential: None,
        obey_robots: true,
    };
    match fetcher.get(request).await? {
        Fetched::Fresh(response) => Ok(response),
        Fetched::NotModified { .. } => {
            anyhow::bail!("{url} answered 304 to a request without conditions")
        }
    }
}

/// A URL that can be fetched.
///
/// # Errors
/// When it is no http or https URL.
pub(super) fn web_url(text: &str) -> anyhow::Result<Url> {
    let url = Url::parse(text).with_context(|| {
        format!("\"{text}\" is no URL; write it whole, such as https://example.com/feed.xml")
    })?;
    anyhow::ensure!(
        matches!(url.scheme(), "http" | "https"),
        "\"{text}\": only http and https URLs can be read"
    );
    Ok(url)
}

fn base_url(text: &str) -> anyhow::Result<Option<Url>> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    Url::parse(text.trim())
        .map(Some)
        .with_context(|| format!("the base \"{text}\" is no URL"))
}
