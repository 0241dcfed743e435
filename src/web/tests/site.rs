//! A whole site in a temporary directory, and the plainest of HTTP clients.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config::IndexConfig;
use crate::deliver::managed::Settings;
use crate::domain::analysis::LabelScore;
use crate::domain::*;
use crate::index::{Index, IndexChange, IndexReader};
use crate::insight::Searcher;
use crate::runtime::seal::SealKey;
use crate::runtime::{Clock, ManualClock};
use crate::store::{BatchCommit, NewToken, PostCommit, Store};
use crate::web::*;

pub(super) const NOW: &str = "2026-11-22T10:00:00Z";

/// A served site; it ends when it is dropped.
pub(super) struct Site {
    pub state: WebState,
    pub clock: ManualClock,
    pub commands: mpsc::Receiver<Command>,
    pub declared: watch::Sender<Arc<Declared>>,
    pub socket: PathBuf,
    pub token: String,
    pub stop: CancellationToken,
    port: u16,
    tasks: JoinSet<()>,
    _dir: tempfile::TempDir,
}

/// An endpoint of the configuration file.
pub(super) fn declared_endpoint(name: &str) -> DeclaredEndpoint {
    DeclaredEndpoint {
        id: EndpointId::parse(name).unwrap(),
        origin: Origin::File,
        address: "crm.example".to_owned(),
        settings: Settings::default(),
        problem: None,
    }
}

/// An answer.
pub(super) struct Reply {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

impl Site {
    pub async fn new(posts: Vec<PostCommit>) -> Self {
        let now: Timestamp = NOW.parse().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), now).unwrap();
        seed(&store, posts, now).await;
        let index = index(dir.path(), &store).await;
        let token = ApiToken::generate(&mut rand::rng());
        let kept = NewToken {
            hash: *token.hash().as_bytes(),
            name: "test".to_owned(),
            role: Role::Admin.as_str().to_owned(),
            expires_at: None,
        };
        store.create_token(kept, now).await.unwrap();

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let socket = dir.path().join("api.sock");
        let unix = bind_socket(&socket).await.unwrap();
        let (clock, hand) = Clock::manual(now);
        let (declared, declared_receiver) = watch::channel(Arc::default());
        let (sender, commands) = mpsc::channel(1);
        let stop = CancellationToken::new();
        let state = WebState {
            searcher: Searcher::new(index, store.clone()),
            store,
            clock: clock.clone(),
            zone: TimeZone::UTC,
            base_url: format!("http://127.0.0.1:{port}"),
            behind_proxy: false,
            requests_per_second: 0,
            auth: Arc::default(),
            declared: declared_receiver,
            status: Arc::new(|| {
                vec![PartStatus {
                    name: "store".to_owned(),
                    state: PartState::Ready,
                    detail: None,
                }]
            }),
            metrics: Arc::new(|| "overheard_up 1\n".to_owned()),
            rebuild: watch::channel(Rebuild::default()).1,
            rescoring: watch::channel(Rescoring::default()).1,
            seal_key: Arc::new(SealKey::read_or_create(&dir.path().join("key")).unwrap()),
            commands: sender,
            stop: stop.clone(),
        };
        let mut tasks = JoinSet::new();
        let tcp = serve_tcp(
            listener,
            router(state.clone(), Door::Tcp),
            stop.clone(),
            clock.clone(),
        );
        tasks.spawn(async { tcp.await.unwrap() });
        let local = serve_unix(
            unix,
            router(state.clone(), Door::Socket),
            stop.clone(),
            clock,
        );
        tasks.spawn(async { local.await.unwrap() });
        Self {
            state,
            clock: hand,
            commands,
            declared,
            socket,
            stop,
            token: token.expose().to_owned(),
            port,
            tasks,
            _dir: dir,
        }
    }

    /// Commits more posts, and that some are gone, to the store alone.
    pub async fn commit(&self, posts: Vec<PostCommit>, deleted: Vec<PostId>) {
        let now = self.state.clock.now();
        let batch = BatchCommit {
            deleted,
            ..batch(posts, now)
        };
        self.state.store.commit_batch(batch).await.unwrap();
    }

    /// Sends a request with these header lines over TCP.
    pub async fn send(&self, request: &str, headers: &[String], body: &str) -> Reply {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        exchange(stream, request, &self.host(), headers, body).await
    }

    /// Serves at another port, with at most so many requests a second.
    pub async fn pace(&mut self, requests_per_second: u32) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        self.port = listener.local_addr().unwrap().port();
        self.state.requests_per_second = requests_per_second;
        let (router, clock) = (
            router(self.state.clone(), Door::Tcp),
            self.state.clock.clone(),
        );
        let served = serve_tcp(listener, router, self.stop.clone(), clock);
        self.tasks.spawn(async { served.await.unwrap() });
    }

    /// Gets a path with the admin's token.
    pub async fn get(&self, path: &str) -> Reply {
        self.send(&format!("GET {path}"), &[self.bearer()], "")
            .await
    }

    /// Gets a path as a stranger.
    pub async fn get_unknown(&self, path: &str) -> Reply {
        self.send(&format!("GET {path}"), &[], "").await
    }

    /// Sends a request over the Unix socket.
    pub async fn local(&self, request: &str) -> Reply {
        let stream = UnixStream::connect(&self.socket).await.unwrap();
        exchange(stream, request, "localhost", &[], "").await
    }

    pub fn bearer(&self) -> String {
        format!("Authorization: Bearer {}", self.token)
    }

    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

async fn exchange(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    request: &str,
    host: &str,
    headers: &[String],
    body: &str,
) -> Reply {
    let mut text = format!("{request} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
    for header in headers {
        text.push_str(header);
        text.push_str("\r\n");
    }
    text.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Reply {
        status,
        head: head.to_owned(),
        body: body.to_owned(),
    }
}

/// The `n`-th post: one minute older than the one before.
pub(super) fn post(n: u32, text: &str) -> PostCommit {
    let now: Timestamp = NOW.parse().unwrap();
    let key = PostKey {
        network: "mastodon".to_owned(),
        scope: String::new(),
        native_id: format!("https://town.example/{n}"),
    };
    let at = now - SignedDuration::from_mins(i64::from(n) + 1);
    let post = Post {
        id: key.id(),
        key,
        source: source(),
        kind: PostKind::Post,
        url: Some(format!("https://town.example/@ann/{n}")),
        title: None,
        text: text.to_owned(),
        raw: text.to_owned(),
        language: Language {
            code: "en".to_owned(),
            confidence: 1.0,
        },
        author: Some(Author {
            native_id: "https://town.example/users/ann".to_owned(),
            handle: "ann@town.example".to_owned(),
            display_name: Some("Ann".to_owned()),
            ..Author::default()
        }),
        engagement: Engagement::default(),
        rating: None,
        parent_id: None,
        thread_id: None,
        repost_of: None,
        links: Vec::new(),
        published_at: Some(at),
        fetched_at: at,
        fingerprint: Fingerprint {
            exact: u64::from(n),
            simhash: None,
        },
    };
    PostCommit {
        post,
        analysis: None,
        monitors: vec![MonitorId::parse("volta").unwrap()],
        duplicate_of: None,
        links: Vec::new(),
        events: Vec::new(),
    }
}

/// A score with one intent.
pub(super) fn scored(label: SentimentLabel) -> Analysis {
    let [negative, neutral, positive] =
        SentimentLabel::ALL.map(|other| if other == label { 0.9 } else { 0.05 });
    Analysis {
        model: ModelId::parse("test-1@0123").unwrap(),
        supported: true,
        sentiment: Sentiment {
            label,
            score: positive - negative,
            negative,
            neutral,
            positive,
        },
        emotions: EmotionScores::default(),
        urgency: 0,
        entities: vec![],
        intents: IntentScores(vec![LabelScore {
            label: "complaint".to_owned(),
            probability: 0.9,
            present: true,
        }]),
        embedding: Vec::new(),
    }
}

pub(super) fn source() -> SourceId {
    SourceId::parse("town").unwrap()
}

pub(super) fn status(now: Timestamp) -> SourceStatus {
    SourceStatus {
        state: SourceState::Healthy,
        polled_at: Some(now),
        succeeded_at: Some(now),
        next_poll_at: Some(now + SignedDuration::from_mins(4)),
        error: None,
        failures: 0,
        posts: 3,
        rejects: 0,
        requests: 1,
        ..SourceStatus::waiting(source(), "mastodon")
    }
}

async fn seed(store: &Store, posts: Vec<PostCommit>, now: Timestamp) {
    store.commit_batch(batch(posts, now)).await.unwrap();
}

fn batch(posts: Vec<PostCommit>, now: Timestamp) -> BatchCommit {
    BatchCommit {
        source: source(),
        cursor: Cursor::default(),
        status: status(now),
        posts,
        rejects: Vec::new(),
        deleted: Vec::new(),
        forgotten: Vec::new(),
        events: Vec::new(),
        now,
    }
}

async fn index(dir: &Path, store: &Store) -> IndexReader {
    let config = IndexConfig {
        commit_interval_ms: 250,
        writer_memory_mib: 15,
    };
    let opened = Index::open(&dir.join("index"), store.uuid(), 0, &config).unwrap();
    let mut writer = opened.writer;
    let changes = store.changes_after(0, 10_000).await.unwrap();
    let seq = changes.last().map_or(0, |change| change.seq);
    let changes: Vec<_> = changes
        .into_iter()
        .filter_map(|change| change.record)
        .map(|record| IndexChange::Upsert(Box::new(record)))
        .collect();
    writer.apply(&changes).unwrap();
    writer.commit(seq).unwrap();
    opened.reader.reload().unwrap();
    opened.reader
}
