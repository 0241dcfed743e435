//! The manners of a guest on the real binary: what `fetch explain` tells, and a refresh that waits for the server.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::daemon::{Ended, Home, PATIENCE, until};

const FEED: &str = r#"<?xml version="1.0"?><rss version="2.0"><channel><title>t</title><link>https://t.example/</link><description>d</description>
<item><guid isPermaLink="false">1</guid><description>My scooter is broken</description></item></channel></rss>"#;

/// A server that answers every request for the feed with these header lines, and counts them.
fn serve(headers: &'static str) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut request = [0; 4096];
            let length = stream.read(&mut request).expect("a request");
            let request = String::from_utf8_lossy(&request[..length]).into_owned();
            let (status, body) = if request.starts_with("GET /robots.txt ") {
                ("200 OK", "User-agent: *\nDisallow: /closed\n")
            } else {
                counted.fetch_add(1, Ordering::SeqCst);
                ("200 OK", FEED)
            };
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
            );
            // Who hung up was asked enough.
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    (format!("http://{address}"), asked)
}

/// What was printed as JSON, whatever the exit status.
fn told(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

fn home(base: &str) -> Home {
    Home::new(&format!(
        r#"
[analysis]
engine = "none"
[[sources]]
id = "blog"
type = "feed"
url = "{base}/feed"
"#
    ))
}

#[test]
fn explain_tells_every_reason_with_a_store_and_without() {
    let (base, asked) = serve("ETag: \"1\"\r\nCache-Control: max-age=3600\r\n");
    let home = home(&base);
    let explain = |url: &str, more: &[&str]| {
        let mut arguments = vec!["fetch", "explain", url, "--json"];
        arguments.extend(more);
        home.run(&arguments)
    };
    let feed = format!("{base}/feed");
    let closed = explain(&format!("{base}/closed/x"), &[]);
    assert_eq!(closed.status, Some(1), "{closed:?}");
    let robots = &told(&closed)["hops"][0]["robots"];
    assert_eq!(
        (&robots["allowed"], &robots["rule"]),
        (&json!(false), &json!("Disallow: /closed"))
    );
    let refused = explain("http://192.168.1.1/", &["--offline"]);
    assert_eq!(refused.status, Some(1));
    assert_eq!(told(&refused)["hops"][0]["guard"]["allowed"], false);
    assert_eq!(asked.load(Ordering::SeqCst), 0);

    let fresh = explain(&feed, &[]);
    assert_eq!(
        (fresh.status, &fresh.json()["outcome"]),
        (Some(0), &json!("answered 200"))
    );
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    let once = home.run(&["run", "--once", "--json"]);
    assert_eq!(once.status, Some(0), "{once:?}");
    assert_eq!(asked.load(Ordering::SeqCst), 2);

    // The server calls its answer fresh for an hour: neither explain nor another round asks before.
    let held = explain(&feed, &[]);
    let told = told(&held);
    assert_eq!(
        (held.status, &told["offline"]),
        (Some(0), &json!(true)),
        "{told}"
    );
    assert!(
        told["held"]
            .as_str()
            .is_some_and(|text| text.contains("nobody was asked"))
    );
    assert_eq!(told["stored"][0]["etag"], "\"1\"");
    assert_eq!(told["sources"][0]["id"], "blog");
    assert_eq!(
        told["earliest_next_request"],
        told["sources"][0]["not_before"]
    );
    let again = home.run(&["run", "--once", "--json"]);
    assert_eq!(again.json()["sources_held"], 1, "{again:?}");
    let refreshed = home.run(&["sources", "refresh", "blog"]);
    assert!(
        refreshed.stdout.contains("wants no request before"),
        "{refreshed:?}"
    );
    assert_eq!(asked.load(Ordering::SeqCst), 2);

    let text = home.run(&["fetch", "explain", &feed, "--offline"]).stdout;
    for words in [
        "address guard  allowed",
        "one request at a time",
        "ETag \"1\"",
        "not before",
    ] {
        assert!(text.contains(words), "no {words:?} in {text}");
    }
    let shown = home.run(&["sources", "show", "blog"]).stdout;
    for words in ["blog (feed): healthy", "not before", "0 gaps"] {
        assert!(shown.contains(words), "no {words:?} in {shown}");
    }
    let shown = home.run(&["sources", "show", "blog", "--json"]).json();
    assert_eq!(
        (&shown["posts"], &shown["newest_rejects"]),
        (&json!(1), &json!([]))
    );
    home.run(&["sources", "show", "nobody"])
        .refused(&["never polled", "sources list"]);
    home.run(&["fetch", "explain", "feed"])
        .refused(&["not a URL", "https://"]);
}

#[tokio::test]
async fn a_running_daemon_polls_when_a_person_asks() {
    let (base, asked) = serve("");
    let home = home(&base);
    let mut daemon = home.start();
    daemon.ready().await;
    let polled = async |times: usize| {
        let enough = async || (asked.load(Ordering::SeqCst) >= times).then_some(());
        until(PATIENCE, enough, || format!("not asked {times} times")).await;
    };
    polled(1).await;
    let heard = async || {
        let listed = home.run(&["sources", "list", "--json"]).json();
        (listed[0]["state"] == "healthy").then_some(())
    };
    until(PATIENCE, heard, || "not stored".to_owned()).await;
    let refreshed = home.run(&["sources", "refresh", "blog"]);
    assert_eq!(refreshed.status, Some(0), "{refreshed:?}");
    polled(2).await;
    home.run(&["sources", "refresh", "nobody"])
        .refused(&["nobody"]);
    let (status, _) = daemon.end("TERM").await;
    assert_eq!(status, Some(0));
}
