//! What polling costs: memory of many sources, polls a second, lateness beside tarpits, memory over time, items a second.
//!
//! `cargo bench --bench polling [-- memory | rate | lateness | hour | items]`; all of them without a name. Every part runs what
//! the daemon runs, without the model: real feed sources, the real door, the rota, a synchronous store. The fake
//! hosts are a thousand loopback addresses behind one port; their server runs in this process and on the same cores.
//! The parts assert that the work was done, not how fast: the goals stand in `docs/BENCHMARKS.md`.

#[path = "support/recorder.rs"]
mod recorder;

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use overheard::analysis;
use overheard::config::{
    AnalysisConfig, AnalysisEngine, FeedConfig, FetchConfig, MonitorConfig, SourceConfig,
    SourceKind,
};
use overheard::domain::{BrandRole, MonitorId, SourceId};
use overheard::fetch::{Fetcher, Url};
use overheard::ingest::{
    Monitors, Pipeline, PollOutcome, PollSchedule, Poller, PollerParts, Rota, RotaHandle,
};
use overheard::runtime::{Clock, ManualClock};
use overheard::sources;
use overheard::store::Store;
use recorder::Kept;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

const HOSTS: usize = 1_000;
/// One host in twenty takes the connection and never answers.
const TARPIT_EVERY: usize = 20;
const MANY: usize = 100_000;
const ITEM_FEEDS: usize = 50;
const ITEMS: usize = 200;

fn main() {
    let wanted = std::env::args()
        .skip(1)
        .find(|argument| !argument.starts_with('-'));
    let is_wanted = |part: &str| wanted.as_deref().is_none_or(|wanted| wanted == part);
    let lateness = Kept::install("overheard_poll_lateness_seconds");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        // Memory first: nothing that another part left behind is counted.
        if is_wanted("memory") {
            memory().await;
        }
        if is_wanted("rate") {
            rate(&lateness).await;
        }
        if is_wanted("lateness") {
            late(&lateness).await;
        }
        if is_wanted("hour") {
            hour().await;
        }
        if is_wanted("items") {
            items().await;
        }
    });
}

/// 100,000 sources, built and scheduled; nobody is due.
async fn memory() {
    let before = resident();
    let (clock, _hand) = Clock::manual("2026-11-22T10:00:00Z".parse().expect("a time"));
    let world = World::new(clock);
    let begin = Instant::now();
    let pollers = world.pollers(MANY, MANY, 9, 900);
    let (handle, stop, running) = world.start(pollers);
    tokio::time::sleep(Duration::from_secs(3)).await;
    let took = begin.elapsed();
    let bytes = resident() - before;
    println!(
        "memory      {MANY} sources scheduled: {} MiB ({} bytes a source), {:.1} s",
        bytes >> 20,
        bytes / MANY as u64,
        took.as_secs_f64() - 3.0
    );
    finish(handle, stop, running).await;
}

/// As many polls as go, all answered 304.
async fn rate(lateness: &Kept) {
    let server = Server::start(Manner::Quick).await;
    let world = World::new(Clock::system());
    // Four sources a host, each due every second: more than can be done.
    let pollers = world.pollers(HOSTS * 4, HOSTS, server.port, 1);
    let (handle, stop, running) = world.start(pollers);
    tokio::time::sleep(Duration::from_secs(8)).await;
    let mut rates = Vec::new();
    for _ in 0..5 {
        let (before, begin, cpu) = (server.not_modified(), Instant::now(), cpu_seconds());
        tokio::time::sleep(Duration::from_secs(4)).await;
        let done = server.not_modified() - before;
        let each = (cpu_seconds() - cpu) * 1e6 / done as f64;
        rates.push((done as f64 / begin.elapsed().as_secs_f64(), each));
    }
    rates.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (median, cpu) = rates[rates.len() / 2];
    println!(
        "rate        {HOSTS} hosts, all 304: {median:.0} polls/s (of 5 windows: {:.0} to {:.0}), {cpu:.0} us of processor time a poll, the server's part included",
        rates[0].0,
        rates[rates.len() - 1].0
    );
    assert!(median > 0.0, "nothing was polled");
    finish(handle, stop, running).await;
    lateness.take();
}

/// 5 % of the hosts are tarpits: how late do polls begin?
async fn late(lateness: &Kept) {
    for sources in [HOSTS, HOSTS * 3] {
        let server = Server::start(Manner::Tarpits).await;
        let world = World::new(Clock::system());
        let pollers = world.pollers(sources, HOSTS, server.port, 5);
        let (handle, stop, running) = world.start(pollers);
        tokio::time::sleep(Duration::from_secs(12)).await;
        lateness.take();
        let before = server.not_modified();
        tokio::time::sleep(Duration::from_secs(30)).await;
        let values = lateness.take();
        let done = server.not_modified() - before;
        assert!(!values.is_empty(), "nothing was polled");
        let at = |part: f64| values[((values.len() - 1) as f64 * part) as usize];
        println!(
            "lateness    {sources} sources on {HOSTS} hosts, 5 % tarpits, every 5 s ({:.0} polls/s): p50 {:.3} s, p99 {:.3} s, most {:.3} s",
            done as f64 / 30.0,
            at(0.5),
            at(0.99),
            at(1.0)
        );
        finish(handle, stop, running).await;
    }
}

/// An hour of virtual time: 1,000 sources every minute.
async fn hour() {
    let server = Server::start(Manner::Quick).await;
    let (clock, hand) = Clock::manual("2026-11-22T10:00:00Z".parse().expect("a time"));
    let world = World::new(clock);
    let pollers = world.pollers(HOSTS, HOSTS, server.port, 60);
    let (handle, stop, running) = world.start(pollers);
    let mut readings = Vec::new();
    for minute in 0..=60 {
        turn(&hand, &server).await;
        if minute % 10 == 0 {
            readings.push(resident() >> 20);
        }
    }
    println!(
        "hour        {} polls in an hour of virtual time; resident MiB every 10 minutes: {readings:?}",
        server.asked()
    );
    assert!(server.asked() > 50 * HOSTS as u64, "{}", server.asked());
    finish(handle, stop, running).await;
}

/// Moves the clock by a minute in steps, each when the polls of the one before are done.
async fn turn(hand: &ManualClock, server: &Server) {
    for _ in 0..12 {
        hand.advance(Duration::from_secs(5));
        let mut before = u64::MAX;
        while before != server.asked() {
            before = server.asked();
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
    }
}

/// Items that changed, from bytes to a commit: every poll brings all items with another text.
async fn items() {
    let server = Server::start(Manner::Changing).await;
    let world = World::new(Clock::system());
    let pollers = world.pollers(ITEM_FEEDS, ITEM_FEEDS, server.port, 1);
    let mut rates = Vec::new();
    for round in 0..4 {
        let (begin, cpu) = (Instant::now(), cpu_seconds());
        let mut polling = JoinSet::new();
        for poller in &pollers {
            let poller = Arc::clone(poller);
            polling.spawn(async move { poller.step().await });
        }
        let mut changed = 0;
        while let Some(outcome) = polling.join_next().await {
            let (outcome, _) = outcome.expect("no panic").expect("the store works");
            let PollOutcome::Polled {
                new_posts,
                changed_posts,
                ..
            } = outcome
            else {
                panic!("{outcome:?}");
            };
            changed += new_posts + changed_posts;
        }
        let took = begin.elapsed().as_secs_f64();
        assert_eq!(changed, (ITEM_FEEDS * ITEMS) as u64);
        let each = (cpu_seconds() - cpu) * 1e6 / changed as f64;
        rates.push((changed as f64 / took, each));
        // What is asked for too early is refused.
        if round == 0 {
            println!(
                "items       the first round, all new: {:.0} items/s",
                rates[0].0
            );
        }
    }
    let mut changed = rates.split_off(1);
    changed.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (median, cpu) = changed[changed.len() / 2];
    println!(
        "items       changed, parse to store: {median:.0} items/s, {cpu:.0} us of processor time an item"
    );
    world.store.close().await;
}

/// Store, pipeline and door.
struct World {
    store: Store,
    clock: Clock,
    fetcher: Fetcher,
    parts: Arc<PollerParts>,
    _monitors: watch::Sender<Arc<Monitors>>,
    _dir: tempfile::TempDir,
}

impl World {
    fn new(clock: Clock) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let store = Store::open(dir.path(), clock.now()).expect("a store");
        let off = AnalysisConfig {
            engine: AnalysisEngine::None,
            threads: 1,
            cache_texts: 0,
        };
        let analyzer = analysis::build(&off, &[], None).expect("no model");
        let monitor = MonitorConfig {
            id: MonitorId::parse("volta").expect("an id"),
            query: "volta".to_owned(),
            brand: None,
            role: BrandRole::Own,
        };
        let monitors = Monitors::parse(&[monitor], jiff::tz::TimeZone::UTC).expect("a query");
        let (sender, receiver) = watch::channel(Arc::new(monitors));
        let pipeline = Arc::new(Pipeline::new(store.clone(), analyzer, receiver, 7));
        let config = FetchConfig {
            contact_url: String::new(),
            timeout_secs: 30,
            max_body_mib: 10,
            host_spacing_ms: 0,
            backoff_secs: 5,
            max_backoff_secs: 5,
            max_interval_secs: 86_400,
            websub: false,
            allow_private: vec!["127.0.0.0/8".to_owned()],
            allow_ports: Vec::new(),
        };
        let fetcher = Fetcher::new(&config, clock.clone()).expect("a fetcher");
        let parts = Arc::new(PollerParts {
            store: store.clone(),
            pipeline,
            clock: clock.clone(),
            fetcher: fetcher.clone(),
            named_metrics: false,
            follows_hubs: false,
        });
        Self {
            store,
            clock,
            fetcher,
            parts,
            _monitors: sender,
            _dir: dir,
        }
    }

    /// Pollers of feeds, spread over hosts, polled every `interval` seconds and never less often.
    fn pollers(&self, count: usize, hosts: usize, port: u16, interval: u64) -> Vec<Arc<Poller>> {
        let seconds = Duration::from_secs(interval);
        let schedule = PollSchedule {
            interval: seconds,
            max_interval: seconds,
            backoff: Duration::from_secs(5),
            max_backoff: Duration::from_secs(5),
        };
        let poller = |number: usize| {
            let host = number % hosts;
            let url = format!(
                "http://127.{}.{}.{}:{port}/feeds/{number}.xml",
                1 + host / 62_500,
                host / 250 % 250,
                1 + host % 250
            );
            let lane = Fetcher::lane(&Url::parse(&url).expect("a URL"));
            let config = SourceConfig {
                id: SourceId::parse(format!("feed-{number}")).expect("an id"),
                interval_secs: interval,
                max_interval_secs: None,
                enabled: true,
                kind: SourceKind::Feed(FeedConfig {
                    url,
                    obey_robots: false,
                }),
            };
            let source = sources::build(&config, &self.fetcher, &self.clock).expect("a source");
            let parts = Arc::clone(&self.parts);
            Arc::new(Poller::new(Arc::from(source), schedule, lane.into(), parts))
        };
        (0..count).map(poller).collect()
    }

    fn start(&self, pollers: Vec<Arc<Poller>>) -> (RotaHandle, CancellationToken, JoinSet<()>) {
        let (rota, handle) = Rota::new(pollers, self.store.clone(), self.clock.clone());
        let stop = CancellationToken::new();
        let mut running = JoinSet::new();
        let stopping = stop.clone();
        running.spawn(async move { rota.run(stopping).await.expect("the store works") });
        (handle, stop, running)
    }
}

async fn finish(handle: RotaHandle, stop: CancellationToken, mut running: JoinSet<()>) {
    assert_eq!(handle.troubles(), [], "polls could not be stored");
    stop.cancel();
    while let Some(ended) = running.join_next().await {
        ended.expect("no panic");
    }
}

/// How the fake hosts answer.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    /// A small feed once, then 304.
    Quick,
    /// The same, but one host in twenty never answers.
    Tarpits,
    /// Each time all items with another text.
    Changing,
}

/// A thousand hosts behind one port.
struct Server {
    port: u16,
    counts: Arc<Counts>,
    _tasks: JoinSet<()>,
}

#[derive(Default)]
struct Counts {
    asked: AtomicU64,
    not_modified: AtomicU64,
}

impl Server {
    async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("0.0.0.0:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let counts = Arc::new(Counts::default());
        let mut tasks = JoinSet::new();
        let counting = Arc::clone(&counts);
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, manner, Arc::clone(&counting)));
                while connections.try_join_next().is_some() {}
            }
        });
        Self {
            port,
            counts,
            _tasks: tasks,
        }
    }

    fn asked(&self) -> u64 {
        self.counts.asked.load(Ordering::Relaxed)
    }

    fn not_modified(&self) -> u64 {
        self.counts.not_modified.load(Ordering::Relaxed)
    }
}

async fn serve(mut stream: TcpStream, manner: Manner, counts: Arc<Counts>) {
    let host = stream
        .local_addr()
        .map(|address| address.ip())
        .expect("an address");
    let last = match host {
        std::net::IpAddr::V4(address) => usize::from(address.octets()[3]),
        std::net::IpAddr::V6(_) => 1,
    };
    let mut buffer = vec![0; 4_096];
    loop {
        let mut length = 0;
        while !buffer[..length].ends_with(b"\r\n\r\n") {
            match stream.read(&mut buffer[length..]).await {
                Ok(read) if read > 0 => length += read,
                _ => return,
            }
        }
        let asked = counts.asked.fetch_add(1, Ordering::Relaxed);
        if manner == Manner::Tarpits && last % TARPIT_EVERY == 0 {
            std::future::pending::<()>().await;
        }
        let request = String::from_utf8_lossy(&buffer[..length]).to_ascii_lowercase();
        let answer = if manner != Manner::Changing
            && request.contains("\r\nif-none-match: \"1\"\r\n")
        {
            counts.not_modified.fetch_add(1, Ordering::Relaxed);
            "HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\n\r\n".to_owned()
        } else {
            let feed = match manner {
                Manner::Changing => feed(ITEMS, asked),
                _ => feed(1, 0),
            };
            format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/rss+xml\r\nETag: \"1\"\r\nContent-Length: {}\r\n\r\n{feed}",
                feed.len()
            )
        };
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// A feed whose items change their texts with `edition`.
fn feed(items: usize, edition: u64) -> String {
    let mut text = String::from(
        "<?xml version=\"1.0\"?><rss version=\"2.0\"><channel><title>t</title><link>https://t.example/</link><description>d</description>",
    );
    for item in 0..items {
        let _ = write!(
            text,
            "<item><guid isPermaLink=\"false\">{item}</guid><title>Item {item}</title><pubDate>Sun, 01 Nov 2026 12:00:00 GMT</pubDate><description>Edition {edition} of item {item}: the battery of my scooter lost its charge after {edition} minutes, and nobody at the hotline could tell me why that is.</description></item>"
        );
    }
    text.push_str("</channel></rss>");
    text
}

/// Memory of this process that is in RAM, in bytes.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm
        .split_whitespace()
        .nth(1)
        .and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0) * 4_096
}

/// Processor time of this process so far. Linux counts 100 a second.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = after_name.split_whitespace().skip(11).take(2);
    ticks
        .filter_map(|ticks| ticks.parse::<f64>().ok())
        .sum::<f64>()
        / 100.0
}
