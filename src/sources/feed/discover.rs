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

/// The absolute URLs of the feeds that a page names in `<link rel="alternate">`.
#[must_use]
pub fn feed_links(html: &str, page: &Url) -> Vec<String> {
    let mut base = page.clone();
    let mut hrefs: Vec<String> = Vec::new();
    for token in Tokens::html(html) {
        let Token::Open(tag) = token else { continue };
        if tag.name.eq_ignore_ascii_case("base") {
            if let Some(url) = tag
                .attribute("href")
                .and_then(|href| page.join(href.trim()).ok())
            {
                base = url;
            }
        } else if tag.name.eq_ignore_ascii_case("link")
            && names_feed(&tag)
            && let Some(href) = tag.attribute("href")
        {
            hrefs.push(decode(href.trim(), &Declared::default()).into_owned());
        }
    }
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

fn names_feed(tag: &Tag<'_>) -> bool {
    let has_rel = tag.attribute("rel").is_some_and(|rel| {
        rel.split_whitespace()
            .any(|token| token.eq_ignore_ascii_case("alternate"))
    });
    let kind = tag
        .attribute("type")
        .unwrap_or("")
        .trim()
        .to_ascii_lowercase();
    has_rel
        && matches!(
            kind.split(';').next().map(str::trim),
            Some(
                "application/rss+xml"
                    | "application/atom+xml"
                    | "application/feed+json"
                    | "application/rdf+xml"
                    | "application/x.atom+xml"
            )
        )
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
    }
}
