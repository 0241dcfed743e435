//! A pipeline over a real store, a source that answers by a script, and posts by hand.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::sync::watch;

use super::super::*;
use crate::analysis::AnalyzerHandle;
use crate::config::{FetchConfig, MonitorConfig};
use crate::domain::{
    Author, Batch, Body, BrandRole, Cursor, EventKind, HttpKey, MonitorId, PostKey, RawPost,
    SourceId,
};
use crate::fetch::Fetcher;
use crate::runtime::{Clock, ManualClock};
use crate::sources::{PollError, Source};
use crate::store::Store;

/// A pipeline without a model over a store in a temporary directory.
pub struct World {
    pub dir: tempfile::TempDir,
    pub store: Store,
    pub pipeline: Arc<Pipeline>,
    pub monitors: watch::Sender<Arc<Monitors>>,
    pub clock: Clock,
    pub hands: ManualClock,
}

pub fn fetch_config() -> FetchConfig {
    FetchConfig {
        contact_url: String::new(),
        timeout_secs: 5,
        max_body_mib: 1,
        host_spacing_ms: 0,
        backoff_secs: 60,
        max_backoff_secs: 3_600,
        max_interval_secs: 86_400,
        websub: true,
        allow_private: vec!["127.0.0.0/8".to_owned()],
        allow_ports: Vec::new(),
    }
}

pub fn start() -> Timestamp {
    "2026-11-22T10:00:00Z".parse().unwrap()
}

pub fn monitors(queries: &[(&str, &str)]) -> Arc<Monitors> {
    let configs: Vec<MonitorConfig> = queries
        .iter()
        .map(|(id, query)| MonitorConfig {
            id: MonitorId::parse(*id).unwrap(),
            query: (*query).to_owned(),
            brand: None,
            role: BrandRole::Own,
        })
        .collect();
    Arc::new(Monitors::parse(&configs, TimeZone::UTC).unwrap())
}

impl World {
    pub fn new(keep_unmatched_days: u32) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), start()).unwrap();
        let (monitors, receiver) = watch::channel(monitors(&[
            ("volta", "volta"),
            ("late", "late AND delivery"),
        ]));
        let pipeline = Pipeline::new(
            store.clone(),
            AnalyzerHandle::off(),
            receiver,
            keep_unmatched_days,
        );
        let (clock, hands) = Clock::manual(start());
        Self {
            dir,
            store,
            pipeline: Arc::new(pipeline),
            monitors,
            clock,
            hands,
        }
    }

    pub fn poller(&self, answers: Vec<Result<Batch, PollError>>) -> Poller {
        let source = Scripted::new(source_id(), answers);
        let schedule = PollSchedule {
            interval: Duration::from_secs(900),
            max_interval: Duration::from_secs(86_400),
            backoff: Duration::from_secs(60),
            max_backoff: Duration::from_secs(3600),
        };
        Poller::new(Arc::new(source), schedule, "forum".into(), self.parts())
    }

    pub fn parts(&self) -> Arc<PollerParts> {
        Arc::new(PollerParts {
            store: self.store.clone(),
            pipeline: Arc::clone(&self.pipeline),
            clock: self.clock.clone(),
            fetcher: Fetcher::new(&fetch_config(), self.clock.clone()).unwrap(),
            named_metrics: false,
            follows_hubs: true,
        })
    }

    pub async fn event_kinds(&self) -> Vec<EventKind> {
        self.store
            .events_after(0, 100)
            .await
            .unwrap()
            .iter()
            .map(|stored| stored.event.kind)
            .collect()
    }
}

/// A source that answers by a script.
pub struct Scripted {
    id: SourceId,
    answers: Mutex<VecDeque<Result<Batch, PollError>>>,
    seen: Mutex<Vec<Option<String>>>,
}

impl Scripted {
    pub fn new(id: SourceId, answers: Vec<Result<Batch, PollError>>) -> Self {
        Self {
            id,
            answers: Mutex::new(answers.into()),
            seen: Mutex::default(),
        }
    }
}

#[async_trait]
impl Source for Scripted {
    fn id(&self) -> &SourceId {
        &self.id
    }

    fn kind(&self) -> &'static str {
        "scripted"
    }

    fn http_key(&self) -> Option<HttpKey> {
        None
    }

    async fn poll(&self, cursor: &Cursor) -> Result<Batch, PollError> {
        self.seen.lock().unwrap().push(cursor.position.clone());
        self.answers.lock().unwrap().pop_front().unwrap()
    }
}

pub fn source_id() -> SourceId {
    SourceId::parse("forum").unwrap()
}

pub fn raw(native_id: &str, text: &str) -> RawPost {
    let key = PostKey {
        network: "forum".into(),
        scope: String::new(),
        native_id: native_id.into(),
    };
    let mut raw = RawPost::new(key, Body::Plain(text.to_owned()));
    raw.author = Some(Author {
        handle: "ann".into(),
        ..Author::default()
    });
    raw.published_at = Some("2026-11-22T09:00:00Z".parse().unwrap());
    raw
}

pub fn batch(posts: Vec<RawPost>, position: &str) -> Batch {
    Batch {
        posts,
        cursor: Cursor {
            position: Some(position.to_owned()),
            http: None,
        },
        requests: 1,
        ..Batch::default()
    }
}
