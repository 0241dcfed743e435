//! Feeds from fixtures, and what hostile or careless servers send.

use super::posts::posts;
use super::{Feed, read_feed, source_fault};
use crate::domain::{Body, RawPost, Reject};
use crate::fetch::Url;
use crate::sources::SourceFault;

const RSS: &[u8] = include_bytes!("../../../tests/fixtures/feed/rss.xml");
const ATOM: &[u8] = include_bytes!("../../../tests/fixtures/feed/atom.xml");
const JSON: &[u8] = include_bytes!("../../../tests/fixtures/feed/feed.json");

/// A feed and the posts that it becomes.
#[derive(Debug)]
struct Parsed {
    feed: Feed,
    posts: Vec<RawPost>,
    rejects: Vec<Reject>,
}

fn read(bytes: &[u8]) -> Result<Parsed, SourceFault> {
    let url = Url::parse("https://wheels.example/feed").unwrap();
    let feed = read_feed(bytes, None, Some(&url)).map_err(|fault| source_fault(fault, &url))?;
    let (posts, rejects) = posts(feed.clone(), "https://wheels.example/feed");
    Ok(Parsed {
        feed,
        posts,
        rejects,
    })
}

fn titles(bytes: &[u8]) -> Vec<String> {
    let parsed = read(bytes).unwrap();
    let title = |post: &crate::domain::RawPost| post.title.as_ref().map(|t| t.as_str().to_owned());
    parsed.posts.iter().filter_map(title).collect()
}

#[test]
fn rss_items_become_posts() {
    let parsed = read(RSS).unwrap();
    assert_eq!((parsed.posts.len(), parsed.rejects.len()), (3, 1));
    assert_eq!(parsed.feed.timing.minutes, Some(45));
    assert!(parsed.feed.complete);
    let first = &parsed.posts[0];
    assert_eq!(first.key.native_id, "w-1");
    assert_eq!(first.key.scope, "https://wheels.example/feed");
    assert_eq!(
        first.url.as_deref(),
        Some("https://wheels.example/2026/voltra-s2")
    );
    assert_eq!(
        first.body,
        Body::Html("<p>We rode it for <b>a week</b>. 😀</p>".into())
    );
    assert_eq!(
        first.author.as_ref().unwrap().display_name.as_deref(),
        Some("Nora Quist")
    );
    assert_eq!(first.engagement.replies, Some(4));
    assert_eq!(first.language.as_deref(), Some("en-GB"));
    assert_eq!(
        first.published_at.unwrap().to_string(),
        "2026-03-01T08:00:00Z"
    );
    assert_eq!(parsed.posts[1].body.as_str(), "Café ride <em>today</em>");
    assert_eq!(
        parsed.posts[1].published_at.unwrap().to_string(),
        "2026-03-01T07:00:00Z"
    );
    assert_eq!(parsed.posts[2].published_at, None);
    assert_eq!(parsed.rejects[0].native_id.as_deref(), Some("empty-1"));
}

#[test]
fn atom_entries_become_posts() {
    let parsed = read(ATOM).unwrap();
    let [first, second] = &parsed.posts[..] else {
        panic!("{parsed:?}")
    };
    assert_eq!(first.title, Some(Body::Plain("1 < 2".into())));
    assert!(
        first.body.as_str().contains("<p>Battery <em>fine</em></p>"),
        "{:?}",
        first.body
    );
    assert_eq!(
        first.author.as_ref().unwrap().native_id,
        "https://notes.example/sam"
    );
    assert_eq!(
        first.published_at.unwrap().to_string(),
        "2026-02-28T08:00:00Z"
    );
    assert_eq!(second.title, Some(Body::Html("A &amp; B".into())));
    assert_eq!(second.body, Body::Plain("plain words".into()));
    assert_eq!(second.url.as_deref(), Some("https://wheels.example/2"));
    assert_eq!(second.author.as_ref().unwrap().native_id, "Guest");
}

#[test]
fn json_feed_items_become_posts_even_with_a_bom_and_numeric_ids() {
    let with_bom = [b"\xef\xbb\xbf", JSON].concat();
    let parsed = read(&with_bom).unwrap();
    assert_eq!((parsed.posts.len(), parsed.rejects.len()), (2, 1));
    assert_eq!(parsed.posts[0].key.native_id, "7");
    assert_eq!(parsed.posts[0].language.as_deref(), Some("de"));
    assert_eq!(parsed.posts[1].key.native_id.len(), 32);
}

#[test]
fn items_without_a_guid_keep_their_id_while_others_come_and_go() {
    let before = read(RSS).unwrap().posts;
    let text = std::str::from_utf8(RSS).unwrap();
    let grown = text.replacen(
        "<item>",
        "<item><title>New</title><link>https://wheels.example/new</link></item><item>",
        1,
    );
    let after = read(grown.replace("Caf&eacute;", "Coffee").as_bytes())
        .unwrap()
        .posts;
    assert_eq!(after.len(), before.len() + 1);
    for (old, new) in before.iter().zip(&after[1..]) {
        assert_eq!(old.key, new.key);
    }
}

#[test]
fn an_id_that_different_items_share_is_none() {
    let item = |id: &str, n: u8| {
        format!(
            "<item><guid isPermaLink='false'>{id}</guid><title>{n}</title><link>https://wheels.example/{n}</link></item>"
        )
    };
    let ids = |items: String| -> Vec<String> {
        let parsed = read(format!("<rss><channel>{items}</channel></rss>").as_bytes()).unwrap();
        parsed
            .posts
            .into_iter()
            .map(|post| post.key.native_id)
            .collect()
    };
    let before = ids(item("same", 1) + &item("same", 2) + &item("own", 3));
    let after = ids(item("same", 4) + &item("same", 1) + &item("same", 2) + &item("own", 3));
    assert_ne!(before[0], before[1]);
    assert_eq!(before[2], "own");
    assert_eq!(after[1..], before[..]);
    // The same item twice is one item.
    assert_eq!(ids(item("same", 1) + &item("same", 1)), ["same", "same"]);
}

#[test]
fn broken_feeds_give_what_is_good_in_them() {
    let good = "<item><guid>1</guid><title>good</title></item>";
    for (broken, expected) in [
        (format!("<rss version='2.0'><channel>{good}<item><title>A & B"), vec!["good", "A & B"]),
        (format!("<rss><channel>{good}<item><title>no version</title></item>"), vec!["good", "no version"]),
        (format!("<rss version=\"3.7\"><channel>{good}</channel></rss>"), vec!["good"]),
        (format!("<rss><channel>{good}<item><title>x</titel></item></channel></rss>"), vec!["good", "x"]),
        (format!("<rss><channel>{good}<item><title><![CDATA[open</title></item></channel></rss>"), vec!["good", "open"]),
        (format!("<rss><channel>{good}<item><itunes:duration>{}</itunes:duration><title>long</title></item></channel></rss>", "9".repeat(25)), vec!["good", "long"]),
        ("<feed version='0.3' xmlns='http://purl.org/atom/ns#'><entry><id>1</id><title>old</title><issued>2004-01-01T00:00:00Z</issued></entry></feed>".to_owned(), vec!["old"]),
        ("<feed xmlns='http://www.w3.org/2005/Atom'><entry><id>1</id><title>t</title><content type='nonsense'>x</content></entry></feed>".to_owned(), vec!["t"]),
        ("<feed xmlns='http://www.w3.org/2005/Atom'><entry><id>1</id><title>t</title><content type='text'/></entry><entry><id>2</id><title>u</title></entry></feed>".to_owned(), vec!["u"]),
    ] {
        let found = titles(broken.as_bytes());
        assert!(expected.iter().all(|title| found.iter().any(|t| t == title)), "{broken}: {found:?}");
    }
    let latin = b"<?xml version='1.0'?><rss><channel><item><title>Caf\xe9 au lait pour la premi\xe8re fois</title></item></channel></rss>";
    assert_eq!(titles(latin), ["Café au lait pour la première fois"]);
    let utf16: Vec<u8> = "<rss><channel><item><title>wide</title></item></channel></rss>"
        .encode_utf16()
        .flat_map(u16::to_be_bytes)
        .collect();
    assert_eq!(titles(&utf16), ["wide"]);
}

#[test]
fn a_part_of_a_feed_says_that_it_is_one() {
    assert!(!read(&RSS[..RSS.len() - 40]).unwrap().feed.complete);
}

#[test]
fn endless_nesting_neither_overflows_nor_hides_other_items() {
    for name in ["media:group", "media:content", "itunes:category", "x"] {
        let nested = format!("<{name}>").repeat(100_000);
        let feed = format!(
            "<rss xmlns:media='http://search.yahoo.com/mrss/'><channel><item><title>a</title>{nested}</item><item><title>b</title></item></channel></rss>"
        );
        // The thread's stack is as small as those that parse in the daemon.
        let titles = std::thread::Builder::new()
            .stack_size(2 * 1024 * 1024)
            .spawn(move || titles(feed.as_bytes()))
            .unwrap()
            .join()
            .unwrap();
        assert_eq!(titles.last().map(String::as_str), Some("b"), "{name}");
    }
}

#[test]
fn what_is_no_feed_is_named() {
    let html = b"<!doctype html><html><head><link rel=alternate type='application/rss+xml' href='/rss.xml'></head><body>hi";
    assert_eq!(
        read(html).unwrap_err().to_string(),
        "wheels.example: the answer is an HTML page, not a feed; did you mean https://wheels.example/rss.xml"
    );
    assert_eq!(
        read(b"<svg/>").unwrap_err().to_string(),
        "wheels.example: the answer is not a feed: its root is <svg>"
    );
    assert_eq!(
        read(b"  ").unwrap_err().to_string(),
        "wheels.example: the answer is not a feed: it is empty"
    );
    assert!(read(b"{\"a\":1}").is_err());
    assert!(read(b"{\"items\":").is_err());
    assert_eq!(
        read(b"<rss><channel></channel></rss>").unwrap().posts.len(),
        0
    );
}

#[test]
fn no_cut_and_no_garbage_panics() {
    for bytes in [RSS, ATOM, JSON] {
        for end in (0..bytes.len()).step_by(50) {
            let _ = read(&bytes[..end]);
            let mut broken = bytes.to_vec();
            broken[end] = 0xff;
            let _ = read(&broken);
        }
    }
    let huge = format!(
        "<rss><channel>{}</channel></rss>",
        "<item><title>t</title></item>".repeat(12_000)
    );
    assert_eq!(read(huge.as_bytes()).unwrap().posts.len(), 10_000);
}
