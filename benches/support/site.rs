//! What benches of the page and the API share: a filled store with its index, and the real router on loopback.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use overheard::config::IndexConfig;
use overheard::domain::analysis::{EMOTIONS, INTENTS, LabelScore};
use overheard::domain::{
    Analysis, Author, Body, Cursor, EmotionScores, IntentScores, ModelId, MonitorId, PostKey,
    RawPost, Sentiment, SentimentLabel, SourceId, SourceState, SourceStatus,
};
use overheard::index::Index;
use overheard::ingest::{Indexer, normalize};
use overheard::insight::Searcher;
use overheard::runtime::Clock;
use overheard::runtime::seal::SealKey;
use overheard::store::{BatchCommit, PostCommit, Store};
use overheard::web::auth::issue_token;
use overheard::web::{
    Command, Declared, Door, Rebuild, Rescoring, Role, WebState, router, serve_tcp,
};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::support::{Said, Speaker};

pub const INDEX: IndexConfig = IndexConfig {
    commit_interval_ms: 500,
    writer_memory_mib: 30,
};
const BATCH: usize = 2_000;

/// A served site; it ends when it is dropped.
pub struct Served {
    /// Where it is.
    pub address: std::net::SocketAddr,
    /// What a request has behind its first line: host and token, and the empty line.
    pub head: String,
    _server: JoinSet<()>,
    _keep: (watch::Sender<Arc<Declared>>, mpsc::Receiver<Command>),
}

/// Serves the real router on loopback, with a token of an administrator and no limit.
pub async fn serve(store: &Store, searcher: Searcher, now: Timestamp) -> Served {
    let token = issue_token(store, "bench", Role::Admin, None, now)
        .await
        .expect("a token");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let address = listener.local_addr().expect("an address");
    let (declared, declared_receiver) = watch::channel(Arc::default());
    let (commands, command_receiver) = mpsc::channel(1);
    let (clock, _hand) = Clock::manual(now);
    let key = std::env::temp_dir().join(format!("overheard-bench-{}.key", std::process::id()));
    let seal_key = SealKey::read_or_create(&key).expect("a key");
    let _ = std::fs::remove_file(key);
    let stop = CancellationToken::new();
    let state = WebState {
        searcher,
        store: store.clone(),
        clock: clock.clone(),
        zone: TimeZone::UTC,
        base_url: format!("http://{address}"),
        behind_proxy: false,
        requests_per_second: 0,
        auth: Arc::default(),
        declared: declared_receiver,
        status: Arc::new(Vec::new),
        metrics: Arc::new(String::new),
        rebuild: watch::channel(Rebuild::default()).1,
        rescoring: watch::channel(Rescoring::default()).1,
        seal_key: Arc::new(seal_key),
        commands,
        stop: stop.clone(),
    };
    let served = serve_tcp(listener, router(state, Door::Tcp), stop, clock);
    let mut server = JoinSet::new();
    server.spawn(async move { served.await.expect("served") });
    Served {
        address,
        head: format!(
            "Host: {address}\r\nAuthorization: Bearer {}\r\n\r\n",
            token.expose()
        ),
        _server: server,
        _keep: (declared, command_receiver),
    }
}

/// Stores the posts, and returns pairs of words that stand side by side in them.
pub async fn fill(
    store: &Store,
    speaker: &mut Speaker,
    posts: usize,
    now: Timestamp,
) -> Vec<[String; 2]> {
    let source = SourceId::parse("town").expect("an id");
    let monitor = MonitorId::parse("all").expect("an id");
    let mut pairs = Vec::new();
    let mut left = posts;
    while left > 0 {
        let size = left.min(BATCH);
        left -= size;
        let mut batch = Vec::with_capacity(size);
        for number in 0..size {
            let said = speaker.say();
            if number % 20 == 0 {
                pairs.extend(first_words(&said.text));
            }
            let label = SentimentLabel::ALL[speaker.below(3)];
            let post = normalize(raw(said), &source, now).expect("a post");
            batch.push(PostCommit {
                post,
                analysis: Some(scored(label)),
                monitors: vec![monitor.clone()],
                duplicate_of: None,
                links: Vec::new(),
                events: Vec::new(),
            });
        }
        let commit = BatchCommit {
            source: source.clone(),
            cursor: Cursor::default(),
            status: status(&source, now),
            posts: batch,
            rejects: Vec::new(),
            deleted: Vec::new(),
            forgotten: Vec::new(),
            events: Vec::new(),
            now,
        };
        store.commit_batch(commit).await.expect("store works");
    }
    pairs
}

fn first_words(text: &str) -> Option<[String; 2]> {
    let mut words = text.split(' ').map(str::to_owned);
    Some([words.next()?, words.next()?])
}

pub fn raw(said: Said) -> RawPost {
    let key = PostKey {
        network: "mastodon".to_owned(),
        scope: String::new(),
        native_id: said.native_id,
    };
    let mut raw = RawPost::new(key, Body::Plain(said.text));
    raw.title = said.title.map(Body::Plain);
    raw.published_at = Some(said.at);
    raw.author = Some(Author {
        native_id: said.author.clone(),
        handle: said.author,
        ..Author::default()
    });
    raw
}

/// An analysis as large as the model's.
pub fn scored(label: SentimentLabel) -> Analysis {
    let [negative, neutral, positive] =
        SentimentLabel::ALL.map(|other| if other == label { 0.9 } else { 0.05 });
    let named = |name: &str| LabelScore {
        label: name.to_owned(),
        probability: 0.125,
        present: false,
    };
    Analysis {
        model: ModelId::parse("bench-1@0123").expect("an id"),
        supported: true,
        sentiment: Sentiment {
            label,
            score: positive - negative,
            negative,
            neutral,
            positive,
        },
        emotions: EmotionScores {
            ekman: EMOTIONS.iter().map(|name| named(name)).collect(),
            fine: (0..28)
                .map(|number| named(&format!("fine-{number}")))
                .collect(),
        },
        intents: IntentScores(INTENTS.iter().map(|name| named(name)).collect()),
        urgency: 0,
        entities: vec![],
        embedding: vec![1; 384],
    }
}

pub async fn index(dir: &Path, store: &Store) -> (Searcher, Indexer) {
    let opened = Index::open(&dir.join("index"), store.uuid(), 0, &INDEX).expect("index opens");
    let index = opened.reader.clone();
    let mut indexer = Indexer::new(store.clone(), opened.writer, opened.reader);
    indexer.catch_up().await.expect("index works");
    (Searcher::new(index, store.clone()), indexer)
}

pub fn status(source: &SourceId, now: Timestamp) -> SourceStatus {
    SourceStatus {
        state: SourceState::Healthy,
        polled_at: Some(now),
        succeeded_at: Some(now),
        next_poll_at: None,
        error: None,
        failures: 0,
        posts: 0,
        rejects: 0,
        requests: 1,
        ..SourceStatus::waiting(source.clone(), "mastodon")
    }
}
