//! `[web]`, `[deliver]`, `[[endpoints]]` and `[[digests]]`: everything that leaves.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

use crate::domain::{DigestId, EndpointId, EventKind, MonitorId};

/// `[web]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebConfig {
    /// Address of API and page.
    pub listen: SocketAddr,
    /// Set when a proxy that speaks TLS stands in front; needed for an address that is not loopback.
    pub behind_proxy: bool,
}

/// `[deliver]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeliverConfig {
    /// Total time of one attempt, in seconds.
    pub timeout_secs: u64,
    /// Most deliveries under way to one endpoint.
    pub concurrency: usize,
    /// Most deliveries that wait for one endpoint; with more, events wait in the outbox for their turn.
    pub max_waiting: u64,
}

/// One webhook receiver.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndpointConfig {
    /// The name.
    pub id: EndpointId,
    /// Where to post; https unless `allow_http`.
    #[serde(default)]
    pub url: String,
    /// A file with the URL instead, where the URL is the secret, as those of chats are.
    pub url_file: Option<PathBuf>,
    /// A file with the `whsec_` secret; must not be readable by everybody. Chats need none.
    pub secret_file: Option<PathBuf>,
    /// Which events; empty means all.
    #[serde(default)]
    pub events: Vec<EventKind>,
    /// Only mentions that match this query.
    pub filter: Option<String>,
    /// Allows plain http, for receivers on this machine.
    #[serde(default)]
    pub allow_http: bool,
    /// How events are written.
    #[serde(default)]
    pub format: WebhookFormat,
    /// How much events say.
    #[serde(default)]
    pub payload: WebhookPayload,
    /// The words of a chat's message, with fields of the event's `data` in braces; our own when absent.
    pub message: Option<String>,
    /// Whether a customer's events go out one after the other, in their order.
    #[serde(default)]
    pub ordered: bool,
}

/// How much events say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WebhookPayload {
    /// All that is known; ids and a link where that is over 20 kB.
    #[default]
    Full,
    /// Ids and a link.
    Thin,
}

/// How events are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WebhookFormat {
    /// Our own envelope, as Standard Webhooks recommends.
    #[default]
    Standard,
    /// CloudEvents 1.0, everything in the body.
    Cloudevents,
    /// CloudEvents 1.0, the attributes in `ce-` headers.
    CloudeventsBinary,
    /// A message for an incoming webhook of Slack, or of what takes the same.
    Slack,
    /// A message for a webhook of Teams: an Adaptive Card.
    Teams,
}

impl WebhookFormat {
    /// Whether people read it, so that nothing has to be signed.
    #[must_use]
    pub fn is_chat(self) -> bool {
        matches!(self, Self::Slack | Self::Teams)
    }
}

/// One daily digest.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DigestConfig {
    /// The name.
    pub id: DigestId,
    /// Monitors that it reports on; empty means all.
    #[serde(default)]
    pub monitors: Vec<MonitorId>,
    /// IANA zone in which its days begin; `time_zone` when absent.
    pub time_zone: Option<String>,
    /// Language of its words and numbers: `en` or `de`.
    #[serde(default = "default_locale")]
    pub locale: String,
    /// Local time at which it is written for the day before, `HH:MM`.
    #[serde(default = "default_at")]
    pub at: String,
    /// Directory for the files; `digests` below the data directory when absent.
    pub dir: Option<PathBuf>,
    /// Which files are written.
    #[serde(default = "default_formats")]
    pub formats: Vec<DigestFormat>,
}

/// Kinds of digest files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DigestFormat {
    /// `.md`
    Markdown,
    /// `.html`
    Html,
    /// `.json`
    Json,
}

fn default_locale() -> String {
    "en".to_owned()
}

fn default_at() -> String {
    "06:00".to_owned()
}

fn default_formats() -> Vec<DigestFormat> {
    vec![
        DigestFormat::Markdown,
        DigestFormat::Html,
        DigestFormat::Json,
    ]
}
