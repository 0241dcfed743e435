//! Posts per second from a feed server to a searchable index, against bare tantivy.
//!
//! `cargo bench --bench ingest [-- stages | rebuild]`. Overheard's side is what the daemon runs, without the model:
//! two hundred pollers fetch feeds (RSS and JSON Feed by turns) from loopback, the pipeline normalises,
//! deduplicates, matches three monitors and commits to the store (synchronous, as shipped), and the
//! indexer follows it; the clock stops when all is searchable. Tantivy alone gets the same posts, already
//! normalised, matched and in memory, twice: as the very documents that Overheard makes of them, and as small
//! ones (title, text, id and three columns) that answer fewer questions. The same tokeniser, the same writer
//! memory, one thread, a commit each 2,000 posts (the indexer's most). Runs are interleaved, because machines
//! drift; medians are compared. With `stages` it does one more run, one stage at a time, and says where the
//! time goes. With `rebuild` it does something else: the indexer builds the index anew from a full store, against tantivy alone with the
//! same documents, one commit each. It asserts the numbers of posts, not speeds: the goal (ratio >= 0.5) stands in
//! `docs/BENCHMARKS.md`.

mod support;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::Path as UrlPath;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use overheard::analysis;
use overheard::config::{
    AnalysisConfig, AnalysisEngine, FeedConfig, FetchConfig, IndexConfig, MonitorConfig,
    SourceConfig, SourceKind,
};
use overheard::domain::{Cursor, MonitorId, Post, PostRecord, SourceId, SourceState, SourceStatus};
use overheard::fetch::Fetcher;
use overheard::index::{Index, IndexChange};
use overheard::ingest::{
    Indexer, Monitors, Pipeline, PollOutcome, PollSchedule, Poller, PollerParts, Verdict, follow,
    normalize,
};
use overheard::query::{Candidate, Known};
use overheard::runtime::Clock;
use overheard::sources::{self, Source};
use overheard::store::{BatchCommit, PostCommit, PostKnownQuery, Store};
use overheard::text;
use support::{BRAND, Said, Speaker, as_f64};
use tantivy::TantivyDocument;
use tantivy::schema::{
    FAST, INDEXED, IndexRecordOption, STORED, STRING, Schema, TextFieldIndexing, TextOptions,
};
use tantivy::tokenizer::{TextAnalyzer, Token, TokenStream, Tokenizer};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

const RUNS: usize = 3;
const FEEDS: usize = 200;
const ITEMS: usize = 200;
/// As `Indexer` takes them.
const COMMIT_POSTS: usize = 2_000;
/// As in `config/overheard.toml`.
const INDEX: IndexConfig = IndexConfig {
    commit_interval_ms: 500,
    writer_memory_mib: 30,
};

fn main() {
    let stages_wanted = std::env::args().any(|argument| argument == "stages");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("runtime starts");
    runtime.block_on(async {
        let mut server = JoinSet::new();
        let address = serve(feeds(), &mut server).await;
        let posts = normalised(address).await;
        println!(
            "posts          {:>8}   {FEEDS} feeds, {:.0} bytes of text each",
            posts.len(),
            per(posts.iter().map(|post| post.text.len()).sum(), posts.len()),
        );
        let posts = Arc::new(posts);
        let records: Arc<Vec<IndexChange>> = Arc::new(matched(&posts));
        if std::env::args().any(|argument| argument == "rebuild") {
            rebuild(&posts, records).await;
            return;
        }
        let (mut whole, mut same, mut bare) = (Side::default(), Side::default(), Side::default());
        for _ in 0..RUNS {
            let before = cpu_seconds();
            let took = run_overheard(address).await;
            whole.add(posts.len(), took, cpu_seconds() - before);
            let before = cpu_seconds();
            let again = Arc::clone(&records);
            let took = tokio::task::spawn_blocking(move || run_same(&again)).await;
            let took = took.expect("tantivy runs");
            same.add(posts.len(), took, cpu_seconds() - before);
            let before = cpu_seconds();
            let again = Arc::clone(&posts);
            let took = tokio::task::spawn_blocking(move || run_bare(&again)).await;
            let took = took.expect("tantivy runs");
            bare.add(posts.len(), took, cpu_seconds() - before);
        }
        println!("{:>32}{:>12}", "posts/s", "CPU us/post");
        let [rate, cpu] = whole.print("overheard");
        for (side, name) in [(same, "same documents"), (bare, "small documents")] {
            let [bare_rate, bare_cpu] = side.print(name);
            println!(
                "{:<17}{:>15.3}{:>12.2}",
                "  ratio",
                rate / bare_rate,
                cpu / bare_cpu
            );
        }
        if stages_wanted {
            stages(address).await;
        }
    });
}

// The feed server -------------------------------------------------------------------------------

struct Feed {
    content_type: &'static str,
    body: Bytes,
}

fn feeds() -> Vec<Feed> {
    let mut speaker = Speaker::new(42);
    let mut feed = |number: usize| {
        let items: Vec<Said> = (0..ITEMS).map(|_| speaker.say()).collect();
        match number % 2 {
            0 => Feed {
                content_type: "application/rss+xml",
                body: rss(&items).into(),
            },
            _ => Feed {
                content_type: "application/feed+json",
                body: json_feed(&items).into(),
            },
        }
    };
    (0..FEEDS).map(&mut feed).collect()
}

fn rss(items: &[Said]) -> String {
    let mut body = String::from(
        "<?xml version=\"1.0\"?><rss version=\"2.0\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\"><channel>\
         <title>Bench</title><link>https://town.example/</link><description>Made up</description>",
    );
    for item in items {
        let title = item
            .title
            .as_ref()
            .map(|title| format!("<title>{title}</title>"));
        body.push_str(&format!(
            "<item><guid isPermaLink=\"false\">{id}</guid>{title}<link>https://town.example/{id}?utm_source=rss</link>\
             <dc:creator>{author}</dc:creator><pubDate>{date}</pubDate>\
             <description>&lt;p&gt;{text} &amp;amp; &lt;b&gt;more&lt;/b&gt;&lt;/p&gt;</description></item>",
            id = item.native_id,
            title = title.unwrap_or_default(),
            author = item.author,
            date = item.at.strftime("%a, %d %b %Y %H:%M:%S +0000"),
            text = item.text,
        ));
    }
    body.push_str("</channel></rss>");
    body
}

fn json_feed(items: &[Said]) -> String {
    let items: Vec<_> = items
        .iter()
        .map(|item| {
            serde_json::json!({
                "id": item.native_id,
                "title": item.title,
                "url": format!("https://town.example/{}", item.native_id),
                "content_text": item.text,
                "date_published": item.at.to_string(),
                "authors": [{"name": item.author}],
            })
        })
        .collect();
    serde_json::json!({
        "version": "https://jsonfeed.org/version/1.1",
        "title": "Bench",
        "items": items,
    })
    .to_string()
}

async fn serve(feeds: Vec<Feed>, server: &mut JoinSet<()>) -> SocketAddr {
    let feeds = Arc::new(feeds);
    let answer = move |UrlPath(number): UrlPath<usize>| {
        let feeds = Arc::clone(&feeds);
        async move {
            let feed = &feeds[number];
            ([(CONTENT_TYPE, feed.content_type)], feed.body.clone()).into_response()
        }
    };
    let router = Router::new().route("/{number}", get(answer));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("loopback");
    let address = listener.local_addr().expect("an address");
    server.spawn(async move { axum::serve(listener, router).await.expect("served") });
    address
}

// Overheard -------------------------------------------------------------------------------------

async fn run_overheard(address: SocketAddr) -> Duration {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Clock::system();
    let store = Store::open(dir.path(), clock.now()).expect("store opens");
    let opened =
        Index::open(&dir.path().join("index"), store.uuid(), 0, &INDEX).expect("index opens");
    let reader = opened.reader.clone();
    let indexer = Arc::new(Mutex::new(Indexer::new(
        store.clone(),
        opened.writer,
        opened.reader,
    )));
    let off = AnalysisConfig {
        engine: AnalysisEngine::None,
        threads: 1,
        cache_texts: 0,
    };
    let analyzer = analysis::build(&off, &[], None).expect("no model");
    let (_keep, monitors) = watch::channel(Arc::new(monitors()));
    let pipeline = Arc::new(Pipeline::new(store.clone(), analyzer, monitors, 7));
    let schedule = PollSchedule {
        interval: Duration::from_secs(900),
        max_interval: Duration::from_secs(86_400),
        backoff: Duration::from_secs(60),
        max_backoff: Duration::from_secs(3600),
    };
    let parts = Arc::new(PollerParts {
        store: store.clone(),
        pipeline,
        clock: clock.clone(),
        fetcher: fetcher(&clock),
        named_metrics: false,
        follows_hubs: false,
    });
    let pollers: Vec<Poller> = sources(address, &clock)
        .into_iter()
        .map(|source| Poller::new(source, schedule, "bench".into(), Arc::clone(&parts)))
        .collect();

    let begin = Instant::now();
    let stop = CancellationToken::new();
    let mut following = JoinSet::new();
    following.spawn({
        let (indexer, clock, stop) = (Arc::clone(&indexer), clock.clone(), stop.clone());
        let tip = store.tip();
        let interval = Duration::from_millis(INDEX.commit_interval_ms);
        async move { follow(&indexer, tip, &clock, interval, &stop).await }
    });
    let mut polling = JoinSet::new();
    for poller in pollers {
        polling.spawn(async move { poller.step().await });
    }
    while let Some(outcome) = polling.join_next().await {
        let outcome = outcome.expect("poller lives").expect("store works");
        let PollOutcome::Polled { new_posts, .. } = outcome.0 else {
            panic!("a poll failed: {outcome:?}");
        };
        assert_eq!(new_posts, ITEMS as u64);
    }
    stop.cancel();
    while let Some(followed) = following.join_next().await {
        followed.expect("indexer lives").expect("index works");
    }
    indexer.lock().await.catch_up().await.expect("index works");
    let took = begin.elapsed();
    assert_eq!(reader.documents(), (FEEDS * ITEMS) as u64);
    store.close().await;
    took
}

fn fetcher(clock: &Clock) -> Fetcher {
    let config = FetchConfig {
        contact_url: String::new(),
        timeout_secs: 30,
        max_body_mib: 10,
        host_spacing_ms: 0,
        backoff_secs: 60,
        max_backoff_secs: 3600,
        max_interval_secs: 86_400,
        websub: false,
        allow_private: vec!["127.0.0.0/8".to_owned()],
        allow_ports: Vec::new(),
    };
    Fetcher::new(&config, clock.clone()).expect("fetcher")
}

fn sources(address: SocketAddr, clock: &Clock) -> Vec<Arc<dyn Source>> {
    let fetcher = fetcher(clock);
    let source = |number: usize| {
        let config = SourceConfig {
            id: SourceId::parse(format!("feed-{number}")).expect("an id"),
            interval_secs: 900,
            max_interval_secs: None,
            enabled: true,
            kind: SourceKind::Feed(FeedConfig {
                url: format!("http://{address}/{number}"),
                obey_robots: false,
            }),
        };
        Arc::from(sources::build(&config, &fetcher, clock).expect("a source"))
    };
    (0..FEEDS).map(source).collect()
}

fn monitors() -> Monitors {
    let queries = [
        ("brand", BRAND.to_owned()),
        ("power", "(battery OR charg*) AND NOT giveaway".to_owned()),
        (
            "support",
            format!("\"customer service\" OR (refund AND {BRAND})"),
        ),
    ];
    let configs: Vec<_> = queries
        .into_iter()
        .map(|(id, query)| MonitorConfig {
            id: MonitorId::parse(id).expect("an id"),
            query,
            brand: None,
            role: overheard::domain::BrandRole::default(),
        })
        .collect();
    Monitors::parse(&configs, TimeZone::UTC).expect("monitors")
}

// Tantivy alone ---------------------------------------------------------------------------------

fn matched(posts: &[Post]) -> Vec<IndexChange> {
    let monitors = monitors();
    let now = Clock::system().now();
    let insert = |post: &Post| {
        let commit = to_commit(post.clone(), None, &monitors, now);
        IndexChange::Insert(Box::new(PostRecord {
            monitors: commit.monitors,
            ..PostRecord::new(commit.post)
        }))
    };
    posts.iter().map(insert).collect()
}

fn run_same(records: &[IndexChange]) -> Duration {
    let dir = tempfile::tempdir().expect("a directory");
    let mut writer = Index::open(dir.path(), "bench", 0, &INDEX)
        .expect("index opens")
        .writer;
    let begin = Instant::now();
    for (number, records) in (1..).zip(records.chunks(COMMIT_POSTS)) {
        writer.apply(records).expect("index works");
        writer.commit(number).expect("index works");
    }
    begin.elapsed()
}

fn run_bare(posts: &[Post]) -> Duration {
    let dir = tempfile::tempdir().expect("a directory");
    let mut builder = Schema::builder();
    let words = TextOptions::default().set_indexing_options(
        TextFieldIndexing::default()
            .set_tokenizer("overheard")
            .set_index_option(IndexRecordOption::WithFreqsAndPositions),
    );
    let id = builder.add_text_field("id", STRING | STORED);
    let title = builder.add_text_field("title", words.clone());
    let text = builder.add_text_field("text", words);
    let source = builder.add_text_field("source", STRING | FAST);
    let lang = builder.add_text_field("lang", STRING | FAST);
    let ordered_at = builder.add_i64_field("ordered_at", INDEXED | FAST);
    let index = tantivy::Index::create_in_dir(dir.path(), builder.build()).expect("an index");
    index
        .tokenizers()
        .register("overheard", TextAnalyzer::from(SameTokenizer));
    let memory = INDEX.writer_memory_mib * 1024 * 1024;
    let mut writer = index.writer_with_num_threads(1, memory).expect("a writer");

    let begin = Instant::now();
    for posts in posts.chunks(COMMIT_POSTS) {
        for post in posts {
            let mut document = TantivyDocument::new();
            document.add_text(id, post.id.as_str());
            document.add_text(title, post.title.as_deref().unwrap_or_default());
            document.add_text(text, &post.text);
            document.add_text(source, post.source.as_str());
            document.add_text(lang, &post.language.code);
            document.add_i64(ordered_at, post.ordered_at().as_millisecond());
            writer.add_document(document).expect("added");
        }
        writer.commit().expect("committed");
    }
    begin.elapsed()
}

#[derive(Clone)]
struct SameTokenizer;

struct SameStream<'a> {
    tokens: text::Tokens<'a>,
    token: Token,
}

impl Tokenizer for SameTokenizer {
    type TokenStream<'a> = SameStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> SameStream<'a> {
        SameStream {
            tokens: text::tokenize(text),
            token: Token::default(),
        }
    }
}

impl TokenStream for SameStream<'_> {
    fn advance(&mut self) -> bool {
        let Some(next) = self.tokens.next() else {
            return false;
        };
        self.token.text.clear();
        self.token.text.push_str(&next.text);
        self.token.offset_from = next.start;
        self.token.offset_to = next.end;
        self.token.position = next.position;
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}

// The index anew -------------------------------------------------------------------------------

async fn rebuild(posts: &[Post], records: Arc<Vec<IndexChange>>) {
    let dir = tempfile::tempdir().expect("a directory");
    let (clock, monitors) = (Clock::system(), monitors());
    let (store, now) = (Store::open(dir.path(), clock.now()), clock.now());
    let store = store.expect("store opens");
    for posts in posts.chunks(ITEMS) {
        let source = &posts[0].source;
        let commit = |post: &Post| to_commit(post.clone(), None, &monitors, now);
        let commit = BatchCommit {
            source: source.clone(),
            cursor: Cursor::default(),
            status: status(source, now),
            posts: posts.iter().map(commit).collect(),
            rejects: Vec::new(),
            deleted: Vec::new(),
            forgotten: Vec::new(),
            events: Vec::new(),
            now,
        };
        store.commit_batch(commit).await.expect("store works");
    }
    let index = dir.path().join("index");
    let opened = Index::open(&index, store.uuid(), u64::MAX, &INDEX).expect("index opens");
    let reader = opened.reader.clone();
    let mut indexer = Indexer::new(store.clone(), opened.writer, opened.reader);
    let (mut whole, mut bare) = (Side::default(), Side::default());
    for _ in 0..RUNS {
        let (before, begin) = (cpu_seconds(), Instant::now());
        let built = indexer.rebuild(|_| {}).await.expect("index works");
        whole.add(posts.len(), begin.elapsed(), cpu_seconds() - before);
        assert_eq!((built, reader.documents()), (posts.len() as u64, built));
        let before = cpu_seconds();
        let again = Arc::clone(&records);
        let took = tokio::task::spawn_blocking(move || run_at_once(&again)).await;
        bare.add(
            posts.len(),
            took.expect("tantivy runs"),
            cpu_seconds() - before,
        );
    }
    drop(indexer);
    store.close().await;
    println!("{:>32}{:>12}", "posts/s", "CPU us/post");
    let [rate, _] = whole.print("rebuild");
    let [bare_rate, _] = bare.print("same documents");
    println!("{:<17}{:>15.3}", "  ratio", rate / bare_rate);
    let files = std::fs::read_dir(&index).expect("an index");
    let size = |file: std::fs::DirEntry| file.metadata().expect("a file").len();
    let bytes: u64 = files.map(|file| size(file.expect("a file"))).sum();
    #[allow(clippy::cast_precision_loss)]
    let each = bytes as f64 / as_f64(posts.len());
    println!("size of the index{each:>15.0} bytes a post: {each:.0} MB a million");
}

fn run_at_once(records: &[IndexChange]) -> Duration {
    let dir = tempfile::tempdir().expect("a directory");
    let opened = Index::open(dir.path(), "bench", 0, &INDEX).expect("index opens");
    let mut writer = opened.writer;
    let begin = Instant::now();
    for records in records.chunks(COMMIT_POSTS) {
        writer.apply(records).expect("index works");
    }
    writer.commit(1).expect("index works");
    begin.elapsed()
}

// One stage after the other ---------------------------------------------------------------------

/// The posts as the pipeline makes them.
async fn normalised(address: SocketAddr) -> Vec<Post> {
    let clock = Clock::system();
    let mut posts = Vec::new();
    for source in sources(address, &clock) {
        let batch = source.poll(&Cursor::default()).await.expect("polled");
        for raw in batch.posts {
            posts.push(normalize(raw, source.id(), clock.now()).expect("a post"));
        }
    }
    posts
}

/// Time by stage. Stages run alone and one after the other here; the daemon overlaps them.
#[derive(Default)]
struct Stages {
    order: Vec<&'static str>,
    times: HashMap<&'static str, Duration>,
}

impl Stages {
    fn add(&mut self, stage: &'static str, since: Instant) {
        if !self.times.contains_key(stage) {
            self.order.push(stage);
        }
        *self.times.entry(stage).or_default() += since.elapsed();
    }

    fn print(&self, posts: usize) {
        println!("stages, each alone:");
        for stage in &self.order {
            let micros = self.times[stage].as_secs_f64() * 1e6;
            println!("  {stage:<22} {:>7.1} us/post", micros / as_f64(posts));
        }
    }
}

async fn stages(address: SocketAddr) {
    let mut stages = Stages::default();
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Clock::system();
    let store = Store::open(dir.path(), clock.now()).expect("store opens");
    let monitors = monitors();
    let mut count = 0;
    for source in sources(address, &clock) {
        let begin = Instant::now();
        let batch = source.poll(&Cursor::default()).await.expect("polled");
        stages.add("fetch and parse", begin);

        let begin = Instant::now();
        let now = clock.now();
        let posts: Vec<Post> = batch
            .posts
            .into_iter()
            .map(|raw| normalize(raw, source.id(), now).expect("a post"))
            .collect();
        stages.add("normalise", begin);
        count += posts.len();
        parts_of_normalise(&posts, &mut stages);

        let begin = Instant::now();
        let queries = posts
            .iter()
            .map(|post| PostKnownQuery {
                id: post.id.clone(),
                fingerprint: post.fingerprint,
            })
            .collect();
        let known = store.known(queries).await.expect("store works");
        stages.add("look up", begin);

        let begin = Instant::now();
        let posts: Vec<PostCommit> = posts
            .into_iter()
            .zip(known)
            .map(|(post, known)| to_commit(post, known.duplicate_of, &monitors, now))
            .collect();
        stages.add("match", begin);

        let begin = Instant::now();
        let commit = BatchCommit {
            source: source.id().clone(),
            cursor: batch.cursor,
            status: status(source.id(), now),
            posts,
            rejects: Vec::new(),
            deleted: Vec::new(),
            forgotten: Vec::new(),
            events: Vec::new(),
            now,
        };
        store.commit_batch(commit).await.expect("store works");
        stages.add("commit", begin);
    }
    index_all(&store, dir.path(), &mut stages).await;
    store.close().await;
    stages.print(count);
}

fn parts_of_normalise(posts: &[Post], stages: &mut Stages) {
    let begin = Instant::now();
    for post in posts {
        std::hint::black_box(text::detect_language(&post.text, None));
    }
    stages.add("  of it: language", begin);
    let begin = Instant::now();
    for post in posts {
        std::hint::black_box(text::fingerprint(&post.text));
    }
    stages.add("  of it: fingerprint", begin);
}

fn to_commit(
    post: Post,
    duplicate_of: Option<overheard::domain::PostId>,
    monitors: &Monitors,
    now: Timestamp,
) -> PostCommit {
    let candidate = Candidate {
        post: &post,
        analysis: Known::Yes(None),
        customer: Known::NotYet,
        monitors: Known::NotYet,
        duplicate_of: Known::NotYet,
    };
    let monitors = match monitors.verdict(&candidate, now) {
        Verdict::Mention(monitors) => monitors,
        Verdict::Nothing | Verdict::Open => Vec::new(),
    };
    PostCommit {
        post,
        analysis: None,
        monitors,
        duplicate_of,
        links: Vec::new(),
        events: Vec::new(),
    }
}

async fn index_all(store: &Store, dir: &Path, stages: &mut Stages) {
    let opened = Index::open(&dir.join("index"), store.uuid(), 0, &INDEX).expect("index opens");
    let mut writer = opened.writer;
    loop {
        let begin = Instant::now();
        let changes = store
            .changes_after(writer.last_seq(), COMMIT_POSTS)
            .await
            .expect("store works");
        stages.add("read changes", begin);
        let Some(last) = changes.last() else {
            return;
        };
        let seq = last.seq;
        let begin = Instant::now();
        let changes: Vec<_> = changes
            .into_iter()
            .filter_map(|change| change.record)
            .map(|record| IndexChange::Insert(Box::new(record)))
            .collect();
        writer.apply(&changes).expect("index works");
        writer.commit(seq).expect("index works");
        stages.add("index", begin);
    }
}

fn status(source: &SourceId, now: Timestamp) -> SourceStatus {
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
        ..SourceStatus::waiting(source.clone(), "feed")
    }
}

fn per(total: usize, count: usize) -> f64 {
    as_f64(total) / as_f64(count)
}

/// The runs of one side.
#[derive(Default)]
struct Side {
    rates: Vec<f64>,
    cpu: Vec<f64>,
}

impl Side {
    fn add(&mut self, posts: usize, took: Duration, cpu_seconds: f64) {
        self.rates.push(as_f64(posts) / took.as_secs_f64());
        self.cpu.push(cpu_seconds * 1e6 / as_f64(posts));
    }

    fn print(self, name: &str) -> [f64; 2] {
        let medians = [median(self.rates), median(self.cpu)];
        println!("{name:<17}{:>15.0}{:>12.0}", medians[0], medians[1]);
        medians
    }
}

/// Processor time of this process so far: what a loaded machine does not stretch. Linux counts 100 a second.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = after_name.split_whitespace().skip(11).take(2);
    ticks
        .filter_map(|ticks| ticks.parse::<f64>().ok())
        .sum::<f64>()
        / 100.0
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
