//! The list of manners, item by item, on the whole path: a real feed source, the real door and store, a fake server
//! whose log is the judge, and a clock that is turned by hand.

mod conditional;
mod limits;
mod redirects;
mod sharing;
mod statuses;
mod timing;
mod turns;
mod websub;

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::super::*;
use super::world::*;
use crate::config::{FeedConfig, SourceConfig, SourceKind};
use crate::domain::{SourceId, SourceState, SourceStatus};
use crate::fetch::Fetcher;
use crate::fetch::testing::{Answer, Arrived, TestServer, answer};
use crate::sources::{self, Source};

pub const MINUTE: u64 = 60;
pub const HOUR: u64 = 3_600;
pub const DAY: u64 = 86_400;

/// A feed with an item for each number; an item's text says its number.
pub fn rss(extra: &str, items: &[u32]) -> String {
    let items: String = items
        .iter()
        .map(|n| format!("<item><guid isPermaLink=\"false\">item-{n}</guid><title>Item {n}</title><description>My Volta number {n} is broken</description></item>"))
        .collect();
    format!(
        "<?xml version=\"1.0\"?><rss version=\"2.0\" xmlns:sy=\"http://purl.org/rss/1.0/modules/syndication/\"><channel><title>Volta</title><link>https://volta.example/</link><description>x</description>{extra}{items}</channel></rss>"
    )
}

/// A feed as an answer.
pub fn feed(headers: &[&str], items: &[u32]) -> Answer {
    let mut lines = vec!["Content-Type: application/rss+xml"];
    lines.extend(headers);
    answer("200 OK", &lines, rss("", items))
}

pub fn not_modified(headers: &[&str]) -> Answer {
    answer("304 Not Modified", headers, "")
}

/// We, at somebody's server.
pub struct Guest {
    pub world: World,
    pub server: TestServer,
    times: Arc<Mutex<Vec<Timestamp>>>,
    parts: Arc<PollerParts>,
}

impl Guest {
    /// A server that answers the n-th request (from 0, robots.txt not counted) by `respond`.
    pub async fn of(respond: impl Fn(usize, &Arrived) -> Answer + Send + Sync + 'static) -> Self {
        let world = World::new(7);
        let times: Arc<Mutex<Vec<Timestamp>>> = Arc::default();
        let (log, clock) = (Arc::clone(&times), world.clock.clone());
        let count = AtomicUsize::new(0);
        let server = TestServer::start(move |arrived| {
            log.lock().unwrap().push(clock.now());
            respond(count.fetch_add(1, Ordering::SeqCst), arrived)
        })
        .await;
        let parts = world.parts();
        Self {
            world,
            server,
            times,
            parts,
        }
    }

    /// As after a restart: what was in memory is gone.
    pub async fn restart(&mut self) {
        self.parts = self.world.parts();
        let holds = self.world.store.holds().await.unwrap();
        self.parts.fetcher.restore_holds(holds);
    }

    pub fn config(&self, id: &str, path: &str) -> SourceConfig {
        SourceConfig {
            id: SourceId::parse(id).unwrap(),
            interval_secs: 15 * MINUTE,
            max_interval_secs: None,
            enabled: true,
            kind: SourceKind::Feed(FeedConfig {
                url: self.server.url(path).to_string(),
                obey_robots: false,
            }),
        }
    }

    pub fn source(&self, config: &SourceConfig, door: &Fetcher) -> Arc<dyn Source> {
        Arc::from(sources::build(config, door, &self.world.clock).unwrap())
    }

    /// The poller of the feed `/feed`.
    pub fn feed(&self) -> Poller {
        self.poller(&self.config("forum", "/feed"))
    }

    pub fn poller(&self, config: &SourceConfig) -> Poller {
        let source = self.source(config, &self.parts.fetcher);
        Poller::new(source, schedule(), "host".into(), Arc::clone(&self.parts))
    }

    /// One poller of several sources on one URL.
    pub fn shared(&self, configs: &[SourceConfig]) -> Poller {
        let door = self.parts.fetcher.sharing();
        let sources = configs.iter().map(|config| self.source(config, &door));
        let sources = sources.collect();
        Poller::shared(
            sources,
            door,
            schedule(),
            "host".into(),
            Arc::clone(&self.parts),
        )
    }

    /// Turns the clock to when the poller is due, and polls. Returns when it is due again, in seconds from then.
    pub async fn poll(&self, poller: &Poller) -> Option<i64> {
        if let Some(due) = poller.due().await.unwrap().filter(|due| *due > self.now()) {
            self.world.hands.set(due);
        }
        let (_, next) = poller.step().await.unwrap();
        next.map(|next| next.duration_since(self.now()).as_secs())
    }

    pub fn now(&self) -> Timestamp {
        self.world.clock.now()
    }

    pub fn later(&self, seconds: u64) -> Timestamp {
        self.now() + SignedDuration::from_secs(seconds as i64)
    }

    pub fn advance(&self, seconds: u64) {
        self.world.hands.advance(Duration::from_secs(seconds));
    }

    pub async fn status_of(&self, id: &str) -> SourceStatus {
        let id = SourceId::parse(id).unwrap();
        self.world.store.source_status(&id).await.unwrap().unwrap()
    }

    pub async fn status(&self) -> SourceStatus {
        self.status_of("forum").await
    }

    pub async fn posts(&self) -> u64 {
        self.world.store.counts().await.unwrap().posts
    }

    pub async fn status_or_none(&self) -> Option<SourceStatus> {
        self.world.store.source_status(&source_id()).await.unwrap()
    }

    pub fn requests(&self) -> usize {
        self.server.log().len()
    }

    /// A header of the newest request.
    pub fn sent(&self, header: &str) -> Option<String> {
        let log = self.server.log();
        log.last().unwrap().header(header).map(str::to_owned)
    }

    /// Seconds between one request and the next.
    pub fn gaps(&self) -> Vec<i64> {
        let times = self.times.lock().unwrap();
        let pairs = times.windows(2);
        pairs
            .map(|pair| pair[1].duration_since(pair[0]).as_secs())
            .collect()
    }
}

pub fn schedule() -> PollSchedule {
    PollSchedule {
        interval: Duration::from_secs(15 * MINUTE),
        max_interval: Duration::from_secs(DAY),
        backoff: Duration::from_secs(MINUTE),
        max_backoff: Duration::from_secs(6 * HOUR),
    }
}

/// Within a wait and the tenth that jitter may add.
#[track_caller]
pub fn about(found: Option<i64>, wait: u64) {
    let (found, wait) = (found.unwrap(), wait as i64);
    assert!(
        (wait..=wait + wait / 10 + 1).contains(&found),
        "{found} s and not {wait}"
    );
}
