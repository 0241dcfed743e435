//! The town: seven networks on loopback, people who post, and a ledger of what was served.
//!
//! Time is an argument (`advance`), so a test decides what has happened. Nothing arrives by itself.
//! It imports nothing of Overheard but the domain.

mod appstore;
mod atom;
mod hackernews;
mod jsonfeed;
mod mastodon;
mod reviews;
mod rss;
pub mod script;
mod server;
pub mod trouble;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::domain::PostKey;
use script::{Script, TownPost};
pub use trouble::Trouble;

/// The networks' host in URLs that are shown, never asked.
pub(in crate::demo::town) const HOST: &str = "scooter.town";
/// The hashtag under which all toots of the town are found.
pub const TAG: &str = "escooter";
/// What stories and comments are searched for.
pub const QUERY: &str = "scooter";
/// The app's id.
pub const APP_ID: &str = "770011";

/// The customers that the town's CRM knows, as CSV: `id,name,emails,handles,urls,segment,value,tags`.
pub const CUSTOMERS_CSV: &str = include_str!("customers.csv");

/// A network of the town.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Network {
    /// A magazine, RSS 2.0.
    Rss,
    /// A blog, Atom.
    Atom,
    /// A laboratory, JSON Feed.
    JsonFeed,
    /// A Mastodon instance.
    Mastodon,
    /// Algolia's search of Hacker News.
    HackerNews,
    /// App Store reviews.
    AppStore,
    /// A shop's page with reviews.
    Reviews,
}

impl Network {
    /// All networks.
    pub const ALL: [Self; 7] = [
        Self::Rss,
        Self::Atom,
        Self::JsonFeed,
        Self::Mastodon,
        Self::HackerNews,
        Self::AppStore,
        Self::Reviews,
    ];

    /// A name for people and for source ids.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rss => "magazine",
            Self::Atom => "blog",
            Self::JsonFeed => "lab",
            Self::Mastodon => "mastodon",
            Self::HackerNews => "hackernews",
            Self::AppStore => "appstore",
            Self::Reviews => "shop-reviews",
        }
    }
}

/// The networks' ports, in the order of `Network::ALL`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ports([u16; Network::ALL.len()]);

/// A request that a network got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Path and query.
    pub target: String,
    /// The `If-None-Match` header.
    pub if_none_match: Option<String>,
    /// The `If-Modified-Since` header.
    pub if_modified_since: Option<String>,
    /// The `User-Agent` header.
    pub user_agent: Option<String>,
    /// The status that it got; 0 when the connection was dropped or left hanging.
    pub status: u16,
}

/// A post that was served at least once.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// What a source must call it.
    pub key: PostKey,
    /// What was served last.
    pub post: TownPost,
}

/// The running town. Dropping it closes all networks.
#[derive(Debug)]
pub struct Town {
    world: Arc<Mutex<World>>,
    _servers: JoinSet<()>,
}

/// What has happened so far.
#[derive(Debug)]
pub(in crate::demo::town) struct World {
    script: Script,
    /// Oldest first.
    pub posts: Vec<TownPost>,
    pub bases: BTreeMap<Network, String>,
    pub served: BTreeSet<u64>,
    pub asked: Vec<(Network, Asked)>,
    pub troubles: Vec<(Network, Trouble)>,
}

impl World {
    /// A network's posts, newest first, at most `limit`.
    pub fn newest(&self, network: Network, limit: usize) -> Vec<&TownPost> {
        let of_network = self
            .posts
            .iter()
            .rev()
            .filter(|post| post.network == network);
        of_network.take(limit).collect()
    }

    pub fn base(&self, network: Network) -> &str {
        self.bases.get(&network).map_or("", String::as_str)
    }

    fn key(&self, post: &TownPost) -> PostKey {
        let base = self.base(post.network);
        let (network, scope, native_id) = match post.network {
            Network::Rss => ("feed", format!("{base}{}", rss::PATH), rss::guid(post)),
            Network::Atom => ("feed", format!("{base}{}", atom::PATH), atom::id(post)),
            Network::JsonFeed => (
                "feed",
                format!("{base}{}", jsonfeed::PATH),
                post.number.to_string(),
            ),
            Network::Mastodon => ("mastodon", String::new(), mastodon::uri(post)),
            Network::HackerNews => ("hackernews", String::new(), post.number.to_string()),
            Network::AppStore => ("appstore", APP_ID.to_owned(), post.number.to_string()),
            Network::Reviews => {
                let host = base.trim_start_matches("http://").to_owned();
                ("reviews", host, format!("{base}{}", reviews::link(post)))
            }
        };
        PostKey {
            network: network.to_owned(),
            scope,
            native_id,
        }
    }
}

impl Town {
    /// Opens all networks on 127.0.0.1, with the past of the script already published. A new post is
    /// due about each `interval_ms` from `now` on. `ports` are those of an earlier town that shall
    /// be found where it was; free ones when absent.
    ///
    /// # Errors
    /// When a port can't be bound.
    pub async fn start(
        seed: u64,
        now: Timestamp,
        interval_ms: i64,
        ports: Option<&Ports>,
        stop: CancellationToken,
    ) -> io::Result<Self> {
        let mut world = World {
            script: Script::new(seed, now, interval_ms),
            posts: Vec::new(),
            bases: BTreeMap::new(),
            served: BTreeSet::new(),
            asked: Vec::new(),
            troubles: Vec::new(),
        };
        let mut listeners = Vec::new();
        for (index, network) in Network::ALL.into_iter().enumerate() {
            let port = ports.map_or(0, |ports| ports.0[index]);
            let listener = TcpListener::bind(("127.0.0.1", port)).await?;
            world
                .bases
                .insert(network, format!("http://{}", listener.local_addr()?));
            listeners.push((network, listener));
        }
        let town = Self {
            world: Arc::new(Mutex::new(world)),
            _servers: JoinSet::new(),
        };
        town.advance(now);
        let mut servers = JoinSet::new();
        for (network, listener) in listeners {
            servers.spawn(server::serve(
                network,
                listener,
                Arc::clone(&town.world),
                stop.clone(),
            ));
        }
        Ok(Self {
            _servers: servers,
            ..town
        })
    }

    /// Publishes what is due at `now` and says how many posts that were.
    pub fn advance(&self, now: Timestamp) -> usize {
        let mut world = self.lock();
        let before = world.posts.len();
        while world.script.next_at() <= now {
            let post = world.script.write();
            world.posts.push(post);
        }
        world.posts.len() - before
    }

    /// Changes the text of a network's newest post, as an author who corrects themselves.
    pub fn edit_newest(&self, network: Network, text: &str) -> Option<PostKey> {
        let mut world = self.lock();
        let post = world
            .posts
            .iter_mut()
            .rev()
            .find(|post| post.network == network)?;
        text.clone_into(&mut post.text);
        post.revision += 1;
        let post = post.clone();
        Some(world.key(&post))
    }

    /// The ports, for a town that starts again.
    #[must_use]
    pub fn ports(&self) -> Ports {
        let world = self.lock();
        let port = |network| {
            world
                .base(network)
                .rsplit(':')
                .next()
                .and_then(|port| port.parse().ok())
        };
        Ports(Network::ALL.map(|network| port(network).unwrap_or(0)))
    }

    /// How many requests there were.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.lock().asked.len() as u64
    }

    /// A network's base URL, such as `http://127.0.0.1:4242`.
    #[must_use]
    pub fn base_url(&self, network: Network) -> String {
        self.lock().base(network).to_owned()
    }

    /// Every post that was served, oldest first.
    #[must_use]
    pub fn ledger(&self) -> Vec<Entry> {
        let world = self.lock();
        let served = world
            .posts
            .iter()
            .filter(|post| world.served.contains(&post.number));
        served
            .map(|post| Entry {
                key: world.key(post),
                post: post.clone(),
            })
            .collect()
    }

    /// How many posts there are, served or not.
    #[must_use]
    pub fn published(&self) -> usize {
        self.lock().posts.len()
    }

    /// The requests that a network got, oldest first.
    #[must_use]
    pub fn asked(&self, network: Network) -> Vec<Asked> {
        let world = self.lock();
        let of_network = world.asked.iter().filter(|(asked, _)| *asked == network);
        of_network.map(|(_, asked)| asked.clone()).collect()
    }

    /// Makes a network's next `times` requests go wrong, after those that will already.
    pub fn misbehave(&self, network: Network, trouble: &Trouble, times: usize) {
        let mut world = self.lock();
        for _ in 0..times {
            world.troubles.push((network, trouble.clone()));
        }
    }

    /// The `[[sources]]` blocks that listen to the whole town, as TOML.
    #[must_use]
    pub fn sources_toml(&self, interval_secs: u64) -> String {
        let world = self.lock();
        let mut toml = String::new();
        for network in Network::ALL {
            let base = world.base(network);
            let keys = match network {
                Network::Rss => format!("type = \"feed\"\nurl = \"{base}{}\"", rss::PATH),
                Network::Atom => format!("type = \"feed\"\nurl = \"{base}{}\"", atom::PATH),
                Network::JsonFeed => format!("type = \"feed\"\nurl = \"{base}{}\"", jsonfeed::PATH),
                Network::Mastodon => {
                    format!("type = \"mastodon\"\nbase_url = \"{base}\"\ntag = \"{TAG}\"")
                }
                Network::HackerNews => {
                    format!("type = \"hackernews\"\nbase_url = \"{base}\"\nquery = \"{QUERY}\"")
                }
                Network::AppStore => format!(
                    "type = \"appstore\"\nbase_url = \"{base}\"\napp_id = \"{APP_ID}\"\ncountry = \"us\""
                ),
                Network::Reviews => format!(
                    "type = \"page\"\nurl = \"{base}{}\"\n{}",
                    reviews::PATH,
                    reviews::SELECTORS
                ),
            };
            let name = network.name();
            toml.push_str(&format!(
                "[[sources]]\nid = \"{name}\"\ninterval_secs = {interval_secs}\n{keys}\n\n"
            ));
        }
        toml
    }

    fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Escapes text for HTML and XML.
pub(in crate::demo::town) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests;
