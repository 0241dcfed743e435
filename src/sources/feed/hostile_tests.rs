//! What hostile or broken documents can do to the reader: nothing. Each costs at most itself, in linear time.

use std::time::Duration;

use super::{Feed, read_feed};
use crate::fetch::Url;
use crate::text::processor_time;

const FIXTURES: [&[u8]; 3] = [
    include_bytes!("../../../tests/fixtures/feed/rss.xml"),
    include_bytes!("../../../tests/fixtures/feed/atom.xml"),
    include_bytes!("../../../tests/fixtures/feed/feed.json"),
];

fn read(bytes: &[u8]) -> Option<Feed> {
    let url = Url::parse("https://wheels.example/feed").expect("a URL");
    read_feed(bytes, None, Some(&url)).ok()
}

/// Reads a document and makes of it what is shown, which must bear everything too.
fn show(bytes: &[u8]) {
    for entry in read(bytes).unwrap_or_default().entries {
        for text in [entry.title, entry.summary, entry.content].iter().flatten() {
            let _ = text.safe_html();
        }
    }
}

fn titles(feed: &Feed) -> Vec<&str> {
    let title = |entry| -> Option<&str> {
        let entry: &super::Entry = entry;
        Some(entry.title.as_ref()?.body.as_str())
    };
    feed.entries.iter().filter_map(title).collect()
}

/// Ten feeds of several dialects, each with three good items.
fn ten_feeds() -> Vec<String> {
    let items = |item: &dyn Fn(usize) -> String| (1..=3).map(item).collect::<String>();
    let rss = |n| {
        format!(
            "<item><guid>{n}</guid><title>title {n} &amp; more</title><link>https://a.example/{n}</link><description>&lt;p&gt;text &#233; {n}&lt;/p&gt;</description><pubDate>Sun, 01 Mar 2026 10:0{n}:00 GMT</pubDate></item>"
        )
    };
    let cdata = |n| {
        format!(
            "<item><title><![CDATA[title {n}]]></title><content:encoded><![CDATA[<p>é {n}</p>]]></content:encoded></item>"
        )
    };
    let rdf = |n| {
        format!(
            "<item rdf:about='https://a.example/{n}'><title>title {n}</title><dc:date>2026-03-0{n}</dc:date></item>"
        )
    };
    let atom = |n| {
        format!(
            "<entry><id>urn:{n}</id><title type='html'>title &lt;b&gt;{n}&lt;/b&gt;</title><link href='/{n}'/><updated>2026-03-0{n}T10:00:00Z</updated></entry>"
        )
    };
    let xhtml = |n| {
        format!(
            "<entry><title>title {n}</title><content type='xhtml'><div xmlns='http://www.w3.org/1999/xhtml'><p>x<br/>y {n}</p></div></content></entry>"
        )
    };
    let media = |n| {
        format!(
            "<entry><title>title {n}</title><media:group><media:description>日本語 {n}</media:description></media:group></entry>"
        )
    };
    let json = |n: usize| {
        format!(
            "{{\"id\":{n},\"title\":\"title {n}\",\"content_html\":\"<p>é</p>\"}}{}",
            if n < 3 { "," } else { "" }
        )
    };
    vec![
        format!(
            "<?xml version='1.0'?><rss version='2.0'><channel><title>f</title>{}</channel></rss>",
            items(&rss)
        ),
        format!(
            "<rss version='0.91'><channel>{}</channel></rss>",
            items(&cdata)
        ),
        format!(
            "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns='http://purl.org/rss/1.0/'><channel><title>f</title></channel>{}</rdf:RDF>",
            items(&rdf)
        ),
        format!(
            "<feed xmlns='http://www.w3.org/2005/Atom'>{}</feed>",
            items(&atom)
        ),
        format!(
            "<feed xmlns='http://www.w3.org/2005/Atom' xml:base='https://b.example/'>{}</feed>",
            items(&xhtml)
        ),
        format!(
            "<a:feed xmlns:a='http://www.w3.org/2005/Atom'>{}</a:feed>",
            items(&media)
        ),
        format!(
            "<feed version='0.3' xmlns='http://purl.org/atom/ns#'>{}</feed>",
            items(&atom)
        ),
        format!(
            "<!DOCTYPE rss [<!ENTITY x 'y'>]><rss><channel><title>&x;</title>{}</channel></rss>",
            items(&rss)
        ),
        format!("<channel>{}</channel>", items(&rss)),
        format!(
            "{{\"version\":\"https://jsonfeed.org/version/1.1\",\"items\":[{}]}}",
            items(&json)
        ),
    ]
}

#[test]
fn a_cut_anywhere_keeps_the_items_before_it() {
    for feed in ten_feeds() {
        let whole = read(feed.as_bytes()).expect("a feed");
        assert_eq!(whole.entries.len(), 3, "{feed}");
        let end = if feed.starts_with('{') {
            "p>\"}"
        } else if feed.contains("<entry") {
            "</entry>"
        } else {
            "</item>"
        };
        for cut in 0..feed.len() {
            let part = read(&feed.as_bytes()[..cut]);
            // What was whole before the cut is there, and says what it said.
            let before = String::from_utf8_lossy(&feed.as_bytes()[..cut])
                .matches(end)
                .count();
            let found = part
                .as_ref()
                .map(|part| &part.entries[..])
                .unwrap_or_default();
            assert!(found.len() >= before, "cut at {cut} of {feed}");
            for (found, whole) in found.iter().zip(&whole.entries).take(before) {
                assert_eq!(
                    (&found.title, &found.link, found.published),
                    (&whole.title, &whole.link, whole.published),
                    "cut at {cut}"
                );
            }
            assert!(
                part.is_none_or(|part| !part.complete),
                "cut at {cut} of {feed}"
            );
        }
    }
}

#[test]
fn no_bit_that_flips_panics() {
    for feed in ten_feeds().iter().map(String::as_bytes).chain(FIXTURES) {
        for place in (0..feed.len()).step_by(7) {
            let mut broken = feed.to_vec();
            broken[place] ^= 1 << (place % 8);
            show(&broken);
        }
    }
}

#[test]
fn a_document_of_tags_alone_keeps_a_bounded_number_of_them() {
    let items = "<item><a/><b/><c/></item>".repeat(5000);
    for inner in [items.as_str(), &"<a/>".repeat(600_000)] {
        let feed =
            read(format!("<rss><channel><title>t</title>{inner}</channel></rss>").as_bytes());
        let feed = feed.expect("a feed");
        assert_eq!(
            (feed.entries.len(), feed.complete),
            (inner.matches("<item>").count(), !inner.starts_with("<a/>"))
        );
    }
}

#[test]
fn every_feed_reads_the_same_in_every_encoding() {
    for feed in ten_feeds() {
        let expected = read(feed.as_bytes()).expect("a feed");
        let utf_16 =
            |bytes: fn(u16) -> [u8; 2]| feed.encode_utf16().flat_map(bytes).collect::<Vec<u8>>();
        let utf_32 = |bytes: fn(u32) -> [u8; 4]| {
            feed.chars()
                .flat_map(|c| bytes(c.into()))
                .collect::<Vec<u8>>()
        };
        let mut encoded = vec![
            [b"\xef\xbb\xbf", feed.as_bytes()].concat(),
            [b"\xff\xfe", &utf_16(u16::to_le_bytes)[..]].concat(),
            [b"\xfe\xff", &utf_16(u16::to_be_bytes)[..]].concat(),
        ];
        if feed.starts_with('<') {
            encoded.extend([
                utf_16(u16::to_le_bytes),
                utf_16(u16::to_be_bytes),
                utf_32(u32::to_le_bytes),
                utf_32(u32::to_be_bytes),
            ]);
        }
        for bytes in encoded {
            let found = read(&bytes).expect("a feed");
            assert_eq!(titles(&found), titles(&expected), "{:?}", &bytes[..8]);
        }
    }
}

#[test]
fn one_hostile_item_costs_itself_alone() {
    let long = "x".repeat(100_000);
    for hostile in [
        "<title>never closed".to_owned(),
        "<title><![CDATA[never closed".to_owned(),
        "<title>a</titel></channel></rss>".to_owned(),
        "</item></item></channel>".to_owned(),
        "<link href=\"https://a.example>".to_owned(),
        "<link href='https://a.example></link><title>b".to_owned(),
        "<!-- never closed".to_owned(),
        "<a b=<c d='".to_owned(),
        "& &x; &#0; &#xFFFFFFFF; <> < / >".to_owned(),
        "\u{0}\u{1}\u{b}<title>\u{fffe}</title>".to_owned(),
        "<?php echo 1".to_owned(),
        "<!DOCTYPE x [".to_owned(),
        "<title>b</title".to_owned(),
        "<media:group>".repeat(1000),
        "<title>".repeat(5000),
        "<title>t</title>".repeat(5000),
        "<a/>".repeat(50_000),
        format!("<itunes:duration>{}</itunes:duration>", "9".repeat(25)),
        format!("<title>{long}</title>"),
        format!("<x {}>", "a='1' ".repeat(20_000)),
        format!("<x {}>", "xmlns:a='urn:x' ".repeat(20_000)),
        format!("<title>{}</title>", "&amp;".repeat(50_000)),
    ] {
        let good = |n| {
            format!(
                "<item><guid>{n}</guid><title>good {n}</title><link>https://a.example/{n}</link><description><![CDATA[<p>x</p>]]></description></item>"
            )
        };
        let feed = format!(
            "<rss version='2.0' xmlns:media='http://search.yahoo.com/mrss/'><channel>{}<item>{hostile}</item>{}{}</channel></rss>",
            good(1),
            good(2),
            good(3)
        );
        let found = read(feed.as_bytes()).expect("a feed");
        for n in 1..=3 {
            let entry = found.entries.iter().find(|entry| entry.id == n.to_string());
            let entry = entry.unwrap_or_else(|| {
                panic!("item {n} is lost to {:.60}: {:?}", hostile, titles(&found))
            });
            assert_eq!(
                entry.link.as_deref(),
                Some(&*format!("https://a.example/{n}")),
                "{hostile:.60}"
            );
            assert_eq!(
                entry.summary.as_ref().map(|text| text.body.as_str()),
                Some("<p>x</p>"),
                "{hostile:.60}"
            );
        }
    }
}

/// The best of three readings of one document, on a stack as small as those of the daemon's threads.
fn time(document: String) -> Duration {
    let run = move || {
        let times = (0..3).map(|_| {
            let start = processor_time();
            show(document.as_bytes());
            processor_time() - start
        });
        times.min().expect("three times")
    };
    std::thread::Builder::new()
        .stack_size(2 * 1024 * 1024)
        .spawn(run)
        .expect("a thread")
        .join()
        .expect("no panic")
}

#[test]
fn time_is_linear_in_the_length() {
    let rss = |inner: &str| format!("<rss><channel>{inner}</channel></rss>");
    let item = |inner: &str| rss(&format!("<item><title>t</title>{inner}</item>"));
    let many: [(&str, &dyn Fn(usize) -> String); 16] = [
        ("nesting", &|n| item(&"<a>".repeat(n))),
        ("groups", &|n| {
            item(&"<media:group><media:content>".repeat(n))
        }),
        (
            "items",
            &|n| rss(&"<item><title>t</title></item>".repeat(n)),
        ),
        ("open items", &|n| rss(&"<item><title>t".repeat(n))),
        ("entities", &|n| item(&"&amp;&x;&#65;&".repeat(n))),
        ("open entities", &|n| {
            item(&"&aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".repeat(n))
        }),
        ("sections", &|n| item(&"<![CDATA[".repeat(n))),
        ("sections with tags", &|n| {
            item(&"<x><![CDATA[</y>".repeat(n))
        }),
        ("comments", &|n| item(&"<!--".repeat(n))),
        ("declarations", &|n| item(&"<!ENTITY a [".repeat(n))),
        ("quotes", &|n| item(&"<a b=\"c' d='e\" ".repeat(n))),
        ("tags", &|n| item(&"<".repeat(n))),
        ("attributes", &|n| {
            item(&format!("<link {}/>", "a='b' ".repeat(n)))
        }),
        ("markup", &|n| {
            item(&format!(
                "<description>{}</description>",
                "&lt;b&gt;&lt;p&gt;x".repeat(n)
            ))
        }),
        ("inline", &|n| {
            item(&format!(
                "<description>{}</description>",
                "<b>x<p a='b'>".repeat(n)
            ))
        }),
        ("bomb", &|n| {
            format!(
                "<!DOCTYPE x [<!ENTITY a \"{}\"><!ENTITY b \"&a;&a;&a;\">]>{}",
                "y".repeat(400),
                item(&"&a;&b;".repeat(n))
            )
        }),
    ];
    for (name, document) in many {
        let (small, large) = (time(document(2_000)), time(document(16_000)));
        // Eight times the length; the rest is for the clock and the other tests.
        let limit = (small * 40).max(Duration::from_millis(400));
        assert!(large < limit, "{name}: {small:?}, then {large:?}");
    }
}

#[test]
fn feed_rs_finds_nothing_in_good_feeds_that_is_not_found_here() {
    let mut compared = 0;
    for feed in ten_feeds() {
        let theirs = feed_rs::parser::parse(feed.as_bytes());
        // It refuses some, and finds nothing in others.
        let Some(theirs) = theirs.ok().filter(|feed| !feed.entries.is_empty()) else {
            continue;
        };
        compared += 1;
        let ours = read(feed.as_bytes()).expect("a feed");
        assert_eq!(theirs.entries.len(), ours.entries.len(), "{feed}");
        for (theirs, ours) in theirs.entries.iter().zip(&ours.entries) {
            let title = theirs.title.as_ref().map(|title| title.content.as_str());
            assert_eq!(title, ours.title.as_ref().map(|title| title.body.as_str()));
            let time = theirs
                .published
                .or(theirs.updated)
                .map(|time| time.timestamp());
            assert_eq!(
                time,
                ours.published.map(|time| time.as_second()),
                "{title:?}"
            );
        }
    }
    assert!(compared >= 5, "{compared} feeds were compared");
}
