//! Sources and monitors as the API answers and `--json` prints them; the rules of `dto` hold.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::{BrandRole, MonitorSummary, SourceStatus};

/// A source and how it fares.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceDto {
    /// The name.
    pub id: String,
    /// The connector.
    pub kind: String,
    /// `waiting`, `healthy`, `failing`, `paused`; `disabled` in the configuration; `removed` from it.
    pub state: String,
    /// The last poll.
    pub polled_at: Option<Timestamp>,
    /// The last poll that worked.
    pub succeeded_at: Option<Timestamp>,
    /// The next poll.
    pub next_poll_at: Option<Timestamp>,
    /// What is wrong, in words.
    pub error: Option<String>,
    /// Polls that failed since the last success.
    pub failures: u32,
    /// Posts brought so far.
    pub posts: u64,
    /// Items rejected so far.
    pub rejects: u64,
    /// Requests made so far.
    pub requests: u64,
}

/// A saved listening query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonitorDto {
    /// The name.
    pub id: String,
    /// Canonical form.
    pub query: String,
    /// The brand that it listens for.
    pub brand: Option<String>,
    /// `own`, `competitor` or `topic`.
    pub role: BrandRole,
}

impl From<&SourceStatus> for SourceDto {
    fn from(status: &SourceStatus) -> Self {
        Self {
            id: status.id.to_string(),
            kind: status.kind.clone(),
            state: status.state.as_str().to_owned(),
            polled_at: status.polled_at,
            succeeded_at: status.succeeded_at,
            next_poll_at: status.next_poll_at,
            error: status.error.clone(),
            failures: status.failures,
            posts: status.posts,
            rejects: status.rejects,
            requests: status.requests,
        }
    }
}

impl From<&MonitorSummary> for MonitorDto {
    fn from(monitor: &MonitorSummary) -> Self {
        Self {
            id: monitor.id.to_string(),
            query: monitor.query.clone(),
            brand: monitor.brand.clone(),
            role: monitor.role,
        }
    }
}
