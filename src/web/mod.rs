//! The HTTP API and the page: what people and programs see of Overheard.
//!
//! Reads through `insight`; what changes something goes to the application as a `Command`. It never
//! renders a post's raw markup, never sends anything to other hosts, and never logs what was searched for.

pub mod api;
pub mod assets;
mod audit;
pub mod auth;
pub mod middleware;
pub mod pages;
pub mod problem;
pub mod ready;
pub mod serve;
#[cfg(test)]
mod tests;
mod websub;

use std::fmt;
use std::sync::Arc;

use axum::Router;
use jiff::tz::TimeZone;
use serde::Serialize;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

pub use assets::Assets;
pub use auth::session::FIRST_USER;
pub use auth::{ApiToken, Auth, Pace, Role};
pub use problem::Problem;
pub use ready::{PartState, PartStatus};
pub use serve::{bind_socket, serve_tcp, serve_unix};

use crate::deliver::managed::Settings;
use crate::domain::{EndpointId, MonitorId, MonitorSummary, Push, Pushed, SourceId};
use crate::ingest::Rescored;
use crate::insight::Searcher;
use crate::runtime::Clock;
use crate::runtime::seal::SealKey;
use crate::store::Store;

/// Everything that requests need. Clones share it.
#[derive(Clone)]
pub struct WebState {
    /// Search.
    pub searcher: Searcher,
    /// The truth.
    pub store: Store,
    /// The time.
    pub clock: Clock,
    /// The zone in which people read times and queries count days.
    pub zone: TimeZone,
    /// What login links begin with, such as `http://127.0.0.1:8080`: `public_url`, else the address that is bound.
    pub base_url: String,
    /// Whether a proxy that speaks TLS stands in front; only then are its headers believed.
    pub behind_proxy: bool,
    /// Most requests a second of a token, a user or an address; 0 means no limit.
    pub requests_per_second: u32,
    /// Login links, and who was there before.
    pub auth: Arc<Auth>,
    /// What the configuration declares; changes with a reload.
    pub declared: watch::Receiver<Arc<Declared>>,
    /// How each part of the daemon fares.
    pub status: StatusProvider,
    /// The metrics as Prometheus text.
    pub metrics: MetricsRenderer,
    /// How far the building of a new index is.
    pub rebuild: watch::Receiver<Rebuild>,
    /// How far the scoring of history is.
    pub rescoring: watch::Receiver<Rescoring>,
    /// Seals the secrets of endpoints.
    pub seal_key: Arc<SealKey>,
    /// To the application.
    pub commands: mpsc::Sender<Command>,
    /// Streams end with it.
    pub stop: CancellationToken,
}

/// Tells how each part of the daemon fares, right now and without waiting.
pub type StatusProvider = Arc<dyn Fn() -> Vec<PartStatus> + Send + Sync>;

/// Renders the metrics as Prometheus text.
pub type MetricsRenderer = Arc<dyn Fn() -> String + Send + Sync>;

/// What the configuration declares and people want to see.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Declared {
    /// Saved queries; also those that were made by API.
    pub monitors: Vec<MonitorSummary>,
    /// Which of them were made by API.
    pub made_monitors: Vec<MonitorId>,
    /// Origins.
    pub sources: Vec<DeclaredSource>,
    /// Who is told; also those that were made by API.
    pub endpoints: Vec<DeclaredEndpoint>,
}

impl Declared {
    /// The names of all endpoints.
    pub(in crate::web) fn endpoint_names(&self) -> Vec<EndpointId> {
        self.endpoints
            .iter()
            .map(|endpoint| endpoint.id.clone())
            .collect()
    }
}

/// Who made something: only its maker's way changes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The configuration file.
    File,
    /// The API.
    Api,
}

/// An endpoint and what may be said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredEndpoint {
    /// The name.
    pub id: EndpointId,
    /// Who made it.
    pub origin: Origin,
    /// The host, the mailboxes or the file; never a whole URL, which may hold a token.
    pub address: String,
    /// What it gets, and how.
    pub settings: Settings,
    /// What a person should mend.
    pub problem: Option<String>,
}

/// A source as the configuration declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredSource {
    /// The name.
    pub id: SourceId,
    /// The connector, such as `feed`.
    pub kind: String,
    /// False keeps it known but silent.
    pub enabled: bool,
}

/// How far the building of a new index is, or how the last one ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rebuild {
    /// It is under way.
    pub is_running: bool,
    /// Posts that are in the new index.
    pub posts: u64,
    /// Posts of the store when it began.
    pub total: u64,
    /// Why the last one failed; the old index goes on then.
    pub error: Option<String>,
}

/// How far the scoring of history is, or how the last one ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rescoring {
    /// It is under way.
    pub is_running: bool,
    /// What was done.
    pub done: Rescored,
    /// Why the last one failed; it goes on from there when it is begun again.
    pub error: Option<String>,
}

/// What only the application can do. The answer is a sentence for the person who asked.
#[derive(Debug)]
pub enum Command {
    /// Begins to build the index anew from the store, while the old one serves; refused while that is under way.
    RebuildIndex(oneshot::Sender<Result<String, String>>),
    /// An endpoint changed in the store.
    Deliver(EndpointId, oneshot::Sender<Result<String, String>>),
    /// Queues of endpoints changed in the store.
    Wake,
    /// Begins to score history again, at most so many posts a second (0: no limit); refused while that is under way.
    Rescore(u32, oneshot::Sender<Result<String, String>>),
    /// Monitors changed in the store.
    Listen(oneshot::Sender<Result<String, String>>),
    /// Reads the configuration again; on an error the old one stays.
    Reload(oneshot::Sender<Result<String, String>>),
    /// A source's next poll was brought forward in the store.
    Poll(SourceId),
    /// A hub sent news of a feed. Dropped unanswered when there is too much of it.
    Push(Push, oneshot::Sender<Result<Pushed, String>>),
}

/// The state with what the router adds to it.
pub(in crate::web) struct Site {
    web: WebState,
    live: api::live::Live,
    assets: Assets,
    pace: Pace,
    reference: Vec<pages::reference::Group>,
}

pub(in crate::web) type SharedSite = Arc<Site>;

impl fmt::Debug for WebState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebState")
            .field("base_url", &self.base_url)
            .field("behind_proxy", &self.behind_proxy)
            .finish_non_exhaustive()
    }
}

/// Through which door requests come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// An address: everybody must say who they are.
    Tcp,
    /// The socket, which only the daemon's own user may open: everybody is admin.
    Socket,
}

/// All routes, with the middleware.
pub fn router(state: WebState, door: Door) -> Router {
    let (api, description) = api::routes().split_for_parts();
    let site = Arc::new(Site {
        reference: pages::reference::groups(&description),
        pace: Pace::new(state.clock.clone(), state.requests_per_second),
        web: state,
        live: api::live::Live::default(),
        assets: Assets::embedded(),
    });
    let routes = Router::new()
        .merge(api)
        .merge(api::openapi::route(&description))
        .merge(pages::routes())
        .merge(assets::routes())
        .merge(ready::routes())
        .fallback(pages::not_found)
        .method_not_allowed_fallback(problem::method_not_allowed);
    middleware::wrap(routes, &site, door).with_state(site)
}
