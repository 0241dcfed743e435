//! `[fetch]`: limits, politeness and the address guard.

use serde::Deserialize;

/// Settings of the one HTTP door.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FetchConfig {
    /// Who to write to about our requests; part of the User-Agent.
    pub contact_url: String,
    /// Total time of one request with its redirects, in seconds.
    pub timeout_secs: u64,
    /// Most decoded bytes of one answer, in MiB.
    pub max_body_mib: u64,
    /// Shortest time between two requests to one host, in milliseconds.
    pub host_spacing_ms: u64,
    /// First wait after a failure, in seconds; doubles with each further one.
    pub backoff_secs: u64,
    /// Longest wait after failures, in seconds.
    pub max_backoff_secs: u64,
    /// Longest time between two polls of a source that works, in seconds: for what is quiet, and for what calls
    /// itself fresh for a year.
    pub max_interval_secs: u64,
    /// Whether feeds' news is subscribed to at their WebSub hubs, which are told `public_url` then.
    pub websub: bool,
    /// Private networks that may be reached on purpose, as CIDR, such as `10.0.0.0/8`.
    pub allow_private: Vec<String>,
    /// Ports that may be reached; an empty list allows any.
    pub allow_ports: Vec<u16>,
}
