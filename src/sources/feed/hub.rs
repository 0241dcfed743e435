//! Where a feed says that its news can be subscribed to: `Link` headers first, then the document.

use super::model::Feed;
use crate::domain::{Hub, HubNews};
use crate::fetch::Url;
use crate::sources::link_header;

/// A longer URL is none.
const MAX_URL: usize = 2_048;

/// The hub of a feed that was read from `from`. The headers decide where they name one (WebSub, 4). A feed that names
/// a hub and not itself is known by its URL there.
pub(super) fn hub(links: &[String], feed: &Feed, from: &Url) -> HubNews {
    let usable = |target: &str| {
        let url = from.join(target).ok()?;
        let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
        (is_web && url.as_str().len() <= MAX_URL).then(|| String::from(url))
    };
    let named = |relation| {
        let targets = link_header::targets(links, relation);
        targets.into_iter().find_map(usable)
    };
    let in_document = || feed.hub.as_deref().and_then(usable);
    let Some(url) = named("hub").or_else(in_document) else {
        return HubNews::None;
    };
    let topic = named("self").or_else(|| feed.own_url.as_deref().and_then(usable));
    HubNews::At(Hub {
        url,
        topic: topic.unwrap_or_else(|| from.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::feed::read_feed;

    const ATOM: &str = r#"<feed xmlns="http://www.w3.org/2005/Atom"><title>x</title><link rel="hub" href="https://hub.example/"/><link rel="self" href="/atom"/><link href="/"/></feed>"#;
    const RSS: &str = r#"<rss version="2.0" xmlns:a="http://www.w3.org/2005/Atom"><channel><title>x</title><a:link rel="HUB" href=" https://hub.example/?a=1&amp;b=2 "/><item><title>i</title><a:link rel="hub" href="https://other.example/"/></item></channel></rss>"#;
    const JSON: &str = r#"{"version":"https://jsonfeed.org/version/1.1","feed_url":"https://a.example/self","hubs":[{"type":"rssCloud","url":"https://cloud.example/"},{"type":"WebSub","url":"https://hub.example/"}],"items":[]}"#;

    fn found(document: &str, links: &[&str]) -> Option<(String, String)> {
        let from = Url::parse("https://a.example/feed").unwrap();
        let feed = read_feed(document.as_bytes(), None, Some(&from)).unwrap();
        let links: Vec<String> = links.iter().map(|link| (*link).to_owned()).collect();
        match hub(&links, &feed, &from) {
            HubNews::At(hub) => Some((hub.url, hub.topic)),
            _ => None,
        }
    }

    fn pair(hub: &str, topic: &str) -> Option<(String, String)> {
        Some((hub.to_owned(), topic.to_owned()))
    }

    #[test]
    fn documents_name_their_hub_and_themselves() {
        let atom = pair("https://hub.example/", "https://a.example/atom");
        assert_eq!(found(ATOM, &[]), atom);
        let rss = pair("https://hub.example/?a=1&b=2", "https://a.example/feed");
        assert_eq!(found(RSS, &[]), rss);
        let json = pair("https://hub.example/", "https://a.example/self");
        assert_eq!(found(JSON, &[]), json);
        let item = RSS.replace("rel=\"HUB\"", "rel=\"next\"");
        assert_eq!(found(&item, &[]), None, "an item's link is not the feed's");
    }

    #[test]
    fn headers_come_first() {
        let links = [
            "<https://h.example/>; rel=\"hub\", <https://g.example/>; rel=hub",
            "<https://a.example/t>; rel=self",
        ];
        let headers = pair("https://h.example/", "https://a.example/t");
        assert_eq!(found(ATOM, &links), headers);
    }

    #[test]
    fn what_is_no_web_address_is_no_hub() {
        for wrong in [
            "javascript:alert(1)",
            "ftp://a.example/",
            "https://",
            "mailto:a@b.example",
        ] {
            let link = format!("<{wrong}>; rel=hub");
            assert_eq!(
                found(RSS, &[&link]),
                pair("https://hub.example/?a=1&b=2", "https://a.example/feed")
            );
        }
        let long = format!("<https://a.example/{}>; rel=hub", "x".repeat(MAX_URL));
        assert_eq!(found(&ATOM.replace("rel=\"hub\"", ""), &[&long]), None);
    }
}
