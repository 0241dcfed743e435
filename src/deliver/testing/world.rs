//! A real store in a temporary directory, a manual clock and the real door to HTTP.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use jiff::tz::TimeZone;
use tempfile::TempDir;

use super::receiver::Receiver;
use super::start;
use crate::config::{DeliverConfig, EndpointConfig, FetchConfig};
use crate::deliver::{Dispatcher, DispatcherSetup, Endpoint};
use crate::domain::{
    Analysis, Cursor, EndpointId, Event, EventId, EventKind, MonitorId, Post, PostId, Subject,
};
use crate::fetch::Fetcher;
use crate::runtime::{Clock, ManualClock};
use crate::store::{BatchCommit, PostCommit, Store};

pub const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

pub struct World {
    pub dir: TempDir,
    pub store: Store,
    pub clock: Clock,
    pub time: ManualClock,
}

impl World {
    pub fn new() -> Self {
        Self::at(start())
    }

    pub fn at(now: jiff::Timestamp) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (clock, time) = Clock::manual(now);
        let store = Store::open(dir.path(), now).unwrap();
        Self {
            dir,
            store,
            clock,
            time,
        }
    }

    /// Closes the store and opens it again.
    pub async fn reopen(&mut self) {
        self.store.close().await;
        self.store = Store::open(self.dir.path(), self.clock.now()).unwrap();
    }

    pub fn secret_file(&self) -> PathBuf {
        let path = self.dir.path().join("secret");
        std::fs::write(&path, format!("{SECRET}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    pub fn endpoint_config(&self, name: &str, url: &str) -> EndpointConfig {
        let id = EndpointId::parse(name).unwrap();
        EndpointConfig {
            allow_http: true,
            ..EndpointConfig::webhook(id, url, Some(self.secret_file()))
        }
    }

    pub fn dispatcher_of(&self, config: &EndpointConfig) -> Dispatcher {
        let fetch = FetchConfig {
            contact_url: "https://acme.example/bot".to_owned(),
            timeout_secs: 10,
            max_body_mib: 1,
            host_spacing_ms: 0,
            backoff_secs: 1,
            max_backoff_secs: 60,
            max_interval_secs: 86_400,
            websub: false,
            allow_private: vec!["127.0.0.0/8".to_owned()],
            allow_ports: Vec::new(),
        };
        let setup = DispatcherSetup {
            store: self.store.clone(),
            fetcher: Fetcher::new(&fetch, self.clock.clone()).unwrap(),
            clock: self.clock.clone(),
            config: DeliverConfig {
                timeout_secs: 15,
                concurrency: 4,
                max_waiting: 100_000,
                key_file: std::path::PathBuf::new(),
            },
            public_url: None,
            zone: TimeZone::UTC,
            seed: 7,
        };
        Dispatcher::new(Endpoint::build(config, None).unwrap(), setup)
    }

    pub fn dispatcher(&self, name: &str, receiver: &Receiver) -> Dispatcher {
        self.dispatcher_of(&self.endpoint_config(name, &receiver.url))
    }

    /// Stores a post as a mention and tells of it.
    pub async fn mention(&self, native_id: &str, text: &str) -> EventId {
        let post = super::post(native_id, text);
        let id = post.id.mention();
        let event = Event::new(
            EventKind::MentionCreated,
            Subject::Mention { id },
            1,
            self.clock.now(),
        );
        self.commit(post, Some(super::analysis()), vec![event.clone()])
            .await;
        event.id
    }

    pub async fn commit(&self, post: Post, analysis: Option<Analysis>, events: Vec<Event>) {
        let mut batch = self.batch();
        batch.posts.push(PostCommit {
            post,
            analysis,
            monitors: vec![MonitorId::parse("acme").unwrap()],
            duplicate_of: None,
            links: Vec::new(),
            events,
        });
        self.store.commit_batch(batch).await.unwrap();
    }

    /// Deletes a post, as the network said; the store tells of it.
    pub async fn delete(&self, post: &PostId) -> EventId {
        let mut batch = self.batch();
        batch.deleted.push(post.clone());
        self.store.commit_batch(batch).await.unwrap();
        let events = self.store.events_after(0, 1000).await.unwrap();
        let last = events.into_iter().next_back().unwrap().event;
        assert_eq!(last.kind, EventKind::MentionDeleted);
        last.id
    }

    fn batch(&self) -> BatchCommit {
        let status = super::failed_source();
        BatchCommit {
            source: status.id.clone(),
            cursor: Cursor::default(),
            status,
            posts: Vec::new(),
            rejects: Vec::new(),
            deleted: Vec::new(),
            forgotten: Vec::new(),
            events: Vec::new(),
            now: self.clock.now(),
        }
    }
}
