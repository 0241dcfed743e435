//! Webhooks: how fast they go out, and what a hanging receiver costs the others.
//!
//! `cargo bench --bench delivery [-- rate | isolation]`. A receiver on loopback in the same process answers 204. *Rate*: a
//! dispatcher sends mentions that were committed before (body frozen and attempt recorded on disk, as shipped), against a
//! bare reqwest loop that posts bodies of the same length, signed by nobody and recorded nowhere, as many at a time. Runs
//! are interleaved; medians are compared. *Isolation*: a hundred endpoints, each with its dispatcher; the time from an
//! event's commit to its arrival at the fifty that work, first while the other fifty work, then while they hang. It asserts that
//! everything arrived, no speed: the goals stand in `docs/BENCHMARKS.md`.

mod support;

use std::collections::HashMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path as UrlPath, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use futures_util::StreamExt;
use jiff::tz::TimeZone;
use overheard::config::{DeliverConfig, EndpointConfig, FetchConfig};
use overheard::deliver::{Dispatcher, DispatcherSetup, Endpoint, StepOutcome};
use overheard::domain::{
    Author, Body, Cursor, EndpointId, Event, EventKind, MonitorId, PostKey, RawPost, SourceId,
    SourceStatus, Subject,
};
use overheard::fetch::Fetcher;
use overheard::ingest::normalize;
use overheard::runtime::Clock;
use overheard::store::{BatchCommit, PostCommit, Store};
use support::{Speaker, as_f64};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

const RUNS: usize = 5;
const EVENTS: usize = 20_000;
const CONCURRENCY: usize = 4;
const ENDPOINTS: usize = 100;
const ROUNDS: usize = 40;

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let wants = |part: &str| {
        wanted.iter().all(|word| word.starts_with('-')) || wanted.iter().any(|word| word == part)
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("runtime starts");
    runtime.block_on(async {
        if wants("rate") {
            rate().await;
        }
        if wants("isolation") {
            isolation().await;
        }
    });
}

// The receiver ----------------------------------------------------------------------------------

#[derive(Default)]
struct Receiver {
    count: AtomicUsize,
    bytes: AtomicUsize,
    hangs: AtomicBool,
    arrived: Mutex<Vec<(String, String, Instant)>>,
}

async fn receiver(server: &mut JoinSet<()>) -> (Arc<Receiver>, String) {
    let receiver = Arc::new(Receiver::default());
    let router = Router::new()
        .route("/{endpoint}", post(receive))
        .with_state(Arc::clone(&receiver));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let address = listener.local_addr().expect("an address");
    server.spawn(async move { axum::serve(listener, router).await.expect("served") });
    (receiver, format!("http://{address}"))
}

async fn receive(
    State(receiver): State<Arc<Receiver>>,
    UrlPath(endpoint): UrlPath<String>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    if endpoint.starts_with("hung") && receiver.hangs.load(Ordering::SeqCst) {
        std::future::pending::<()>().await;
    }
    receiver.count.fetch_add(1, Ordering::SeqCst);
    receiver.bytes.fetch_add(body.len(), Ordering::SeqCst);
    let id = headers.get("webhook-id").and_then(|id| id.to_str().ok());
    if let Some(id) = id {
        let arrival = (endpoint, id.to_owned(), Instant::now());
        receiver.arrived.lock().expect("a lock").push(arrival);
    }
    StatusCode::NO_CONTENT
}

// Overheard -------------------------------------------------------------------------------------

struct World {
    _dir: tempfile::TempDir,
    store: Store,
    clock: Clock,
    fetcher: Fetcher,
    secret: PathBuf,
    speaker: Speaker,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let clock = Clock::system();
        let store = Store::open(dir.path(), clock.now()).expect("store opens");
        let fetch = FetchConfig {
            contact_url: String::new(),
            timeout_secs: 30,
            max_body_mib: 1,
            host_spacing_ms: 0,
            backoff_secs: 60,
            max_backoff_secs: 3600,
            max_interval_secs: 86_400,
            websub: false,
            allow_private: vec!["127.0.0.0/8".to_owned()],
            allow_ports: Vec::new(),
        };
        let fetcher = Fetcher::new(&fetch, clock.clone()).expect("fetcher");
        let secret = secret(dir.path());
        Self {
            _dir: dir,
            store,
            clock,
            fetcher,
            secret,
            speaker: Speaker::new(42),
        }
    }

    fn dispatcher(&self, name: &str, base: &str) -> Dispatcher {
        let config = EndpointConfig {
            allow_http: true,
            ..EndpointConfig::webhook(
                EndpointId::parse(name).expect("an id"),
                format!("{base}/{name}"),
                Some(self.secret.clone()),
            )
        };
        let setup = DispatcherSetup {
            store: self.store.clone(),
            fetcher: self.fetcher.clone(),
            clock: self.clock.clone(),
            config: DeliverConfig {
                timeout_secs: 15,
                concurrency: CONCURRENCY,
                max_waiting: 1_000_000,
                key_file: std::path::PathBuf::new(),
            },
            public_url: None,
            zone: TimeZone::UTC,
            seed: 7,
        };
        Dispatcher::new(Endpoint::build(&config, None).expect("an endpoint"), setup)
    }

    /// Commits mentions with an event each; the events' ids.
    async fn mentions(&mut self, count: usize) -> Vec<String> {
        let now = self.clock.now();
        let source = SourceId::parse("town").expect("an id");
        let mut ids = Vec::with_capacity(count);
        let mut posts = Vec::with_capacity(count);
        for _ in 0..count {
            let said = self.speaker.say();
            let key = PostKey {
                network: "mastodon".to_owned(),
                scope: String::new(),
                native_id: said.native_id,
            };
            let mut raw = RawPost::new(key, Body::Plain(said.text));
            raw.title = said.title.map(Body::Plain);
            raw.published_at = Some(said.at);
            raw.author = Some(Author {
                handle: said.author,
                ..Author::default()
            });
            let post = normalize(raw, &source, now).expect("a post");
            let id = post.id.mention();
            let event = Event::new(EventKind::MentionCreated, Subject::Mention { id }, 0, now);
            ids.push(event.id.to_string());
            posts.push(PostCommit {
                post,
                analysis: None,
                monitors: vec![MonitorId::parse("all").expect("an id")],
                duplicate_of: None,
                links: Vec::new(),
                events: vec![event],
            });
        }
        let commit = BatchCommit {
            source: source.clone(),
            cursor: Cursor::default(),
            status: SourceStatus::waiting(source, "mastodon"),
            posts,
            rejects: Vec::new(),
            deleted: Vec::new(),
            forgotten: Vec::new(),
            events: Vec::new(),
            now,
        };
        self.store.commit_batch(commit).await.expect("store works");
        ids
    }
}

fn secret(dir: &Path) -> PathBuf {
    let path = dir.join("secret");
    std::fs::write(&path, "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD").expect("a secret");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("chmod");
    path
}

// The parts -------------------------------------------------------------------------------------

#[allow(
    clippy::disallowed_methods,
    reason = "the baseline is what others would write"
)]
async fn rate() {
    let mut server = JoinSet::new();
    let (receiver, base) = receiver(&mut server).await;
    let mut world = World::new();
    let dispatcher = world.dispatcher("crm", &base);
    dispatcher.register().await.expect("store works");
    // Another one that is there already is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::new();
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        world.mentions(EVENTS).await;
        let before = receiver.count.load(Ordering::SeqCst);
        let bytes = receiver.bytes.load(Ordering::SeqCst);
        let begin = Instant::now();
        while let StepOutcome::Worked(_) = dispatcher.step().await.expect("store works") {}
        ours.push(as_f64(EVENTS) / begin.elapsed().as_secs_f64());
        assert_eq!(receiver.count.load(Ordering::SeqCst) - before, EVENTS);
        let length = (receiver.bytes.load(Ordering::SeqCst) - bytes) / EVENTS;

        let body = Bytes::from(vec![b'x'; length]);
        let begin = Instant::now();
        let posts = (0..EVENTS).map(|_| {
            client
                .post(format!("{base}/bare"))
                .body(body.clone())
                .send()
        });
        let mut sending = futures_util::stream::iter(posts).buffer_unordered(CONCURRENCY);
        while let Some(answer) = sending.next().await {
            assert_eq!(answer.expect("an answer").status(), 204);
        }
        bare.push(as_f64(EVENTS) / begin.elapsed().as_secs_f64());
    }
    let (ours, bare) = (median(ours), median(bare));
    println!(
        "rate        {EVENTS} deliveries, {CONCURRENCY} at a time: {ours:.0}/s, bare reqwest {bare:.0}/s, ratio {:.2}",
        ours / bare
    );
}

async fn isolation() {
    let mut server = JoinSet::new();
    let (receiver, base) = receiver(&mut server).await;
    let mut world = World::new();
    let stop = CancellationToken::new();
    let mut running = JoinSet::new();
    for number in 0..ENDPOINTS {
        let kind = if number % 2 == 0 { "fine" } else { "hung" };
        let dispatcher = world.dispatcher(&format!("{kind}-{number}"), &base);
        dispatcher.register().await.expect("store works");
        let stop = stop.clone();
        running.spawn(async move { dispatcher.run(stop).await.expect("store works") });
    }
    let mut times: HashMap<bool, Vec<Duration>> = HashMap::new();
    for round in 0..ROUNDS {
        let hang = round >= ROUNDS / 2;
        receiver.hangs.store(hang, Ordering::SeqCst);
        receiver.arrived.lock().expect("a lock").clear();
        let ids = world.mentions(1).await;
        let begin = Instant::now();
        let arrivals = || {
            let arrived = receiver.arrived.lock().expect("a lock");
            let here = |(endpoint, id, _): &&(String, String, Instant)| {
                endpoint.starts_with("fine") && ids.contains(id)
            };
            arrived
                .iter()
                .filter(here)
                .map(|(_, _, at)| *at)
                .collect::<Vec<_>>()
        };
        while arrivals().len() < ENDPOINTS / 2 {
            assert!(
                begin.elapsed() < Duration::from_secs(30),
                "something is missing"
            );
            world.clock.sleep(Duration::from_millis(1)).await;
        }
        let took = arrivals()
            .into_iter()
            .map(|at| at.saturating_duration_since(begin));
        // The first rounds open connections.
        if round >= 4 {
            times.entry(hang).or_default().extend(took);
        }
        world.clock.sleep(Duration::from_millis(100)).await;
    }
    stop.cancel();
    running.abort_all();
    let [fine, hung] = [false, true].map(|hang| {
        let mut times = times.remove(&hang).unwrap_or_default();
        times.sort();
        [times.len() / 2, times.len() * 99 / 100].map(|place| times[place].as_secs_f64() * 1e3)
    });
    println!(
        "isolation   {ENDPOINTS} endpoints, commit to arrival at half of them, ms: p50 {:.1}, p99 {:.1}; while the others hang: p50 {:.1}, p99 {:.1}; ratio of p99 {:.2}",
        fine[0],
        fine[1],
        hung[0],
        hung[1],
        hung[1] / fine[1]
    );
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
