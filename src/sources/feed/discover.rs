//! The feeds that a web page names, for the owner who configured the page instead.
//!
//! Reads tags only; builds no tree.

use crate::fetch::Url;
use crate::sources::entities::{Declared, decode};
use crate::sources::markup::{Tag, Token, Tokens};

/// Links beyond these are not offered.
const MAX_LINKS: usize = 5;

/// Whether a document is a web page.
pub(super) fn is_html(text: &str) -> bool {
    for token in Tokens::html(text).take(20) {
        match token {
            Token::Doctype(content) => {
                return content
                    .trim_start()
                    .get(.."doctype html".len())
                    .is_some_and(|start| start.eq_ignore_ascii_case("doctype html"));
            }
            Token::Open(tag) => {
                return [
                    "html", "head", "body", "title", "meta", "link", "script", "div", "p", "h1",
                ]
                .iter()
                .any(|name| tag.name.eq_ignore_ascii_case(name));
            }
            _ => {}
        }
    }
    false
}

/// The absolute URLs of the feeds that a page names in `<link rel="alternate">`, in order.
#[must_use]
pub fn feed_links(html: &str, page: &Url) -> Vec<String> {
    let mut base: Option<Url> = None;
    let mut hrefs: Vec<String> = Vec::new();
    for token in Tokens::html(html) {
        let Token::Open(tag) = token else { continue };
        if tag.name.eq_ignore_ascii_case("base") && base.is_none() {
            base = value(&tag, "href").and_then(|href| page.join(&href).ok());
        } else if tag.name.eq_ignore_ascii_case("link") && names_feed(&tag) {
            hrefs.extend(value(&tag, "href"));
        }
    }
    let base = base.as_ref().unwrap_or(page);
    let mut links: Vec<String> = Vec::new();
    for href in hrefs {
        if let Ok(url) = base.join(&href)
            && matches!(url.scheme(), "http" | "https")
            && !links.contains(&url.to_string())
            && links.len() < MAX_LINKS
        {
            links.push(url.into());
        }
    }
    links
}

/// An attribute's value, decoded and trimmed.
fn value(tag: &Tag<'_>, name: &str) -> Option<String> {
    let value = decode(tag.attribute(name)?, &Declared::default());
    Some(value.trim().to_owned())
}

fn names_feed(tag: &Tag<'_>) -> bool {
    let rel = value(tag, "rel").unwrap_or_default();
    let has = |token: &str| {
        rel.split_whitespace()
            .any(|found| found.eq_ignore_ascii_case(token))
    };
    let kind = value(tag, "type").unwrap_or_default().to_ascii_lowercase();
    let is_feed = matches!(
        kind.split(';').next().map(str::trim),
        Some(
            "application/rss+xml"
                | "application/atom+xml"
                | "application/feed+json"
                | "application/rdf+xml"
                | "application/x.atom+xml"
        )
    );
    // `rel="feed"` needs no type.
    (has("alternate") && is_feed) || (has("feed") && (kind.is_empty() || is_feed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_names_its_feeds() {
        let page = Url::parse("https://a.example/blog/").unwrap();
        let html = "<!DOCTYPE html><html><head><base href='/b/'><LINK REL='stylesheet alternate' TYPE='application/rss+xml' HREF=' f?a=1&amp;b=2 '><link rel=alternate type=text/html href=x></head>";
        assert!(is_html(html));
        assert_eq!(
            feed_links(html, &page),
            vec!["https://a.example/b/f?a=1&b=2"]
        );
        assert!(!is_html("<rss><channel/></rss>"));
        let html = "<link rel='&#97;lternate' type='application/atom&#43;xml' href='a'><base target=x><base href='http://b.example/'><base href='http://c.example/'><link rel=feed href=f><!-- <link rel=feed href=g> --><link rel=feed type=text/html href=h><link rel=feed href='javascript:x'>";
        assert_eq!(
            feed_links(html, &page),
            vec!["http://b.example/a", "http://b.example/f"]
        );
    }
}
