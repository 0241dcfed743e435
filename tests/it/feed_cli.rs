//! `feed read` and `sources add` as people and scripts meet them, against a server on loopback.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

use serde_json::{Value, json};

use crate::daemon::{Home, ended, overheard};

const FEED: &str = "<rss version='2.0'><channel><title>Wheels &amp; more</title><link>/</link><language>en</language><ttl>30</ttl>
<item><guid isPermaLink='false'>w-1</guid><title>1 &lt; 2</title><link>/1</link><author>ann@a.example (Ann)</author>
<pubDate>Sun, 1 Mar 2026 10:00 +0100</pubDate><category>bikes</category>
<description>&lt;p onclick=x&gt;See &lt;a href='two'&gt;two&lt;/a&gt;&lt;script&gt;x&lt;/script&gt;</description>
<enclosure url='/a.mp3' type='audio/mpeg' length='7'/></item></channel></rss>";

/// Serves these pages, path by path, for as long as the test runs; anything else is a 404.
fn serve(pages: Vec<(&'static str, &'static str, String)>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
            let mut first = String::new();
            let _ = reader.read_line(&mut first);
            let mut line = String::new();
            while reader.read_line(&mut line).is_ok_and(|length| length > 2) {
                line.clear();
            }
            let path = first.split(' ').nth(1).unwrap_or_default();
            let page = pages.iter().find(|(known, _, _)| *known == path);
            let (status, kind, body) = page.map_or(("404 Not Found", "text/plain", ""), |page| {
                ("200 OK", page.1, page.2.as_str())
            });
            let _ = write!(
                stream,
                "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
        }
    });
    format!("http://{address}")
}

fn entry(base: &str) -> Value {
    json!({
        "id": "w-1",
        "title": "1 &lt; 2",
        "link": format!("{base}/1"),
        "author": "Ann",
        "published": "2026-03-01T09:00:00Z",
        "updated": null,
        "summary": format!("<p>See <a href=\"{base}/two\">two</a></p>"),
        "content": null,
        "tags": ["bikes"],
        "enclosures": [{"url": format!("{base}/a.mp3"), "type": "audio/mpeg", "length": 7}],
        "language": "en",
    })
}

fn shown(file: &str, base: &str) -> Value {
    json!({
        "file": file,
        "ok": true,
        "error": null,
        "version": "rss20",
        "encoding": "utf-8",
        "title": "Wheels &amp; more",
        "link": format!("{base}/"),
        "language": "en",
        "ttl_secs": 1800,
        "entries": [entry(base)],
    })
}

#[test]
fn a_feed_is_shown_as_the_reader_sees_it() {
    let base = "https://a.example";
    let read = ended(
        overheard(&[
            "feed",
            "read",
            "-",
            "--url",
            "https://a.example/feed",
            "--json",
        ]),
        FEED.as_bytes(),
    );
    assert_eq!(read.json(), shown("-", base));
    let latin = b"<rss><channel><title>caf\xe9</title></channel></rss>";
    let read = ended(
        overheard(&[
            "feed",
            "read",
            "-",
            "--content-type",
            "text/xml; charset=latin1",
        ]),
        latin,
    );
    let found = read.json();
    assert_eq!(
        (&found["title"], &found["encoding"]),
        (&json!("café"), &json!("latin1"))
    );
}

#[test]
fn a_list_gives_a_line_for_each_whatever_is_in_it() {
    let home = Home::new("");
    let feed = home.file("feed.xml", FEED);
    let (feed, none) = (
        feed.display().to_string(),
        home.path("none.xml").display().to_string(),
    );
    let page = home.file("page.html", "<!doctype html><title>x</title>");
    let page = page.display().to_string();
    let list = home.file(
        "list",
        format!("{feed}\t\thttps://b.example/x\n{none}\n{page}\ttext/html\n\n{feed}\ttext/xml\thttps://c.example\n{feed}\t\tnowhere\n"),
    );
    let read = home.run(&[
        "feed",
        "read",
        "--list",
        list.to_str().expect("UTF-8"),
        "--json",
    ]);
    assert_eq!(read.status, Some(0), "{read:?}");
    let lines: Vec<Value> = read
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("an object a line"))
        .collect();
    assert_eq!(lines.len(), 5);
    assert_eq!(lines[0], shown(&feed, "https://b.example"));
    assert_eq!(
        (&lines[1]["ok"], &lines[1]["file"]),
        (&json!(false), &json!(none))
    );
    assert!(
        lines[1]["error"]
            .as_str()
            .expect("an error")
            .starts_with("could not read it")
    );
    assert_eq!(lines[2]["error"], "it is an HTML page, not a feed");
    assert_eq!(lines[2]["entries"], json!([]));
    assert_eq!(lines[3]["encoding"], "us-ascii");
    assert_eq!(lines[3]["entries"], json!([entry("https://c.example")]));
    assert_eq!(lines[4]["error"], "the base \"nowhere\" is no URL");
}

#[test]
fn a_feed_is_fetched_through_the_one_door() {
    let base = serve(vec![("/feed", "application/rss+xml", FEED.to_owned())]);
    let home = Home::new("");
    let url = format!("{base}/feed");
    assert_eq!(home.run(&["feed", "read", &url]).json(), shown(&url, &base));
    let gone = home.run(&["feed", "read", &format!("{base}/gone")]);
    assert_eq!(gone.status, Some(1), "{gone:?}");
    let gone: Value = serde_json::from_str(&gone.stdout).expect("JSON");
    assert!(
        gone["error"].as_str().expect("an error").contains("404"),
        "{gone}"
    );
    // Without leave, the address guard keeps commands from private networks as it keeps the daemon.
    let refused = ended(overheard(&["feed", "read", &url]), b"");
    assert_eq!(refused.status, Some(1), "{refused:?}");
    assert!(refused.stdout.contains("\"ok\":false"), "{refused:?}");
    home.run(&["feed", "read", "no-such-file.xml"])
        .refused(&["no-such-file.xml", "name a file, or - for stdin"]);
}

#[test]
fn a_source_is_found_shown_and_written() {
    let page = "<!doctype html><link rel=alternate type='application/rss+xml' href='/feed'><link rel=alternate type='application/atom+xml' href='/comments'>";
    let base = serve(vec![
        ("/", "text/html", page.to_owned()),
        ("/feed", "application/rss+xml", FEED.to_owned()),
        (
            "/comments",
            "application/atom+xml",
            "<feed xmlns='http://www.w3.org/2005/Atom'><title>Comments</title></feed>".to_owned(),
        ),
        (
            "/none",
            "text/html",
            "<!doctype html><p>no feeds".to_owned(),
        ),
    ]);
    let home = Home::new("");
    let block = |id: &str, path: &str| {
        format!("[[sources]]\nid = \"{id}\"\ntype = \"feed\"\nurl = \"{base}{path}\"\n")
    };

    let found = home.run(&["sources", "add", &base]);
    assert_eq!(
        (found.status, &found.stdout),
        (Some(0), &block("127-0-0-1", "/feed")),
        "{found:?}"
    );
    for words in [
        "Wheels & more",
        "rss20, 1 entry,",
        "newest 2026-03-01 09:00 UTC",
        "1 < 2",
        "2. ",
    ] {
        assert!(found.stderr.contains(words), "{words}: {found:?}");
    }
    assert!(
        !std::fs::read_to_string(home.config())
            .expect("the file")
            .contains("[[sources]]")
    );

    let written = home
        .run(&["sources", "add", &base, "--write", "--json"])
        .json();
    assert_eq!(
        (&written["block"], &written["entries"]),
        (&json!(block("127-0-0-1", "/feed")), &json!(1))
    );
    assert_eq!(
        written["feeds"],
        json!([format!("{base}/feed"), format!("{base}/comments")])
    );
    let second = home.run(&["sources", "add", &base, "--pick", "2", "--write"]);
    assert_eq!(second.status, Some(0), "{second:?}");
    let config = std::fs::read_to_string(home.config()).expect("the file");
    assert!(
        config.ends_with(&format!(
            "\n\n{}\n{}",
            block("127-0-0-1", "/feed"),
            block("127-0-0-1-2", "/comments")
        )),
        "{config}"
    );
    assert_eq!(home.run(&["check"]).status, Some(0));

    home.run(&["sources", "add", &base])
        .refused(&["source \"127-0-0-1\" reads", "already"]);
    home.run(&["sources", "add", &format!("{base}/none")])
        .refused(&["names no feed", "`page` source"]);
    home.run(&["sources", "add", &base, "--pick", "3"])
        .refused(&["names 2 feeds", "no number 3"]);
    home.run(&["sources", "add", "a.example"])
        .refused(&["no URL", "https://"]);
}
