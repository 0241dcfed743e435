//! The page and the API under load: how long pages take and how large they are, how many viewers are told how soon, and what a
//! trivial route costs.
//!
//! `cargo bench --bench page [-- POSTS]`. *Pages*: the inbox (as it opens, and with a query), and the overview, by a client on loopback, one request
//! at a time; all that a browser waits for but the style sheet. *Viewers*: 200 browsers watch the inbox, each with its own query, while posts are
//! committed and each opens the inbox anew now and then; the time from a commit to the event at each viewer, in the same process
//! and on the same cores. *Route*: `GET /api/v1/monitors` with a token (who asks, limits, audit, headers, metrics) against a bare axum
//! route that answers the same bytes, sixteen connections, by turns. It asserts that everything came, no speed.

#[path = "support/site.rs"]
mod site;
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::header;
use axum::routing::get;
use jiff::Timestamp;
use overheard::domain::{MonitorId, SentimentLabel, SourceId};
use overheard::ingest::normalize;
use overheard::store::{BatchCommit, PostCommit, Store};
use site::{Served, fill, index, raw, scored, serve, status};
use support::{NOW, Speaker, as_f64};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

const POSTS: usize = 100_000;
const VISITS: usize = 300;
const VIEWERS: usize = 200;
const COMMITS: usize = 40;
const CONNECTIONS: usize = 16;
const ROUNDS: usize = 5;
const REQUESTS: usize = 20_000;

fn main() {
    let posts = std::env::args()
        .skip(1)
        .find_map(|argument| argument.parse().ok())
        .unwrap_or(POSTS);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("runtime starts");
    runtime.block_on(async {
        let dir = tempfile::tempdir().expect("a directory");
        let now: Timestamp = NOW.parse().expect("a time");
        let store = Store::open(dir.path(), now).expect("store opens");
        let mut speaker = Speaker::new(42);
        fill(&store, &mut speaker, posts, now).await;
        let (searcher, _indexer) = index(dir.path(), &store).await;
        let served = serve(&store, searcher, now).await;
        println!("{posts} posts");
        pages(&served).await;
        viewers(&served, &store, &mut speaker, now).await;
        route(&served).await;
    });
}

/// Reads an answer of a known length off a connection; its body's length.
async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> usize {
    buffer.clear();
    loop {
        let read = stream.read_buf(buffer).await.expect("answered");
        assert_ne!(read, 0, "the server closed");
        let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") else {
            continue;
        };
        let head = std::str::from_utf8(&buffer[..end]).expect("a head");
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.expect("a length").parse().expect("a number");
        if buffer.len() >= end + 4 + length {
            return length;
        }
    }
}

async fn connected(address: std::net::SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).await.expect("connected");
    stream.set_nodelay(true).expect("no delay");
    stream
}

async fn pages(served: &Served) {
    let mut stream = connected(served.address).await;
    let mut buffer = Vec::new();
    for (name, path) in [
        ("inbox", "/?scope=all"),
        ("inbox, a word", "/?q=battery&scope=all"),
        ("inbox, two words", "/?q=battery+NOT+charger&scope=all"),
        ("overview", "/overview?period=7d"),
    ] {
        let request = format!("GET {path} HTTP/1.1\r\n{}", served.head);
        let (mut times, mut bytes) = (Vec::new(), 0);
        for visit in 0..VISITS + 20 {
            let began = Instant::now();
            stream.write_all(request.as_bytes()).await.expect("sent");
            bytes = answer(&mut stream, &mut buffer).await;
            // The first ones warm caches, as those of the morning do.
            if visit >= 20 {
                times.push(began.elapsed());
            }
        }
        let [p50, p99] = percentiles(times);
        println!("page        {name:<18} p50 {p50:>7.2} ms, p99 {p99:>7.2} ms, {bytes:>7} bytes");
    }
}

async fn viewers(served: &Served, store: &Store, speaker: &mut Speaker, now: Timestamp) {
    let told = Arc::new(std::sync::Mutex::new(Vec::<Duration>::new()));
    let committed = Arc::new(std::sync::Mutex::new(Instant::now()));
    let (watching, loads) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut running = JoinSet::new();
    for number in 0..VIEWERS {
        let (address, head) = (served.address, served.head.clone());
        let (told, committed) = (Arc::clone(&told), Arc::clone(&committed));
        let (watching, loads) = (Arc::clone(&watching), Arc::clone(&loads));
        running.spawn(async move {
            let mut stream = connected(address).await;
            // All match; no two are the same text.
            let path = format!("/api/v1/search/live?q=lang%3Aen+OR+nobody{number}");
            let request = format!("GET {path} HTTP/1.1\r\n{head}");
            stream.write_all(request.as_bytes()).await.expect("sent");
            let mut page = connected(address).await;
            let mut buffer = vec![0; 64 * 1024];
            let (mut body, mut seen) = (Vec::new(), 0);
            while seen < COMMITS {
                let read = stream.read(&mut buffer).await.expect("told");
                assert_ne!(read, 0, "the stream ended");
                let text = String::from_utf8_lossy(&buffer[..read]);
                if text.contains("200 OK") {
                    watching.fetch_add(1, Ordering::SeqCst);
                }
                let events = text.matches("event: mention").count();
                for _ in 0..events {
                    let at = *committed.lock().expect("a lock");
                    told.lock().expect("a lock").push(at.elapsed());
                }
                seen += events;
                // Every tenth event somebody opens the inbox anew.
                if events > 0 && (seen + number) % 10 == 0 {
                    let request = format!("GET /?q=battery HTTP/1.1\r\n{head}");
                    page.write_all(request.as_bytes()).await.expect("sent");
                    answer(&mut page, &mut body).await;
                    loads.fetch_add(1, Ordering::SeqCst);
                }
            }
        });
    }
    while watching.load(Ordering::SeqCst) < VIEWERS {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let began = Instant::now();
    for _ in 0..COMMITS {
        *committed.lock().expect("a lock") = Instant::now();
        commit_one(store, speaker, now).await;
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    while running.join_next().await.is_some() {}
    let told = told.lock().expect("a lock").clone();
    assert_eq!(told.len(), VIEWERS * COMMITS);
    let [p50, p99] = percentiles(told);
    println!(
        "viewers     {VIEWERS} with a query each, {COMMITS} posts in {:.0} s, {} inboxes opened: told after p50 {p50:.1} ms, p99 {p99:.1} ms",
        began.elapsed().as_secs_f64(),
        loads.load(Ordering::SeqCst)
    );
}

async fn commit_one(store: &Store, speaker: &mut Speaker, now: Timestamp) {
    let source = SourceId::parse("town").expect("an id");
    let mut post = normalize(raw(speaker.say()), &source, now).expect("a post");
    post.language.code = "en".to_owned();
    let commit = BatchCommit {
        source: source.clone(),
        cursor: overheard::domain::Cursor::default(),
        status: status(&source, now),
        posts: vec![PostCommit {
            post,
            analysis: Some(scored(SentimentLabel::Neutral)),
            monitors: vec![MonitorId::parse("all").expect("an id")],
            duplicate_of: None,
            links: Vec::new(),
            events: Vec::new(),
        }],
        rejects: Vec::new(),
        deleted: Vec::new(),
        forgotten: Vec::new(),
        events: Vec::new(),
        now,
    };
    store.commit_batch(commit).await.expect("store works");
}

async fn route(served: &Served) {
    // What ours answers, answered by nothing but axum.
    let body = "{\"monitors\":[]}";
    let bare = Router::new().route(
        "/api/v1/monitors",
        get(move || async move { ([(header::CONTENT_TYPE, "application/json")], body) }),
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let bare_address = listener.local_addr().expect("an address");
    let mut server = JoinSet::new();
    server.spawn(async move { axum::serve(listener, bare).await.expect("served") });
    let request: Arc<str> = format!("GET /api/v1/monitors HTTP/1.1\r\n{}", served.head).into();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(rate(served.address, &request).await);
        theirs.push(rate(bare_address, &request).await);
    }
    ours.sort_by(f64::total_cmp);
    theirs.sort_by(f64::total_cmp);
    let (ours, theirs) = (ours[ROUNDS / 2], theirs[ROUNDS / 2]);
    println!(
        "route       {CONNECTIONS} connections: {ours:.0}/s, bare axum {theirs:.0}/s, ratio {:.2}",
        ours / theirs
    );
}

/// Requests a second over all connections.
async fn rate(address: std::net::SocketAddr, request: &Arc<str>) -> f64 {
    let mut clients = JoinSet::new();
    let began = Instant::now();
    for _ in 0..CONNECTIONS {
        let request = Arc::clone(request);
        clients.spawn(async move {
            let (mut stream, mut buffer) = (connected(address).await, Vec::new());
            for _ in 0..REQUESTS / CONNECTIONS {
                stream.write_all(request.as_bytes()).await.expect("sent");
                answer(&mut stream, &mut buffer).await;
            }
        });
    }
    while let Some(done) = clients.join_next().await {
        done.expect("no panic");
    }
    as_f64(REQUESTS) / began.elapsed().as_secs_f64()
}

fn percentiles(mut times: Vec<Duration>) -> [f64; 2] {
    times.sort();
    [times.len() / 2, times.len() * 99 / 100].map(|place| times[place].as_secs_f64() * 1e3)
}
