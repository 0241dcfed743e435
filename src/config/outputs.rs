//! `[web]`, `[deliver]`, `[[endpoints]]` and `[[digests]]`: everything that leaves.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::{DigestId, EndpointId, EventKind, MonitorId};

/// `[web]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebConfig {
    /// Address of API and page.
    pub listen: SocketAddr,
    /// Set when a proxy that speaks TLS stands in front; needed for an address that is not loopback.
    pub behind_proxy: bool,
    /// Most requests a second of a token, a user or an address, four times as many at once; 0 means no limit.
    pub requests_per_second: u32,
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
    /// A file with the key that seals the secrets of endpoints made by API; `endpoints.key` in the data directory when empty.
    pub key_file: PathBuf,
}

/// Who is told: a webhook receiver, a chat, a mailbox or a file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndpointConfig {
    /// The name.
    pub id: EndpointId,
    /// Where to post; https unless `allow_http`. Of mail, the server: `smtps://` or `smtp://`.
    #[serde(default)]
    pub url: String,
    /// A file with the URL instead, where the URL is the secret, as those of chats are, or holds a password.
    pub url_file: Option<PathBuf>,
    /// A file with the `whsec_` secret; must not be readable by everybody. Only webhooks are signed.
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
    /// The words of a message to people, with fields of the event's `data` in braces; our own when absent.
    pub message: Option<String>,
    /// Whether a customer's events go out one after the other, in their order.
    #[serde(default)]
    pub ordered: bool,
    /// Mail goes to these mailboxes.
    #[serde(default)]
    pub to: Vec<String>,
    /// Mail comes from this mailbox.
    pub from: Option<String>,
    /// The file that events are appended to.
    pub file: Option<PathBuf>,
    /// A file of this size is closed and another one begun, in MiB.
    #[serde(default = "default_rotate_mib")]
    pub rotate_mib: u64,
    /// A file is closed when this many hours of the day are over (1 to 24, in UTC).
    #[serde(default = "default_rotate_hours")]
    pub rotate_hours: u32,
    /// Closed files that are kept, the newest; all when absent.
    pub keep_files: Option<usize>,
}

impl EndpointConfig {
    /// A webhook with everything else at its default.
    #[must_use]
    pub fn webhook(id: EndpointId, url: impl Into<String>, secret_file: Option<PathBuf>) -> Self {
        Self {
            id,
            url: url.into(),
            url_file: None,
            secret_file,
            events: Vec::new(),
            filter: None,
            allow_http: false,
            format: WebhookFormat::default(),
            payload: WebhookPayload::default(),
            message: None,
            ordered: false,
            to: Vec::new(),
            from: None,
            file: None,
            rotate_mib: default_rotate_mib(),
            rotate_hours: default_rotate_hours(),
            keep_files: None,
        }
    }
}

/// How much events say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WebhookPayload {
    /// All that is known; ids and a link where that is over 20 kB.
    #[default]
    Full,
    /// Ids and a link.
    Thin,
}

/// How events are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
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
    /// A message by SMTP.
    Email,
    /// Our own envelope, a line an event, in a file.
    Ndjson,
}

impl WebhookFormat {
    /// Whether people read it.
    #[must_use]
    pub fn is_message(self) -> bool {
        matches!(self, Self::Slack | Self::Teams | Self::Email)
    }

    /// Whether a program reads it that must know who sent it.
    #[must_use]
    pub fn is_signed(self) -> bool {
        matches!(
            self,
            Self::Standard | Self::Cloudevents | Self::CloudeventsBinary
        )
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

fn default_rotate_mib() -> u64 {
    64
}

fn default_rotate_hours() -> u32 {
    24
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
