//! What a feed says, whatever it is written in. Nothing is cleaned or shortened here.

use jiff::Timestamp;

use super::timing::Timing;
use crate::domain::Body;
use crate::fetch::Url;
use crate::text::{plain_html, sanitize_feed_html};

/// A feed that was read.
#[derive(Debug, Clone, Default)]
pub struct Feed {
    /// Format and version: `rss20`, `rss10`, `atom10`, `json11`, `cdf`; `rss` or `atom` where the version is unknown.
    pub version: &'static str,
    /// The encoding that the document was read in, in lower case.
    pub encoding: String,
    /// The feed's title.
    pub title: Option<Text>,
    /// The page that the feed belongs to, absolute where a base is known.
    pub link: Option<String>,
    /// The language that it claims, as written.
    pub language: Option<String>,
    /// The WebSub hub that it names, as written.
    pub hub: Option<String>,
    /// What it calls itself (`rel="self"`), as written.
    pub own_url: Option<String>,
    /// `ttl` in seconds, as the feed states it.
    pub ttl_secs: Option<u64>,
    /// The feed's author, who wrote the entries that name nobody.
    pub author: Option<Person>,
    /// Entries in the feed's order.
    pub entries: Vec<Entry>,
    /// The whole document was there; of a part, what was there.
    pub complete: bool,
    /// How often the feed wants to be asked.
    pub(super) timing: Timing,
}

/// An entry of a feed.
#[derive(Debug, Clone, Default)]
pub struct Entry {
    /// The id that the feed gives, or one that stays the same as long as the entry does.
    pub id: String,
    /// The entry's title.
    pub title: Option<Text>,
    /// The entry's page, absolute where a base is known.
    pub link: Option<String>,
    /// Who wrote it, as the entry says.
    pub author: Option<Person>,
    /// When it was published; when it was updated where that is all that is said.
    pub published: Option<Timestamp>,
    /// When it was updated.
    pub updated: Option<Timestamp>,
    /// A summary, or a description that may be the whole text.
    pub summary: Option<Text>,
    /// The content.
    pub content: Option<Text>,
    /// Categories and keywords.
    pub tags: Vec<String>,
    /// Files that belong to it.
    pub enclosures: Vec<Enclosure>,
    /// The language of its text: its own, else the feed's.
    pub language: Option<String>,
    /// How many comments it has.
    pub comments: Option<u64>,
}

/// A person: each part may be missing, but not all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Person {
    /// The name.
    pub name: Option<String>,
    /// The e-mail address.
    pub email: Option<String>,
    /// The home page.
    pub url: Option<String>,
}

impl Person {
    /// The person, unless nothing is known.
    pub(super) fn known(self) -> Option<Self> {
        (self != Self::default()).then_some(self)
    }

    /// How the person is shown: the name, else the address, else the page.
    #[must_use]
    pub fn shown(&self) -> Option<&str> {
        let parts = [&self.name, &self.email, &self.url];
        parts.into_iter().find_map(Option::as_deref)
    }
}

/// A file that belongs to an entry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Enclosure {
    /// Where it is, absolute where a base is known.
    pub url: String,
    /// Its media type, as written.
    pub kind: Option<String>,
    /// Its length in bytes.
    pub length: Option<u64>,
}

/// A text and how it is written.
#[derive(Debug, Clone, PartialEq)]
pub struct Text {
    /// The text as it came, markup included.
    pub body: Body,
    /// What relative links in it are relative to.
    pub base: Option<Url>,
}

impl Text {
    /// The text as HTML that may be shown: sanitised, links absolute.
    #[must_use]
    pub fn safe_html(&self) -> String {
        match &self.body {
            Body::Html(html) => sanitize_feed_html(html, self.base.as_ref()),
            Body::Plain(text) => plain_html(text),
        }
    }
}
