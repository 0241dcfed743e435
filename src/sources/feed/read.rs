//! Bytes to a feed, whatever they are: the encoding, then the format, then the entries one by one.
//!
//! Pure, and never panics. Time is linear in the length: the tree is built in one pass, its depth is
//! capped, and no element is looked at more often than there are names to look for.

use super::discover::{feed_links, is_html};
use super::model::Feed;
use super::tree::Tree;
use super::{jsonfeed, xml};
use crate::fetch::Url;
use crate::sources::charset;

/// Why a document is no feed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FeedFault {
    /// It is a web page, which may name feeds.
    #[error("it is an HTML page, not a feed")]
    Page {
        /// The feeds that the page names, absolute.
        links: Vec<String>,
    },
    /// It is something else, or nothing.
    #[error("{0}")]
    Other(String),
}

/// Reads a document. `content_type` is the HTTP header's value, `url` where the document came from.
///
/// # Errors
/// Only when the document is no feed at all; a broken one gives what is whole in it.
pub fn read_feed(
    bytes: &[u8],
    content_type: Option<&str>,
    url: Option<&Url>,
) -> Result<Feed, FeedFault> {
    let decoded = charset::decode_named(bytes, content_type);
    let text = decoded
        .text
        .trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}' || c == '\0');
    if text.is_empty() {
        return Err(FeedFault::Other("it is empty".to_owned()));
    }
    let mut feed = if text.starts_with(['{', '[']) {
        jsonfeed::read(text, url).map_err(FeedFault::Other)?
    } else {
        read_xml(text, url)?
    };
    feed.encoding = decoded.encoding;
    Ok(feed)
}

fn read_xml(text: &str, url: Option<&Url>) -> Result<Feed, FeedFault> {
    let page = || FeedFault::Page {
        links: url.map(|url| feed_links(text, url)).unwrap_or_default(),
    };
    match Tree::read(text) {
        Ok(tree) => {
            let feed = xml::read(&tree, url);
            // A script on a page can hold the beginning of a feed.
            if feed.entries.is_empty() && feed.title.is_none() && is_html(text) {
                return Err(page());
            }
            Ok(feed)
        }
        Err(_) if is_html(text) => Err(page()),
        Err("") => Err(FeedFault::Other("it holds no element".to_owned())),
        Err(root) => {
            let root: String = root.chars().take(40).collect();
            Err(FeedFault::Other(format!("its root is <{root}>")))
        }
    }
}
