//! What can go wrong between us and a server, in words for people, and how to react to it.
//!
//! Messages name the host and never the path or the query: those may hold secrets.

use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;
use thiserror::Error;
use url::Url;

/// A request that brought nothing usable.
#[derive(Debug, Error)]
pub enum FetchError {
    /// 429, 503 with a time, or a limit that an earlier answer announced; nothing may be sent before then.
    #[error("{} asks us to slow down{}", host(url), until(*retry_at))]
    RateLimited {
        /// What was asked for.
        url: Url,
        /// When to come back; absent when the server did not say.
        retry_at: Option<Timestamp>,
    },
    /// A status that carries no resource.
    #[error("{} answered {status}", host(url))]
    Status {
        /// What answered, after redirects.
        url: Url,
        /// The status.
        status: u16,
    },
    /// The request was not sent: our own rules forbid it.
    #[error("{}: {refusal}", host(url))]
    Refused {
        /// What was asked for.
        url: Url,
        /// Which rule.
        refusal: Refusal,
    },
    /// The decoded answer is larger than the cap. Reading stopped there.
    #[error("{} sent more than {cap} bytes", host(url))]
    TooLarge {
        /// What answered.
        url: Url,
        /// The cap, in decoded bytes.
        cap: u64,
    },
    /// The whole request took longer than it may.
    #[error("{} did not finish within {} ms", host(url), after.as_millis())]
    Timeout {
        /// What was asked for.
        url: Url,
        /// The time that it had.
        after: Duration,
    },
    /// No connection, or one that broke before the answer began.
    #[error("{} {problem}", authority(url))]
    Connect {
        /// What was asked for.
        url: Url,
        /// What happened, as the end of a sentence that begins with the host.
        problem: String,
        /// The cause.
        #[source]
        source: reqwest::Error,
    },
    /// A redirect that is not followed.
    #[error("{} {problem}", host(url))]
    Redirects {
        /// What redirects.
        url: Url,
        /// Why it is not followed.
        problem: RedirectProblem,
    },
    /// The answer began but could not be read to its end: it broke off or its compression is damaged.
    #[error("the answer of {} could not be read: {problem}", host(url))]
    Decode {
        /// What answered.
        url: Url,
        /// What is wrong with it.
        problem: String,
        /// The cause.
        #[source]
        source: reqwest::Error,
    },
    /// 304 although no validator was sent.
    #[error("{} answered 304 to an unconditional request", host(url))]
    UnexpectedNotModified {
        /// What answered.
        url: Url,
    },
}

/// Rules of ours that forbid a request.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// Neither http nor https.
    #[error("scheme `{0}` is not allowed, only http and https")]
    Scheme(String),
    /// Plain http where only https may be used.
    #[error("plain http is not allowed here; set allow_http to allow it")]
    PlainHttp,
    /// A URL without a host.
    #[error("the URL has no host")]
    NoHost,
    /// A user name or password in the URL.
    #[error("a user name or password in the URL is not allowed")]
    UserInfo,
    /// A port outside the allow-list.
    #[error("port {0} is not in fetch.allow_ports")]
    Port(u16),
    /// The URL names an address that is not public.
    #[error("address {0} is not public; fetch.allow_private can allow it")]
    Address(IpAddr),
    /// The host's name leads to addresses that are not public, this one among them.
    #[error("resolves to {0}, which is not public; fetch.allow_private can allow it")]
    ResolvedAddress(IpAddr),
    /// The credential of this name holds characters that no header can.
    #[error("credential `{0}` cannot be sent as a header")]
    Credential(String),
    /// robots.txt disallows the path.
    #[error("robots.txt disallows it")]
    Robots,
    /// robots.txt cannot be had, which disallows everything for now.
    #[error("robots.txt cannot be read ({0}), so nothing is fetched for now")]
    RobotsUnreachable(String),
}

/// Why a redirect is not followed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RedirectProblem {
    /// More hops than we follow.
    #[error("redirects more than {0} times")]
    TooMany(usize),
    /// Back to a URL that was asked before.
    #[error("redirects in a loop")]
    Loop,
    /// No `Location`, or one that is no URL.
    #[error("redirects without a usable target")]
    NoTarget,
    /// From https to http.
    #[error("redirects from https to http at {0}")]
    Downgrade(String),
    /// To something that our rules forbid.
    #[error("redirects to {host}: {refusal}")]
    Refused {
        /// The target's host.
        host: String,
        /// Which rule.
        refusal: Box<Refusal>,
    },
}

/// What a caller does about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaction {
    /// Come back at the time, or after a doubled wait where there is none.
    RateLimited(Option<Timestamp>),
    /// Try again after the usual backoff.
    Transient,
    /// Stop until a person changes something.
    Permanent,
}

impl FetchError {
    /// What to do about it. Only what cannot heal by itself is permanent: 410, and a configured URL
    /// that our own rules forbid. Everything else may be the server's bad day.
    #[must_use]
    pub fn reaction(&self) -> Reaction {
        match self {
            Self::RateLimited { retry_at, .. } => Reaction::RateLimited(*retry_at),
            Self::Status { status: 410, .. } => Reaction::Permanent,
            Self::Refused { refusal, .. } => match refusal {
                Refusal::Scheme(_)
                | Refusal::PlainHttp
                | Refusal::NoHost
                | Refusal::UserInfo
                | Refusal::Port(_)
                | Refusal::Address(_)
                | Refusal::Credential(_) => Reaction::Permanent,
                Refusal::ResolvedAddress(_) | Refusal::Robots | Refusal::RobotsUnreachable(_) => {
                    Reaction::Transient
                }
            },
            Self::Status { .. }
            | Self::TooLarge { .. }
            | Self::Timeout { .. }
            | Self::Connect { .. }
            | Self::Redirects { .. }
            | Self::Decode { .. }
            | Self::UnexpectedNotModified { .. } => Reaction::Transient,
        }
    }

    /// The URL that the error is about.
    #[must_use]
    pub fn url(&self) -> &Url {
        match self {
            Self::RateLimited { url, .. }
            | Self::Status { url, .. }
            | Self::Refused { url, .. }
            | Self::TooLarge { url, .. }
            | Self::Timeout { url, .. }
            | Self::Connect { url, .. }
            | Self::Redirects { url, .. }
            | Self::Decode { url, .. }
            | Self::UnexpectedNotModified { url } => url,
        }
    }
}

/// The door could not be opened at start.
#[derive(Debug, Error)]
pub enum FetchSetupError {
    /// An entry of `fetch.allow_private` is no network.
    #[error("fetch.allow_private: `{0}` is not a network such as 10.0.0.0/8")]
    Network(String),
    /// The User-Agent would not be a valid header.
    #[error("fetch.contact_url: `{0}` cannot be part of a header")]
    ContactUrl(String),
    /// TLS could not be set up.
    #[error("setting up TLS failed")]
    Tls(#[source] rustls::Error),
    /// The HTTP client could not be built.
    #[error("setting up the HTTP client failed")]
    Client(#[source] reqwest::Error),
}

/// The host as people know it, with a port only where it is unusual.
pub(super) fn host(url: &Url) -> String {
    match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        (None, _) => format!("a {} URL", url.scheme()),
    }
}

/// The host with its port, unusual or not: what a connection goes to.
pub(super) fn authority(url: &Url) -> String {
    match (url.host_str(), url.port_or_known_default()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        _ => host(url),
    }
}

fn until(retry_at: Option<Timestamp>) -> String {
    retry_at.map_or_else(String::new, |time| {
        format!(" until {}", time.strftime("%Y-%m-%d %H:%M:%S UTC"))
    })
}
