//! The only door to HTTP: limits, politeness and the address guard.
//!
//! Nothing else in the project builds an HTTP client. What is fetched is bytes and headers; whether
//! they are a feed is the source's business. Nothing is stored here: validators go in with the
//! request and come out with the answer.

pub mod error;
pub mod explain;
pub mod guard;
pub mod local;

mod client;
mod failure;
mod get;
mod headers;
mod hints;
mod limits;
mod memo;
mod post;
mod robots;
mod robots_txt;
mod spacing;
mod trip;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
pub use reqwest::header::{HeaderName, HeaderValue};
use secrecy::SecretString;
pub use url::Url;

pub use error::{FetchError, FetchSetupError, Reaction, RedirectProblem, Refusal};

use crate::config::FetchConfig;
use crate::domain::{HttpKey, HttpState};
use crate::runtime::Clock;
use guard::{Guard, GuardedResolver, Lookup};
use limits::Limits;
use memo::Memo;
use robots::Robots;

/// Fetches and posts. Cheap to clone; clones share connections, pacing and robots.txt.
#[derive(Clone)]
pub struct Fetcher {
    inner: Arc<Inner>,
    memo: Option<Arc<Memo>>,
}

/// What all clones share.
struct Inner {
    get_client: reqwest::Client,
    post_client: reqwest::Client,
    guard: Arc<Guard>,
    resolver: GuardedResolver,
    clock: Clock,
    bounds: Bounds,
    limits: Limits,
    robots: Robots,
}

/// Bounds of one request.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    timeout: Duration,
    max_body: u64,
}

/// A resource to fetch.
#[derive(Debug, Clone)]
pub struct GetRequest {
    /// Where it is. A fragment is not sent.
    pub url: Url,
    /// The `Accept` header.
    pub accept: &'static str,
    /// What is known of it; validators are sent only if the key is this URL's and credential's.
    pub state: Option<HttpState>,
    /// A header that proves who asks; never sent to another origin than the URL's.
    pub credential: Option<Credential>,
    /// Asks robots.txt first.
    pub obey_robots: bool,
}

impl GetRequest {
    /// What the resource's state is kept under: the URL without fragment, and the credential's name.
    #[must_use]
    pub fn key(&self) -> HttpKey {
        let mut url = self.url.clone();
        url.set_fragment(None);
        HttpKey {
            url: url.into(),
            credential: self
                .credential
                .as_ref()
                .map_or_else(String::new, |credential| credential.name.clone()),
        }
    }
}

/// A secret header.
#[derive(Debug, Clone)]
pub struct Credential {
    /// Its name in `HttpKey`, never its value.
    pub name: String,
    /// Such as `authorization`.
    pub header: HeaderName,
    /// The whole header value, such as `Bearer ...`.
    pub value: SecretString,
}

/// A fetched resource.
#[derive(Debug, Clone)]
#[expect(
    clippy::large_enum_variant,
    reason = "one lives at a time and is taken apart at once"
)]
pub enum Fetched {
    /// The server says that what we have is current.
    NotModified {
        /// Validators to keep; `not_before` when the server asked for a pause.
        state: HttpState,
        /// The server's freshness, however far ahead.
        fresh_until: Option<Timestamp>,
    },
    /// There is a body.
    Fresh(Response),
}

/// A body with what its headers say.
#[derive(Debug, Clone)]
pub struct Response {
    /// Where it came from, after redirects.
    pub url: Url,
    /// `Content-Type` as sent.
    pub content_type: Option<String>,
    /// The `Link` headers as sent.
    pub link: Vec<String>,
    /// The decoded body.
    pub body: Bytes,
    /// The new validators, to be committed with the items; `not_before` when the server asked for a pause.
    pub state: HttpState,
    /// The server's freshness, however far ahead.
    pub fresh_until: Option<Timestamp>,
    /// The server's rate limit is used up until then.
    pub pause_until: Option<Timestamp>,
    /// Where permanent redirects (301, 308) led before the first temporary one.
    pub moved_to: Option<Url>,
}

/// A delivery.
#[derive(Debug, Clone)]
pub struct PostRequest {
    /// The endpoint.
    pub url: Url,
    /// Sent as given.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Sent as given.
    pub body: Bytes,
    /// Total time, the answer included.
    pub timeout: Duration,
    /// Allows plain http.
    pub allow_http: bool,
}

/// The endpoint's answer, whatever its status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostAnswer {
    /// The status; redirects are not followed.
    pub status: u16,
    /// `Retry-After`, at most 30 days ahead.
    pub retry_after: Option<Timestamp>,
    /// The first characters of the body, for people who look for a fault.
    pub excerpt: String,
}

impl Fetcher {
    /// Opens the door: one TLS set-up, two connection pools.
    ///
    /// # Errors
    /// A configuration that cannot work.
    pub fn new(config: &FetchConfig, clock: Clock) -> Result<Self, FetchSetupError> {
        let bounds = Bounds {
            timeout: Duration::from_secs(config.timeout_secs),
            max_body: config.max_body_mib.saturating_mul(1024 * 1024),
        };
        Self::build(config, clock, bounds, Lookup::System)
    }

    fn build(
        config: &FetchConfig,
        clock: Clock,
        bounds: Bounds,
        lookup: Lookup,
    ) -> Result<Self, FetchSetupError> {
        let user_agent = client::user_agent(&config.contact_url);
        if HeaderValue::from_str(&user_agent).is_err() {
            return Err(FetchSetupError::ContactUrl(config.contact_url.clone()));
        }
        let guard = Arc::new(Guard::new(config)?);
        let resolver = GuardedResolver::new(Arc::clone(&guard), lookup);
        let tls = client::tls_config(rustls_native_certs::load_native_certs())?;
        let get_client = client::get_client(&user_agent, resolver.clone(), tls.clone())
            .map_err(FetchSetupError::Client)?;
        let post_client = client::post_client(&user_agent, resolver.clone(), tls)
            .map_err(FetchSetupError::Client)?;
        Ok(Self {
            memo: None,
            inner: Arc::new(Inner {
                get_client,
                post_client,
                guard,
                resolver,
                limits: Limits::new(clock.clone(), Duration::from_millis(config.host_spacing_ms)),
                robots: Robots::default(),
                clock,
                bounds,
            }),
        })
    }

    /// A clone whose own clones get one answer for one resource, however many ask, until `forget`: several
    /// sources on one URL cause one fetch.
    #[must_use]
    pub fn sharing(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            memo: Some(Arc::default()),
        }
    }

    /// Begins a new round: what `sharing` remembered is asked for anew.
    pub fn forget(&self) {
        if let Some(memo) = &self.memo {
            memo.clear();
        }
    }

    /// The name of the line in which requests to this URL's host stand, one at a time.
    #[must_use]
    pub fn lane(url: &Url) -> String {
        limits::group_of(url)
    }

    /// Holds that changed since the last call, as names and times: to be stored, so that a restart asks nobody too early.
    #[must_use]
    pub fn new_holds(&self) -> Vec<(String, Timestamp)> {
        self.inner.limits.new_holds()
    }

    /// Puts back what `new_holds` gave in an earlier life.
    pub fn restore_holds(&self, holds: Vec<(String, Timestamp)>) {
        self.inner.limits.restore_holds(holds);
    }

    /// Fetches a resource, conditionally when its validators are known.
    ///
    /// # Errors
    /// Whatever kept us from a 200 or an expected 304; see `FetchError::reaction`.
    pub async fn get(&self, request: GetRequest) -> Result<Fetched, FetchError> {
        let key = request.key();
        if let Some(fetched) = self.memo.as_ref().and_then(|memo| memo.recall(&key)) {
            return Ok(fetched);
        }
        let fetched = get::get(&self.inner, request).await;
        if let (Some(memo), Ok(fetched)) = (&self.memo, &fetched) {
            memo.keep(key, fetched);
        }
        metrics::counter!("overheard_fetch_requests_total", "outcome" => outcome(&fetched))
            .increment(1);
        fetched
    }

    /// Posts a body once, following no redirect.
    ///
    /// # Errors
    /// No answer came; an answer with any status is no error.
    pub async fn post(&self, request: PostRequest) -> Result<PostAnswer, FetchError> {
        post::post(&self.inner, request).await
    }

    /// Posts a form as a guest: in the host's turn, where 307 and 308 lead, and heeding whoever asks us to slow down.
    ///
    /// # Errors
    /// No answer came, or one that asks us to come back later; any other status is no error.
    pub async fn submit(
        &self,
        url: Url,
        fields: &[(&str, &str)],
    ) -> Result<PostAnswer, FetchError> {
        post::submit(&self.inner, url, fields).await
    }
}

/// The outcome as a metric's label.
fn outcome(fetched: &Result<Fetched, FetchError>) -> &'static str {
    match fetched {
        Ok(Fetched::NotModified { .. }) => "not_modified",
        Ok(Fetched::Fresh(_)) => "fresh",
        Err(FetchError::RateLimited { .. }) => "rate_limited",
        Err(FetchError::Status { .. }) => "status",
        Err(FetchError::Refused { .. }) => "refused",
        Err(FetchError::TooLarge { .. }) => "too_large",
        Err(FetchError::Timeout { .. }) => "timeout",
        Err(FetchError::Connect { .. }) => "connect",
        Err(FetchError::Redirects { .. }) => "redirects",
        Err(FetchError::Decode { .. }) => "decode",
        Err(FetchError::UnexpectedNotModified { .. }) => "unexpected_not_modified",
    }
}

impl std::fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fetcher").finish_non_exhaustive()
    }
}
