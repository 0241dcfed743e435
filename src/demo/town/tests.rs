//! Sources listen to the town over loopback and hear each post once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::config::{FetchConfig, SourceConfig};
use crate::domain::{Batch, Cursor, RawPost, SourceId};
use crate::fetch::Fetcher;
use crate::runtime::{Clock, ManualClock};
use crate::sources::{PollError, Source, build};

struct Listener {
    town: Town,
    sources: Vec<(Box<dyn Source>, Cursor)>,
    time: ManualClock,
    clock: Clock,
}

#[derive(Deserialize)]
struct Sources {
    sources: Vec<SourceConfig>,
}

impl Listener {
    async fn start() -> Self {
        let now: Timestamp = "2026-03-01T10:00:00Z".parse().unwrap();
        let (clock, time) = Clock::manual(now);
        let town = Town::start(7, now, 500, None, CancellationToken::new())
            .await
            .unwrap();
        let fetcher = Fetcher::new(&fetch_config(), clock.clone()).unwrap();
        let config: Sources = toml::from_str(&town.sources_toml(60)).unwrap();
        assert_eq!(config.sources.len(), Network::ALL.len());
        let sources = config
            .sources
            .iter()
            .map(|config| (build(config, &fetcher, &clock).unwrap(), Cursor::default()))
            .collect();
        Self {
            town,
            sources,
            time,
            clock,
        }
    }

    fn pass(&self, secs: u64) {
        self.time.advance(Duration::from_secs(secs));
        self.town.advance(self.clock.now());
    }

    async fn poll(&mut self, network: Network) -> Result<Batch, PollError> {
        let id = SourceId::parse(network.name()).unwrap();
        let (source, cursor) = self
            .sources
            .iter_mut()
            .find(|(source, _)| *source.id() == id)
            .unwrap();
        let batch = source.poll(cursor).await?;
        *cursor = batch.cursor.clone();
        Ok(batch)
    }

    /// Polls everything until nothing says that it has more.
    async fn listen(&mut self) -> Vec<RawPost> {
        let mut posts = Vec::new();
        for network in Network::ALL {
            loop {
                let batch = self.poll(network).await.unwrap();
                assert_eq!(batch.rejects, []);
                posts.extend(batch.posts);
                if !batch.more {
                    break;
                }
            }
        }
        posts
    }
}

fn fetch_config() -> FetchConfig {
    FetchConfig {
        contact_url: "https://overheard.example/bot".into(),
        timeout_secs: 5,
        max_body_mib: 4,
        host_spacing_ms: 0,
        backoff_secs: 1,
        max_backoff_secs: 10,
        max_interval_secs: 86_400,
        websub: false,
        allow_private: vec!["127.0.0.0/8".into()],
        allow_ports: vec![],
    }
}

#[tokio::test]
async fn repeated_polls_hear_the_ledger_exactly_once() {
    let mut listener = Listener::start().await;
    let mut heard: BTreeMap<_, u32> = BTreeMap::new();
    for _ in 0..6 {
        for post in listener.listen().await {
            *heard.entry(format!("{:?}", post.key)).or_default() += 1;
        }
        listener.pass(20);
    }
    let served: BTreeSet<_> = listener
        .town
        .ledger()
        .iter()
        .map(|entry| format!("{:?}", entry.key))
        .collect();
    let once: BTreeSet<_> = heard.keys().cloned().collect();
    assert_eq!(once, served);
    assert!(heard.values().all(|times| *times == 1), "{heard:?}");
    // All that was published before the last advance was served: nothing lies beyond a page.
    assert_eq!(served.len(), 73 + 5 * 40);
    let networks: BTreeSet<_> = listener
        .town
        .ledger()
        .iter()
        .map(|entry| entry.post.network)
        .collect();
    assert_eq!(networks.len(), Network::ALL.len());
}

#[tokio::test]
async fn posts_arrive_with_what_the_town_knows_of_them() {
    let mut listener = Listener::start().await;
    let posts = listener.listen().await;
    let ledger = listener.town.ledger();
    let mut kinds = BTreeSet::new();
    for entry in &ledger {
        let raw = posts.iter().find(|post| post.key == entry.key).unwrap();
        let post = &entry.post;
        kinds.insert(raw.kind.as_str());
        assert_eq!(raw.kind, post.kind, "{:?}", entry.key);
        assert_eq!(
            raw.published_at.unwrap().as_second(),
            post.published_at.as_second()
        );
        assert_eq!(
            raw.rating.map(|rating| rating.value),
            post.stars.map(f64::from)
        );
        let author = raw.author.as_ref().unwrap();
        assert!(
            [
                &author.handle,
                author.display_name.as_ref().unwrap_or(&author.handle)
            ]
            .iter()
            .any(|name| name.contains(&post.person.handle) || **name == post.person.name)
        );
        if post.network == Network::Mastodon {
            assert_eq!(author.handle, format!("{}@{HOST}", post.person.handle));
            assert_eq!(author.followers, Some(post.person.followers));
            assert_eq!(raw.engagement.likes, Some(post.numbers[0]));
        }
    }
    let expected = ["article", "comment", "post", "reply", "repost", "review"];
    assert!(
        expected.iter().all(|kind| kinds.contains(kind)),
        "{kinds:?}"
    );
}

#[tokio::test]
async fn unchanged_feeds_answer_304_and_an_edit_is_heard() {
    let mut listener = Listener::start().await;
    for network in [
        Network::Rss,
        Network::Atom,
        Network::JsonFeed,
        Network::AppStore,
        Network::Reviews,
    ] {
        assert!(
            !listener.poll(network).await.unwrap().posts.is_empty(),
            "{network:?}"
        );
        assert_eq!(listener.poll(network).await.unwrap().posts, []);
        let asked = listener.town.asked(network);
        let last = asked.last().unwrap();
        assert_eq!(last.status, 304, "{network:?}");
        assert!(last.if_none_match.is_some() && last.user_agent.is_some());
        let key = listener
            .town
            .edit_newest(network, "Edited: all is well again.")
            .unwrap();
        let edited = listener.poll(network).await.unwrap().posts;
        assert_eq!(edited.len(), 1, "{network:?}");
        assert_eq!(edited[0].key, key);
        assert!(edited[0].body.as_str().contains("all is well again"));
    }
}

#[tokio::test]
async fn trouble_is_told_apart_and_loses_nothing() {
    let mut listener = Listener::start().await;
    listener.poll(Network::Rss).await.unwrap();
    listener.pass(30);
    for trouble in [
        Trouble::Status(500),
        Trouble::HtmlPage,
        Trouble::HugeBody(5 * 1024 * 1024),
        Trouble::GzipBomb(64 * 1024 * 1024),
        Trouble::Drop,
    ] {
        listener.town.misbehave(Network::Rss, &trouble, 1);
        match listener.poll(Network::Rss).await {
            Err(PollError::Transient(_)) => {}
            other => panic!("{trouble:?}: {other:?}"),
        }
        listener.time.advance(Duration::from_secs(3600));
    }
    // A cut feed gives its items, and the next request gets all of it.
    listener.town.misbehave(Network::Rss, &Trouble::Cut, 1);
    let cut = listener.poll(Network::Rss).await.unwrap();
    assert_eq!(cut.cursor.http.and_then(|state| state.etag), None);
    listener
        .town
        .misbehave(Network::Rss, &Trouble::InvalidUtf8, 1);
    listener.poll(Network::Rss).await.unwrap();
    listener.poll(Network::Rss).await.unwrap();
    listener.poll(Network::Rss).await.unwrap();
    let asked = listener.town.asked(Network::Rss);
    let conditional: Vec<_> = asked
        .iter()
        .rev()
        .take(3)
        .map(|asked| asked.if_none_match.is_some())
        .collect();
    // The answer after the cut one carried no validators, the one after that did.
    assert_eq!(conditional, [true, false, false]);
    listener
        .town
        .misbehave(Network::Mastodon, &Trouble::RateLimited(120), 1);
    let now = listener.clock.now();
    match listener.poll(Network::Mastodon).await {
        Err(PollError::RateLimited {
            retry_at: Some(at), ..
        }) => {
            assert_eq!(at.as_second() - now.as_second(), 120);
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_page_in_place_of_a_new_feed_needs_a_person() {
    let mut listener = Listener::start().await;
    listener
        .town
        .misbehave(Network::Atom, &Trouble::HtmlPage, 1);
    let base = listener.town.base_url(Network::Atom);
    match listener.poll(Network::Atom).await {
        Err(PollError::Permanent(fault)) => assert_eq!(
            fault.to_string(),
            format!(
                "{}: the answer is an HTML page, not a feed; did you mean {base}/feed.xml",
                base.trim_start_matches("http://")
            )
        ),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_burst_beyond_every_page_is_read_to_its_end() {
    let mut listener = Listener::start().await;
    listener.listen().await;
    let start = listener.clock.now();
    listener.pass(6_000);
    for network in [Network::HackerNews, Network::Mastodon] {
        let (mut heard, mut polls) = (Vec::new(), 0);
        loop {
            let batch = listener.poll(network).await.unwrap();
            assert!(batch.requests <= 10);
            heard.extend(batch.posts.into_iter().map(|post| post.key));
            polls += 1;
            if !batch.more {
                break;
            }
        }
        let expected: Vec<_> = {
            let world = listener.town.lock();
            let new = |post: &&TownPost| post.network == network && post.published_at > start;
            let found = |post: &&TownPost| {
                network == Network::Mastodon
                    || format!("{} {}", post.title, post.text)
                        .to_lowercase()
                        .contains(QUERY)
            };
            world
                .posts
                .iter()
                .filter(new)
                .filter(found)
                .map(|post| world.key(post))
                .collect()
        };
        assert!(expected.len() > 1000, "{}", expected.len());
        assert!(polls > 1);
        let once: BTreeSet<_> = heard.iter().map(|key| key.native_id.clone()).collect();
        assert_eq!(once.len(), heard.len(), "{network:?} heard posts twice");
        assert_eq!(once.len(), expected.len(), "{network:?}");
        assert!(expected.iter().all(|key| once.contains(&key.native_id)));
    }
}
