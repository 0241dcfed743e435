//! Answers that go on: exports and live searches.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::site::{Site, post, scored};
use crate::domain::SentimentLabel;
use crate::sources::post_format::{Defaults, LineItem, parse_line};
use crate::store::PostCommit;

fn negative(n: u32, text: &str) -> PostCommit {
    PostCommit {
        analysis: Some(scored(SentimentLabel::Negative)),
        ..post(n, text)
    }
}

/// The body of a chunked answer.
fn whole(body: &str) -> String {
    let mut rest = body;
    let mut text = String::new();
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            return text;
        }
        text.push_str(&after[..size]);
        rest = after[size..].strip_prefix("\r\n").unwrap();
    }
    panic!("the answer was cut off");
}

#[tokio::test]
async fn an_export_holds_every_match_once_and_can_be_read_again() {
    let posts: Vec<PostCommit> = (0..1_203)
        .map(|n| negative(n, &format!("battery, \"number\" {n}\n=SUM(A1)")))
        .chain([post(5_000, "a quiet ride")])
        .collect();
    let keys: Vec<_> = posts[..1_203]
        .iter()
        .map(|commit| commit.post.key.clone())
        .collect();
    let site = Site::new(posts).await;

    let reply = site.get("/api/v1/export?q=battery").await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert!(reply.head.contains("content-type: application/x-ndjson"));
    let text = whole(&reply.body);
    let defaults = Defaults {
        network: String::new(),
        scope: String::new(),
    };
    let mut found = Vec::new();
    for line in text.lines() {
        match parse_line(line, &defaults).unwrap() {
            LineItem::Post(raw) => found.push(raw.key),
            LineItem::Deleted(key) => panic!("{key:?}"),
        }
    }
    // The newest first, and that is the order of their numbers.
    assert_eq!(found, keys);
    let first: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!(first["analysis"]["sentiment"]["label"], "negative");
    assert_eq!(first["monitors"], serde_json::json!(["volta"]));

    let reply = site.get("/api/v1/export?q=battery&format=csv").await;
    let table = whole(&reply.body);
    let mut rows = csv::Reader::from_reader(table.as_bytes());
    assert_eq!(rows.headers().unwrap().iter().next(), Some("id"));
    let rows: Vec<csv::StringRecord> = rows.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 1_203);
    assert_eq!(&rows[7][13], "battery, \"number\" 7\n=SUM(A1)");

    let nothing = site.get("/api/v1/export?q=unheard").await;
    assert_eq!((nothing.status, whole(&nothing.body).as_str()), (200, ""));
    for bad in ["q=a+AND", "format=xml", "query=a"] {
        let reply = site.get(&format!("/api/v1/export?{bad}")).await;
        assert_eq!(reply.status, 400, "{bad}");
        assert!(reply.head.contains("application/problem+json"), "{bad}");
    }
    assert_eq!(site.get_unknown("/api/v1/export").await.status, 401);
}

/// A live search that is being watched.
struct Watched {
    stream: TcpStream,
    text: String,
}

impl Watched {
    async fn new(site: &Site, query: &str, headers: &str) -> Self {
        let mut stream = TcpStream::connect(site.host()).await.unwrap();
        let request = format!(
            "GET /api/v1/search/live?q={query} HTTP/1.1\r\nHost: {}\r\n{}\r\n{headers}\r\n",
            site.host(),
            site.bearer()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let text = String::new();
        let mut watched = Self { stream, text };
        watched.until("event: open").await;
        watched
    }

    /// Reads until a text was sent; hangs, and so fails the test, when it never is.
    async fn until(&mut self, wanted: &str) {
        let mut part = [0; 4096];
        while !self.text.contains(wanted) {
            let length = self.stream.read(&mut part).await.unwrap();
            assert!(length > 0, "no {wanted:?} in {}", self.text);
            self.text
                .push_str(std::str::from_utf8(&part[..length]).unwrap());
        }
    }

    fn ids(&self) -> Vec<u64> {
        let lines = self
            .text
            .lines()
            .filter_map(|line| line.strip_prefix("id: "));
        lines.map(|id| id.parse().unwrap()).collect()
    }
}

#[tokio::test]
async fn a_live_search_tells_of_new_matches_alone_and_goes_on_where_it_broke_off() {
    let site = Site::new(vec![negative(0, "an old battery")]).await;
    let mut first = Watched::new(&site, "battery", "").await;
    let mut second = Watched::new(&site, "charger", "").await;
    let mut third = Watched::new(&site, "(Battery)", "").await;
    site.commit(
        vec![
            negative(1, "battery one"),
            post(2, "a quiet ride"),
            negative(3, "charger two"),
        ],
        vec![],
    )
    .await;
    first.until("battery").await;
    second.until("charger").await;
    // A changed post is not a new one.
    site.commit(vec![negative(1, "battery one, edited")], vec![])
        .await;
    site.commit(vec![negative(4, "battery three")], vec![])
        .await;
    first.until("three").await;
    third.until("three").await;
    assert_eq!(first.ids(), third.ids());
    assert_eq!(
        first.text.matches("event: mention").count(),
        2,
        "{}",
        first.text
    );
    assert!(
        !first.text.contains("an old") && !first.text.contains("edited"),
        "{}",
        first.text
    );
    assert_eq!(
        second.text.matches("event: mention").count(),
        1,
        "{}",
        second.text
    );
    assert!(first.text.contains("content-type: text/event-stream"));

    // Who saw the first of the two gets the second again, whatever was committed since.
    let seen = first.ids()[1];
    let header = format!("Last-Event-ID: {seen}\r\n");
    let mut again = Watched::new(&site, "battery", &header).await;
    again.until("three").await;
    assert_eq!(
        again.text.matches("event: mention").count(),
        1,
        "{}",
        again.text
    );
}

#[tokio::test]
async fn who_comes_back_gets_nothing_that_was_deleted_meanwhile() {
    let site = Site::new(vec![]).await;
    let mut first = Watched::new(&site, "battery", "").await;
    let seen = first.ids()[0];
    let gone = negative(1, "battery withdrawn");
    let id = gone.post.id.clone();
    site.commit(vec![gone], vec![]).await;
    first.until("withdrawn").await;
    site.commit(vec![negative(2, "battery kept")], vec![id])
        .await;
    first.until("kept").await;
    let header = format!("Last-Event-ID: {seen}\r\n");
    let mut again = Watched::new(&site, "battery", &header).await;
    again.until("kept").await;
    assert!(!again.text.contains("withdrawn"), "{}", again.text);
}

#[tokio::test]
async fn a_live_search_ends_with_the_daemon_and_refuses_what_it_cannot_judge() {
    let site = Site::new(vec![negative(0, "battery")]).await;
    let id = post(0, "").post.id;
    for bad in [
        "q=a+AND".to_owned(),
        format!("q=similar:{id}"),
        "x=1".to_owned(),
    ] {
        let reply = site.get(&format!("/api/v1/search/live?{bad}")).await;
        assert_eq!(reply.status, 400, "{bad}: {}", reply.body);
    }
    let header = ["Last-Event-ID: yesterday".to_owned(), site.bearer()];
    let reply = site.send("GET /api/v1/search/live", &header, "").await;
    assert_eq!(reply.status, 400, "{}", reply.body);

    let mut watched = Watched::new(&site, "battery", "").await;
    site.stop.cancel();
    let mut rest = String::new();
    watched.stream.read_to_string(&mut rest).await.unwrap();
    assert!(rest.ends_with("0\r\n\r\n"), "{rest:?}");
}
